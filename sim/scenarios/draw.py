"""What an emergency episode is made of, drawn from a seed: kind, place, weather, speed, distance, who stands where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.errors import PilotageError
from sim.scenarios.sites import LONG_M, NoSite, Site
from sim.scenarios.weather import WeatherDraw, draw_weather

# Measured with the tools on the embedded server (tests/tasks/test_emergency.py repeats it): a full stop from v takes
# v^2 / (2 * 5.0); a lane change clears what is 2.4 m wide, from the lane's centre, within 1.03 v - 2.6 metres.
STOP_DECELERATION = 5.0
SWERVE_S, SWERVE_OFFSET_M = 1.03, -2.6
NEAR_SWERVE, NEAR_STOP, FAR_STOP, FAR_SPREAD_M = 1.1, 0.85, 1.25, 12.0
CLEAR_HORIZON_S = 3.2
# Between the first and the last thing that an episode can reach from the ego's start.
STAGE_M = 105.0
# The same on a stretch shorter than LONG_M: behind the obstacle line; what a lane change at 60 km/h takes; and the
# ego's first place, m from the stretch's start to the obstacle line without the gap.
BEHIND_M, SWERVED_M, BEFORE_M = 13.0, 42.0, 15.0
STREAMS = {"train": 0, "test": 1, "validation": 2}

# kind, share, left, right: "x" stands for blocked or absent, "*" for free, blocked or absent.
KINDS: tuple[tuple[str, float], ...] = (
    ("clear", 0.20),
    ("stop", 0.25),
    ("near_left", 0.20),
    ("near_right", 0.20),
    ("near_both", 0.05),
    ("far_free", 0.10),
)

_CARS = (
    "vehicle.tesla.model3", "vehicle.audi.tt", "vehicle.toyota.prius", "vehicle.lincoln.mkz_2017",
    "vehicle.nissan.patrol", "vehicle.mini.cooper_s", "vehicle.citroen.c3", "vehicle.mercedes.sprinter",
    "vehicle.volkswagen.t2", "vehicle.jeep.wrangler_rubicon",
)  # fmt: skip
_COLORS = ("180,30,30", "40,70,150", "25,25,28", "110,115,120", "35,110,60", "200,160,40", "150,80,30")
_WALKERS = tuple(f"walker.pedestrian.{number:04d}" for number in range(1, 9))


class InvalidScenario(PilotageError, ValueError):
    """An option of the scenario is impossible; the message names it."""


@dataclass(frozen=True)
class Placement:
    """One actor to put on the road.

    name       unique in the episode, for example "obstacle-0"
    blueprint  id in CARLA's catalogue
    person     a pedestrian; else a stopped vehicle
    along      metres from the obstacle line to the actor's nearest edge, along the road
    lane       position of its lane relative to the ego's (0 own, -1 left, ...), or "sidewalk", "oncoming"
    across     metres from the lane's centre
    yaw        degrees relative to the lane's direction
    color      paint "r,g,b" of a vehicle
    """

    name: str
    blueprint: str
    person: bool
    along: float
    lane: int | str
    across: float
    yaw: float
    color: str = ""


@dataclass(frozen=True)
class EmergencyDraw:
    """One episode. `speed` in m/s; `gap` metres from the ego's front to the obstacle line in the first frame; `line`
    metres from the site's start to the obstacle line; `left` and `right` "free", "blocked" or "absent"."""

    seed: int
    split: str
    kind: str
    site: Site
    weather: WeatherDraw
    speed: float
    gap: float
    line: float
    left: str
    right: str
    placements: tuple[Placement, ...]


def stop_distance(speed: float) -> float:
    """Metres that full braking takes from `speed` (m/s)."""
    return speed * speed / (2.0 * STOP_DECELERATION)


def swerve_distance(speed: float) -> float:
    """Metres ahead of the ego's front within which a lane change cannot clear an obstacle any more."""
    return max(3.0, SWERVE_S * speed + SWERVE_OFFSET_M)


