"""Where an emergency can be staged: straight stretches whose lanes go on side by side, in whatever town."""

from __future__ import annotations

from dataclasses import dataclass

import carla

from sim.errors import PilotageError
from sim.scenarios.corridor import Corridor, build_corridor, side_lanes

MIN_LENGTH_M = 130.0
MAX_LENGTH_M = 190.0
STEP_M = 5.0
MAX_BEND_DEG = 1.5
MIN_LANE_WIDTH_M = 3.0


class NoSite(PilotageError):
    """The town has no stretch of road that a scenario needs; the message says what is missing."""


@dataclass(frozen=True)
class Site:
    """A straight stretch of one lane from a spawn point on; left and right count neighbour lanes of its direction."""

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


def find_sites(town: carla.Map, spawn_points: list[carla.Transform]) -> tuple[Site, ...]:
    """Stretches of 130 to 190 m from the spawn points on: no junction, no bend, at least one neighbour lane, and the
    same lanes all along."""
    sites = []
    for point in spawn_points:
        start = town.get_waypoint(point.location)
        if start is None or start.is_junction or start.lane_width < MIN_LANE_WIDTH_M:
            continue
        sides = _sides(start)
        if sum(sides) == 0:
            continue
        current, length, yaw = start, 0.0, start.transform.rotation.yaw
        while length < MAX_LENGTH_M:
            following = current.next(STEP_M)
            if len(following) != 1 or following[0].is_junction or _sides(following[0]) != sides:
                break
            current = following[0]
            if abs((current.transform.rotation.yaw - yaw + 180.0) % 360.0 - 180.0) > MAX_BEND_DEG:
                break
            length += STEP_M
        # The last step may have run into a taper: keep clear of it.
        length -= STEP_M
        if length >= MIN_LENGTH_M:
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


def _sides(waypoint: carla.Waypoint) -> tuple[int, int]:
    return _usable(waypoint, "left"), _usable(waypoint, "right")


def _usable(waypoint: carla.Waypoint, side: str) -> int:
    lanes = side_lanes(waypoint, side)
    # A neighbour that is too narrow to drive on (it tapers) makes the count differ from a regular stretch's.
    return -100 if any(lane.lane_width < MIN_LANE_WIDTH_M for lane in lanes) else len(lanes)
