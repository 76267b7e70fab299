"""Maps by name: built-in towns, a folder of .xodr files, CARLA's town names, and worlds from OpenDRIVE text."""

from __future__ import annotations

import queue
import subprocess
import sys

import carla
import numpy as np
import pytest

from tests.conftest import start, synchronous
from tests.maps.crossroads import crossroads

STRAIGHT = """<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4"/>
<road name="straight" length="200" id="1" junction="-1">
<planView><geometry s="0" x="0" y="0" hdg="0" length="200"><line/></geometry></planView>
<elevationProfile><elevation s="0" a="{height}" b="0" c="0" d="0"/></elevationProfile><lanes><laneSection s="0">
<left><lane id="1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></left>
<center><lane id="0" type="none"/></center>
<right><lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right>
</laneSection></lanes></road></OpenDRIVE>"""


@pytest.fixture(scope="module")
def folder_server(tmp_path_factory):
    """A server with a folder that holds two good maps, one of them with a CARLA name, and a broken one."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "Harbour.xodr").write_text(STRAIGHT.format(height=0))
    (folder / "Town03.xodr").write_text(STRAIGHT.format(height=0))
    (folder / "Torn.xodr").write_text(STRAIGHT.format(height=0)[:400])
    (folder / "Letters.xodr").write_text(STRAIGHT.format(height="high"))
    (folder / "notes.txt").write_text("not a map")
    (folder.parent / "Outside.xodr").write_text(STRAIGHT.format(height=0))
    process = start("--maps", str(folder))
    yield process
    process.close()


def test_available_maps_are_the_built_in_towns_the_files_of_the_folder_and_carlas_towns(folder_server):
    names = folder_server.client().get_available_maps()
    short = [name.removeprefix("/Game/Carla/Maps/") for name in names]
    assert len(set(short)) == len(short)
    assert {"Pilotage01", "Harbour", "Torn", "Town01", "Town03", "Town10HD", "Town15", "Town03_Opt"} <= set(short)
    assert not {"notes", "notes.txt", "Outside"} & set(short)


def test_a_file_of_the_folder_is_loaded_by_its_stem(folder_server):
    client = folder_server.client()
    for name in ("Harbour", "/Game/Carla/Maps/Harbour"):
        world = client.load_world(name)
        town = world.get_map()
        assert town.name == "Carla/Maps/Harbour"
        assert town.to_opendrive() == STRAIGHT.format(height=0)
        assert len(town.get_spawn_points()) > 5


def test_a_file_with_carlas_name_wins_over_the_stand_in(folder_server):
    client = folder_server.client()
    assert "straight" in client.load_world("Town03").get_map().to_opendrive()
    assert "straight" in client.load_world("Town03_Opt").get_map().to_opendrive()
    assert "straight" not in client.load_world("Town04").get_map().to_opendrive()


@pytest.mark.parametrize("name", ["Torn", "Letters"])
def test_a_broken_file_is_refused_with_its_name_and_a_fix_and_the_world_goes_on(folder_server, name):
    client = folder_server.client()
    before = client.load_world("Harbour")
    with pytest.raises(RuntimeError, match=rf"{name}\.xodr cannot be read.*mend the file"):
        client.load_world(name)
    assert client.get_world().id == before.id
    assert client.get_world().wait_for_tick(5.0).frame > 0


@pytest.mark.parametrize("name", ["../Outside", "Outside", "/etc/passwd", "..", "maps/../../Outside", "Harbour\0", "*"])
def test_names_cannot_leave_the_folder(folder_server, name):
    with pytest.raises(RuntimeError, match="not found"):
        folder_server.client().load_world(name)


def test_stand_ins_keep_the_name_that_was_asked_for_and_say_so_on_stderr(start_server, capfd):
    client = start_server().client()
    maps = {}
    for name in ("Town03", "Town05_Opt", "Town04"):
        town = client.load_world(name).get_map()
        assert town.name == f"Carla/Maps/{name}"
        maps[name] = town.to_opendrive()
    said = capfd.readouterr().err
    for name in maps:
        assert f"{name}: CARLA's map is not here, the built-in town Pilotage0" in said
    # Back to the town itself: another name and, for the client's cache, another map.
    assert client.load_world("Pilotage01").get_map().name == "Carla/Maps/Pilotage01"


def test_reload_keeps_the_map_and_removes_the_actors(client, world, stage):
    stage.spawn("vehicle.tesla.model3")
    world.tick()
    assert len(world.get_actors().filter("vehicle.*")) == 1
    name, episode = world.get_map().name, world.id
    again = client.reload_world()
    assert again.id != episode
    assert again.get_map().name == name
    assert len(again.get_actors().filter("vehicle.*")) == 0


def test_a_missing_map_folder_ends_the_server_with_one_clear_line():
    command = [sys.executable, "-m", "sim.server", "--port", "0", "--maps", "/nowhere/at/all"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "/nowhere/at/all" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_lanes_of_stand_ins_are_nowhere_narrower_than_nothing(client, world):
    town = client.load_world("Town04").get_map()
    for waypoint in town.generate_waypoints(2.0):
        for step in (2.0, 4.0):
            assert all(following.lane_width >= 0.0 for following in waypoint.next(step))


# ---- generate_opendrive_world -------------------------------------------------------------------------------------


def _generated(server, **parameters) -> carla.World:
    text = STRAIGHT.format(height=0)
    world = server.client().generate_opendrive_world(text, carla.OpendriveGenerationParameters(**parameters))
    assert world.get_map().name.endswith("OpenDriveMap")
    return world


def test_walls_stand_along_the_edges_and_are_as_high_as_asked_for(folder_server):
    world = _generated(folder_server, wall_height=1.5)
    walls = world.get_level_bbs(carla.CityObjectLabel.Walls)
    assert len(walls) > 20
    for wall in walls:
        assert wall.extent.z == pytest.approx(0.75)
        # Lanes are 3.5 m wide; CARLA's y is to the right.
        assert 3.5 < abs(wall.location.y) < 4.0
    middle = carla.Location(100.0, 0.0, 0.7)
    for side in (-10.0, 10.0):
        met = world.cast_ray(middle, middle + carla.Location(y=side))
        assert met[0].label == carla.CityObjectLabel.Walls
    assert _generated(folder_server, wall_height=0.0).get_level_bbs(carla.CityObjectLabel.Walls) == []


def test_a_car_cannot_leave_the_road_through_a_wall(folder_server):
    world = _generated(folder_server, wall_height=1.0)
    synchronous(world)
    car = world.get_blueprint_library().find("vehicle.tesla.model3")
    vehicle = world.spawn_actor(car, carla.Transform(carla.Location(100.0, 0.0, 0.3), carla.Rotation(yaw=60.0)))
    vehicle.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(60):
        world.tick()
    assert abs(vehicle.get_location().y) < 4.0


def test_an_invisible_mesh_is_there_for_rays_and_not_for_cameras(folder_server):
    tags = {}
    for visible in (True, False):
        world = _generated(folder_server, enable_mesh_visibility=visible)
        synchronous(world)
        blueprint = world.get_blueprint_library().find("sensor.camera.semantic_segmentation")
        camera = world.spawn_actor(
            blueprint, carla.Transform(carla.Location(50.0, 0.0, 2.0), carla.Rotation(pitch=-40))
        )
        images: queue.Queue[carla.Image] = queue.Queue()
        camera.listen(images.put)
        world.tick()
        image = images.get(timeout=5.0)
        camera.stop()
        tags[visible] = set(np.unique(np.frombuffer(image.raw_data, np.uint8)[2::4]).tolist())
        down = world.ground_projection(carla.Location(50.0, 1.0, 2.0), 5.0)
        assert down.label == carla.CityObjectLabel.Roads
    hidden = {int(carla.CityObjectLabel.Roads), int(carla.CityObjectLabel.Walls)}
    assert hidden <= tags[True]
    assert not hidden & tags[False]


def test_pedestrian_navigation_is_generated_if_asked_for(folder_server):
    for wanted in (True, False):
        parameters = carla.OpendriveGenerationParameters(enable_pedestrian_navigation=wanted)
        world = folder_server.client().generate_opendrive_world(crossroads(), parameters)
        synchronous(world)
        world.tick()
        assert (world.get_random_location_from_navigation() is not None) == wanted


def test_text_that_is_no_map_is_refused_and_the_world_goes_on(folder_server):
    client = folder_server.client()
    before = client.load_world("Harbour")
    for text in ("/etc/passwd", "<OpenDRIVE/>", "<OpenDRIVE><road/></OpenDRIVE>", STRAIGHT.format(height=0)[:300]):
        with pytest.raises(RuntimeError, match="cannot be read"):
            client.generate_opendrive_world(text)
    assert client.get_world().id == before.id


def _load_often(client: carla.Client, count: int) -> int:
    """Loads in quick succession; the client's threads still drop the old episode while the new one begins."""
    return len({client.load_world("Pilotage01").id for _ in range(count)})


def test_a_client_survives_loading_worlds_in_quick_succession(in_child):
    assert in_child(_load_often, 40, attempts=1) == 40
