"""Houses stand apart, carry single windows, and differ by the style of their district."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.farms import OFF_ROADS
from sim.maps.network import RoadNetwork
from sim.maps.regulation import read_map
from sim.maps.roadside import Clearance
from sim.maps.scenery import UnknownStyle, build_scenery
from sim.render.scene import GLASS, LIT_GLASS

PANES = {tuple(color) for color in (*GLASS, *LIT_GLASS)}


def _corners(center: np.ndarray, extent: np.ndarray, yaw: float) -> np.ndarray:
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return center + (signs * extent) @ axes


def _apart(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether an edge of one of two rectangles (4, 2) separates them."""
    for shape in (first, second):
        for axis in (shape[1] - shape[0], shape[2] - shape[1]):
            a, b = first @ axis, second @ axis
            if a.max() < b.min() or b.max() < a.min():
                return True
    return False


def test_no_house_overlaps_another_and_only_farms_stand_where_there_are_no_sidewalks(
    town: Town, network: RoadNetwork, paved: bool
) -> None:
    boxes = town.boxes
    houses = np.flatnonzero(boxes.tag == Label.BUILDINGS)
    assert len(houses) > 20 if paved else 2 <= len(houses) < 60
    if not paved:
        assert Clearance(network)(boxes.center[houses]).min() > OFF_ROADS
    shapes = [_corners(boxes.center[n, :2], boxes.extent[n, :2], np.radians(boxes.yaw[n])) for n in houses]
    for first, second in combinations(shapes, 2):
        assert _apart(first, second), (first, second)


def test_windows_are_single_panes_and_some_are_lit(town: Town, paved: bool) -> None:
    mesh = town.mesh
    chosen = np.flatnonzero(mesh.tags == Label.BUILDINGS)
    pane = np.array([tuple(color) in PANES for color in mesh.colors[chosen].tolist()])
    corners = mesh.vertices[mesh.triangles[chosen[pane]]]
    wide = np.ptp(corners[..., :2], axis=1)
    assert np.hypot(wide[:, 0], wide[:, 1]).max() < 7.0
    assert len(wide) > 10
    if not paved:
        return  # a few farms, too few for a share
    lit = np.array([tuple(color) in set(LIT_GLASS) for color in mesh.colors[chosen[pane]].tolist()])
    assert 0.2 < lit.mean() < 0.4


def test_styles_build_different_houses_and_an_unknown_one_is_refused() -> None:
    network, regulation = read_map(load_town("Pilotage02").opendrive)
    heights = {}
    for style in ("downtown", "suburb", "rural", "motorway"):
        boxes = build_scenery(network, "styles", regulation, style=style).boxes
        heights[style] = boxes.extent[boxes.tag == Label.BUILDINGS, 2] * 2.0
    assert heights["downtown"].max() > 12.0
    assert max(heights["suburb"].max(), heights["motorway"].max()) < 8.0
    with pytest.raises(UnknownStyle, match="downtown, suburb, rural, motorway"):
        build_scenery(network, "styles", regulation, style="gothic")
