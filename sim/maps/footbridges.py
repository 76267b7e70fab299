"""Footbridges over motorways: scenery alone, nobody drives on or under anything that the map does not have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.geometry import arctan2, length
from sim.labels import Label
from sim.maps.boxes import BoxList, StaticBoxes
from sim.maps.gantries import fast_carriageway
from sim.maps.network import RoadNetwork
from sim.maps.props import BOX, WALLS, place
from sim.maps.roadside import Clearance
from sim.maps.surface import offset_points, strip
from sim.maps.terrain import GROUND_Z
from sim.maps.yards import clear_of
from sim.render.mesh import Mesh

MOST, APART_M = 2, 450.0
UNDER_M, THICK_M = 6.0, 0.5  # the deck's lower edge above the road, and its thickness
WIDTH_M, RAILING_M, POST_M = 2.6, 1.15, 3.0
PIER_M = 0.8
OFF_ROAD_M = 2.6  # from the outermost lane to a pier's middle
STAIRS_M, STAIRS_WIDTH_M = 11.0, 2.0
MOST_SPAN_M, MOST_MEDIAN_M, LEAST_MEDIAN_M = 64.0, 24.0, 2.4
CLEAR_M, STEM_CLEAR_M, SIGN_CLEAR_M = 1.5, 2.2, 14.0  # to posts, to stems of trees, and to what drivers must read
FROM_END_M, EVERY_M = 60.0, 4.0
_CONCRETE, _SOFFIT, _STEEL = (168, 166, 160), (112, 111, 108), (92, 104, 112)
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class _Site:
    """Where a bridge may stand: `ends` (2, 3) and `medians` (K, 3) on the open ground, and height of the road (m)."""

    ends: np.ndarray
    medians: np.ndarray
    road_z: float


def footbridges(network: RoadNetwork, clearance: Clearance, boxes: BoxList, open_ground: float) -> list[Mesh]:
    """Decks across all carriageways of fast roads, on piers beside and between them, with stairs and railings.

    The open ground lies at height `open_ground` (m). At most `MOST`, clear of everything that stands there already.
    """
    standing = boxes.build()
    built: list[np.ndarray] = []
    meshes: list[Mesh] = []
    for road in network.roads:
        if fast_carriageway(road) is None:
            continue
        stations = np.arange(FROM_END_M, road.length - FROM_END_M, EVERY_M)
        # From the middle of the road outwards.
        for s in stations[np.argsort(np.abs(stations - 0.5 * road.length), kind="stable")]:
            reference = road.reference(np.array([s]))
            here = offset_points(reference, np.zeros(1))[0]
            if len(built) >= MOST:
                return meshes
            if any(np.hypot(*(here - other)[:2]) < APART_M for other in built):
                continue
            if abs(here[2] + GROUND_Z - open_ground) > 0.05:
                continue
            site = _site(reference, clearance, standing, open_ground)
            if site is not None:
                meshes += _bridge(site, boxes)
                built.append(here)
    return meshes


def _site(reference: np.ndarray, clearance: Clearance, standing: StaticBoxes, ground: float) -> _Site | None:
    """The line across the road at `reference` (1, 4) between the outer edges of all carriageways beside each other."""
    t = np.arange(-MOST_SPAN_M, MOST_SPAN_M + 0.1, 0.5)
    line = offset_points(reference.repeat(len(t), axis=0), t)
    on_road = clearance(line) < 0.0
    on_road[len(t) // 2] = True
    index = np.flatnonzero(on_road)
    runs = np.split(index, np.flatnonzero(np.diff(index) > 1) + 1)
    own = next(n for n, run in enumerate(runs) if len(t) // 2 in run)
    first = last = own
    while first > 0 and t[runs[first][0]] - t[runs[first - 1][-1]] < MOST_MEDIAN_M:
        first -= 1
    while last < len(runs) - 1 and t[runs[last + 1][0]] - t[runs[last][-1]] < MOST_MEDIAN_M:
        last += 1
    low, high = t[runs[first][0]] - OFF_ROAD_M, t[runs[last][-1]] + OFF_ROAD_M
    if high - low > MOST_SPAN_M:
        return None
    gaps = [(t[runs[n][-1]], t[runs[n + 1][0]]) for n in range(first, last)]
    middles = np.array([0.5 * (a + b) for a, b in gaps if b - a >= LEAST_MEDIAN_M])
    at = offset_points(reference.repeat(2 + len(middles), axis=0), np.concatenate([[low, high], middles]))
    at[:, 2] = ground
    ends, medians = at[:2], at[2:]
    deck = offset_points(reference.repeat(25, axis=0), np.linspace(low, high, 25))
    stairs = np.concatenate([_flight(ends, n, np.linspace(0.0, STAIRS_M, 9)) for n in (0, 1)])
    signs = standing.tag == Label.TRAFFIC_SIGNS
    rails = standing.tag == Label.GUARD_RAIL
    taken = np.concatenate([deck, stairs])
    free = clear_of([(taken, CLEAR_M)], _chosen(standing, ~rails)).all()
    free &= clear_of([(taken, STEM_CLEAR_M)], _chosen(standing, standing.tag == Label.VEGETATION)).all()
    free &= clear_of([(deck, SIGN_CLEAR_M)], _chosen(standing, signs)).all()
    free &= clear_of([(np.concatenate([ends, medians]), 0.5 * PIER_M)], _chosen(standing, rails)).all()
    free &= clearance(ends).min() > 1.5
    free &= clearance(stairs).min() > 0.6 + 0.5 * STAIRS_WIDTH_M
    free &= len(medians) == 0 or clearance(medians).min() > 0.5 * PIER_M + 0.4
    return _Site(ends, medians, float(reference[0, 2])) if free else None


def _chosen(boxes: StaticBoxes, which: np.ndarray) -> StaticBoxes:
    return StaticBoxes(boxes.center[which], boxes.extent[which], boxes.yaw[which], boxes.tag[which])


def _flight(ends: np.ndarray, number: int, along: np.ndarray) -> np.ndarray:
    """Points (N, 3) on the ground under the middle of the stairs at an end, `along` (N,) metres from the deck."""
    across = (ends[1] - ends[0]) / length(ends[1] - ends[0])
    # Both flights lead the way that traffic beside them goes, turned by a quarter from the deck.
    way = (1.0 if number else -1.0) * np.array([-across[1], across[0], 0.0])
    outwards = (1.0 if number else -1.0) * 0.5 * (STAIRS_WIDTH_M - PIER_M)
    start = ends[number] + outwards * across + 0.5 * WIDTH_M * way
    return start + along[:, None] * way


def _bridge(site: _Site, boxes: BoxList) -> list[Mesh]:
    ends, top = site.ends, site.road_z + UNDER_M + THICK_M
    across = ends[1] - ends[0]
    span = float(np.hypot(across[0], across[1]))
    yaw = math.degrees(float(arctan2(across[1:2], across[:1])[0]))
    piers = np.concatenate([ends, site.medians])
    count = len(piers)
    size = np.column_stack([np.full((count, 2), PIER_M), site.road_z + UNDER_M - piers[:, 2]])
    numbers = boxes.add(piers, size, np.full(count, yaw), Label.BRIDGE)
    color = np.tile(np.array(_CONCRETE), (count, 1))
    meshes = [boxes.tie(place(WALLS, piers, size, np.full(count, yaw), color, Label.BRIDGE), numbers)]
    # The deck reaches over the stairs' heads.
    reach = span + 2.0 * (STAIRS_WIDTH_M - 0.5 * PIER_M)
    middle = 0.5 * (ends[:1] + ends[1:])
    middle[:, 2] = site.road_z + UNDER_M
    slab = np.array([[reach, WIDTH_M, THICK_M]])
    side = np.array([-across[1], across[0], 0.0]) / span
    tips = middle + np.outer(np.array([-0.5, 0.5]) * reach / span, across * np.array([1.0, 1.0, 0.0]))
    soffit = strip(tips + 0.5 * WIDTH_M * side, tips - 0.5 * WIDTH_M * side, _SOFFIT, Label.BRIDGE)
    deck = [place(BOX, middle, slab, np.array([yaw]), np.array([_CONCRETE]), Label.BRIDGE), soffit]
    tips[:, 2] = top
    for edge in (-1.0, 1.0):
        line = tips + edge * (0.5 * WIDTH_M - 0.06) * side
        # Where stairs come up the railing is open.
        cut = STAIRS_WIDTH_M / reach * (line[1] - line[0])
        line = np.stack([line[0] + (cut if edge < 0.0 else 0.0), line[1] - (cut if edge > 0.0 else 0.0)])
        deck += _railing(line)
    meshes += [boxes.tie(part, numbers[:1]) for part in deck]
    for number in (0, 1):
        meshes += _stairs(site, number, top, boxes)
    return meshes


def _stairs(site: _Site, number: int, top: float, boxes: BoxList) -> list[Mesh]:
    line = _flight(site.ends, number, np.array([0.0, STAIRS_M]))
    way = (line[1] - line[0]) / STAIRS_M
    side = np.array([-way[1], way[0], 0.0])
    ground = float(line[0, 2])
    yaw = math.degrees(float(arctan2(way[1:2], way[:1])[0]))
    size = np.array([[STAIRS_M, STAIRS_WIDTH_M, top - ground]])
    box = boxes.add(0.5 * (line[:1] + line[1:]), size, np.array([yaw]), Label.BRIDGE)
    line[:, 2] = top, ground
    half = 0.5 * STAIRS_WIDTH_M * side
    under = line - np.array([THICK_M, 0.0])[:, None] * _UP
    # Steps go light and dark; below and beside the flight is a slab.
    steps = line[0] + np.linspace(0.0, 1.0, 13)[:, None] * (line[1] - line[0])
    tone = np.where((np.arange(12) % 2 == 0)[:, None], _CONCRETE, _SOFFIT)
    parts = [
        strip(steps + half, steps - half, tone, Label.BRIDGE),
        strip(under + half, under - half, _SOFFIT, Label.BRIDGE),
        strip(line + half, under + half, _CONCRETE, Label.BRIDGE),
        strip(line - half, under - half, _CONCRETE, Label.BRIDGE),
    ]
    for edge in (-0.95, 0.95):
        parts += _railing(line + edge * half)
    return [boxes.tie(part, box) for part in parts]


def _railing(line: np.ndarray) -> list[Mesh]:
    """Three rails and posts along `line` (2, 3), seen from both sides."""
    parts = [
        strip(line + (z - 0.04) * _UP, line + (z + 0.04) * _UP, _STEEL, Label.FENCES) for z in (0.4, 0.78, RAILING_M)
    ]
    span = length(line[1] - line[0])
    along = (line[1] - line[0]) / span
    feet = line[0] + np.linspace(0.0, span, max(2, round(span / POST_M) + 1))[:, None] * along
    corners = np.stack(
        [feet - 0.04 * along, feet + 0.04 * along, feet + 0.04 * along + RAILING_M * _UP,
         feet - 0.04 * along + RAILING_M * _UP], axis=1
    )  # fmt: skip
    triangles = (np.arange(len(feet))[:, None, None] * 4) + np.array([[0, 1, 2], [0, 2, 3]])
    return [*parts, Mesh.build(corners, triangles, _STEEL, Label.FENCES)]
