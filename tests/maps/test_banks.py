"""Raised roads are closed towards the ground: by a slope, or by a wall where another road is in its way."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_xodr
from tests.maps.foreign import straight

RISE = 4.0


def _pair(apart: float) -> Town:
    """A road on the plain and one `RISE` m higher, whose middle lies `apart` m further left (OpenDRIVE y)."""
    low = straight()
    high = straight(
        plan=f'<geometry s="0" x="0" y="{apart}" hdg="0" length="200"><line/></geometry>',
        elevation=f'<elevation s="0" a="{RISE}" b="0" c="0" d="0"/>',
    ).replace('id="1" junction', 'id="2" junction')
    body = high[high.index("<road") : high.index("</OpenDRIVE>")]
    return load_xodr(low.replace("</OpenDRIVE>", body + "</OpenDRIVE>"), "pair")


def _faces(town: Town, name: str) -> np.ndarray:
    """Corners (T, 3, 3) of the triangles of an object, none where there is no such object."""
    if name not in town.objects.names:
        return np.zeros((0, 3, 3))
    number = town.objects.names.index(name)
    return town.mesh.vertices[town.mesh.triangles[town.objects.triangles == number]].astype(float)


def test_a_wall_stands_where_the_slope_would_bury_another_road() -> None:
    town = _pair(apart=10.0)
    wall = _faces(town, "Wall_bank_2")
    # From one end of the road to the other along the edge towards the low road, from the asphalt into the ground.
    assert wall[..., 0].min() == pytest.approx(0.0)
    assert wall[..., 0].max() == pytest.approx(200.0)
    assert wall[..., 1] == pytest.approx(-6.5)
    assert wall[..., 2].max() == pytest.approx(RISE, abs=0.05)
    assert wall[..., 2].min() < -0.1
    area = np.linalg.norm(np.cross(wall[:, 1] - wall[:, 0], wall[:, 2] - wall[:, 0]), axis=1).sum() / 2
    assert area > 200.0 * RISE
    number = town.objects.names.index("Wall_bank_2")
    assert set(town.mesh.tags[town.objects.triangles == number].tolist()) == {Label.WALLS}


def test_a_slope_with_room_needs_no_wall() -> None:
    town = _pair(apart=40.0)
    assert len(_faces(town, "Wall_bank_2")) == 0
    assert _faces(town, "Terrain_2")[..., 2].max() == pytest.approx(RISE, abs=0.05)


def test_no_wall_crosses_a_road_that_passes_underneath() -> None:
    under = straight(plan='<geometry s="0" x="100" y="-100" hdg="1.5707963267948966" length="200"><line/></geometry>')
    over = straight(elevation='<elevation s="0" a="6" b="0" c="0" d="0"/>').replace(
        'id="1" junction', 'id="2" junction'
    )
    body = over[over.index("<road") : over.index("</OpenDRIVE>")]
    town = load_xodr(under.replace("</OpenDRIVE>", body + "</OpenDRIVE>"), "bridge")
    # The road underneath reaches from x 96.5 to 103.5; earth and walls end at its edges.
    assert len(_faces(town, "Terrain_2")) > 0
    for name in ("Terrain_2", "Wall_bank_2"):
        x = _faces(town, name)[..., 0]
        assert not ((x.min(axis=1) < 102.9) & (x.max(axis=1) > 97.1)).any()
