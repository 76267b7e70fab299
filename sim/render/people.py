"""People: limbs, clothes and hair between joints, which carry the names of CARLA's bones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.geometry import length
from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.solids import TYRE, Builder, Color, Extent, limb, shade

MODEL_HALF_HEIGHT_M = 0.93
Point = tuple[float, float, float]
Joints = tuple[tuple[str, Point], ...]
_STEEL = (150, 152, 156)

_SKIN = ((236, 188, 152), (198, 134, 92), (141, 85, 54), (92, 60, 42), (224, 172, 128))
_TOPS = ((196, 44, 40), (36, 84, 170), (232, 190, 44), (240, 240, 236), (40, 130, 78), (216, 104, 34), (120, 60, 150),
         (30, 32, 38), (90, 170, 200), (200, 70, 120))  # fmt: skip
_TROUSERS = ((40, 52, 90), (30, 30, 34), (110, 92, 70), (78, 84, 92), (60, 44, 36), (150, 150, 150))
_HAIR = ((32, 24, 20), (84, 54, 30), (180, 140, 80), (20, 20, 22), (120, 120, 124))
_SHOES = ((38, 30, 28), (228, 226, 222), (92, 58, 38), (30, 32, 36))


class Figure(NamedTuple):
    """Who somebody is: `seed` chooses skin, hair, clothes and bags; neighbouring seeds wear different tops."""

    seed: int
    female: bool = False
    child: bool = False


class Clothes(NamedTuple):
    """Colours and cuts of what somebody wears."""

    skin: Color
    top: Color
    trousers: Color
    hair: Color
    shoes: Color
    sleeves: bool
    skirt: bool
    coat: bool
    backpack: bool
    long_hair: bool
    bare_legs: bool


def clothes(figure: Figure) -> Clothes:
    """What a figure wears, always the same."""
    rng = np.random.default_rng(figure.seed)
    skin = _SKIN[int(rng.integers(len(_SKIN)))]
    trousers = _TROUSERS[int(rng.integers(len(_TROUSERS)))]
    hair = _HAIR[int(rng.integers(len(_HAIR)))]
    shoes = _SHOES[int(rng.integers(len(_SHOES)))]
    draw = rng.random(5).tolist()
    skirt = figure.female and draw[0] < 0.4
    coat = not skirt and not figure.child and draw[1] < 0.25
    return Clothes(
        skin, _TOPS[figure.seed % len(_TOPS)], trousers, hair, shoes, coat or draw[2] < 0.6, skirt, coat,
        draw[3] < (0.6 if figure.child else 0.25), figure.female and draw[4] < 0.75,
        skirt or (not coat and draw[1] > 0.8),
    )  # fmt: skip


def _oval(center: np.ndarray, half_x: float, half_y: float, sides: int) -> list[Point]:
    around = (np.arange(sides) + 0.5) * 2.0 * np.pi / sides
    return [
        (float(center[0] + half_x * np.cos(a)), float(center[1] + half_y * np.sin(a)), float(center[2])) for a in around
    ]


def _trunk(b: Builder, at: Mapping[str, np.ndarray], k: float, figure: Figure, wear: Clothes, fine: bool) -> None:
    """Pelvis and chest, with the skirt or the coat that hangs from them."""
    sides = 8 if fine else 6
    hips, chest, neck = at["crl_hips__C"], at["crl_spine01__C"], at["crl_neck__C"]
    down = np.array((0.0, 0.0, 1.0))
    wide, waist, broad = (0.172, 0.125, 0.178) if figure.female else (0.160, 0.150, 0.212)
    deep = 0.112 if figure.female else 0.120
    if figure.child:
        wide, waist, broad, deep = 0.145, 0.135, 0.165, 0.105
    shoulders = chest + 0.74 * (neck - chest)
    rows = [
        (hips - 0.13 * k * down, 0.090, 0.80 * wide),
        (hips - 0.02 * k * down, 0.112, wide),
        (hips + 0.45 * (chest - hips), 0.095, waist),
        (chest + 0.10 * (neck - chest), deep, 0.90 * broad),
        (shoulders, 0.088, broad),
        (neck + 0.02 * k * down, 0.045, 0.065),
    ]
    if not fine:
        rows = [rows[0], rows[1], rows[2], rows[4], rows[5]]
    rings = [_oval(center, half_x * k, half_y * k, sides) for center, half_x, half_y in rows]
    below = 2 if fine else 1
    pelvis = wear.top if wear.coat else wear.trousers
    strips = [[pelvis if gap < below else wear.top] * sides for gap in range(len(rows) - 1)]
    b.loft(rings, wear.top, strips)
    if wear.skirt or wear.coat:
        knees = 0.5 * (at["crl_leg__L"] + at["crl_leg__R"])
        spread = 0.5 * abs(float(at["crl_leg__L"][0] - at["crl_leg__R"][0]))
        hem = knees + (0.02 if wear.skirt else 0.10) * k * down
        color = wear.trousers if wear.skirt else wear.top
        b.loft(
            [
                _oval(hem, 0.15 * k + 0.8 * spread, 0.22 * k, sides),
                _oval(hips + 0.05 * k * down, 0.120 * k, 1.06 * wide * k, sides),
            ],
            shade(color, 0.9),
        )
    if wear.backpack:
        back = hips + 0.75 * (chest - hips)
        b.box(
            tuple(back + k * np.array((-0.30, -0.13, -0.17))),  # type: ignore[arg-type]
            tuple(back + k * np.array((-0.09, 0.13, 0.22))),  # type: ignore[arg-type]
            _TOPS[(figure.seed + 4) % len(_TOPS)],
        )


def _head(b: Builder, at: Mapping[str, np.ndarray], k: float, wear: Clothes, figure: Figure, fine: bool) -> None:
    neck, head = at["crl_neck__C"], at["crl_Head__C"]
    upward = (head - neck) / max(length(head - neck), 1e-6)
    big = 1.12 if figure.child else 1.0
    sides = 8 if fine else 6
    if fine:
        limb(b, _point(neck - 0.02 * k * upward), _point(head + 0.03 * k * upward), 0.052 * k, 0.048 * k, wear.skin)
    chin, brow, crown = (_point(head + share * k * upward) for share in (-0.005 if fine else -0.08, 0.17, 0.28))
    limb(b, chin, brow, 0.070 * k * big, 0.100 * k * big, wear.skin, sides)
    limb(b, brow, crown, 0.108 * k * big, 0.062 * k * big, wear.hair, sides)
    if not fine:
        return
    # Hair at the back of the head, down to the shoulders for some.
    reach = -0.16 if wear.long_hair else 0.06
    back = head + np.array((-0.055 * k * big, 0.0, 0.0))
    limb(
        b,
        _point(back + reach * k * upward),
        _point(back + 0.19 * k * upward),
        (0.07 if wear.long_hair else 0.055) * k * big,
        0.078 * k * big,
        wear.hair,
        6,
    )
    nose = head + np.array((0.095 * k * big, 0.0, 0.0))
    b.box(
        _point(nose + k * np.array((-0.01, -0.012, 0.055))),
        _point(nose + k * np.array((0.018, 0.012, 0.095))),
        shade(wear.skin, 0.93),
    )


def _person(b: Builder, joints: Mapping[str, Point], k: float, figure: Figure, fine: bool) -> None:
    """Draw a figure between joints; `k` is its size as a share of a person of MODEL_HALF_HEIGHT_M."""
    wear = clothes(figure)
    at = {name: np.array(place) for name, place in joints.items()}
    sides = 6 if fine else 4
    slim = 0.90 if figure.female or figure.child else 1.0
    for side in "LR":
        thigh, knee, foot, toe = (at[f"crl_{name}__{side}"] for name in ("thigh", "leg", "foot", "toeEnd"))
        hip = thigh + 0.05 * k * np.array((0.0, 0.0, 1.0))
        skin_legs = wear.skin if wear.bare_legs else wear.trousers
        limb(b, _point(hip), _point(knee), 0.092 * k * slim, 0.066 * k * slim, wear.trousers, sides)
        limb(b, _point(knee), _point(foot), 0.066 * k * slim, 0.045 * k * slim, skin_legs, sides)
        along = (toe - foot) * np.array((1.0, 1.0, 0.0))
        ahead = along / max(length(along), 1e-6)
        limb(
            b,
            _point(foot - 0.055 * k * ahead - np.array((0.0, 0.0, 0.03 * k))),
            _point(toe + 0.03 * k * ahead),
            0.058 * k,
            0.042 * k,
            wear.shoes,
            4,
        )
        arm, elbow, hand = (at[f"crl_{name}__{side}"] for name in ("arm", "foreArm", "hand"))
        limb(
            b,
            _point(arm + 0.02 * k * np.array((0.0, 0.0, 1.0))),
            _point(elbow),
            0.060 * k * slim,
            0.046 * k * slim,
            wear.top,
            sides if fine else 3,
        )
        lower = wear.top if wear.sleeves else wear.skin
        limb(b, _point(elbow), _point(hand), 0.045 * k * slim, 0.036 * k * slim, lower, sides if fine else 3)
        if fine:
            reach = hand - elbow
            reach = reach / max(length(reach), 1e-6)
            limb(
                b, _point(hand - 0.01 * k * reach), _point(hand + 0.11 * k * reach), 0.036 * k, 0.026 * k, wear.skin, 4
            )
    _trunk(b, at, k, figure, wear, fine)
    _head(b, at, k, wear, figure, fine)


def _point(at: np.ndarray) -> Point:
    return float(at[0]), float(at[1]), float(at[2])


@lru_cache(maxsize=4096)
def person_mesh(half_height: float, figure: Figure, joints: Joints, fine: bool = False) -> Mesh:
    """A person whose joints, under the names of CARLA's bones, are at these places in the person's own frame (m).

    fine   all details; else the coarse model for what is far away
    """
    b = Builder(int(Label.PEDESTRIANS))
    _person(b, dict(joints), half_height / MODEL_HALF_HEIGHT_M, figure, fine)
    return b.build()


def _both_sides(joints: Mapping[str, Point]) -> dict[str, Point]:
    return {**joints, **{name[:-1] + "L": (x, -y, z) for name, (x, y, z) in joints.items() if name.endswith("__R")}}


# Joints of somebody in the middle of a step, above the feet of a person of full height.
_STRIDING: dict[str, Point] = {
    "crl_hips__C": (0.0, 0.0, 0.98), "crl_spine01__C": (0.01, 0.0, 1.26), "crl_neck__C": (0.02, 0.0, 1.47),
    "crl_Head__C": (0.04, 0.0, 1.57),
    "crl_thigh__R": (0.0, 0.09, 0.90), "crl_leg__R": (0.16, 0.09, 0.50), "crl_foot__R": (0.22, 0.09, 0.09),
    "crl_toeEnd__R": (0.42, 0.09, 0.05),
    "crl_thigh__L": (0.0, -0.09, 0.90), "crl_leg__L": (-0.06, -0.09, 0.48), "crl_foot__L": (-0.26, -0.09, 0.12),
    "crl_toeEnd__L": (-0.10, -0.09, 0.02),
    "crl_arm__R": (0.01, 0.19, 1.42), "crl_foreArm__R": (-0.10, 0.25, 1.19), "crl_hand__R": (-0.08, 0.26, 0.95),
    "crl_arm__L": (0.01, -0.19, 1.42), "crl_foreArm__L": (0.10, -0.25, 1.19), "crl_hand__L": (0.24, -0.26, 0.98),
}  # fmt: skip


@lru_cache(maxsize=256)
def pedestrian_mesh(extent: Extent, seed: int) -> Mesh:
    """A person in the middle of a step, of the height of the box of half sizes `extent` (m), origin at its middle."""
    k = extent[2] / MODEL_HALF_HEIGHT_M
    joints = tuple((name, (k * x, k * y, k * z - extent[2])) for name, (x, y, z) in _STRIDING.items())
    return person_mesh(extent[2], Figure(seed), joints, True)


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
def seated_mesh(extent: Extent, figure: Figure) -> Mesh:
    """A person in a wheelchair; origin at half the height of the standing person's box of half sizes `extent` (m)."""
    scale = extent[2] / MODEL_HALF_HEIGHT_M
    joints = _both_sides(_SEATED)

    def at(x: float, y: float, z: float) -> Point:
        return x * scale, y * scale, z * scale - extent[2]

    b = Builder(int(Label.PEDESTRIANS))
    _person(b, {name: at(*place) for name, place in joints.items()}, scale, figure, True)
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
