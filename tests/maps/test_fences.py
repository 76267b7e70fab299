"""Fences, low walls and power lines stand where such things stand, clear of the roads."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import load_town
from sim.maps.network import parse_network
from sim.maps.roadside import Clearance
from sim.maps.yards import OFF_LANES

WIRE = (42, 42, 46)
LAMP_POST_M = 8.3


def _line(center: np.ndarray, extent: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Points (N, 9, 2) along the middle lines of long boxes, their ends included."""
    along = np.linspace(-1.0, 1.0, 9)[None] * extent[:, :1]
    turn = np.radians(yaw)[:, None]
    return center[:, None, :2] + np.stack([along * np.cos(turn), along * np.sin(turn)], axis=-1)


@pytest.mark.parametrize("name", ["Pilotage01", "Pilotage03", "Pilotage04", "Pilotage05"])
def test_fences_and_walls_leave_a_metre_to_the_lanes_and_stand_in_no_other_thing(name: str) -> None:
    town = load_town(name)
    boxes = town.boxes
    chosen = np.isin(boxes.tag, [Label.FENCES, Label.WALLS])
    assert chosen.sum() >= 20
    points = _line(boxes.center[chosen], boxes.extent[chosen], boxes.yaw[chosen]).reshape(-1, 2)
    assert Clearance(parse_network(town.opendrive))(points).min() > OFF_LANES - 0.01
    others = np.flatnonzero(~chosen)
    turn = np.radians(boxes.yaw[others])
    offset = points[:, None] - boxes.center[None, others, :2]
    along = np.abs(offset[..., 0] * np.cos(turn) + offset[..., 1] * np.sin(turn)) < boxes.extent[others, 0] + 0.1
    across = np.abs(offset[..., 1] * np.cos(turn) - offset[..., 0] * np.sin(turn)) < boxes.extent[others, 1] + 0.1
    assert not (along & across).any()
    shown = np.unique(boxes.tag[chosen])
    assert set(shown.tolist()) <= set(town.mesh.tags.tolist())


def test_the_country_has_power_lines_high_above_the_roads_and_towns_have_none() -> None:
    for name, some in (("Pilotage04", True), ("Pilotage06", True), ("Pilotage03", False), ("Pilotage05", False)):
        town = load_town(name)
        wires = (town.mesh.colors == WIRE).all(axis=1) & (town.mesh.tags == Label.POLES)
        poles = (town.boxes.tag == Label.POLES) & (2.0 * town.boxes.extent[:, 2] > LAMP_POST_M)
        assert bool(wires.any()) == some
        assert bool(poles.any()) == some
        # Only lamp posts are street lights.
        for number in np.flatnonzero(town.boxes.tag == Label.POLES).tolist():
            name = town.objects.names[town.objects.boxes[number]]
            assert name.startswith("Pole_" if poles[number] else "StreetLight_")
        if not some:
            continue
        points = town.mesh.vertices[np.unique(town.mesh.triangles[wires])].astype(np.float64)
        above = points[:, 2] - town.ground.open_height
        assert above.min() > 7.0
        # Wires sag: their highest points are their ends, which lie on the arms of poles.
        ends, feet = points[above > 8.0], town.boxes.center[poles, :2]
        gap = np.hypot(ends[:, None, 0] - feet[None, :, 0], ends[:, None, 1] - feet[None, :, 1]).min(axis=1)
        assert gap == pytest.approx(np.full(len(ends), 0.9), abs=0.01)
