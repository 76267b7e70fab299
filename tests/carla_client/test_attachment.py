"""Children of actors: rigid, on spring arms, on sockets, in batches, and after their parent's end."""

from __future__ import annotations

import math
from itertools import pairwise

import carla
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.geometry import Pose
from sim.server.attachment import LAG_SPEED, SPRING_ARM_GHOST, spring_arm

BEHIND = carla.Transform(carla.Location(x=-5.5, z=2.5), carla.Rotation(pitch=8.0))
RIGID, SPRING, GHOST = carla.AttachmentType.Rigid, carla.AttachmentType.SpringArm, carla.AttachmentType.SpringArmGhost


@pytest.fixture
def car(stage):
    car = stage.spawn("vehicle.audi.tt")
    stage.world.tick()
    return car


def attach(world, parent, transform=BEHIND, kind=RIGID, socket="", blueprint="util.actor.empty"):
    found = world.get_blueprint_library().find(blueprint)
    return world.spawn_actor(found, transform, parent, kind, socket)


def turned(transform: carla.Transform, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> carla.Transform:
    rotation = transform.rotation
    return carla.Transform(
        transform.location, carla.Rotation(rotation.pitch + pitch, rotation.yaw + yaw, rotation.roll + roll)
    )


def seen_from(parent: carla.Transform, offset: carla.Location) -> carla.Location:
    """The offset in the world. `carla.Transform.transform` changes its argument, so it gets a copy."""
    found = parent.transform(carla.Location(offset.x, offset.y, offset.z))
    return carla.Location(found.x, found.y, found.z)


def close(a: carla.Location, b: carla.Location, within: float = 1e-3) -> bool:
    return a.distance(b) < within


def test_a_rigid_child_stands_at_its_offset_in_the_same_tick(world, car):
    child = attach(world, car)
    for yaw, pitch in ((0.0, 0.0), (40.0, 6.0), (90.0, -4.0)):
        car.set_simulate_physics(False)
        car.set_transform(turned(car.get_transform(), yaw, pitch))
        snapshot = world.tick() and world.get_snapshot()
        parent = snapshot.find(car.id).get_transform()
        assert close(snapshot.find(child.id).get_transform().location, seen_from(parent, BEHIND.location))
    assert child.parent.id == car.id


def test_a_moving_parent_and_its_child_never_part(world, car):
    child = attach(world, car, carla.Transform(carla.Location(x=1.0, z=1.5)))
    car.apply_control(carla.VehicleControl(throttle=1.0, steer=0.3))
    for _ in range(30):
        world.tick()
        snapshot = world.get_snapshot()
        parent = snapshot.find(car.id).get_transform()
        assert close(snapshot.find(child.id).get_transform().location, seen_from(parent, carla.Location(x=1.0, z=1.5)))


def test_an_arm_keeps_the_horizon_where_a_rigid_child_tilts(world, car):
    rigid, ghost = attach(world, car), attach(world, car, kind=GHOST)
    car.set_simulate_physics(False)
    car.set_transform(turned(car.get_transform(), pitch=10.0, roll=15.0))
    world.tick()
    assert abs(rigid.get_transform().rotation.roll) > 10.0
    rotation = ghost.get_transform().rotation
    arm_pitch = -math.degrees(math.atan2(2.5, 5.5))
    assert rotation.roll == pytest.approx(0.0, abs=1e-3)
    assert rotation.pitch == pytest.approx(arm_pitch + BEHIND.rotation.pitch, abs=1e-3)


def test_an_arm_of_the_plain_kind_stands_higher_by_its_lift(world, car):
    ghost, arm = attach(world, car, kind=GHOST), attach(world, car, kind=SPRING)
    world.tick()
    lift = arm.get_transform().location - ghost.get_transform().location
    assert (lift.x, lift.y, lift.z) == pytest.approx((0.0, 0.0, 0.3), abs=1e-3)
    at = seen_from(car.get_transform(), BEHIND.location)
    assert close(ghost.get_transform().location, at)


def test_an_arm_lags_behind_a_turn_and_catches_up(world, car):
    child = attach(world, car, kind=GHOST)
    world.tick()
    car.set_simulate_physics(False)
    start = car.get_transform()
    car.set_transform(turned(start, yaw=60.0))
    behind = []
    for _ in range(20):
        world.tick()
        yaw = child.get_transform().rotation.yaw - start.rotation.yaw
        behind.append(60.0 - ((yaw + 180.0) % 360.0 - 180.0))
    assert 5.0 < behind[0] < 58.0
    assert all(after < before for before, after in pairwise(behind))
    # Each tick of 0.05 s is three steps of 1/60 s, towards a target that moves evenly through the tick.
    share = LAG_SPEED / 60.0
    done = 0.0
    for target in (1.0 / 3.0, 2.0 / 3.0, 1.0):
        done += (target - done) * share
    assert behind[5] / behind[4] == pytest.approx(1.0 - done, abs=1e-3)
    assert abs(behind[-1]) < 0.5
    assert close(child.get_transform().location, seen_from(car.get_transform(), BEHIND.location), 0.05)


@given(st.floats(-180, 180), st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), st.floats(0.001, 0.5))
def test_an_arm_beside_a_resting_parent_ends_where_the_child_was_put(yaw, x, y, z, delta_s):
    arm, rest = spring_arm(SPRING_ARM_GHOST, Pose(x, y, z, 3.0, 4.0, 5.0))
    assert arm is not None
    assert rest == Pose(0.0, 0.0, 0.0, 3.0, 4.0, 5.0)
    for _ in range(2):
        end = arm.end(Pose(1.0, 2.0, 3.0, 0.0, yaw), delta_s)
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    assert end[:3] == pytest.approx((1.0 + c * x - s * y, 2.0 + s * x + c * y, 3.0 + z), abs=1e-6)


