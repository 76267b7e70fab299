"""The skeleton of walkers: CARLA's bones in a rest pose, a walk, and the poses that clients give.

Bone names and their order are those that `carla.Walker.get_bones` shows in CARLA: 66 bones for the walkers of
generations 1 and 2, of which the 26 without fingers are also generation 3's. The joints of the rest pose are this
server's own, at the heights that CARLA's walkers show. Every bone's frame is parallel to its parent's at rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sim.geometry import Pose, compose

MODEL_HEIGHT_M = 1.86
STEPS_PER_S = 0.9  # full strides per second of the walk
SWING_DEGREES = 26.0  # of a thigh, at 2 m/s and above


@dataclass(frozen=True)
class Bone:
    """A joint of the rest pose: `at` is in the frame of the feet (m), of a person of MODEL_HEIGHT_M."""

    name: str
    parent: int
    at: tuple[float, float, float]


@dataclass(frozen=True)
class CustomPose:
    """What a client set: transforms relative to the parent bone, and how much of them shows (from 0 to 1)."""

    relative: Mapping[str, Pose] = field(default_factory=dict)
    blend: float = 0.0


# Joints of the middle and of the left side; y grows to the right, so the left side has negative y.
_TRUNK = (
    ("crl_root", "", (0.0, 0.0, 0.0)),
    ("crl_hips__C", "crl_root", (0.0, 0.0, 1.01)),
    ("crl_spine__C", "crl_hips__C", (0.0, 0.0, 1.12)),
    ("crl_spine01__C", "crl_spine__C", (0.0, 0.0, 1.29)),
)
_HEAD = (
    ("crl_neck__C", "crl_spine01__C", (0.0, 0.0, 1.48)),
    ("crl_Head__C", "crl_neck__C", (0.02, 0.0, 1.57)),
    ("crl_eye__L", "crl_Head__C", (0.10, -0.03, 1.65)),
    ("crl_eye__R", "crl_Head__C", (0.10, 0.03, 1.65)),
)
_ARM = (
    ("crl_shoulder__{s}", "crl_spine01__C", (0.0, 0.04, 1.43)),
    ("crl_arm__{s}", "crl_shoulder__{s}", (0.0, 0.17, 1.43)),
    ("crl_foreArm__{s}", "crl_arm__{s}", (0.0, 0.25, 1.18)),
    ("crl_hand__{s}", "crl_foreArm__{s}", (0.03, 0.27, 0.94)),
)
_FINGERS = (("Thumb", 0.04, 0.0), ("Index", 0.03, -0.09), ("Middle", 0.01, -0.10), ("Ring", -0.01, -0.10),
            ("Pinky", -0.03, -0.09))  # fmt: skip
_LEG = (
    ("crl_thigh__{s}", "crl_hips__C", (0.0, 0.09, 0.93)),
    ("crl_leg__{s}", "crl_thigh__{s}", (0.02, 0.09, 0.50)),
    ("crl_foot__{s}", "crl_leg__{s}", (-0.02, 0.09, 0.09)),
    ("crl_toe__{s}", "crl_foot__{s}", (0.10, 0.09, 0.03)),
    ("crl_toeEnd__{s}", "crl_toe__{s}", (0.17, 0.09, 0.02)),
)


def _limb(
    rows: tuple[tuple[str, str, tuple[float, float, float]], ...], side: str
) -> list[tuple[str, str, tuple[float, float, float]]]:
    sign = -1.0 if side == "L" else 1.0
    return [(name.format(s=side), parent.format(s=side), (x, sign * y, z)) for name, parent, (x, y, z) in rows]


def _hand(side: str) -> list[tuple[str, str, tuple[float, float, float]]]:
    sign = -1.0 if side == "L" else 1.0
    rows = []
    for finger, x, z in _FINGERS:
        parent = f"crl_hand__{side}"
        for index, part in enumerate(("", "01", "02", "End")):
            name = f"crl_hand{finger}{part}__{side}"
            rows.append((name, parent, (0.03 + x, sign * 0.27, 0.94 + z - 0.02 - 0.03 * index)))
            parent = name
    return rows


@lru_cache(maxsize=2)
def bones(fingers: bool) -> tuple[Bone, ...]:
    """The bones in CARLA's order; a parent comes before its children."""
    hand = _hand if fingers else lambda side: []
    rows = [
        *_TRUNK, *_limb(_ARM, "L"), *hand("L"), *_HEAD, *_limb(_ARM, "R"), *hand("R"), *_limb(_LEG, "R"),
        *_limb(_LEG, "L"),
    ]  # fmt: skip
    places = {name: index for index, (name, _, _) in enumerate(rows)}
    return tuple(Bone(name, places.get(parent, -1), at) for name, parent, at in rows)


