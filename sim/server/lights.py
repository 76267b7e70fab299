"""The lamps that stand in a town: CARLA's light manager, and the cycle of day and night that switches them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.render.lamplight import Lamps
from sim.server.errors import BadArguments
from sim.server.wire import integer, items, number, vector

NONE, VEHICLE, STREET, BUILDING, OTHER = range(5)
# Lamps burn while the sun stands lower than this, as CARLA's do "when the sun altitude is below zero".
NIGHT_BELOW_DEGREES = 0.0
STREET_LUMENS = 10_000.0  # a sodium street lamp of 100 W
STREET_COLOR = (255, 214, 160)


@dataclass(frozen=True)
class Light:
    """One lamp: where it hangs (m), how strong (lm), its group, colour (RGB) and whether it burns."""

    id: int
    location: tuple[float, float, float]
    intensity: float = STREET_LUMENS
    group: int = STREET
    color: tuple[int, int, int] = STREET_COLOR
    active: bool = False

    def packed(self) -> list[Any]:
        """Wire form."""
        return [self.id, list(self.location), self.intensity, self.group, list(self.color), self.active]


def read_light(value: object) -> Light:
    """A client's light state. Raises BadArguments."""
    light_id, location, intensity, group, color, active = items(value, 6)
    shades = [integer(shade) for shade in items(color, 3)]
    if not all(0 <= shade <= 255 for shade in shades) or not NONE <= integer(group) <= OTHER:
        raise BadArguments("light: a colour or a group out of range")
    return Light(
        integer(light_id), vector(location), number(intensity), group, (shades[0], shades[1], shades[2]), bool(active)
    )


class LightManager:
    """The lamps of one episode.

    version   grows with every change, so that pictures know when to look again
    """

    def __init__(self, lamps: np.ndarray, sun_altitude: float) -> None:
        """`lamps`: float (N, 3), where each hangs."""
        night = sun_altitude < NIGHT_BELOW_DEGREES
        self._lights = {
            index + 1: Light(index + 1, (float(x), float(y), float(z)), active=night)
            for index, (x, y, z) in enumerate(lamps)
        }
        self._night = night
        self._cycle = True
        self._audience: dict[object, None] = {}
        self._stale = False
        self._burning: Lamps | None = None
        self.version = 0

    def __len__(self) -> int:
        return len(self._lights)

    def query(self, client: object) -> list[Any]:
        """Wire form of all lamps; `client` is told of later changes."""
        self._audience[client] = None
        return [light.packed() for light in self._lights.values()]

    def forget(self, client: object) -> None:
        """A client is gone."""
        self._audience.pop(client, None)

    def update(self, client: object, lights: list[Light]) -> None:
        """A client's changes. Where a lamp hangs cannot change; unknown ids are ignored, as in CARLA."""
        changed = False
        for light in lights:
            known = self._lights.get(light.id)
            if known is not None and known != replace(light, location=known.location):
                self._lights[light.id] = replace(light, location=known.location)
                changed = True
        # Who asked for the change knows of it; only other clients have to look.
        self._change(changed, any(other is not client for other in self._audience))

    def set_cycle(self, active: bool, sun_altitude: float) -> None:
        """Let the sun switch the lamps, or leave them to the clients."""
        self._cycle = active
        if active:
            self._follow(sun_altitude)

    def sun(self, altitude: float) -> None:
        """The weather changed: at nightfall and at daybreak the cycle switches all lamps."""
        night = altitude < NIGHT_BELOW_DEGREES
        if night != self._night and self._cycle:
            self._follow(altitude)
        self._night = night

    def take_pending(self) -> bool:
        """Whether the next snapshot must tell clients to look; asking answers the question."""
        pending, self._stale = self._stale, False
        return pending

    def burning(self) -> Lamps:
        """The lamps that are on."""
        if self._burning is None:
            lit = [light for light in self._lights.values() if light.active and light.intensity > 0.0]
            self._burning = Lamps(
                np.array([light.location for light in lit]).reshape(-1, 3),
                np.array([light.intensity for light in lit], float),
                np.array([light.color for light in lit], np.uint8).reshape(-1, 3),
            )
        return self._burning

    def recorded(self) -> list[tuple[Any, ...]]:
        """(id, intensity, group, colour, active) of every lamp."""
        return [(x.id, x.intensity, x.group, x.color, x.active) for x in self._lights.values()]

    def replay(self, light_id: int, intensity: float, group: int, color: tuple[int, int, int], active: bool) -> None:
        """Set one lamp as a recording has it."""
        known = self._lights.get(light_id)
        if known is not None:
            self.update(None, [Light(light_id, known.location, intensity, group, color, active)])

    def _follow(self, sun_altitude: float) -> None:
        night = sun_altitude < NIGHT_BELOW_DEGREES
        changed = any(light.active != night for light in self._lights.values())
        if changed:
            self._lights = {key: replace(light, active=night) for key, light in self._lights.items()}
        self._change(changed, bool(self._audience))

    def _change(self, changed: bool, tell: bool) -> None:
        if changed:
            self.version += 1
            self._burning = None
            self._stale = self._stale or tell
