"""Pieces of lane as boxes on the road, in CARLA's frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.maps.network import Lane, LaneSection, Road

# Of a lane's width, so that a box does not reach into the next lane.
LANE_SHARE = 0.9


@dataclass(frozen=True)
class Box:
    """A box on the road in CARLA's frame: middle of its floor (m), `yaw` of travel (degrees), half sizes (m)."""

    x: float
    y: float
    z: float
    yaw: float
    half_length: float
    half_width: float


def section_at(road: Road, s: float) -> LaneSection | None:
    """The lane section in which station `s` (m) lies; the last one at and behind the road's end."""
    for section in road.sections:
        if section.start <= s < section.end:
            return section
    return road.sections[-1] if road.sections and s >= road.length else None


def lane_at(road: Road, lane: int, s: float) -> Lane | None:
    """The lane with id `lane` at station `s` (m), None where there is none."""
    section = section_at(road, s)
    lanes = () if section is None else section.left + section.right
    return next((item for item in lanes if item.id == lane), None)


def is_driving(road: Road, lane: int, s: float) -> bool:
    """Whether `lane` exists at `s` (m) and is driven on."""
    found = lane_at(road, lane, s)
    return found is not None and found.kind == "driving"


def lane_span(road: Road, lane: int, s: float) -> tuple[float, float] | None:
    """t (m) of the edges of `lane` at `s` (m), lower first; None where there is no such lane."""
    section = section_at(road, s)
    if section is None:
        return None
    edges = road.edges(section, 1 if lane > 0 else -1, np.array([s]))[:, 0]
    for number, item in enumerate(section.left if lane > 0 else section.right):
        if item.id == lane:
            return float(edges[number : number + 2].min()), float(edges[number : number + 2].max())
    return None


def span_box(road: Road, forward: bool, span: tuple[float, float], first: float, last: float) -> Box:
    """The box between stations `first` and `last` (m) and between `span` in t (m), travelled along s or against it."""
    s, t = 0.5 * (first + last), 0.5 * (span[0] + span[1])
    x, y, z, heading = road.reference(np.array([s]))[0].tolist()
    yaw = -math.degrees(heading) + (0.0 if forward else 180.0)
    return Box(
        x - t * math.sin(heading),
        -(y + t * math.cos(heading)),
        z,
        (yaw + 180.0) % 360.0 - 180.0,
        0.5 * abs(last - first),
        0.5 * LANE_SHARE * (span[1] - span[0]),
    )
