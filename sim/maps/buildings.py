"""Houses along the sidewalks."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.facades import APARTMENT, BRICK, COTTAGE, FLOOR, OFFICE, PLASTER, WAREHOUSE, Houses, facades
from sim.maps.props import BOX, GABLE, place
from sim.maps.roadside import STEP, Clearance, Roadside
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh

_PAINTS = {
    PLASTER: [(206, 200, 188), (214, 192, 148), (196, 178, 148), (188, 200, 196), (222, 208, 190), (204, 168, 146)],
    BRICK: [(150, 84, 66), (134, 76, 62), (164, 106, 80), (120, 82, 70)],
    OFFICE: [(120, 130, 140), (146, 148, 152), (104, 116, 130), (170, 172, 172)],
    APARTMENT: [(214, 210, 200), (188, 168, 140), (170, 178, 180), (206, 178, 150)],
    COTTAGE: [(228, 220, 204), (206, 190, 166), (190, 202, 206), (172, 104, 84), (226, 204, 160)],
    WAREHOUSE: [(158, 164, 168), (136, 150, 160), (176, 166, 148)],
}
_TILES = np.array([(142, 72, 54), (118, 64, 52), (84, 84, 90), (104, 78, 62)], float)
# How likely each kind of house is among those of at most three floors.
_SHARES = {
    "downtown": {PLASTER: 4, BRICK: 4, APARTMENT: 3, COTTAGE: 0, WAREHOUSE: 0},
    "suburb": {PLASTER: 1, BRICK: 1, APARTMENT: 1, COTTAGE: 8, WAREHOUSE: 0},
    "rural": {PLASTER: 1, BRICK: 1, APARTMENT: 0, COTTAGE: 8, WAREHOUSE: 2},
    "motorway": {PLASTER: 0, BRICK: 1, APARTMENT: 0, COTTAGE: 1, WAREHOUSE: 8},
}
STYLES = tuple(_SHARES)
NEIGHBOUR_M = 1.5  # between houses, so that no eaves touch
_LOW_FLOORS, _COTTAGE_FLOORS = 3, 2


def buildings(
    sides: list[Roadside], clearance: Clearance, boxes: BoxList, rng: np.random.Generator, style: str
) -> tuple[np.ndarray, list[Mesh]]:
    """Houses along sidewalks, facing the road; returns their discs (N, 3: x, y, radius) and meshes."""
    foot, size, yaw, front = _sites(sides, clearance, rng, style)
    if len(foot) == 0:
        return np.zeros((0, 3)), []
    numbers = boxes.add(foot, size, yaw, Label.BUILDINGS)
    radius = 0.5 * np.hypot(size[:, 0], size[:, 1])
    pick, tone = rng.integers(0, 8, len(foot)), rng.uniform(-10, 10, (len(foot), 1))
    # All else from draws of its own, so that what is decided here moves nothing else in the town.
    looks = np.random.Generator(np.random.PCG64(rng.integers(0, 4, len(foot)).tolist()))
    floors = ((size[:, 2] - 0.8) / FLOOR).round().astype(int)
    kind = _kinds(floors, style, looks)
    shop = (kind < COTTAGE) & (kind != OFFICE) & (looks.random(len(foot)) < (0.5 if style == "downtown" else 0.15))
    houses = Houses(foot, size, yaw, kind, front, floors, shop, numbers)
    paint = np.array([_PAINTS[int(k)][int(p) % len(_PAINTS[int(k)])] for k, p in zip(kind, pick)], float) + tone
    walls = boxes.tie(place(BOX, foot, size, yaw, paint, Label.BUILDINGS), numbers)
    meshes = [walls, *_roofs(houses, paint, boxes), *facades(houses, paint, boxes)]
    return np.concatenate([foot[:, :2], radius[:, None]], axis=1), meshes


def _kinds(floors: np.ndarray, style: str, looks: np.random.Generator) -> np.ndarray:
    shares = _SHARES[style]
    order = np.array(sorted(shares))
    weights = np.cumsum([shares[kind] for kind in sorted(shares)])
    low = order[np.searchsorted(weights, looks.random(len(floors)) * weights[-1], side="right")]
    tall = np.where(looks.random(len(floors)) < 0.6, OFFICE, APARTMENT)
    kind = np.where(floors > _LOW_FLOORS, tall, low)
    return np.where((kind == COTTAGE) & (floors > _COTTAGE_FLOORS), BRICK, kind)


def _sites(
    sides: list[Roadside], clearance: Clearance, rng: np.random.Generator, style: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Feet (N, 3), full sizes (N, 3) in m, yaws (N,) in degrees and front faces (N,) of houses that touch nothing."""
    feet, sizes, yaws, fronts = [], [], [], []
    for side in sides:
        station = 2.0
        while station < len(side.yaw) - 2:
            width, depth = rng.uniform(12.0, 26.0), rng.uniform(10.0, 18.0)
            floors = int(rng.integers(2, 5) + (rng.random() < 0.25) * rng.integers(2, 7))
            setback = rng.uniform(4.5, 11.0)
            if style in ("suburb", "rural"):
                width, depth, floors = 0.6 * width + 2.0, 0.55 * depth + 3.0, 1 + floors % 2
            elif style == "motorway":
                width, depth, floors = 1.5 * width, 1.4 * depth, 2
            station += (0.5 * width + rng.uniform(3.0, 14.0)) / STEP
            index = np.array([min(round(station), len(side.yaw) - 1)])
            station += 0.5 * width / STEP
            if side.paved[index[0]] and side.level[index[0]]:
                feet.append(side.at(index, setback + 0.5 * depth)[0])
                sizes.append((width, depth, floors * FLOOR + 0.8))
                angle = np.radians(side.yaw[index[0]])
                right = np.sum(side.outward[index[0]] * np.array([-np.sin(angle), np.cos(angle)]))
                fronts.append(0 if right > 0 else 2)
                yaws.append(float(side.yaw[index[0]]))
    if not feet:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, int)
    foot, size, yaw = np.array(feet), np.array(sizes), np.array(yaws)
    radius = 0.5 * np.hypot(size[:, 0], size[:, 1])
    points = _footprint(foot, size, yaw)
    clear = clearance(points.reshape(-1, 2)).reshape(points.shape[:2]).min(axis=1) > 3.0
    kept: list[int] = []
    for number in np.flatnonzero(clear):
        gap = np.hypot(*(foot[kept, :2] - foot[number, :2]).T) if kept else np.zeros(0)
        close = np.array(kept, int)[gap < radius[kept] + radius[number] + NEIGHBOUR_M]
        if all(_apart(points[number], points[other]) for other in close):
            kept.append(int(number))
    foot, size, yaw = foot[kept], size[kept], yaw[kept]
    foot[:, 2] += GROUND_Z
    return foot, size, yaw, np.array(fronts)[kept]


