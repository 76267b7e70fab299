"""What is driven on is where the real CARLA client says that lanes are."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_xodr
from sim.maps.junctions import junction_meshes
from sim.maps.network import RoadNetwork, parse_network

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


def test_every_waypoint_lies_on_asphalt_at_its_own_height(
    town: Town, network: RoadNetwork, road_map: carla.Map, heights_at
) -> None:
    waypoints = [w for w in road_map.generate_waypoints(15.0) if w.lane_width > 1.0]
    lanes = [
        section.end - section.start
        for road in network.roads
        for section in road.sections
        for lane in section.left + section.right
        if lane.kind == "driving"
    ]
    assert len(waypoints) > 0.9 * sum(lanes) / 15.0 > 300
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


# Medians too: an arm that has one is closed by a straight cap across it.
PAVED_KINDS = (carla.LaneType.Driving, carla.LaneType.Shoulder, carla.LaneType.Parking, carla.LaneType.Median)


def _beyond(road_map: carla.Map, x: float, y: float, z: float) -> float:
    """m from a point to the nearest lane's edge, negative on a lane."""
    place, result = carla.Location(x, y, z), np.inf
    # One kind at a time: the client answers with the lane whose middle is nearest, which may be a narrow one beside.
    for kind in PAVED_KINDS:
        lane = road_map.get_waypoint(place, lane_type=kind)
        if lane is not None:
            result = min(result, lane.transform.location.distance(place) - lane.lane_width / 2)
        if result < 0.0:
            break
    return result


def _between(road_map: carla.Map, junction: int, x: float, y: float, z: float) -> bool:
    """Whether lanes of the junction run by on both sides within 3.5 m of each other, as where a ramp parts."""
    for angle in np.radians(np.arange(4.0, 184.0, 15.0)).tolist():
        gap = 0.0
        for side in (-1.0, 1.0):
            hits = (
                away
                for away in np.arange(0.1, 3.5, 0.1).tolist()
                if _on(road_map, junction, x + side * away * np.cos(angle), y + side * away * np.sin(angle), z)
            )
            gap += next(hits, 10.0)
        if gap < 3.5:
            return True
    return False


def _on(road_map: carla.Map, junction: int, x: float, y: float, z: float) -> bool:
    """Whether a lane of the junction, or a median, lies under a point."""
    place = carla.Location(x, y, z)
    lanes = [road_map.get_waypoint(place, project_to_road=False, lane_type=kind) for kind in PAVED_KINDS]
    return any(lane and (lane.junction_id == junction or lane.lane_type == carla.LaneType.Median) for lane in lanes)


def _enclosed(road_map: carla.Map, junction: int, x: float, y: float, z: float) -> bool:
    """Whether every way out from a point leads over a lane of the junction, as from the island of an arm that parts."""
    for angle in np.radians(np.arange(4.0, 364.0, 15.0)).tolist():
        for away in np.arange(0.2, 30.0, 0.2).tolist():
            if _on(road_map, junction, x + away * np.cos(angle), y + away * np.sin(angle), z):
                break
        else:
            return False
    return True


def test_junction_asphalt_ends_at_the_outermost_lanes(network: RoadNetwork, road_map: carla.Map) -> None:
    for key, mesh in junction_meshes(network):
        corners = mesh.vertices.astype(np.float64)[mesh.triangles]
        # All over every triangle, its corners and edges included.
        shares = [(i / 4, j / 4, 1.0 - (i + j) / 4) for i in range(5) for j in range(5 - i)]
        points = np.unique(np.round(np.einsum("sc,tcd->tsd", np.array(shares), corners).reshape(-1, 3), 3), axis=0)
        for x, y, z in points.tolist():
            beyond = _beyond(road_map, x, y, z)
            if beyond >= 0.15:
                junction = int(key.removeprefix("Junction_"))
                inside = _between(road_map, junction, x, y, z) or _enclosed(road_map, junction, x, y, z)
                assert inside, (key, x, y, beyond)


def test_no_line_is_painted_over_a_zebra_crossing(town: Town, network: RoadNetwork, paved: bool) -> None:
    lines = town.mesh.triangles[town.mesh.tags == Label.ROAD_LINES]
    corners = town.mesh.vertices[lines][..., :2].astype(np.float64)
    middles = corners.mean(axis=1)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    crossings = [crosswalk for road in network.roads for crosswalk in road.crosswalks]
    assert bool(crossings) == paved
    for crosswalk in crossings:
        outline = crosswalk.outline * np.array([1.0, -1.0])
        sides = np.roll(outline, -1, axis=0) - outline
        normals = np.stack([-sides[:, 1], sides[:, 0]], axis=1) / np.linalg.norm(sides, axis=1)[:, None]
        inwards = normals * np.sign(np.sum((outline.mean(axis=0) - outline) * normals, axis=1))[:, None]
        depth = np.einsum("kc,nkc->nk", inwards, middles[:, None] - outline[None])
        over = np.all(depth > -0.01, axis=1)
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
