"""Debug shapes in camera images: pixels change where a shape is, only there, and for as long as it lives."""

from __future__ import annotations

import math
import queue

import carla
import numpy as np
import pytest

WIDTH, HEIGHT, FOV = 320, 180, 90.0
FOCAL = WIDTH / (2.0 * math.tan(math.radians(FOV) / 2.0))
GREEN, MAGENTA = carla.Color(0, 255, 0), carla.Color(255, 0, 255)
DEPTH_OF_CAMERA = 10.0


class Eye:
    """A camera that hangs above the road and looks along it; and what it shows."""

    def __init__(self, stage, parent: carla.Actor | None = None, kind: str = "rgb") -> None:
        self.world = stage.world
        self.pose = stage.place(0.0, up=3.0)
        blueprint = stage.library.find(f"sensor.camera.{kind}")
        for name, value in {"image_size_x": WIDTH, "image_size_y": HEIGHT, "fov": FOV}.items():
            blueprint.set_attribute(name, str(value))
        if parent is None:
            self.actor = stage.world.spawn_actor(blueprint, self.pose)
        else:
            parent.set_transform(self.pose)
            self.actor = stage.world.spawn_actor(blueprint, carla.Transform(), attach_to=parent)
        self._frames: queue.Queue[carla.Image] = queue.Queue()
        self.actor.listen(self._frames.put)

    def look(self) -> np.ndarray:
        frame = self.world.tick()
        while (image := self._frames.get(timeout=5.0)).frame < frame:
            pass
        return np.frombuffer(image.raw_data, np.uint8).reshape(HEIGHT, WIDTH, 4).astype(int)

    def at(self, forward: float, right: float, up: float) -> carla.Location:
        """A point in the camera's frame (m)."""
        return self.pose.transform(carla.Location(forward, right, up))

    def pixel(self, forward: float, right: float, up: float) -> tuple[int, int]:
        """Row and column at which such a point appears."""
        return int(HEIGHT / 2 - FOCAL * up / forward), int(WIDTH / 2 + FOCAL * right / forward)


@pytest.fixture
def eye(stage):
    eye = Eye(stage)
    yield eye
    stage.world.debug.clear_debug_shape()
    stage.world.debug.clear_debug_string()
    eye.actor.stop()


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.abs(before - after).max(axis=2) > 0


