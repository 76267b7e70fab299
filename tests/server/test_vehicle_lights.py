"""Which lamps of a vehicle burn, and where its head lamps shine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sim.geometry import Pose
from sim.server.actors import Actor, VehicleControl
from sim.server.blueprints import CATALOGUE, Description
from sim.server.vehicle_lights import (
    BRAKE,
    HIGH_BEAM,
    LEFT_BLINKER,
    LOW_BEAM,
    POSITION,
    REVERSE,
    SPECIAL1,
    SPECIAL2,
    beams,
    burning,
)

ORIGIN = Pose(0.0, 0.0, 0.0)


def vehicle(identifier: str = "vehicle.tesla.model3", pose: Pose = ORIGIN, lights: int = 0) -> Actor:
    blueprint = CATALOGUE[identifier]
    values = {attribute.name: attribute.value for attribute in blueprint.attributes}
    return Actor(1, Description(blueprint, values), pose, lights=lights)


def test_pedal_and_gear_light_their_own_lamps() -> None:
    car = vehicle()
    assert burning(car, 0.0) == 0
    car.vehicle_control = VehicleControl(brake=0.5, reverse=True)
    assert burning(car, 0.0) == BRAKE | REVERSE
    car.vehicle_control = VehicleControl(gear=-1)
    car.lights = POSITION
    assert burning(car, 0.0) == POSITION | REVERSE


def test_blinkers_flash_ninety_times_a_minute() -> None:
    car = vehicle(lights=LEFT_BLINKER | LOW_BEAM)
    shown = [burning(car, 0.01 * tick) for tick in range(1000)]
    assert set(shown) == {LOW_BEAM, LEFT_BLINKER | LOW_BEAM}
    flashes = sum(a < b for a, b in itertools.pairwise(shown))
    assert flashes == pytest.approx(15, abs=1)


def test_the_halves_of_a_light_bar_take_turns() -> None:
    car = vehicle("vehicle.dodge.charger_police", lights=SPECIAL1 | SPECIAL2)
    assert {burning(car, 0.05 * tick) for tick in range(40)} == {SPECIAL1, SPECIAL2}


def test_beams_start_at_the_front_and_shine_ahead() -> None:
    cars = [
        vehicle(pose=Pose(10.0, 20.0, 1.0, yaw=90.0), lights=LOW_BEAM),
        vehicle(lights=POSITION),
        vehicle("vehicle.yamaha.yzf", lights=LOW_BEAM | HIGH_BEAM),
    ]
    found = beams(cars)
    assert len(found) == 3
    front = 20.0 + CATALOGUE["vehicle.tesla.model3"].extent[0]
    assert found.place[:2, 1] == pytest.approx([front, front], abs=0.3)
    assert sorted(found.place[:2, 0] - 10.0) == pytest.approx([-0.68, 0.68], abs=0.25)
    assert found.direction[:2, 1] == pytest.approx([1.0, 1.0], abs=0.01)
    assert (found.direction[:2, 2] < 0.0).all()
    assert found.direction[2] == pytest.approx([1.0, 0.0, 0.0])
    assert found.strength[2] > found.strength[0]
    np.testing.assert_allclose(np.linalg.norm(found.direction, axis=1), 1.0)


def test_nothing_burns_on_what_is_no_vehicle() -> None:
    assert len(beams([])) == 0
    assert beams([]).place.shape == (0, 3)
