"""The asphalt of junctions: one polygon inside the outermost edges of all connecting lanes."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.network import Road, RoadNetwork
from sim.maps.surface import ASPHALT, lane_surface, offset_points, section_samples
from sim.render.mesh import Mesh

# m; the lanes themselves are drawn too, so that the outline need not be finer than their own chords.
OUTLINE_ERROR = 0.005
# m2 less of asphalt at which the outline is drawn from where the arms' middles meet.
TIGHTER = 0.5
# Of the sum of squares of sines of the angles between arms: below it they are the ways of a fork.
PARALLEL = 0.1
# A crossing has hundreds; what has more is no star, and its outline would take gigabytes.
MAX_SEGMENTS = 20_000


def junction_meshes(network: RoadNetwork) -> list[tuple[str, Mesh]]:
    """Asphalt that fills what the connecting lanes of each junction leave open, with the junction's key.

    The outline is what an observer in the junction's middle sees as the farthest lane edge in every direction, arm
    ends closed by a straight cap: exact for junctions that are star-shaped from there, as crossings are. A tee, or the
    mouth of a ring, may be so only from where its arms' middle lines meet; from elsewhere the outline takes in ground
    outside of it and is larger, so the smaller one of both is right.
    Coplanar with the lanes and of their colour. A junction on a slope has no single plane: its lanes alone carry it.
    """
    connecting: dict[str, list[Road]] = defaultdict(list)
    for road in network.roads:
        if road.junction is not None:
            connecting[road.junction].append(road)
    meshes = []
    for junction, roads in connecting.items():
        segments, caps, level, flat = _outline_segments(roads)
        if flat and 3 <= len(segments) <= MAX_SEGMENTS:
            middle = 0.5 * (segments.reshape(-1, 2).min(axis=0) + segments.reshape(-1, 2).max(axis=0))
            ring = _ring(segments, middle)
            meeting = _meeting(caps, middle)
            other = _ring(segments, meeting)
            inside = np.all(np.abs(meeting - middle) <= 0.5 * np.ptp(segments.reshape(-1, 2), axis=0))
            if inside and _area(other) < _area(ring) - TIGHTER:
                middle, ring = meeting, other
            meshes.append((f"Junction_{junction}", _fan(ring, middle, level)))
    return meshes


def _outline_segments(roads: list[Road]) -> tuple[np.ndarray, np.ndarray, float, bool]:
    """Edges of asphalt lanes and caps of arms as segments (K, 2, 2), the caps alone; height, and whether it is one."""
    polylines: list[np.ndarray] = []
    ends: dict[tuple[str, str, str], list[np.ndarray]] = defaultdict(list)
    for road in roads:
        for section in road.sections:
            s = section_samples(road, section)
            reference = road.reference(s)
            for side, lanes in ((1, section.left), (-1, section.right)):
                edges = road.edges(section, side, s)
                for number, lane in enumerate(lanes):
                    if lane_surface(lane)[1] != Label.ROADS:
                        continue
                    for t in (edges[number], edges[number + 1]):
                        line = offset_points(reference, t)
                        polylines.append(line)
                        if section.start == 0.0:
                            ends[road.predecessor].append(line[0])
                        if section.end >= road.length:
                            ends[road.successor].append(line[-1])
    if not polylines:
        return np.zeros((0, 2, 2)), np.zeros((0, 2, 2)), 0.0, False
    edges_count = len(polylines)
    for link, points in ends.items():
        if link[1]:
            cloud = np.array(points)
            gaps = np.linalg.norm(cloud[:, None] - cloud[None], axis=-1)
            first, last = np.unravel_index(np.argmax(gaps), gaps.shape)
            polylines.append(cloud[[first, last]])
    heights = np.concatenate([line[:, 2] for line in polylines])
    segments = np.concatenate([np.stack([line[:-1, :2], line[1:, :2]], axis=1) for line in polylines])
    caps = np.array([line[:, :2] for line in polylines[edges_count:]]).reshape(-1, 2, 2)
    return segments, caps, float(heights.mean()), bool(np.ptp(heights) < 0.02)


def _meeting(caps: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The point (2,) nearest to the middle lines of all arms, `middle` where these do not say."""
    along = caps[:, 1] - caps[:, 0]
    length = np.hypot(along[:, 0], along[:, 1])
    along, centers = along[length > 0.1] / length[length > 0.1, None], caps[length > 0.1].mean(axis=1)
    if len(along) < 2:
        return middle
    # A point p lies on an arm's middle line where (p - center) . along = 0.
    offset = np.sum((centers - middle) * along, axis=1)
    # Sums and not matrix products, whose last bit depends on the processor.
    xx, xy, yy = (float(np.sum(along[:, i] * along[:, j])) for i, j in ((0, 0), (0, 1), (1, 1)))
    determinant = xx * yy - xy * xy
    if determinant < PARALLEL:
        return middle
    x, y = np.sum(along * offset[:, None], axis=0)
    return middle + np.array([yy * x - xy * y, xx * y - xy * x]) / determinant


def _area(ring: np.ndarray) -> float:
    following = np.roll(ring, -1, axis=0)
    return 0.5 * float(np.sum(ring[:, 0] * following[:, 1] - ring[:, 1] * following[:, 0]))


def _ring(segments: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The farthest crossing (N, 2) seen from `middle` in every direction at which a segment starts or ends."""
    a, b = segments[:, 0] - middle, segments[:, 1] - middle
    corners = np.concatenate([a, b])
    angles = arctan2(corners[:, 1], corners[:, 0])
    # Just beside each corner, so that an outline that jumps there keeps both of its sides.
    angles = np.unique(np.round(np.concatenate([angles - 1e-4, angles + 1e-4]), 6))
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    along = b - a
    cross = rays[:, None, 0] * along[None, :, 1] - rays[:, None, 1] * along[None, :, 0]
    safe = np.where(np.abs(cross) < 1e-12, np.inf, cross)
    distance = (a[:, 0] * along[:, 1] - a[:, 1] * along[:, 0])[None] / safe
    share = (a[None, :, 0] * rays[:, None, 1] - a[None, :, 1] * rays[:, None, 0]) / safe
    reach = np.where((share >= -1e-6) & (share <= 1 + 1e-6) & (distance > 0), distance, 0.0).max(axis=1)
    seen = reach > 0
    return _simplified(middle + rays[seen] * reach[seen, None])


def _fan(ring: np.ndarray, middle: np.ndarray, level: float) -> Mesh:
    """Triangles from `middle` to the corners of `ring` (N, 2)."""
    count = len(ring)
    vertices = np.concatenate([np.append(middle, level)[None], np.column_stack([ring, np.full(count, level)])])
    following = np.roll(np.arange(count), -1)
    triangles = np.stack([np.zeros(count, int), 1 + np.arange(count), 1 + following], axis=1)
    return Mesh.build(vertices, triangles, ASPHALT, Label.ROADS)


def _simplified(ring: np.ndarray) -> np.ndarray:
    """Corners of a closed polygon that keep all others within `OUTLINE_ERROR` of it."""
    kept, start = [0], 0
    for end in range(2, len(ring)):
        chord, skipped = ring[end] - ring[start], ring[start + 1 : end] - ring[start]
        offset = np.abs(chord[0] * skipped[:, 1] - chord[1] * skipped[:, 0]) / max(float(np.hypot(*chord)), 1e-9)
        if offset.max() > OUTLINE_ERROR:
            start = end - 1
            kept.append(start)
    return ring[[*kept, len(ring) - 1]]
