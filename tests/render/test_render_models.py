"""Actor meshes: sizes, tags and looks that physics, sensors and policies rely on."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.render.models import (
    BRAKE,
    LOW_BEAM,
    POSITION,
    VEHICLE_TAGS,
    VehicleLook,
    far_vehicle,
    pedestrian_mesh,
    vehicle_mesh,
)
from sim.render.props import PROP_KINDS, prop_mesh
from sim.render.scene import BRAKE_LAMP, HEAD_LAMP, TAIL_LAMP, check
from sim.render.solids import UnknownModel

EXTENTS = {
    "car": (2.4, 0.95, 0.74),
    "van": (2.95, 1.0, 1.3),
    "pickup": (3.1, 1.2, 1.05),
    "truck": (4.2, 1.4, 1.9),
    "bus": (5.2, 1.3, 1.6),
    "motorcycle": (1.1, 0.4, 0.8),
    "bicycle": (0.75, 0.4, 0.8),
}


@pytest.mark.parametrize("kind", list(VEHICLE_TAGS))
def test_a_vehicle_fills_its_box_and_stands_on_the_ground(kind: str) -> None:
    extent = EXTENTS[kind]
    mesh = vehicle_mesh(kind, extent, (180, 30, 30))
    check(mesh)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    assert low[2] == pytest.approx(0.0, abs=0.02)
    assert high[2] == pytest.approx(2 * extent[2], abs=0.12)
    np.testing.assert_allclose([-low[0], high[0]], extent[0], atol=0.06)
    assert high[1] <= extent[1] + 0.2
    assert high[1] == pytest.approx(-low[1], abs=0.02)
    riders = {Label.RIDER} if kind in ("motorcycle", "bicycle") else set()
    assert set(mesh.tags) == {VEHICLE_TAGS[kind]} | riders
    assert 80 <= len(mesh.triangles) <= 260


@pytest.mark.parametrize("kind", list(VEHICLE_TAGS))
def test_lamps_tell_front_from_back_and_braking(kind: str) -> None:
    def where(color: tuple[int, int, int], bits: int) -> np.ndarray:
        mesh = far_vehicle(VehicleLook(kind, EXTENTS[kind], (40, 90, 40)), bits)
        chosen = (mesh.colors == color).all(axis=1)
        return mesh.vertices[mesh.triangles[chosen]].reshape(-1, 3)[:, 0]

    for color, bits, behind in ((TAIL_LAMP, POSITION, True), (BRAKE_LAMP, BRAKE, True), (HEAD_LAMP, LOW_BEAM, False)):
        assert len(where(color, 0)) == 0
        assert len(where(color, bits))
        assert ((where(color, bits) < 0) == behind).all()


def test_a_pedestrian_is_centred_at_half_height() -> None:
    mesh = pedestrian_mesh((0.19, 0.19, 0.93), 3)
    check(mesh)
    assert mesh.vertices[:, 2].min() == pytest.approx(-0.93, abs=0.03)
    assert mesh.vertices[:, 2].max() == pytest.approx(0.93, abs=0.02)
    assert set(mesh.tags) == {Label.PEDESTRIANS}
    assert 100 <= len(mesh.triangles) <= 460


def test_pedestrians_wear_different_clothes() -> None:
    palettes = {
        tuple(sorted(map(tuple, np.unique(pedestrian_mesh((0.3, 0.3, 0.9), s).colors, axis=0)))) for s in range(10)
    }
    assert len(palettes) == 10


@pytest.mark.parametrize("kind", PROP_KINDS)
def test_a_prop_stands_in_its_box(kind: str) -> None:
    extent = (0.3, 0.4, 0.5)
    mesh = prop_mesh(kind, extent)
    check(mesh)
    assert mesh.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    assert mesh.vertices[:, 2].max() == pytest.approx(1.0, abs=0.01)
    assert (np.abs(mesh.vertices[:, :2]).max(axis=0) <= np.array(extent[:2]) * 1.11).all()
    assert set(mesh.tags) == {Label.STATIC}


def test_equal_arguments_give_the_same_object() -> None:
    assert vehicle_mesh("car", EXTENTS["car"], (1, 2, 3)) is vehicle_mesh("car", EXTENTS["car"], (1, 2, 3))
    assert pedestrian_mesh((0.3, 0.3, 0.9), 1) is pedestrian_mesh((0.3, 0.3, 0.9), 1)


def test_unknown_kinds_say_which_exist() -> None:
    with pytest.raises(UnknownModel, match="bicycle"):
        vehicle_mesh("tank", (1, 1, 1), (0, 0, 0))
    with pytest.raises(UnknownModel, match="cone"):
        prop_mesh("spaceship", (1, 1, 1))
