"""IMU, GNSS and collision sensors with the real client."""

import math
import time

import carla
import numpy as np
import pytest
from sensing import attach


def test_gnss_agrees_with_the_clients_map_everywhere(world):
    town = world.get_map()
    gnss = attach(world, "other.gnss")
    for x, y, z in ((0.0, 0.0, 0.0), (500.0, -300.0, 12.0), (-900.0, 700.0, -3.0)):
        gnss.actor.set_transform(carla.Transform(carla.Location(x, y, z)))
        world.tick()
        fix = gnss.next()
        expected = town.transform_to_geolocation(carla.Location(x, y, z))
        assert fix.latitude == pytest.approx(expected.latitude, abs=1e-9)
        assert fix.longitude == pytest.approx(expected.longitude, abs=1e-9)
        assert fix.altitude == pytest.approx(expected.altitude, abs=1e-6)
    gnss.stop()


def test_gnss_noise_has_its_bias_and_spread(world):
    bias = {"noise_lat_bias": 0.001, "noise_lon_bias": -0.002, "noise_alt_bias": 3.0}
    spread = {"noise_lat_stddev": 1e-4, "noise_lon_stddev": 2e-4, "noise_alt_stddev": 0.5}
    gnss, exact = attach(world, "other.gnss", **bias, **spread), attach(world, "other.gnss")
    errors = []
    for _ in range(200):
        frame = world.tick()
        seen, true = gnss.of_frame(frame), exact.of_frame(frame)
        errors.append((seen.latitude - true.latitude, seen.longitude - true.longitude, seen.altitude - true.altitude))
    assert np.mean(errors, axis=0) == pytest.approx([0.001, -0.002, 3.0], abs=0.15)
    assert np.mean(errors, axis=0)[:2] == pytest.approx([0.001, -0.002], abs=5e-5)
    assert np.std(errors, axis=0) == pytest.approx([1e-4, 2e-4, 0.5], rel=0.2)
    gnss.stop()
    exact.stop()


def test_imu_on_a_circle_feels_v_squared_over_r_and_the_turn_rate(world, stage):
    """A carrier led round a circle by the client: what a steady curve is, whatever moves the carrier."""
    car = stage.spawn("vehicle.tesla.model3")
    car.set_simulate_physics(False)
    imu = attach(world, "other.imu", car)
    radius, speed = 20.0, 10.0
    step = speed * 0.05 / radius
    centre = stage.place(0.0, right=-radius).location
    start = math.radians(stage.start.rotation.yaw)
    readings = []
    for tick in range(8):
        angle = start - tick * step  # turning left: yaw falls
        at = centre + carla.Location(-radius * math.sin(angle), radius * math.cos(angle), 0.0)
        car.set_transform(carla.Transform(at, carla.Rotation(yaw=math.degrees(angle))))
        world.tick()
        readings.append(imu.next())
    last = readings[-1].accelerometer
    assert math.hypot(last.x, last.y) == pytest.approx(speed**2 / radius, rel=0.01)
    assert last.y == pytest.approx(-(speed**2) / radius, rel=0.01)
    assert last.z == pytest.approx(9.81, abs=0.01)
    assert readings[0].accelerometer.z == pytest.approx(9.81, abs=0.01)  # no jump while the track is short
    imu.stop()


def test_imu_in_a_driven_curve_agrees_with_speed_and_turn_rate(world, stage):
    car = stage.spawn("vehicle.tesla.model3")
    imu = attach(world, "other.imu", car)
    car.set_target_velocity(stage.forward * 8.0)
    car.apply_control(carla.VehicleControl(throttle=0.35, steer=0.1))
    for _ in range(25):
        world.tick()
        reading = imu.next()
    velocity, turn = car.get_velocity(), car.get_angular_velocity()
    speed = math.hypot(velocity.x, velocity.y)
    assert speed > 3.0
    assert reading.gyroscope.z == pytest.approx(math.radians(turn.z), rel=1e-3)
    assert abs(reading.accelerometer.y) == pytest.approx(abs(speed * math.radians(turn.z)), rel=0.1)
    assert math.copysign(1.0, reading.accelerometer.y) == math.copysign(1.0, turn.z)
    imu.stop()


