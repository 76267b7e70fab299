"""Encodings, optical flow and events as plain functions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.geometry import Pose, pose_matrix
from sim.sensors.encoding import encode_depth, encode_instance, encode_normals, encode_semantic
from sim.sensors.errors import ImpossibleSensor
from sim.sensors.events import EVENT, EventCamera, EventModel
from sim.sensors.flow import optical_flow

poses = st.builds(
    Pose, *[st.floats(-50.0, 50.0)] * 3, st.floats(-60.0, 60.0), st.floats(-180.0, 180.0), st.floats(-30.0, 30.0)
)


@given(arrays(np.float32, (3, 5), elements=st.floats(0.0, 2000.0, width=32)))
def test_depth_survives_its_encoding_to_a_tenth_of_a_millimetre(depth):
    code = encode_depth(depth).astype(np.int64)
    back = (code[..., 2] + 256 * code[..., 1] + 65536 * code[..., 0]) / (2**24 - 1) * 1000.0
    assert back == pytest.approx(np.minimum(depth, 1000.0).astype(float), abs=1e-4)


@given(arrays(np.uint8, (3, 5)), arrays(np.uint32, (3, 5)))
def test_tags_and_low_id_bytes_survive_their_encoding(tags, ids):
    assert np.array_equal(encode_semantic(tags)[..., 2], tags)
    code = encode_instance(tags, ids).astype(np.int64)
    assert np.array_equal(code[..., 2], tags)
    assert np.array_equal(code[..., 1] + 256 * code[..., 0], ids & 0xFFFF)


@given(arrays(np.float64, (4, 3), elements=st.floats(-1.0, 1.0)))
def test_normals_survive_their_encoding_to_half_a_step(vectors):
    image = encode_normals(vectors.reshape(2, 2, 3))
    assert image[..., 2::-1].reshape(4, 3) / 127.5 - 1.0 == pytest.approx(vectors, abs=0.5 / 127.5 + 1e-6)


@settings(deadline=None)
@given(poses, poses, st.floats(30.0, 120.0), st.integers(0, 10**6))
def test_flow_takes_each_pixel_back_to_where_its_point_was(now, shift, fov, seed):
    """For a camera that moves a little and an actor that moves on its own."""
    rng = np.random.default_rng(seed)
    before = Pose(*(np.array(now) + 0.02 * np.array(shift)))
    actor_now = Pose(1.0, 2.0, 0.0, 0.0, 30.0, 0.0)
    actor_before = Pose(*(np.array(actor_now) + rng.uniform(-0.3, 0.3, 6)))
    height, width = 6, 9
    depth = rng.uniform(5.0, 80.0, (height, width)).astype(np.float32)
    ids = rng.choice([0, 7, 9], (height, width)).astype(np.uint32)
    flow = optical_flow(depth, ids, fov, (now, before), {7: (actor_now, actor_before)}, 1000.0)
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    for row in range(height):
        for column in range(width):
            u, v = column + 0.5 - width / 2, row + 0.5 - height / 2
            d = float(depth[row, column])
            point = pose_matrix(now) @ (d, d * u / focal, -d * v / focal, 1.0)
            if ids[row, column] == 7:
                point = pose_matrix(actor_before) @ np.linalg.solve(pose_matrix(actor_now), point)
            earlier = np.linalg.solve(pose_matrix(before), point)
            if earlier[0] <= 1e-6:
                assert (flow[row, column] == 0.0).all()
                continue
            right = 2.0 * (u - focal * earlier[1] / earlier[0]) / width
            up = -2.0 * (v + focal * earlier[2] / earlier[0]) / height
            assert flow[row, column] == pytest.approx(np.clip([right, up], -2.0, 2.0), abs=1e-4)


def test_flow_of_the_sky_follows_rotation_only():
    depth, ids = np.full((4, 4), 1000.0, np.float32), np.zeros((4, 4), np.uint32)
    moved = optical_flow(depth, ids, 90.0, (Pose(5.0, 1.0, 0.0), Pose(0.0, 0.0, 0.0)), {}, 1000.0)
    assert np.abs(moved).max() == 0.0
    turned = optical_flow(depth, ids, 90.0, (Pose(5.0, 1.0, 0.0, 0.0, 2.0, 0.0), Pose(0.0, 0.0, 0.0)), {}, 1000.0)
    assert (turned[..., 0] < -0.03).all()  # turning right moves the sky to the left


def model(**changes: object) -> EventModel:
    values: dict[str, object] = {
        "positive_threshold": 0.2, "negative_threshold": 0.3, "sigma_positive": 0.0, "sigma_negative": 0.0,
        "refractory_ns": 0, "use_log": False, "log_eps": 0.001,
    }  # fmt: skip
    return EventModel(**{**values, **changes})  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    st.lists(arrays(np.uint8, (3, 4)), min_size=2, max_size=6),
    st.floats(1.0, 60.0),
    st.floats(1.0, 60.0),
    st.integers(0, 100_000_000),
)
def test_events_agree_with_walking_each_pixel_by_hand(levels, rise, fall, refractory):
    camera = EventCamera(
        model(positive_threshold=rise, negative_threshold=fall, refractory_ns=refractory), np.random.default_rng(0)
    )
    pictures = [np.repeat(level[..., None], 4, axis=2) for level in levels]
    found = [camera.events(picture, 0.05 * step) for step, picture in enumerate(pictures)]
    assert len(found[0]) == 0
    assert all((np.diff(events["t"]) >= 0).all() for events in found)
    for y in range(3):
        for x in range(4):
            grey = [np.float32(0.2989 * p + 0.587 * p + 0.114 * p) for p in (int(level[y, x]) for level in levels)]
            reference, last, expected = float(grey[0]), None, []
            for step in range(1, len(grey)):
                old, new = float(grey[step - 1]), float(grey[step])
                mine = []
                up = new >= old
                size = float(np.float32(rise if up else fall))
                while abs(new - old) > 1e-6:
                    following = float(np.float32(reference + size if up else reference - size))
                    if not (old < following <= new if up else new <= following < old):
                        break
                    reference = following
                    at = round(0.05 * (step - 1) * 1e9) + (following - old) / (new - old) * 0.05e9
                    if last is None or at - last >= refractory:
                        mine.append((up, at))
                        last = at
                expected.append(mine)
            for step, mine in enumerate(expected, start=1):
                here = found[step][(found[step]["x"] == x) & (found[step]["y"] == y)]
                assert here["pol"].tolist() == [up for up, _ in mine]
                assert here["t"] == pytest.approx(np.array([at for _, at in mine]), abs=2000.0)


def test_event_records_are_what_the_wire_carries():
    assert EVENT.itemsize == 13


@pytest.mark.parametrize(
    "changes",
    [{"positive_threshold": 0.0}, {"negative_threshold": -1.0}, {"sigma_positive": -0.1}, {"refractory_ns": -1},
     {"use_log": True, "log_eps": 0.0}],
)  # fmt: skip
def test_impossible_event_models_are_refused(changes):
    with pytest.raises(ImpossibleSensor, match="dvs"):
        model(**changes)
