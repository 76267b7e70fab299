"""Farms beside country roads: a house and a barn on the open ground."""

from __future__ import annotations

import numpy as np

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.embankment import RUN, VERGE_M
from sim.maps.facades import COTTAGE, FLOOR, Houses, facades
from sim.maps.props import BOX, GABLE, place
from sim.maps.roadside import Clearance, Roadside
from sim.maps.terrain import GROUND_Z
from sim.maps.yards import clear_of
from sim.render.mesh import Mesh

EVERY, FIRST = 34, 15  # stations along a road from one site to the next, and the first
SHARE = 0.7
OUT_M, OFF_ROADS = 26.0, 12.0  # m from the outermost lane (or the foot of a bank) to a farm's middle; to any road
BESIDE_M = 11.0  # m along the road from a farm's middle to those of its house and its barn
_HOUSE, _BARN = (12.0, 9.0), (18.0, 11.0, 5.2)
_ROOM = 2.5  # m around the walls: no tree's crown reaches in
_PLASTER = np.array([(228, 220, 204), (206, 190, 166), (216, 206, 178)], float)
_WOOD = np.array([(132, 54, 44), (112, 92, 74), (140, 138, 132)], float)
_TILES, _SHEET, _DOOR = (124, 68, 54), (96, 98, 102), (70, 52, 42)


def farms(
    sides: list[Roadside], clearance: Clearance, boxes: BoxList, seed: int, open_ground: float
) -> tuple[np.ndarray, list[Mesh]]:
    """Houses and barns, clear of roads, of each other and of all that `boxes` holds; discs (N, 3: x, y, radius)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    sites = _sites(sides, clearance, boxes, rng, open_ground)
    count = len(sites)
    if count == 0:
        return np.zeros((0, 3)), []
    foot, ahead, yaw = sites[:, :3], sites[:, 3:5], sites[:, 5]
    floors = rng.integers(1, 3, count)
    up = np.array([0.0, 0.0, 1.0])

    house = foot + np.column_stack([-BESIDE_M * ahead, np.zeros(count)])
    size = np.column_stack([np.tile(_HOUSE, (count, 1)), floors * FLOOR + 0.8])
    paint = _PLASTER[rng.integers(0, len(_PLASTER), count)]
    numbers = boxes.add(house, size, yaw, Label.BUILDINGS)
    ones = np.ones(count, int)
    houses = Houses(house, size, yaw, COTTAGE * ones, 0 * ones, floors, np.zeros(count, bool), numbers)
    eaves = np.column_stack([size[:, 0] + 0.8, size[:, 1] + 1.0, 0.36 * size[:, 1]])
    meshes = [
        boxes.tie(place(BOX, house, size, yaw, paint, Label.BUILDINGS), numbers),
        boxes.tie(place(GABLE, house + size * up, eaves, yaw, _many(_TILES, count), Label.BUILDINGS), numbers),
        *facades(houses, paint, boxes),
    ]

    barn = foot + np.column_stack([BESIDE_M * ahead, np.zeros(count)])
    size = np.tile(_BARN, (count, 1))
    wood = _WOOD[rng.integers(0, len(_WOOD), count)]
    numbers = boxes.add(barn, size, yaw, Label.BUILDINGS)
    eaves = size * np.array([1.04, 1.1, 0.75])
    # The gate looks at the road: at local -y, as the house's door does.
    turn = np.radians(yaw)
    street = np.column_stack([np.sin(turn), -np.cos(turn), np.zeros(count)])
    gate, frame = np.tile([4.2, 0.08, 3.9], (count, 1)), np.tile([4.7, 0.06, 4.15], (count, 1))
    meshes += [
        boxes.tie(place(BOX, barn, size, yaw, wood, Label.BUILDINGS), numbers),
        boxes.tie(place(GABLE, barn + size * up, eaves, yaw, _many(_SHEET, count), Label.BUILDINGS), numbers),
        boxes.tie(
            place(BOX, barn + 0.5 * _BARN[1] * street, frame, yaw, _many((214, 210, 200), count), Label.BUILDINGS),
            numbers,
        ),
        boxes.tie(
            place(BOX, barn + (0.5 * _BARN[1] + 0.04) * street, gate, yaw, _many(_DOOR, count), Label.BUILDINGS),
            numbers,
        ),
    ]
    radius = np.full(count, BESIDE_M + 0.5 * _BARN[0] + _ROOM)
    return np.column_stack([foot[:, :2], radius]), meshes


def _many(color: tuple[int, int, int], count: int) -> np.ndarray:
    return np.tile(np.array(color, float), (count, 1))


def _sites(
    sides: list[Roadside], clearance: Clearance, boxes: BoxList, rng: np.random.Generator, open_ground: float
) -> np.ndarray:
    """Rows of a farm's middle on the ground (m), the direction along its road, and its yaw (degrees)."""
    standing = boxes.build()
    found: list[np.ndarray] = []
    for side in sides:
        for index in range(FIRST, len(side.yaw) - FIRST // 2, EVERY):
            if rng.random() > SHARE or side.paved[index]:
                continue
            rise = max(0.0, float(side.edge[index, 2]) + GROUND_Z - open_ground)
            bank = 0.0 if side.level[index] else VERGE_M + RUN * rise
            out = side.outward[index]
            ahead = np.array([-out[1], out[0]])
            middle = np.array([*(side.edge[index, :2] + (OUT_M + bank) * out), open_ground])
            # Discs over both buildings and the yard between them.
            spots = [middle + np.array([*(shift * ahead), 0.0]) for shift in (-15.0, -8.0, 0.0, 6.0, 11.0, 17.0)]
            free = clearance(np.array(spots)).min() > OFF_ROADS + bank
            if not free or not all(clear_of([(spot[None], 5.5 + _ROOM)], standing)[0] for spot in spots):
                continue
            if any(np.hypot(*(other[:2] - middle[:2])) < 60.0 for other in found):
                continue
            # Local -y looks at the road.
            yaw = float(np.degrees(arctan2(out[1:], out[:1])[0])) - 90.0
            found.append(np.array([*middle, *ahead, yaw]))
    return np.array(found).reshape(-1, 6)
