"""What collides, what the collision sensor tells, and that nothing passes through anything."""

import time

import carla
import pytest


class Collisions:
    def __init__(self, world: carla.World, vehicle: carla.Actor) -> None:
        self.events: list[carla.CollisionEvent] = []
        blueprint = world.get_blueprint_library().find("sensor.other.collision")
        self.sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=vehicle)
        self.sensor.listen(self.events.append)

    def wait(self) -> list[carla.CollisionEvent]:
        deadline = time.monotonic() + 3.0
        while not self.events and time.monotonic() < deadline:
            time.sleep(0.005)
        self.sensor.stop()
        return self.events


def test_rear_end_crash_is_reported_with_its_impulse(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    parked = stage.spawn("vehicle.nissan.patrol", ahead=12.0)
    collisions = Collisions(world, ego)
    ego.set_target_velocity(stage.forward * 12.0)
    stage.ticks(25)
    events = collisions.wait()
    assert events[0].other_actor.id == parked.id
    assert events[0].actor.id == ego.id
    impulse = events[0].normal_impulse
    # Backwards on the one that drives into the other, of the size of its momentum.
    assert impulse.dot(stage.forward) < -3000.0
    assert abs(impulse.dot(stage.start.get_right_vector())) < 0.1 * impulse.length()
    assert parked.get_location().distance(stage.place(12.0).location) > 0.5
    assert ego.get_velocity().length() < 9.0


@pytest.mark.parametrize("obstacle", ["static.prop.streetbarrier", "walker.pedestrian.0001", "vehicle.bh.crossbike"])
@pytest.mark.parametrize("speed_kmh", [30.0, 120.0])
def test_nothing_tunnels(world, stage, obstacle, speed_kmh):
    ego = stage.spawn("vehicle.tesla.model3")
    other = stage.spawn(obstacle, ahead=15.3, up=0.95 if obstacle.startswith("walker") else 0.0)
    collisions = Collisions(world, ego)
    ego.set_target_velocity(stage.forward * (speed_kmh / 3.6))
    stage.ticks(int(20.0 / (speed_kmh / 3.6) / 0.05) + 2)
    assert {event.other_actor.id for event in collisions.wait()} == {other.id}


def test_passing_beside_is_no_collision(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    stage.spawn("vehicle.tesla.model3", ahead=12.0, right=2.3)
    collisions = Collisions(world, ego)
    ego.set_target_velocity(stage.forward * 15.0)
    stage.ticks(40)
    collisions.sensor.stop()
    assert collisions.events == []


def test_building_stops_a_vehicle(world, stage):
    buildings = world.get_environment_objects(carla.CityObjectLabel.Buildings)
    assert buildings
    box = max(buildings, key=lambda building: building.bounding_box.extent.x).bounding_box
    away = carla.Location(box.location.x, box.location.y, 0.0) + box.rotation.get_forward_vector() * (
        box.extent.x + 6.0
    )
    blueprint = world.get_blueprint_library().find("vehicle.audi.a2")
    ego = world.spawn_actor(blueprint, carla.Transform(away, carla.Rotation(yaw=box.rotation.yaw + 180.0)))
    collisions = Collisions(world, ego)
    ego.set_target_velocity(box.rotation.get_forward_vector() * -15.0)
    stage.ticks(20)
    events = collisions.wait()
    assert events
    assert events[0].other_actor.type_id.startswith("static.")
    local = ego.get_location() - box.location
    depth = local.dot(carla.Vector3D(box.rotation.get_forward_vector()))
    assert depth > box.extent.x - 0.1


def test_struck_walker_is_thrown_and_stays_down(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    blueprint = stage.library.find("walker.pedestrian.0004")
    blueprint.set_attribute("is_invincible", "false")
    walker = world.spawn_actor(blueprint, stage.place(8.0, up=0.95))
    ego.set_target_velocity(stage.forward * 10.0)
    stage.ticks(18)
    ego.apply_control(carla.VehicleControl(brake=1.0))
    stage.ticks(12)
    thrown = walker.get_location().distance(stage.place(8.0).location)
    assert thrown > 2.0
    walker.apply_control(carla.WalkerControl(direction=carla.Vector3D(1.0, 0.0, 0.0), speed=2.0))
    stage.ticks(60)
    resting = walker.get_location()
    stage.ticks(20)
    assert walker.get_location().distance(resting) < 1e-3
    assert walker.get_transform().rotation.pitch > 89.0
    assert resting.z < 0.4


def test_kinematic_obstacle_does_not_budge(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    wall = stage.spawn("vehicle.carlamotors.firetruck", ahead=15.0)
    wall.set_simulate_physics(False)
    world.tick()
    before = wall.get_transform()
    ego.set_target_velocity(stage.forward * 20.0)
    stage.ticks(30)
    assert wall.get_transform() == before
    assert ego.get_location().distance(stage.start.location) < 15.0 - 4.2 - 2.3


def test_collisions_can_be_switched_off(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ghost = stage.spawn("vehicle.audi.tt", ahead=10.0)
    ghost.set_collisions(False)
    collisions = Collisions(world, ego)
    ego.set_target_velocity(stage.forward * 15.0)
    stage.ticks(30)
    collisions.sensor.stop()
    assert collisions.events == []
    assert ego.get_location().distance(stage.start.location) > 18.0
