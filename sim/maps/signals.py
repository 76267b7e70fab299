"""Signals of an OpenDRIVE map: traffic lights, signs, what they apply to, and the controllers that switch them.

Read as the `carla` client reads them, so that its landmarks and the server's actors agree.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np

from sim.geometry import Pose
from sim.maps.network import InvalidOpenDrive, Road, RoadNetwork, number_of

TRAFFIC_LIGHT, STOP, YIELD, SPEED_LIMIT = "1000001", "206", "205", "274"
_LIMIT_OBJECT = re.compile(r"[Ss]peed_?(\d{2,3})")
# The client places a traffic light this far (m) in front of where the map has it.
LIGHT_FORWARD_M = 0.25


@dataclass(frozen=True)
class Application:
    """Where a signal counts: lanes `lanes` (ids, never 0) of road `road` at `s` (m)."""

    road: str
    s: float
    lanes: tuple[int, ...]


@dataclass(frozen=True)
class Signal:
    """One <signal>; `type` as in the default country code (see the constants above). `pose`: CARLA's frame, z up.

    `value` is the printed number (a limit in `unit`), -1 when there is none.
    """

    id: str
    name: str
    type: str
    value: float
    unit: str
    dynamic: bool
    road: str
    pose: Pose
    applications: tuple[Application, ...]


@dataclass(frozen=True)
class Controller:
    """Signals that are switched together."""

    id: str
    sequence: int
    signals: tuple[str, ...]


@dataclass(frozen=True)
class SignalPlan:
    """All signals and controllers of a map, in file order; `junctions` maps a junction to its controllers' ids."""

    signals: tuple[Signal, ...] = ()
    controllers: tuple[Controller, ...] = ()
    junctions: tuple[tuple[str, tuple[str, ...]], ...] = ()


def parse_signals(root: ElementTree.Element, network: RoadNetwork) -> SignalPlan:
    """The signals of the map whose XML is `root` and whose roads are `network`.

    References to signals that do not exist are left out. Raises InvalidOpenDrive for attributes that are no numbers.
    """
    roads = {road.id: road for road in network.roads}
    found: dict[str, tuple[ElementTree.Element, Road]] = {}
    applications: dict[str, list[Application]] = {}
    for element in root.iter("road"):
        road = roads[element.get("id", "")]
        for item in element.findall("signals/signal"):
            found.setdefault(item.get("id", ""), (item, road))
        for item in (*element.findall("signals/signal"), *element.findall("signals/signalReference")):
            application = _application(item, road)
            if application.lanes:
                applications.setdefault(item.get("id", ""), []).append(application)
    signals = tuple(
        _signal(item, road, tuple(applications.get(identifier, ()))) for identifier, (item, road) in found.items()
    )
    signals += tuple(
        sign
        for element in root.iter("road")
        for item in element.findall("objects/object")
        if (sign := _limit_object(item, roads[element.get("id", "")])) is not None
    )
    controllers = tuple(
        Controller(
            item.get("id", ""),
            int(number_of(item, "sequence", 0.0)),
            tuple(c.get("signalId", "") for c in item.findall("control") if c.get("signalId", "") in found),
        )
        for item in root.findall("controller")
    )
    junctions = tuple(
        (item.get("id", ""), tuple(c.get("id", "") for c in item.findall("controller")))
        for item in root.findall("junction")
    )
    return SignalPlan(signals, controllers, tuple(entry for entry in junctions if entry[1]))


def _application(item: ElementTree.Element, road: Road) -> Application:
    s = number_of(item, "s")
    lanes: list[int] = []
    records = item.findall("validity")
    for record in records:
        ends = int(number_of(record, "fromLane")), int(number_of(record, "toLane"))
        if max(map(abs, ends)) > 1000:
            raise InvalidOpenDrive(f"signal {item.get('id')!r} on road {road.id!r} applies to lanes {ends}")
        lanes += [lane for lane in range(min(ends), max(ends) + 1) if lane != 0]
    if not records:
        lanes = _default_lanes(item.get("orientation", ""), s, road)
    return Application(road.id, s, tuple(dict.fromkeys(lanes)))


def _limit_object(item: ElementTree.Element, road: Road) -> Signal | None:
    """A speed limit sign that is written as an object, as CARLA's towns have them; it counts on its side of the road.

    The client has no landmark for it.
    """
    named = _LIMIT_OBJECT.fullmatch(item.get("name", ""))
    if named is None:
        return None
    s, left = number_of(item, "s"), number_of(item, "t") > 0.0
    section = next((part for part in road.sections if s < part.end), None)
    if section is None:
        return None
    lanes = tuple(lane.id for lane in (section.left if left else section.right))
    pose = _pose(item, road, 0.0, "hdg")
    applications = (Application(road.id, s, lanes),) if lanes else ()
    identifier = f"object {item.get('id', '')}"
    return Signal(
        identifier, item.get("name", ""), SPEED_LIMIT, float(named[1]), "km/h", False, road.id, pose, applications
    )


def _default_lanes(orientation: str, s: float, road: Road) -> list[int]:
    """Without <validity> the client takes "+" for the lanes with positive ids, "-" for the negative ones."""
    section = next((part for part in road.sections if s < part.end), road.sections[-1]) if road.sections else None
    if section is None:
        return []
    left, right = [lane.id for lane in section.left], [lane.id for lane in section.right]
    return {"+": left, "-": right}.get(orientation, left + right)


def _signal(item: ElementTree.Element, road: Road, applications: tuple[Application, ...]) -> Signal:
    kind = item.get("type", "")
    return Signal(
        id=item.get("id", ""),
        name=item.get("name", ""),
        type=kind,
        value=number_of(item, "value", -1.0),
        unit=item.get("unit", ""),
        dynamic=item.get("dynamic", "no") == "yes",
        road=road.id,
        pose=_pose(item, road, LIGHT_FORWARD_M if kind == TRAFFIC_LIGHT else 0.0),
        applications=applications,
    )


def _pose(item: ElementTree.Element, road: Road, forward: float, turned: str = "hOffset") -> Pose:
    pitch, roll = math.degrees(number_of(item, "pitch", 0.0)), math.degrees(number_of(item, "roll", 0.0))
    inertial = item.find("positionInertial")
    if inertial is not None:
        x, y, z, heading = (number_of(inertial, name, 0.0) for name in ("x", "y", "z", "hdg"))
        return Pose(x, -y, z, pitch, _wrapped(-math.degrees(heading)), roll)
    s, t = number_of(item, "s"), number_of(item, "t")
    x, y, z, road_heading = road.reference(np.array([s]))[0].tolist()
    x, y = x - t * math.sin(road_heading), y + t * math.cos(road_heading)
    heading = road_heading + number_of(item, turned, 0.0)
    level = forward * math.cos(math.radians(pitch))
    x, y = x + level * math.cos(heading), y + level * math.sin(heading)
    z += number_of(item, "zOffset", 0.0) + forward * math.sin(math.radians(pitch))
    return Pose(x, -y, z, pitch, _wrapped(-math.degrees(heading)), roll)


def _wrapped(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0
