"""The LiDAR's and the schedule's arithmetic."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.render.rays import RayScene
from sim.sensors.errors import ImpossibleSensor
from sim.sensors.lidar import SEMANTIC_POINT, Head, Lidar, Losses, SemanticLidar, Sweep
from sim.sensors.schedule import Schedule


def room(half: float) -> RayScene:
    """A cube about the origin, seen from inside."""
    corners = [[x, y, z] for x in (-half, half) for y in (-half, half) for z in (-half, half)]
    faces = [[0, 1, 3], [0, 3, 2], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4], [2, 3, 7], [2, 7, 6], [0, 2, 6],
             [0, 6, 4], [1, 3, 7], [1, 7, 5]]  # fmt: skip
    return RayScene(Mesh.build(corners, faces, (9, 9, 9), 3))


@settings(deadline=None)
@given(
    channels=st.integers(1, 40),
    rate=st.floats(0.0, 1e5),
    hertz=st.floats(0.0, 60.0),
    upper=st.floats(-90.0, 90.0),
    lower=st.floats(-90.0, 90.0),
    field=st.floats(1.0, 360.0),
    steps=st.lists(st.floats(0.001, 0.1), min_size=1, max_size=4),
)
def test_rays_are_unit_vectors_within_the_fields_of_view_and_the_head_goes_on(
    channels, rate, hertz, upper, lower, field, steps
):
    head = Head(Sweep(channels, 10.0, rate, hertz, upper, lower, field))
    turned = 0.0
    for step in steps:
        ways = head.turn(step)
        assert ways.shape == (channels, math.floor(rate * step / channels + 0.5), 3)
        if ways.size == 0:
            continue
        turned += hertz * field * step
        assert np.linalg.norm(ways, axis=2) == pytest.approx(1.0, abs=1e-12)
        rise = np.degrees(np.arcsin(np.clip(ways[:, 0, 2], -1.0, 1.0)))
        assert rise == pytest.approx(np.linspace(upper, lower, channels) if channels > 1 else [upper], abs=1e-4)
        if field < 359.0 and max(abs(upper), abs(lower)) < 89.0:
            yaw = np.degrees(np.arctan2(ways[..., 1], ways[..., 0]))
            assert np.abs(yaw).max() <= field / 2.0 + 1e-6
        gap = (head.angle - turned) % field
        assert min(gap, field - gap) < 1e-6 * max(1.0, turned)


@settings(deadline=None)
@given(
    attenuation=st.floats(0.0, 0.5),
    rate=st.floats(0.0, 1.0),
    limit=st.floats(0.0, 1.0),
    zero=st.floats(0.0, 1.0),
    noise=st.floats(0.0, 0.5),
    seed=st.integers(0, 1000),
)
def test_every_return_is_a_ray_of_its_channel_and_counts_add_up(attenuation, rate, limit, zero, noise, seed):
    scene, sweep = room(8.0), Sweep(5, 50.0, 5000.0, 10.0, 20.0, -20.0, 360.0)
    losses = Losses(attenuation, rate, limit, zero, noise)
    scan = Lidar(sweep, losses, np.random.default_rng(seed)).scan(
        Pose(1.0, 2.0, 0.5, 3.0, 40.0, -5.0), 0.05, scene.cast
    )
    assert scan.counts.sum() == len(scan.points) <= 250
    if noise == 0.0 and len(scan.points):
        distance = np.linalg.norm(scan.points[:, :3].astype(float), axis=1)
        assert scan.points[:, 3] == pytest.approx(np.exp(-attenuation * distance), rel=1e-4)
    pitch = np.degrees(np.arctan2(scan.points[:, 2], np.hypot(scan.points[:, 0], scan.points[:, 1])))
    expected = np.repeat([20.0, 10.0, 0.0, -10.0, -20.0], scan.counts)
    assert pitch == pytest.approx(expected, abs=1e-3)
    body = b"".join(scan.body())
    assert len(body) == 8 + 4 * 5 + 16 * len(scan.points)
    assert np.frombuffer(body, np.uint32, 6, 4).tolist() == [5, *scan.counts.tolist()]
    assert np.array_equal(np.frombuffer(body, np.float32, offset=28).reshape(-1, 4), scan.points)


@settings(deadline=None)
@given(
    yaw=st.floats(-180.0, 180.0), pitch=st.floats(-80.0, 80.0), roll=st.floats(-180.0, 180.0),
    x=st.floats(-5.0, 5.0), y=st.floats(-5.0, 5.0),
)  # fmt: skip
def test_semantic_points_taken_to_the_world_lie_on_the_walls(yaw, pitch, roll, x, y):
    from sim.geometry import pose_matrix

    pose = Pose(x, y, 0.0, pitch, yaw, roll)
    scan = SemanticLidar(Sweep(4, 50.0, 4000.0, 10.0, 30.0, -30.0, 360.0)).scan(pose, 0.05, room(8.0).cast)
    assert len(scan.points) == 200
    local = np.stack([scan.points[name] for name in ("x", "y", "z")], axis=1).astype(float)
    matrix = pose_matrix(pose)
    world = local @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.abs(world).max(axis=1) == pytest.approx(8.0, abs=1e-4)
    axis = np.abs(world).argmax(axis=1)
    way = world - matrix[:3, 3]
    cosine = np.abs(way[np.arange(200), axis]) / np.linalg.norm(way, axis=1)
    edge = np.sort(np.abs(world), axis=1)[:, 1] > 7.999  # in a corner either wall is right
    assert scan.points["cos_incidence"][~edge] == pytest.approx(cosine[~edge], abs=1e-4)
    assert len(scan.points.tobytes()) == 24 * 200
    assert SEMANTIC_POINT.itemsize == 24


@settings(deadline=None)
@given(period=st.floats(0.01, 1.0), delta=st.sampled_from([0.01, 0.02, 0.05, 0.1]), ticks=st.integers(1, 200))
def test_a_schedule_emits_first_at_once_and_then_at_the_first_tick_of_every_period(period, delta, ticks):
    schedule = Schedule(period)
    elapsed, emitted = 0.0, []
    for _ in range(ticks):
        elapsed += delta
        if schedule.due(elapsed):
            emitted.append(elapsed)
    assert emitted[0] == delta
    if period >= delta:
        for count, at in enumerate(emitted):
            ideal = delta + count * period
            assert ideal - 1.1e-3 <= at < ideal + delta + 1.1e-3
    else:
        assert len(emitted) == ticks


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((0, 10.0, 1.0, 1.0, 0.0, 0.0, 360.0), "channels"),
        ((1, 0.0, 1.0, 1.0, 0.0, 0.0, 360.0), "range"),
        ((1, 10.0, float("nan"), 1.0, 0.0, 0.0, 360.0), "points_per_second"),
        ((1, 10.0, 1.0, -1.0, 0.0, 0.0, 360.0), "rotation_frequency"),
        ((1, 10.0, 1.0, 1.0, 91.0, 0.0, 360.0), "upper_fov"),
        ((1, 10.0, 1.0, 1.0, 0.0, float("inf"), 360.0), "lower_fov"),
        ((1, 10.0, 1.0, 1.0, 0.0, 0.0, 0.0), "horizontal_fov"),
    ],
)
def test_impossible_sweeps_name_the_attribute(values, name):
    with pytest.raises(ImpossibleSensor, match=name):
        Sweep(*values)