def rest(skeleton: tuple[Bone, ...], half_height: float) -> list[Pose]:
    """The rest pose of a walker whose origin is `half_height` (m) above its feet: each bone relative to its parent."""
    scale = 2.0 * half_height / MODEL_HEIGHT_M
    found = []
    for bone in skeleton:
        origin = skeleton[bone.parent].at if bone.parent >= 0 else (0.0, 0.0, 0.5 * MODEL_HEIGHT_M)
        found.append(Pose(*(scale * (a - b) for a, b in zip(bone.at, origin))))
    return found


def walking(skeleton: tuple[Bone, ...], half_height: float, speed_ms: float, elapsed_s: float) -> list[Pose]:
    """The pose of the walk at a moment: legs and arms swing against each other, the wider the faster."""
    pose = rest(skeleton, half_height)
    swing = SWING_DEGREES * min(1.0, speed_ms / 2.0)
    if swing <= 0.0:
        return pose
    stride = math.sin(2.0 * math.pi * STEPS_PER_S * elapsed_s)
    for index, bone in enumerate(skeleton):
        name, _, side = bone.name.rpartition("__")
        forward = stride if side == "L" else -stride
        if name == "crl_thigh":
            pose[index] = pose[index]._replace(pitch=swing * forward)
        elif name == "crl_leg":
            pose[index] = pose[index]._replace(pitch=-0.6 * swing * (1.0 - forward))
        elif name == "crl_arm":
            pose[index] = pose[index]._replace(pitch=-0.8 * swing * forward)
    return pose


def shown(skeleton: tuple[Bone, ...], animation: list[Pose], custom: CustomPose) -> list[Pose]:
    """The animation with as much of the custom pose as its blend says."""
    if custom.blend <= 0.0:
        return animation
    share = min(1.0, custom.blend)
    return [
        _between(moving, custom.relative.get(bone.name, moving), share) for bone, moving in zip(skeleton, animation)
    ]


def _between(a: Pose, b: Pose, share: float) -> Pose:
    values = [p + share * (q - p) for p, q in zip(a[:3], b[:3])]
    values += [p + share * ((q - p + 180.0) % 360.0 - 180.0) for p, q in zip(a[3:], b[3:])]
    return Pose(*values)


def in_actor(skeleton: tuple[Bone, ...], relative: list[Pose]) -> list[Pose]:
    """Each bone in the walker's own frame."""
    found: list[Pose] = []
    for bone, pose in zip(skeleton, relative):
        found.append(compose(found[bone.parent], pose) if bone.parent >= 0 else pose)
    return found


def bone_in_actor(skeleton: tuple[Bone, ...], relative: list[Pose], name: str) -> Pose | None:
    """One bone in the walker's own frame; None when there is no bone of that name."""
    index = next((index for index, bone in enumerate(skeleton) if bone.name == name), -1)
    if index < 0:
        return None
    pose, index = relative[index], skeleton[index].parent
    while index >= 0:
        pose, index = compose(relative[index], pose), skeleton[index].parent
    return pose


def with_bones(custom: CustomPose, changes: Mapping[str, Pose]) -> CustomPose:
    """The custom pose with some bones changed."""
    return replace(custom, relative={**custom.relative, **changes})
