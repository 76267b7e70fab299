"""Components, bones and sockets of actors, the poses of walkers, and the doors of vehicles."""

from __future__ import annotations

import carla
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.geometry import pose_matrix
from sim.server import skeleton

GENERATION_3 = [
    "crl_root", "crl_hips__C", "crl_spine__C", "crl_spine01__C", "crl_shoulder__L", "crl_arm__L", "crl_foreArm__L",
    "crl_hand__L", "crl_neck__C", "crl_Head__C", "crl_eye__L", "crl_eye__R", "crl_shoulder__R", "crl_arm__R",
    "crl_foreArm__R", "crl_hand__R", "crl_thigh__R", "crl_leg__R", "crl_foot__R", "crl_toe__R", "crl_toeEnd__R",
    "crl_thigh__L", "crl_leg__L", "crl_foot__L", "crl_toe__L", "crl_toeEnd__L",
]  # fmt: skip


def seen_from(parent: carla.Transform, offset: carla.Location) -> carla.Location:
    """The offset in the world. `carla.Transform.transform` changes its argument, so it gets a copy."""
    found = parent.transform(carla.Location(offset.x, offset.y, offset.z))
    return carla.Location(found.x, found.y, found.z)


def close(a: carla.Location, b: carla.Location, within: float = 2e-3) -> bool:
    return a.distance(b) < within


@pytest.fixture
def walker(stage):
    walker = stage.spawn("walker.pedestrian.0015", right=-20.0, up=1.0)
    walker.set_simulate_physics(False)
    stage.world.tick()
    return walker


def bones(walker: carla.Walker) -> dict[str, object]:
    return {bone.name: bone for bone in walker.get_bones().bone_transforms}


def test_wheels_are_bones_that_touch_the_ground_inside_the_box(world, stage):
    for identifier in ("vehicle.tesla.model3", "vehicle.carlamotors.firetruck", "vehicle.yamaha.yzf"):
        vehicle = stage.spawn(identifier)
        vehicle.set_simulate_physics(False)
        world.tick()
        names = vehicle.get_bone_names()
        wheels = [name for name in names if name.startswith("Wheel_")]
        assert names[0] == "Vehicle_Base"
        assert len(wheels) == int(vehicle.attributes["number_of_wheels"])
        box = vehicle.bounding_box
        for transform in vehicle.get_bone_relative_transforms()[1:]:
            at = transform.location - box.location
            assert abs(at.x) < box.extent.x
            assert abs(at.y) < box.extent.y
            assert 0.1 < transform.location.z < 0.7
        for near, far in zip(vehicle.get_bone_relative_transforms(), vehicle.get_bone_world_transforms()):
            assert close(seen_from(vehicle.get_transform(), near.location), far.location)
        assert len(vehicle.get_vehicle_bone_world_transforms()) == len(names)
        vehicle.destroy()
        world.tick()


def test_front_wheels_turn_with_the_steering(world, stage):
    vehicle = stage.spawn("vehicle.audi.tt")
    vehicle.apply_control(carla.VehicleControl(steer=1.0))
    stage.ticks(20)
    turn = dict(zip(vehicle.get_bone_names(), vehicle.get_bone_relative_transforms()))
    assert turn["Wheel_Front_Left"].rotation.yaw > 5.0
    assert turn["Wheel_Rear_Left"].rotation.yaw == pytest.approx(0.0, abs=1e-4)


def test_components_have_names_and_places(world, stage):
    vehicle = stage.spawn("vehicle.ford.ambulance")
    world.tick()
    assert vehicle.get_component_names() == ["VehicleMesh", "VehicleBounds"]
    relative = vehicle.get_component_relative_transform("VehicleBounds")
    assert close(relative.location, vehicle.bounding_box.location)
    absolute = vehicle.get_component_world_transform("VehicleBounds")
    assert close(absolute.location, seen_from(vehicle.get_transform(), relative.location))
    with pytest.raises(RuntimeError, match="no component 'Nonsense'"):
        vehicle.get_component_world_transform("Nonsense")


def test_what_has_no_skeleton_says_so(world, stage):
    barrel = stage.spawn("static.prop.barrel", ahead=20.0)
    assert barrel.get_component_names() == ["StaticMeshComponent0"]
    assert barrel.get_socket_names() == []
    with pytest.raises(RuntimeError, match="no skeleton"):
        barrel.get_bone_names()


def test_a_walker_has_carlas_bones_under_its_own_height(world, stage, walker):
    names = [bone.name for bone in walker.get_bones().bone_transforms]
    assert len(names) == 66
    assert [name for name in names if "hand" not in name or name.startswith("crl_hand__")] == GENERATION_3
    assert names == walker.get_bone_names() == walker.get_socket_names()
    young = stage.spawn("walker.pedestrian.0050", right=-24.0, up=1.0)
    world.tick()
    assert young.get_bone_names() == GENERATION_3
    found = bones(walker)
    feet = walker.get_location().z - walker.bounding_box.extent.z
    heights = [found[name].world.location.z - feet for name in ("crl_foot__L", "crl_hips__C", "crl_Head__C")]
    assert heights == pytest.approx([0.09, 1.01, 1.57], abs=0.03)
    assert found["crl_arm__L"].component.location.y < 0.0 < found["crl_arm__R"].component.location.y


