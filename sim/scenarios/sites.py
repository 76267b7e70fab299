"""Where an emergency can be staged: stretches of road whose lanes go on side by side, in whatever town."""

from __future__ import annotations

from dataclasses import dataclass

import carla

from sim.errors import PilotageError
from sim.maps.generator import SPLITS
from sim.scenarios.corridor import STRAIGHT_DEG, Corridor, build_corridor, side_lanes

LONG_M, MAX_LENGTH_M = 130.0, 190.0
STEP_M = 5.0
MIN_LANE_WIDTH_M = 3.0
LAYOUTS = frozenset({(False, True), (True, False), (True, True)})


class NoSite(PilotageError):
    """The town has no stretch of road that a scenario needs; the message says what is missing."""


@dataclass(frozen=True)
class Demands:
    """What a stretch must be like.

    min_length   m
    lonely       whether a lane without a neighbour of its direction will do
    bend, turn   degrees that a lonely lane may bend by in all, and within 5 m; others are straight
    """

    min_length: float
    lonely: bool = False
    bend: float = STRAIGHT_DEG
    turn: float = STRAIGHT_DEG


# Highways, where every kind of emergency can be staged at any speed; and what streets have to offer. On these a lane
# change has 42 m, and a stop at the speeds that are drawn for the length; 2.6 degrees in 5 m are a radius of 110 m.
LONG = Demands(LONG_M)
SHORT = Demands(60.0, lonely=True, bend=25.0, turn=2.6)


@dataclass(frozen=True)
class Site:
    """A stretch of one lane from a spawn point on; left and right count neighbour lanes of its direction."""

    road_id: int
    lane_id: int
    s: float
    length: float
    left: int
    right: int

    def corridor(self, town: carla.Map) -> Corridor:
        """The stretch's lanes as a curvilinear frame."""
        waypoint = town.get_waypoint_xodr(self.road_id, self.lane_id, self.s)
        if waypoint is None:
            raise NoSite(f"the map has no lane {self.lane_id} on road {self.road_id} at s={self.s:.1f} m")
        return build_corridor(waypoint, self.length)


def town_sites(
    town: carla.Map, spawn_points: list[carla.Transform], shared: bool = True
) -> dict[str, tuple[Site, ...]]:
    """The stretches of each split ("train", "validation", "test").

    Long ones alone where they can stage everything in each split, else all that the town's streets allow. In a town
    that is `shared` by training and test the splits have different roads, and validation has none; any other is of
    one split as a whole. Raises NoSite where there are none at all.
    """
    chosen = _split(find_sites(town, spawn_points, LONG), shared)
    if not _complete(chosen):
        chosen = _split(find_sites(town, spawn_points, SHORT), shared)
    if not any(chosen.values()):
        raise NoSite(
            f"the town {town.name.rsplit('/', 1)[-1]!r} has no stretch of {SHORT.min_length:.0f} m without a junction, "
            "a sharp bend or a lane that ends, for an emergency to happen on; set sim.town to another one, "
            "such as Pilotage01 or Grid-train-0000"
        )
    return chosen


def find_sites(town: carla.Map, spawn_points: list[carla.Transform], demands: Demands = LONG) -> tuple[Site, ...]:
    """Stretches of up to 190 m from the spawn points on that are as demanded, without a junction, and with the same
    lanes all along."""
    sites = []
    for point in spawn_points:
        start = town.get_waypoint(point.location)
        if start is None or start.is_junction or start.lane_width < MIN_LANE_WIDTH_M:
            continue
        sides = _sides(start)
        if sum(sides) < 0 or (sum(sides) == 0 and not demands.lonely):
            continue
        length = _length(start, sides, demands)
        if length >= demands.min_length:
            sites.append(Site(start.road_id, start.lane_id, start.s, length, *sides))
    return tuple(sites)


def split_sites(sites: tuple[Site, ...]) -> dict[str, tuple[Site, ...]]:
    """Disjoint roads for training and testing.

    Among the roads with the same number of lanes per direction the last third (by id, at least one) is held out, so
    that both parts know every number of lanes where the town has two such roads.
    """
    lanes: dict[int, int] = {}
    for site in sites:
        lanes[site.road_id] = max(lanes.get(site.road_id, 0), 1 + site.left + site.right)
    held_out: set[int] = set()
    for count in sorted(set(lanes.values())):
        roads = sorted(road for road, number in lanes.items() if number == count)
        if len(roads) > 1:
            held_out.update(roads[-max(1, len(roads) // 3) :])
    return {
        "train": tuple(site for site in sites if site.road_id not in held_out),
        "test": tuple(site for site in sites if site.road_id in held_out),
    }


def _split(sites: tuple[Site, ...], shared: bool) -> dict[str, tuple[Site, ...]]:
    return {"validation": (), **split_sites(sites)} if shared else dict.fromkeys(SPLITS, sites)


def _complete(split: dict[str, tuple[Site, ...]]) -> bool:
    """Whether training and test have every combination of neighbour lanes."""
    return all({(site.left > 0, site.right > 0) for site in split[name]} >= LAYOUTS for name in ("train", "test"))


def _length(start: carla.Waypoint, sides: tuple[int, int], demands: Demands) -> float:
    """Metres (in steps of 5) from `start` to where the lanes change, a junction begins or the road bends too much."""
    lonely = sum(sides) == 0
    bend, turn = (demands.bend, demands.turn) if lonely else (STRAIGHT_DEG, STRAIGHT_DEG)
    current, length, yaw = start, 0.0, start.transform.rotation.yaw
    before = yaw
    while length < MAX_LENGTH_M:
        following = current.next(STEP_M)
        if len(following) != 1 or following[0].is_junction or _sides(following[0]) != sides:
            break
        current = following[0]
        heading = current.transform.rotation.yaw
        if abs(_between(heading, yaw)) > bend or (lonely and abs(_between(heading, before)) > turn):
            break
        before = heading
        length += STEP_M
    # The last step may have run into a taper: keep clear of it.
    return length - STEP_M


def _between(one: float, other: float) -> float:
    return (one - other + 180.0) % 360.0 - 180.0


def _sides(waypoint: carla.Waypoint) -> tuple[int, int]:
    return _usable(waypoint, "left"), _usable(waypoint, "right")


def _usable(waypoint: carla.Waypoint, side: str) -> int:
    lanes = side_lanes(waypoint, side)
    # A neighbour that is too narrow to drive on (it tapers) makes the count differ from a regular stretch's.
    return -100 if any(lane.lane_width < MIN_LANE_WIDTH_M for lane in lanes) else len(lanes)
