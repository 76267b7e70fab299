"""A motorway: two carriageways that turn into each other at both ends, with ramps to a road on either side.

The lane of an on-ramp runs on beside the carriageway as far as the next off-ramp, so that no driving lane ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sim.maps.generator.draws import street_names, uniform
from sim.maps.generator.streets import MOUTH, Place, Street, rounded, write_streets
from sim.maps.profiles import LANE_WIDTH, Profile
from sim.maps.signals import YIELD
from sim.maps.writer import Leg, TownWriter

_TWO = Profile(0, 2, shoulder=2.0, sidewalk=0.0)
_THREE = Profile(0, 3, shoulder=2.0, sidewalk=0.0)
_RAMP = Profile(0, 1, shoulder=1.5, sidewalk=0.0)
_ROAD = Profile(1, 1, shoulder=1.2, sidewalk=0.0)
_FORK = 50.0  # m from where lanes part to where the ramp is a road of its own
_GORE = 3.0  # m between carriageway and ramp there
_RAMP_ANGLE = math.radians(5.0)
_RAMP_RUN = 70.0  # m that a ramp stays beside the carriageway
_SIGN_BEHIND = 40.0  # m behind a fork, where the shoulders of carriageway and ramp have parted
_HALF_MEDIAN = 6.0
_BULB, _NECK = 70.0, 110.0  # m, radii of the turns at both ends
_FAST, _SLOWER, _SLOW, _RAMP_KMH, _ROAD_KMH = 80.0, 60.0, 40.0, 50.0, 50.0

Pose = tuple[float, float, float]


@dataclass
class _Carriageway:
    """The pen that draws the motorway; its `legs` since the junction `since` are not written yet."""

    town: TownWriter
    pose: Pose
    since: int
    profile: Profile = _TWO
    begun: Pose = (0.0, 0.0, 0.0)
    legs: list[Leg] = field(default_factory=list)

    def go(self, length: float, speed: float, turn: float = 0.0) -> None:
        if not self.legs:
            self.begun = self.pose
        self.legs.append(Leg("Motorway", length, turn, self.profile, speed))
        self.pose = _moved(self.pose, length, turn)

    def end_at(self, junction: int, profile: Profile) -> None:
        """Write what was drawn up to a fork, and go on behind it with another cross-section."""
        self.town.chain(self.begun, self.legs, self.since, junction)
        self.pose = _moved(self.pose, _FORK, 0.0)
        self.legs, self.since, self.profile = [], junction, profile


def motorway(name: str, rng: np.random.Generator) -> str:
    """OpenDRIVE text of a motorway with an interchange on either side; roads beside it end in turning circles."""
    town = TownWriter(name, turn_kmh=40.0)
    names = street_names(rng, ("Road", "Lane"))
    gaps = [uniform(rng, 460.0, 530.0) for _ in range(2)]
    leads = [uniform(rng, 60.0, 120.0) for _ in range(2)]
    tails = [uniform(rng, 60.0, 120.0) for _ in range(2)]
    # Both sides of the straight part are of equal length.
    straights = [lead + gap + _FORK + tail for lead, gap, tail in zip(leads, gaps, tails, strict=True)]
    for side in (0, 1):
        tails[side] += max(straights) - straights[side]
    bend, radius, between = uniform(rng, 10.0, 18.0), uniform(rng, 600.0, 800.0), uniform(rng, 20.0, 80.0)
    direction = 1.0 if rng.random() < 0.5 else -1.0

    exits = [910, 920]
    road = _Carriageway(town, (leads[0] + _FORK, -_HALF_MEDIAN, 0.0), exits[0])
    places: dict[int, Place] = {}
    streets: list[Street] = []
    ramps: list[str] = []
    for side in (0, 1):
        begin = _moved(road.pose, -_FORK, 0.0)
        road.go(gaps[side] - _FORK, _FAST)
        entry = road.pose
        road.end_at(exits[side] + 1, _THREE)
        _add_interchange(town, begin, entry, exits[side], names, places, streets, ramps, rng)
        road.go(tails[side], _FAST)
        if not side:
            _s_bend(road, bend * direction, radius, between)
        _turn_round(road)
        if not side:
            _s_bend(road, bend * direction, radius, between)
        road.go(leads[1 - side], _FAST)
        road.end_at(exits[1 - side], _TWO)
    for number, (off, on) in zip(exits, zip(ramps[::2], ramps[1::2], strict=True), strict=True):
        town.fork(number, [("Motorway", 0, "Motorway", 0), ("Motorway", 1, "Motorway", 1), ("Motorway", 2, off, 0)])
        town.fork(number + 1, [("Motorway", 0, "Motorway", 0), ("Motorway", 1, "Motorway", 1), (on, 0, "Motorway", 2)])
    write_streets(town, places, streets, tuple(ramps))
    for side in (0, 1):
        town.signs(1000 + 10 * (4 * side + 1), ramps[2 * side], "Yield", YIELD)
    town.limit_signs(behind=_SIGN_BEHIND)
    return town.text()


def _s_bend(road: _Carriageway, bend: float, radius: float, between: float) -> None:
    """Aside and back: the carriageway that keeps left of the other one's middle turns wider on the left."""
    for turn in (bend, -bend):
        own = radius + (_HALF_MEDIAN if turn > 0 else -_HALF_MEDIAN)
        road.go(own * math.radians(abs(turn)), _FAST, turn)
        if turn == bend:
            road.go(between, _FAST)


