"""Labelled views of a task's scenes: what a policy's perception is warmed up on, never which manoeuvre is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import carla
import numpy as np

from sim.scenarios import EmergencyRun
from sim.scenarios.actors import SceneActor
from sim.scenarios.emergency import LOOK_BESIDE_BACK_M, in_lane, look_ahead, look_beside
from sim.tasks.emergency import EmergencyManeuver

PAST_M, BEFORE_M = 6.0, 40.0
MAX_YAW_DEG = 4.0
MAX_SPEED_KMH = 65
FREE_OF_ACTORS_M = 0.4
IN_VIEW_M = 7.0


def perception_frames(
    env: EmergencyManeuver, seed: int, count: int, rng: np.random.Generator, split: str = "train"
) -> Iterator[tuple[np.ndarray, dict[str, Any], float]]:
    """`count` views of the scene that `seed` draws, from random places on its road.

    Yields (frame, privileged, speed): RGB uint8 (height, width, 3); the keys "ahead", "distance_m", "left", "right" of
    `ToolEnv.info["privileged"]` for that place, without "best"; a speed (km/h) that has nothing to do with the picture.
    The car is put there without physics, from 40 m before the obstacle line to 6 m behind it, in any lane, up to half
    a lane off its middle, turned by up to 4 degrees. Needs a reset of `env` before the next tool call.
    """
    run, camera = env.stage(seed, split)
    ego, session = run.ego.actor, run.session
    with session.guard():
        ego.set_simulate_physics(False)
        ego.set_collisions(False)
    height = run.state.z
    camera.always_on()
    try:
        for _ in range(count):
            s, d, yaw = _place(run, rng)
            x, y, _, heading = run.corridor.pose(s, d)
            with session.guard():
                ego.set_transform(carla.Transform(carla.Location(x, y, height), carla.Rotation(yaw=heading + yaw)))
            frame = camera.take(session.tick())
            yield frame, _truth(run, s, d), float(rng.integers(0, MAX_SPEED_KMH + 1))
    finally:
        env.abandon()


def _place(run: EmergencyRun, rng: np.random.Generator) -> tuple[float, float, float]:
    """s, d (m) and yaw (degrees) that do not put the car into anybody."""
    lanes = run.corridor.lanes
    while True:
        # Most views from the episode's own lane, where the obstacle is.
        own = rng.random() < 0.65
        lane = run.corridor.lane_at(0.0) if own else lanes[int(rng.integers(len(lanes)))]
        s = run.draw.line + float(rng.uniform(-BEFORE_M, PAST_M))
        d = lane.offset + float(rng.uniform(-0.5, 0.5)) * lane.width * (1.0 if rng.random() < 0.2 else 0.2)
        if not any(_in_the_way(run, actor, s, d) or _out_of_view(run, actor, s, d) for actor in run.actors):
            return s, d, float(rng.uniform(-MAX_YAW_DEG, MAX_YAW_DEG))


def _in_the_way(run: EmergencyRun, actor: SceneActor, s: float, d: float) -> bool:
    ahead, side = run.ego.half_length + FREE_OF_ACTORS_M, run.ego.half_width + FREE_OF_ACTORS_M
    extent = actor.extent
    return extent.s_min < s + ahead and extent.s_max > s - ahead and extent.d_min < d + side and extent.d_max > d - side


def _out_of_view(run: EmergencyRun, actor: SceneActor, s: float, d: float) -> bool:
    """Whether an actor blocks a neighbour lane from where the camera does not see it: nobody could learn that."""
    beside = s - LOOK_BESIDE_BACK_M < actor.extent.s_max < s + IN_VIEW_M
    own = run.corridor.lane_at(d).position
    sides = [run.corridor.lane(own + side) for side in (-1, 1)]
    return beside and any(lane is not None and in_lane(lane, actor) for lane in sides)


def _truth(run: EmergencyRun, s: float, d: float) -> dict[str, Any]:
    own = run.corridor.lane_at(d)
    ahead, distance = look_ahead(own, s + run.ego.half_length, run.actors)
    return {
        "ahead": ahead,
        "distance_m": round(distance, 3) if ahead != "clear" else None,
        "left": look_beside(run.corridor.lane(own.position - 1), s, run.actors),
        "right": look_beside(run.corridor.lane(own.position + 1), s, run.actors),
    }
