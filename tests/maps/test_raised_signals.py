"""Signals whose place a map gives high above the road hang there, on a post that stands on the ground."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_xodr
from sim.maps.signal_posts import light_heads
from sim.maps.terrain import GROUND_Z
from tests.maps.foreign import straight


def _town(kind: str, lift: float, t: float = -6.0) -> Town:
    signal = (
        f'<signals><signal id="9" name="" s="60" t="{t}" zOffset="{lift}" hOffset="0" type="{kind}" subtype="-1" '
        'dynamic="no" orientation="-" country="OpenDRIVE" value="40"/></signals></road>'
    )
    return load_xodr(straight().replace("</road>", signal), "raised")


@pytest.mark.parametrize("lift", [0.0, 1.9, 3.1])
@pytest.mark.parametrize("kind", ["206", "205", "274"])
def test_the_post_of_a_sign_stands_on_the_ground_and_carries_its_plate_where_the_map_has_it(
    kind: str, lift: float
) -> None:
    town = _town(kind, lift)
    (post,) = np.flatnonzero(town.boxes.tag == Label.TRAFFIC_SIGNS)
    assert town.boxes.center[post, 2] - town.boxes.extent[post, 2] == pytest.approx(GROUND_Z)
    plate = town.mesh.vertices[np.unique(town.mesh.triangles[town.mesh.tags == Label.TRAFFIC_SIGNS])]
    middle = 0.5 * (plate[:, 2].min() + plate[:, 2].max())
    assert middle == pytest.approx(lift or 2.5, abs=0.2)
    top = town.boxes.center[post, 2] + town.boxes.extent[post, 2]
    assert plate[:, 2].min() < top < plate[:, 2].max() + 0.2
    assert np.abs(plate[:, 0] - 60.0).max() < 0.2


def test_a_light_over_the_lane_has_one_head_there_and_no_post_in_the_way() -> None:
    town = _town("1000001", lift=5.4, t=-1.75)
    (head,) = light_heads(town.regulation)
    assert head.pose.z == pytest.approx(5.4)
    assert head.pose.y == pytest.approx(1.75)
    assert not (town.boxes.tag == Label.TRAFFIC_LIGHT).any()


def test_a_light_beside_the_lane_hangs_on_a_post_from_the_ground() -> None:
    town = _town("1000001", lift=3.8)
    (head,) = light_heads(town.regulation)
    assert head.pose.z == pytest.approx(3.8)
    (post,) = np.flatnonzero(town.boxes.tag == Label.TRAFFIC_LIGHT)
    bottom, top = (town.boxes.center[post, 2] + sign * town.boxes.extent[post, 2] for sign in (-1.0, 1.0))
    assert bottom == pytest.approx(GROUND_Z)
    assert 3.8 < top < 5.0


def test_a_light_on_the_ground_keeps_its_post_and_its_arm_over_the_lane() -> None:
    heads = light_heads(_town("1000001", lift=0.0).regulation)
    assert sorted(round(head.pose.z, 1) for head in heads)[0] == 3.0
    assert len(heads) == 2
