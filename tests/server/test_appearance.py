"""The meshes of all actors of the catalogue: in their boxes, shared, few triangles far away, more near by."""

from __future__ import annotations

import numpy as np
import pytest

from sim.geometry import Pose
from sim.labels import Label
from sim.render.models import FAR_BITS, burning_lamps, far_vehicle, vehicle_parts
from sim.render.scene import check
from sim.server import skeleton
from sim.server.actors import Actor
from sim.server.appearance import actor_mesh, detail
from sim.server.blueprints import CATALOGUE, Description
from sim.server.bodies import BodyTable
from sim.server.embodiment import embody
from sim.server.vehicle_looks import vehicle_look

VEHICLES = [identifier for identifier in CATALOGUE if identifier.startswith("vehicle.")]
WALKERS = [identifier for identifier in CATALOGUE if identifier.startswith("walker.")]
MIRRORS_M = 0.13  # how far mirrors, wheels and light bars may stick out


def actor(identifier: str, **values: str) -> Actor:
    blueprint = CATALOGUE[identifier]
    defaults = {attribute.name: attribute.value for attribute in blueprint.attributes}
    return Actor(1, Description(blueprint, defaults | values), Pose(0.0, 0.0, 0.0))


@pytest.mark.parametrize("identifier", VEHICLES)
def test_a_vehicle_is_drawn_in_its_box_coarse_far_away_and_fine_near_by(identifier: str) -> None:
    vehicle = actor(identifier)
    look = vehicle_look(vehicle)
    parts = vehicle_parts(look)
    extent, center = np.array(vehicle.description.extent), np.array(vehicle.description.center)
    for mesh in (parts.body, far_vehicle(look, FAR_BITS)):
        check(mesh)
        assert (mesh.vertices.min(axis=0) >= center - extent - MIRRORS_M).all()
        assert (mesh.vertices.max(axis=0) <= center + extent + MIRRORS_M).all()
        # It fills the box: rays and cameras see it as long and as high as physics has it.
        assert mesh.vertices[:, 2].max() >= 2.0 * extent[2] - 0.02
        rear = min(mesh.vertices[:, 0].min(), *(wheel.x - wheel.z for wheel in parts.wheels))
        front = max(mesh.vertices[:, 0].max(), *(wheel.x + wheel.z for wheel in parts.wheels))
        assert front - rear >= 2.0 * extent[0] - 0.12
    assert len(far_vehicle(look, 0).triangles) <= 260
    assert 400 <= len(parts.body.triangles) + len(parts.wheels) * len(parts.wheel.triangles) <= 1000
    assert len(parts.wheels) == vehicle.description.blueprint.wheels
    tags = set(vehicle.description.blueprint.semantic_tags)
    assert set(parts.body.tags) == set(far_vehicle(look, 0).tags) == tags


@pytest.mark.parametrize("identifier", VEHICLES)
def test_wheels_stand_on_the_ground_within_the_body(identifier: str) -> None:
    vehicle = actor(identifier)
    parts = vehicle_parts(vehicle_look(vehicle))
    extent, center = vehicle.description.extent, vehicle.description.center
    for wheel in parts.wheels:
        assert parts.wheel.vertices[:, 2].min() + wheel.z == pytest.approx(0.0, abs=0.02)
        assert abs(wheel.x - center[0]) + wheel.z <= extent[0] + 0.01
        assert abs(wheel.y) < extent[1]


def test_every_lamp_of_every_vehicle_lies_on_its_body() -> None:
    for identifier in VEHICLES:
        look = vehicle_look(actor(identifier))
        body = vehicle_parts(look).body.vertices
        blinkers = () if look.kind == "bicycle" else (0x10, 0x20)
        for bit in (0x1, 0x2, 0x8, *blinkers):
            lamps = burning_lamps(look, bit)
            assert lamps is not None, (identifier, bit)
            assert (lamps.vertices.min(axis=0) >= body.min(axis=0) - 0.02).all()
            assert (lamps.vertices.max(axis=0) <= body.max(axis=0) + 0.02).all()
        assert burning_lamps(look, 0) is None


def test_vehicles_of_one_model_and_paint_share_their_meshes() -> None:
    first, second = actor("vehicle.audi.tt", color="10,20,30"), actor("vehicle.audi.tt", color="10,20,30")
    blue = actor("vehicle.audi.tt", color="10,20,230")
    assert actor_mesh(first) is actor_mesh(second)
    assert vehicle_parts(vehicle_look(first)).body is vehicle_parts(vehicle_look(second)).body
    assert vehicle_parts(vehicle_look(first)).body is not vehicle_parts(vehicle_look(blue)).body
    assert vehicle_parts(vehicle_look(first)).wheel is vehicle_parts(vehicle_look(blue)).wheel
    assert burning_lamps(vehicle_look(first), 0x8) is burning_lamps(vehicle_look(blue), 0x8)


def test_parts_follow_the_way_travelled_the_steering_and_the_lamps() -> None:
    table, car = BodyTable(), actor("vehicle.seat.leon")
    embody(car, table)
    body, *wheels = detail(car, table, 0.0)
    assert len(wheels) == 4
    car.travelled = 0.25 * 2.0 * np.pi * wheels[0].pose.z  # a quarter of a turn
    table.wheels["angle"][car.row, :2] = np.radians(20.0)
    car.lights = 0x2
    turned = list(detail(car, table, 0.0))
    assert turned[0].mesh is body.mesh
    assert len(turned) == 6
    moved = turned[2:]
    # Rolling forwards, the front of a wheel goes down; those on the left are turned round.
    assert [round(part.pose.pitch % 360.0) for part in moved] == [90, 270, 90, 270]
    assert [round(part.pose.yaw) for part in moved] == [200, 20, 180, 0]


@pytest.mark.parametrize("identifier", WALKERS)
def test_a_walker_is_as_tall_as_its_box_and_stands_on_its_feet_in_every_step(identifier: str) -> None:
    walker = actor(identifier)
    half = walker.description.extent[2]
    still = actor_mesh(walker)
    assert still.vertices[:, 2].max() == pytest.approx(half, abs=0.06 * half)
    assert still.vertices[:, 2].min() == pytest.approx(-half, abs=0.05 * half)
    assert set(still.tags) == {Label.PEDESTRIANS}
    for walker.pace in (0.6, 1.4, 3.5):
        for step in range(skeleton.POSES):
            walker.strides = (step + 0.5) / skeleton.POSES
            mesh = actor_mesh(walker)
            assert mesh.vertices[:, 2].min() == pytest.approx(-half, abs=0.06 * half)
            assert mesh is actor_mesh(walker)
    assert len(still.triangles) <= 260


def test_people_differ_in_build_and_clothes() -> None:
    looks = {actor_mesh(actor(identifier)).colors.tobytes() for identifier in WALKERS}
    shapes = {actor_mesh(actor(identifier)).vertices.tobytes() for identifier in WALKERS}
    assert len(looks) >= 45
    assert len(shapes) >= 8
