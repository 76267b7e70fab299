"""What a frame shows, in a fixed vocabulary: the language of "scene" thoughts. It never says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

SIDES = ("free", "blocked", "absent")
AHEAD = ("clear", "person", "vehicle")
DISTANCES = ("near", "far")
NEAR_M = 20.0


def describe(privileged: Mapping[str, Any]) -> str:
    """The scene of a task's ground truth (see `ToolEnv`), e.g. "left free ahead person near right blocked"."""
    ahead = str(privileged["ahead"])
    if ahead != "clear":
        ahead += " near" if float(privileged["distance_m"]) < NEAR_M else " far"
    return f"left {privileged['left']} ahead {ahead} right {privileged['right']}"


def all_scenes() -> tuple[str, ...]:
    """Every text that `describe` can return."""
    aheads = ["clear", *(f"{kind} {distance}" for kind, distance in product(AHEAD[1:], DISTANCES))]
    return tuple(f"left {left} ahead {ahead} right {right}" for left, ahead, right in product(SIDES, aheads, SIDES))


def mirror_scene(privileged: Mapping[str, Any]) -> dict[str, Any]:
    """The ground truth of the mirrored frame: left and right swapped."""
    return {**privileged, "left": privileged["right"], "right": privileged["left"]}


def mirror_frame(frame: np.ndarray) -> np.ndarray:
    """`frame` (height, width, 3) as seen in a mirror, contiguous."""
    return np.ascontiguousarray(frame[:, ::-1])
