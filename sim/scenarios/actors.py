"""Spawning what a draw asks for, and remembering where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import carla
import numpy as np

from sim.client import CallFailed, Session
from sim.scenarios.corridor import Corridor, side_lanes
from sim.scenarios.draw import Placement
from sim.scenarios.footprint import Extent, Footprint, extent_in

WALKER_DROP_M = 1.0
VEHICLE_DROP_M = 0.05
_UNKNOWN_HALF_LENGTH = 2.5


@dataclass(frozen=True)
class SceneActor:
    """An actor that stands still: what it is, its footprint in the map and its extent in the corridor."""

    name: str
    person: bool
    footprint: Footprint
    extent: Extent

    def box(self) -> dict[str, Any]:
        """As plain data: id, type, x, y (m), yaw (degrees), extent [half length, half width] (m)."""
        at = self.footprint
        return {
            "id": self.name,
            "type": "person" if self.person else "vehicle",
            "x": at.x,
            "y": at.y,
            "yaw": at.yaw,
            "extent": [at.half_length, at.half_width],
        }


@dataclass(frozen=True)
class _Box:
    half_length: float
    half_width: float
    center: float


class Cast:
    """The actors of one episode."""

    def __init__(self, session: Session, corridor: Corridor, line: float, placements: tuple[Placement, ...]) -> None:
        self._session = session
        self._corridor = corridor
        self._line = line
        self._sides = _beside(session, corridor, line)
        self._spawned: list[tuple[Placement, carla.Actor, _Box]] = []
        for placement in placements:
            self._place(placement)

    def settled(self) -> tuple[SceneActor, ...]:
        """Where everybody stands, by the newest tick."""
        found = []
        for placement, actor, box in self._spawned:
            with self._session.guard():
                at = actor.get_transform()
            forward = at.get_forward_vector()
            footprint = Footprint(
                at.location.x + box.center * forward.x,
                at.location.y + box.center * forward.y,
                at.rotation.yaw,
                box.half_length,
                box.half_width,
            )
            extent = extent_in(self._corridor, footprint)
            found.append(SceneActor(placement.name, placement.person, footprint, extent))
        return tuple(found)

    def _place(self, placement: Placement) -> None:
        if isinstance(placement.lane, str):
            offset = self._sides.get(placement.lane)
        else:
            lane = self._corridor.lane(placement.lane)
            offset = lane.offset if lane is not None else None
        if offset is None:
            return
        sizes: dict[str, _Box] = self._session.cache.setdefault("boxes", {})
        known = sizes.get(placement.blueprint)
        if known is None:
            # How long it is shows only once it exists: measure it off the stage, where nothing is in the way.
            probe = self._transform(placement, offset, _UNKNOWN_HALF_LENGTH)
            probe.location.z += 30.0
            actor = self._session.spawn(placement.blueprint, probe)
            with self._session.guard():
                box = actor.bounding_box
                actor.destroy()
            known = sizes[placement.blueprint] = _Box(box.extent.x, box.extent.y, box.location.x)
        half = max(known.half_width, 0.0) if placement.person else known.half_length
        try:
            attributes = {"color": placement.color} if placement.color else {"is_invincible": "true"}
            actor = self._session.spawn(placement.blueprint, self._transform(placement, offset, half), attributes)
        except CallFailed:
            if isinstance(placement.lane, str):
                return  # a passer-by whose place is taken (a tree, a parked car) stays at home
            raise
        if not placement.person:
            with self._session.guard():
                actor.apply_control(carla.VehicleControl(hand_brake=True))
        self._spawned.append((placement, actor, known))

    def _transform(self, placement: Placement, offset: float, half_length: float) -> carla.Transform:
        x, y, z, yaw = self._corridor.pose(self._line + placement.along + half_length, offset + placement.across)
        z += WALKER_DROP_M if placement.person else VEHICLE_DROP_M
        return carla.Transform(carla.Location(x, y, z), carla.Rotation(yaw=(yaw + placement.yaw) % 360.0))


def _beside(session: Session, corridor: Corridor, s: float) -> dict[str, float]:
    """Lateral position (m) of the nearest sidewalk to the right and of the nearest oncoming lane, where there are."""
    x, y, z, _ = corridor.pose(s)
    found: dict[str, float] = {}
    with session.guard():
        own = session.map.get_waypoint(carla.Location(x, y, z))
        right = [own, *side_lanes(own, "right")][-1]
        while right is not None and right.lane_type != carla.LaneType.Sidewalk:
            right = right.get_right_lane()
        left = [own, *side_lanes(own, "left")][-1].get_left_lane()
        while left is not None and (left.lane_type != carla.LaneType.Driving or left.lane_id * own.lane_id > 0):
            # Beyond the middle of the road left and right swap: lanes there run the other way.
            left = left.get_left_lane() if left.lane_id * own.lane_id > 0 else left.get_right_lane()
    for name, waypoint in (("sidewalk", right), ("oncoming", left)):
        if waypoint is not None:
            at = waypoint.transform.location
            found[name] = float(corridor.frenet(np.array([[at.x, at.y]]))[0, 1])
    return found
