"""Which lamps of vehicles burn at a moment: what clients and the Traffic Manager switched on, pedals and gears, and the
rhythm of blinkers and beacons. Bits are those of `carla.VehicleLightState`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sim.geometry import rotation_matrix
from sim.render.models import head_lamps
from sim.server.actors import Actor
from sim.server.vehicle_looks import vehicle_look

POSITION, LOW_BEAM, HIGH_BEAM, BRAKE, RIGHT_BLINKER, LEFT_BLINKER = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
REVERSE, FOG, INTERIOR, SPECIAL1, SPECIAL2 = 0x40, 0x80, 0x100, 0x200, 0x400
BLINKS_PER_S = 1.5  # UN Regulation 48: 90 flashes a minute
BEACONS_PER_S = 2.0
BRAKE_LIGHT_PEDAL = 0.02
LOW_STRENGTH, HIGH_STRENGTH, FOG_STRENGTH = 1.0, 2.5, 0.35
LOW_DIP_DEGREES = 1.2  # how far a dipped beam looks down


@dataclass(frozen=True)
class Beams:
    """N burning head lamps: place float64 (N, 3) m and direction (N, 3) unit, both in the world, and strength (N,),
    1 for a dipped beam."""

    place: np.ndarray
    direction: np.ndarray
    strength: np.ndarray

    def __len__(self) -> int:
        return len(self.strength)


def burning(actor: Actor, elapsed_s: float) -> int:
    """The lamps of a vehicle that burn now: its light state, with the brake pedal's and the reverse gear's own lamps,
    and with blinkers and beacons in their dark halves left out."""
    bits = actor.lights
    control = actor.vehicle_control
    if control.brake > BRAKE_LIGHT_PEDAL:
        bits |= BRAKE
    if control.reverse or control.gear < 0:
        bits |= REVERSE
    if bits & (LEFT_BLINKER | RIGHT_BLINKER) and (elapsed_s * BLINKS_PER_S) % 1.0 >= 0.5:
        bits &= ~(LEFT_BLINKER | RIGHT_BLINKER)
    if bits & (SPECIAL1 | SPECIAL2):
        # The two halves of a light bar take turns.
        bits &= ~(SPECIAL1 if (elapsed_s * BEACONS_PER_S) % 1.0 >= 0.5 else SPECIAL2)
    return bits


def beams(actors: Iterable[Actor]) -> Beams:
    """The head lamps that burn on `actors`, which may be of any kind."""
    places, directions, strengths = [], [], []
    for actor in actors:
        if not actor.is_vehicle or not actor.lights & (LOW_BEAM | HIGH_BEAM | FOG):
            continue
        high, low = actor.lights & HIGH_BEAM, actor.lights & LOW_BEAM
        strength = HIGH_STRENGTH if high else LOW_STRENGTH if low else FOG_STRENGTH
        turn = rotation_matrix(actor.pose.pitch, actor.pose.yaw, actor.pose.roll)
        dip = rotation_matrix(actor.pose.pitch - (0.0 if high else LOW_DIP_DEGREES), actor.pose.yaw, actor.pose.roll)
        for place in head_lamps(vehicle_look(actor)):
            places.append(turn @ place + actor.pose[:3])
            directions.append(dip[:, 0])
            strengths.append(strength)
    return Beams(
        np.array(places, float).reshape(-1, 3), np.array(directions, float).reshape(-1, 3), np.array(strengths, float)
    )
