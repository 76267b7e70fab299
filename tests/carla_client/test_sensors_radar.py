"""Radar and obstacle detection with the real client."""

import math

import carla
import numpy as np
import pytest
from sensing import attach


def detections(measurement: carla.RadarMeasurement) -> np.ndarray:
    """float32 (N, 4) velocity, azimuth, altitude, depth."""
    return np.frombuffer(measurement.raw_data, np.float32).reshape(-1, 4)


def test_radar_sees_how_fast_a_car_comes_near_and_how_far_it_is(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    other = stage.spawn("vehicle.mercedes.sprinter", ahead=50.0, yaw=180.0)
    for vehicle in (ego, other):
        vehicle.set_simulate_physics(False)
    radar = attach(
        world, "other.radar", ego, (2.6, 0.0, 1.0), horizontal_fov=4.0, vertical_fov=2.0, points_per_second=4000
    )
    world.tick()
    radar.next()
    # Ego goes 10 m/s forward, the other 12 m/s towards it (the target's velocity comes from its body).
    other.set_simulate_physics(True)
    other.enable_constant_velocity(carla.Vector3D(12.0, 0.0, 0.0))
    for step in (1, 2, 3):
        ego.set_transform(stage.place(0.5 * step))
        world.tick()
        seen = detections(radar.next())
    assert len(seen) > 100
    gap = stage.start.location.distance(other.get_location()) - 1.5 - other.bounding_box.extent.x - 2.6
    near = seen[seen[:, 3] < gap + 1.0]
    assert len(near) > 50
    assert near[:, 3].min() == pytest.approx(gap, abs=0.1)
    assert np.median(near[:, 3]) == pytest.approx(gap, abs=0.3)  # hood and windscreen lie further back
    assert near[:, 0] == pytest.approx(-22.0 * np.cos(near[:, 1]) * np.cos(near[:, 2]), abs=0.2)
    radar.stop()


def test_radar_angles_stay_in_the_fields_of_view_and_point_at_the_ground(world, stage):
    at = stage.place(0.0, up=10.0)
    at.rotation.pitch = -90.0
    radar = attach(world, "other.radar", at=at, horizontal_fov=60.0, vertical_fov=20.0, points_per_second=20000)
    world.tick()
    seen = detections(radar.next()).astype(float)
    assert len(seen) == 1000  # int(20000 * 0.05), all of which hit
    assert 0.9 * math.radians(30.0) < np.abs(seen[:, 1]).max() <= math.radians(30.0) + 1e-6
    assert 0.9 * math.radians(10.0) < np.abs(seen[:, 2]).max() <= math.radians(10.0) + 1e-6
    # Straight down from 10 m: the ray's length says its angle.
    below = seen[:, 3] * np.cos(seen[:, 1]) * np.cos(seen[:, 2])
    assert below == pytest.approx(10.0, abs=0.2)  # kerb and sidewalk are higher by up to 0.15 m
    assert np.median(below) == pytest.approx(10.0, abs=1e-3)
    assert (seen[:, 0] == 0.0).all()
    radar.stop()


def test_radar_sees_nothing_beyond_its_range(world, stage):
    at = stage.place(0.0, up=10.0)
    at.rotation.pitch = -90.0
    short, long = (attach(world, "other.radar", at=at, range=reach, horizontal_fov=10.0) for reach in (9.5, 10.5))
    frame = world.tick()
    assert len(detections(short.of_frame(frame))) == 0
    assert len(detections(long.of_frame(frame))) == 75  # all of CARLA's default of 1500 a second
    short.stop()
    long.stop()


def test_obstacle_sensor_measures_the_way_of_a_ball_to_what_is_ahead(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    van = stage.spawn("vehicle.mercedes.sprinter", ahead=20.0)
    probe = attach(world, "other.obstacle", ego, (0.0, 0.0, 1.2), distance=30.0, hit_radius=0.4, only_dynamics=True)
    thin = attach(world, "other.obstacle", ego, (0.0, 0.0, 1.2), distance=30.0, hit_radius=0.0, only_dynamics=True)
    short = attach(world, "other.obstacle", ego, (0.0, 0.0, 1.2), distance=10.0, hit_radius=0.4, only_dynamics=True)
    frame = world.tick()
    event = probe.of_frame(frame)
    rear = 20.0 - van.bounding_box.extent.x
    assert event.other_actor.id == van.id
    assert event.actor.id == probe.actor.id
    assert event.distance == pytest.approx(rear - 0.4, abs=0.1)
    assert thin.of_frame(frame).distance == pytest.approx(rear, abs=0.1)
    assert short.data.empty()
    for sensor in (probe, thin, short):
        sensor.stop()


def test_obstacle_sensor_names_the_town_unless_only_dynamics_count(world, stage):
    at = stage.place(0.0, up=5.0)
    at.rotation.pitch = -90.0
    everything = attach(world, "other.obstacle", at=at, distance=20.0, hit_radius=0.5)
    dynamic = attach(world, "other.obstacle", at=at, distance=20.0, hit_radius=0.5, only_dynamics=True)
    frame = world.tick()
    event = everything.of_frame(frame)
    assert event.other_actor.type_id in ("static.road", "static.roadline")
    assert event.distance == pytest.approx(4.5, abs=1e-3)
    world.tick()
    assert dynamic.data.empty()
    everything.stop()
    dynamic.stop()


def test_a_traffic_light_is_an_obstacle_that_is_not_dynamic(client, world):
    world = client.load_world("Pilotage02", reset_settings=False)
    world.tick()
    light = world.get_actors().filter("traffic.traffic_light*")[0]
    head = light.get_light_boxes()[0].location
    pole = light.get_transform().location
    way = carla.Vector3D(head.x - pole.x, head.y - pole.y, 0.0).make_unit_vector()
    at = carla.Transform(head + way * 3.0, carla.Rotation(yaw=math.degrees(math.atan2(-way.y, -way.x))))
    everything = attach(world, "other.obstacle", at=at, distance=4.0, hit_radius=0.1)
    dynamic = attach(world, "other.obstacle", at=at, distance=4.0, hit_radius=0.1, only_dynamics=True)
    event = everything.of_frame(world.tick())
    assert event.other_actor.id == light.id
    assert event.distance == pytest.approx(2.8, abs=0.3)
    everything.of_frame(world.tick())
    assert dynamic.data.empty()
    everything.stop()
    dynamic.stop()