def _turn_round(road: _Carriageway) -> None:
    """To the right, round to the left, and to the right: into the other carriageway."""
    neck = math.acos((_HALF_MEDIAN + _NECK) / (_BULB + _NECK))
    road.go(90.0, _SLOWER)
    road.go(_NECK * neck, _SLOW, -math.degrees(neck))
    road.go(_BULB * (math.pi + 2 * neck), _SLOW, 180.0 + math.degrees(2 * neck))
    road.go(_NECK * neck, _SLOW, -math.degrees(neck))
    road.go(90.0, _SLOWER)


def _add_interchange(
    town: TownWriter,
    begin: Pose,
    entry: Pose,
    junction: int,
    names: list[str],
    places: dict[int, Place],
    streets: list[Street],
    ramps: list[str],
    rng: np.random.Generator,
) -> None:
    """Ramps from the fork at `begin` to a road on the right and from there to the fork at `entry`."""
    aside = uniform(rng, 105.0, 135.0)
    beyond = [uniform(rng, 80.0, 130.0) for _ in range(2)]
    key = len(places)
    off_start = _beside(begin, _FORK, 2 * LANE_WIDTH + _GORE, -_RAMP_ANGLE)
    off_corner = _moved(off_start, _RAMP_RUN, 0.0)
    on_end = _beside(entry, 0.0, 2 * LANE_WIDTH + _GORE, _RAMP_ANGLE)
    on_corner = _moved(on_end, -_RAMP_RUN, 0.0)
    # Ramps come to the road at about 80 degrees: a car cannot turn more sharply than a right angle by much.
    off_s = _FORK + _RAMP_RUN + 0.15 * aside
    on_s = math.dist(begin[:2], entry[:2]) - _RAMP_RUN - 0.15 * aside
    stations = (off_s - beyond[0], off_s, on_s, on_s + beyond[1])
    for number, station in enumerate(stations):
        x, y, _ = _beside(begin, station, aside, 0.0)
        places[key + number] = Place(x, y, kind="crossing" if number in (1, 2) else "turning circle")
    for number in range(3):
        streets.append(Street(names.pop(), key + number, key + number + 1, _ROAD, _ROAD_KMH))
    off, on = f"{names.pop()} Exit", f"{names.pop()} Entry"
    ramps += [off, on]
    end, start = places[key + 1], places[key + 2]
    shape = rounded([off_start[:2], off_corner[:2], (end.x, end.y)], 0.0, MOUTH, 60.0)
    town.chain(off_start, [_ramp(off, shape)], junction, 1000 + 10 * (key + 1))
    shape = rounded([(start.x, start.y), on_corner[:2], on_end[:2]], MOUTH, 0.0, 60.0)
    heading = math.atan2(on_corner[1] - start.y, on_corner[0] - start.x)
    pose = (start.x + MOUTH * math.cos(heading), start.y + MOUTH * math.sin(heading), heading)
    town.chain(pose, [_ramp(on, shape)], 1000 + 10 * (key + 2), junction + 1)


def _ramp(name: str, shape: list[tuple[float, float]]) -> Leg:
    return Leg(name, 0.0, 0.0, _RAMP, _RAMP_KMH, shape=tuple(shape))


def _beside(pose: Pose, along: float, right: float, turn: float) -> Pose:
    x, y, heading = pose
    cosine, sine = math.cos(heading), math.sin(heading)
    return x + along * cosine + right * sine, y + along * sine - right * cosine, heading + turn


def _moved(pose: Pose, length: float, turn: float) -> Pose:
    """Where a line or an arc that turns by `turn` degrees ends."""
    x, y, heading = pose
    half = 0.5 * math.radians(turn)
    chord = length * math.sin(half) / half if turn else length
    return x + chord * math.cos(heading + half), y + chord * math.sin(heading + half), heading + 2 * half
