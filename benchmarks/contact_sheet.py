"""Pictures of towns, weathers and sensors for the README: `python benchmarks/contact_sheet.py [--out docs/images]`.

Starts an embedded server, drives it with the `carla` client, and writes one sheet each of towns, weathers and sensors.
Scenes are spawned at the same places each time, so equal code gives equal sheets.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import carla
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sim.maps import available_towns

DELTA_S = 0.05
SPEED_MPS = 6.0
MAX_BYTES = 1_500_000

WEATHERS = (
    "ClearNoon", "CloudyNoon", "WetNoon", "HardRainNoon",
    "ClearSunset", "CloudySunset", "MidRainSunset", "DustStorm",
    "ClearNight", "WetNight", "SoftRainNight", "HardRainNight",
)  # fmt: skip
TOWN_WEATHERS = ("ClearNoon", "CloudySunset", "WetCloudyNoon", "WetNight")
# Where a town is looked at: the spawn point's number. Others are seen from their first one.
VIEWS = {
    "Pilotage01": 442, "Pilotage02": 5, "Pilotage03": 53, "Pilotage04": 123, "Pilotage05": 94, "Pilotage06": 30,
    "Pilotage07": 153,
}  # fmt: skip

EGO = "vehicle.lincoln.mkz_2020"
TRAFFIC = (
    "vehicle.audi.tt", "vehicle.mini.cooper_s", "vehicle.volkswagen.t2", "vehicle.tesla.model3",
    "vehicle.ford.ambulance", "vehicle.carlamotors.firetruck", "vehicle.nissan.micra", "vehicle.mitsubishi.fusorosa",
)  # fmt: skip
FRONT = carla.Transform(carla.Location(x=0.9, z=1.7), carla.Rotation(pitch=-4.0))
BEHIND = carla.Transform(carla.Location(x=-7.0, z=3.1), carla.Rotation(pitch=-9.0))
PAPER, INK = (250, 250, 248), (40, 44, 52)
GAP, STRIP = 8, 22

Picture = np.ndarray
"""uint8 (H, W, 3) RGB."""


@contextmanager
def embedded_server() -> Iterator[carla.Client]:
    """A server process of this checkout, and a client of it."""
    server = subprocess.Popen(
        [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        client = carla.Client("127.0.0.1", json.loads(server.stdout.readline())["port"])
        client.set_timeout(60.0)
        yield client
    finally:
        server.stdin.close()
        server.wait(10)


@dataclass
class Stage:
    """A town with an ego vehicle in traffic."""

    world: carla.World
    ego: carla.Vehicle
    vehicles: list[carla.Vehicle]
    walkers: list[carla.Walker]

    def set_weather(self, name: str) -> None:
        """A preset; vehicles switch their lamps on where it is dark or wet."""
        weather = getattr(carla.WeatherParameters, name)
        self.world.set_weather(weather)
        dark = weather.sun_altitude_angle < 20.0 or weather.precipitation > 30.0
        lamps = carla.VehicleLightState.LowBeam | carla.VehicleLightState.Position
        for vehicle in [self.ego, *self.vehicles]:
            vehicle.set_light_state(carla.VehicleLightState(lamps if dark else carla.VehicleLightState.NONE))


def set_stage(client: carla.Client, town: str, view: int, moving: bool = False) -> Stage:
    """Load a town and fill the street around a spawn point with traffic that stands, or drives at SPEED_MPS."""
    settings = client.get_world().get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, DELTA_S
    client.get_world().apply_settings(settings)
    # In synchronous mode from its first tick on, so that clouds and rain are where they always are.
    world = client.load_world(town, False)
    spawns = world.get_map().get_spawn_points()
    place = spawns[view % len(spawns)]
    library = world.get_blueprint_library()
    ego = world.spawn_actor(library.find(EGO), place)
    vehicles: list[carla.Vehicle] = []
    here = world.get_map().get_waypoint(place.location)

    def add(kind: str, waypoint: carla.Waypoint) -> None:
        transform = waypoint.transform
        transform.location.z += 0.4
        actor = world.try_spawn_actor(library.find(kind), transform)
        if actor is not None:
            vehicles.append(actor)

    kinds = iter(TRAFFIC * 4)
    for distance in (13.0, 30.0, 48.0, 70.0):
        for ahead in here.next(distance)[:1]:
            add(next(kinds), ahead)
            left, seen = ahead.get_left_lane(), 0
            while left is not None and left.lane_type == carla.LaneType.Driving and seen < 2:
                if left.lane_id * here.lane_id < 0 or seen == 0:
                    shifted = (left.previous if left.lane_id * here.lane_id < 0 else left.next)(6.0)
                    add(next(kinds), shifted[0] if shifted else left)
                seen += 1
                if left.lane_id * here.lane_id < 0:
                    break
                left = left.get_left_lane()
    walkers = _walkers(world, here)
    for vehicle in [ego, *vehicles] if moving else []:
        vehicle.enable_constant_velocity(carla.Vector3D(SPEED_MPS, 0.0, 0.0))
    for _ in range(6):
        world.tick()
    return Stage(world, ego, vehicles, walkers)


def _walkers(world: carla.World, here: carla.Waypoint) -> list[carla.Walker]:
    """People on the sidewalk, or at the road's edge where there is none."""
    people = sorted(world.get_blueprint_library().filter("walker.pedestrian.*"), key=lambda item: item.id)
    walkers = []
    for index, distance in enumerate((9.0, 11.0, 16.0, 24.0, 36.0)):
        for ahead in here.next(distance)[:1]:
            edge = ahead
            while edge.get_right_lane() is not None and edge.lane_type != carla.LaneType.Sidewalk:
                edge = edge.get_right_lane()
            transform = edge.transform
            side = transform.get_right_vector()
            off = 0.0 if edge.lane_type == carla.LaneType.Sidewalk else 0.5 * edge.lane_width + 1.2
            off += 0.5 * math.sin(2.3 * index)
            transform.location += carla.Location(x=off * side.x, y=off * side.y, z=1.1)
            blueprint = people[(5 * index) % len(people)]
            walker = world.try_spawn_actor(blueprint, transform)
            if walker is None:
                continue
            forward = transform.get_forward_vector()
            way = 1.0 if index % 2 else -1.0
            walker.apply_control(carla.WalkerControl(carla.Vector3D(way * forward.x, way * forward.y, 0.0), 1.4))
            walkers.append(walker)
    return walkers


