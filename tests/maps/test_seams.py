"""Surfaces of roads neither fight over pixels nor leave holes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import available_towns
from sim.maps.embankment import embankments
from sim.maps.network import parse_network
from sim.maps.regulation import read_map
from sim.maps.surface import offset_points, road_extent
from sim.maps.terrain import open_ground_height
from sim.maps.town import painted_rules, road_surfaces, town_text
from sim.render.mesh import Mesh
from sim.render.rays import RayScene

TOWNS = available_towns()
CELL = 8.0
# m: how deep faces must lie in one another, and how near in height, so that their pixels flicker.
DEEP, NEAR = 0.01, 0.004
# Levels of 255 by which asphalt varies from quad to quad, which nobody sees flicker.
WEATHER = 8


def _surfaces(name: str) -> Mesh:
    network, regulation = read_map(town_text(name))
    parts = road_surfaces(network) + painted_rules(network, regulation) + embankments(network)
    return Mesh.concat(mesh for _, mesh in parts)


def _pairs(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of triangles whose bounding boxes touch in plan, each pair once."""
    plan = corners[..., :2]
    low, high = plan.min(axis=1), plan.max(axis=1)
    first, last = np.floor(low / CELL).astype(int), np.floor(high / CELL).astype(int)
    found = []
    cells: dict[tuple[int, int], list[int]] = {}
    for number, (a, b) in enumerate(zip(first.tolist(), last.tolist())):
        for i in range(a[0], b[0] + 1):
            for j in range(a[1], b[1] + 1):
                cells.setdefault((i, j), []).append(number)
    for members in cells.values():
        rows = np.array(members)
        touch = (low[rows, None] < high[None, rows]).all(axis=-1)
        i, j = np.nonzero(np.triu(touch & touch.T, 1))
        found.append(np.stack([rows[i], rows[j]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _depth(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How deep (m) triangles (N, 3, 2) lie in one another: the least overlap along the normals of their edges."""
    depth = np.full(len(first), np.inf)
    for one in (first, second):
        for k in range(3):
            edge = one[:, (k + 1) % 3] - one[:, k]
            normal = np.stack([-edge[:, 1], edge[:, 0]], axis=1) / np.linalg.norm(edge, axis=1)[:, None]
            a, b = (np.einsum("nki,ni->nk", shape, normal) for shape in (first, second))
            depth = np.minimum(depth, np.minimum(a.max(1), b.max(1)) - np.maximum(a.min(1), b.min(1)))
    return depth


def fights(mesh: Mesh) -> list[tuple[int, int]]:
    """Pairs of overlapping faces in one plane and of one layer that differ in colour or tag."""
    corners = mesh.vertices.astype(np.float64)[mesh.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = np.flatnonzero(np.abs(normal[:, 2]) > np.maximum(0.3 * np.linalg.norm(normal, axis=1), 1e-4))
    corners, normal = corners[flat], normal[flat] / normal[flat, 2:]
    i, j = _pairs(corners)
    color, tag, layer = mesh.colors[flat].astype(int), mesh.tags[flat], mesh.layers[flat]
    unlike = (layer[i] == layer[j]) & ((np.abs(color[i] - color[j]).max(axis=1) > WEATHER) | (tag[i] != tag[j]))
    i, j = i[unlike], j[unlike]
    apart = np.abs(np.einsum("ni,ni->n", corners[i].mean(axis=1) - corners[j].mean(axis=1), normal[j]))
    same = (apart < NEAR) & (np.abs(normal[i] - normal[j]).max(axis=1) < 0.01)
    i, j = i[same], j[same]
    deep = _depth(corners[i][..., :2], corners[j][..., :2]) > DEEP
    return list(zip(flat[i[deep]].tolist(), flat[j[deep]].tolist()))


@pytest.mark.parametrize("name", TOWNS)
def test_no_two_faces_of_one_plane_and_layer_fight_over_colour(name: str) -> None:
    mesh = _surfaces(name)
    found = fights(mesh)
    assert not found, [mesh.vertices[mesh.triangles[n]].mean(axis=0).round(1).tolist() for n, _ in found[:5]]


def test_faces_that_fight_are_found() -> None:
    square = [[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]]
    faces = [[0, 1, 2], [0, 2, 3]]
    asphalt = Mesh.build(square, faces, (74, 74, 78), Label.ROADS)
    other = Mesh.build(square, faces, (90, 90, 90), Label.ROADS)
    paint = Mesh.build(square, faces, (232, 232, 228), Label.ROAD_LINES, 1)
    assert fights(Mesh.concat([asphalt, other.moved(3.5, 0.0, 0.0)]))
    assert fights(Mesh.concat([asphalt, other.moved(0.0, 0.0, 0.002)]))
    assert not fights(Mesh.concat([asphalt, other.moved(4.0, 0.0, 0.0), paint, other.moved(0.0, 0.0, 0.1)]))


@pytest.mark.parametrize("name", TOWNS)
def test_a_ray_straight_down_on_a_driving_lane_meets_road_at_the_lanes_height(name: str) -> None:
    points = []
    for road in parse_network(town_text(name)).roads:
        for section in road.sections:
            # Between the stations of the mesh too, and on the joints of sections and roads.
            s = np.unique(np.append(np.arange(section.start, section.end, 1.7), [section.start, section.end]))
            reference = road.reference(s)
            for side, lanes in ((1, section.left), (-1, section.right)):
                edges = road.edges(section, side, s)
                for lane, (inner, outer) in zip(lanes, pairwise(edges)):
                    if lane.kind == "driving":
                        wide = np.abs(outer - inner) > 0.5
                        for share in (0.04, 0.5, 0.96):
                            points.append(offset_points(reference, inner + share * (outer - inner))[wide])
    above = np.concatenate(points) + np.array([0.0, 0.0, 1.0])
    hits = RayScene(_surfaces(name)).cast(above, np.tile([0.0, 0.0, -1.0], (len(above), 1)), 3.0)
    assert len(above) > 3000
    missed = ~np.isin(hits.tag, [Label.ROADS, Label.ROAD_LINES]) | ~(np.abs(hits.distance - 1.0) < 0.03)
    assert not missed.any(), (int(missed.sum()), above[missed][:5].round(2).tolist(), hits.tag[missed][:5])


@pytest.mark.parametrize("name", ["Pilotage02", "Pilotage06", "Rural-train-0003"])
def test_nobody_looks_in_under_a_raised_road_or_junction(name: str) -> None:
    network = parse_network(town_text(name))
    level = open_ground_height(network)
    points = []
    for road in network.roads:
        s = np.arange(0.5, road.length, 4.0)
        low, high = road_extent(road, s)
        middle = offset_points(road.reference(s), 0.5 * (low + high))
        points.append(middle[middle[:, 2] > level + 1.5])
    inside = np.concatenate(points)
    inside[:, 2] = level + 1.0
    angle = np.radians(np.arange(0.0, 360.0, 45.0) + 10.0)
    ways = np.stack([np.cos(angle), np.sin(angle), np.zeros(8)], axis=1)
    hits = RayScene(_surfaces(name)).cast(np.repeat(inside, 8, axis=0), np.tile(ways, (len(inside), 1)), 1000.0)
    assert len(inside) >= 10
    # A road that comes down to the open ground closes the room under it, too.
    leaks = ~np.isin(hits.tag, [Label.TERRAIN, Label.ROADS, Label.ROAD_LINES, Label.SIDEWALKS])
    assert not leaks.any(), (int(leaks.sum()), np.repeat(inside, 8, axis=0)[leaks][:5].round(1).tolist())