def draw_episode(seed: int, split: str, sites: dict[str, tuple[Site, ...]]) -> EmergencyDraw:
    """The episode that `seed` stands for in `split`. Raises InvalidScenario, NoSite."""
    if split not in STREAMS:
        raise InvalidScenario(f'option split={split!r}: choose "train", "validation" or "test"')
    if seed < 0:
        raise InvalidScenario(f"seed={seed!r}: it must not be negative")
    rng = np.random.default_rng([seed, STREAMS[split]])
    layouts = layouts_of(sites[split])
    kind = _kind(layouts, rng)
    left, right = _neighbours(kind, layouts, rng)
    site = _choose_site(sites[split], left, right, rng)
    near = kind.startswith("near") or (kind == "clear" and bool(rng.random() < 0.5))
    if kind.startswith("near"):
        speed = float(rng.uniform(45.0, 60.0)) / 3.6
    else:
        speed = float(rng.uniform(30.0, _fastest_kmh(site))) / 3.6
    if near and kind != "clear":
        gap = float(rng.uniform(NEAR_SWERVE * swerve_distance(speed), NEAR_STOP * stop_distance(speed)))
    elif near:
        gap = float(rng.uniform(12.0, 22.0))
    else:
        shortest = FAR_STOP * stop_distance(speed)
        gap = float(rng.uniform(shortest, shortest + FAR_SPREAD_M))
    start = 8.0 + float(rng.uniform(0.0, min(28.0, _room(site, kind, speed, gap))))
    line = start + 7.0 + gap
    placements: list[Placement] = []
    if kind != "clear":
        placements += _obstacle("obstacle", 0, 0.0, rng, person=bool(rng.random() < 0.6))
    for name, side, state in (("left", -1, left), ("right", 1, right)):
        if state == "blocked":
            placements += _obstacle(
                name, side, float(rng.uniform(-2.5, 0.5)), rng, person=bool(rng.random() < 0.3), certain=True
            )
            if rng.random() < 0.4:
                placements.append(_car(f"{name}-queue", side, 8.0 + float(rng.uniform(0.0, 4.0)), rng))
    for side in (-2, 2):
        count = site.left if side < 0 else site.right
        if count >= 2 and rng.random() < 0.5:
            placements.append(_car(f"far-{'left' if side < 0 else 'right'}", side, float(rng.uniform(-6.0, 12.0)), rng))
    if rng.random() < 0.35:
        placements.append(_car("oncoming", "oncoming", float(rng.uniform(-8.0, 25.0)), rng, yaw=180.0))
    for number in range(int(rng.integers(0, 3))):
        along, across = float(rng.uniform(-8.0, 25.0)), float(rng.uniform(-0.5, 0.5))
        placements.append(_walker(f"passer-by-{number}", "sidewalk", along, across, rng))
    return EmergencyDraw(
        seed, split, kind, site, draw_weather(split, rng), speed, gap, line, left, right, tuple(placements)
    )


def layouts_of(sites: tuple[Site, ...]) -> frozenset[tuple[bool, bool]]:
    """Which neighbour lanes, (left, right), there are anywhere. Raises NoSite where there is no stretch at all."""
    if not sites:
        raise NoSite("the town has no stretch of road for an emergency in this split; choose another town or split")
    return frozenset((site.left > 0, site.right > 0) for site in sites)


def stageable(kind: str, layouts: frozenset[tuple[bool, bool]]) -> bool:
    """Whether roads with these neighbour lanes, (left, right), can show the kind."""
    needs = {"near_left": (1, 0), "near_right": (0, 1), "near_both": (1, 1)}.get(kind, (0, 0))
    return any(
        left >= needs[0] and right >= needs[1] and (left or right or kind != "far_free") for left, right in layouts
    )


