"""Ground truth from pictures as CARLA's bounding-box tutorial computes it: projections, boxes and depth agree."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sensing import attach, metres, pixels

WIDTH, HEIGHT, FOV = 321, 243, 90.0
SIZE = {"image_size_x": WIDTH, "image_size_y": HEIGHT, "fov": FOV}
turn = st.floats(-180.0, 180.0)


def camera_matrix(width: int, height: int, fov: float) -> np.ndarray:
    """K of the tutorial: focal length from the horizontal field of view, principal point in the middle."""
    focal = width / (2.0 * math.tan(fov * math.pi / 360.0))
    return np.array([[focal, 0.0, width / 2.0], [0.0, focal, height / 2.0], [0.0, 0.0, 1.0]])


def image_point(location: carla.Location, k: np.ndarray, world_2_camera: np.ndarray) -> np.ndarray:
    """u, v and the distance along the axis of a point of the world, by the tutorial's steps."""
    x, y, z, _ = world_2_camera @ (location.x, location.y, location.z, 1.0)
    u, v, depth = k @ (y, -z, x)
    return np.array([u / depth, v / depth, depth])


def corners(actor: carla.Actor, k: np.ndarray, world_2_camera: np.ndarray) -> np.ndarray:
    vertices = actor.bounding_box.get_world_vertices(actor.get_transform())
    return np.array([image_point(vertex, k, world_2_camera) for vertex in vertices])


def test_a_vehicles_mask_lies_within_its_projected_box_and_fills_it(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    others = [
        stage.spawn("vehicle.mercedes.sprinter", ahead=14.0),
        stage.spawn("vehicle.tesla.model3", ahead=21.0, right=-7.0),
    ]
    ids = attach(world, "camera.instance_segmentation", ego, (1.0, 0.0, 2.0, -5.0, 3.0, 4.0), **SIZE)
    frame = world.tick()
    image = ids.of_frame(frame)
    code = pixels(image).astype(np.int64)
    owner = code[..., 1] + 256 * code[..., 0]
    k = camera_matrix(WIDTH, HEIGHT, FOV)
    world_2_camera = np.array(image.transform.get_inverse_matrix())
    for actor in others:
        rows, columns = np.nonzero(owner == actor.id % 65536)
        assert len(rows) > 200
        box = corners(actor, k, world_2_camera)
        low, high = box[:, :2].min(axis=0), box[:, :2].max(axis=0)
        # Pixel centres of the mask are inside; the body reaches almost to the box, whose corners it rounds.
        assert columns.min() + 0.5 >= low[0] - 1.0
        assert columns.max() + 0.5 <= high[0] + 1.0
        assert rows.min() + 0.5 >= low[1] - 1.0
        assert rows.max() + 0.5 <= high[1] + 1.0
        found = (columns.max() - columns.min() + 1.0) * (rows.max() - rows.min() + 1.0)
        assert found > 0.7 * np.prod(high - low)
    ids.stop()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pitch=st.floats(-80.0, 80.0),
    yaw=turn,
    roll=turn,
    fov=st.floats(10.0, 150.0),
    size=st.sampled_from(((160, 90), (97, 131))),
)
@example(pitch=-20.0, yaw=30.0, roll=170.0, fov=150.0, size=(97, 131))
def test_a_box_of_the_world_appears_where_the_tutorials_matrix_puts_it(world, stage, pitch, yaw, roll, fov, size):
    width, height = size
    k = camera_matrix(width, height, fov)
    transform = stage.place(0.0, up=60.0)
    transform.rotation = carla.Rotation(pitch, yaw, roll)
    focal = k[0, 0]
    # A cone in the air, a dozen pixels or more in size, a little off the picture's middle.
    blueprint = world.get_blueprint_library().find("static.prop.trafficcone01")
    distance = max(0.4 * focal / 8.0, 1.2)
    target = carla.Location(distance, 0.12 * distance * width / focal, -0.1 * distance * height / focal)
    transform.transform(target)
    thing = world.spawn_actor(blueprint, carla.Transform(target))
    ids = attach(world, "camera.instance_segmentation", at=transform, image_size_x=width, image_size_y=height, fov=fov)
    try:
        image = ids.of_frame(world.tick())
        code = pixels(image).astype(np.int64)
        rows, columns = np.nonzero(code[..., 1] + 256 * code[..., 0] == thing.id % 65536)
        world_2_camera = np.array(image.transform.get_inverse_matrix())
        box = corners(thing, k, world_2_camera)
        low, high = box[:, :2].min(axis=0), box[:, :2].max(axis=0)
        assert len(rows) > 15
        box_location = thing.bounding_box.location
        box_location += thing.get_transform().location
        u, v, _ = image_point(box_location, k, world_2_camera)
        assert columns.min() < u < columns.max() + 1
        assert rows.min() < v < rows.max() + 1
        assert columns.min() + 0.5 >= low[0] - 0.5
        assert columns.max() + 0.5 <= high[0] + 0.5
        assert rows.min() + 0.5 >= low[1] - 0.5
        assert rows.max() + 0.5 <= high[1] + 0.5
    finally:
        ids.stop()
        ids.actor.destroy()
        thing.destroy()


