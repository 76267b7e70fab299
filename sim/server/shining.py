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
    lit: list[Actor] = []
    kinds: list[tuple[tuple[int, int, int], float]] = []
    for vehicle in vehicles:
        bits = vehicle_lights.burning(vehicle, elapsed_s)
        if bits & vehicle_lights.BRAKE:
            kinds.append((BRAKE_COLOR, BRAKE_STRENGTH))
        elif bits & vehicle_lights.REVERSE:
            kinds.append((REVERSE_COLOR, REVERSE_STRENGTH))
        elif bits & (vehicle_lights.POSITION | vehicle_lights.LOW_BEAM | vehicle_lights.HIGH_BEAM):
            kinds.append((TAIL_COLOR, TAIL_STRENGTH))
        else:
            continue
        lit.append(vehicle)
    if not lit:
        return Spots.join([])
    # A little behind the body, which would hide them.
    lamps = [[(x - 0.10, y, z) for x, y, z in tail_lamps(vehicle_look(vehicle))] for vehicle in lit]
    owners = np.repeat(np.arange(len(lit)), [len(places) for places in lamps])
    poses = np.array([vehicle.pose for vehicle in lit], float).reshape(-1, 6)
    forward = rotation_matrix(*poses[:, 3:].T)[:, 0].T
    colors = np.array([color for color, _ in kinds], float).reshape(-1, 3)
    strengths = np.array([strength for _, strength in kinds], float)
    return lamplight.small_lamps(
        vehicle_lights.on_vehicles(poses, lamps), -forward[owners], colors[owners], strengths[owners]
    )
