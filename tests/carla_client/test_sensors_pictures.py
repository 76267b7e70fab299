"""Surface normals, optical flow and event cameras with the real client."""

import math

import carla
import numpy as np
import pytest
from sensing import DVS_EVENT, attach, flow, matrix, metres, pixels

SIZE = {"image_size_x": 320, "image_size_y": 200, "fov": 80.0}
MOUNT = (1.2, 0.0, 1.6)


def test_normals_of_the_road_point_up_and_those_of_a_van_point_at_the_camera(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    stage.spawn("vehicle.mercedes.sprinter", ahead=12.0)
    normals = attach(world, "camera.normals", ego, MOUNT, **SIZE)
    tags = attach(world, "camera.semantic_segmentation", ego, MOUNT, **SIZE)
    frame = world.tick()
    image = pixels(normals.of_frame(frame))
    tag = pixels(tags.of_frame(frame))[..., 2]
    vector = image[..., 2::-1].astype(float) / 127.5 - 1.0
    road = vector[np.isin(tag, (1, 24))]
    assert road == pytest.approx(np.tile([0.0, 0.0, 1.0], (len(road), 1)), abs=0.01)
    solid = tag != 11
    assert np.linalg.norm(vector[solid], axis=1) == pytest.approx(1.0, abs=0.01)
    rear = vector[image.shape[0] // 2, image.shape[1] // 2]
    ahead = ego.get_transform().get_forward_vector()
    assert rear @ (ahead.x, ahead.y, ahead.z) < -0.95
    assert (image[~solid][:, :3] == 128).all()
    normals.stop()
    tags.stop()


def predicted_flow(depth: np.ndarray, now: np.ndarray, before: np.ndarray, fov: float) -> np.ndarray:
    """Pixel motion (H, W, 2) of a world that stands still, from depth and two camera poses."""
    height, width = depth.shape
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    v, u = np.mgrid[0:height, 0:width] + 0.5
    local = np.stack([depth, depth * (u - width / 2) / focal, -depth * (v - height / 2) / focal, np.ones_like(depth)])
    earlier = np.einsum("ij,jhw->ihw", np.linalg.inv(before) @ now, local)
    return np.stack(
        [
            u - (width / 2 + focal * earlier[1] / earlier[0]),
            v - (height / 2 - focal * earlier[2] / earlier[0]),
        ],
        axis=-1,
    )


def test_flow_of_a_moving_camera_is_the_projected_motion_of_the_scene(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ego.set_simulate_physics(False)
    seen = attach(world, "camera.optical_flow", ego, MOUNT, **SIZE)
    depth = attach(world, "camera.depth", ego, MOUNT, **SIZE)
    world.tick()
    first = seen.next()
    assert np.abs(flow(first)).max() == 0.0  # nothing is known of the tick before
    for step, yaw in ((0.4, 0.0), (0.9, 1.5), (1.1, -2.0)):
        before = matrix(first.transform)
        ego.set_transform(stage.place(step, yaw=yaw))
        frame = world.tick()
        first, metre = seen.of_frame(frame), metres(depth.of_frame(frame))
        moved = flow(first)
        expected = predicted_flow(metre, matrix(first.transform), before, SIZE["fov"])
        near = metre < 200.0
        assert moved[near] == pytest.approx(expected[near], abs=0.05)
        assert np.abs(moved[near]).max() > 3.0
    seen.stop()
    depth.stop()


def test_flow_of_a_crossing_car_is_its_own_motion_and_the_street_stands_still(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    car = stage.spawn("vehicle.audi.tt", ahead=15.0, yaw=90.0)
    for vehicle in (ego, car):
        vehicle.set_simulate_physics(False)
    seen = attach(world, "camera.optical_flow", ego, MOUNT, **SIZE)
    ids = attach(world, "camera.instance_segmentation", ego, MOUNT, **SIZE)
    world.tick()
    car.set_transform(stage.place(15.0, right=0.5, yaw=90.0))
    frame = world.tick()
    moved = flow(seen.of_frame(frame))
    mine = pixels(ids.of_frame(frame))[..., 1] == car.id & 255
    focal = 320 / (2.0 * math.tan(math.radians(40.0)))
    assert mine.sum() > 100
    assert moved[mine][:, 0] == pytest.approx(focal * 0.5 / (15.0 - 1.2), rel=0.12)
    assert np.abs(moved[mine][:, 1]).max() < 0.1
    assert (moved[~mine] == 0.0).all()
    seen.stop()
    ids.stop()


def test_the_clients_colours_of_flow_show_motion_and_rest(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ego.set_simulate_physics(False)
    seen = attach(world, "camera.optical_flow", ego, MOUNT, **SIZE)
    world.tick()
    resting = seen.next().get_color_coded_flow()
    ego.set_transform(stage.place(1.0))
    world.tick()
    driving = seen.next().get_color_coded_flow()
    assert pixels(resting)[..., :3].max() == 0
    assert pixels(driving)[150:, :, :3].mean() > 20
    seen.stop()


def test_dvs_fires_where_brightness_changes_with_its_sign_and_time(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ego.set_simulate_physics(False)
    dvs = attach(world, "camera.dvs", ego, MOUNT, **SIZE)
    rgb = attach(world, "camera.rgb", ego, MOUNT, **SIZE)
    pictures = [pixels(rgb.of_frame(world.tick()))]
    ego.set_transform(stage.place(0.7))
    frame = world.tick()
    pictures.append(pixels(rgb.of_frame(frame)))
    array = dvs.of_frame(frame)
    events = np.frombuffer(array.raw_data, DVS_EVENT)
    assert len(events) == len(array) > 100
    light = [np.log(0.001 + (p[..., :3] @ (0.114, 0.587, 0.2989)) / 255.0) for p in pictures]
    change = light[1] - light[0]
    # From the reference of the first picture, a pixel fires once for every full threshold that it changes by.
    expected = np.where(change > 0, np.floor(change / 0.3 + 1e-5), -np.floor(-change / 0.3 + 1e-5)).astype(int)
    fired = np.zeros_like(expected)
    np.add.at(fired, (events["y"], events["x"]), np.where(events["pol"], 1, -1))
    assert (fired != expected).mean() < 1e-4
    stamps = events["t"] / 1e9
    assert (np.diff(stamps) >= 0.0).all()
    assert array.timestamp - 0.05 - 1e-6 <= stamps.min() <= stamps.max() <= array.timestamp + 1e-6
    assert len(array.to_image()) == 320 * 200
    first = next(iter(array))
    assert (first.x, first.y, first.t, bool(first.pol)) == tuple(events[0].tolist())
    dvs.stop()
    rgb.stop()


def test_dvs_is_silent_while_nothing_changes_and_the_refractory_period_thins_events(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ego.set_simulate_physics(False)
    eager = attach(world, "camera.dvs", ego, MOUNT, positive_threshold=0.1, negative_threshold=0.1, **SIZE)
    lazy = attach(
        world, "camera.dvs", ego, MOUNT, positive_threshold=0.1, negative_threshold=0.1,
        refractory_period_ns=1_000_000_000, **SIZE,
    )  # fmt: skip
    stage.ticks(3)
    assert eager.data.empty()
    ego.set_transform(stage.place(0.7))
    frame = world.tick()
    many = np.frombuffer(eager.of_frame(frame).raw_data, DVS_EVENT)
    few = np.frombuffer(lazy.of_frame(frame).raw_data, DVS_EVENT)
    assert len(few) < len(many)
    places = few["x"].astype(int) + 1000 * few["y"].astype(int)
    assert len(np.unique(places)) == len(places)
    eager.stop()
    lazy.stop()


@pytest.mark.parametrize(
    ("attribute", "value"), [("positive_threshold", 0.0), ("negative_threshold", -1.0), ("log_eps", 0.0)]
)
def test_impossible_event_cameras_are_refused(world, stage, attribute, value):
    with pytest.raises(RuntimeError, match=f"dvs: {attribute}"):
        attach(world, "camera.dvs", at=stage.place(0.0, up=2.0), **{attribute: value})


def test_the_clients_converters_read_depth_and_semantic_images(world, stage):
    """`image.convert` of the real client: what CARLA's own tools do with the encodings."""
    ego = stage.spawn("vehicle.tesla.model3")
    stage.spawn("vehicle.mercedes.sprinter", ahead=12.0)
    depth = attach(world, "camera.depth", ego, MOUNT, **SIZE)
    tags = attach(world, "camera.semantic_segmentation", ego, MOUNT, **SIZE)
    frame = world.tick()
    image = depth.of_frame(frame)
    metre = metres(image)
    image.convert(carla.ColorConverter.Depth)
    grey = pixels(image)[..., 0].astype(float)
    assert grey == pytest.approx(np.floor(metre / 1000.0 * 255.0), abs=1.0)
    image = tags.of_frame(frame)
    tag = pixels(image)[..., 2].copy()
    image.convert(carla.ColorConverter.CityScapesPalette)
    colours = pixels(image)[..., 2::-1]
    assert set(map(tuple, colours[tag == 1].tolist())) == {(128, 64, 128)}
    assert set(map(tuple, colours[tag == 14].tolist())) == {(0, 0, 142)}
    depth.stop()
    tags.stop()
