"""Red and white kerbs of race tracks, painted on the shoulders of bends."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.generator.track import CIRCUIT
from sim.maps.markings import LAYER
from sim.maps.network import LaneSection, Road, RoadNetwork
from sim.maps.surface import offset_points
from sim.render.mesh import Mesh

BLOCK_M, WIDTH_M = 2.5, 0.9
OFF_LINE_M = 0.2  # from the middle of the edge line
LEAST_TURN, LEAST_CURVATURE = 0.3, 1.0 / 150.0  # rad, 1/m: what is a bend
BEYOND_M = 4.0  # how far kerbs reach before and after a bend
_RED, _WHITE = (186, 44, 40), (226, 226, 222)


def rumble_kerbs(network: RoadNetwork) -> list[tuple[str, Mesh]]:
    """Kerbs of every circuit, each with its road's id; they lie flat, as part of the road, and change no driving.

    Inside a bend all along, outside where cars come into it and leave it.
    """
    meshes = []
    for road in network.roads:
        if road.name == CIRCUIT and road.junction is None:
            spans = [(side, *span) for side in (1, -1) for span in _spans(road, side)]
            meshes += [(road.id, mesh) for span in spans for mesh in _blocks(road, *span)]
    return meshes


def _bends(road: Road) -> list[tuple[float, float, int]]:
    """Start and end (m along the road) of each bend, and the side (1 left, -1 right) that it turns to."""
    starts = [curve.s for curve in road.curves]
    found = []
    for curve, end in zip(road.curves, [*starts[1:], road.length]):
        if curve.max_curvature < LEAST_CURVATURE:
            continue
        heading = np.unwrap(road.reference(np.linspace(curve.s, end - 1e-6, 9))[:, 3])
        turn = float(heading[-1] - heading[0])
        if abs(turn) > LEAST_TURN:
            found.append((curve.s, end, 1 if turn > 0 else -1))
    return found


def _spans(road: Road, side: int) -> list[tuple[float, float]]:
    """Where (m along the road) kerbs run on a side; bends that follow each other share theirs."""
    wanted = []
    for start, end, inside in _bends(road):
        third = (end - start) / 3.0
        low, high = max(start - BEYOND_M, 0.0), min(end + BEYOND_M, road.length)
        wanted += [(low, high)] if side == inside else [(low, start + third), (end - third, high)]
    spans: list[tuple[float, float]] = []
    for low, high in sorted(wanted):
        if spans and low <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(high, spans[-1][1])
        else:
            spans.append((low, high))
    return spans


def _blocks(road: Road, side: int, first: float, last: float) -> list[Mesh]:
    section = road.sections[0]
    number = _shoulder(section, side)
    count = int((last - first) / BLOCK_M)
    if number is None or len(road.sections) != 1 or count < 2:
        return []
    s = first + BLOCK_M * np.arange(count + 1)
    reference = road.reference(s)
    edges = road.edges(section, side, s)
    near = edges[number] + side * OFF_LINE_M
    reach = np.minimum(OFF_LINE_M + WIDTH_M, np.abs(edges[number + 1] - edges[number]))
    height = (section.left if side > 0 else section.right)[number].height
    inner = offset_points(reference, near, height)
    outer = offset_points(reference, edges[number] + side * reach, height)
    corners = np.stack([inner[:-1], inner[1:], outer[1:], outer[:-1]], axis=1)
    triangles = (np.arange(count)[:, None, None] * 4) + np.array([[0, 1, 2], [0, 2, 3]])
    colors = np.where((np.arange(count) % 2 == 0)[:, None], _RED, _WHITE).repeat(2, axis=0)
    return [Mesh.build(corners, triangles, colors, Label.ROADS, LAYER)]


def _shoulder(section: LaneSection, side: int) -> int | None:
    """Which lane from the middle is the shoulder."""
    lanes = section.left if side > 0 else section.right
    return next((number for number, lane in enumerate(lanes) if lane.kind == "shoulder"), None)
