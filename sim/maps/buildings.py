"""Houses along the sidewalks."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.props import BOX, WALLS, place
from sim.maps.roadside import STEP, Clearance, Roadside
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh
from sim.render.scene import GLASS, LIT_GLASS

FLOOR = 3.3

_FACADES = np.array(
    [
        (168, 112, 88),
        (196, 178, 148),
        (146, 148, 152),
        (206, 200, 188),
        (128, 98, 84),
        (178, 150, 118),
        (112, 124, 136),
        (214, 186, 130),
    ],
    float,
)
_WINDOWS, _LIT_WINDOWS = np.array(GLASS, float), np.array(LIT_GLASS, float)
_SHOP_PANE = 4
_LIT_SHARE = 0.3


def buildings(
    sides: list[Roadside], clearance: Clearance, boxes: BoxList, rng: np.random.Generator
) -> tuple[np.ndarray, list[Mesh]]:
    """Houses along sidewalks, facing the road; returns their discs (N, 3: x, y, radius) and meshes."""
    foot, size, yaw = _sites(sides, clearance, rng)
    if len(foot) == 0:
        return np.zeros((0, 3)), []
    numbers = boxes.add(foot, size, yaw, Label.BUILDINGS)
    radius = 0.5 * np.hypot(size[:, 0], size[:, 1])
    walls, windows, roofs, floors_of = _houses(foot, size, yaw, rng)
    meshes = [boxes.tie(walls, numbers), boxes.tie(windows, numbers.repeat(floors_of)), boxes.tie(roofs, numbers)]
    return np.concatenate([foot[:, :2], radius[:, None]], axis=1), meshes


def _sites(
    sides: list[Roadside], clearance: Clearance, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feet (N, 3) and full sizes (N, 3) in m and yaws (N,) in degrees of houses that touch neither road nor house."""
    feet, sizes, yaws = [], [], []
    for side in sides:
        station = 2.0
        while station < len(side.yaw) - 2:
            width, depth = rng.uniform(12.0, 26.0), rng.uniform(10.0, 18.0)
            floors, setback = rng.integers(2, 5) + (rng.random() < 0.25) * rng.integers(2, 7), rng.uniform(4.5, 11.0)
            station += (0.5 * width + rng.uniform(3.0, 14.0)) / STEP
            index = np.array([min(round(station), len(side.yaw) - 1)])
            station += 0.5 * width / STEP
            if side.paved[index[0]] and side.level[index[0]]:
                feet.append(side.at(index, setback + 0.5 * depth)[0])
                sizes.append((width, depth, floors * FLOOR + 0.8))
                yaws.append(float(side.yaw[index[0]]))
    if not feet:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)
    foot, size, yaw = np.array(feet), np.array(sizes), np.array(yaws)
    radius = 0.5 * np.hypot(size[:, 0], size[:, 1])
    points = _footprint(foot, size, yaw)
    clear = clearance(points.reshape(-1, 2)).reshape(points.shape[:2]).min(axis=1) > 3.0
    kept: list[int] = []
    for number in np.flatnonzero(clear):
        gap = np.hypot(*(foot[kept, :2] - foot[number, :2]).T) if kept else np.zeros(0)
        if np.all(gap > 0.86 * (radius[kept] + radius[number])):
            kept.append(int(number))
    foot, size, yaw = foot[kept], size[kept], yaw[kept]
    foot[:, 2] += GROUND_Z
    return foot, size, yaw


def _houses(
    foot: np.ndarray, size: np.ndarray, yaw: np.ndarray, rng: np.random.Generator
) -> tuple[Mesh, Mesh, Mesh, np.ndarray]:
    """Walls, a band of windows per floor, a smaller block on the roof; and how many floors (N,) each house has."""
    facade = _FACADES[rng.integers(0, len(_FACADES), len(foot))] + rng.uniform(-10, 10, (len(foot), 1))
    glass = rng.integers(0, _SHOP_PANE, len(foot))
    floors_of = ((size[:, 2] - 0.8) / FLOOR).round().astype(int)
    owner = np.repeat(np.arange(len(foot)), floors_of)
    level = np.concatenate([np.arange(count) for count in floors_of])
    sill = np.stack(
        [np.zeros(len(owner)), np.zeros(len(owner)), level * FLOOR + np.where(level == 0, 0.5, 1.1)], axis=1
    )
    band = size[owner].copy()
    band[:, 2] = np.where(level == 0, 2.2, 1.5)
    # Decals on the walls; the ground floor has taller and darker panes, as shops do.
    kind = np.where(level == 0, _SHOP_PANE, glass[owner])
    # Which floors are lit at night follows from where they are: the town's other random choices stay as they were.
    lit = (owner * 7 + level * 5 + (owner * level) % 3) % 10 < 10 * _LIT_SHARE
    tint = np.where(lit[:, None], _LIT_WINDOWS[kind], _WINDOWS[kind])
    windows = place(WALLS, foot[owner] + sill, band, yaw[owner], tint, Label.BUILDINGS, 1)
    roof = size.copy()
    roof[:, :2] *= 0.55
    roof[:, 2] = 2.2
    walls = place(BOX, foot, size, yaw, facade, Label.BUILDINGS)
    roofs = place(BOX, foot + np.array([0, 0, 1.0]) * size, roof, yaw, facade * 0.72, Label.BUILDINGS)
    return walls, windows, roofs, floors_of


def _footprint(foot: np.ndarray, size: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Points (N, 15, 2) all over footprints, so that no road passes unseen between two of them."""
    along, across = np.meshgrid(np.linspace(-0.5, 0.5, 5), np.linspace(-0.5, 0.5, 3))
    local = np.stack([along.ravel(), across.ravel()], axis=1)[None] * size[:, None, :2]
    cosine, sine = np.cos(np.radians(yaw))[:, None], np.sin(np.radians(yaw))[:, None]
    turned = [cosine * local[..., 0] - sine * local[..., 1], sine * local[..., 0] + cosine * local[..., 1]]
    return foot[:, None, :2] + np.stack(turned, axis=-1)
