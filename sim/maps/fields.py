"""Fields in the country: patches of crops and of bare earth on the open ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.labels import Label
from sim.maps.embankment import RUN, VERGE_M
from sim.maps.roadside import STEP, Clearance, Roadside
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh

EVERY = 9  # stations along a road from one field's middle to the next
SHARE = 0.75
NEAR_M = 9.0  # m from the outermost lane (or the foot of a bank) to the nearest edge of a field
OFF_ROADS, APART = 4.0, 2.0  # m
LENGTHS, DEPTHS = (32.0, 56.0), (28.0, 130.0)
LIFT = 0.012
# Wheat, rape, earth, and young and ripe green.
_CROPS = np.array([(158, 142, 82), (150, 146, 66), (110, 90, 68), (112, 140, 70), (72, 104, 54), (140, 138, 92)], float)
_LAYER = 1


class Field(NamedTuple):
    """A rectangle: the middle of its edge along the road, unit vectors along and away from it (2,), its size (m)."""

    start: np.ndarray
    ahead: np.ndarray
    out: np.ndarray
    length: float
    depth: float

    def grid(self) -> np.ndarray:
        """Points (N, 2) all over it."""
        u, v = np.meshgrid(np.linspace(-0.5, 0.5, 9) * self.length, np.linspace(0.0, 1.0, 15) * self.depth)
        return self.start + u.reshape(-1, 1) * self.ahead + v.reshape(-1, 1) * self.out

    def holds(self, points: np.ndarray) -> bool:
        """Whether any of the points (N, 2) lies in it or within `APART` of it."""
        offset = points - self.start
        along, out = np.abs(np.sum(offset * self.ahead, axis=1)), np.sum(offset * self.out, axis=1)
        inside = (along < 0.5 * self.length + APART) & (out > -APART) & (out < self.depth + APART)
        return bool(inside.any())


def fields(sides: list[Roadside], clearance: Clearance, farms: np.ndarray, seed: int, open_ground: float) -> list[Mesh]:
    """Fields along roads without sidewalks, clear of roads, banks, each other and `farms` (N, 3: x, y, radius).

    Trees may stand in them.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    found: list[Field] = []
    meshes = []
    for side in sides:
        for index in range(EVERY // 2, len(side.yaw), EVERY):
            draw, along, deep, crop, shade = rng.random(5).tolist()
            if draw > SHARE or side.paved[index]:
                continue
            rise = max(0.0, float(side.edge[index, 2]) + GROUND_Z - open_ground)
            bank = 0.0 if side.level[index] else VERGE_M + RUN * rise
            out = side.outward[index]
            field = Field(
                side.edge[index, :2] + (NEAR_M + bank) * out,
                np.array([-out[1], out[0]]),
                out,
                LENGTHS[0] + along * (LENGTHS[1] - LENGTHS[0]),
                DEPTHS[0] + deep * deep * (DEPTHS[1] - DEPTHS[0]),
            )
            grid = field.grid()
            if clearance(grid).min() < OFF_ROADS + bank:
                continue
            apart = np.hypot(*(grid[:, None] - farms[None, :, :2]).transpose(2, 0, 1))
            if np.any(apart < farms[:, 2]):
                continue
            if any(other.holds(grid) or field.holds(other.grid()) for other in found):
                continue
            found.append(field)
            color = _CROPS[int(crop * len(_CROPS))] + 12.0 * (shade - 0.5)
            meshes.append(_patch(field, open_ground + LIFT, color))
    return meshes


def _patch(field: Field, z: float, color: np.ndarray) -> Mesh:
    """One field in strips as wide as a machine, every other a little brighter."""
    count = max(2, int(field.depth / STEP))
    edge = field.start + np.linspace(0.0, field.depth, count + 1)[:, None] * field.out
    half = 0.5 * field.length * field.ahead
    vertices = np.column_stack([np.concatenate([edge - half, edge + half]), np.full(2 * count + 2, z)])
    n = np.arange(count)
    quads = np.stack([n, n + 1, n + count + 2, n, n + count + 2, n + count + 1], axis=1).reshape(-1, 3)
    colors = np.clip(color + 5.0 * (n % 2)[:, None], 0, 255).repeat(2, axis=0)
    return Mesh.build(vertices, quads, colors, Label.TERRAIN, _LAYER)
