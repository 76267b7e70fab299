"""The ray index: the same hits as testing every triangle, actors where they are placed, paint over asphalt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose, pose_matrix
from sim.labels import Label
from sim.maps import load_town
from sim.render import bvh
from sim.render.mesh import Mesh
from sim.render.models import vehicle_mesh
from sim.render.ray_models import index_of
from sim.render.rays import RayScene
from sim.render.renderer import Movable


def random_mesh(seed: int, count: int) -> Mesh:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-20, 20, (count, 1, 3)) + rng.uniform(-3, 3, (count, 3, 3))
    return Mesh.build(corners.reshape(-1, 3), np.arange(3 * count), (9, 9, 9), rng.integers(0, 28, count))


def every_triangle(mesh: Mesh, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Distances at which a ray crosses a mesh's triangles, sorted: plane by plane, corner by corner."""
    corners = mesh.vertices[mesh.triangles].astype(float)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    at = np.einsum("ni,ni->n", corners[:, 0] - origin, normal) / (normal @ direction)
    point = origin + at[:, None] * direction
    sides = [
        np.einsum("ni,ni->n", np.cross(corners[:, (k + 1) % 3] - corners[:, k], point - corners[:, k]), normal)
        for k in range(3)
    ]
    return np.sort(at[(at >= 0.0) & (np.min(sides, axis=0) >= 0.0)])


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    way = rng.normal(size=(count, 3))
    return way / np.linalg.norm(way, axis=1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 300))
def test_a_ray_meets_what_testing_every_triangle_finds(seed, count):
    mesh = random_mesh(seed, count)
    scene = RayScene(mesh)
    rng = np.random.default_rng(seed + 1)
    origins, ways = rng.uniform(-25, 25, (40, 3)), unit(rng, 40)
    hits = scene.cast(origins, ways)
    for k in range(40):
        expected = every_triangle(mesh, origins[k], ways[k])
        crossings = scene.crossings(origins[k], ways[k], np.inf)
        assert [crossing[0] for crossing in crossings] == pytest.approx(expected, abs=1e-6)
        if len(expected) == 0:
            assert hits.distance[k] == np.inf
            assert hits.triangle[k] == -1
        else:
            assert hits.distance[k] == pytest.approx(expected[0], abs=1e-6)
            assert hits.tag[k] == mesh.tags[hits.triangle[k]]
            assert hits.normal[k] @ ways[k] < 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), copies=st.integers(0, 40))
def test_every_tree_holds_each_item_once_inside_its_boxes(seed, copies):
    """Also when many boxes are the same, which no plane can separate."""
    rng = np.random.default_rng(seed)
    low = np.repeat(rng.uniform(-5, 5, (10, 3)), copies, axis=0).astype(np.float32)
    high = low + rng.uniform(0, 1, 3).astype(np.float32)
    tree = bvh.build(low, high)
    seen: list[int] = []
    stack = [(0, 1)]
    while stack:
        node, depth = stack.pop()
        assert depth < bvh.STACK
        first, count = tree.kids[node]
        if count >= 0:
            inside = tree.order[first : first + count]
            seen += inside.tolist()
            assert (low[inside] >= tree.bounds[node, :3]).all()
            assert (high[inside] <= tree.bounds[node, 3:]).all()
        else:
            for child in (first, first + 1):
                assert (tree.bounds[child, :3] >= tree.bounds[node, :3]).all()
                assert (tree.bounds[child, 3:] <= tree.bounds[node, 3:]).all()
                stack.append((child, depth + 1))
    assert sorted(seen) == list(range(len(low)))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    poses=st.lists(st.tuples(*[st.floats(-15, 15)] * 3, *[st.floats(-180, 180)] * 3), min_size=1, max_size=6),
)
def test_placed_actors_are_met_where_their_pose_puts_them(seed, poses):
    body = random_mesh(seed, 30)
    scene = RayScene(random_mesh(seed + 7, 20))
    actors = [Movable(k + 1, body, Pose(*pose)) for k, pose in enumerate(poses)]
    placed = scene.place(actors)
    rng = np.random.default_rng(seed)
    origins, ways = rng.uniform(-25, 25, (20, 3)), unit(rng, 20)
    hits = scene.cast(origins, ways, 50.0, placed)
    worlds = [random_mesh(seed + 7, 20)]
    for actor in actors:
        matrix = pose_matrix(actor.pose)
        worlds.append(
            Mesh.build(body.vertices @ matrix[:3, :3].T + matrix[:3, 3], body.triangles, (0, 0, 0), body.tags)
        )
    for k in range(20):
        firsts = [np.append(every_triangle(world, origins[k], ways[k]), np.inf)[0] for world in worlds]
        nearest = min(firsts)
        if nearest > 50.0:
            assert hits.distance[k] == np.inf
        else:
            assert hits.distance[k] == pytest.approx(nearest, abs=1e-4)
            assert firsts[hits.actor[k]] == pytest.approx(nearest, abs=1e-4)


def test_rays_pass_through_the_hidden_actor_only():
    scene = RayScene(random_mesh(1, 0))
    car = vehicle_mesh("car", (2.4, 1.0, 0.75), (200, 0, 0))
    placed = scene.place([Movable(7, car, Pose(10.0, 0.0, 0.0)), Movable(8, car, Pose(20.0, 0.0, 0.0))])
    way = np.array([[1.0, 0.0, 0.0]])
    assert scene.cast((0.0, 0.0, 0.5), way, placed=placed).actor[0] == 7
    behind = scene.cast((0.0, 0.0, 0.5), way, placed=placed, hidden=7)
    assert (behind.actor[0], behind.tag[0]) == (8, Label.CAR)
    assert scene.cast((0.0, 0.0, 0.5), way, 10.0, placed, hidden=7).distance[0] == np.inf


def test_paint_is_met_instead_of_the_asphalt_below_it_but_never_before_a_thing_that_stands_on_it():
    quad = [[0, 1, 2], [0, 2, 3]]
    road = Mesh.build([[-90, -9, 0], [90, -9, 0], [90, 9, 0], [-90, 9, 0]], quad, (80, 80, 80), Label.ROADS)
    line = Mesh.build([[-90, -1, 0], [90, -1, 0], [90, 1, 0], [-90, 1, 0]], quad, (250, 250, 250), Label.ROAD_LINES, 1)
    step = Mesh.build([[50, -1, 0], [50, 1, 0], [50, 1, 1], [50, -1, 1]], quad, (9, 9, 9), Label.STATIC)
    for order in ([road, line, step], [step, line, road], [line, step, road]):
        scene = RayScene(Mesh.concat(order))
        targets = np.array([[x, y, 0.0] for x in (2.0, 20.0, 45.0) for y in (0.0, 5.0)])
        ways = targets - (0.0, 0.0, 1.8)
        hits = scene.cast((0.0, 0.0, 1.8), ways)
        assert hits.distance == pytest.approx(1.0, abs=1e-9)
        assert hits.tag.tolist() == [Label.ROAD_LINES, Label.ROADS] * 3
        assert hits.normal == pytest.approx(np.tile([0.0, 0.0, 1.0], (6, 1)))
        # A ray that meets the step's foot 2 mm before it would reach the line.
        low = scene.cast((0.0, 0.0, 1.8), np.array([[50.05, 0.0, -1.8]]))
        assert low.tag[0] == Label.STATIC


def test_one_mesh_object_has_one_hierarchy():
    town = load_town("Pilotage01")
    assert RayScene(town.mesh).static is RayScene(town.mesh).static is index_of(town.mesh)
