"""Streets between places: the plan that a style draws, and how it becomes roads, junctions, roundabouts and signs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.maps.profiles import Profile
from sim.maps.signals import STOP, YIELD
from sim.maps.writer import Leg, TownWriter

MOUTH = 18.0  # m from the middle of a crossing to where its streets begin
PARKING_FROM_MOUTH = 24.0
# Inner radius (m), half of the angle that an arm takes of the ring (rad), and where its street begins (m).
ROUNDABOUT = (20.0, math.radians(25.0), 38.0)
TURNING_CIRCLE = (9.0, math.radians(40.0), 27.0)
SKID_PAD = (30.0, math.radians(18.0), 50.0)
RINGS = {"roundabout": ROUNDABOUT, "turning circle": TURNING_CIRCLE, "skid pad": SKID_PAD}


@dataclass(frozen=True)
class Place:
    """Where streets meet, OpenDRIVE's frame (m). `kind`: "crossing" or a key of RINGS.

    `control` of a crossing: "lights", or "stop" and "yield" for signs on the streets that do not go straight on.
    """

    x: float
    y: float
    z: float = 0.0
    kind: str = "crossing"
    control: str = "yield"


@dataclass(frozen=True)
class Street:
    """A street from one place over the corners `via` to another; corners are rounded with `radius` m at most.

    `parked` is its profile away from its ends, where cars park along it.
    """

    name: str
    start: int
    end: int
    profile: Profile
    speed_kmh: float
    via: tuple[tuple[float, float], ...] = ()
    radius: float = 45.0
    parked: Profile | None = None


def write_streets(
    town: TownWriter, places: Mapping[int, Place], streets: Sequence[Street], ramps: tuple[str, ...] = ()
) -> None:
    """Put the plan into `town`, with junction ids from 1000 on, ten for each place.

    `ramps` lead to or from crossings too, are written already, and give way.
    """
    ends = {key: _directions(key, places, streets) for key in places}
    for street in streets:
        start, end = places[street.start], places[street.end]
        points = [(start.x, start.y), *street.via, (end.x, end.y)]
        shape = rounded(points, _mouth(start), _mouth(end), street.radius)
        heading = math.atan2(points[1][1] - points[0][1], points[1][0] - points[0][0])
        pose = (
            start.x + _mouth(start) * math.cos(heading), start.y + _mouth(start) * math.sin(heading), heading
        )  # fmt: skip
        first = _junction(street.start, places, ends, (street.name, 0))
        last = _junction(street.end, places, ends, (street.name, 1))
        town.chain(pose, _legs(street, shape, end.z - start.z), first, last, start.z)
    for key, place in places.items():
        if place.kind in RINGS:
            _write_ring(town, key, place, ends[key])
        else:
            _write_crossing(town, key, place, ends[key], ramps)


def _mouth(place: Place) -> float:
    return RINGS[place.kind][2] if place.kind in RINGS else MOUTH


def _directions(
    key: int, places: Mapping[int, Place], streets: Sequence[Street]
) -> list[tuple[float, tuple[str, int], Street]]:
    """Angle, (street, which end) of every arm of a place, in order of the angle."""
    arms = []
    for street in streets:
        points = [(places[street.start].x, places[street.start].y), *street.via]
        points.append((places[street.end].x, places[street.end].y))
        for end, (here, there) in enumerate(((points[0], points[1]), (points[-1], points[-2]))):
            if key == (street.start, street.end)[end]:
                angle = math.atan2(there[1] - here[1], there[0] - here[0]) % (2 * math.pi)
                arms.append((angle, (street.name, end), street))
    return sorted(arms, key=lambda arm: arm[:2])


def _junction(
    key: int,
    places: Mapping[int, Place],
    ends: Mapping[int, list[tuple[float, tuple[str, int], Street]]],
    arm: tuple[str, int],
) -> int:
    if places[key].kind not in RINGS:
        return 1000 + 10 * key
    return 1000 + 10 * key + [end for _, end, _ in ends[key]].index(arm)


def rounded(
    points: Sequence[tuple[float, float]], before: float, after: float, radius: float
) -> list[tuple[float, float]]:
    """Lines and arcs (length, turn in degrees) along a polyline, `before` and `after` m shorter at its ends."""
    count = len(points)
    lengths = [math.dist(points[n], points[n + 1]) for n in range(count - 1)]
    headings = [math.atan2(points[n + 1][1] - points[n][1], points[n + 1][0] - points[n][0]) for n in range(count - 1)]
    # What of each straight an arc at its either end may take; streets leave their places straight.
    room = [0.49 * length for length in lengths]
    room[0] = min(room[0], lengths[0] - before - 12.0) if count > 3 else lengths[0] - before - 12.0
    room[-1] = min(room[-1], lengths[-1] - after - 12.0) if count > 3 else lengths[-1] - after - 12.0
    shape: list[tuple[float, float]] = []
    taken = before
    for n in range(1, count - 1):
        turn = (headings[n] - headings[n - 1] + math.pi) % (2 * math.pi) - math.pi
        tangent = min(radius * math.tan(abs(turn) / 2), room[n - 1], room[n])
        shape.append((lengths[n - 1] - taken - tangent, 0.0))
        if abs(turn) > 1e-9:
            arc_radius = tangent / math.tan(abs(turn) / 2)
            shape.append((arc_radius * abs(turn), math.degrees(turn)))
        taken = tangent
    shape.append((lengths[-1] - taken - after, 0.0))
    return [piece for piece in shape if piece[0] > 1e-6]


def _legs(street: Street, shape: list[tuple[float, float]], climb: float) -> list[Leg]:
    length = sum(piece[0] for piece in shape)
    profile = street.profile
    if street.start == street.end:
        # CARLA's client does not tell the ends of a road apart that has the same junction at both.
        halves = _cut(shape, 0.5 * length)
        return [Leg(street.name, 0.0, 0.0, profile, street.speed_kmh, shape=half) for half in halves]
    if street.parked is None or length < 3 * PARKING_FROM_MOUTH or climb:
        return [Leg(street.name, length, 0.0, profile, street.speed_kmh, climb=climb, shape=tuple(shape))]
    first, rest = _cut(shape, PARKING_FROM_MOUTH)
    middle, last = _cut(rest, length - 2 * PARKING_FROM_MOUTH)
    return [
        Leg(street.name, PARKING_FROM_MOUTH, 0.0, profile, street.speed_kmh, shape=first),
        Leg(street.name, 0.0, 0.0, street.parked, street.speed_kmh, shape=middle),
        Leg(street.name, PARKING_FROM_MOUTH, 0.0, profile, street.speed_kmh, shape=last),
    ]


def _cut(
    shape: Sequence[tuple[float, float]], at: float
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    before: list[tuple[float, float]] = []
    for n, (length, turn) in enumerate(shape):
        if length >= at - 1e-9:
            share = at / length
            after = [(length - at, turn * (1 - share))] if length - at > 1e-6 else []
            return (*before, (at, turn * share)), (*after, *shape[n + 1 :])
        before.append((length, turn))
        at -= length
    return tuple(before), ()


def _write_ring(town: TownWriter, key: int, place: Place, arms: list[tuple[float, tuple[str, int], Street]]) -> None:
    radius, half, _ = RINGS[place.kind]
    walk = min(street.profile.sidewalk for _, _, street in arms)
    ring = Profile(0, 1, sidewalk=walk, left_edge=False)
    name = f"{arms[0][2].name} {'Roundabout' if place.kind == 'roundabout' else 'Circle'}"
    for n, (angle, _, _) in enumerate(arms):
        following = arms[(n + 1) % len(arms)][0]
        turn = (following - angle) % (2 * math.pi) or 2 * math.pi
        start, sweep = angle + half, turn - 2 * half
        pose = (place.x + radius * math.cos(start), place.y + radius * math.sin(start), start + math.pi / 2)
        junctions = [1000 + 10 * key + (n + step) % len(arms) for step in (0, 1)]
        pieces = 2 if len(arms) == 1 else 1
        legs = [Leg(name, radius * sweep / pieces, math.degrees(sweep) / pieces, ring, 30.0)] * pieces
        town.chain(pose, legs, junctions[0], junctions[1], place.z)
    for n, (_, _, street) in enumerate(arms):
        town.connect(1000 + 10 * key + n, uncrossed=(name, street.name))
        if place.kind == "roundabout":
            town.signs(1000 + 10 * key + n, street.name, "Yield", YIELD)


def _write_crossing(
    town: TownWriter,
    key: int,
    place: Place,
    arms: list[tuple[float, tuple[str, int], Street]],
    ramps: tuple[str, ...],
) -> None:
    junction = 1000 + 10 * key
    walked = {street.name for _, _, street in arms if street.profile.sidewalk > 0}
    bare = (*ramps, *sorted({street.name for _, _, street in arms} - walked))
    if place.control == "lights":
        town.connect(junction, uncrossed=bare)
        town.lights(junction)
        return
    minor = _minor(arms)
    town.connect(junction, uncrossed=(*bare, *minor))
    for name in minor:
        town.signs(junction, name, *(("Stop", STOP) if place.control == "stop" else ("Yield", YIELD)))


def _minor(arms: list[tuple[float, tuple[str, int], Street]]) -> list[str]:
    """Streets that give way: all but the two arms that are most nearly opposite (of equal ones, the wider)."""
    pairs = [
        (-len(_lanes(a)) - len(_lanes(b)), round(abs(math.pi - (b[0] - a[0])), 3), i, j)
        for i, a in enumerate(arms)
        for j, b in enumerate(arms)
        if i < j
    ]
    straight = [pair for pair in pairs if pair[1] < math.radians(50.0)] or pairs
    _, _, first, second = min(straight)
    return [arm[2].name for n, arm in enumerate(arms) if n not in (first, second)]


def _lanes(arm: tuple[float, tuple[str, int], Street]) -> range:
    return range(arm[2].profile.left + arm[2].profile.right)
