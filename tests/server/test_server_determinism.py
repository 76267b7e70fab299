"""The same commands give the same world, bit for bit, in any process."""

import hashlib
import queue

import carla

from sim.geometry import Pose
from sim.server.bodies import BodyTable
from sim.server.streams import StreamHub
from sim.server.world import World


def episode(client: carla.Client) -> str:
    """Drive, swerve, crash; a digest of every snapshot and camera frame."""
    digest = hashlib.sha256()
    world = client.load_world("Pilotage01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    library = world.get_blueprint_library()
    start = world.get_map().get_spawn_points()[3]
    ego = world.spawn_actor(library.find("vehicle.tesla.model3"), start)
    forward = start.get_forward_vector()
    for ahead, name in (
        (18.0, "vehicle.audi.tt"),
        (27.0, "vehicle.mercedes.sprinter"),
        (23.0, "walker.pedestrian.0003"),
    ):
        place = carla.Transform(start.location + forward * ahead + carla.Location(z=0.7), start.rotation)
        world.spawn_actor(library.find(name), place)
    blueprint = library.find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "88")
    blueprint.set_attribute("image_size_y", "48")
    camera = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=1.2, z=1.6)), attach_to=ego)
    frames: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(frames.put)
    ego.set_target_velocity(forward * 16.0)
    begin = world.get_snapshot().timestamp
    for tick in range(60):
        ego.apply_control(carla.VehicleControl(throttle=0.4, steer=0.1 if tick % 20 < 10 else -0.1))
        world.tick()
        snapshot = world.get_snapshot()
        # The asynchronous ticks between loading and synchronous mode come in real time: count from the first of ours.
        begin = snapshot.timestamp if tick == 0 else begin
        moment = (
            round(snapshot.timestamp.elapsed_seconds - begin.elapsed_seconds, 6),
            snapshot.frame - begin.frame,
            snapshot.timestamp.delta_seconds,
        )
        state = [
            (str(actor.get_transform()), str(actor.get_velocity()), str(actor.get_angular_velocity()))
            for actor in sorted(snapshot, key=lambda actor: actor.id)
        ]
        digest.update(repr((moment, state)).encode())
        digest.update(bytes(frames.get(timeout=10.0).raw_data))
    camera.stop()
    return digest.hexdigest()


def test_two_processes_agree_bit_for_bit_and_so_does_a_second_run(start_server):
    first = start_server().client()
    second = start_server().client()
    one = episode(first)
    assert episode(second) == one
    assert episode(first) == one


def test_snapshot_bytes_depend_on_commands_alone():
    from sim.maps import load_town
    from sim.server.blueprints import CATALOGUE, Description

    def run() -> list[bytes]:
        world = World(load_town("Pilotage01"), StreamHub(0.0, 1), seed=0, stream_port=1)
        blueprint = CATALOGUE["vehicle.tesla.model3"]
        values = {attribute.name: attribute.value for attribute in blueprint.attributes}
        snapshots = []
        for index in range(3):
            world.spawn(Description(blueprint, values), Pose(2000.0 + 5.5 * index, 2000.0, 0.3, 0.0, 20.0 * index, 0.0))
        for _ in range(30):
            world.tick()
            snapshots.append(world.snapshot)
        return snapshots

    assert run() == run()


def test_freed_rows_are_reused_lowest_first():
    table = BodyTable()
    rows = [table.allocate() for _ in range(20)]
    for row in (7, 3, 11):
        table.release(row)
    assert rows == list(range(20))
    assert [table.allocate() for _ in range(4)] == [3, 7, 11, 20]
