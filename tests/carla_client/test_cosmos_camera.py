"""The line drawing that CARLA 0.9.16 makes for NVIDIA Cosmos."""

from __future__ import annotations

import carla
import numpy as np
from sensing import attach

MOUNT = (0.0, 0.0, 2.5)
SIZE = {"image_size_x": 320, "image_size_y": 160, "fov": 90}


def _pixels(image: carla.Image, red: int, green: int, blue: int) -> np.ndarray:
    """Where a picture has a colour: rows and columns (N, 2)."""
    picture = np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)
    assert (picture[..., 3] == 255).all()
    return np.argwhere((np.abs(picture[..., 2::-1].astype(int) - (red, green, blue)) < 12).all(axis=-1))


def test_roads_are_lines_and_whoever_moves_is_a_box_on_black(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    camera = attach(world, "camera.cosmos_visualization", ego, MOUNT, **SIZE)
    frame = world.tick()
    image = camera.of_frame(frame)
    assert (image.width, image.height) == (320, 160)
    assert len(_pixels(image, 71, 134, 183)) > 50, "the lanes"
    assert len(_pixels(image, 0, 0, 0)) > 0.7 * 320 * 160
    assert len(_pixels(image, 255, 0, 0)) == 0, "the camera's own car is not in its way"
    stage.spawn("vehicle.carlamotors.carlacola", ahead=14.0, right=0.0)
    stage.spawn("walker.pedestrian.0001", ahead=9.0, right=3.0, up=1.0)
    image = camera.of_frame(world.tick())
    truck, walker = _pixels(image, 255, 0, 0), _pixels(image, 0, 255, 0)
    assert len(truck) > 50
    assert abs(np.ptp(truck[:, 1]) / 2 + truck[:, 1].min() - 160) < 12, "straight ahead"
    assert len(walker) > 20
    assert walker[:, 1].min() > 160, "to the right"
    camera.stop()


def test_lights_crosswalks_and_stop_lines_of_a_town_are_drawn(client, world):
    client.load_world("Pilotage02", reset_settings=False)
    world = client.get_world()
    light = world.get_actors().filter("traffic.traffic_light*")[0]
    stop = light.get_stop_waypoints()[0].transform
    ahead = stop.get_forward_vector()
    eye = carla.Transform(stop.location - ahead * 15.0 + carla.Location(z=3.0), stop.rotation)
    camera = attach(world, "camera.cosmos_visualization", at=eye, **SIZE)
    image = camera.of_frame(world.tick())
    assert len(_pixels(image, 109, 144, 136)) > 10, "traffic lights"
    assert len(_pixels(image, 255, 0, 0)) > 20, "the stop line"
    assert len(_pixels(image, 71, 134, 183)) > 50, "the lanes"
    assert len(_pixels(image, 202, 132, 58)) > 20, "a crosswalk"
    camera.stop()
