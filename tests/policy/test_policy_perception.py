"""Scenes are described in a closed vocabulary, and a mirror swaps sides in the frame and in the words alike."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from policy.perception import AHEAD, NEAR_M, SIDES, all_scenes, describe, mirror_frame, mirror_scene

truths = st.fixed_dictionaries(
    {
        "left": st.sampled_from(SIDES),
        "ahead": st.sampled_from(AHEAD),
        "right": st.sampled_from(SIDES),
        "distance_m": st.floats(0.0, 200.0),
    }
).map(lambda truth: {**truth, "distance_m": None} if truth["ahead"] == "clear" else truth)


def test_all_scenes_are_what_describe_can_say() -> None:
    said = {
        describe({"left": left, "ahead": ahead, "right": right, "distance_m": None if ahead == "clear" else distance})
        for left, ahead, right, distance in product(SIDES, AHEAD, SIDES, (0.0, NEAR_M - 0.1, NEAR_M, 150.0))
    }
    assert said == set(all_scenes())
    assert len(all_scenes()) == len(said) == 45


@given(truths)
def test_a_scene_says_what_is_there(truth: dict) -> None:
    words = describe(truth).split()
    assert describe(truth) in all_scenes()
    assert words[words.index("left") + 1] == truth["left"]
    assert words[words.index("right") + 1] == truth["right"]
    assert words[words.index("ahead") + 1] == truth["ahead"]
    assert ("near" in words) == (truth["ahead"] != "clear" and truth["distance_m"] < NEAR_M)


@given(truths)
def test_mirroring_twice_is_nothing_and_once_swaps_the_sides(truth: dict) -> None:
    mirrored = mirror_scene(truth)
    assert mirror_scene(mirrored) == truth
    assert (mirrored["left"], mirrored["right"]) == (truth["right"], truth["left"])
    assert (mirrored["ahead"], mirrored["distance_m"]) == (truth["ahead"], truth["distance_m"])
    swap = {"left": "right", "right": "left"}
    sides = dict(zip(describe(truth).split(), describe(truth).split()[1:]))
    other = dict(zip(describe(mirrored).split(), describe(mirrored).split()[1:]))
    assert all(other[swap[side]] == sides[side] for side in swap)


@given(arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 9), st.just(3))))
def test_a_mirrored_frame_has_its_columns_reversed(frame: np.ndarray) -> None:
    mirrored = mirror_frame(frame)
    assert mirrored.flags["C_CONTIGUOUS"]
    assert (mirrored[:, 0] == frame[:, -1]).all()
    assert (mirror_frame(mirrored) == frame).all()
