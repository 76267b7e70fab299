"""Strokes over a frame: where they fall, what hides them, and that a frame takes bounded time."""

from __future__ import annotations

import math
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose
from sim.render import overlay
from sim.render.overlay import Label, Strokes

HEIGHT, WIDTH, FOV = 60, 100, 90.0
HUGE = st.floats(allow_nan=False, allow_infinity=False, width=32)
POINTS = st.tuples(HUGE, HUGE, HUGE) | st.tuples(*[st.floats(-50.0, 50.0)] * 3)


def strokes(begin, end, width=0.2, pixels=False, color=(255, 0, 0)) -> Strokes:
    one = np.ones(1)
    return Strokes(
        np.array([begin], float), np.array([end], float), width * one, np.array([pixels]), np.array([color], np.uint8)
    )


def canvas() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((HEIGHT, WIDTH, 4), np.uint8), np.full((HEIGHT, WIDTH), 1000.0, np.float32)


@given(
    st.floats(2.0, 40.0), st.floats(-0.8, 0.8), st.floats(-0.4, 0.4), st.floats(-0.8, 0.8), st.floats(-0.4, 0.4),
    st.floats(-180.0, 180.0), st.floats(-60.0, 60.0),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_pixels_of_a_stroke_lie_within_its_band_and_its_middle_is_covered(x, u0, v0, u1, v1, yaw, pitch):
    image, depth = canvas()
    pose = Pose(3.0, -2.0, 1.0, pitch, yaw)
    from sim.geometry import pose_matrix

    def world(u, v):
        return (pose_matrix(pose) @ np.array([x, x * u, x * v, 1.0]))[:3]

    overlay.draw(image, depth, pose, FOV, strokes(world(u0, v0), world(u1, v1), 4.0, True))
    focal = WIDTH / 2.0
    a = np.array([WIDTH / 2.0 + focal * u0, HEIGHT / 2.0 - focal * v0])
    b = np.array([WIDTH / 2.0 + focal * u1, HEIGHT / 2.0 - focal * v1])
    rows, columns = np.nonzero(image[..., 2])
    middle = (a + b) / 2.0
    if 1.0 < middle[0] < WIDTH - 1.0 and 1.0 < middle[1] < HEIGHT - 1.0:
        assert image[int(middle[1]), int(middle[0]), 2] > 100
    along = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9)
    points = np.stack([columns + 0.5, rows + 0.5], axis=1) - a
    t = np.clip(points @ along, 0.0, float(np.linalg.norm(b - a)))
    assert (np.linalg.norm(points - t[:, None] * along, axis=1) <= math.sqrt(2.0) * (2.0 + 0.5) + 1e-3).all()


@given(st.lists(st.tuples(POINTS, POINTS, HUGE, st.booleans()), max_size=8), st.booleans())
@settings(max_examples=80, deadline=None)
def test_any_stroke_is_drawn_or_not_but_does_no_harm(entries, tested):
    image, depth = canvas()
    for begin, end, width, pixels in entries:
        overlay.draw(
            image, depth if tested else None, Pose(0.0, 0.0, 1.0), FOV, strokes(begin, end, abs(width), pixels)
        )
    assert (image[..., 3] == 0).all()


def test_depth_hides_what_lies_behind_and_nothing_else():
    image, depth = canvas()
    depth[:, : WIDTH // 2] = 5.0
    overlay.draw(image, depth, Pose(0.0, 0.0, 0.0), FOV, strokes((10.0, -5.0, 0.0), (10.0, 5.0, 0.0), 1.0))
    assert not image[:, : WIDTH // 2].any()
    assert image[HEIGHT // 2, WIDTH // 2 : WIDTH // 2 + 20, 2].min() == 255
    image, depth = canvas()
    depth[:] = 5.0
    overlay.draw(image, depth, Pose(0.0, 0.0, 0.0), FOV, strokes((4.9, -2.0, 0.0), (4.9, 2.0, 0.0), 0.5))
    assert image[HEIGHT // 2, WIDTH // 2, 2] == 255


def test_a_frame_full_of_strokes_takes_bounded_time():
    image, depth = canvas()
    count = 50_000
    far = np.tile([[10.0, 0.0, 0.0]], (count, 1))
    wide = Strokes(far, far, np.full(count, 1e4), np.zeros(count, np.bool_), np.zeros((count, 3), np.uint8))
    overlay.draw(image, depth, Pose(0.0, 0.0, 0.0), FOV, strokes((1.0, 0.0, 0.0), (2.0, 0.0, 0.0)))
    began = time.process_time()
    overlay.draw(image, depth, Pose(0.0, 0.0, 0.0), FOV, wide)
    assert time.process_time() - began < 2.0


def test_text_appears_at_its_place_and_is_cut_at_the_edges():
    image, _ = canvas()
    overlay.write(image, Pose(0.0, 0.0, 0.0), FOV, [Label((10.0, -5.0, 2.0), "Hi", (255, 255, 0))])
    rows, columns = np.nonzero(image[..., 2])
    assert 24 <= columns.min() <= 28
    assert 19 <= rows.min() <= 26
    assert (image[..., 0] == 0).all()
    for at in ((10.0, 9.9, -5.9), (10.0, 9.99, 0.0), (-10.0, 0.0, 0.0), (10.0, 30.0, 0.0)):
        overlay.write(image, Pose(0.0, 0.0, 0.0), FOV, [Label(at, "cut\noff", (255, 255, 0), shadow=True)])
