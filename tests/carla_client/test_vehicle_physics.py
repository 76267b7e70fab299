"""How vehicles drive: physics controls, wheels, engine and gears, friction, forces, Ackermann control, two-wheelers."""

from __future__ import annotations

import math

import carla
import pytest

FIELDS = (
    "max_rpm",
    "moi",
    "damping_rate_full_throttle",
    "damping_rate_zero_throttle_clutch_engaged",
    "damping_rate_zero_throttle_clutch_disengaged",
    "use_gear_autobox",
    "gear_switch_time",
    "clutch_strength",
    "final_ratio",
    "mass",
    "drag_coefficient",
    "use_sweep_wheel_collision",
)
WHEEL_FIELDS = (
    "tire_friction",
    "damping_rate",
    "max_steer_angle",
    "radius",
    "max_brake_torque",
    "max_handbrake_torque",
    "lat_stiff_max_load",
    "lat_stiff_value",
    "long_stiff_value",
)


def contents(control: carla.VehiclePhysicsControl) -> list[object]:
    curves = [[(p.x, p.y) for p in curve] for curve in (control.torque_curve, control.steering_curve)]
    gears = [(gear.ratio, gear.down_ratio, gear.up_ratio) for gear in control.forward_gears]
    center = control.center_of_mass
    wheels = [[getattr(wheel, name) for name in WHEEL_FIELDS] for wheel in control.wheels]
    return [*(getattr(control, name) for name in FIELDS), curves, gears, (center.x, center.y, center.z), wheels]


def change(vehicle: carla.Vehicle, *, wheels: dict[str, float] | None = None, **values: object) -> None:
    control = vehicle.get_physics_control()
    for name, value in values.items():
        setattr(control, name, value)
    changed = control.wheels
    for wheel in changed:
        for name, value in (wheels or {}).items():
            setattr(wheel, name, value)
    control.wheels = changed
    vehicle.apply_physics_control(control)


def speed(vehicle: carla.Vehicle) -> float:
    return float(vehicle.get_velocity().length())


# ---- physics controls -------------------------------------------------------------------------------------------


def test_every_vehicles_physics_control_reads_back_exactly_as_it_was_applied(world, stage):
    for blueprint in stage.library.filter("vehicle.*"):
        vehicle = world.spawn_actor(blueprint, stage.place(0.0, up=0.2))
        control = vehicle.get_physics_control()
        control.drag_coefficient, control.mass, control.max_rpm = 5.0, 1234.5, 5678.0
        control.use_sweep_wheel_collision = True
        control.torque_curve = [carla.Vector2D(0.0, 100.0), carla.Vector2D(5678.0, 321.0)]
        control.center_of_mass = carla.Vector3D(0.25, 0.0, 0.5)
        control.forward_gears = [carla.GearPhysicsControl(3.0, 0.25, 0.75), carla.GearPhysicsControl(1.5, 0.5, 0.7)]
        wheels = control.wheels
        assert len(wheels) == 4, blueprint.id
        for number, wheel in enumerate(wheels):
            wheel.tire_friction, wheel.long_stiff_value = 5.0 + number, 987.0
        control.wheels = wheels
        vehicle.apply_physics_control(control)
        world.tick()
        assert contents(vehicle.get_physics_control()) == contents(control), blueprint.id
        vehicle.destroy()
        world.tick()


def test_a_lower_steering_curve_turns_the_wheels_less(world, stage):
    vehicle = stage.spawn("vehicle.seat.leon")
    angles = []
    for share in (1.0, 0.25):
        change(vehicle, steering_curve=[carla.Vector2D(0.0, share), carla.Vector2D(200.0, share)])
        vehicle.apply_control(carla.VehicleControl(steer=0.5, brake=1.0))
        stage.ticks(10)
        angles.append(vehicle.get_wheel_steer_angle(carla.VehicleWheelLocation.FR_Wheel))
    assert angles[1] == pytest.approx(0.25 * angles[0], rel=1e-4)


# ---- wheels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_front_wheels_take_ackermann_angles_and_the_rear_wheels_none(world, stage, side):
    vehicle = stage.spawn("vehicle.lincoln.mkz_2020")
    vehicle.apply_control(carla.VehicleControl(steer=0.8 * side, brake=1.0))
    stage.ticks(15)
    at = carla.VehicleWheelLocation
    left, right, rear = (vehicle.get_wheel_steer_angle(wheel) for wheel in (at.FL_Wheel, at.FR_Wheel, at.BR_Wheel))
    inner, outer = (right, left) if side > 0 else (left, right)
    places = [wheel.position for wheel in vehicle.get_physics_control().wheels]
    track, base = places[0].distance(places[1]) / 100.0, places[0].distance(places[2]) / 100.0
    assert abs(inner) > abs(outer) > 5.0
    # All wheels roll about one centre, which lies on the rear axle's line.
    cot = 1.0 / math.tan(math.radians(abs(outer))) - 1.0 / math.tan(math.radians(abs(inner)))
    assert cot == pytest.approx(track / base, rel=1e-3)
    assert rear == 0.0


