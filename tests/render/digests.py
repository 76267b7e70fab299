"""Prints digests, a name and a hash a line: `python digests.py [towns] [frames] [rays] [sketches] [drives] [sensors]`.

The tests run it in processes that use other instructions of the processor.
"""

from __future__ import annotations

import hashlib
import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from sim.geometry import Pose
from sim.maps import available_towns, load_town
from sim.render import overlay
from sim.render.lamplight import Lamps, street_lamps
from sim.render.models import VehicleLook, vehicle_mesh, vehicle_parts
from sim.render.people import pedestrian_mesh
from sim.render.rays import RayScene
from sim.render.renderer import OUTPUTS, Movable, Part, Renderer
from sim.render.sweeps import sweep
from sim.render.weather import Weather
from sim.sensors.lidar import Lidar, Losses, SemanticLidar, Sweep
from sim.server import vehicle_lights, wire
from sim.server.actors import Actor
from sim.server.blueprints import CATALOGUE, Description
from sim.server.debug_shapes import ARROW, BOX, LINE, POINT, STRING, read_shape
from sim.server.streams import StreamHub
from sim.server.world import World

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


def view_over(name: str, number: int) -> Pose:
    """A camera on a road of a town, a little askew."""
    spots = load_town(name).spawn_points
    spot = spots[number * len(spots) // 5]
    return Pose(spot.x, spot.y, spot.z + 1.5, -4.0 + 0.3 * number, spot.yaw + 7.3 * number, 1.7 * number)


def frames() -> None:
    """All outputs under several weathers in three towns, one of them hilly."""
    for name in ("Pilotage01", "Pilotage02", "Pilotage06"):
        town = load_town(name)
        renderer = Renderer(town.mesh)
        for weather_name, weather in WEATHERS.items():
            for number in range(5):
                pose = view_over(name, number)
                lamps = np.array([[pose.x + 9.0 * k, pose.y + 3.0, pose.z + 4.5] for k in range(4)])
                spots_of_light = street_lamps(Lamps(lamps, np.full(4, 40.0), np.full((4, 3), 200, np.uint8)))
                frame = renderer.render(
                    pose, 211, 133, 83.7, actors(pose), weather, OUTPUTS, seconds=12.35, spots=spots_of_light
                )
                for output in ("bgra", "depth", "semantic", "instance", "normals"):
                    say(f"{name} {weather_name} {number} {output}", getattr(frame, output))


def rays() -> None:
    """Scans of both LiDARs, and what the obstacle sensor's balls touch, among actors in two towns."""
    pattern = Sweep(32, 80.0, 100_000.0, 10.0, 10.0, -30.0, 360.0)
    for name in ("Pilotage01", "Pilotage06"):
        scene = RayScene(load_town(name).mesh)
        for number in range(3):
            pose = view_over(name, number)
            placed = scene.place(actors(pose))

            def cast(origins, ways, limit):  # type: ignore[no-untyped-def]
                return scene.cast(origins, ways, limit, placed)  # noqa: B023 (called before it changes)

            scan = Lidar(pattern, Losses(0.004, 0.1, 0.8, 0.4, 0.02), np.random.default_rng(number)).scan(
                pose, 0.05, cast
            )
            assert scan.points.size > 0
            say(f"{name} {number} LiDAR", scan.counts, scan.points)
            labelled = SemanticLidar(pattern).scan(pose, 0.05, cast)
            say(f"{name} {number} semantic LiDAR", labelled.counts, labelled.points)
            touches = []
            for turn in range(24):
                way = (math.cos(turn), math.sin(turn), -0.02)
                way = np.array(way) / math.sqrt(sum(part * part for part in way))
                touch = sweep(scene, np.array(pose[:3]), way, 40.0, 0.5, placed)
                touches.append((touch.distance, touch.tag, touch.actor) if touch else (-1.0, 0, 0))
            assert any(distance > 0.0 for distance, _, _ in touches)
            say(f"{name} {number} obstacles", np.array(touches))


def sketches() -> None:
    """Clients' lines and text over frames."""
    town = load_town("Pilotage01")
    renderer, random = Renderer(town.mesh), np.random.default_rng(3)
    for number in range(3):
        pose = view_over("Pilotage01", number)
        frame = renderer.render(pose, 211, 133, 83.7, outputs=frozenset({"rgb", "depth"}))
        assert frame.bgra is not None
        plain = frame.bgra.copy()
        yaw = math.radians(pose.yaw)
        ahead = np.array(pose[:3]) + 12.0 * np.array([math.cos(yaw), math.sin(yaw), 0.0])
        strokes = overlay.Strokes(
            ahead + random.normal(0.0, 4.0, (40, 3)), ahead + random.normal(0.0, 4.0, (40, 3)),
            random.uniform(0.05, 3.0, 40), np.arange(40) % 2 == 0, random.integers(0, 256, (40, 3)).astype(np.uint8),
        )  # fmt: skip
        overlay.draw(frame.bgra, frame.depth, pose, 83.7, strokes)
        place = (float(ahead[0]), float(ahead[1]), float(ahead[2]))
        overlay.write(frame.bgra, pose, 83.7, [overlay.Label(place, "vehicle 7", (255, 40, 0), shadow=True)])
        assert (frame.bgra != plain).any()
        say(f"sketch {number}", frame.bgra)


def drives() -> None:
    """Where vehicles are that accelerate, swerve, brake and crash on the roads of two towns, every half second."""
    for name in ("Pilotage01", "Pilotage06"):
        town = load_town(name)
        world = World(town, StreamHub(0.0, 1), seed=0, stream_port=1)
        cars = ("vehicle.tesla.model3", "vehicle.carlamotors.firetruck", "vehicle.kawasaki.ninja")
        for number in range(6):
            spot = town.spawn_points[(number // 2) * len(town.spawn_points) // 3]
            yaw = math.radians(spot.yaw)
            gap = 11.0 * (number % 2)  # pairs: the rear one drives into the other
            blueprint = CATALOGUE[cars[number % 3]]
            values = {attribute.name: attribute.value for attribute in blueprint.attributes}
            place = Pose(spot.x + gap * math.cos(yaw), spot.y + gap * math.sin(yaw), spot.z + 0.5, 0.0, spot.yaw, 0.0)
            world.spawn(Description(blueprint, values), place)
        rows = world.table.rows[: world.table.count]
        fields = ("x", "y", "z", "yaw", "vx", "vy", "vz", "wz")
        before = np.stack([rows[field] for field in fields])
        for tick in range(80):
            for number in range(len(rows)):
                rows[number]["throttle"] = 0.9 if number % 2 == 0 else 0.2
                rows[number]["steer"] = 0.3 * math.copysign(1.0, tick % 30 - 15) if tick > 30 else 0.0
                rows[number]["brake"] = 1.0 if tick > 65 else 0.0
            world.tick()
            if tick % 10 == 9:
                say(f"{name} drive {tick}", *[np.array(rows[field]) for field in fields])
        assert np.abs(np.stack([rows[field] for field in fields]) - before)[:2].max() > 5.0


class Ears(StreamHub):
    """Listens to every stream, and keeps a hash of what each has sent, and how often."""

    def __init__(self) -> None:
        super().__init__(0.0, 1)
        self.heard: dict[int, tuple[Any, int]] = {}

    def has_listener(self, stream_id: int) -> bool:
        return True

    def publish(self, stream_id: int, message: wire.Message) -> None:
        total, count = self.heard.get(stream_id, (hashlib.sha256(), 0))
        for part in message if isinstance(message, (list, tuple)) else [message]:
            total.update(part)
        self.heard[stream_id] = (total, count + 1)


LENS = {"image_size_x": "160", "image_size_y": "96", "fov": "75"}
NOISE = {
    "sensor.other.imu": {f"noise_{kind}_stddev_{axis}": "0.1" for kind in ("accel", "gyro") for axis in "xyz"},
    "sensor.other.gnss": {"noise_lat_stddev": "1e-5", "noise_lon_stddev": "1e-5", "noise_alt_stddev": "0.3"},
}
INSTRUMENTS = (
    "camera.rgb", "camera.optical_flow", "camera.dvs", "camera.cosmos_visualization", "camera.normals", "other.imu",
    "other.gnss", "other.v2x", "other.radar", "lidar.ray_cast",
)  # fmt: skip


def spawn(world: World, identifier: str, place: Pose, parent: int = 0) -> Actor:
    """An actor with the attributes that it has by default, but for noise and a small picture."""
    blueprint = CATALOGUE[identifier]
    values = {attribute.name: attribute.value for attribute in blueprint.attributes}
    values |= {name: value for name, value in (LENS | NOISE.get(identifier, {})).items() if name in values}
    return world.spawn(Description(blueprint, values), place, parent)


def shapes(at: Pose) -> list[object]:
    """Debug shapes of every kind before a camera, as the wire carries them."""
    yaw = math.radians(at.yaw)
    here = [at.x + 9.0 * math.cos(yaw), at.y + 9.0 * math.sin(yaw), at.z + 1.0]
    there = [here[0] + 2.3, here[1] - 1.7, here[2] + 0.8]
    box = [[here, [1.1, 0.7, 0.9], [0.0, 0.0, 0.0]], [11.0, 33.0, 7.0], 0.07]
    drawn = ((POINT, [there, 0.1]), (LINE, [here, there, 0.05]), (ARROW, [[there, here, 0.06], 0.4]), (BOX, box))
    named = (STRING, [here, "same bits", True])
    return [[[kind, body], [255, 30 * kind, 90, 255], 0.0, False] for kind, body in (*drawn, named)]


def sensors() -> None:
    """What the sensors of a car send that drives through two towns at night, among others with burning lamps."""
    lamps = (vehicle_lights.LOW_BEAM, vehicle_lights.HIGH_BEAM | vehicle_lights.LEFT_BLINKER, vehicle_lights.POSITION)
    for name in ("Pilotage01", "Pilotage06"):
        ears = Ears()
        world = World(load_town(name), ears, seed=0, stream_port=1)
        world.settings = replace(world.settings, fixed_delta_s=0.05)
        world.set_weather((30.0, 0.0, 40.0, 20.0, 33.0, -30.0, 4.0, 0.75, 0.1, 60.0, 1.0, 0.03, 0.0331, 0.0))
        start = world.town.spawn_points[3]
        yaw = math.radians(start.yaw)
        cars = [spawn(world, "vehicle.tesla.model3", start)]
        for number, kind in enumerate(("vehicle.audi.tt", "vehicle.ford.ambulance", "vehicle.kawasaki.ninja")):
            ahead = 9.0 + 7.0 * number
            place = start._replace(x=start.x + ahead * math.cos(yaw), y=start.y + ahead * math.sin(yaw))
            cars.append(spawn(world, kind, place._replace(yaw=start.yaw + 40.0 * number)))
        for number, car in enumerate(cars):
            car.lights = lamps[number % len(lamps)] | vehicle_lights.BRAKE * (number % 2)
        ears_of = [(kind, spawn(world, f"sensor.{kind}", Pose(1.2, 0.1, 1.6, -3.0, 2.0, 1.0), cars[0].id))
                   for kind in INSTRUMENTS]  # fmt: skip
        ears_of.append(("other.v2x of another", spawn(world, "sensor.other.v2x", Pose(0.0, 0.0, 1.0), cars[2].id)))
        for shape in shapes(start):
            world.scene.shapes.add(read_shape(shape), world.elapsed_s)
        for tick in range(24):
            for number in range(len(cars)):
                world.table.rows[number]["throttle"] = 0.8 - 0.2 * number
                world.table.rows[number]["steer"] = 0.2 * math.copysign(1.0, tick % 16 - 8)
            world.tick()
        for kind, sensor in ears_of:
            total, count = ears.heard[sensor.stream_id]
            print(f"{name} {kind}, {count} messages", total.hexdigest()[:16], flush=True)


PARTS = {"towns": towns, "frames": frames, "rays": rays, "sketches": sketches, "drives": drives, "sensors": sensors}


def main() -> None:
    """Print what the arguments name; all of it without any."""
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
