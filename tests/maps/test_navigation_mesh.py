"""Navigation meshes: cutting, triangulating, the polygons' neighbours, and Detour's file format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.labels import Label
from sim.maps import Town, load_xodr
from sim.navigation.arrangement import arrange
from sim.navigation.detour import EXTERNAL, DecodedTile, Tile, TooLarge, decode, encode
from sim.navigation.mesh import build, navigation_mesh
from sim.navigation.polygons import CLIMB, Polygons, tile_polygons
from sim.navigation.triangulation import MAX_COORDINATE, triangulate
from sim.navigation.walkable import Area, Facets
from tests.maps.crossroads import crossroads

SIZE = 400


@st.composite
def segments(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 25))
    whole = st.integers(0, SIZE)
    points = draw(st.lists(st.tuples(whole, whole), min_size=2 * count, max_size=2 * count))
    return np.array(points), np.arange(2 * count).reshape(-1, 2)


@settings(max_examples=60, deadline=None)
@given(segments())
def test_cut_segments_meet_in_their_ends_only_and_are_edges_of_the_triangulation(given_segments) -> None:
    points, cut = arrange(*given_segments)
    for number, (a, b) in enumerate(points[cut]):
        for c, d in points[cut][number + 1 :]:
            sides = [_turn(a, b, c) * _turn(a, b, d), _turn(c, d, a) * _turn(c, d, b)]
            assert not (sides[0] < 0 and sides[1] < 0)
    everything, triangles, neighbours = triangulate(points, cut, SIZE)
    corners = everything[triangles]
    area = _turn(corners[:, 0].T, corners[:, 1].T, corners[:, 2].T)
    assert area.min() > 0
    assert area.sum() == 2 * SIZE * SIZE
    place = {tuple(point): number for number, point in enumerate(everything.tolist())}
    edges = {frozenset((t[k], t[(k + 1) % 3])) for t in triangles.tolist() for k in range(3)}
    for a, b in points[cut].tolist():
        assert frozenset((place[tuple(a)], place[tuple(b)])) in edges
    for number, row in enumerate(neighbours.tolist()):
        for k, other in enumerate(row):
            edge = {triangles[number, k], triangles[number, (k + 1) % 3]}
            if other < 0:
                assert any(len({everything[v, axis] for v in edge} & {0, SIZE}) == 1 for axis in (0, 1))
            else:
                assert edge <= set(triangles[other].tolist())


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def test_a_square_too_large_for_exact_tests_is_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        triangulate(np.zeros((0, 2), int), np.zeros((0, 2), int), MAX_COORDINATE)


@st.composite
def ground(draw: st.DrawFn) -> Facets:
    """Rectangles of all areas and two storeys, some turned, some beyond the tile."""
    count = draw(st.integers(1, 8))
    corners = np.zeros((count, 8, 3))
    for number in range(count):
        x, y = draw(st.floats(-5.0, 60.0)), draw(st.floats(-5.0, 60.0))
        length, width, turn = draw(st.floats(0.5, 30.0)), draw(st.floats(0.5, 10.0)), draw(st.floats(0.0, 3.0))
        local = np.array([[0.0, 0.0], [length, 0.0], [length, width], [0.0, width]])
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        corners[number, :4, :2] = local @ rotation + (x, y)
        corners[number, 4:] = corners[number, 3]
        corners[number, :, 2] = draw(st.sampled_from([0.0, 0.15, 6.0]))
    areas = np.array(draw(st.lists(st.sampled_from(list(Area)), min_size=count, max_size=count)), np.uint8)
    return Facets(corners, np.full(count, 4), areas)


@settings(max_examples=25, deadline=None)
@given(ground())
def test_polygons_are_convex_fill_the_facets_and_know_their_neighbours(facets: Facets) -> None:
    polygons = tile_polygons(facets, (0.0, 0.0), 64.0)
    for number in range(len(polygons)):
        ring = polygons.points[polygons.corners[number, : polygons.counts[number]]]
        for k in range(len(ring)):
            assert _turn(ring[k - 2], ring[k - 1], ring[k]) >= 0.0
    _check_neighbours(polygons)
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(0.1, 63.9, (200, 2)):
        expected = sorted({round(f[0, 2] / 6.0) for f in facets.corners if _margin(f[:4], x, y) > 0.1})
        outside = all(_margin(f[:4], x, y) < -0.1 for f in facets.corners)
        rings = [polygons.points[c[:n]] for c, n in zip(polygons.corners, polygons.counts)]
        found = sorted({round(ring[0, 2] / 6.0) for ring in rings if _margin(ring, x, y) >= -0.05})
        assert set(expected) <= set(found)
        assert not (outside and any(_margin(ring, x, y) > 0.05 for ring in rings))


def _margin(ring: np.ndarray, x: float, y: float) -> float:
    """Distance (m) to the nearest edge's line of a convex counter-clockwise ring, positive inside."""
    edge = np.roll(ring, -1, axis=0)[:, :2] - ring[:, :2]
    cross = edge[:, 0] * (y - ring[:, 1]) - edge[:, 1] * (x - ring[:, 0])
    return float((cross / np.maximum(np.linalg.norm(edge, axis=1), 1e-9)).min())


