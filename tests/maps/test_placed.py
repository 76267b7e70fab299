"""A map's own <object>s stand where the map says, tagged as what they are."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import load_xodr
from sim.maps.network import InvalidOpenDrive, parse_network, parse_xml
from sim.maps.placed import placed_objects
from sim.maps.terrain import GROUND_Z
from tests.maps.foreign import straight


@pytest.mark.parametrize(
    ("kind", "name", "tag"),
    [
        ("pole", "lamp", Label.POLES),
        ("tree", "oak", Label.VEGETATION),
        ("building", "hall", Label.BUILDINGS),
        ("barrier", "noise wall", Label.WALLS),
        ("barrier", "guardrail", Label.GUARD_RAIL),
        ("barrier", "fence", Label.FENCES),
        ("obstacle", "crate", Label.STATIC),
    ],
)
def test_an_object_becomes_a_box_of_its_tag_at_its_place(kind: str, name: str, tag: Label) -> None:
    item = (
        f'<object id="7" type="{kind}" name="{name}" s="60" t="30" zOffset="0" hdg="0.5" length="6" width="4" '
        'height="5"/>'
    )
    town = load_xodr(straight(objects=item), "placed")
    gap = np.hypot(*(town.boxes.center[:, :2] - np.array([60.0, -30.0])).T)
    (number,) = np.flatnonzero((gap < 0.01) & (town.boxes.tag == tag))
    assert town.boxes.yaw[number] == pytest.approx(-np.degrees(0.5), abs=1e-6)
    assert town.boxes.center[number, 2] - town.boxes.extent[number, 2] == pytest.approx(GROUND_Z)
    if tag != Label.VEGETATION:
        assert town.boxes.extent[number] == pytest.approx([3.0, 2.0, 2.5])
    shown = town.objects.triangles == town.objects.boxes[number]
    assert set(town.mesh.tags[shown].tolist()) == {tag}


def test_a_repeated_barrier_without_distance_is_an_unbroken_wall() -> None:
    item = (
        '<object id="7" type="barrier" name="wall" s="0" t="0" length="1" width="0.3" height="1">'
        '<repeat s="20" length="100" distance="0" tStart="8" tEnd="12" heightStart="1" heightEnd="3" '
        'widthStart="0.3" widthEnd="0.3" zOffsetStart="0" zOffsetEnd="0"/></object>'
    )
    objects = placed_objects(parse_xml(straight(objects=item)), parse_network(straight()))
    x, length = np.array([one.x for one in objects]), np.array([one.size[0] for one in objects])
    assert (x - length / 2)[1:] == pytest.approx((x + length / 2)[:-1])
    assert (x[0] - length[0] / 2, x[-1] + length[-1] / 2) == pytest.approx((20.0, 120.0))
    assert [-objects[0].y, -objects[-1].y] == pytest.approx([8.08, 11.92], abs=0.01)
    assert objects[-1].size[2] > objects[0].size[2]


def test_outlines_give_houses_their_place_and_extent() -> None:
    corners = "".join(f'<cornerLocal u="{u}" v="{v}" z="0" height="6"/>' for u, v in ((0, 0), (10, 0), (10, 8), (0, 8)))
    item = f'<object id="7" type="building" s="50" t="20" hdg="0" height="6"><outline>{corners}</outline></object>'
    town = load_xodr(straight(objects=item), "outline")
    (house,) = np.flatnonzero(town.boxes.tag == Label.BUILDINGS)
    assert town.boxes.center[house, :2] == pytest.approx([55.0, -24.0])
    assert town.boxes.extent[house] == pytest.approx([5.0, 4.0, 3.0])


def test_parking_spaces_are_white_lines_without_a_box() -> None:
    item = '<object id="7" type="parkingSpace" s="50" t="-5" hdg="0" length="5" width="2.4"/>'
    town, bare = load_xodr(straight(objects=item), "bay"), load_xodr(straight(), "bay")
    assert len(town.boxes) == len(bare.boxes)
    paint = town.mesh.vertices[np.unique(town.mesh.triangles[town.mesh.tags == Label.ROAD_LINES])]
    assert (paint[:, 0].min(), paint[:, 0].max()) == pytest.approx((47.5, 52.5), abs=1e-4)
    assert (paint[:, 1].min(), paint[:, 1].max()) == pytest.approx((3.8, 6.2), abs=1e-4)


def test_a_map_that_repeats_a_thing_without_end_is_refused() -> None:
    item = (
        '<object id="7" type="pole" s="0" t="6"><repeat s="0" length="200" distance="0.11" tStart="6" tEnd="6"/>'
        "</object>"
    )
    with pytest.raises(InvalidOpenDrive, match="more than 20000"):
        load_xodr(straight(objects=item * 12), "endless")


def test_posts_and_arms_of_lights_are_thin_though_the_map_gives_the_box_around_their_lamps() -> None:
    items = (
        '<object id="7" name="Signal_Post_30ft" type="-1" s="60" t="8" zOffset="0" length="0.56" width="0.56" '
        'height="9.7"/>'
        '<object id="8" name="Signal_MastArm_25ft" type="-1" s="60" t="6" zOffset="5" length="0.25" width="7.7" '
        'height="1.3"/>'
    )
    post, arm = load_xodr(straight(objects=items), "posts").boxes, 0.5 * 7.7
    near = np.flatnonzero((np.abs(post.center[:, 0] - 60.0) < 0.01) & (post.tag == Label.POLES))
    extents = {tuple(np.round(post.extent[n], 3)) for n in near}
    assert extents == {(0.15, 0.15, 4.85), (0.15, arm, 0.15)}
    assert max(post.center[n, 2] for n in near if post.extent[n, 2] < 1.0) == pytest.approx(5.65)
