"""Frames with the simulator's word for what they show: the data of the perception warm start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from policy.perception import mirror_frame, mirror_scene
from rollouts.episode import Job
from rollouts.pool import RolloutPool

BRIGHTNESS = (0.75, 1.25)


@dataclass(frozen=True)
class View:
    """A frame, JPEG-compressed to keep thousands of them in memory, its ground truth, and a speed in km/h."""

    jpeg: bytes
    privileged: dict[str, Any]
    speed_kmh: float

    def frame(self) -> np.ndarray:
        """RGB uint8 (height, width, 3)."""
        decoded: Any = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        return np.ascontiguousarray(decoded[:, :, ::-1])


def collect_views(
    pool: RolloutPool, seeds: Iterable[int], count: int, split: str, progress: Callable[[int], None]
) -> list[View]:
    """`count` views of each seed's scene, in the order of seeds; `progress` is told the scenes done.

    The order does not depend on which worker was faster.
    """
    wanted = list(seeds)
    found: dict[int, list[View]] = {}
    calls = [(seed, count, split) for seed in wanted]
    for seed, views in pool.gather("labelled_views", calls, lambda call: Job(call[0], 0, {"split": call[2]})):
        found[seed] = [View(*view) for view in views]
        progress(len(found))
    return [view for seed in wanted for view in found[seed]]


def augment(view: View, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
    """The view, or its mirror image with left and right swapped, a little brighter or darker."""
    frame, truth = view.frame(), view.privileged
    if rng.random() < 0.5:
        frame, truth = mirror_frame(frame), mirror_scene(truth)
    gain = float(rng.uniform(*BRIGHTNESS))
    return np.clip(frame.astype(np.float32) * gain, 0, 255).astype(np.uint8), truth


def endless(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Indices below `count` for ever, every one once before any comes again."""
    while True:
        yield from rng.permutation(count).tolist()
