"""Physical limits of the vehicle and contact models, over random states."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose
from sim.server.blueprints import CATALOGUE
from sim.server.bodies import BodyTable
from sim.server.collisions import overlap, static_table
from sim.server.dynamics import Dynamics
from sim.server.embodiment import push
from sim.server.powertrain import apply_control, default_control, read_control
from sim.server.vehicle_physics import GRAVITY

CARS = [blueprint for blueprint in CATALOGUE.values() if blueprint.wheels]


def vehicle(identifier: str = "vehicle.tesla.model3", statics: np.ndarray | None = None) -> tuple[Dynamics, np.void]:
    table = BodyTable()
    index = table.allocate()
    row = table.rows[index]
    blueprint = CATALOGUE[identifier]
    row["hx"], row["hy"], row["hz"] = blueprint.extent
    row["simulate"] = row["collide"] = row["gravity"] = 1
    apply_control(default_control(blueprint), blueprint, table, index)
    return Dynamics(table, statics=statics), row


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([car.id for car in CARS]),
    st.floats(-10.0, 45.0),
    st.floats(-8.0, 8.0),
    st.floats(-120.0, 120.0),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=6),
)
def test_tyres_never_give_more_than_their_friction(identifier, speed, slide, spin, commands):
    dynamics, row = vehicle(identifier)
    row["vx"], row["vy"], row["wz"] = speed, slide, spin
    for steer, throttle, brake, reverse in commands:
        row["steer"], row["throttle"], row["brake"], row["reverse"] = steer, throttle, brake, reverse
        for _ in range(5):
            before = np.array([row["vx"], row["vy"]])
            list(dynamics.step(0.05))
            change = np.hypot(row["vx"] - before[0], row["vy"] - before[1]) / 0.05
            # The friction ellipse of all wheels, with longitudinal and lateral forces taken along different
            # directions at large steering angles, plus air and rolling resistance.
            friction = dynamics.table.wheels[0]["friction"].max()
            assert change <= 1.5 * friction * GRAVITY + 4.0
            assert all(math.isfinite(row[name]) for name in ("x", "y", "yaw", "vx", "vy", "wz"))
            assert -180.0 <= row["yaw"] <= 180.0


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([car.id for car in CARS]), st.floats(3.0, 40.0))
def test_braking_stops_every_vehicle_without_reversing(identifier, speed):
    dynamics, row = vehicle(identifier)
    row["vx"], row["brake"] = speed, 1.0
    positions = []
    for _ in range(int(20 * speed / 4.0) + 40):
        list(dynamics.step(0.05))
        positions.append(float(row["x"]))
        assert row["vx"] >= 0.0
    assert row["vx"] == 0.0
    # Not much shorter than tyres allow, not much longer than a fair brake needs.
    assert speed**2 / (2 * 12.5) <= positions[-1] <= speed**2 / (2 * 5.5) + 1.0


@settings(max_examples=30, deadline=None)
@given(st.floats(5.0, 35.0), st.floats(-1.0, 1.0))
def test_steering_alone_never_makes_the_vehicle_spin(speed, steer):
    dynamics, row = vehicle()
    row["vx"], row["steer"] = speed, steer
    for _ in range(60):
        list(dynamics.step(0.05))
        heading, course = math.radians(row["yaw"]), math.atan2(row["vy"], row["vx"])
        if math.hypot(row["vx"], row["vy"]) > 5.0:
            assert math.cos(heading - course) > 0.6


def test_steering_is_symmetric():
    ends = []
    for sign in (1.0, -1.0):
        dynamics, row = vehicle()
        row["vx"], row["steer"], row["throttle"] = 15.0, 0.08 * sign, 0.3
        for _ in range(60):
            list(dynamics.step(0.05))
        ends.append((float(row["x"]), sign * float(row["y"]), sign * float(row["yaw"])))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(1.0, 60.0), st.floats(-1.2, 1.2), st.floats(0.0, 90.0))
def test_no_speed_passes_through_a_thin_wall(speed, offset, yaw):
    wall = static_table(np.array([[12.0, offset, 0.5]]), np.array([[0.15, 1.5, 1.0]]), np.array([yaw * 0.3]))
    dynamics, row = vehicle(statics=wall)
    row["vx"] = speed
    touched = False
    for _ in range(int(15.0 / speed / 0.05) + 5):
        touched |= any(other == -1 for _, other, _, _ in dynamics.step(0.05))
    assert touched or row["x"] < 12.0 - row["hx"]


@settings(max_examples=50, deadline=None)
@given(st.floats(2.0, 30.0), st.floats(-2.0, 2.0), st.floats(-180.0, 180.0))
def test_crashes_conserve_momentum_and_lose_energy(speed, offset, yaw):
    table = BodyTable()
    for _ in range(2):
        row = table.rows[table.allocate()]
        row["hx"], row["hy"], row["hz"], row["mass"], row["inertia"] = 2.0, 0.9, 0.7, 1500.0, 2500.0
        row["simulate"] = row["collide"] = 1
        row["kind"] = 2
        row["z"] = 5.0  # in the air: only the contact acts
    table.rows[0]["vx"] = speed
    table.rows[1]["x"], table.rows[1]["y"], table.rows[1]["yaw"] = 4.6, offset, yaw
    dynamics = Dynamics(table)
    rows = table.rows[:2]
    energy, pushed = 0.5 * 1500.0 * speed**2, 0.0
    for _ in range(10):
        hits = list(dynamics.step(0.05))
        now = float((0.5 * rows["mass"] * (rows["vx"] ** 2 + rows["vy"] ** 2)).sum())
        assert abs(float((rows["mass"] * rows["vx"]).sum()) - 1500.0 * speed) < 1e-6 * 1500.0 * speed
        assert abs(float((rows["mass"] * rows["vy"]).sum())) < 1e-6 * 1500.0 * speed
        assert now <= energy * (1.0 + 1e-9)
        pushed += sum(x for _, _, x, _ in hits)
        assert pushed <= 1e-6  # as a whole: their tails may meet again when they spin


@settings(deadline=None)
@given(st.floats(-6.0, 6.0), st.floats(-6.0, 6.0), st.floats(-180.0, 180.0), st.floats(0.1, 3.0), st.floats(0.1, 3.0))
def test_overlap_agrees_with_dense_points(x, y, yaw, half_x, half_y):
    a = static_table(np.array([[0.0, 0.0, 0.0]]), np.array([[2.0, 1.0, 1.0]]), np.array([0.0]))[0]
    b = static_table(np.array([[x, y, 0.0]]), np.array([[half_x, half_y, 1.0]]), np.array([yaw]))[0]
    contact = np.empty(5)
    grid = np.stack(np.meshgrid(np.linspace(-half_x, half_x, 25), np.linspace(-half_y, half_y, 25)), -1).reshape(-1, 2)
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    points = grid @ np.array([[c, s], [-s, c]]) + (x, y)
    inside = bool(np.any((np.abs(points[:, 0]) < 2.0) & (np.abs(points[:, 1]) < 1.0)))
    if inside:
        assert overlap(a, b, contact)
        assert contact[0] > 0.0
        assert contact[1] * -x + contact[2] * -y >= -1e-9  # the normal points from b to a
    if overlap(a, b, contact):
        # Moved apart by the depth along the normal, they touch no more.
        apart = b.copy()
        apart[0] -= contact[1] * (contact[0] + 1e-6)
        apart[1] -= contact[2] * (contact[0] + 1e-6)
        assert not overlap(a, apart, np.empty(5))


def test_physics_control_survives_the_wire():
    for blueprint in CARS:
        control = default_control(blueprint)
        assert read_control(control.packed(blueprint, Pose(1.0, 2.0, 0.0, 0.0, 30.0, 0.0))) == control


def test_an_impulse_beside_the_centre_of_mass_turns_as_much_as_its_lever_is_long():
    _, row = vehicle()
    push(row, (0.0, 1500.0, 0.0), at=(2.0, 0.0, float(row["cz"])))
    assert row["vy"] == 1500.0 / row["mass"]
    assert row["wz"] == math.degrees(2.0 * 1500.0 / row["inertia"])
    push(row, (0.0, 1500.0, 0.0), at=(-2.0, 0.0, float(row["cz"])))
    assert abs(row["wz"]) < 1e-9
    push(row, (0.0, 0.0, 0.0), spin=(0.0, 0.0, 100.0))
    assert row["wz"] == math.degrees(100.0 / row["inertia"])