def _kind(layouts: frozenset[tuple[bool, bool]], rng: np.random.Generator) -> str:
    names, shares = zip(*[entry for entry in KINDS if stageable(entry[0], layouts)])
    if len(names) < len(KINDS):
        total = sum(shares)
        shares = tuple(share / total for share in shares)
    return str(names[int(rng.choice(len(names), p=shares))])


def _fastest_kmh(site: Site) -> float:
    """At most 60 km/h, less where the stretch is too short to stop on."""
    if site.length >= LONG_M:
        return 60.0
    braking = site.length - BEFORE_M - BEHIND_M - FAR_SPREAD_M
    return min(60.0, 3.6 * (2.0 * STOP_DECELERATION * braking / FAR_STOP) ** 0.5)


def _room(site: Site, kind: str, speed: float, gap: float) -> float:
    """By how many metres the episode can be moved along its stretch."""
    if site.length >= LONG_M:
        return site.length - STAGE_M - 8.0
    reach = max(gap + BEHIND_M, CLEAR_HORIZON_S * speed if kind == "clear" else 0.0)
    if site.left or site.right:
        reach = max(reach, SWERVED_M)
    return max(0.0, site.length - BEFORE_M - reach)


def _neighbours(kind: str, layouts: frozenset[tuple[bool, bool]], rng: np.random.Generator) -> tuple[str, str]:
    """State of the left and the right neighbour lane, such that a stretch has both."""
    states = {
        "clear": (("free", 0.2), ("blocked", 0.4), ("absent", 0.4)),
        "far_free": (("free", 0.6), ("blocked", 0.2), ("absent", 0.2)),
    }.get(kind, (("blocked", 0.5), ("absent", 0.5)))
    names, shares = zip(*states)
    while True:
        left, right = (str(names[int(rng.choice(len(names), p=shares))]) for _ in range(2))
        if kind in ("near_left", "near_both"):
            left = "free"
        if kind in ("near_right", "near_both"):
            right = "free"
        if (left != "absent", right != "absent") not in layouts or (kind == "far_free" and "free" not in (left, right)):
            continue
        return left, right


def _choose_site(sites: tuple[Site, ...], left: str, right: str, rng: np.random.Generator) -> Site:
    fitting = [
        site for site in sites if (site.left > 0) == (left != "absent") and (site.right > 0) == (right != "absent")
    ]
    roads = sorted({site.road_id for site in fitting})
    road = roads[int(rng.integers(len(roads)))]
    here = [site for site in fitting if site.road_id == road]
    return here[int(rng.integers(len(here)))]


def _obstacle(
    name: str, lane: int, along: float, rng: np.random.Generator, person: bool, certain: bool = False
) -> list[Placement]:
    """Something that nobody passes in its lane: one to three pedestrians (three where `certain`), or a vehicle."""
    if not person:
        return [_car(f"{name}-0", lane, along, rng)]
    count = 3 if certain else int(rng.integers(1, 4))
    places = {1: (0.0,), 2: (-0.55, 0.55), 3: (-0.85, 0.0, 0.85)}[count]
    return [
        _walker(
            f"{name}-{number}", lane, along + float(rng.uniform(0.0, 0.8)), at + float(rng.uniform(-0.08, 0.08)), rng
        )
        for number, at in enumerate(places)
    ]


def _car(name: str, lane: int | str, along: float, rng: np.random.Generator, yaw: float = 0.0) -> Placement:
    blueprint = _CARS[int(rng.integers(len(_CARS)))]
    color = _COLORS[int(rng.integers(len(_COLORS)))]
    across, turn = float(rng.uniform(-0.1, 0.1)), float(rng.uniform(-2.0, 2.0))
    return Placement(name, blueprint, False, along, lane, across, yaw + turn, color)


def _walker(name: str, lane: int | str, along: float, across: float, rng: np.random.Generator) -> Placement:
    blueprint = _WALKERS[int(rng.integers(len(_WALKERS)))]
    return Placement(name, blueprint, True, along, lane, across, float(rng.uniform(0.0, 360.0)))
