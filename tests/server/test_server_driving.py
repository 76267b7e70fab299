"""How vehicles and walkers move when the real client commands them."""

import math

import carla
import pytest


def lateral_acceleration(vehicle: carla.Vehicle) -> float:
    velocity, acceleration = vehicle.get_velocity(), vehicle.get_acceleration()
    return (velocity.x * acceleration.y - velocity.y * acceleration.x) / max(velocity.length(), 1.0)


def test_target_velocity_holds_exactly_at_the_next_tick(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    vehicle.set_target_velocity(stage.forward * 14.0)
    world.tick()
    assert vehicle.get_velocity().length() == pytest.approx(14.0, abs=1e-4)
    moved = vehicle.get_location().distance(stage.place(0.0).location)
    assert moved == pytest.approx(14.0 * 0.05, abs=1e-3)


def test_full_throttle_accelerates_like_a_car_and_reverse_backs_up(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    vehicle.apply_control(carla.VehicleControl(throttle=1.0))
    stage.ticks(60)
    assert 11.0 < vehicle.get_velocity().length() < 27.0
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(80)
    assert vehicle.get_velocity().length() == 0.0
    vehicle.apply_control(carla.VehicleControl(throttle=0.5, reverse=True))
    stage.ticks(20)
    assert vehicle.get_velocity().dot(stage.forward) < -1.0
    assert vehicle.get_control().reverse


def test_braked_vehicle_stands_still_for_good(world, stage):
    vehicle = stage.spawn("vehicle.lincoln.mkz_2020")
    vehicle.set_target_velocity(stage.forward * 8.0)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(40)
    before = vehicle.get_transform()
    stage.ticks(40)
    assert vehicle.get_transform() == before


@pytest.mark.parametrize("deceleration", [3.0, 5.0])
def test_brake_torque_limits_the_deceleration(world, stage, deceleration):
    vehicle = stage.spawn("vehicle.tesla.model3")
    physics = vehicle.get_physics_control()
    wheels = physics.wheels
    for wheel in wheels:
        wheel.max_brake_torque = deceleration * physics.mass * (wheel.radius / 100.0) / 4.0
    physics.wheels = wheels
    vehicle.apply_physics_control(physics)
    assert vehicle.get_physics_control().wheels[0].max_brake_torque == pytest.approx(wheels[0].max_brake_torque)
    vehicle.set_target_velocity(stage.forward * 15.0)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(10)
    first = vehicle.get_velocity().length()
    stage.ticks(20)
    measured = first - vehicle.get_velocity().length()
    # Air and rolling resistance come on top.
    assert deceleration <= measured <= deceleration + 0.6


def test_tyres_limit_braking_and_cornering(world, stage):
    # The car leaves the road: nothing may stand in its way there.
    world.unload_map_layer(carla.MapLayer.Props)
    vehicle = stage.spawn("vehicle.tesla.model3")
    vehicle.set_target_velocity(stage.forward * 18.0)
    vehicle.apply_control(carla.VehicleControl(steer=0.6))
    lateral = []
    for _ in range(30):
        world.tick()
        lateral.append(lateral_acceleration(vehicle))
    assert 7.5 < max(lateral) < 1.05 * 9.81
    # It ploughs on over the front wheels and does not spin.
    assert vehicle.get_angular_velocity().z < 75.0
    assert vehicle.get_transform().get_forward_vector().dot(vehicle.get_velocity().make_unit_vector()) > 0.85
    vehicle.set_transform(stage.place(0.0))
    vehicle.set_target_angular_velocity(carla.Vector3D())
    vehicle.set_target_velocity(stage.forward * 18.0)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(2)
    first = vehicle.get_velocity().length()
    stage.ticks(10)
    assert 8.5 < (first - vehicle.get_velocity().length()) / 0.5 < 1.2 * 9.81


def test_positive_steer_turns_right(world, stage):
    vehicle = stage.spawn("vehicle.toyota.prius")
    vehicle.set_target_velocity(stage.forward * 10.0)
    vehicle.apply_control(carla.VehicleControl(steer=0.1, throttle=0.3))
    stage.ticks(20)
    offset = vehicle.get_location() - stage.place(0.0).location
    assert carla.Vector3D(offset.x, offset.y, 0.0).dot(stage.start.get_right_vector()) > 0.3
    assert vehicle.get_angular_velocity().z > 1.0


def test_small_steer_angle_gives_the_single_track_yaw_rate(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    speed, steer = 12.0, 0.03
    vehicle.apply_control(carla.VehicleControl(steer=steer))
    vehicle.enable_constant_velocity(carla.Vector3D(speed, 0.0, 0.0))
    stage.ticks(40)
    vehicle.disable_constant_velocity()
    share = 0.9 - 0.1 * (speed * 3.6 - 20.0) / 40.0
    wheels = vehicle.get_physics_control().wheels
    delta = math.radians(wheels[0].max_steer_angle * steer * share)
    base = wheels[0].position.distance(wheels[2].position) / 100.0
    kinematic = math.degrees(speed * math.tan(delta) / base)
    # Understeer and the tyres' slip lower it.
    assert 0.6 * kinematic < vehicle.get_angular_velocity().z < 1.05 * kinematic


def test_vehicle_dropped_from_above_lands_on_the_road(world, stage):
    vehicle = stage.spawn("vehicle.mercedes.sprinter", up=0.5)
    stage.ticks(20)
    assert vehicle.get_location().z == 0.0


def test_without_physics_a_vehicle_moves_only_by_transforms(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3", up=2.0)
    vehicle.set_simulate_physics(False)
    vehicle.apply_control(carla.VehicleControl(throttle=1.0))
    stage.ticks(5)
    assert vehicle.get_location().z == pytest.approx(2.0, abs=1e-5)
    vehicle.set_transform(stage.place(10.0, right=1.0, yaw=30.0))
    world.tick()
    wanted = stage.place(10.0, right=1.0, yaw=30.0)
    assert vehicle.get_location().distance(wanted.location) < 1e-4
    assert math.cos(math.radians(vehicle.get_transform().rotation.yaw - wanted.rotation.yaw)) > 0.999999


def test_walker_goes_where_it_is_told_and_faces_there(world, stage):
    walker = stage.spawn("walker.pedestrian.0002", right=1.0, up=0.95)
    stage.ticks(10)
    begin = walker.get_location()
    right = stage.start.get_right_vector()
    walker.apply_control(carla.WalkerControl(direction=right * -1.0, speed=1.5))
    stage.ticks(20)
    moved = walker.get_location() - begin
    assert carla.Vector3D(moved.x, moved.y, 0.0).dot(right) == pytest.approx(-1.5, abs=0.01)
    assert walker.get_transform().get_forward_vector().dot(right) < -0.999
    assert begin.z == pytest.approx(walker.bounding_box.extent.z, abs=1e-6)


def test_impossible_physics_is_refused(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    before = vehicle.get_physics_control().mass
    physics = vehicle.get_physics_control()
    physics.mass = -1.0
    vehicle.apply_physics_control(physics)
    world.tick()
    assert vehicle.get_physics_control().mass == before
