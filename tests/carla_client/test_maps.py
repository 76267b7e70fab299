"""Maps by name: built-in towns, a folder of .xodr files, CARLA's town names, and worlds from OpenDRIVE text."""

from __future__ import annotations

import pytest

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
    from tests.conftest import start

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
    import subprocess
    import sys

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
