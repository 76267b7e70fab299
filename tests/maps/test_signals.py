"""Signals are read from OpenDRIVE as the real CARLA client reads them."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.maps import InvalidOpenDrive
from sim.maps.limits import CELL_M
from sim.maps.regulation import BOX_LENGTH_M, Regulation, read_map
from sim.maps.signals import STOP, TRAFFIC_LIGHT

LENGTH = 120.0
LANES = (2, 1, -1, -2, -3)


def road(signals: str, heading: float = 0.4, extra: str = "") -> str:
    """A straight road with three lanes one way, two the other, and these signals."""
    left = "".join(_lane(lane) for lane in LANES if lane > 0)
    right = "".join(_lane(lane) for lane in LANES if lane < 0)
    return f"""<OpenDRIVE><header revMajor="1" revMinor="4"><geoReference><![CDATA[+proj=tmerc +lat_0=42 +lon_0=2]]>
</geoReference></header><road name="r" length="{LENGTH}" id="1" junction="-1"><link/>
<type s="0" type="town"><speed max="50" unit="km/h"/></type>
<planView><geometry s="0" x="10" y="-20" hdg="{heading!r}" length="{LENGTH}"><line/></geometry></planView>
<elevationProfile><elevation s="0" a="2" b="0.02" c="0" d="0"/></elevationProfile>
<lanes><laneSection s="0"><left>{left}</left><center><lane id="0" type="none"/></center><right>{right}</right>
</laneSection></lanes><signals>{signals}</signals></road>{extra}</OpenDRIVE>"""


def _lane(lane: int) -> str:
    return f'<lane id="{lane}" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'


def read(text: str) -> Regulation:
    return read_map(text)[1]


finite = st.floats(-3.0, 3.0, allow_nan=False)
signal_values = st.fixed_dictionaries(
    {
        "s": st.floats(1.0, LENGTH - 1.0),
        "t": st.one_of(st.floats(14.0, 40.0), st.floats(-40.0, -15.0)),
        "zOffset": st.floats(-1.0, 6.0),
        "hOffset": finite,
        "pitch": st.floats(-0.5, 0.5),
        "roll": st.floats(-0.5, 0.5),
        "type": st.sampled_from(["1000001", "206", "205", "274"]),
        "orientation": st.sampled_from(["+", "-", "none"]),
        "validity": st.one_of(st.none(), st.tuples(st.sampled_from(LANES), st.sampled_from(LANES))),
    }
)


def _xml(values: dict[str, object], identifier: int = 77) -> str:
    validity = values["validity"]
    inner = "" if validity is None else f'<validity fromLane="{min(validity)}" toLane="{max(validity)}"/>'  # type: ignore[call-overload]
    attributes = " ".join(f'{name}="{value}"' for name, value in values.items() if name != "validity")
    return f'<signal name="x" id="{identifier}" dynamic="no" value="30" unit="km/h" {attributes}>{inner}</signal>'


@settings(max_examples=60, deadline=None)
@given(values=signal_values, heading=finite)
def test_pose_and_lanes_of_a_signal_are_those_of_the_clients_landmark(
    values: dict[str, object], heading: float
) -> None:
    text = road(_xml(values), heading)
    (signal,) = read(text).plan.signals
    (mark,) = carla.Map("m", text).get_all_landmarks()
    place = mark.transform
    assert (signal.pose.x, signal.pose.y, signal.pose.z) == pytest.approx(
        (place.location.x, place.location.y, place.location.z), abs=2e-3
    )
    turns = (
        signal.pose.pitch - place.rotation.pitch,
        signal.pose.yaw - place.rotation.yaw,
        signal.pose.roll - place.rotation.roll,
    )
    assert [(turn + 180.0) % 360.0 - 180.0 for turn in turns] == pytest.approx([0.0, 0.0, 0.0], abs=0.01)
    lanes = {lane for low, high in mark.get_lane_validities() for lane in range(low, high + 1) if lane}
    assert {lane for application in signal.applications for lane in application.lanes} == lanes


@settings(max_examples=60, deadline=None)
@given(s=st.floats(0.5, LENGTH - 0.5), lanes=st.tuples(st.sampled_from(LANES), st.sampled_from(LANES)), heading=finite)
def test_a_lights_zone_ends_at_its_line_and_covers_its_lanes(s: float, lanes: tuple[int, int], heading: float) -> None:
    reference = f'<signalReference id="5" s="{s}" t="0"><validity fromLane="{min(lanes)}" toLane="{max(lanes)}"/>'
    light = '<signal name="x" id="5" dynamic="yes" s="60" t="-20" type="1000001"><validity fromLane="0" toLane="0"/>'
    text = road(f"{light}</signal>{reference}</signalReference>", heading)
    regulation = read(text)
    town = carla.Map("m", text)
    covered = set()
    for zone in regulation.zones:
        assert zone.box.half_length <= BOX_LENGTH_M / 2 + 1e-9
        for box in zone.lanes:
            waypoint = town.get_waypoint(carla.Location(box.x, box.y, box.z))
            covered.add(waypoint.lane_id)
            middle = waypoint.transform
            assert math.hypot(middle.location.x - box.x, middle.location.y - box.y) < 0.01
            assert abs((middle.rotation.yaw - box.yaw + 180.0) % 360.0 - 180.0) < 0.1
            assert abs(box.z - middle.location.z) < 0.01
            ahead = -1.0 if waypoint.lane_id > 0 else 1.0
            line = waypoint.s + ahead * box.half_length
            assert line == pytest.approx(min(max(s, 0.05), LENGTH - 0.05), abs=0.02)
    assert covered == {lane for lane in LANES if min(lanes) <= lane <= max(lanes)}


JUNCTION = """<OpenDRIVE><header revMajor="1" revMinor="4"/>
<road name="in" length="50" id="1" junction="-1"><link><successor elementType="junction" elementId="9"/></link>
<planView><geometry s="0" x="0" y="0" hdg="0" length="50"><line/></geometry></planView>
<lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right>{lane1}</right></laneSection></lanes>
<objects><object id="1" type="crosswalk" s="45" t="0" hdg="0"><outline><cornerLocal u="-2" v="-3.5"/>
<cornerLocal u="2" v="-3.5"/><cornerLocal u="2" v="0"/><cornerLocal u="-2" v="0"/></outline></object></objects></road>
<road name="out" length="50" id="2" junction="-1"><link><predecessor elementType="junction" elementId="9"/></link>
<planView><geometry s="0" x="70" y="0" hdg="0" length="50"><line/></geometry></planView>
<lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right>{lane1}</right></laneSection></lanes></road>
<road name="" length="20" id="3" junction="9"><link><predecessor elementType="road" elementId="1" contactPoint="end"/>
<successor elementType="road" elementId="2" contactPoint="start"/></link>
<planView><geometry s="0" x="50" y="0" hdg="0" length="20"><line/></geometry></planView>
<lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right>{linked}</right></laneSection></lanes>
<signals><signal name="l" id="4" dynamic="yes" s="10" t="-9" type="1000001" hOffset="3.14159265">
<validity fromLane="-1" toLane="-1"/></signal></signals></road>
<controller name="c" id="6" sequence="2"><control signalId="4" type="0"/>
<control signalId="nobody" type="0"/></controller>
<junction id="9" name="j"><connection id="0" incomingRoad="1" connectingRoad="3" contactPoint="start">
<laneLink from="-1" to="-1"/></connection><controller id="6" type="0"/></junction></OpenDRIVE>"""


def test_a_light_on_a_connecting_road_stops_before_the_crossing_of_the_road_that_leads_there() -> None:
    width = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/>'
    linked = f'<lane id="-1" type="driving"><link><predecessor id="-1"/><successor id="-1"/></link>{width}</lane>'
    regulation = read(JUNCTION.format(lane1=f'<lane id="-1" type="driving">{width}</lane>', linked=linked))
    (zone,) = regulation.zones
    assert (zone.road, zone.junction) == ("1", "9")
    assert zone.box.x + zone.box.half_length == pytest.approx(42.0)
    (controller,) = regulation.plan.controllers
    assert (controller.sequence, controller.signals) == (2, ("4",))
    assert regulation.plan.junctions == (("9", ("6",)),)


@pytest.mark.parametrize(
    "signal",
    [
        '<signal id="1" s="NaN" t="0" type="206"/>',
        '<signal id="1" s="2" t="x" type="206"/>',
        '<signal id="1" t="0" type="206"/>',
        '<signal id="1" s="2" t="0" type="206"><validity fromLane="-1000000000" toLane="1"/></signal>',
    ],
)
def test_a_signal_that_cannot_be_placed_is_refused(signal: str) -> None:
    with pytest.raises(InvalidOpenDrive):
        read(road(signal))


def test_a_reference_to_a_signal_that_is_not_there_is_left_out() -> None:
    regulation = read(road('<signalReference id="9" s="5" t="0" orientation="+"/>'))
    assert regulation.plan.signals == ()
    assert regulation.zones == ()


@settings(max_examples=40, deadline=None)
@given(at=st.lists(st.tuples(st.floats(1.0, LENGTH - 1.0), st.sampled_from([20, 30, 70])), max_size=3))
def test_the_last_sign_passed_gives_the_limit(at: list[tuple[float, int]]) -> None:
    signals = "".join(
        f'<signal name="x" id="{number}" dynamic="no" s="{s}" t="-20" type="274" value="{value}" unit="km/h">'
        '<validity fromLane="-1" toLane="1"/></signal>'
        for number, (s, value) in enumerate(at)
    )
    limits = read(road(signals, heading=0.0)).limits
    for x, y, _, along, _, limit in limits.points:
        s, lane_t = x - 10.0, -y + 20.0
        if abs(lane_t) > 3.5:
            assert limit == 50.0
            continue
        passed = [(p, v) for p, v in at if (s >= p if along > 0 else s <= p)]
        nearest = max((p if along > 0 else -p for p, _ in passed), default=None)
        values = {v for p, v in passed if (p if along > 0 else -p) == nearest} or {50}
        assert limit in values


def test_a_limit_sign_written_as_an_object_counts_on_its_side_of_the_road() -> None:
    sign = '<object id="3" name="Speed_30" s="60" t="-12" zOffset="0" hdg="0" type="-1"/>'
    text = road("", heading=0.0).replace("<signals>", f"<objects>{sign}</objects><signals>")
    regulation = read(text)
    (signal,) = regulation.plan.signals
    assert (signal.type, signal.value, signal.applications[0].lanes) == ("274", 30.0, (-1, -2, -3))
    for x, _, _, along, _, limit in regulation.limits.points:
        assert limit == (30.0 if along > 0 and x - 10.0 >= 60.0 else 50.0)


@pytest.mark.parametrize(("typed", "inside", "behind"), [("", 30.0, 50.0), ("60", 60.0, 50.0)])
def test_a_limit_holds_through_a_junction_that_says_nothing_of_its_own(
    typed: str, inside: float, behind: float
) -> None:
    width = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/>'
    linked = f'<lane id="-1" type="driving"><link><predecessor id="-1"/><successor id="-1"/></link>{width}</lane>'
    text = JUNCTION.format(lane1=f'<lane id="-1" type="driving">{width}</lane>', linked=linked)
    sign = '<signal name="s" id="8" dynamic="no" s="20" t="-9" type="274" value="30" unit="km/h">'
    text = text.replace(
        "</objects>", f'</objects><signals>{sign}<validity fromLane="-1" toLane="-1"/></signal></signals>'
    )
    if typed:
        speed = f'<type s="0" type="town"><speed max="{typed}" unit="km/h"/></type>'
        text = text.replace('<planView><geometry s="0" x="50"', f'{speed}<planView><geometry s="0" x="50"')
    for x, *_, limit in read(text).limits.points:
        if 0.0 < x < 49.0:
            assert limit == (30.0 if x >= 20.0 else 50.0)
        elif 51.0 < x < 69.0:
            assert limit == inside
        elif x > 71.0:
            assert limit == behind


def test_the_grid_of_limits_holds_every_point_in_its_cell(town: object) -> None:
    limits = town.regulation.limits  # type: ignore[attr-defined]
    assert limits.starts[0] == 0
    assert limits.starts[-1] == len(limits.points)
    assert len(limits.starts) == limits.shape[0] * limits.shape[1] + 1
    for cell in np.flatnonzero(np.diff(limits.starts)):
        inside = limits.points[limits.starts[cell] : limits.starts[cell + 1], :2] - limits.origin
        expected = np.array(divmod(int(cell), int(limits.shape[1])))
        assert (np.floor(inside / CELL_M) == expected).all()


def test_the_downtown_has_lights_stop_and_yield_signs_and_a_limit_on_every_street() -> None:
    from sim.maps import load_town

    town = load_town("Pilotage02")
    kinds = [signal.type for signal in town.regulation.plan.signals]
    assert (kinds.count(TRAFFIC_LIGHT), kinds.count(STOP), kinds.count("205")) == (20, 1, 1)
    limits = {signal.value for signal in town.regulation.plan.signals if signal.type == "274"}
    assert limits == {30.0, 50.0}
    assert set(np.unique(town.regulation.limits.points[:, 5]).tolist()) == {30.0, 50.0}