def test_a_wheel_is_shown_as_turned_and_pitched_as_a_client_says(world, stage):
    vehicle = stage.spawn("vehicle.audi.tt")
    vehicle.set_wheel_steer_direction(carla.VehicleWheelLocation.FL_Wheel, 17.0)
    vehicle.set_wheel_pitch_angle(carla.VehicleWheelLocation.BL_Wheel, 33.0)
    world.tick()
    assert vehicle.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel) == pytest.approx(17.0)
    assert vehicle.get_wheel_pitch_angle(carla.VehicleWheelLocation.BL_Wheel) == pytest.approx(33.0)
    vehicle.apply_control(carla.VehicleControl(brake=0.5))  # the client sends only controls that differ
    world.tick()
    assert vehicle.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel) == 0.0


def test_braking_loads_the_front_wheels_and_cornering_the_outer_ones(world, stage):
    vehicle = stage.spawn("vehicle.bmw.grandtourer")
    stage.ticks(2)
    weight = 9.81 * vehicle.get_physics_control().mass
    loads = [wheel.tire_load for wheel in vehicle.get_telemetry_data().wheels]
    assert sum(loads) == pytest.approx(weight, rel=1e-3)
    vehicle.set_target_velocity(stage.forward * 20.0)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(8)
    braked = [wheel.tire_load for wheel in vehicle.get_telemetry_data().wheels]
    assert sum(braked) == pytest.approx(weight, rel=1e-3)
    assert braked[0] > 1.2 * loads[0]
    assert braked[2] < 0.8 * loads[2]
    vehicle.set_target_velocity(stage.forward * 15.0)
    vehicle.apply_control(carla.VehicleControl(steer=0.25, throttle=0.3))
    stage.ticks(12)
    gauges = vehicle.get_telemetry_data()
    assert gauges.wheels[0].tire_load > 1.3 * gauges.wheels[1].tire_load  # it turns right
    assert gauges.wheels[0].lat_force > 0.0
    assert gauges.wheels[0].lat_slip < 0.0


# ---- engine and gears -------------------------------------------------------------------------------------------


def test_the_gearbox_shifts_up_through_all_that_it_needs_and_the_gauges_agree(world, stage):
    vehicle = stage.spawn("vehicle.seat.leon")
    vehicle.apply_control(carla.VehicleControl(throttle=0.6))
    ratios = vehicle.get_physics_control().forward_gears
    gears = []
    for _ in range(220):
        world.tick()
        gauges = vehicle.get_telemetry_data()
        assert vehicle.get_control().gear == gauges.gear
        gears.append(gauges.gear)
    assert gears == sorted(gears)
    assert gears[0] == 1
    assert gears[-1] >= 3
    wheel = gauges.wheels[0]
    turning = wheel.omega * ratios[gears[-1] - 1].ratio * vehicle.get_physics_control().final_ratio
    assert gauges.engine_rpm == pytest.approx(turning * 30.0 / math.pi, rel=0.1)
    assert gauges.speed == pytest.approx(speed(vehicle), rel=1e-4)
    assert gauges.drag > 100.0


def test_manual_gears_are_obeyed_neutral_drives_nothing_and_first_gear_is_slow(world, stage):
    vehicle = stage.spawn("vehicle.audi.tt")
    vehicle.apply_control(carla.VehicleControl(throttle=1.0, manual_gear_shift=True, gear=0))
    stage.ticks(20)
    assert speed(vehicle) == 0.0
    assert vehicle.get_telemetry_data().engine_rpm > 2000.0
    vehicle.apply_control(carla.VehicleControl(throttle=1.0, manual_gear_shift=True, gear=1))
    stage.ticks(120)
    control = vehicle.get_physics_control()
    limit = control.max_rpm / 30.0 * math.pi / control.forward_gears[0].ratio / control.final_ratio
    assert speed(vehicle) == pytest.approx(limit * control.wheels[0].radius / 100.0, rel=0.03)
    assert vehicle.get_control().gear == 1
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(40)
    vehicle.apply_control(carla.VehicleControl(throttle=0.5, manual_gear_shift=True, gear=-1))
    stage.ticks(20)
    assert vehicle.get_velocity().dot(stage.forward) < -1.0
    assert vehicle.get_control().gear == -1


