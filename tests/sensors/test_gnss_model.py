"""Geographic references and the projection, against the client's own map."""

import carla
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.maps import load_town
from sim.sensors.gnss import geolocation, georeference

TOWN = carla.Map("town", load_town("Pilotage01").opendrive)


def client_map(reference: str) -> tuple[carla.Map, str]:
    text = load_town("Pilotage01").opendrive
    begin, end = text.index("<geoReference>"), text.index("</geoReference>")
    changed = text[:begin] + f"<geoReference>{reference}" + text[end:]
    return carla.Map("reference", changed), changed


@pytest.mark.parametrize(
    "reference",
    [
        "<![CDATA[+proj=tmerc +lat_0=49.5 +lon_0=8.25 +k=1 +x_0=0 +y_0=0 +datum=WGS84]]>",
        "<![CDATA[+lat_0=-33.9 +lon_0=151.2]]>",
        "+proj=tmerc +lat_0=0 +lon_0=0 +ellps=GRS80",
        "<![CDATA[EPSG:25832]]>",
        "<![CDATA[+proj=utm +zone=32]]>",
        "",
    ],
)
def test_the_reference_is_read_and_projected_as_the_client_does(reference):
    town, text = client_map(reference)
    origin = georeference(text)
    for x, y in ((0.0, 0.0), (1234.5, -678.9), (-5000.0, 4000.0)):
        expected = town.transform_to_geolocation(carla.Location(x, y, 0.0))
        assert geolocation(x, y, origin) == pytest.approx((expected.latitude, expected.longitude), abs=1e-9)


@settings(deadline=None)
@given(st.floats(-5e4, 5e4), st.floats(-5e4, 5e4))
def test_the_projection_agrees_far_away_too(x, y):
    fix = TOWN.transform_to_geolocation(carla.Location(x, y, 0.0))
    near = carla.Location(x, y, 0.0)  # the client's float32
    assert geolocation(near.x, near.y, (42.0, 2.0)) == pytest.approx((fix.latitude, fix.longitude), abs=1e-9)
