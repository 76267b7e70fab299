"""The task EmergencyManeuver as a language model sees it: tools whose responses carry the newest camera frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import carla
import numpy as np

from sim.client import FrameCamera, Session, SessionConfig, open_session
from sim.scenarios import EmergencyRun, EmergencyScenario
from sim.scenarios.draw import stop_distance, swerve_distance
from sim.scenarios.ego import LateralPlan
from sim.tasks.config import TaskConfig
from sim.tasks.errors import EpisodeOver, InvalidTask
from sim.tasks.protocol import StepResult, ToolCall, ToolResponse
from sim.tasks.recording import RecordedFrame, ego_state, road_polylines
from sim.tasks.tools import TOOLS, check_call
from sim.tasks.towns import check_split, episode_town, pool_of

SYSTEM_PROMPT = (
    "You drive a car in traffic. You see its front camera. Call one tool at a time. "
    "Hit nothing, stay on the lanes of your direction, and do not stop without need."
)
OBSERVE_S, MAINTAIN_S, BRAKE_S, STOP_LIMIT_S = 0.5, 1.0, 1.0, 6.0
BRAKE_PEDAL = {"light": 0.3, "firm": 0.6, "full": 1.0}
LANE_CHANGE_S, LANE_CHANGE_SLOW_M, STRAIGHTEN_S, STRAIGHT_RAD = 1.7, 13.0, 0.6, 0.015
REWARDS = {"success": 1.0, "collision": -1.0, "road_departure": -1.0, "needless_stop": -0.5, "timeout": -0.5}
CALL_COST, NEEDLESS_LANE_CHANGE = -0.02, -0.1
# The expert stops where braking leaves this margin, else it swerves.
STOP_MARGIN = 1.1
CHASE = carla.Transform(carla.Location(x=-6.5, z=3.2), carla.Rotation(pitch=-12.0))


class EmergencyManeuver:
    """A `ToolEnv` (see sim.tasks.protocol): the ego drives at 30 to 60 km/h, something may block its lane.

    The session is opened by the first reset; a reset after its server died opens a new one. Where `session.town` is a
    pool, each reset goes to the town that split and seed draw. Beyond the protocol's keys, `info` has "scenario" (what
    was drawn; with "town" from a pool) and "calls" (how many tools ran).
    """

    def __init__(self, config: TaskConfig, session: SessionConfig) -> None:
        _check(config)
        self._pooled = pool_of(session) is not None
        self.config = config
        self.session_config = session
        self.tools = TOOLS
        self.system_prompt = SYSTEM_PROMPT
        self._session: Session | None = None
        self._run: EmergencyRun | None = None
        self._camera: FrameCamera | None = None
        self._recorder: FrameCamera | None = None
        self._recorded: list[RecordedFrame] = []
        self._terms: dict[str, float] = {}
        self._calls = 0

    # ---- the protocol --------------------------------------------------------------------------------------------

    def reset(self, *, seed: int, options: Mapping[str, Any] | None = None) -> tuple[ToolResponse, dict[str, Any]]:
        """Start the episode that `seed` draws; `options` may set "split".

        Raises InvalidTask (also for a town of another split), SessionError, InvalidScenario, NoSite.
        """
        unknown = set(options or {}) - {"split"}
        if unknown:
            raise InvalidTask(f'unknown reset option {min(unknown)!r}; EmergencyManeuver knows "split"')
        split = str((options or {}).get("split", self.config.split))
        town = episode_town(self.session_config, split, seed, self.config.train_towns)
        if self._session is None or not self._session.is_alive():
            self.close()
            self._session = open_session(replace(self.session_config, town=town))
        self._run = None
        if self._pooled:
            self._session.go_to(town)
        run = EmergencyScenario(split, self.config.time_limit_s, self._pooled).build(self._session, seed)
        self._camera, self._recorder = self._mount(self._session, run)
        self._run, self._terms, self._calls, self._recorded = run, {}, 0, []
        frame = self._look(lambda: self._step(run, _keep(run), 0.0, run.draw.speed, 0.0))
        run.ticks = 0
        return ToolResponse(self._sentence(run), frame), self._info(run)

    def call(self, call: ToolCall) -> StepResult:
        """Run one tool to its end. Raises InvalidToolCall (the world does not advance), EpisodeOver, SessionError."""
        check_call(call, self.tools)
        run = self._run
        if run is None:
            raise EpisodeOver("no episode runs; call reset first")
        if run.outcome is not None:
            raise EpisodeOver(f"the episode is over ({run.outcome}); call reset")
        self._calls += 1
        before = sum(self._terms.values())
        self._add("calls", CALL_COST)
        if call.name == "lane_change" and run.ahead()[0] == "clear":
            self._add("needless_lane_change", NEEDLESS_LANE_CHANGE)
        frame = self._carry_out(run, call)
        if run.outcome is None and self._calls >= self.config.max_calls:
            run.outcome = "timeout"
        if run.outcome is not None:
            self._add(run.outcome, REWARDS[run.outcome])
        reward = sum(self._terms.values()) - before
        truncated = run.outcome == "timeout"
        terminated = run.outcome is not None and not truncated
        return StepResult(ToolResponse(self._sentence(run), frame), reward, terminated, truncated, self._info(run))

    def close(self) -> None:
        """Give back the session and its server; safe to call twice."""
        session, self._session, self._run = self._session, None, None
        self._camera = self._recorder = None
        if session is not None:
            session.close()

    # ---- replay --------------------------------------------------------------------------------------------------

    def recording(self) -> list[RecordedFrame]:
        """Frames since reset, oldest first; needs `record.enabled`."""
        return list(self._recorded)

    def map_polylines(self) -> list[dict[str, Any]]:
        """Lane boundaries around the episode (see `road_polylines`)."""
        if self._run is None or self._session is None:
            raise EpisodeOver("no episode runs; call reset first")
        return road_polylines(self._session, self._run.corridor)

    # ---- other uses of the scene ---------------------------------------------------------------------------------

    def stage(self, seed: int, split: str) -> tuple[EmergencyRun, FrameCamera]:
        """The scene of an episode for other uses than driving it; `abandon` it afterwards."""
        self.reset(seed=seed, options={"split": split})
        assert self._run is not None
        assert self._camera is not None
        return self._run, self._camera

    def abandon(self) -> None:
        """The scene is not an episode any more: tools need a reset."""
        self._run = None

    def scene(self) -> list[dict[str, Any]]:
        """Boxes of all other actors: {"id", "type", "x", "y", "yaw", "extent"}."""
        return [actor.box() for actor in self._run.actors] if self._run is not None else []

    # ---- carrying out --------------------------------------------------------------------------------------------

    def _carry_out(self, run: EmergencyRun, call: ToolCall) -> np.ndarray:
        delta = run.session.config.fixed_delta
        speed: float | None = run.state.speed
        plan, brake, duration = _keep(run), 0.0, OBSERVE_S
        done: Callable[[float], bool] = lambda t: t >= duration - 1.5 * delta  # noqa: E731
        if call.name == "maintain_speed":
            speed, duration = float(call.arguments["kmh"]) / 3.6, MAINTAIN_S
        elif call.name == "brake":
            speed, brake, duration = None, BRAKE_PEDAL[str(call.arguments["intensity"])], BRAKE_S
        elif call.name == "emergency_stop":
            speed, brake, duration = None, 1.0, STOP_LIMIT_S
        elif call.name == "lane_change":
            plan = _swerve(run, -1 if call.arguments["direction"] == "left" else 1)
            done = lambda t: (  # noqa: E731
                t >= plan.duration + STRAIGHTEN_S - 1.5 * delta
                or (t >= plan.duration and abs(run.state.heading) < STRAIGHT_RAD)
            )
        ticks = 0
        while run.outcome is None and not done(ticks * delta):
            self._step(run, plan, ticks * delta, speed, brake)
            ticks += 1
        # The last tick, or one more where the end came early, is the one that the policy sees.
        if run.outcome in ("collision", "road_departure"):
            speed, brake = None, 1.0
        return self._look(lambda: self._step(run, plan, ticks * delta, speed, brake))

    def _step(self, run: EmergencyRun, plan: LateralPlan, t: float, speed: float | None, brake: float) -> None:
        record = self._recorder is not None and run.ticks % self.config.record.every_ticks == 0
        if record and self._recorder is not None:
            self._recorder.listen()
        run.tick(plan, t, speed, brake)
        if record and self._recorder is not None:
            frame = self._recorder.take(run.frame)
            self._recorder.rest()
            ego = {**ego_state(run), "extent": [run.ego.half_length, run.ego.half_width]}
            time_s = 0.0 if self._calls == 0 else run.time_s
            self._recorded.append(RecordedFrame(time_s, self._calls - 1, frame, ego, self.scene()))

    def _look(self, last_tick: Callable[[], None]) -> np.ndarray:
        assert self._camera is not None
        assert self._run is not None
        self._camera.listen()
        last_tick()
        frame = self._camera.take(self._run.frame)
        self._camera.rest()
        return frame

    def _mount(self, session: Session, run: EmergencyRun) -> tuple[FrameCamera, FrameCamera | None]:
        camera, record = self.config.camera, self.config.record
        front = carla.Transform(carla.Location(x=camera.x, z=camera.z), carla.Rotation(pitch=camera.pitch))
        policy = FrameCamera(session, camera.width, camera.height, camera.fov, front, run.ego.actor)
        if not record.enabled:
            return policy, None
        mount = CHASE if record.view == "chase" else front
        return policy, FrameCamera(session, record.width, record.height, record.fov, mount, run.ego.actor)

    # ---- what is told --------------------------------------------------------------------------------------------

    def _add(self, term: str, value: float) -> None:
        self._terms[term] = round(self._terms.get(term, 0.0) + value, 6)

    def _sentence(self, run: EmergencyRun) -> str:
        sentence = f"Speed {round(3.6 * run.state.speed)} km/h."
        if not self.config.privileged_text:
            return sentence
        truth = privileged(run)
        far = f" in {truth['distance_m']:.0f} m" if truth["distance_m"] is not None else ""
        return f"{sentence} Ahead: {truth['ahead']}{far}. Left: {truth['left']}. Right: {truth['right']}."

    def _info(self, run: EmergencyRun) -> dict[str, Any]:
        draw = run.draw
        return {
            "outcome": run.outcome,
            "success": run.outcome == "success",
            "time_s": round(run.time_s, 4),
            "calls": self._calls,
            "ego": ego_state(run),
            "events": [dict(event) for event in run.events],
            "reward_terms": dict(self._terms),
            "privileged": privileged(run),
            "scenario": {
                **({"town": run.session.town} if self._pooled else {}),
                "seed": draw.seed,
                "split": draw.split,
                "kind": draw.kind,
                "road": draw.site.road_id,
                "lane": draw.site.lane_id,
                "speed_kmh": round(3.6 * draw.speed, 2),
                "gap_m": round(draw.gap, 2),
                "left": draw.left,
                "right": draw.right,
            },
        }


def privileged(run: EmergencyRun) -> dict[str, Any]:
    """Ground truth relative to the lane that the ego is in (see `ToolEnv`), with the calls that solve it best first."""
    ahead, distance = run.ahead()
    left, right = run.beside(-1), run.beside(1)
    sides = [name for name, state in (("left", left), ("right", right)) if state == "free"]
    stop = {"name": "emergency_stop", "arguments": {}}
    swerves = [{"name": "lane_change", "arguments": {"direction": side}} for side in sides]
    if ahead == "clear":
        kmh = min(60, max(30, 10 * round(0.36 * run.state.speed)))
        best = [{"name": "maintain_speed", "arguments": {"kmh": kmh}}, {"name": "observe", "arguments": {}}]
    elif distance >= STOP_MARGIN * stop_distance(run.state.speed):
        best = [stop, *(swerves if distance >= swerve_distance(run.state.speed) else [])]
    else:
        best = swerves or [stop]
    return {
        "ahead": ahead,
        "distance_m": round(distance, 3) if ahead != "clear" else None,
        "left": left,
        "right": right,
        "best": best,
    }


def _keep(run: EmergencyRun) -> LateralPlan:
    """Stay in the middle of the lane that the ego is in."""
    middle = run.corridor.lane_at(run.state.d).offset
    return LateralPlan(middle, middle, 0.0)


def _swerve(run: EmergencyRun, side: int) -> LateralPlan:
    """Into the neighbour lane, or, where there is none, as far as if there were one."""
    own = run.corridor.lane_at(run.state.d)
    target = run.corridor.lane(own.position + side)
    end = target.offset if target is not None else own.offset + side * own.width
    # Slow cars need more time: the wheels turn only so far.
    duration = max(LANE_CHANGE_S, min(4.0, LANE_CHANGE_SLOW_M / max(run.state.speed, 0.5)))
    return LateralPlan(run.state.d, end, duration)


def _check(config: TaskConfig) -> None:
    camera, record = config.camera, config.record
    positive = {
        "task.max_calls": config.max_calls,
        "task.time_limit_s": config.time_limit_s,
        "task.camera.width": camera.width,
        "task.camera.height": camera.height,
        "task.record.width": record.width,
        "task.record.height": record.height,
        "task.record.every_ticks": record.every_ticks,
    }
    for name, value in positive.items():
        if not value > 0:
            raise InvalidTask(f"{name}={value!r}: it must be positive")
    for name, fov in (("task.camera.fov", camera.fov), ("task.record.fov", record.fov)):
        if not 1.0 <= fov <= 170.0:
            raise InvalidTask(f"{name}={fov!r}: choose 1 to 170 degrees")
    check_split(config.split)
    if record.view not in ("front", "chase"):
        raise InvalidTask(f'task.record.view={record.view!r}: choose "front" or "chase"')