def test_a_longer_gear_change_costs_speed(world, stage):
    reached = []
    for switch_time in (0.0, 0.8):
        vehicle = stage.spawn("vehicle.seat.leon")
        change(vehicle, gear_switch_time=switch_time)
        vehicle.apply_control(carla.VehicleControl(throttle=1.0))
        stage.ticks(160)
        reached.append(speed(vehicle))
        vehicle.destroy()
        world.tick()
    assert reached[0] > reached[1] + 1.0


def test_more_drag_slows_a_coasting_vehicle(world, stage):
    lost = []
    for drag in (0.0, 0.3, 3.0):
        vehicle = stage.spawn("vehicle.tesla.model3")
        change(vehicle, drag_coefficient=drag)
        world.tick()
        vehicle.set_target_velocity(stage.forward * 30.0)
        stage.ticks(41)
        lost.append(30.0 - speed(vehicle))
        vehicle.destroy()
        world.tick()
    assert lost[0] < lost[1] < lost[2]
    # 1/2 rho c A v^2 over 2 s at about 30 m/s
    force = 0.5 * 1.225 * 0.3 * 2.22 * 29.5**2
    assert lost[1] - lost[0] == pytest.approx(force / 1847.0 * 2.0, rel=0.1)


# ---- friction ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", ["vehicle.tesla.model3", "vehicle.carlamotors.firetruck", "vehicle.yamaha.yzf"])
def test_without_friction_or_contact_nothing_slows_a_vehicle(world, stage, identifier):
    sliding = stage.spawn(identifier, up=0.1)
    change(sliding, drag_coefficient=0.0, wheels={"tire_friction": 0.0})
    flying = stage.spawn(identifier, right=4.0, up=0.7)
    change(flying, drag_coefficient=0.0)
    flying.set_enable_gravity(False)
    stage.ticks(10)
    for vehicle in (sliding, flying):
        vehicle.set_target_velocity(stage.forward * 27.0)
    world.tick()
    assert sliding.get_velocity().dot(stage.forward) == pytest.approx(27.0, abs=1e-3)
    assert flying.get_velocity().dot(stage.forward) == pytest.approx(27.0, abs=1e-3)
    sliding.apply_control(carla.VehicleControl(brake=1.0, steer=0.3))
    stage.ticks(60)
    assert sliding.get_velocity().dot(stage.forward) == pytest.approx(27.0, abs=0.1)
    assert flying.get_velocity().dot(stage.forward) == pytest.approx(27.0, abs=0.1)


def test_more_tyre_friction_stops_in_less_than_three_quarters_of_the_way(world, stage):
    ways = []
    for friction in (0.0, 0.5, 3.0):
        vehicle = stage.spawn("vehicle.nissan.patrol")
        change(vehicle, drag_coefficient=0.0, wheels={"tire_friction": friction})
        vehicle.set_target_velocity(stage.forward * 27.7)
        vehicle.apply_control(carla.VehicleControl(brake=1.0))
        stage.ticks(150)
        ways.append(vehicle.get_location().distance(stage.place(0.0).location))
        vehicle.destroy()
        world.tick()
    assert ways[1] < 0.75 * ways[0]
    assert ways[2] < 0.75 * ways[1]


def test_one_wheel_without_friction_turns_a_braking_vehicle_to_the_other_side(world, stage):
    vehicle = stage.spawn("vehicle.audi.etron")
    control = vehicle.get_physics_control()
    wheels = control.wheels
    wheels[0].tire_friction = wheels[2].tire_friction = 0.05
    control.wheels = wheels
    vehicle.apply_physics_control(control)
    vehicle.set_target_velocity(stage.forward * 20.0)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(15)
    # The right wheels brake: it turns right.
    assert vehicle.get_transform().rotation.yaw - stage.start.rotation.yaw > 1.0


