"""The emergency: a car at speed, something in its lane, and what counts as a good end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from sim.client import Session
from sim.maps.generator import split_of
from sim.scenarios.actors import Cast, SceneActor
from sim.scenarios.corridor import Corridor, Lane
from sim.scenarios.draw import CLEAR_HORIZON_S, EmergencyDraw, draw_episode
from sim.scenarios.ego import STANDSTILL, Ego, EgoState, LateralPlan
from sim.scenarios.footprint import Footprint
from sim.scenarios.sites import town_sites

SETTLE_TICKS = 4
EGO_HALF_LENGTH = 1.852
PASSED_M = 5.0
STOPPED_FOR_M = 40.0
LOOK_AHEAD_M = 60.0
LOOK_BESIDE_BACK_M = 8.0
TOUCH_M = 0.03
# More than tyres and brakes can change the velocity within one tick of 0.05 s (m/s per s).
IMPACT_ACCELERATION = 20.0
EDGE_TOLERANCE_M = 0.05
TIME_LIMIT_S = 12.0


@dataclass(frozen=True)
class EmergencyScenario:
    """An emergency of a split ("train", "validation" or "test"); `time_limit_s` in simulated seconds.

    `pooled`: the town is of that split as a whole, so that all of its roads are; else splits share it by roads.
    """

    split: str = "train"
    time_limit_s: float = TIME_LIMIT_S
    pooled: bool = False

    def build(self, session: Session, seed: int) -> EmergencyRun:
        """Put the episode that `seed` draws on the road; the world has ticked until everybody stands.

        The same seed builds the same episode, bit for bit, on the embedded server.
        """
        sites = session.cache.get("emergency_sites")
        if sites is None:
            with session.guard():
                shared = not self.pooled and split_of(session.map.name) not in ("validation", "test")
                sites = town_sites(session.map, session.map.get_spawn_points(), shared)
            session.cache["emergency_sites"] = sites
        return EmergencyRun(session, draw_episode(seed, self.split, sites), self.time_limit_s)


@dataclass
class EmergencyRun:
    """One episode in the world. `state` is the ego's newest; `outcome` None until decided, then "success" or the
    reason of failure; `events` what happened, with times (s) since the start."""

    session: Session
    draw: EmergencyDraw
    time_limit_s: float
    events: list[dict[str, Any]] = field(default_factory=list)
    outcome: str | None = None
    ticks: int = 0
    frame: int = 0

    def __post_init__(self) -> None:
        session, draw = self.session, self.draw
        session.destroy_all()
        self.corridor: Corridor = session.cache.setdefault("corridors", {}).get(draw.site) or self._corridor()
        with session.guard():
            session.world.set_weather(draw.weather.parameters())
        cast = Cast(session, self.corridor, draw.line, draw.placements)
        delta = session.config.fixed_delta
        travel = draw.speed * delta * SETTLE_TICKS
        self.ego = Ego(session, self.corridor, draw.line - draw.gap - EGO_HALF_LENGTH - travel, draw.speed)
        session.tick()
        self.state: EgoState = self.ego.read()
        for _ in range(SETTLE_TICKS - 1):
            self.ego.drive(self.state, LateralPlan(0.0, 0.0, 0.0), 0.0, draw.speed, 0.0)
            self.frame = session.tick()
            self.state = self.ego.read()
        self.actors: tuple[SceneActor, ...] = cast.settled()
        own = [actor for actor in self.actors if actor.name.startswith("obstacle")]
        if own:
            self.finish = max(actor.extent.s_max for actor in own) + PASSED_M + self.ego.half_length
        else:
            self.finish = self.state.s + max(CLEAR_HORIZON_S * draw.speed, draw.gap + 10.0)
        self._lane_position = self.corridor.lane_at(self.state.d).position

    def _corridor(self) -> Corridor:
        with self.session.guard():
            corridor = self.draw.site.corridor(self.session.map)
        self.session.cache["corridors"][self.draw.site] = corridor
        return corridor

    @property
    def time_s(self) -> float:
        """Simulated seconds since the first frame."""
        return self.ticks * self.session.config.fixed_delta

    def footprint(self) -> Footprint:
        """The ego's footprint."""
        forward = math.radians(self.state.yaw)
        return Footprint(
            self.state.x + self.ego.box_center * math.cos(forward),
            self.state.y + self.ego.box_center * math.sin(forward),
            self.state.yaw,
            self.ego.half_length,
            self.ego.half_width,
        )

    def tick(self, plan: LateralPlan, t: float, target_speed: float | None, brake: float) -> str | None:
        """Drive for one tick (see `Ego.drive`) and judge what came of it, unless that is decided already; returns the
        outcome, None while open."""
        self.ego.drive(self.state, plan, t, target_speed, brake)
        before = self.state
        self.frame = self.session.tick()
        self.ticks += 1
        self.state = self.ego.read()
        if self.outcome is None:
            self._judge(before)
        return self.outcome

    # ---- judgement -----------------------------------------------------------------------------------------------

    def _judge(self, before: EgoState) -> None:
        mine = self.footprint()
        hit = self._hit(mine, before)
        lane = self.corridor.lane_at(self.state.d)
        if lane.position != self._lane_position:
            self._event("lane_invasion", lane=lane.position)
            self._lane_position = lane.position
        if hit is not None:
            self._event("collision", other=hit, speed_kmh=round(3.6 * before.speed, 1))
            self.outcome = "collision"
        elif self._off_road(mine):
            self._event("road_departure")
            self.outcome = "road_departure"
        elif self.state.s >= self.finish:
            self.outcome = "success"
        elif self.state.speed < STANDSTILL:
            ahead, distance = self.ahead()
            self.outcome = "success" if ahead != "clear" and distance <= STOPPED_FOR_M else "needless_stop"
            self._event("standstill")
        elif self.time_s >= self.time_limit_s - 1e-6:
            self.outcome = "timeout"

    def _hit(self, mine: Footprint, before: EgoState) -> str | None:
        """Name of what the ego has hit. From the snapshot alone, so that the tick of it is the same every time;
        messages of a collision sensor come over another connection, a little later or not."""
        for actor in self.actors:
            near = actor.footprint
            if math.hypot(near.x - mine.x, near.y - mine.y) < 10.0 and mine.overlaps(near, TOUCH_M):
                return actor.name
        change = math.dist(self.state.velocity, before.velocity)
        return "town" if change > IMPACT_ACCELERATION * self.session.config.fixed_delta else None

    def _off_road(self, mine: Footprint) -> bool:
        across = self.corridor.frenet(mine.corners())[:, 1]
        low, high = self.corridor.left_edge - EDGE_TOLERANCE_M, self.corridor.right_edge + EDGE_TOLERANCE_M
        return bool(across.min() < low or across.max() > high)

    def _event(self, kind: str, **details: Any) -> None:
        self.events.append({"type": kind, "time_s": round(self.time_s, 3), **details})

    # ---- ground truth --------------------------------------------------------------------------------------------

    def ahead(self, state: EgoState | None = None) -> tuple[str, float]:
        """What stands in the ego's lane within 60 m: ("clear", inf), or its kind and the distance (m) to it."""
        state = state or self.state
        return look_ahead(self.corridor.lane_at(state.d), state.s + self.ego.half_length, self.actors)

    def beside(self, side: int, state: EgoState | None = None) -> str:
        """The neighbour lane `side` (-1 left, 1 right): "free", "blocked" or "absent"."""
        state = state or self.state
        own = self.corridor.lane_at(state.d)
        return look_beside(self.corridor.lane(own.position + side), state.s, self.actors)


