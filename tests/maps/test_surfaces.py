"""What is driven on is where the real CARLA client says that lanes are."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_xodr
from sim.maps.junctions import junction_meshes
from sim.maps.network import parse_network

SLOPED = """<OpenDRIVE><header revMajor="1" revMinor="4"/>
<road name="ramp" length="100" id="1" junction="-1"><planView><geometry s="0" x="0" y="0" hdg="0" length="100"><line/>
</geometry></planView><elevationProfile><elevation s="0" a="2" b="0.05" c="0" d="0"/></elevationProfile>
<lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right><lane id="-1" type="driving">
<width sOffset="0" a="3.5" b="0" c="0" d="0"/><roadMark sOffset="0" type="solid" color="white" width="0.15"/></lane>
</right></laneSection></lanes>
<objects><object id="1" type="crosswalk" s="95" t="0" hdg="0"><outline><cornerLocal u="-2" v="-3.5"/>
<cornerLocal u="2" v="-3.5"/><cornerLocal u="2" v="0"/><cornerLocal u="-2" v="0"/></outline></object></objects>
</road></OpenDRIVE>"""


def _across(waypoint: carla.Waypoint, inset: float) -> list[tuple[float, float]]:
    """Points x, y in m on a lane's middle and `inset` m inside its edges."""
    center, right = waypoint.transform.location, waypoint.transform.get_right_vector()
    half = waypoint.lane_width / 2 - inset
    return [(center.x + side * half * right.x, center.y + side * half * right.y) for side in (-1, 0, 1)]


def test_every_waypoint_lies_on_asphalt_at_its_own_height(town: Town, road_map: carla.Map, heights_at) -> None:
    waypoints = [w for w in road_map.generate_waypoints(15.0) if w.lane_width > 1.0]
    assert len(waypoints) > 500
    points = np.array([_across(waypoint, 0.25) for waypoint in waypoints]).reshape(-1, 2)
    expected = np.repeat([waypoint.transform.location.z for waypoint in waypoints], 3)
    heights = heights_at(town.mesh.vertices, town.mesh.triangles[town.mesh.tags == Label.ROADS], points)
    assert not np.isnan(heights).any(), points[np.isnan(heights)][:5]
    assert np.abs(heights - expected).max() < 0.02


def test_junction_asphalt_covers_connecting_lanes_and_what_lies_between_them(
    town: Town, road_map: carla.Map, heights_at
) -> None:
    inside = [waypoint for waypoint in road_map.generate_waypoints(2.0) if waypoint.is_junction]
    assert len(inside) > 100
    meshes = [mesh for _, mesh in junction_meshes(parse_network(town.opendrive))]
    junctions = {waypoint.junction_id for waypoint in inside}
    assert len(meshes) == len(junctions)
    for junction in junctions:
        points = np.array([_across(w, 0.1) for w in inside if w.junction_id == junction]).reshape(-1, 2)
        # Halfway to the middle there is the same asphalt, no hole between the lanes. A hair inside at the rim, because
        # lanes begin on the outline itself, which is within half a centimetre of exact.
        middle = points.mean(axis=0)
        points = np.concatenate([points + 0.0005 * (middle - points), 0.5 * (points + middle)])
        found = np.array([heights_at(mesh.vertices, mesh.triangles, points) for mesh in meshes])
        covered = ~np.isnan(found).all(axis=0)
        assert covered.all(), points[~covered][:5]


def test_junction_asphalt_ends_at_the_outermost_lanes(town: Town, road_map: carla.Map) -> None:
    # Medians too: an arm that has one is closed by a straight cap across it.
    kinds = carla.LaneType.Driving | carla.LaneType.Shoulder | carla.LaneType.Parking | carla.LaneType.Median
    for _, mesh in junction_meshes(parse_network(town.opendrive)):
        for x, y, z in mesh.vertices.tolist():
            waypoint = road_map.get_waypoint(carla.Location(x, y, z), lane_type=kinds)
            beyond = waypoint.transform.location.distance(carla.Location(x, y, z)) - waypoint.lane_width / 2
            assert beyond < 0.15, (x, y, beyond)


def test_no_line_is_painted_over_a_zebra_crossing(town: Town) -> None:
    network = parse_network(town.opendrive)
    lines = town.mesh.triangles[town.mesh.tags == Label.ROAD_LINES]
    corners = town.mesh.vertices[lines][..., :2].astype(np.float64)
    middles = corners.mean(axis=1)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    crossings = [crosswalk for road in network.roads for crosswalk in road.crosswalks]
    assert crossings
    for crosswalk in crossings:
        outline = crosswalk.outline * np.array([1.0, -1.0])
        low, high = outline.min(axis=0) - 0.01, outline.max(axis=0) + 0.01
        over = np.all((middles > low) & (middles < high), axis=1)
        # Stripes are 4 m long and 0.5 m wide, so their diagonal is 4.03 m.
        assert over.sum() >= 8
        assert longest[over] == pytest.approx(np.full(over.sum(), np.hypot(4.0, 0.5)), abs=0.01)


def test_a_zebra_crossing_on_a_slope_lies_at_the_height_of_the_road() -> None:
    town = load_xodr(SLOPED, "ramp")
    stripes = town.mesh.triangles[town.mesh.tags == Label.ROAD_LINES]
    corners = town.mesh.vertices[stripes]
    zebra = corners[corners[..., 0].min(axis=1) > 92.9]
    assert len(zebra) > 0
    assert zebra[..., 2] == pytest.approx(np.full(zebra.shape[:2], 2.0 + 0.05 * 95.0), abs=1e-3)