def _check_neighbours(polygons: Polygons) -> None:
    """Neighbours share the edge's ends, in the other direction, no more than a step higher or lower."""
    for number in range(len(polygons)):
        count = polygons.counts[number]
        for k in range(count):
            other = polygons.neighbours[number, k]
            if other < 0:
                continue
            a, b = (polygons.points[polygons.corners[number, (k + n) % count]] for n in (0, 1))
            theirs = polygons.points[polygons.corners[other, : polygons.counts[other]]]
            pairs = [(theirs[m], theirs[(m + 1) % len(theirs)]) for m in range(len(theirs))]
            matching = [(c, d) for c, d in pairs if np.array_equal(c[:2], b[:2]) and np.array_equal(d[:2], a[:2])]
            assert len(matching) == 1
            assert max(abs(matching[0][0][2] - b[2]), abs(matching[0][1][2] - a[2])) <= CLIMB + 0.02


@settings(max_examples=30, deadline=None)
@given(ground(), st.integers(0, 3), st.integers(0, 3))
def test_what_is_encoded_is_decoded(facets: Facets, x: int, y: int) -> None:
    polygons = tile_polygons(facets, (0.0, 0.0), 64.0)
    if len(polygons) == 0:
        return
    (tile,) = decode(encode([Tile(x, y, polygons)], (-64.0, 128.0), 64.0))
    assert (tile.x, tile.y) == (x, y)
    corner = np.array([-64.0 + 64.0 * x, 128.0 + 64.0 * y, 0.0])
    assert tile.points == pytest.approx(polygons.points + corner, abs=1e-4)
    assert tile.polygons["count"].tolist() == polygons.counts.tolist()
    assert tile.polygons["area_and_type"].tolist() == polygons.areas.tolist()
    for record, corners, count in zip(tile.polygons, polygons.corners, polygons.counts):
        assert record["corners"][:count].tolist() == corners[:count][::-1].tolist()


@given(st.binary(max_size=200))
def test_what_is_no_navigation_mesh_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="Detour"):
        decode(data)


def test_more_polygons_than_references_can_name_are_refused() -> None:
    square = np.zeros((1, 8, 3))
    square[0, :, :2] = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 4], [0, 4], [0, 4], [0, 4]]
    polygons = tile_polygons(Facets(square, np.array([4]), np.array([1], np.uint8)), (0.0, 0.0), 8.0)
    with pytest.raises(TooLarge):
        encode([Tile(0, 0, polygons)] * (1 << 22), (0.0, 0.0), 8.0)


def _rings(tiles: list[DecodedTile], area: Area) -> list[np.ndarray]:
    return [
        tile.points[record["corners"][: record["count"]]]
        for tile in tiles
        for record in tile.polygons
        if record["area_and_type"] == area
    ]


def test_all_sidewalks_of_a_crossroads_hang_together_through_its_crosswalks() -> None:
    tiles = decode(navigation_mesh(load_xodr(crossroads(), "Crossroads")))
    node = {(t, p): (t, p) for t, tile in enumerate(tiles) for p in range(len(tile.polygons))}

    def root(key):
        while node[key] != key:
            key = node[key]
        return key

    walks = (Area.SIDEWALK, Area.CROSSWALK)
    borders: dict[tuple, list] = {}
    for t, tile in enumerate(tiles):
        for p, record in enumerate(tile.polygons):
            for k in range(record["count"]):
                other = int(record["neighbours"][k])
                if record["area_and_type"] not in walks or other == 0:
                    continue
                if other & EXTERNAL:
                    ends = tile.points[record["corners"][[k, (k + 1) % record["count"]]]][:, :2]
                    borders.setdefault(tuple(sorted(map(tuple, ends.tolist()))), []).append((t, p))
                elif tile.polygons[other - 1]["area_and_type"] in walks:
                    node[root((t, p))] = root((t, other - 1))
    for both in borders.values():
        if len(both) == 2:
            node[root(both[0])] = root(both[1])
    pieces = {root((t, p)) for t, p in node if tiles[t].polygons[p]["area_and_type"] in walks}
    assert len(pieces) == 1


def test_the_mesh_of_a_town_with_sidewalks_lies_on_it_and_one_without_has_none(
    town: Town, heights_at, paved: bool
) -> None:
    assert bool(navigation_mesh(town)) == paved
    if not paved:
        return
    tiles = decode(navigation_mesh(town))
    for area, label in ((Area.SIDEWALK, Label.SIDEWALKS), (Area.ROAD, Label.ROADS)):
        rings = _rings(tiles, area)
        assert len(rings) > 100
        middles = np.array([ring.mean(axis=0) for ring in rings])[:: max(1, len(rings) // 150)]
        surface = town.mesh.triangles[np.isin(town.mesh.tags, (Label.SIDEWALKS, label))]
        found = heights_at(town.mesh.vertices, surface, middles[:, :2])
        assert not np.isnan(found).any()
        assert np.abs(found - middles[:, 2]).max() < 0.06


def test_a_mesh_is_bit_identical_when_built_again() -> None:
    from sim.maps.network import parse_network

    assert build(parse_network(crossroads())) == build(parse_network(crossroads()))
