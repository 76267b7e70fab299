"""What happens when things meet: events, impulses, falls, and that the same crash is the same crash."""

from __future__ import annotations

import hashlib
import time

import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.server.bodies import BodyTable
from sim.server.broad_phase import candidates, static_grid
from sim.server.collisions import static_table


class Events:
    """The collision events of one actor."""

    def __init__(self, world: carla.World, actor: carla.Actor) -> None:
        self.found: list[carla.CollisionEvent] = []
        blueprint = world.get_blueprint_library().find("sensor.other.collision")
        self.sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=actor)
        self.sensor.listen(self.found.append)

    def wait(self, seconds: float = 3.0) -> list[carla.CollisionEvent]:
        deadline = time.monotonic() + seconds
        while not self.found and time.monotonic() < deadline:
            time.sleep(0.005)
        self.sensor.stop()
        return self.found


def drive_into(world: carla.World, stage, box: carla.BoundingBox, identifier: str, speed: float) -> carla.Vehicle:
    """A vehicle on its way into the face of an immovable box, from 10 m before it."""
    forward = box.rotation.get_right_vector()
    start = carla.Location(box.location.x, box.location.y, 0.1) - carla.Location(
        forward.x * (10.0 + box.extent.y), forward.y * (10.0 + box.extent.y), 0.0
    )
    vehicle = world.spawn_actor(
        stage.library.find(identifier), carla.Transform(start, carla.Rotation(yaw=box.rotation.yaw + 90.0))
    )
    vehicle.set_target_velocity(forward * speed)
    return vehicle


def solid(world: carla.World, label: carla.CityObjectLabel) -> carla.BoundingBox:
    """A thing of the town that a vehicle can reach from its right-hand side without meeting anything before.

    The box is where a ray at bumper height meets the thing: lamps reach much further than the post that stands.
    """
    found = [box for box in world.get_level_bbs(label) if box.extent.z > 0.3]
    assert found
    for box in found:
        forward, right = box.rotation.get_right_vector(), box.rotation.get_forward_vector()
        near = carla.Location(box.location.x, box.location.y, 0.5)
        far = near - carla.Location(forward * (box.extent.y + 18.0))
        beyond = near + carla.Location(forward * (box.extent.y + 1.0))
        for aside in np.linspace(0.0, box.extent.x, 1 + int(box.extent.x / 0.04)):
            for side in (aside, -aside):
                shift = carla.Location(right * float(side))
                lines = [
                    world.cast_ray(far + shift + carla.Location(right * width), beyond + shift)
                    for width in (0.0, 1.3, -1.3)
                ]
                hits = [[hit for hit in line if hit.label != carla.CityObjectLabel.Roads] for line in lines]
                if (
                    hits[0]
                    and hits[0][0].label == label
                    and all(
                        not line or line[0].location.distance(near) < box.extent.x + box.extent.y + 1.5 for line in hits
                    )
                ):
                    depth = 2.0 * box.extent.y if label == carla.CityObjectLabel.Buildings else 0.3
                    middle = hits[0][0].location + carla.Location(forward * (0.5 * depth))
                    thing = carla.BoundingBox(middle, carla.Vector3D(0.2, 0.5 * depth, box.extent.z))
                    thing.rotation = box.rotation
                    return thing
    pytest.fail(f"no {label} of this town stands free")


@pytest.mark.parametrize("delta", [0.05, 0.1])
@pytest.mark.parametrize(
    ("label", "type_id"),
    [
        (carla.CityObjectLabel.Poles, "static.pole"),
        (carla.CityObjectLabel.GuardRail, "static.guardrail"),
        (carla.CityObjectLabel.Buildings, "static.building"),
    ],
)
def test_nothing_passes_through_the_towns_things_at_120_kmh(world, stage, label, type_id, delta):
    changed = world.get_settings()
    changed.fixed_delta_seconds = delta
    world.apply_settings(changed)
    box = solid(world, label)
    vehicle = drive_into(world, stage, box, "vehicle.audi.a2", 120.0 / 3.6)
    events = Events(world, vehicle)
    stage.ticks(int(0.6 / delta))
    event = events.wait()[0]
    assert event.other_actor.type_id == type_id
    assert list(event.other_actor.semantic_tags) == [int(label)]
    forward = box.rotation.get_right_vector()
    assert event.normal_impulse.dot(forward) < -5000.0
    beyond = (vehicle.get_location() - box.location).dot(carla.Vector3D(forward))
    assert beyond < box.extent.y  # its middle has not passed the box


