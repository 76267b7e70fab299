"""Every town from above: `python benchmarks/town_maps.py [--out docs/images/town_maps.jpg]`.

Draws the built-in towns, and one town by seed of each style, with Pilotage's own renderer, at noon and without haze.
Equal code gives equal pictures.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sim.geometry import Pose
from sim.maps import available_towns
from sim.maps.generator import STYLES, town_name
from sim.maps.town import Town, load_town
from sim.render.renderer import Renderer
from sim.render.weather import Weather

WIDTH, HEIGHT, COLUMNS = 400, 300, 4
FOV = 24.0
MARGIN_M = 42.0
SCALES_M = (500, 200, 100, 50)
MAX_BYTES = 600_000
NOON = Weather(cloudiness=0.0, fog_density=0.0, sun_azimuth_angle=140.0, sun_altitude_angle=52.0)
PAPER, INK = (250, 250, 248), (40, 44, 52)
GAP, STRIP = 8, 22


def from_above(town: Town) -> tuple[np.ndarray, float]:
    """RGB uint8 (HEIGHT, WIDTH, 3), the longer side of the town from left to right, and its pixels per metre."""
    at = np.array([(point.x, point.y) for point in town.spawn_points])
    low, high = at.min(axis=0) - MARGIN_M, at.max(axis=0) + MARGIN_M
    size, middle = high - low, 0.5 * (low + high)
    tall = bool(size[1] > size[0])
    across, down = (size[1], size[0]) if tall else (size[0], size[1])
    metres = max(across, down * WIDTH / HEIGHT)
    up = 0.5 * metres / math.tan(math.radians(0.5 * FOV))
    # Looking down, the top of the picture is where the camera's yaw points.
    eye = Pose(float(middle[0]), float(middle[1]), up, -90.0, 0.0 if tall else -90.0)
    frame = Renderer(town.mesh).render(eye, 2 * WIDTH, 2 * HEIGHT, FOV, weather=NOON)
    assert frame.bgra is not None
    picture = Image.fromarray(np.ascontiguousarray(frame.bgra[..., 2::-1]))
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX)), WIDTH / metres


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images/town_maps.jpg"))
    parser.add_argument("--towns", default="", help="names, joined by commas")
    options = parser.parse_args()
    names = [*available_towns(), *(town_name(style, "train", 7) for style in STYLES)]
    names = options.towns.split(",") if options.towns else names
    rows = math.ceil(len(names) / COLUMNS)
    columns = min(COLUMNS, len(names))
    sheet = Image.new("RGB", (columns * (WIDTH + GAP) + GAP, rows * (HEIGHT + STRIP + GAP) + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, name in enumerate(names):
        picture, scale = from_above(load_town(name))
        x = GAP + number % COLUMNS * (WIDTH + GAP)
        y = GAP + number // COLUMNS * (HEIGHT + STRIP + GAP)
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text((x + 2, y + HEIGHT + 3), name, fill=INK, font=font)
        length = next(metres for metres in SCALES_M if metres * scale <= 0.4 * WIDTH)
        right, line = x + WIDTH - 2, y + HEIGHT + 12
        pen.line((right - length * scale, line, right, line), fill=INK, width=3)
        pen.text((right - length * scale - 6, line), f"{length} m", fill=INK, font=font, anchor="rm")
    for quality in range(90, 30, -5):
        sheet.save(options.out, quality=quality, optimize=True)
        if options.out.suffix != ".jpg" or options.out.stat().st_size <= MAX_BYTES:
            break
    print(f"{options.out}: {sheet.width} x {sheet.height}, {options.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