def test_depth_takes_a_pixel_back_to_the_point_of_the_world_that_it_shows(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    van = stage.spawn("vehicle.mercedes.sprinter", ahead=15.0)
    mount = (1.2, 0.3, 1.8, -8.0, 5.0, 11.0)
    depth = attach(world, "camera.depth", ego, mount, **SIZE)
    tags = attach(world, "camera.semantic_segmentation", ego, mount, **SIZE)
    ids = attach(world, "camera.instance_segmentation", ego, mount, **SIZE)
    frame = world.tick()
    image = depth.of_frame(frame)
    metre, tag = metres(image), pixels(tags.of_frame(frame))[..., 2]
    code = pixels(ids.of_frame(frame)).astype(np.int64)
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    focal = camera_matrix(WIDTH, HEIGHT, FOV)[0, 0]
    local = np.stack([metre, metre * (u - WIDTH / 2) / focal, -metre * (v - HEIGHT / 2) / focal, np.ones_like(metre)])
    points = np.einsum("ij,jhw->hwi", np.array(image.transform.get_matrix()), local)
    ground = ego.get_transform().location.z
    road = (np.isin(tag, (1, 24))) & (metre < 40.0)
    assert road.sum() > 1000
    assert points[road][:, 2] == pytest.approx(ground, abs=0.05)
    on_van = code[..., 1] + 256 * code[..., 0] == van.id % 65536
    assert on_van.sum() > 300
    assert (tag[on_van] == pixels_tag(van)).all()
    inside = np.einsum("ij,nj->ni", np.array(van.get_transform().get_inverse_matrix()), points[on_van])
    box = van.bounding_box
    middle = np.array([box.location.x, box.location.y, box.location.z])
    reach = np.array([box.extent.x, box.extent.y, box.extent.z])
    assert (np.abs(inside[:, :3] - middle) <= reach + 0.05).all()
    # What the camera says, rays say, too.
    eye = image.transform.location
    for row, column in ((120, 160), (200, 60), (180, 250), (90, 20)):
        point = points[row, column, :3]
        beyond = point + 0.05 * (point - (eye.x, eye.y, eye.z))
        hits = world.cast_ray(eye, carla.Location(*beyond.tolist()))
        if tag[row, column] == 11:
            continue
        gaps = [math.dist((hit.location.x, hit.location.y, hit.location.z), points[row, column, :3]) for hit in hits]
        assert min(gaps) < 0.02 * metre[row, column] + 0.05
        nearest = hits[int(np.argmin(gaps))]
        assert int(nearest.label) in (int(tag[row, column]), 1, 24)
    for camera in (depth, tags, ids):
        camera.stop()


def pixels_tag(actor: carla.Actor) -> int:
    """The tag that an actor says it has."""
    return int(actor.semantic_tags[0])


def test_the_clients_logarithmic_depth_is_that_of_the_encoded_metres(world, stage):
    stage.spawn("vehicle.mercedes.sprinter", ahead=12.0)
    camera = attach(world, "camera.depth", at=stage.place(0.0, up=1.7), **SIZE)
    image = camera.of_frame(world.tick())
    share = metres(image) / 1000.0
    image.convert(carla.ColorConverter.LogarithmicDepth)
    grey = pixels(image)[..., 0].astype(float)
    # CARLA's docs: the logarithm keeps the near range legible: 1 + ln(share) / 5.70378, from 0.005 on.
    expected = 255.0 * np.clip(1.0 + np.log(np.maximum(share, 1e-9)) / 5.70378, 0.005, 1.0)
    assert grey == pytest.approx(expected, abs=1.6)
    camera.stop()


def test_raw_conversion_leaves_the_picture_alone(world, stage):
    camera = attach(world, "camera.rgb", at=stage.place(0.0, up=1.7), **SIZE)
    image = camera.of_frame(world.tick())
    before = bytes(image.raw_data)
    image.convert(carla.ColorConverter.Raw)
    assert bytes(image.raw_data) == before
    camera.stop()


def test_the_clients_picture_of_events_shows_them(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    ego.set_simulate_physics(False)
    camera = attach(world, "camera.dvs", ego, (1.2, 0.0, 1.6), image_size_x=160, image_size_y=100)
    world.tick()
    transform = ego.get_transform()
    transform.rotation.yaw += 3.0
    ego.set_transform(transform)
    events = camera.of_frame(world.tick())
    colours = np.array([(colour.r, colour.g, colour.b) for colour in events.to_image()])
    shown = colours.reshape(events.height, events.width, 3).any(axis=2)
    places = {(event.x, event.y) for event in events}
    assert len(places) > 50
    assert {(int(x), int(y)) for y, x in zip(*np.nonzero(shown))} == places
    camera.stop()
