"""Sensors on a street that climbs: what is level elsewhere must not be taken for granted."""

import math
from collections.abc import Iterator

import carla
import numpy as np
import pytest
from sensing import attach, metres, pixels, semantic_points, xyz

from tests.conftest import Process, synchronous, tidy

# Height a + b s + c s^2 over the first 200 m of a straight road along x: 8 % at its foot, 12 % at the end.
A, B, C = 3.0, 0.08, 0.0001
HILL = f"""<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="Hill">
<geoReference><![CDATA[+proj=tmerc +lat_0=47.3 +lon_0=11.4]]></geoReference></header>
<road name="Hill" length="200.0" id="1" junction="-1"><planView>
<geometry s="0" x="0" y="0" hdg="0" length="200.0"><line/></geometry></planView>
<elevationProfile><elevation s="0" a="{A}" b="{B}" c="{C}" d="0"/></elevationProfile>
<lanes><laneSection s="0"><center><lane id="0" type="none" level="false">
<roadMark sOffset="0" type="solid" weight="standard" color="standard" width="0.12"/></lane></center>
<right><lane id="-1" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
<lane id="-2" type="driving" level="false"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right>
</laneSection></lanes></road></OpenDRIVE>"""
S = 60.0


def height(x: np.ndarray | float) -> np.ndarray | float:
    return A + B * x + C * x * x


@pytest.fixture(scope="module")
def hill(server: Process) -> Iterator[carla.World]:
    client = server.client()
    parameters = carla.OpendriveGenerationParameters(wall_height=0.0)
    world = client.generate_opendrive_world(HILL, parameters)
    synchronous(world)
    yield world
    tidy(client)


@pytest.fixture(scope="module")
def car(hill: carla.World) -> carla.Vehicle:
    """At rest on the slope, brakes on."""
    place = hill.get_map().get_waypoint_xodr(1, -1, S).transform
    place.location.z += 0.1
    vehicle = hill.spawn_actor(hill.get_blueprint_library().find("vehicle.tesla.model3"), place)
    vehicle.apply_control(carla.VehicleControl(brake=1.0, hand_brake=True))
    for _ in range(60):
        hill.tick()
    return vehicle


def test_lidar_points_of_the_road_follow_the_hill(hill, car):
    lidar = attach(
        hill, "lidar.ray_cast_semantic", car, (0.0, 0.0, 2.4), range=60, rotation_frequency=20, lower_fov=-40
    )
    hill.tick()
    data = lidar.next()
    local = np.column_stack([xyz(data), np.ones(len(data))])
    placed = (np.array(data.transform.get_matrix()) @ local.T).T
    road = np.isin(semantic_points(data)["tag"], (1, 24))
    assert road.sum() > 300
    assert np.ptp(placed[road, 2]) > 3.0
    assert placed[road, 2] == pytest.approx(height(placed[road, 0]), abs=0.01)
    lidar.stop()


def test_normals_and_depth_of_the_road_follow_the_hill(hill, car):
    size = {"image_size_x": 240, "image_size_y": 160, "fov": 70.0}
    normals, depth, tags = (
        attach(hill, f"camera.{kind}", car, (1.0, 0.0, 1.8, -8.0), **size)
        for kind in ("normals", "depth", "semantic_segmentation")
    )
    frame = hill.tick()
    road = pixels(tags.of_frame(frame))[..., 2] == 1
    vector = pixels(normals.of_frame(frame))[..., 2::-1].astype(float)[road] / 127.5 - 1.0
    image = depth.of_frame(frame)
    metre = metres(image)
    focal = 240 / (2.0 * math.tan(math.radians(35.0)))
    v, u = np.mgrid[0:160, 0:240] + 0.5
    local = np.stack([metre, metre * (u - 120) / focal, metre * (80 - v) / focal, np.ones_like(metre)])
    placed = np.einsum("ij,jhw->ihw", np.array(image.transform.get_matrix()), local)[:, road]
    near = placed[0] < 150.0
    assert near.sum() > 2000
    assert placed[2, near] == pytest.approx(height(placed[0, near]), abs=0.02)
    slope = B + 2.0 * C * placed[0, near]
    expected = np.stack([-slope, np.zeros_like(slope), np.ones_like(slope)], axis=1)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert vector[near] == pytest.approx(expected, abs=0.012)
    for probe in (normals, depth, tags):
        probe.stop()


def test_an_imu_at_rest_on_a_slope_feels_gravity_along_the_car(hill, car):
    imu = attach(hill, "other.imu", car)
    for _ in range(4):
        hill.tick()
        reading = imu.next()
    pitch = math.radians(car.get_transform().rotation.pitch)
    assert math.tan(pitch) == pytest.approx(B + 2.0 * C * S, abs=0.02)
    assert reading.accelerometer.x == pytest.approx(9.81 * math.sin(pitch), abs=0.05)
    assert reading.accelerometer.z == pytest.approx(9.81 * math.cos(pitch), abs=0.05)
    imu.stop()


def test_gnss_follows_the_maps_reference_and_height(hill, car):
    gnss = attach(hill, "other.gnss", car)
    hill.tick()
    fix = gnss.next()
    expected = hill.get_map().transform_to_geolocation(gnss.actor.get_transform().location)
    assert fix.latitude == pytest.approx(expected.latitude, abs=1e-9)
    assert fix.longitude == pytest.approx(expected.longitude, abs=1e-9)
    assert abs(fix.latitude - 47.3) < 0.01
    assert fix.altitude == pytest.approx(height(S), abs=0.1)
    gnss.stop()


def test_radar_straight_ahead_meets_the_hill_that_steepens(hill, car):
    """A level beam from 1 m above a slope that rises ahead."""
    at = car.get_transform()
    at.location.z += 1.0
    at.rotation.pitch = at.rotation.roll = 0.0
    radar = attach(hill, "other.radar", at=at, horizontal_fov=1.0, vertical_fov=0.2, points_per_second=4000)
    radar.actor.set_transform(carla.Transform(at.location + carla.Location(x=3.0), at.rotation))
    hill.tick()
    seen = np.frombuffer(radar.next().raw_data, np.float32).reshape(-1, 4)
    start = at.location.x + 3.0
    level = at.location.z
    x = np.linspace(start, 200.0, 20000)
    meets = x[np.argmax(height(x) >= level)]
    assert np.median(seen[:, 3]) == pytest.approx(meets - start, rel=0.05)
    radar.stop()
