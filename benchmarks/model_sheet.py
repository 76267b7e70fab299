"""A picture of every vehicle, and of people who stand, walk and run: `python benchmarks/model_sheet.py [--out FILE]`.

Vehicles are seen from behind, from the front and from the side, with their lamps on and their wheels turned.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.render.renderer import Movable, Renderer
from sim.render.weather import Weather
from sim.server import appearance
from sim.server.actors import Actor
from sim.server.blueprints import CATALOGUE, Description
from sim.server.bodies import BodyTable
from sim.server.embodiment import embody

WIDTH, HEIGHT, COLUMNS, FOV = 200, 150, 9, 40.0
LIGHTS = 0x2 | 0x8 | 0x20 | 0x600  # dipped beams, brake, left blinker, beacons
STEER_DEGREES = 20.0
SUN = Weather(sun_altitude_angle=40.0, sun_azimuth_angle=130.0)
GROUND = Mesh.build([[-90, -90, 0], [90, -90, 0], [90, 90, 0], [-90, 90, 0]], [[0, 1, 2], [0, 2, 3]], (96, 98, 100), 1)


def actor(identifier: str) -> tuple[Actor, BodyTable]:
    """An actor at the origin, its feet or wheels on the ground, in a table of its own."""
    blueprint = CATALOGUE[identifier]
    values = {attribute.name: attribute.value for attribute in blueprint.attributes}
    height = 0.0 if blueprint.wheels else blueprint.extent[2]
    made, table = Actor(1, Description(blueprint, values), Pose(0.0, 0.0, height)), BodyTable()
    embody(made, table)
    return made, table


def picture(renderer: Renderer, made: Actor, table: BodyTable, yaw: float) -> np.ndarray:
    """RGB (HEIGHT, WIDTH, 3) from the direction `yaw` (degrees), from so far that the actor fills it."""
    extent, center = made.description.extent, made.description.center
    far = 2.8 * max(math.hypot(extent[0], extent[1]) * 0.95, 1.6 * extent[2])
    turn = math.radians(yaw)
    middle = center[0] if made.is_vehicle else 0.0
    eye = Pose(middle - far * math.cos(turn), -far * math.sin(turn), extent[2] + 0.28 * far, -14.0, yaw)
    movable = Movable(1, appearance.actor_mesh(made), made.pose, True, appearance.detail(made, table, 0.0))
    bgra = renderer.render(eye, WIDTH, HEIGHT, FOV, [movable], SUN).bgra
    assert bgra is not None
    return np.ascontiguousarray(bgra[..., 2::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("model_sheet.png"))
    path = parser.parse_args().out
    renderer, cells = Renderer(GROUND), []
    for identifier in (identifier for identifier in CATALOGUE if identifier.startswith("vehicle.")):
        vehicle, table = actor(identifier)
        vehicle.lights = LIGHTS
        table.wheels["angle"][vehicle.row, :2] = math.radians(STEER_DEGREES)
        cells += [(identifier[8:], picture(renderer, vehicle, table, yaw)) for yaw in (28.0, 205.0, -90.0)]
    for number in range(1, 50, 2):
        walker, table = actor(f"walker.pedestrian.{number:04d}")
        walker.strides, walker.pace = 0.11 * number, (0.0, 1.4, 3.5)[number % 3]
        cells.append((f"pedestrian {number:04d}", picture(renderer, walker, table, 120.0 + 40.0 * (number % 7))))
    rows = math.ceil(len(cells) / COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * WIDTH, rows * HEIGHT))
    pen = ImageDraw.Draw(sheet)
    for place, (name, pixels) in enumerate(cells):
        x, y = place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT
        sheet.paste(Image.fromarray(pixels), (x, y))
        pen.text((x + 4, y + 2), name, fill=(255, 255, 255))
    sheet.save(path)
    print(path)


if __name__ == "__main__":
    main()
