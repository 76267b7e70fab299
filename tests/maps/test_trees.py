"""Broad-leaved trees look like trees from everywhere, and cost few triangles."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sim.maps.props import CROWNS, Shape

MOST_TRIANGLES = 44


def _edges(triangles: np.ndarray) -> Counter[tuple[int, ...]]:
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return Counter(tuple(sorted(pair)) for pair in pairs.tolist())


def _crossings(corners: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> int:
    """How many of the triangles `corners` (T, 3, 3) a ray meets, as Moeller and Trumbore (1997) have it."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(direction, b)
    scale = 1.0 / np.sum(a * p, axis=1)
    from_corner = origin - corners[:, 0]
    u = scale * np.sum(from_corner * p, axis=1)
    q = np.cross(from_corner, a)
    v = scale * (q @ direction)
    ahead = scale * np.sum(b * q, axis=1)
    return int(np.sum((u >= 0) & (v >= 0) & (u + v <= 1) & (ahead > 0)))


def _lobe_of(triangle: np.ndarray, crown: Shape) -> set[int]:
    """All corners that triangles connect with one."""
    lobe, grown = set(triangle.tolist()), True
    while grown:
        more = lobe.union(*(t for t in crown.triangles.tolist() if lobe & set(t)))
        grown, lobe = len(more) > len(lobe), more
    return lobe


@pytest.mark.parametrize("crown", CROWNS)
def test_crowns_stay_cheap_and_of_the_size_that_is_asked_for(crown: Shape) -> None:
    assert len(crown.triangles) <= MOST_TRIANGLES
    assert -1e-9 <= crown.vertices[:, 2].min() < 0.1
    assert 0.98 < crown.vertices[:, 2].max() < 1.02
    assert np.hypot(crown.vertices[:, 0], crown.vertices[:, 1]).max() < 1.25


@pytest.mark.parametrize("crown", CROWNS)
def test_nobody_can_look_into_a_crown(crown: Shape) -> None:
    """Where a lobe is open its rim lies inside one that is closed."""
    edges = _edges(crown.triangles)
    rim = sorted({corner for edge, uses in edges.items() if uses == 1 for corner in edge})
    assert max(edges.values()) == 2
    closed = crown.vertices[[t for t in crown.triangles if not _lobe_of(t, crown) & set(rim)]]
    slanted = np.array([0.31, 0.17, 0.94])
    for corner in rim:
        assert _crossings(closed, crown.vertices[corner], slanted) % 2 == 1, crown.vertices[corner]


def test_trees_side_by_side_have_different_outlines() -> None:
    """Seen from the side: how wide each is at four heights."""
    outlines = []
    for crown in CROWNS:
        levels = np.digitize(crown.vertices[:, 2], (0.25, 0.5, 0.75))
        outlines.append([float(np.abs(crown.vertices[levels == level, 0]).max(initial=0.0)) for level in range(4)])
    gaps = [np.abs(np.array(a) - np.array(b)).max() for n, a in enumerate(outlines) for b in outlines[:n]]
    assert min(gaps) > 0.15
