"""A ball swept through triangles, against marching it in small steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.render.models import vehicle_mesh
from sim.render.rays import RayScene
from sim.render.renderer import Movable
from sim.render.sweeps import sweep


def gap(point: np.ndarray, corners: np.ndarray) -> float:
    """Distance of a point to the nearest of triangles (N, 3, 3), by dense sampling of barycentric coordinates."""
    u, v = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60))
    inside = u + v <= 1.0
    u, v = u[inside], v[inside]
    spots = (
        corners[:, :1] * (1 - u - v)[None, :, None]
        + corners[:, 1:2] * u[None, :, None]
        + corners[:, 2:] * v[None, :, None]
    )
    return float(np.linalg.norm(spots - point, axis=2).min())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 1.5))
def test_the_ball_stops_where_it_touches_and_not_before(seed, radius):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-4, 4, (6, 1, 3)) + rng.uniform(-2, 2, (6, 3, 3))
    scene = RayScene(Mesh.build(corners.reshape(-1, 3), np.arange(18), (9, 9, 9), 20))
    start = rng.uniform(-9, 9, 3)
    way = -start + rng.normal(size=3)
    way /= np.linalg.norm(way)
    touch = sweep(scene, start, way, 15.0, radius)
    ats = np.linspace(0.0, 15.0 if touch is None else touch.distance, 40)
    gaps = [gap(start + at * way, corners) for at in ats]
    if touch is None:
        assert min(gaps) > radius - 0.01
    elif touch.distance == 0.0:
        assert gaps[0] <= radius + 0.1
    else:
        assert gaps[-1] == pytest.approx(radius, abs=0.06)
        assert min(gaps[:-1]) > radius - 0.01


def test_a_ball_meets_an_actor_where_it_stands_and_passes_through_the_hidden_one():
    car = vehicle_mesh("car", (2.4, 1.0, 0.75), (200, 0, 0))
    ground = Mesh.build([[-50, -50, 0], [50, -50, 0], [0, 80, 0]], [[0, 1, 2]], (90, 90, 90), 1)
    scene = RayScene(ground)
    placed = scene.place([Movable(3, car, Pose(0.0, 0.0, 0.0)), Movable(4, car, Pose(12.0, 0.0, 0.0, 0.0, 90.0, 0.0))])
    start, way = np.array((0.0, 0.0, 0.6)), np.array((1.0, 0.0, 0.0))
    touch = sweep(scene, start, way, 30.0, 0.3, placed, hidden=3)
    assert touch is not None
    assert (touch.actor, touch.tag) == (4, 14)
    assert touch.distance == pytest.approx(12.0 - 1.0 - 0.3, abs=0.05)
    own = sweep(scene, start, way, 30.0, 0.3, placed)
    assert own is not None
    assert own.actor == 3
    assert sweep(scene, start, way, 5.0, 0.3, placed, hidden=3) is None
    wide = sweep(scene, start, way, 30.0, 0.7, placed, hidden=3)
    assert wide is not None
    assert (wide.actor, wide.tag, wide.distance) == (0, 1, 0.0)
    assert sweep(scene, start, way, 5.0, 0.7, placed, hidden=3, static=False) is None