def test_a_child_on_a_socket_sits_on_the_wheel(world, car):
    child = attach(world, car, carla.Transform(), socket="Wheel_Rear_Left")
    world.tick()
    names = car.get_socket_names()
    wheel = car.get_socket_world_transforms()[names.index("Wheel_Rear_Left")]
    assert close(child.get_transform().location, wheel.location)
    assert not close(wheel.location, car.get_location(), 0.5)


def test_an_unknown_socket_is_the_parents_origin(world, car):
    child = attach(world, car, carla.Transform(), socket="No_Such_Socket")
    world.tick()
    assert close(child.get_transform().location, car.get_location())


def test_moving_a_child_is_relative_to_its_parent(world, car):
    child = attach(world, car)
    child.set_transform(carla.Transform(carla.Location(x=2.0, y=1.0), carla.Rotation(yaw=30.0)))
    world.tick()
    assert close(child.get_transform().location, seen_from(car.get_transform(), carla.Location(x=2.0, y=1.0)))
    child.set_location(carla.Location(z=3.0))
    world.tick()
    assert close(child.get_transform().location, seen_from(car.get_transform(), carla.Location(z=3.0)))


def test_grandchildren_follow_too(world, car):
    child = attach(world, car, carla.Transform(carla.Location(x=1.0)))
    grandchild = attach(world, child, carla.Transform(carla.Location(y=1.0)))
    car.set_simulate_physics(False)
    car.set_transform(turned(car.get_transform(), yaw=90.0))
    world.tick()
    assert close(grandchild.get_location(), seen_from(car.get_transform(), carla.Location(x=1.0, y=1.0)))
    assert grandchild.parent.parent.id == car.id


def test_a_batch_attaches_rigidly_to_a_future_parent(world, client, stage):
    library = world.get_blueprint_library()
    future = carla.command.FutureActor
    child = carla.command.SpawnActor(library.find("util.actor.empty"), BEHIND, future)
    command = carla.command.SpawnActor(library.find("vehicle.audi.tt"), stage.place(30.0)).then(child)
    (response,) = client.apply_batch_sync([command], True)
    assert not response.has_error()
    car = world.get_actor(response.actor_id)
    (child,) = (actor for actor in world.get_actors() if actor.parent is not None and actor.parent.id == car.id)
    assert close(child.get_location(), seen_from(car.get_transform(), BEHIND.location))


def test_sensors_outlive_their_parent_where_it_left_them(world, car):
    sensor = attach(world, car, blueprint="sensor.other.imu")
    world.tick()
    place = sensor.get_location()
    car.destroy()
    world.tick()
    assert sensor.is_alive
    assert close(sensor.get_location(), place)
    frames = []
    sensor.listen(lambda data: frames.append(data.frame))
    world.tick()
    assert sensor.destroy()
    # What was attached to nothing any more moves in the world's frame.
    other = attach(world, world.spawn_actor(world.get_blueprint_library().find("util.actor.empty"), BEHIND))
    other.parent.destroy()
    other.set_transform(carla.Transform(carla.Location(5.0, 6.0, 7.0)))
    world.tick()
    assert close(other.get_location(), carla.Location(5.0, 6.0, 7.0))


def test_attaching_to_nobody_fails_with_the_actors_number(world, car):
    library = world.get_blueprint_library()
    spectator = world.get_spectator()
    car.destroy()
    world.tick()
    with pytest.raises(RuntimeError, match=r"actor \d+ not found"):
        world.spawn_actor(library.find("util.actor.empty"), carla.Transform(), car)
    assert attach(world, spectator, carla.Transform()).parent.id == spectator.id


def test_a_walker_controller_is_a_child_that_can_be_destroyed(world, stage):
    walker = stage.spawn("walker.pedestrian.0012", right=-20.0, up=1.0)
    controller = attach(world, walker, carla.Transform(), blueprint="controller.ai.walker")
    assert isinstance(controller, carla.WalkerAIController)
    world.tick()
    assert controller.parent.id == walker.id
    assert controller.destroy()
    world.tick()
    assert world.get_actors().find(controller.id) is None
    assert world.get_actors().find(walker.id) is not None