def test_a_friction_trigger_holds_the_wheels_inside_it_and_lets_them_go(world, stage):
    blueprint = stage.library.find("static.trigger.friction")
    for name, value in (("friction", 5.0), ("extent_x", 1500.0), ("extent_y", 300.0), ("extent_z", 700.0)):
        blueprint.set_attribute(name, str(value))
    trigger = world.spawn_actor(blueprint, stage.place(40.0, up=1.0))
    vehicle = stage.spawn("vehicle.audi.a2")
    change(vehicle, drag_coefficient=0.0, wheels={"tire_friction": 0.0})
    vehicle.set_target_velocity(stage.forward * 14.0)
    vehicle.apply_control(carla.VehicleControl(throttle=0.0))
    stage.ticks(4)
    assert vehicle.get_physics_control().wheels[0].tire_friction == 0.0
    assert speed(vehicle) == pytest.approx(14.0, abs=1e-3)
    inside = []
    for _ in range(100):
        world.tick()
        ahead = (vehicle.get_location() - stage.place(0.0).location).dot(carla.Vector3D(stage.forward))
        frictions = [wheel.tire_friction for wheel in vehicle.get_physics_control().wheels]
        front, rear = (abs(ahead + 1.2 * side - 40.0) < 15.0 for side in (1, -1))
        if abs(abs(ahead - 40.0) - 15.0) > 2.5:
            assert frictions[0] == frictions[1] == (5.0 if front else 0.0)
            assert frictions[2] == frictions[3] == (5.0 if rear else 0.0)
        inside.append(frictions[0] == 5.0)
    assert any(inside)
    assert not inside[-1]
    assert speed(vehicle) < 13.9
    trigger.destroy()
    vehicle.set_transform(stage.place(40.0))
    world.tick()
    assert vehicle.get_physics_control().wheels[0].tire_friction == 0.0


def test_stiffer_tyres_accelerate_at_least_as_well(world, stage):
    ways = []
    for stiffness in (100.0, 1000.0, 2000.0):
        vehicle = stage.spawn("vehicle.ford.mustang")
        change(vehicle, wheels={"long_stiff_value": stiffness})
        vehicle.apply_control(carla.VehicleControl(throttle=1.0))
        stage.ticks(60)
        ways.append(vehicle.get_location().distance(stage.place(0.0).location))
        vehicle.destroy()
        world.tick()
    assert ways[0] < 0.8 * ways[1]
    assert ways[1] <= ways[2]


def test_the_hand_brake_locks_the_rear_wheels_and_the_car_drifts(world, stage):
    turned = {}
    for hand_brake in (False, True):
        vehicle = stage.spawn("vehicle.mini.cooper_s")
        vehicle.set_target_velocity(stage.forward * 16.0)
        vehicle.apply_control(carla.VehicleControl(steer=0.35, hand_brake=hand_brake))
        stage.ticks(20)
        course = vehicle.get_velocity().make_unit_vector()
        drift = math.degrees(math.acos(min(1.0, course.dot(vehicle.get_transform().get_forward_vector()))))
        turned[hand_brake] = drift
        wheels = vehicle.get_telemetry_data().wheels
        assert (wheels[2].omega == 0.0) == hand_brake
        assert (wheels[2].long_slip == -1.0) == hand_brake
        assert wheels[0].omega > 5.0
        vehicle.destroy()
        world.tick()
    assert turned[True] > 25.0
    assert turned[False] < 12.0


# ---- velocities and forces --------------------------------------------------------------------------------------


def test_target_velocities_are_exact_at_the_next_tick_for_every_kind_of_vehicle(world, stage):
    for identifier in ("vehicle.audi.a2", "vehicle.mitsubishi.fusorosa", "vehicle.gazelle.omafiets"):
        vehicle = stage.spawn(identifier, up=0.2)
        stage.ticks(10)
        vehicle.set_target_velocity(stage.forward * 27.7)
        world.tick()
        assert vehicle.get_velocity().distance(stage.forward * 27.7) < 1e-3
        vehicle.destroy()
        world.tick()


def test_constant_velocity_is_held_in_the_vehicles_frame_until_it_is_released(world, stage):
    vehicle = stage.spawn("vehicle.lincoln.mkz_2017")
    vehicle.enable_constant_velocity(carla.Vector3D(9.0, 0.0, 0.0))
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(20)
    assert vehicle.get_velocity().dot(stage.forward) == pytest.approx(9.0, abs=1e-3)
    vehicle.disable_constant_velocity()
    stage.ticks(40)
    assert speed(vehicle) == 0.0


