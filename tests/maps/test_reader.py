"""The OpenDRIVE reader on maps that are broken, odd or hostile."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.maps import InvalidOpenDrive, Town, load_xodr
from tests.maps.crossroads import crossroads
from tests.maps.foreign import straight

TOWN = crossroads(arm_m=40.0)
NUMBERS = [match.span(1) for match in re.finditer(r'"(-?[0-9][0-9.e-]*)"', TOWN)]
ODD = ["0", "-1", "1e-9", "1e6", "-1e6", "1e12", "1e300", "nan", "inf", "", "x", "7"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(NUMBERS) - 1), st.sampled_from(ODD)), min_size=1, max_size=4))
def test_a_map_with_odd_numbers_is_read_or_refused_in_words(changes: list[tuple[int, str]]) -> None:
    text = TOWN
    for place, value in sorted(dict(changes).items(), reverse=True):
        first, last = NUMBERS[place]
        text = text[:first] + value + text[last:]
    town = _read_or_refused(text)
    if town is None:
        return
    assert np.isfinite(town.mesh.vertices).all()
    assert all(np.isfinite(pose).all() for pose in town.spawn_points)
    assert np.isfinite(town.boxes.center).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TOWN) - 1), st.integers(0, 400))
def test_a_map_with_a_piece_torn_out_is_read_or_refused_in_words(first: int, length: int) -> None:
    # What does not begin with < would be the name of a file.
    _read_or_refused("<" + TOWN[1:first] + TOWN[max(1, first + length) :])


def _read_or_refused(text: str) -> Town | None:
    """The town, or None when the text is refused; any other exception fails the test."""
    try:
        return load_xodr(text, "Odd")
    except InvalidOpenDrive:
        return None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('length="40.0"', 'length="1e9"', "km long"),
        ('x="20.0"', 'x="1e7"', "km apart"),
        ('a="3.5"', 'a="1e6"', "to one side of its reference line"),
    ],
)
def test_maps_that_would_take_all_memory_are_refused(old: str, new: str, words: str) -> None:
    assert old in TOWN
    with pytest.raises(InvalidOpenDrive, match=words):
        load_xodr(TOWN.replace(old, new), "Huge")


def test_roads_without_lanes_and_short_roads_are_passed_over() -> None:
    bare = (
        '<road name="bare" length="3" id="99" junction="-1"><planView><geometry s="0" x="0" y="50" hdg="0" length="3">'
    )
    bare += "<line/></geometry></planView><lanes/></road>"
    town = load_xodr(TOWN.replace("<junction ", bare + "<junction ", 1), "Bare")
    assert len(town.spawn_points) == len(load_xodr(TOWN, "Bare").spawn_points)


def test_a_road_that_promises_more_length_than_its_geometry_has_is_read() -> None:
    text = TOWN.replace('length="40.0" id="1"', 'length="80.0" id="1"')
    assert text != TOWN
    town = load_xodr(text, "Promise")
    assert np.isfinite(town.mesh.vertices).all()


def test_a_map_in_a_namespace_and_with_half_a_lane_height_is_read() -> None:
    text = straight('<height sOffset="0" inner="0.1"/>')
    named = text.replace("<OpenDRIVE>", '<OpenDRIVE xmlns="http://www.opendrive.org">')
    first, second = load_xodr(text, "named"), load_xodr(named, "named")
    assert second.mesh.vertices.tobytes() == first.mesh.vertices.tobytes()
    assert first.ground.height(50.0, 1.7) == pytest.approx(0.1, abs=1e-6)
