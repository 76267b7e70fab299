"""People in poses: each limb drawn between two joints. `models.pedestrian_mesh` draws the one who walks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.models import clothes
from sim.render.solids import TYRE, Builder, Color, Extent, limb

MODEL_HALF_HEIGHT_M = 0.93
Point = tuple[float, float, float]
_SHOES = (38, 30, 28)
_STEEL = (150, 152, 156)


class _Limb(NamedTuple):
    """From joint to joint with a radius at each (m, of a person of full height); `wear` names the colour."""

    start: str
    end: str
    near: float
    far: float
    wear: str


_SIDES = (
    ("crl_thigh__{s}", "crl_leg__{s}", 0.105, 0.080, "trousers"),
    ("crl_leg__{s}", "crl_foot__{s}", 0.080, 0.055, "trousers"),
    ("crl_foot__{s}", "crl_toeEnd__{s}", 0.060, 0.045, "shoes"),
    ("crl_arm__{s}", "crl_foreArm__{s}", 0.070, 0.055, "top"),
    ("crl_foreArm__{s}", "crl_hand__{s}", 0.050, 0.045, "skin"),
)
_LIMBS = (
    *(_Limb(row[0].format(s=side), row[1].format(s=side), *row[2:]) for side in "LR" for row in _SIDES),
    _Limb("crl_hips__C", "crl_spine01__C", 0.150, 0.170, "top"),
    _Limb("crl_spine01__C", "crl_neck__C", 0.180, 0.080, "top"),
    _Limb("crl_neck__C", "crl_Head__C", 0.055, 0.055, "skin"),
)


def _person(b: Builder, joints: Mapping[str, Point], scale: float, seed: int) -> None:
    skin, top, trousers, hair = clothes(seed)
    colors: dict[str, Color] = {"skin": skin, "top": top, "trousers": trousers, "shoes": _SHOES}
    for part in _LIMBS:
        limb(b, joints[part.start], joints[part.end], part.near * scale, part.far * scale, colors[part.wear])
    neck, head = np.array(joints["crl_neck__C"]), np.array(joints["crl_Head__C"])
    upward = (head - neck) / max(float(np.linalg.norm(head - neck)), 1e-6)
    chin, brow, crown = (_point(head + at * scale * upward) for at in (-0.02, 0.17, 0.28))
    limb(b, chin, brow, 0.085 * scale, 0.105 * scale, skin, 8)
    limb(b, brow, crown, 0.115 * scale, 0.075 * scale, hair, 8)


def _point(at: np.ndarray) -> Point:
    return float(at[0]), float(at[1]), float(at[2])


@lru_cache(maxsize=128)
def posed_mesh(half_height: float, seed: int, joints: tuple[tuple[str, Point], ...]) -> Mesh:
    """A person whose joints, under the names of CARLA's bones, are at these places in the person's own frame (m).

    `seed` chooses skin, hair and clothes as in `models.pedestrian_mesh`.
    """
    b = Builder(int(Label.PEDESTRIANS))
    _person(b, dict(joints), half_height / MODEL_HALF_HEIGHT_M, seed)
    return b.build()


# Joints of somebody who sits in a wheelchair, above the feet of a person of full height; the left side by reflection.
_SEATED: dict[str, Point] = {
    "crl_hips__C": (-0.10, 0.0, 0.58),
    "crl_spine01__C": (-0.14, 0.0, 0.88),
    "crl_neck__C": (-0.13, 0.0, 1.08),
    "crl_Head__C": (-0.10, 0.0, 1.17),
    "crl_thigh__R": (-0.08, 0.10, 0.56),
    "crl_leg__R": (0.36, 0.11, 0.56),
    "crl_foot__R": (0.42, 0.11, 0.17),
    "crl_toeEnd__R": (0.62, 0.11, 0.13),
    "crl_arm__R": (-0.13, 0.20, 1.02),
    "crl_foreArm__R": (-0.20, 0.27, 0.78),
    "crl_hand__R": (0.05, 0.27, 0.68),
}


@lru_cache(maxsize=128)
def seated_mesh(extent: Extent, seed: int) -> Mesh:
    """A person in a wheelchair; origin at half the height of the standing person's box of half sizes `extent` (m)."""
    scale = extent[2] / MODEL_HALF_HEIGHT_M
    joints = dict(_SEATED)
    for name, (x, y, z) in _SEATED.items():
        if name.endswith("__R"):
            joints[name[:-1] + "L"] = (x, -y, z)

    def at(x: float, y: float, z: float) -> Point:
        return x * scale, y * scale, z * scale - extent[2]

    b = Builder(int(Label.PEDESTRIANS))
    _person(b, {name: at(*place) for name, place in joints.items()}, scale, seed)
    for side in (-1.0, 1.0):
        for x, radius, width in ((-0.08, 0.31, 0.04), (0.40, 0.09, 0.04)):
            center = [
                (x + radius * np.cos(a), radius + radius * np.sin(a)) for a in np.arange(12) * np.pi / 6 - np.pi / 2
            ]
            b.loft([[at(cx, side * 0.30 + w, cz) for cx, cz in center] for w in (-width / 2, width / 2)], TYRE)
        limb(b, at(-0.30, side * 0.25, 0.95), at(-0.24, side * 0.25, 0.46), 0.015, 0.015, _STEEL, 4)
    b.box(at(-0.28, -0.26, 0.44), at(0.30, 0.26, 0.48), (30, 32, 40))
    b.box(at(-0.30, -0.25, 0.48), at(-0.26, 0.25, 0.92), (30, 32, 40))
    return b.build()