def test_impulses_and_forces_change_momentum_by_their_size(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3", up=5.0)
    vehicle.set_enable_gravity(False)
    change(vehicle, drag_coefficient=0.0)
    world.tick()
    mass = vehicle.get_physics_control().mass
    vehicle.add_impulse(stage.forward * (2.0 * mass))
    world.tick()
    assert vehicle.get_velocity().distance(stage.forward * 2.0) < 1e-3
    for _ in range(10):
        vehicle.add_force(stage.forward * (4.0 * mass))
        world.tick()
    assert vehicle.get_velocity().distance(stage.forward * 4.0) < 1e-3
    world.tick()
    assert vehicle.get_velocity().distance(stage.forward * 4.0) < 1e-3


def test_angular_impulses_and_torques_are_degrees_of_the_same_inertia(world, client, stage):
    vehicle = stage.spawn("vehicle.tesla.model3", up=5.0)
    vehicle.set_enable_gravity(False)
    world.tick()
    vehicle.add_angular_impulse(carla.Vector3D(0.0, 0.0, 50000.0))
    world.tick()
    once = vehicle.get_angular_velocity().z
    assert once > 5.0
    for _ in range(20):
        # The 0.9.16 client sends an angular impulse for `add_torque`; its batch command is a torque.
        client.apply_batch_sync([carla.command.ApplyTorque(vehicle.id, carla.Vector3D(0.0, 0.0, 50000.0))])
        world.tick()
    assert vehicle.get_angular_velocity().z == pytest.approx(2.0 * once, rel=1e-3)
    vehicle.set_target_angular_velocity(carla.Vector3D(0.0, 0.0, -30.0))
    world.tick()
    assert vehicle.get_angular_velocity().z == pytest.approx(-30.0, abs=1e-3)


# ---- Ackermann control ------------------------------------------------------------------------------------------


def test_ackermann_settings_read_back(world, stage):
    vehicle = stage.spawn("vehicle.audi.tt")
    before = vehicle.get_ackermann_controller_settings()
    assert (before.speed_kp, before.speed_kd, before.accel_kp) == pytest.approx((0.15, 0.25, 0.01))  # CARLA's own
    settings = carla.AckermannControllerSettings(
        speed_kp=0.2, speed_ki=0.01, speed_kd=0.3, accel_kp=0.02, accel_ki=0.001, accel_kd=0.03
    )
    vehicle.apply_ackermann_controller_settings(settings)
    world.tick()
    assert str(vehicle.get_ackermann_controller_settings()) == str(settings)


def test_ackermann_control_reaches_its_speed_steers_by_radians_stops_and_backs_up(world, stage):
    vehicle = stage.spawn("vehicle.seat.leon")
    vehicle.apply_ackermann_control(carla.VehicleAckermannControl(speed=8.0, acceleration=2.5))
    stage.ticks(200)
    assert speed(vehicle) == pytest.approx(8.0, abs=0.6)
    vehicle.apply_ackermann_control(carla.VehicleAckermannControl(steer=0.1, steer_speed=0.2, speed=8.0))
    stage.ticks(4)
    early = vehicle.get_wheel_steer_angle(carla.VehicleWheelLocation.FR_Wheel)
    stage.ticks(20)
    late = vehicle.get_wheel_steer_angle(carla.VehicleWheelLocation.FR_Wheel)
    assert 0.0 < early < 0.6 * late
    assert late == pytest.approx(math.degrees(0.1), rel=0.15)  # the steering curve takes its share
    vehicle.apply_ackermann_control(carla.VehicleAckermannControl(speed=0.0))
    stage.ticks(150)
    assert speed(vehicle) == 0.0
    assert vehicle.get_control().brake == 1.0
    vehicle.apply_ackermann_control(carla.VehicleAckermannControl(speed=-2.0))
    stage.ticks(150)
    assert vehicle.get_control().reverse
    assert vehicle.get_velocity().dot(vehicle.get_transform().get_forward_vector()) == pytest.approx(-2.0, abs=0.5)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(40)
    assert speed(vehicle) == 0.0


def test_ackermann_commands_work_in_a_batch(world, client, stage):
    vehicle = stage.spawn("vehicle.seat.leon")
    control = carla.VehicleAckermannControl(speed=5.0, acceleration=3.0)
    responses = client.apply_batch_sync([carla.command.ApplyVehicleAckermannControl(vehicle.id, control)])
    assert not responses[0].has_error()
    stage.ticks(100)
    assert speed(vehicle) > 2.0


# ---- two-wheelers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", ["vehicle.yamaha.yzf", "vehicle.diamondback.century"])
def test_two_wheelers_lean_into_curves_and_do_not_fall(world, stage, identifier):
    rider = stage.spawn(identifier)
    rider.set_target_velocity(stage.forward * 8.0)
    rider.apply_control(carla.VehicleControl(steer=0.15, throttle=0.4))
    stage.ticks(25)
    turning = rider.get_angular_velocity().z
    assert turning > 5.0
    expected = math.degrees(math.atan(math.radians(turning) * speed(rider) / 9.81))
    assert rider.get_transform().rotation.roll == pytest.approx(expected, abs=5.0)
    rider.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(80)
    assert speed(rider) == 0.0
    assert rider.get_transform().rotation.roll == pytest.approx(0.0, abs=0.5)
    assert rider.get_wheel_steer_angle(carla.VehicleWheelLocation.Back_Wheel) == 0.0