@pytest.mark.parametrize(
    "obstacle", ["walker.pedestrian.0001", "static.prop.trafficcone01", "vehicle.gazelle.omafiets"]
)
def test_nothing_tunnels_in_steps_of_a_tenth_of_a_second(world, stage, obstacle):
    changed = world.get_settings()
    changed.fixed_delta_seconds = 0.1
    world.apply_settings(changed)
    vehicle = stage.spawn("vehicle.tesla.model3")
    other = stage.spawn(obstacle, ahead=15.7, up=0.95 if obstacle.startswith("walker") else 0.0)
    events = Events(world, vehicle)
    vehicle.set_target_velocity(stage.forward * (120.0 / 3.6))
    stage.ticks(8)
    assert {event.other_actor.id for event in events.wait()} == {other.id}


def test_every_vehicle_that_drives_into_a_wall_says_so(world, stage):
    box = solid(world, carla.CityObjectLabel.Buildings)
    silent = []
    for blueprint in stage.library.filter("vehicle.*"):
        vehicle = drive_into(world, stage, box, blueprint.id, 10.0)
        events = Events(world, vehicle)
        stage.ticks(24)
        if not events.wait(1.0):
            silent.append(blueprint.id)
        events.sensor.destroy()
        vehicle.destroy()
        world.tick()
    assert not silent


def test_both_parties_feel_the_same_impulse_with_opposite_signs(world, stage):
    first, second = stage.spawn("vehicle.audi.tt"), stage.spawn("vehicle.nissan.patrol", ahead=9.0)
    of_first, of_second = Events(world, first), Events(world, second)
    first.set_target_velocity(stage.forward * 12.0)
    stage.ticks(15)
    one, two = of_first.wait()[0], of_second.wait()[0]
    assert one.frame == two.frame
    assert one.other_actor.id == second.id
    assert two.other_actor.id == first.id
    assert (one.normal_impulse + two.normal_impulse).length() < 1e-3 * one.normal_impulse.length()


def test_an_invincible_walker_is_pushed_but_stays_on_its_feet(world, stage):
    pitches = {}
    for invincible in ("true", "false"):
        blueprint = stage.library.find("walker.pedestrian.0005")
        blueprint.set_attribute("is_invincible", invincible)
        walker = world.spawn_actor(blueprint, stage.place(8.0, up=0.95))
        vehicle = stage.spawn("vehicle.seat.leon")
        stage.ticks(4)
        before = walker.get_location()
        vehicle.set_target_velocity(stage.forward * 6.0)
        stage.ticks(30)
        vehicle.apply_control(carla.VehicleControl(brake=1.0))
        stage.ticks(20)
        assert walker.get_location().distance_2d(before) > 0.3
        pitches[invincible] = abs(walker.get_transform().rotation.pitch)
        for actor in (walker, vehicle):
            actor.destroy()
        world.tick()
    assert pitches["true"] < 1.0
    assert pitches["false"] > 80.0


def test_a_prop_with_physics_falls_and_can_be_pushed_and_one_without_cannot(world, stage):
    loose, fixed = stage.spawn("static.prop.box01", ahead=9.0, up=2.0), stage.spawn("static.prop.box01", ahead=14.0)
    loose.set_simulate_physics(True)
    stage.ticks(20)
    assert loose.get_location().z == pytest.approx(0.0, abs=1e-3)
    vehicle = stage.spawn("vehicle.seat.leon")
    vehicle.set_target_velocity(stage.forward * 5.0)
    stage.ticks(60)
    assert loose.get_location().distance(stage.place(9.0).location) > 1.0
    assert fixed.get_location().distance(stage.place(14.0).location) < 1e-3


def test_what_is_dropped_on_a_vehicle_lies_on_it(world, stage):
    vehicle = stage.spawn("vehicle.mercedes.sprinter")
    box = stage.spawn("static.prop.box01", up=5.0)
    box.set_simulate_physics(True)
    stage.ticks(60)
    assert box.get_location().z == pytest.approx(2.0 * vehicle.bounding_box.extent.z, abs=0.05)


