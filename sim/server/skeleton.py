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
from typing import NamedTuple

from sim.geometry import Pose, compose

MODEL_HEIGHT_M = 1.86
POSES = 12  # of a double step: pictures share them
WALK_STRIDE_M, RUN_STRIDE_M = 1.45, 2.5  # double steps of a person of MODEL_HEIGHT_M
STANDS_BELOW_MS, STROLL_BELOW_MS, RUN_FROM_MS = 0.05, 0.8, 2.3


class Gait(NamedTuple):
    """stand, stroll, walk or run, and which of the POSES of a double step."""

    name: str
    step: int


STANDING = Gait("stand", 0)


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


def stride_length(pace: float, half_height: float) -> float:
    """Length (m) of a double step: of a walk or of a run."""
    scale = 2.0 * half_height / MODEL_HEIGHT_M
    return scale * (RUN_STRIDE_M if abs(pace) > RUN_FROM_MS * scale else WALK_STRIDE_M)


def gait(strides: float, pace: float, half_height: float) -> Gait:
    """How somebody moves who has made so many double steps and now goes at `pace` (m/s)."""
    if abs(pace) < STANDS_BELOW_MS:
        return STANDING
    scale = 2.0 * half_height / MODEL_HEIGHT_M
    step = math.floor(strides % 1.0 * POSES) % POSES
    if abs(pace) > RUN_FROM_MS * scale:
        return Gait("run", step)
    return Gait("walk" if abs(pace) > STROLL_BELOW_MS * scale else "stroll", step)


@dataclass(frozen=True)
class _Swing:
    """Amplitudes (degrees) of a gait: thigh, bend of the knee while it swings and while it stands, arm, bend of the
    elbow, and how far the trunk leans forward."""

    thigh: float
    knee: float
    stance: float
    arm: float
    elbow: float
    lean: float


_GAITS = {
    "stroll": _Swing(15.0, 34.0, 6.0, 12.0, 10.0, 1.0),
    "walk": _Swing(25.0, 52.0, 8.0, 24.0, 18.0, 2.0),
    "run": _Swing(38.0, 88.0, 18.0, 36.0, 82.0, 9.0),
}


def walking(skeleton: tuple[Bone, ...], half_height: float, gait: Gait) -> list[Pose]:
    """The pose of a gait: legs and arms swing against each other, and the lower foot stays on the ground."""
    pose = rest(skeleton, half_height)
    swing = _GAITS.get(gait.name)
    if swing is None:
        return pose
    angles: dict[str, float] = {"crl_spine__C": -swing.lean}
    for side, offset in (("L", 0.0), ("R", 0.5)):
        turn = 2.0 * math.pi * (gait.step / POSES + offset)
        forward, lifting = math.cos(turn), max(0.0, -math.sin(turn))
        thigh = swing.thigh * forward + 0.25 * swing.thigh * lifting
        knee = swing.stance + swing.knee * lifting
        angles[f"crl_thigh__{side}"], angles[f"crl_leg__{side}"] = thigh, -knee
        angles[f"crl_foot__{side}"] = 0.55 * (knee - thigh)
        angles[f"crl_arm__{side}"] = -swing.arm * forward
        angles[f"crl_foreArm__{side}"] = swing.elbow
    for index, bone in enumerate(skeleton):
        if bone.name in angles:
            pose[index] = pose[index]._replace(pitch=angles[bone.name])
    # Bent legs are shorter: the hips come down until a foot stands.
    ankle = next(bone.at[2] for bone in skeleton if bone.name == "crl_foot__L")
    names = ("crl_foot__L", "crl_foot__R", "crl_toe__L", "crl_toe__R")
    lowest = min(
        place.z + half_height - (0.0 if "foot" in name else 2.0 * half_height / MODEL_HEIGHT_M * (0.03 - ankle))
        for name, place in ((name, bone_in_actor(skeleton, pose, name)) for name in names)
        if place is not None
    )
    drop = lowest - 2.0 * half_height / MODEL_HEIGHT_M * ankle
    hips = next(index for index, bone in enumerate(skeleton) if bone.name == "crl_hips__C")
    pose[hips] = pose[hips]._replace(z=pose[hips].z - drop)
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
