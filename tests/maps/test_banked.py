"""Ground under lanes of hilly, curved and banked roads lies where the real client says that the lanes are.

The client's waypoints follow the elevation profile and ignore superelevation, so the ground does too: a vehicle
that is put on a waypoint stands on the road.
"""

from __future__ import annotations

import carla
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.maps import load_xodr
from tests.maps.foreign import straight


@settings(max_examples=12, deadline=None)
@given(
    slope=st.floats(-0.12, 0.12),
    bend=st.floats(-4e-4, 4e-4),  # up to 28 %: steeper than any street
    curvature=st.one_of(st.floats(0.001, 0.015), st.floats(-0.015, -0.001)),  # of a straight arc the client makes NaN
    bank=st.floats(-0.12, 0.12),
)
def test_ground_is_within_two_centimetres_of_the_clients_waypoints(
    slope: float, bend: float, curvature: float, bank: float
) -> None:
    text = straight(
        plan=f'<geometry s="0" x="0" y="0" hdg="0.3" length="200"><arc curvature="{curvature!r}"/></geometry>',
        elevation=f'<elevation s="0" a="12" b="{slope!r}" c="{bend!r}" d="0"/>',
        lateral=f'<superelevation s="0" a="{bank!r}" b="0" c="0" d="0"/>',
    )
    town, lanes = load_xodr(text, "banked"), carla.Map("banked", text)
    waypoints = lanes.generate_waypoints(7.3)
    assert len(waypoints) > 40
    for waypoint in waypoints:
        at = waypoint.transform.location
        assert abs(town.ground.height(at.x, at.y, at.z) - at.z) < 0.02
        assert waypoint.transform.rotation.roll == 0.0
