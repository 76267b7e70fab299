"""Prints digests of towns and frames, a name and a hash a line: `python digests.py [towns] [frames]`.

The tests run it in processes that use other instructions of the processor.
"""

from __future__ import annotations

import hashlib
import math
import sys

import numpy as np

from sim.geometry import Pose
from sim.maps import available_towns, load_town
from sim.render.lamplight import Lamps, street_lamps
from sim.render.models import VehicleLook, vehicle_mesh, vehicle_parts
from sim.render.people import pedestrian_mesh
from sim.render.renderer import OUTPUTS, Movable, Part, Renderer
from sim.render.weather import Weather

WEATHERS = {
    "noon": Weather(),
    "storm": Weather(
        cloudiness=90.0, precipitation=80.0, precipitation_deposits=70.0, wind_intensity=60.0, fog_density=11.0,
        fog_falloff=0.7, wetness=60.0, sun_azimuth_angle=123.0, sun_altitude_angle=17.0,
    ),
    "night": Weather(cloudiness=30.0, sun_altitude_angle=-40.0, wetness=30.0, fog_density=5.0),
    "dust": Weather(dust_storm=70.0, sun_altitude_angle=7.0, mie_scattering_scale=0.2, rayleigh_scattering_scale=0.05),
}  # fmt: skip


def say(name: str, *values: object) -> None:
    """A line with the hash of arrays or text."""
    total = hashlib.sha256()
    for value in values:
        total.update(value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes())
    print(name, total.hexdigest()[:16], flush=True)


def towns() -> None:
    """What each built-in town is made of."""
    for name in available_towns():
        town, mesh = load_town(name), load_town(name).mesh
        say(f"{name} OpenDRIVE", town.opendrive)
        say(f"{name} spawn points", np.array(town.spawn_points))
        say(f"{name} mesh", mesh.vertices, mesh.triangles, mesh.colors, mesh.tags, mesh.layers)


def actors(pose: Pose) -> list[Movable]:
    """Vehicles with turned wheels and people, on slopes of their own, ahead of a camera."""
    yaw = math.radians(pose.yaw)
    found = []
    for i in range(8):
        forward, right = 6.0 + 5.0 * i, 4.0 * (i % 3 - 1)
        place = Pose(
            pose.x + forward * math.cos(yaw) - right * math.sin(yaw),
            pose.y + forward * math.sin(yaw) + right * math.cos(yaw),
            pose.z - 1.5, 0.7 * i, pose.yaw + 13.0 * i, -1.1 * i,
        )  # fmt: skip
        if i % 4 == 3:
            found.append(Movable(i, pedestrian_mesh((0.35, 0.35, 0.93), i), place))
            continue
        look = VehicleLook("car", (2.3, 0.95, 0.74), (200 - 20 * i, 60, 20 * i))
        body, wheel, wheels = vehicle_parts(look)
        parts = [Part(body, Pose(0.0, 0.0, 0.0))]
        parts += [Part(wheel, Pose(w.x, w.y, w.z, 37.0 * i, 4.0 * i + (180.0 if w.turned else 0.0))) for w in wheels]
        found.append(Movable(i, vehicle_mesh(*look[:3], brake=i % 2 == 0), place, detail=tuple(parts)))
    return found


def frames() -> None:
    """All outputs under several weathers in three towns, one of them hilly."""
    for name in ("Pilotage01", "Pilotage02", "Pilotage06"):
        town = load_town(name)
        renderer = Renderer(town.mesh)
        spots = [town.spawn_points[i * len(town.spawn_points) // 5] for i in range(5)]
        for weather_name, weather in WEATHERS.items():
            for number, spot in enumerate(spots):
                pose = Pose(spot.x, spot.y, spot.z + 1.5, -4.0 + 0.3 * number, spot.yaw + 7.3 * number, 1.7 * number)
                lamps = np.array([[spot.x + 9.0 * k, spot.y + 3.0, spot.z + 6.0] for k in range(4)])
                spots_of_light = street_lamps(Lamps(lamps, np.full(4, 40.0), np.full((4, 3), 200, np.uint8)))
                frame = renderer.render(
                    pose, 211, 133, 83.7, actors(pose), weather, OUTPUTS, seconds=12.35, spots=spots_of_light
                )
                for output in ("bgra", "depth", "semantic", "instance", "normals"):
                    say(f"{name} {weather_name} {number} {output}", getattr(frame, output))


def main() -> None:
    """Print what the arguments name; all of it without any."""
    wanted = sys.argv[1:] or ["towns", "frames"]
    for part in wanted:
        {"towns": towns, "frames": frames}[part]()


if __name__ == "__main__":
    main()
