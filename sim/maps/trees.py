"""Trees along the roads and behind them."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.embankment import RUN, VERGE_M
from sim.maps.props import CONE, CROWNS, WALLS, place
from sim.maps.roadside import Clearance, Roadside
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh

_BARK = (92, 74, 58)
_LEAVES = np.array([(58, 96, 44), (74, 110, 48), (48, 84, 52), (96, 118, 52), (118, 112, 54)], float)


def trees(
    sides: list[Roadside],
    clearance: Clearance,
    houses: np.ndarray,
    boxes: BoxList,
    rng: np.random.Generator,
    open_ground: float,
) -> list[Mesh]:
    """Rows along the roads and loose groups behind them; broad-leaved and conifers.

    All stand on the open ground, which lies at height `open_ground` (m): beside raised roads beyond the foot of the
    embankment.
    """
    feet, level = [np.zeros((0, 3))], [np.zeros(0, bool)]
    for side in sides:
        row = np.arange(1, len(side.yaw) - 1, 3)
        row = row[rng.random(len(row)) < np.where(side.paved[row], 0.5, 0.75)]
        feet.append(side.at(row, rng.uniform(2.2, 3.4, len(row)) + np.where(side.paved[row], 0.0, 2.0)))
        behind = rng.integers(0, len(side.yaw), len(side.yaw) // 4)
        feet.append(side.at(behind, rng.uniform(10.0, 90.0, len(behind))))
        level += [side.level[row], side.level[behind]]
    foot = np.concatenate(feet)
    foot[:, :2] += rng.uniform(-1.0, 1.0, (len(foot), 2)) * np.array([0.8, 0.8])
    height = rng.uniform(5.0, 10.5, len(foot))
    raised = ~np.concatenate(level)
    bank = np.where(raised, VERGE_M + RUN * np.maximum(foot[:, 2] + GROUND_Z - open_ground, 0.0), 0.0)
    foot[raised, 2] = open_ground - GROUND_Z
    free = clearance(foot) > 1.2 + bank
    if len(houses):
        gap = np.hypot(foot[:, None, 0] - houses[None, :, 0], foot[:, None, 1] - houses[None, :, 1])
        free &= np.all(gap > houses[None, :, 2] + 0.5, axis=1)
    foot, height = foot[free], height[free]
    count = len(foot)
    foot[:, 2] += GROUND_Z
    yaw = rng.uniform(0.0, 360.0, count)
    conifer = rng.random(count) < 0.3
    leaf = _LEAVES[rng.integers(0, len(_LEAVES), count)] + rng.uniform(-8, 8, (count, 1))
    leaf[conifer] *= np.array([0.7, 0.8, 0.85])
    stem = np.stack([np.full(count, 0.28), np.full(count, 0.28), 0.45 * height], axis=1)
    numbers = boxes.add(foot, stem, yaw, Label.VEGETATION)
    radius = np.where(conifer, 0.19, 0.27) * height
    stems = place(WALLS, foot, stem, yaw, np.tile(np.array(_BARK), (count, 1)), Label.VEGETATION)
    meshes = [boxes.tie(stems, numbers)]
    sort = np.arange(count) % len(CROWNS)
    broad = [(shape, ~conifer & (sort == number), 0.3) for number, shape in enumerate(CROWNS)]
    for shape, chosen, base in (*broad, (CONE, conifer, 0.12)):
        size = np.stack([radius, radius, (1.0 - base) * height], axis=1)[chosen]
        lift = np.stack([np.zeros(count), np.zeros(count), base * height], axis=1)[chosen]
        crowns = place(shape, foot[chosen] + lift, size, yaw[chosen], leaf[chosen], Label.VEGETATION)
        meshes.append(boxes.tie(crowns, numbers[chosen]))
    return meshes