def look_ahead(lane: Lane, front: float, actors: tuple[SceneActor, ...]) -> tuple[str, float]:
    """The nearest actor in `lane` beyond the ego's front at s=`front` (m), up to 60 m: kind and distance."""
    kind, nearest = "clear", math.inf
    for actor in actors:
        extent = actor.extent
        distance = max(0.0, extent.s_min - front)
        if in_lane(lane, actor) and extent.s_max > front - 1.0 and distance <= LOOK_AHEAD_M and distance < nearest:
            kind, nearest = "person" if actor.person else "vehicle", distance
    return kind, nearest


def look_beside(lane: Lane | None, s: float, actors: tuple[SceneActor, ...]) -> str:
    """Whether a neighbour lane is "absent", or "blocked" by what overlaps it between 8 m behind and 60 m ahead of s."""
    if lane is None:
        return "absent"
    for actor in actors:
        beside = s - LOOK_BESIDE_BACK_M < actor.extent.s_max and actor.extent.s_min < s + LOOK_AHEAD_M
        if beside and in_lane(lane, actor):
            return "blocked"
    return "free"


def in_lane(lane: Lane, actor: SceneActor) -> bool:
    """Whether an actor's middle lies in the lane, or it reaches more than half a metre into it."""
    middle = 0.5 * (actor.extent.d_min + actor.extent.d_max)
    reach = min(actor.extent.d_max, lane.offset + 0.5 * lane.width) - max(
        actor.extent.d_min, lane.offset - 0.5 * lane.width
    )
    return lane.holds(middle) or reach > 0.5