def shoot(stage: Stage, sensors: list[tuple[str, dict[str, object]]], at: carla.Transform, ticks: int = 4) -> list[Any]:
    """The last data of each sensor (blueprint, attributes) after some ticks of watching."""
    library = stage.world.get_blueprint_library()
    queues: list[queue.Queue[Any]] = []
    actors = []
    for name, attributes in sensors:
        blueprint = library.find(name)
        for key, value in attributes.items():
            blueprint.set_attribute(key, str(value))
        actor = stage.world.spawn_actor(blueprint, at, attach_to=stage.ego)
        arrived: queue.Queue[Any] = queue.Queue()
        actor.listen(arrived.put)
        actors.append(actor)
        queues.append(arrived)
    frame = 0
    for _ in range(ticks):
        frame = stage.world.tick()
    data = []
    for arrived in queues:
        latest = arrived.get(timeout=30.0)
        while latest.frame < frame:
            latest = arrived.get(timeout=30.0)
        data.append(latest)
    for actor in actors:
        actor.stop()
        actor.destroy()
    return data


def pixels(image: carla.Image) -> Picture:
    """A camera's image as it was sent or converted."""
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)[:, :, 2::-1].copy()


def converted(how: carla.ColorConverter) -> Callable[[carla.Image], Picture]:
    """A camera's image through the client library's own converter."""

    def convert(image: carla.Image) -> Picture:
        image.convert(how)
        return pixels(image)

    return convert


