"""Which lamps of vehicles burn at a moment: what clients and the Traffic Manager switched on, pedals and gears, and the
rhythm of blinkers and beacons. Bits are those of `carla.VehicleLightState`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.geometry import product, rotation_matrix
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
    lit = [actor for actor in actors if actor.is_vehicle and actor.lights & (LOW_BEAM | HIGH_BEAM | FOG)]
    if not lit:
        return Beams(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    lamps = [head_lamps(vehicle_look(actor)) for actor in lit]
    owners = np.repeat(np.arange(len(lit)), [len(places) for places in lamps])
    poses = np.array([actor.pose for actor in lit], float).reshape(-1, 6)
    high = np.array([actor.lights & HIGH_BEAM != 0 for actor in lit], np.bool_)
    low = np.array([actor.lights & LOW_BEAM != 0 for actor in lit], np.bool_)
    strengths = np.where(high, HIGH_STRENGTH, np.where(low, LOW_STRENGTH, FOG_STRENGTH))
    pitch, yaw, roll = poses[:, 3:].T
    dips = rotation_matrix(pitch - np.where(high, 0.0, LOW_DIP_DEGREES), yaw, roll)
    return Beams(on_vehicles(poses, lamps), dips[:, 0].T[owners], strengths[owners])


def on_vehicles(poses: np.ndarray, lamps: Sequence[Sequence[Sequence[float]]]) -> np.ndarray:
    """Where lamps are in the world: (N, 3) m of N lamps in all, given by vehicle and in its frame. `poses` (K, 6)."""
    owners = np.repeat(np.arange(len(lamps)), [len(places) for places in lamps])
    local = np.array([place for places in lamps for place in places], float).reshape(-1, 3)
    turns = np.moveaxis(rotation_matrix(*poses[:, 3:].T), -1, 0)
    return product(turns[owners], local[:, :, None])[:, :, 0] + poses[owners, :3]