def test_imu_mounted_off_centre_and_turned_measures_in_its_own_frame(world, stage):
    car = stage.spawn("vehicle.tesla.model3")
    level = attach(world, "other.imu", car)
    on_its_side = attach(world, "other.imu", car, (0.0, 0.0, 0.0, 0.0, 0.0, 90.0))
    backwards = attach(world, "other.imu", car, (0.0, 0.0, 0.0, 0.0, 180.0, 0.0))
    for _ in range(4):
        frame = world.tick()
        data = [probe.of_frame(frame) for probe in (level, on_its_side, backwards)]
    assert data[0].accelerometer.z == pytest.approx(9.81, abs=0.01)
    assert abs(data[1].accelerometer.y) == pytest.approx(9.81, abs=0.01)
    difference = (data[2].compass - data[0].compass) % (2.0 * math.pi)
    assert difference == pytest.approx(math.pi, abs=1e-4)
    for probe in (level, on_its_side, backwards):
        probe.stop()


def test_compass_is_zero_to_the_north_and_grows_clockwise(world, stage):
    imu = attach(world, "other.imu")
    for yaw, expected in ((-90.0, 0.0), (0.0, 90.0), (90.0, 180.0), (180.0, 270.0)):
        imu.actor.set_transform(carla.Transform(carla.Location(), carla.Rotation(yaw=yaw)))
        world.tick()
        compass = math.degrees(imu.next().compass)
        assert (compass - expected + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-3)
    imu.stop()


def test_imu_noise_has_its_spread_and_bias(world, stage):
    imu = attach(
        world, "other.imu", at=stage.place(0.0), noise_accel_stddev_x=0.5, noise_gyro_bias_z=0.3,
        noise_gyro_stddev_z=0.1,
    )  # fmt: skip
    felt, rate = [], []
    for _ in range(200):
        world.tick()
        reading = imu.next()
        felt.append(reading.accelerometer.x)
        rate.append(reading.gyroscope.z)
        assert reading.accelerometer.y == 0.0
    assert np.std(felt) == pytest.approx(0.5, rel=0.2)
    assert np.mean(rate) == pytest.approx(0.3, abs=0.03)
    assert np.std(rate) == pytest.approx(0.1, rel=0.2)
    imu.stop()


def test_a_crash_into_a_building_names_a_building(world):
    library = world.get_blueprint_library()
    for building in world.get_environment_objects(carla.CityObjectLabel.Buildings)[:20]:
        turn = carla.Transform(building.bounding_box.location, building.bounding_box.rotation)
        nose = turn.transform(carla.Location(x=-building.bounding_box.extent.x - 6.0))
        at = carla.Transform(carla.Location(nose.x, nose.y, 0.3), building.bounding_box.rotation)
        car = world.try_spawn_actor(library.find("vehicle.tesla.model3"), at)
        if car is not None:
            break
    probe = attach(world, "other.collision", car)
    world.tick()
    car.set_target_velocity(at.get_forward_vector() * 12.0)
    for _ in range(40):
        frame = world.tick()
        if not probe.data.empty():
            break
    event = probe.next()
    assert event.actor.id == car.id
    assert event.other_actor.type_id == "static.building"
    assert event.other_actor.semantic_tags == [3]
    assert abs(event.frame - frame) <= 1
    forward = at.get_forward_vector()
    push = event.normal_impulse
    assert push.x * forward.x + push.y * forward.y < -1000.0
    probe.stop()


def test_a_lane_invasion_names_the_marking_that_the_map_has_there(world, stage):
    car = stage.spawn("vehicle.tesla.model3")
    car.set_simulate_physics(False)
    here = world.get_map().get_waypoint(stage.start.location)
    for side, marking in ((1.0, here.right_lane_marking), (-1.0, here.left_lane_marking)):
        car.set_transform(stage.place(0.0))
        world.tick()
        probe = attach(world, "other.lane_invasion", car)
        deadline = time.monotonic() + 5.0
        for step in range(40):
            car.set_transform(stage.place(0.3 * step, right=side * min(0.1 * step, 0.6 * here.lane_width)))
            world.tick()
            time.sleep(0.002)  # the client looks between ticks
        while probe.data.empty() and time.monotonic() < deadline:
            world.tick()
            time.sleep(0.01)
        # One for each corner of the car that crossed.
        crossed = {(line.type, line.color) for line in probe.next().crossed_lane_markings}
        assert crossed == {(marking.type, marking.color)}
        probe.stop()