def instances(image: carla.Image) -> Picture:
    """A colour for each object: green and blue hold its number, red its tag."""
    raw = pixels(image).astype(np.int64)
    number = raw[..., 1] + 256 * raw[..., 2] + 65536 * raw[..., 0]
    mixed = (number * 2654435761) & 0xFFFFFFFF
    shades = np.stack([(mixed >> shift) & 0xFF for shift in (8, 16, 24)], axis=-1)
    ground = number % 65536 == 0
    return np.where(ground[..., None], raw[..., :1] * 3 + 24, 55 + shades * 200 // 255).astype(np.uint8)


def flow(image: carla.OpticalFlowImage) -> Picture:
    """Direction as hue, speed as strength, by the client library's own colours."""
    return pixels(image.get_color_coded_flow())


def events(array: carla.DVSEventArray) -> Picture:
    """Blue where it became brighter, red where darker, on white."""
    picture = np.full((array.height, array.width, 3), 255, np.uint8)
    raw = np.frombuffer(array.raw_data, np.dtype([("x", "u2"), ("y", "u2"), ("t", "i8"), ("pol", "?")]))
    picture[raw["y"], raw["x"]] = np.where(raw["pol"][:, None], (30, 90, 220), (220, 50, 40))
    return picture


def cloud(size: tuple[int, int]) -> Callable[[carla.LidarMeasurement], Picture]:
    """A LiDAR's points from above and behind, coloured by height, on dark ground."""

    def draw(measurement: carla.LidarMeasurement) -> Picture:
        width, height = size
        points = np.frombuffer(measurement.raw_data, np.float32).reshape(-1, 4)[:, :3].astype(float)
        pitch, eye = math.radians(24.0), np.array([-16.0, 0.0, 9.0])
        relative = points - eye
        depth = relative[:, 0] * math.cos(pitch) - relative[:, 2] * math.sin(pitch)
        up = relative[:, 0] * math.sin(pitch) + relative[:, 2] * math.cos(pitch)
        seen = depth > 1.0
        u = (0.5 * width + 0.6 * width * relative[seen, 1] / depth[seen]).astype(int)
        v = (0.42 * height - 0.6 * width * up[seen] / depth[seen]).astype(int)
        share = np.clip((points[seen, 2] + 2.0) / 7.0, 0.0, 1.0)[:, None]
        low, middle, high = np.array([[40, 90, 200], [60, 200, 160], [250, 220, 90]], float)
        shade = np.where(share < 0.5, low + 2 * share * (middle - low), middle + (2 * share - 1) * (high - middle))
        picture = np.full((height, width, 3), (14, 16, 22), np.uint8)
        order = np.argsort(-depth[seen], kind="stable")
        u, v, shade = u[order], v[order], shade[order]
        for du in (0, 1):
            for dv in (0, 1):
                inside = (u + du >= 0) & (u + du < width) & (v + dv >= 0) & (v + dv < height)
                picture[v[inside] + dv, u[inside] + du] = shade[inside]
        return picture

    return draw


def sheet(rows: list[list[tuple[str, Picture]]], path: Path) -> None:
    """Write labelled pictures of one size in rows, as JPEG of the best quality that keeps within MAX_BYTES."""
    height, width = rows[0][0][1].shape[:2]
    columns = max(len(row) for row in rows)
    size = (columns * (width + GAP) + GAP, len(rows) * (height + STRIP + GAP) + GAP)
    canvas = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    for i, row in enumerate(rows):
        for j, (label, picture) in enumerate(row):
            x, y = GAP + j * (width + GAP), GAP + i * (height + STRIP + GAP)
            canvas.paste(Image.fromarray(picture), (x, y))
            pen.text((x + 2, y + height + 3), label, fill=INK, font=font)
    for quality in range(92, 40, -6):
        canvas.save(path, quality=quality, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break
    print(f"{path}: {size[0]} x {size[1]}, {path.stat().st_size / 1e6:.2f} MB")


def rgb_camera(width: int, height: int, fov: float = 90.0) -> tuple[str, dict[str, object]]:
    return "sensor.camera.rgb", {"image_size_x": width, "image_size_y": height, "fov": fov}


def towns_sheet(client: carla.Client, towns: list[str], out: Path) -> None:
    rows = []
    for town in towns:
        stage = set_stage(client, town, VIEWS.get(town, 0))
        row = []
        for name in TOWN_WEATHERS:
            stage.set_weather(name)
            row.append((f"{town}  {name}", pixels(shoot(stage, [rgb_camera(400, 300)], BEHIND)[0])))
        rows.append(row)
    sheet(rows, out / "towns.jpg")


def weathers_sheet(client: carla.Client, town: str, out: Path) -> None:
    stage = set_stage(client, town, VIEWS.get(town, 0))
    tiles = []
    for name in WEATHERS:
        stage.set_weather(name)
        tiles.append((name, pixels(shoot(stage, [rgb_camera(400, 300)], FRONT)[0])))
    sheet([tiles[i : i + 4] for i in range(0, len(tiles), 4)], out / "weathers.jpg")


def sensors_sheet(client: carla.Client, town: str, out: Path) -> None:
    stage = set_stage(client, town, VIEWS.get(town, 0), moving=True)
    width, height = 400, 300
    frame: dict[str, object] = {"image_size_x": width, "image_size_y": height, "fov": 90}
    lidar: dict[str, object] = {
        "channels": 64, "range": 80, "points_per_second": 1_200_000, "rotation_frequency": 20, "upper_fov": 12,
        "lower_fov": -26,
    }  # fmt: skip
    kinds: list[tuple[str, str, dict[str, object], Callable[[Any], Picture]]] = [
        ("RGB", "sensor.camera.rgb", frame, pixels),
        ("depth, logarithmic", "sensor.camera.depth", frame, converted(carla.ColorConverter.LogarithmicDepth)),
        (
            "semantic segmentation", "sensor.camera.semantic_segmentation", frame,
            converted(carla.ColorConverter.CityScapesPalette),
        ),
        ("instance segmentation", "sensor.camera.instance_segmentation", frame, instances),
        ("surface normals", "sensor.camera.normals", frame, pixels),
        ("optical flow", "sensor.camera.optical_flow", frame, flow),
        ("event camera (DVS)", "sensor.camera.dvs", frame, events),
        ("LiDAR, 64 channels", "sensor.lidar.ray_cast", lidar, cloud((width, height))),
    ]  # fmt: skip
    data = shoot(stage, [(name, attributes) for _, name, attributes, _ in kinds], FRONT)
    tiles = [(label, show(item)) for (label, _, _, show), item in zip(kinds, data)]
    sheet([tiles[:4], tiles[4:]], out / "sensors.jpg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--town", default="Pilotage02", help="the town of the weathers and of the sensors")
    parser.add_argument("--only", choices=("towns", "weathers", "sensors"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with embedded_server() as client:
        # Others that the client lists are CARLA's names, for which one of these stands in.
        listed = {name.rsplit("/", 1)[-1] for name in client.get_available_maps()}
        towns = [town for town in available_towns() if town in listed]
        if options.only in (None, "towns"):
            towns_sheet(client, towns, options.out)
        if options.only in (None, "weathers"):
            weathers_sheet(client, options.town, options.out)
        if options.only in (None, "sensors"):
            sensors_sheet(client, options.town, options.out)


if __name__ == "__main__":
    main()
