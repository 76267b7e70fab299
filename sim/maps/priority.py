"""Who goes first where a stop or yield sign stands: the lanes whose traffic has priority over whom it holds."""

from __future__ import annotations

from dataclasses import dataclass

from sim.maps.lane_boxes import Box, is_driving, lane_span, span_box
from sim.maps.network import Road, RoadNetwork

# m of a priority road that a driver at the sign looks along, and into how long pieces it is cut.
SIGHT_M = 80.0
PIECE_M = 10.0
INSIDE_PIECE_M = 4.0


@dataclass(frozen=True)
class Watch:
    """A piece of lane with priority; `remaining` m from its end to the junction, -1 inside the junction."""

    box: Box
    remaining: float


def watches(network: RoadNetwork, junction: str, road: str, yielding: frozenset[str]) -> tuple[Watch, ...]:
    """What a driver who comes to `junction` on `road` must let pass.

    The lanes that lead to it on all roads but that one and the `yielding` ones, and the ways of their traffic through
    the junction. Ids as in the map.
    """
    excluded = yielding | {road}
    found: list[Watch] = []
    for other in network.roads:
        if other.junction is None and other.id not in excluded:
            if other.successor[:2] == ("junction", junction):
                found += _approach(other, True)
            if other.predecessor[:2] == ("junction", junction):
                found += _approach(other, False)
        elif other.junction == junction and other.predecessor[1] not in excluded:
            found += _inside(other)
    return tuple(found)


def _approach(road: Road, forward: bool) -> list[Watch]:
    end = road.length - 0.05 if forward else 0.05
    section = road.sections[-1] if forward else road.sections[0]
    pieces = []
    for lane in section.right if forward else section.left:
        passed = 0.0
        while passed < min(SIGHT_M, road.length - 0.1):
            length = min(PIECE_M, road.length - 0.1 - passed)
            near = end - passed if forward else end + passed
            far = near - length if forward else near + length
            span = lane_span(road, lane.id, 0.5 * (near + far))
            if lane.kind != "driving" or span is None:
                break
            pieces.append(Watch(span_box(road, forward, span, near, far), passed))
            passed += length
    return pieces


def _inside(road: Road) -> list[Watch]:
    pieces = []
    count = max(1, round(road.length / INSIDE_PIECE_M))
    for number in range(count):
        first, last = road.length * number / count, road.length * (number + 1) / count
        middle = 0.5 * (first + last)
        for section in road.sections:
            for lane in section.left + section.right:
                span = lane_span(road, lane.id, middle)
                if section.start <= middle < section.end and span is not None and is_driving(road, lane.id, middle):
                    pieces.append(Watch(span_box(road, lane.id < 0, span, first, last), -1.0))
    return pieces