def test_the_three_spaces_of_a_bone_agree(world, walker):
    transform = walker.get_transform()
    walker.set_transform(carla.Transform(transform.location, carla.Rotation(yaw=70.0)))
    world.tick()
    found = bones(walker)
    for bone in found.values():
        assert close(seen_from(walker.get_transform(), bone.component.location), bone.world.location)
    arm, hand = found["crl_foreArm__L"], found["crl_hand__L"]
    assert close(seen_from(arm.world, hand.relative.location), hand.world.location)


def test_a_custom_pose_shows_as_far_as_it_is_blended(world, walker):
    before = bones(walker)["crl_foreArm__L"].world.location
    control = carla.WalkerBoneControlIn()
    control.bone_transforms = [("crl_arm__L", carla.Transform(carla.Location(y=-0.13), carla.Rotation(pitch=90.0))),
                               ("no_such_bone", carla.Transform())]  # fmt: skip
    walker.set_bones(control)
    assert close(bones(walker)["crl_foreArm__L"].world.location, before)
    walker.show_pose()
    raised = bones(walker)["crl_foreArm__L"].world.location
    assert raised.z > before.z + 0.2
    walker.blend_pose(0.5)
    assert before.z < bones(walker)["crl_foreArm__L"].world.location.z < raised.z
    walker.hide_pose()
    assert close(bones(walker)["crl_foreArm__L"].world.location, before)


def test_walking_swings_the_legs_and_a_pose_can_be_taken_from_it(world, stage):
    walker = stage.spawn("walker.pedestrian.0015", right=-20.0, up=1.0)
    walker.apply_control(carla.WalkerControl(direction=stage.forward, speed=1.7))
    reach = []
    for _ in range(24):
        world.tick()
        reach.append(bones(walker)["crl_foot__L"].component.location.x)
    assert max(reach) > 0.15
    assert min(reach) < -0.15
    while abs(bones(walker)["crl_foot__L"].component.location.x) < 0.1:
        world.tick()
    walker.get_pose_from_animation()
    walker.show_pose()
    frozen = bones(walker)["crl_foot__L"].component.location
    stage.ticks(7)
    assert close(bones(walker)["crl_foot__L"].component.location, frozen)


ANGLES = st.floats(-80.0, 80.0)


@given(st.lists(st.tuples(ANGLES, ANGLES, ANGLES), min_size=26, max_size=26), st.floats(0.0, 9.0), st.floats(0.5, 1.0))
def test_a_single_bone_is_where_the_whole_skeleton_has_it(angles, strides, half_height):
    chain = skeleton.bones(fingers=False)
    walk = skeleton.walking(chain, half_height, skeleton.gait(strides, 1.5, half_height))
    bent = {bone.name: pose._replace(pitch=p, yaw=y, roll=r) for bone, pose, (p, y, r) in zip(chain, walk, angles)}
    relative = skeleton.shown(chain, walk, skeleton.CustomPose(bent, 1.0))
    for bone, whole in zip(chain, skeleton.in_actor(chain, relative)):
        alone = skeleton.bone_in_actor(chain, relative, bone.name)
        np.testing.assert_allclose(pose_matrix(alone), pose_matrix(whole), atol=1e-9)
    assert skeleton.bone_in_actor(chain, relative, "tail") is None


def test_a_child_on_a_hand_follows_the_pose(world, walker):
    empty = world.get_blueprint_library().find("util.actor.empty")
    bag = world.spawn_actor(empty, carla.Transform(), walker, carla.AttachmentType.Rigid, "crl_hand__R")
    control = carla.WalkerBoneControlIn()
    control.bone_transforms = [("crl_arm__R", carla.Transform(carla.Location(y=0.13), carla.Rotation(pitch=120.0)))]
    walker.set_bones(control)
    walker.show_pose()
    world.tick()
    assert close(bag.get_location(), bones(walker)["crl_hand__R"].world.location)


def test_only_walkers_have_poses(world, stage):
    vehicle = stage.spawn("vehicle.audi.tt")
    world.tick()
    with pytest.raises(AttributeError):
        vehicle.get_bones()


def picture(world, stage, transform: carla.Transform) -> np.ndarray:
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    for key, value in (("image_size_x", "160"), ("image_size_y", "120"), ("fov", "60")):
        blueprint.set_attribute(key, value)
    camera = world.spawn_actor(blueprint, transform)
    images: list[carla.Image] = []
    camera.listen(images.append)
    while not images:
        world.tick()
    camera.stop()
    camera.destroy()
    return np.frombuffer(images[0].raw_data, np.uint8).reshape(120, 160, 4)[..., :3].astype(int)


def test_doors_open_where_a_vehicle_has_such_doors(world, stage):
    def changed(identifier: str) -> int:
        vehicle = stage.spawn(identifier)
        vehicle.set_simulate_physics(False)
        world.tick()
        view = stage.place(-8.0, 0.0, 2.5)
        view.rotation.pitch = -12.0
        shut = picture(world, stage, view)
        vehicle.open_door(carla.VehicleDoor.All)
        open_ = picture(world, stage, view)
        vehicle.close_door(carla.VehicleDoor.All)
        again = picture(world, stage, view)
        vehicle.destroy()
        assert (again == shut).all()
        return int((np.abs(open_ - shut).sum(axis=2) > 30).sum())

    assert changed("vehicle.lincoln.mkz_2020") > 100
    assert changed("vehicle.audi.tt") == 0