def crash(client: carla.Client, name: str) -> str:
    """A digest of every actor's motion through a crash in a fresh episode."""
    world = client.reload_world()
    changed = world.get_settings()
    changed.synchronous_mode, changed.fixed_delta_seconds = True, 0.05
    changed.max_substep_delta_time, changed.max_substeps = 0.01, 16
    world.apply_settings(changed)
    world.tick()
    library = world.get_blueprint_library()
    start = world.get_map().get_spawn_points()[0]
    forward, right = start.get_forward_vector(), start.get_right_vector()

    def put(identifier: str, ahead: float, aside: float, turn: float, speed: float, up: float = 0.0) -> carla.Actor:
        at = start.location + carla.Location(forward * ahead + right * aside)
        at.z = up
        blueprint = library.find(identifier)
        if blueprint.has_attribute("is_invincible"):
            blueprint.set_attribute("is_invincible", "false")
        where = carla.Transform(at, carla.Rotation(yaw=start.rotation.yaw + turn))
        actor = world.spawn_actor(blueprint, where)
        if speed:
            world.tick()
            actor.set_target_velocity(where.get_forward_vector() * speed)
        return actor

    actors = {
        "two cars at 180 km/h": lambda: [
            put("vehicle.audi.tt", 0.0, 0.0, 0.0, 50.0),
            put("vehicle.lincoln.mkz_2017", 60.0, 0.7, 180.0, 50.0),
        ],
        "three cars": lambda: [
            put("vehicle.toyota.prius", 0.0, 0.0, 0.0, 15.0),
            put("vehicle.audi.a2", 30.0, 0.9, 180.0, 15.0),
            put("vehicle.lincoln.mkz_2017", 15.0, 12.0, -90.0, 15.0),
        ],
        "a car and a bicycle": lambda: [
            put("vehicle.lincoln.mkz_2017", 0.0, 0.0, 0.0, 30.0),
            put("vehicle.gazelle.omafiets", 25.0, 9.0, -90.0, 12.0),
        ],
        "a car and a walker": lambda: [
            put("vehicle.lincoln.mkz_2017", 0.0, 0.0, 0.0, 20.0),
            put("walker.pedestrian.0007", 20.0, 0.2, -90.0, 0.0, 1.0),
        ],
    }[name]()
    before = [actor.get_location() for actor in actors]
    digest = hashlib.sha256()
    for _ in range(80):
        world.tick()
        snapshot = world.get_snapshot()
        for actor in actors:
            state = snapshot.find(actor.id)
            motion = state.get_transform(), state.get_velocity(), state.get_angular_velocity()
            digest.update(" ".join(str(part) for part in motion).encode())
    assert all(actor.get_location().distance(at) > 1.0 for actor, at in zip(actors, before))
    return digest.hexdigest()


@pytest.mark.parametrize("name", ["two cars at 180 km/h", "three cars", "a car and a bicycle", "a car and a walker"])
def test_the_same_crash_is_the_same_in_every_episode(world, client, name):
    assert crash(client, name) == crash(client, name)


# ---- the broad phase --------------------------------------------------------------------------------------------

_bodies = st.lists(
    st.tuples(*(st.floats(*bounds) for bounds in ((-60, 60), (-60, 60), (0.2, 6), (0.2, 2), (-40, 40))), st.booleans()),
    min_size=1,
    max_size=14,
)
_boxes = st.lists(
    st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(0.05, 40), st.floats(0.05, 9), st.floats(-180, 180)),
    max_size=14,
)


@settings(max_examples=80, deadline=None)
@given(_bodies, _boxes)
def test_the_broad_phase_finds_exactly_the_pairs_that_all_pairs_tried_in_turn_give(bodies, boxes):
    table = BodyTable()
    for x, y, half_x, half_y, speed, moves in bodies:
        row = table.rows[table.allocate()]
        row["x"], row["y"], row["hx"], row["hy"], row["vx"] = x, y, half_x, half_y, speed
        row["collide"], row["simulate"] = 1, moves
    rows = table.rows[: table.count]
    array = np.array(boxes).reshape(-1, 5)
    centers = np.column_stack([array[:, 0], array[:, 1], np.ones(len(array))])
    extents = np.column_stack([array[:, 2], array[:, 3], np.ones(len(array))])
    statics = static_table(centers, extents, array[:, 4])
    dt = 0.05
    reach = np.hypot(rows["hx"], rows["hy"]) + (np.abs(rows["vx"]) + 10.0) * dt
    expected = set()
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            gap = np.hypot(rows["x"][i] - rows["x"][j], rows["y"][i] - rows["y"][j]) - reach[i] - reach[j]
            if gap < 0.0 and (rows["simulate"][i] or rows["simulate"][j]):
                expected.add((i, j))
        for k in range(len(statics)):
            gap = np.hypot(rows["x"][i] - statics[k, 0], rows["y"][i] - statics[k, 1]) - reach[i] - statics[k, 7]
            if gap < -1e-9 and rows["simulate"][i]:
                expected.add((i, -1 - k))
    pairs = np.zeros((400, 2), np.int64)
    total = candidates(table.rows, table.count, *static_grid(statics), dt, pairs)
    found = [tuple(pair) for pair in pairs[:total].tolist()]
    assert len(found) == len(set(found))
    # A box is looked for in the square around a body: it may miss one whose circle alone reaches the body's.
    missing = expected - set(found)
    assert set(found) <= expected | {pair for pair in found if pair[1] < 0}
    assert all(j < 0 and not _boxes_near(rows[i], reach[i], statics[-1 - j]) for i, j in missing)


def _boxes_near(body: np.void, reach: float, box: np.ndarray) -> bool:
    """Whether the square around a body meets the upright square around a box."""
    c, s = abs(np.cos(box[6])), abs(np.sin(box[6]))
    half_x, half_y = c * box[3] + s * box[4], s * box[3] + c * box[4]
    return bool(abs(body["x"] - box[0]) < reach + half_x - 1e-6 and abs(body["y"] - box[1]) < reach + half_y - 1e-6)
