"""Every lamp that shines on a scene at a moment: street lamps, head lamps, and small lamps behind vehicles."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sim.geometry import rotation_matrix
from sim.render import lamplight
from sim.render.lamplight import Lamps, Spots
from sim.render.models import tail_lamps
from sim.server import vehicle_lights
from sim.server.actors import Actor
from sim.server.vehicle_looks import vehicle_look

TAIL_COLOR, BRAKE_COLOR, REVERSE_COLOR = (255, 24, 18), (255, 30, 22), (255, 250, 236)
TAIL_STRENGTH, BRAKE_STRENGTH, REVERSE_STRENGTH = 0.7, 1.6, 1.0


def spots(street: Lamps | None, actors: Iterable[Actor], elapsed_s: float) -> Spots:
    """The lamps that burn."""
    vehicles = [actor for actor in actors if actor.is_vehicle]
    beams = vehicle_lights.beams(vehicles)
    parts = [lamplight.head_lamps(beams.place, beams.direction, beams.strength), _tails(vehicles, elapsed_s)]
    if street is not None:
        parts.append(lamplight.street_lamps(street))
    return Spots.join(parts)


def _tails(vehicles: list[Actor], elapsed_s: float) -> Spots:
    places, directions, colors, strengths = [], [], [], []
    for vehicle in vehicles:
        bits = vehicle_lights.burning(vehicle, elapsed_s)
        if bits & vehicle_lights.BRAKE:
            color, strength = BRAKE_COLOR, BRAKE_STRENGTH
        elif bits & vehicle_lights.REVERSE:
            color, strength = REVERSE_COLOR, REVERSE_STRENGTH
        elif bits & (vehicle_lights.POSITION | vehicle_lights.LOW_BEAM | vehicle_lights.HIGH_BEAM):
            color, strength = TAIL_COLOR, TAIL_STRENGTH
        else:
            continue
        turn = rotation_matrix(vehicle.pose.pitch, vehicle.pose.yaw, vehicle.pose.roll)
        for x, y, z in tail_lamps(vehicle_look(vehicle)):
            # A little behind the body, which would hide them.
            places.append(turn @ (x - 0.10, y, z) + vehicle.pose[:3])
            directions.append(-turn[:, 0])
            colors.append(color)
            strengths.append(strength)
    shape = (-1, 3)
    return lamplight.small_lamps(
        np.array(places, float).reshape(shape),
        np.array(directions, float).reshape(shape),
        np.array(colors, float).reshape(shape),
        np.array(strengths, float),
    )
