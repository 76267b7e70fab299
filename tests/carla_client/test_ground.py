"""Vehicles, walkers and props on slopes, kerbs and bridges of a map that only this test knows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.maps.ground import build_ground
from sim.render.mesh import Mesh

# Along x: level for 100 m, up by 10 % for 100 m, then level at 10 m over a road that runs below along y at x = 300 m.
_LANES = """
<lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center><right>
<lane id="-1" type="driving" level="false"><link/><width sOffset="0" a="4" b="0" c="0" d="0"/></lane>
<lane id="-2" type="driving" level="false"><link/><width sOffset="0" a="4" b="0" c="0" d="0"/></lane>
<lane id="-3" type="sidewalk" level="false"><link/><width sOffset="0" a="3" b="0" c="0" d="0"/></lane>
</right></laneSection></lanes>"""


def road(number: int, x: float, y: float, heading: float, length: float, elevation: str) -> str:
    return f"""
<road name="r{number}" length="{length}" id="{number}" junction="-1"><link/>
<planView><geometry s="0" x="{x}" y="{y}" hdg="{heading}" length="{length}"><line/></geometry></planView>
<elevationProfile>{elevation}</elevationProfile><lateralProfile/>{_LANES}</road>"""


RAMP = "".join(
    f'<elevation s="{s}" a="{a}" b="{b}" c="0" d="0"/>' for s, a, b in ((0, 0, 0), (100, 0, 0.1), (200, 10, 0))
)
LEVEL = '<elevation s="0" a="0" b="0" c="0" d="0"/>'
OPENDRIVE = f"""<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="ramp" version="1"
north="500" south="-500" east="500" west="-500"/>
{road(1, 0.0, 0.0, 0.0, 400.0, RAMP)}{road(2, 300.0, -150.0, math.pi / 2.0, 300.0, LEVEL)}</OpenDRIVE>"""
# In CARLA's frame y is flipped: the lanes of road 1 lie at y = 2 and 6, its sidewalk at 9.5; those of road 2 at x = 302
# and 306.
PITCH = math.degrees(math.atan(0.1))


@pytest.fixture(scope="module")
def hills(start_module_server) -> carla.World:
    client = start_module_server().client()
    parameters = carla.OpendriveGenerationParameters(
        vertex_distance=2.0,
        max_road_length=500.0,
        wall_height=0.0,
        additional_width=0.6,
        smooth_junctions=True,
        enable_mesh_visibility=True,
        enable_pedestrian_navigation=False,
    )
    world = client.generate_opendrive_world(OPENDRIVE, parameters)
    settings_ = world.get_settings()
    settings_.synchronous_mode, settings_.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings_)
    return world


@pytest.fixture
def put(hills) -> Iterator[object]:
    library = hills.get_blueprint_library()
    spawned: list[carla.Actor] = []

    def spawn(identifier: str, x: float, y: float, z: float, yaw: float = 0.0) -> carla.Actor:
        where = carla.Transform(carla.Location(x, y, z), carla.Rotation(yaw=yaw))
        spawned.append(hills.spawn_actor(library.find(identifier), where))
        return spawned[-1]

    yield spawn
    for actor in spawned:
        actor.destroy()
    hills.tick()


def ticks(world: carla.World, count: int) -> None:
    for _ in range(count):
        world.tick()


@pytest.mark.parametrize("identifier", ["vehicle.audi.tt", "vehicle.mitsubishi.fusorosa", "vehicle.yamaha.yzf"])
@pytest.mark.parametrize("yaw", [0.0, 180.0])
def test_a_braked_vehicle_stands_on_a_slope_and_lies_along_it(hills, put, identifier, yaw):
    vehicle = put(identifier, 150.0, 2.0, 5.4, yaw)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    ticks(hills, 30)
    pose = vehicle.get_transform()
    ticks(hills, 20)
    assert vehicle.get_transform() == pose
    assert pose.location.x == pytest.approx(150.0, abs=0.05)
    assert pose.location.z == pytest.approx(0.1 * (pose.location.x - 100.0), abs=0.01)
    assert pose.rotation.pitch == pytest.approx(PITCH if yaw == 0.0 else -PITCH, abs=0.05)
    assert pose.rotation.roll == pytest.approx(0.0, abs=0.05)


def test_a_vehicle_across_a_slope_rolls_by_it(hills, put):
    vehicle = put("vehicle.seat.leon", 150.0, 4.0, 5.4, 90.0)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    ticks(hills, 40)
    assert vehicle.get_transform().rotation.roll == pytest.approx(PITCH, abs=0.1)  # downhill is to its right
    assert vehicle.get_transform().rotation.pitch == pytest.approx(0.0, abs=0.1)
    assert vehicle.get_velocity().length() == 0.0


def test_a_released_vehicle_rolls_downhill_with_the_energy_of_its_height(hills, put):
    vehicle = put("vehicle.seat.leon", 180.0, 2.0, 8.2)
    vehicle.apply_control(carla.VehicleControl(manual_gear_shift=True, gear=0))
    ticks(hills, 5)
    begin = vehicle.get_location().z
    ticks(hills, 175)
    fallen = begin - vehicle.get_location().z
    assert fallen > 3.0
    assert vehicle.get_velocity().z < -0.5
    way = fallen / math.sin(math.radians(PITCH))
    # Rolling resistance takes 1.2 % of the weight over the way, the air very little.
    expected = math.sqrt(2.0 * (9.81 * fallen - 0.012 * 9.81 * way))
    assert vehicle.get_velocity().length() == pytest.approx(expected, rel=0.04)


def test_driving_up_follows_the_road_without_leaving_it(hills, put):
    vehicle = put("vehicle.tesla.model3", 80.0, 2.0, 0.2)
    ticks(hills, 10)
    vehicle.enable_constant_velocity(carla.Vector3D(8.0, 0.0, 0.0))
    heights = []
    for _ in range(360):
        hills.tick()
        at = vehicle.get_location()
        road_height = min(10.0, max(0.0, 0.1 * (at.x - 100.0)))
        assert at.z == pytest.approx(road_height, abs=0.12)
        heights.append(at.z)
    assert heights[-1] == pytest.approx(10.0, abs=1e-3)
    assert vehicle.get_transform().rotation.pitch == pytest.approx(0.0, abs=0.01)


def test_a_steeper_way_up_is_slower(hills, put):
    ways = []
    for x, z in ((20.0, 0.2), (110.0, 1.2)):
        vehicle = put("vehicle.nissan.micra", x, 2.0, z)
        vehicle.apply_control(carla.VehicleControl(throttle=1.0))
        ticks(hills, 80)
        ways.append(vehicle.get_location().x - x)
    assert 5.0 < ways[1] < 0.9 * ways[0]


def test_vehicles_above_and_below_a_bridge_stay_on_their_levels(hills, put):
    above = put("vehicle.audi.tt", 285.0, 2.0, 10.2)
    below = put("vehicle.audi.tt", 302.0, 20.0, 0.2, -90.0)
    above.set_target_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    below.set_target_velocity(carla.Vector3D(0.0, -10.0, 0.0))
    for _ in range(60):
        hills.tick()
        assert above.get_location().z == pytest.approx(10.0, abs=0.21)
        assert below.get_location().z == pytest.approx(0.0, abs=0.21)
    assert above.get_location().x > 305.0
    assert below.get_location().y < 0.0


def test_a_vehicle_that_leaves_the_bridge_falls_and_lands_on_what_is_below(hills, put):
    vehicle = put("vehicle.audi.tt", 306.0, 2.0, 14.0, -90.0)
    vehicle.set_collisions(False)  # let the guard rail be
    vehicle.set_target_velocity(carla.Vector3D(0.0, -9.0, 0.0))
    heights = []
    for _ in range(60):
        hills.tick()
        heights.append(vehicle.get_location().z)
    assert all(after <= before + 1e-6 for before, after in itertools.pairwise(heights))
    assert heights[-1] == pytest.approx(0.0, abs=1e-3)


def test_walkers_and_props_stand_on_slopes_and_kerbs(hills, put):
    walker = put("walker.pedestrian.0002", 150.0, 2.0, 6.5)
    prop = put("static.prop.box01", 150.0, 6.0, 8.0)
    prop.set_simulate_physics(True)
    kerb = put("walker.pedestrian.0003", 50.0, 9.5, 2.0)
    ticks(hills, 40)
    half = walker.bounding_box.extent.z
    assert walker.get_location().z == pytest.approx(5.0 + half, abs=0.03)
    assert prop.get_location().z == pytest.approx(5.0, abs=0.1)
    assert kerb.get_location().z == pytest.approx(0.15 + kerb.bounding_box.extent.z, abs=0.01)
    walker.apply_control(carla.WalkerControl(direction=carla.Vector3D(1.0, 0.0, 0.0), speed=2.0))
    ticks(hills, 40)
    assert walker.get_location().x > 153.0
    assert walker.get_location().z == pytest.approx(0.1 * (walker.get_location().x - 100.0) + half, abs=0.03)


def test_a_kerb_lifts_the_wheels_that_climb_it(hills, put):
    vehicle = put("vehicle.seat.leon", 30.0, 6.0, 0.2, 25.0)
    ticks(hills, 10)
    vehicle.set_target_velocity(carla.Vector3D(5.0 * math.cos(math.radians(25.0)), 5.0 * math.sin(math.radians(25.0))))
    rolls, heights = [], []
    for _ in range(24):
        hills.tick()
        rolls.append(vehicle.get_transform().rotation.roll)
        heights.append(vehicle.get_location().z)
    assert min(rolls) < -2.0  # the right wheels are up first
    assert heights[-1] > 0.07
    assert max(heights) < 0.17


# ---- the lookup itself ------------------------------------------------------------------------------------------

_triangles = st.lists(
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 8)), min_size=3, max_size=3),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(_triangles, st.floats(-25, 25), st.floats(-25, 25), st.floats(-1, 9))
def test_lookups_agree_with_every_triangle_tried_in_turn(corners, x, y, z):
    vertices = np.asarray(corners, np.float32).reshape(-1, 3)
    ground = build_ground([Mesh.build(vertices, np.arange(len(vertices)).reshape(-1, 3), (0, 0, 0), 1)], -2.0)
    best, near_edge = -2.0, False
    for p, q, r in vertices.astype(float).reshape(-1, 3, 3):
        normal = np.cross(q - p, r - p)
        if abs(normal[2]) <= max(0.3 * np.linalg.norm(normal), 1e-6):
            continue
        b, c = np.linalg.solve(np.array([[q[0] - p[0], r[0] - p[0]], [q[1] - p[1], r[1] - p[1]]]), [x - p[0], y - p[1]])
        height = p[2] + b * (q[2] - p[2]) + c * (r[2] - p[2])
        edge = min(b, c, 1.0 - b - c)
        near_edge |= abs(edge) < 0.01 or abs(height - (z + 0.4)) < 1e-6
        if edge >= 0.0 and height <= z + 0.4:
            best = max(best, height)
    if not near_edge:
        assert ground.height(x, y, z) == pytest.approx(best, abs=1e-6)
        assert ground.heights(np.array([[x, y, z]]))[0] == ground.height(x, y, z)


def test_normals_point_up_along_the_slope():
    vertices = [(0.0, 0.0, 0.0), (10.0, 0.0, 1.0), (0.0, 10.0, 0.0), (10.0, 10.0, 1.0)]
    ground = build_ground([Mesh.build(vertices, [(0, 1, 2), (1, 3, 2)], (0, 0, 0), 1)], -1.0)
    x, y, z = ground.normal(5.0, 5.0, 1.0)
    assert (x, y, z) == pytest.approx((-0.1 / math.sqrt(1.01), 0.0, 1.0 / math.sqrt(1.01)))
    assert ground.height(50.0, 5.0) == -1.0
    assert ground.height(5.0, 5.0, -3.0) == -1.0


def test_a_walker_jumps_and_comes_down_where_it_stood(hills, put):
    walker = put("walker.pedestrian.0002", 50.0, 2.0, 1.2)
    ticks(hills, 15)
    standing = walker.get_location().z
    walker.apply_control(carla.WalkerControl(jump=True))
    hills.tick()
    walker.apply_control(carla.WalkerControl())
    heights = []
    for _ in range(25):
        hills.tick()
        heights.append(walker.get_location().z - standing)
    assert 0.7 < max(heights) < 1.0
    assert heights[-1] == pytest.approx(0.0, abs=1e-3)