def _roofs(houses: Houses, paint: np.ndarray, boxes: BoxList) -> list[Mesh]:
    """Gables on cottages, and a smaller block (stairs, lifts) on flat roofs."""
    gabled, flat = np.flatnonzero(houses.kind == COTTAGE), np.flatnonzero(houses.kind != COTTAGE)
    top = np.array([0.0, 0.0, 1.0])
    eaves = houses.size[gabled] + np.array([0.8, 1.0, 0.0])
    eaves[:, 2] = 0.32 * houses.size[gabled, 1]
    block = houses.size[flat] * np.array([0.45, 0.45, 0.0])
    block[:, 2] = 2.4
    gables = place(
        GABLE, houses.foot[gabled] + top * houses.size[gabled], eaves, houses.yaw[gabled],
        _TILES[gabled % len(_TILES)], Label.BUILDINGS,
    )  # fmt: skip
    blocks = place(
        BOX, houses.foot[flat] + top * houses.size[flat], block, houses.yaw[flat], 0.78 * paint[flat], Label.BUILDINGS
    )
    return [boxes.tie(gables, houses.numbers[gabled]), boxes.tie(blocks, houses.numbers[flat])]


def _apart(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether a line along a side of one of two footprints (15, 2) has `NEIGHBOUR_M` of room between them."""
    for shape in (first, second):
        for side in (shape[4] - shape[0], shape[10] - shape[0]):
            axis = side / np.hypot(*side)
            a, b = (np.sum(points * axis, axis=1) for points in (first, second))
            if max(a.min() - b.max(), b.min() - a.max()) > NEIGHBOUR_M:
                return True
    return False


def _footprint(foot: np.ndarray, size: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Points (N, 15, 2) all over footprints, so that no road passes unseen between two of them."""
    along, across = np.meshgrid(np.linspace(-0.5, 0.5, 5), np.linspace(-0.5, 0.5, 3))
    local = np.stack([along.ravel(), across.ravel()], axis=1)[None] * size[:, None, :2]
    cosine, sine = np.cos(np.radians(yaw))[:, None], np.sin(np.radians(yaw))[:, None]
    turned = [cosine * local[..., 0] - sine * local[..., 1], sine * local[..., 0] + cosine * local[..., 1]]
    return foot[:, None, :2] + np.stack(turned, axis=-1)