def colored(image: np.ndarray, color: carla.Color) -> np.ndarray:
    return (image[..., :3] == (color.b, color.g, color.r)).all(axis=2)


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_a_line_changes_the_pixels_that_it_covers_and_no_others(eye):
    before = eye.look()
    eye.world.debug.draw_line(eye.at(10.0, -2.0, 0.0), eye.at(10.0, 2.0, 0.0), 0.2, GREEN, 0.0)
    after = eye.look()
    touched = changed(before, after)
    top, bottom, left, right = box_of(touched)
    # 0.2 m at 10 m are 3.2 pixels; edges are smoothed over one more on each side.
    assert eye.pixel(10.0, 0.0, 0.1)[0] - 1 <= top
    assert bottom <= eye.pixel(10.0, 0.0, -0.1)[0] + 1
    assert left == pytest.approx(eye.pixel(10.0, -2.1, 0.0)[1], abs=2)
    assert right == pytest.approx(eye.pixel(10.0, 2.1, 0.0)[1], abs=2)
    assert colored(after, GREEN)[HEIGHT // 2, left + 3 : right - 3].all()


def test_a_box_shows_its_twelve_edges_and_leaves_its_faces_free(eye):
    before = eye.look()
    box = carla.BoundingBox(eye.at(12.0, 0.0, 0.0), carla.Vector3D(2.0, 3.0, 1.0))
    eye.world.debug.draw_box(box, eye.pose.rotation, 0.1, GREEN, 0.0)
    after = eye.look()
    for forward in (10.0, 14.0):
        for side in (-3.0, 3.0):
            for up in (-1.0, 1.0):
                row, column = eye.pixel(forward, side, up)
                assert colored(after, GREEN)[row - 2 : row + 3, column - 2 : column + 3].any()
    row, column = eye.pixel(10.0, 0.0, 0.0)
    assert not changed(before, after)[row - 5 : row + 6, column - 20 : column + 21].any()
    assert box_of(changed(before, after)) == pytest.approx(
        (eye.pixel(10.0, 0.0, 1.0)[0], eye.pixel(10.0, 0.0, -1.0)[0],
         eye.pixel(10.0, -3.0, 0.0)[1], eye.pixel(10.0, 3.0, 0.0)[1]), abs=2,
    )  # fmt: skip


def test_an_arrow_has_a_shaft_and_barbs_at_its_tip(eye):
    before = eye.look()
    eye.world.debug.draw_arrow(eye.at(10.0, -2.0, 0.0), eye.at(10.0, 2.0, 0.0), 0.05, 0.6, GREEN, 0.0)
    touched = changed(before, eye.look())
    tip, barbs, shaft = eye.pixel(10.0, 2.0, 0.0)[1], eye.pixel(10.0, 1.4, 0.0)[1], eye.pixel(10.0, 0.0, 0.0)[1]
    assert touched[:, barbs].sum() > touched[:, shaft].sum() + 2 or np.ptp(np.nonzero(touched[:, barbs + 1])[0]) > 10
    assert not touched[:, tip + 3 :].any()


def test_a_point_is_a_square_of_the_same_size_at_every_distance(eye):
    before = eye.look()
    eye.world.debug.draw_point(eye.at(5.0, -1.0, 1.0), 0.1, GREEN, 0.0)
    eye.world.debug.draw_point(eye.at(25.0, 5.0, 5.0), 0.1, GREEN, 0.0)
    touched = changed(before, eye.look())
    for half in (touched[:, : WIDTH // 2], touched[:, WIDTH // 2 :]):
        top, bottom, left, right = box_of(half)
        assert 10 <= bottom - top + 1 <= 12
        assert 10 <= right - left + 1 <= 12


def test_shapes_hide_behind_what_is_nearer(stage, eye):
    stage.spawn("vehicle.carlamotors.carlacola", 12.0)
    stage.ticks(2)
    before = eye.look()
    eye.world.debug.draw_line(eye.at(20.0, -6.0, -1.5), eye.at(20.0, 6.0, -1.5), 0.4, GREEN, 0.0)
    after = eye.look()
    row = eye.pixel(20.0, 0.0, -1.5)[0]
    line = colored(after, GREEN)[row - 2 : row + 3].any(axis=0)
    left, right = eye.pixel(20.0, -5.0, 0.0)[1], eye.pixel(20.0, 5.0, 0.0)[1]
    assert line[left : left + 10].all()
    assert line[right - 10 : right].all()
    middle = slice(WIDTH // 2 - 8, WIDTH // 2 + 8)
    assert not changed(before, after)[:, middle].any()


def test_life_times_are_one_frame_for_ever_or_seconds_of_the_simulation(eye):
    before = eye.look()
    place = [eye.at(10.0, -3.0 + 2.0 * index, 0.5) for index in range(3)]
    pixels = [eye.pixel(10.0, -3.0 + 2.0 * index, 0.5) for index in range(3)]
    eye.world.debug.draw_point(place[0], 0.1, GREEN)
    eye.world.debug.draw_point(place[1], 0.1, GREEN, 0.0)
    eye.world.debug.draw_point(place[2], 0.1, GREEN, 0.15)
    seen = []
    for _ in range(5):
        green = colored(eye.look(), GREEN)
        seen.append([bool(green[pixel]) for pixel in pixels])
    assert seen == [[True, True, True], [False, True, True], [False, True, True], *[[False, True, False]] * 2]
    eye.world.debug.clear_debug_shape()
    assert not changed(before, eye.look()).any()


def test_strings_and_hud_shapes_are_seen_by_the_spectators_cameras_alone(stage, eye):
    window = Eye(stage, stage.world.get_spectator())
    before = eye.look(), window._frames.get(timeout=5.0)
    debug = eye.world.debug
    debug.draw_string(eye.at(10.0, -4.0, 2.0), "pilotage", color=MAGENTA, life_time=0.0)
    debug.draw_hud_line(eye.at(10.0, -2.0, -1.0), eye.at(10.0, 2.0, -1.0), 4.0, GREEN, 0.0)
    eye.world.tick()
    after = [
        np.frombuffer(e._frames.get(timeout=5.0).raw_data, np.uint8).reshape(HEIGHT, WIDTH, 4) for e in (eye, window)
    ]
    first = np.frombuffer(before[1].raw_data, np.uint8).reshape(HEIGHT, WIDTH, 4).astype(int)
    assert not changed(before[0], after[0]).any()
    touched = changed(first, after[1])
    row, column = eye.pixel(10.0, -4.0, 2.0)
    assert colored(after[1], MAGENTA)[row : row + 20, column : column + 60].sum() > 20
    row, column = eye.pixel(10.0, 0.0, -1.0)
    assert colored(after[1], GREEN)[row - 1 : row + 2, column - 20 : column + 20].all()
    debug.clear_debug_shape()
    touched = changed(first, window.look())
    assert touched.any()
    assert not touched[row - 10 :].any()
    debug.clear_debug_string()
    assert not changed(first, window.look()).any()
    window.actor.stop()


def test_cameras_of_other_kinds_see_no_shapes(stage):
    for kind in ("depth", "semantic_segmentation", "instance_segmentation"):
        eye = Eye(stage, kind=kind)
        before = eye.look()
        eye.world.debug.draw_line(eye.at(10.0, -2.0, 0.0), eye.at(10.0, 2.0, 0.0), 0.2, GREEN, 0.2)
        assert not changed(before, eye.look()).any()
        eye.actor.stop()


def test_shapes_behind_across_and_far_outside_the_picture_do_no_harm(eye):
    before = eye.look()
    debug = eye.world.debug
    debug.draw_line(eye.at(-5.0, 0.0, 0.0), eye.at(-50.0, 1.0, 0.0), 0.2, GREEN, 0.0)
    debug.draw_line(eye.at(10.0, 500.0, 0.0), eye.at(10.0, 600.0, 900.0), 0.2, GREEN, 0.0)
    debug.draw_string(eye.at(-5.0, 0.0, 0.0), "x" * 5000, life_time=0.0)
    assert not changed(before, eye.look()).any()
    debug.draw_line(eye.at(-50.0, -1.0, 0.3), eye.at(50.0, 1.0, 0.3), 0.2, GREEN, 0.0)
    debug.draw_line(eye.at(1e30, -1.0, 0.3), eye.at(50.0, 1e30, 0.3), 1e20, GREEN, 0.01)
    assert changed(before, eye.look()).any()


def test_a_new_episode_has_no_shapes(client, world, stage):
    world.debug.draw_line(stage.place(0.0).location, stage.place(9.0).location, 0.2, GREEN, 0.0)
    world.tick()
    world = client.reload_world(False)
    stage.world = world
    eye = Eye(stage)
    first = eye.look()
    world.debug.clear_debug_shape()
    assert not changed(first, eye.look()).any()
    eye.actor.stop()
