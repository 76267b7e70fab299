"""How lights form groups, for maps that say more or less about it than CARLA's."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from sim.maps.limits import LimitMap
from sim.maps.regulation import Regulation, read_map
from sim.maps.signals import Controller, SignalPlan
from sim.server.errors import CallError
from sim.server.signals import GREEN, RED, YELLOW, Signals

ROAD = """<OpenDRIVE><header revMajor="1" revMinor="4"/><road name="r" length="100" id="1" junction="-1"><link/>
<planView><geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry></planView>
<lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right><lane id="-1" type="driving">
<width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>
<signals>{}</signals></road></OpenDRIVE>"""


def signals(names: str, controllers: dict[str, tuple[int, str]], junctions: dict[str, tuple[str, ...]]) -> Signals:
    """Lights called a, b, c ...; controllers: (sequence, their lights); junctions: their controllers."""
    lights = "".join(
        f'<signal name="x" id="{name}" dynamic="yes" s="{10 + 5 * n}" t="-9" type="1000001"/>'
        for n, name in enumerate(names)
    )
    plan = read_map(ROAD.format(lights))[1].plan
    controlled = tuple(Controller(name, order, tuple(members)) for name, (order, members) in controllers.items())
    empty = LimitMap(np.zeros((0, 6)), np.zeros(2, np.int64), np.zeros(2), np.ones(2, np.int64))
    return Signals(
        Regulation(SignalPlan(plan.signals, controlled, tuple(junctions.items())), (), empty), count(1).__next__
    )


def shape(found: Signals) -> list[list[str]]:
    """For each group its controllers' lights, named by their order in the map."""
    return [["".join("abcdef"[i - 1] for i in phases.lights) for phases in group.controllers] for group in found.groups]


def test_controllers_of_a_junction_take_turns_by_sequence():
    found = signals("abcd", {"x": (2, "a"), "y": (1, "bc"), "z": (0, "d")}, {"9": ("x", "y"), "8": ("z",)})
    assert shape(found) == [["bc", "a"], ["d"]]
    assert [found.state(i) for i in (1, 2, 3, 4)] == [RED, GREEN, GREEN, GREEN]
    assert sorted(found.group_of(1)) == [1, 2, 3]


def test_lights_that_no_junction_controls_stand_alone():
    assert shape(signals("abc", {"x": (0, "b")}, {})) == [["b"], ["a"], ["c"]]


def test_a_light_of_two_controllers_obeys_the_first():
    found = signals("ab", {"x": (0, "a"), "y": (1, "ab")}, {"9": ("x", "y")})
    assert shape(found) == [["a", "b"]]


def test_a_controller_of_unknown_name_and_one_without_lights_are_left_out():
    assert shape(signals("a", {"x": (0, "a"), "y": (1, "")}, {"9": ("nobody", "y", "x")})) == [["a"]]


def test_a_lone_light_goes_through_its_own_cycle():
    found = signals("a", {}, {})
    seen = []
    for _ in range(300):
        found.advance(0.1)
        seen.append(found.state(1))
    assert [seen.count(state) for state in (GREEN, YELLOW, RED)] == [200, 60, 40]


def test_calls_for_what_is_no_light_and_impossible_times_are_refused():
    found = signals("a", {}, {})
    for refused in (
        lambda: found.set_state(7, RED),
        lambda: found.set_state(1, 5),
        lambda: found.set_time(1, GREEN, -1.0),
        lambda: found.group_of(2),
        lambda: found.light_boxes(0),
    ):
        with pytest.raises(CallError):
            refused()
