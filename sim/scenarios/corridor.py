"""A stretch of parallel lanes as a curvilinear frame: s along one lane's centre, d to its right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import carla
import numpy as np

# A stretch whose heading (degrees) changes by no more than this counts as straight.
STRAIGHT_DEG = 1.5
_CURVE_BASE_M = 3.0


@dataclass(frozen=True)
class Lane:
    """A driving lane of the corridor. `offset` is the d (m) of its centre, `position` 0 for the reference lane,
    negative to its left."""

    position: int
    offset: float
    width: float

    def holds(self, d: float) -> bool:
        """Whether lateral position `d` (m) lies in the lane."""
        return abs(d - self.offset) <= 0.5 * self.width


@dataclass(frozen=True)
class Corridor:
    """Parallel driving lanes of one direction around a reference lane.

    points    float64 (n, 2): the reference lane's centre in the map frame (m), about every 2 m
    heights   float64 (n,): z (m)
    stations  float64 (n,): s (m) of the points, from 0
    headings  float64 (n,): yaw (degrees)
    lanes     from left to right
    """

    points: np.ndarray
    heights: np.ndarray
    stations: np.ndarray
    headings: np.ndarray
    lanes: tuple[Lane, ...]

    @property
    def length(self) -> float:
        """Metres along the reference lane."""
        return float(self.stations[-1])

    @property
    def left_edge(self) -> float:
        """d (m) of the left edge of the leftmost lane."""
        return self.lanes[0].offset - 0.5 * self.lanes[0].width

    @property
    def right_edge(self) -> float:
        """d (m) of the right edge of the rightmost lane."""
        return self.lanes[-1].offset + 0.5 * self.lanes[-1].width

    def lane(self, position: int) -> Lane | None:
        """The lane `position` lanes to the right of the reference lane, or None."""
        return next((lane for lane in self.lanes if lane.position == position), None)

    def lane_at(self, d: float) -> Lane:
        """The lane whose centre is nearest to lateral position `d` (m)."""
        return min(self.lanes, key=lambda lane: abs(lane.offset - d))

    def pose(self, s: float, d: float = 0.0) -> tuple[float, float, float, float]:
        """x, y, z (m) and yaw (degrees) of the lane direction at (s, d); s beyond the ends goes straight on."""
        index = int(np.clip(np.searchsorted(self.stations, s) - 1, 0, len(self.stations) - 2))
        span = self.stations[index + 1] - self.stations[index]
        share = (s - self.stations[index]) / span
        along = (self.points[index + 1] - self.points[index]) / span
        base = self.points[index] + share * (self.points[index + 1] - self.points[index])
        x, y = base + d * np.array([-along[1], along[0]])
        z = self.heights[index] + np.clip(share, 0.0, 1.0) * (self.heights[index + 1] - self.heights[index])
        return float(x), float(y), float(z), math.degrees(math.atan2(along[1], along[0]))

    def frenet(self, points: np.ndarray) -> np.ndarray:
        """(s, d) in metres of map points (k, 2), as (k, 2); points beyond the ends lie on the end segments' lines."""
        starts, ends = self.points[:-1], self.points[1:]
        along = ends - starts
        lengths = np.hypot(along[:, 0], along[:, 1])
        unit = along / lengths[:, None]
        relative = points[:, None, :] - starts[None, :, :]
        t = relative[..., 0] * unit[:, 0] + relative[..., 1] * unit[:, 1]
        low = np.zeros(len(lengths))
        high = lengths.copy()
        low[0], high[-1] = -np.inf, np.inf
        clipped = np.clip(t, low, high)
        across = unit[:, 0] * relative[..., 1] - unit[:, 1] * relative[..., 0]
        gap = across**2 + (t - clipped) ** 2
        best = np.argmin(gap, axis=1)
        rows = np.arange(len(points))
        return np.stack([self.stations[best] + clipped[rows, best], across[rows, best]], axis=1)

    def heading(self, s: float) -> float:
        """Yaw (degrees) of the lane direction at s."""
        if not self._bends:
            return self.pose(s)[3]
        return float(np.interp(s, self.stations, self._unwrapped))

    def curvature(self, s: float) -> float:
        """1/m at s, positive to the right; 0 all along a stretch that counts as straight."""
        if not self._bends:
            return 0.0
        turn = self.heading(s + _CURVE_BASE_M) - self.heading(s - _CURVE_BASE_M)
        return float(np.radians(turn) / (2.0 * _CURVE_BASE_M))

    @cached_property
    def _unwrapped(self) -> np.ndarray:
        return np.unwrap(self.headings, period=360.0)

    @cached_property
    def _bends(self) -> bool:
        return bool(np.abs(self._unwrapped - self._unwrapped[0]).max() > STRAIGHT_DEG)


def build_corridor(start: carla.Waypoint, length: float, step: float = 2.0) -> Corridor:
    """The corridor around `start`'s lane from there on, `length` metres or up to where the lane ends."""
    chain = [start]
    while (len(chain) - 1) * step < length - 1e-6:
        following = chain[-1].next(step)
        if len(following) != 1 or following[0].is_junction:
            break
        chain.append(following[0])
    locations = [waypoint.transform.location for waypoint in chain]
    points = np.array([(at.x, at.y) for at in locations], np.float64)
    hops = np.hypot(*np.diff(points, axis=0).T)
    stations = np.concatenate([[0.0], np.cumsum(hops)])
    headings = np.array([waypoint.transform.rotation.yaw for waypoint in chain])
    lanes = [Lane(0, 0.0, start.lane_width)]
    for side, positions in ((-1, side_lanes(start, "left")), (1, side_lanes(start, "right"))):
        offset, width = 0.0, start.lane_width
        for number, waypoint in enumerate(positions, 1):
            offset += side * 0.5 * (width + waypoint.lane_width)
            width = waypoint.lane_width
            lanes.append(Lane(side * number, offset, width))
    lanes.sort(key=lambda lane: lane.position)
    return Corridor(points, np.array([at.z for at in locations]), stations, headings, tuple(lanes))


def side_lanes(waypoint: carla.Waypoint, side: str) -> list[carla.Waypoint]:
    """Driving lanes of the same direction beside a waypoint, from the nearest outwards; `side` "left" or "right"."""
    found: list[carla.Waypoint] = []
    current = waypoint
    while True:
        current = current.get_left_lane() if side == "left" else current.get_right_lane()
        if current is None or current.lane_type != carla.LaneType.Driving or current.lane_id * waypoint.lane_id < 0:
            return found
        found.append(current)
