"""What replay needs of an episode: camera frames between decisions, and the scene around the ego from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import carla
import numpy as np

from sim.client import Session
from sim.scenarios import EmergencyRun
from sim.scenarios.corridor import Corridor, side_lanes

STEP_M = 4.0


@dataclass(frozen=True)
class RecordedFrame:
    """One moment.

    time_s   simulated seconds since the first frame of the episode
    call     index of the tool call that was running, -1 for the first frame
    frame    RGB uint8 (height, width, 3)
    ego      {"x", "y", "z", "yaw", "speed_kmh", "extent": [half length, half width]}, map frame, metres and degrees
    actors   boxes of the others: {"id", "type", "x", "y", "yaw", "extent"}
    """

    time_s: float
    call: int
    frame: np.ndarray
    ego: dict[str, Any]
    actors: list[dict[str, Any]]


def ego_state(run: EmergencyRun) -> dict[str, Any]:
    """The ego as plain data: x, y, z (m), yaw (degrees), speed_kmh; map frame."""
    state = run.state
    return {
        "x": round(state.x, 4),
        "y": round(state.y, 4),
        "z": round(state.z, 4),
        "yaw": round(state.yaw, 4),
        "speed_kmh": round(3.6 * state.speed, 3),
    }


def road_polylines(session: Session, corridor: Corridor) -> list[dict[str, Any]]:
    """Lane boundaries of a corridor's road, both directions: {"kind": "edge" | "divider", "points": [[x, y], ...]}.

    The cross-section at the corridor's middle is taken to hold all along.
    """
    x, y, z, _ = corridor.pose(0.5 * corridor.length)
    offsets: set[float] = set()
    with session.guard():
        own = session.map.get_waypoint(carla.Location(x, y, z))
        leftmost = [own, *side_lanes(own, "left")][-1]
        lanes = [own, *side_lanes(own, "left"), *side_lanes(own, "right")]
        across = leftmost.get_left_lane()
        while across is not None:
            opposite = across.lane_id * own.lane_id < 0
            if opposite and across.lane_type == carla.LaneType.Driving:
                lanes.append(across)
            # Beyond the middle of the road left and right swap: lanes there run the other way.
            across = across.get_right_lane() if opposite else across.get_left_lane()
        for lane in lanes:
            at = lane.transform.location
            offset = float(corridor.frenet(np.array([[at.x, at.y]]))[0, 1])
            offsets |= {round(offset - 0.5 * lane.lane_width, 1), round(offset + 0.5 * lane.lane_width, 1)}
    edges = {min(offsets), max(offsets), round(corridor.left_edge, 1), round(corridor.right_edge, 1)}
    stations = np.arange(-20.0, corridor.length + 20.0, STEP_M)
    return [
        {
            "kind": "edge" if offset in edges else "divider",
            "points": [list(corridor.pose(float(s), offset)[:2]) for s in stations],
        }
        for offset in sorted(offsets)
    ]
