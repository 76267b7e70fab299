"""IMU, GNSS, lane invasion, lights, telemetry, and questions about the town."""

import math
import queue
import time

import carla
import pytest


def listen(world: carla.World, name: str, parent: carla.Actor, **attributes: str):
    blueprint = world.get_blueprint_library().find(name)
    for key, value in attributes.items():
        blueprint.set_attribute(key, value)
    sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=parent)
    events: queue.Queue[carla.SensorData] = queue.Queue()
    sensor.listen(events.put)
    return sensor, events


def test_imu_feels_gravity_and_braking(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    sensor, data = listen(world, "sensor.other.imu", ego)
    ego.set_target_velocity(stage.forward * 15.0)
    ego.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(5)
    reading = [data.get(timeout=5.0) for _ in range(5)][-1]
    assert reading.accelerometer.z == pytest.approx(9.81, abs=0.01)
    assert -12.0 < reading.accelerometer.x < -8.0
    yaw = math.radians(ego.get_transform().rotation.yaw)
    assert math.cos(reading.compass - yaw - math.pi / 2.0) > 0.9999
    sensor.stop()


def test_sensor_noise_follows_the_seed(start_server):
    def measure(seed: str) -> list[float]:
        client = start_server("--seed", seed).client()
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        start = world.get_map().get_spawn_points()[0]
        ego = world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), start)
        sensor, data = listen(world, "sensor.other.imu", ego, noise_accel_stddev_x="1.0")
        readings = []
        for _ in range(3):
            world.tick()
            readings.append(data.get(timeout=5.0).accelerometer.x)
        sensor.stop()
        return readings

    assert measure("1") == measure("1") != measure("2")


def test_crossing_a_marking_is_a_lane_invasion(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    sensor, events = listen(world, "sensor.other.lane_invasion", ego)
    world.tick()
    ego.set_target_velocity(stage.forward * 12.0 + stage.start.get_right_vector() * 3.0)
    deadline = time.monotonic() + 10.0
    for tick in range(40):
        ego.set_transform(stage.place(0.5 * tick, right=0.12 * tick))
        world.tick()
        time.sleep(0.002)
    while events.empty() and time.monotonic() < deadline:
        world.tick()
        time.sleep(0.01)
    assert events.get(timeout=1.0).crossed_lane_markings
    sensor.stop()


def test_light_state_and_telemetry_read_back(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ego.set_light_state(carla.VehicleLightState(carla.VehicleLightState.LowBeam | carla.VehicleLightState.Brake))
    ego.set_target_velocity(stage.forward * 10.0)
    world.tick()
    lights = ego.get_light_state()
    assert lights & carla.VehicleLightState.LowBeam
    assert lights & carla.VehicleLightState.Brake
    assert ego.get_speed_limit() > 0.0
    ego.apply_control(carla.VehicleControl(steer=0.2))
    stage.ticks(10)
    largest = ego.get_physics_control().wheels[0].max_steer_angle
    turned = ego.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel)
    assert turned == pytest.approx(0.2 * largest * 0.86, rel=0.1)


def test_rays_meet_actors_and_the_ground(world, stage):
    stage.spawn("vehicle.mercedes.sprinter", ahead=20.0)
    world.tick()
    start = stage.place(0.0, up=1.0).location
    hits = world.cast_ray(start, stage.place(40.0, up=1.0).location)
    assert hits[0].label == carla.CityObjectLabel.Car
    assert hits[0].location.distance(start) == pytest.approx(20.0 - 2.958, abs=0.01)
    ground = world.ground_projection(stage.place(5.0, up=3.0).location, 10.0)
    assert ground.location.z == pytest.approx(0.0, abs=1e-4)


def test_spectator_moves_where_it_is_put(world):
    spectator = world.get_spectator()
    spectator.set_transform(carla.Transform(carla.Location(1.0, 2.0, 30.0), carla.Rotation(pitch=-40.0)))
    world.tick()
    assert world.get_spectator().get_transform().location == carla.Location(1.0, 2.0, 30.0)


def test_town_objects_have_boxes(world):
    buildings = world.get_level_bbs(carla.CityObjectLabel.Buildings)
    assert len(buildings) == len(world.get_environment_objects(carla.CityObjectLabel.Buildings)) > 10
    assert all(box.extent.z > 1.0 for box in buildings)
