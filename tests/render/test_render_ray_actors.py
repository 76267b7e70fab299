"""Actors before rays: the parts that cameras draw, where they are posed; the whole far away; nothing made in vain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose, compose, rotation_matrix
from sim.maps import load_town
from sim.render.mesh import Mesh
from sim.render.models import far_vehicle, vehicle_parts
from sim.render.people import Figure, person_mesh
from sim.render.ray_actors import DETAIL_FOCAL_PX, PARTS_MARGIN_M
from sim.render.ray_models import Library
from sim.render.rays import RayScene
from sim.render.renderer import DETAIL_PX, Movable, Part, Renderer
from sim.render.sweeps import sweep
from sim.server import skeleton
from sim.server.blueprints import CATALOGUE
from sim.server.vehicle_looks import look_of_model

WIDTH, HEIGHT, FOV = 300, 200, 60.0
LABELS = frozenset({"depth", "semantic", "instance"})
HERE = Pose(0.0, 0.0, 0.0)
VEHICLES = sorted(name for name, blueprint in CATALOGUE.items() if blueprint.wheels)
GROUND = Mesh.build(
    [[-90, -90, 0], [90, -90, 0], [90, 90, 0], [-90, 90, 0]], [[0, 1, 2], [0, 2, 3]], (80, 80, 80), 1
)  # fmt: skip


def vehicle(model: str, pose: Pose, steer: float, spin: float, actor_id: int = 5) -> Movable:
    look = look_of_model(model, (90, 20, 30), 0)
    body, wheel, places = vehicle_parts(look)
    parts = [Part(body, HERE)]
    for place in places:
        yaw = (steer if place.number < 2 else 0.0) + (180.0 if place.turned else 0.0)
        parts.append(Part(wheel, Pose(place.x, place.y, place.z, spin, yaw)))
    return Movable(actor_id, far_vehicle(look, 0), pose, True, parts)


def walker(pose: Pose, step: int, actor_id: int = 7) -> Movable:
    chain = skeleton.bones(fingers=False)
    joints = tuple(
        (bone.name, at[:3])
        for bone, at in zip(chain, skeleton.in_actor(chain, skeleton.walking(chain, 0.93, skeleton.Gait("walk", step))))
    )
    coarse, fine = (person_mesh(0.93, Figure(3), joints, detailed) for detailed in (False, True))
    return Movable(actor_id, coarse, pose, True, (Part(fine, HERE),))


def pixel_rays(camera: Pose) -> np.ndarray:
    """Through the pixels' centres, as long as to a depth of one metre: (H W, 3) in the world."""
    focal = WIDTH / (2.0 * math.tan(math.radians(FOV) / 2.0))
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    local = np.stack([np.ones_like(u), (u - WIDTH / 2) / focal, (HEIGHT / 2 - v) / focal], axis=-1)
    return local.reshape(-1, 3) @ rotation_matrix(*camera[3:]).T


@cache
def lawn() -> tuple[Renderer, RayScene]:
    return Renderer(GROUND), RayScene(GROUND)


def assert_rays_meet_the_picture(
    movables: list[Movable], camera: Pose, least: int, world: tuple[Renderer, RayScene]
) -> None:
    """Depth, tag and actor of every pixel, but for a few on whose edges the last bit decides."""
    renderer, scene = world
    frame = renderer.render(camera, WIDTH, HEIGHT, FOV, movables, outputs=LABELS)
    hits = scene.cast(np.array(camera[:3]), pixel_rays(camera), 100.0, scene.place(movables))
    depth, tag, actor = (column.reshape(HEIGHT, WIDTH) for column in (hits.distance, hits.tag, hits.actor))
    near = frame.depth < 80.0
    drawn = near & (frame.instance > 0)
    assert drawn.sum() > least
    same = (np.abs(depth - frame.depth) < 2e-4 * frame.depth + 1e-3) & (tag == frame.semantic)
    same &= actor == frame.instance
    assert (~same & drawn).sum() <= 0.005 * drawn.sum()
    assert (~same & near).sum() <= 0.001 * near.sum()


@pytest.mark.parametrize("model", VEHICLES)
def test_a_ray_through_a_pixel_meets_what_a_near_camera_draws_of_a_vehicle(model):
    """Turned and steered wheels and wheel arches included."""
    index = VEHICLES.index(model)
    car = vehicle(model, Pose(0.0, 0.0, 0.02, 1.0, 37.0 * index, -2.0), 35.0 - 3.0 * index, 11.0 * index)
    reach = CATALOGUE[model].extent[0]
    assert_rays_meet_the_picture([car], Pose(-4.0 - 1.6 * reach, 0.3, 1.5, -6.0, 0.0, 0.0), 400, lawn())


@pytest.mark.parametrize("step", [0, 5, 10])
def test_a_ray_through_a_pixel_meets_what_a_near_camera_draws_of_somebody_who_walks(step):
    assert_rays_meet_the_picture([walker(Pose(0.0, 0.0, 0.93, 0.0, 70.0), step)], Pose(-4.0, 0.2, 1.2), 500, lawn())


def test_a_ray_through_a_pixel_of_a_street_meets_what_the_camera_draws_there():
    town = load_town("Pilotage01")
    start = town.spawn_points[0]
    eye = compose(start, Pose(-2.0, 0.0, 1.8, -4.0, 0.0, 0.0))
    models = ("vehicle.audi.etron", "vehicle.carlamotors.firetruck", "vehicle.yamaha.yzf")
    crowd: list[Movable] = [
        vehicle(model, compose(start, Pose(9.0 + 8.0 * k, 1.7 * (k - 1), 0.0, 0.0, 30.0 * k)), 25.0, 40.0 * k, k + 1)
        for k, model in enumerate(models)
    ]
    crowd += [walker(compose(start, Pose(7.0 + 3.0 * k, 3.0 - k, 0.93, 0.0, 80.0 * k)), 3 * k, 10 + k) for k in (0, 1)]
    assert_rays_meet_the_picture(crowd, eye, 3000, (Renderer(town.mesh), RayScene(town.mesh)))


def test_a_steered_wheel_is_met_where_the_whole_has_none():
    """A ray along the flank, a hand's width beside the body: it meets the front edge of a wheel turned outwards."""
    straight, steered = (vehicle("vehicle.jeep.wrangler_rubicon", HERE, angle, 0.0) for angle in (0.0, 38.0))
    look = look_of_model("vehicle.jeep.wrangler_rubicon", (90, 20, 30), 0)
    wheel = vehicle_parts(look).wheels[1]
    beside = wheel.y + 0.26
    scene = RayScene(GROUND)
    ray = (np.array([6.0, beside, wheel.z]), np.array([[-1.0, 0.0, 0.0]]))
    assert scene.cast(*ray, placed=scene.place([steered])).actor[0] == 5
    assert scene.cast(*ray, placed=scene.place([straight])).actor[0] == 0
    way = np.array([-1.0, 0.0, 0.0])
    touch = sweep(scene, ray[0], way, 12.0, 0.01, scene.place([steered]), static=False)
    assert touch is not None
    assert touch.distance == pytest.approx(scene.cast(*ray, placed=scene.place([steered])).distance[0], abs=0.05)
    crossed = scene.crossings(ray[0], way, 12.0, scene.place([steered]))
    assert crossed[0][0] == scene.cast(*ray, placed=scene.place([steered])).distance[0]


def test_detail_is_met_as_far_as_carlas_default_camera_draws_it():
    quad = [[0, 1, 2], [0, 2, 3]]
    whole, part = (Mesh.build([[x, -1, 0], [x, 1, 0], [x, 1, 2], [x, -1, 2]], quad, (9, 9, 9), 14) for x in (0.0, 0.25))
    reach = math.sqrt(2.0) * (1.0 + DETAIL_FOCAL_PX / DETAIL_PX)
    scene, renderer = RayScene(Mesh.concat([])), Renderer(GROUND)
    width, fov = 800, 90.0
    for away, expected in ((reach - 0.1, reach - 0.1 + 0.25), (reach + 0.1, reach + 0.1)):
        actor = Movable(1, whole, Pose(away, 0.0, -1.0), True, (Part(part, HERE),))
        hits = scene.cast(np.zeros(3), np.array([[1.0, 0.01, 0.01]]), 100.0, scene.place([actor]))
        assert hits.distance[0] == pytest.approx(expected, abs=1e-6)
        frame = renderer.render(HERE, width, 600, fov, [actor], outputs=LABELS)
        assert frame.depth[299, 401] == pytest.approx(expected, abs=1e-3)


class Untouched(Sequence[Part]):
    """Parts that nobody may ask for."""

    def __len__(self) -> int:
        raise AssertionError("the detail of an actor out of reach was made")

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        raise AssertionError("the detail of an actor out of reach was made")


def test_only_actors_that_rays_come_to_have_their_detail_made():
    far_look = far_vehicle(look_of_model("vehicle.audi.tt", (9, 9, 9), 0), 0)
    actors = [
        vehicle("vehicle.audi.tt", Pose(10.0, 0.0, 0.0), 0.0, 0.0, 1),
        Movable(2, far_look, Pose(30.0, 0.0, 0.0), True, Untouched()),  # behind the wall
        Movable(3, far_look, Pose(0.0, 15.0, 0.0), True, Untouched()),  # beside the ray
        Movable(4, far_look, Pose(0.0, -200.0, 0.0), True, Untouched()),  # too far
        Movable(6, far_look, Pose(1.0, 0.0, 0.0), True, Untouched()),  # hidden
    ]
    wall = Mesh.build([[20, -5, 0], [20, 5, 0], [20, 5, 5], [20, -5, 5]], [[0, 1, 2], [0, 2, 3]], (80, 80, 80), 4)
    scene = RayScene(Mesh.concat([GROUND, wall]))
    ways = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    hits = scene.cast((-5.0, 0.0, 0.5), ways, 300.0, scene.place(actors[:3] + actors[4:]), hidden=6)
    assert hits.actor.tolist() == [1, 0]
    assert scene.cast((0.0, 0.0, 0.5), ways[1:], 300.0, scene.place(actors[1:4]), hidden=2).actor.tolist() == [4]


@settings(max_examples=15, deadline=None)
@given(
    poses=st.lists(st.tuples(st.floats(-12, 12), st.floats(-12, 12), st.floats(-180, 180)), min_size=1, max_size=8),
    seed=st.integers(0, 10**6),
)
def test_what_rays_meet_does_not_depend_on_what_other_rays_met_before(poses, seed):
    """Actors may stand in each other: the same bits whoever asked for their detail."""
    actors = [
        vehicle(VEHICLES[(seed + k) % len(VEHICLES)], Pose(x, y, 0.0, 0.0, yaw), 20.0, 33.0, k + 1)
        if k % 3
        else walker(Pose(x, y, 0.93, 0.0, yaw), k, k + 1)
        for k, (x, y, yaw) in enumerate(poses)
    ]
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(300, 3)) * (1.0, 1.0, 0.2)
    scene = RayScene(GROUND)
    alone, after = scene.place(actors), scene.place(actors)
    scene.cast((5.0, 5.0, 1.0), rng.normal(size=(20, 3)), 20.0, after)
    first, second = (scene.cast((0.0, 0.0, 1.3), ways, 60.0, placed) for placed in (alone, after))
    other = RayScene(GROUND)
    other.place(actors[::-1])  # meshes in another order
    third = other.cast((0.0, 0.0, 1.3), ways, 60.0, other.place(actors))
    for hits in (second, third):
        for name in ("distance", "normal", "tag", "actor", "triangle"):
            assert getattr(first, name).tobytes() == getattr(hits, name).tobytes()


@pytest.mark.parametrize("model", VEHICLES)
def test_parts_stay_within_the_room_around_the_whole(model):
    for steer in (0.0, 40.0, 90.0, -65.0):
        car = vehicle(model, HERE, steer, 20.0)
        low, high = car.mesh.vertices.min(axis=0) - PARTS_MARGIN_M, car.mesh.vertices.max(axis=0) + PARTS_MARGIN_M
        for part in car.detail:
            placed = part.mesh.vertices @ rotation_matrix(*part.pose[3:]).T + np.array(part.pose[:3])
            assert (placed > low).all()
            assert (placed < high).all()


def test_parts_are_placed_in_the_frame_of_their_actor():
    post = Mesh.build([[0, -1, 0], [0, 1, 0], [0, 0, 2]], [[0, 1, 2]], (9, 9, 9), 14)
    at, pose = Pose(7.0, 2.0, 0.3, 10.0, 50.0, -20.0), Pose(0.2, 0.1, 0.1, 30.0, 80.0, 5.0)
    scene = RayScene(Mesh.concat([]))
    part, whole = (
        scene.place([actor])
        for actor in (Movable(1, post, at, True, (Part(post, pose),)), Movable(1, post, compose(at, pose)))
    )
    target = np.mean(post.vertices, axis=0) @ rotation_matrix(*compose(at, pose)[3:]).T + compose(at, pose)[:3]
    rays = target + np.random.default_rng(1).normal(size=(50, 3)) * 0.5
    one, two = (scene.cast((0.0, 0.0, 0.0), rays, 3.0, placed) for placed in (part, whole))
    assert np.isfinite(one.distance).sum() > 10
    assert one.distance == pytest.approx(two.distance, abs=1e-9)
    assert one.normal == pytest.approx(two.normal, abs=1e-6)


def test_more_meshes_than_a_library_holds_change_nothing(monkeypatch):
    """A walker's every step is a mesh of its own; actors that stand placed stay right when the library starts anew."""
    monkeypatch.setattr(Library, "LIMIT", 5)
    few, many = RayScene(GROUND), RayScene(GROUND)
    ways = np.random.default_rng(2).normal(size=(400, 3)) * (1.0, 1.0, 0.3)
    steps = [[walker(Pose(2.5, 0.0, 0.93, 0.0, 40.0 * step), step, 1)] for step in range(12)]
    stood = many.place(steps[0])  # nobody has asked for its detail yet
    seen = [many.cast((0.0, 0.0, 1.0), ways, 9.0, many.place(step)).distance.tobytes() for step in steps]
    assert seen == [
        few.cast((0.0, 0.0, 1.0), ways, 9.0, RayScene(GROUND).place(step)).distance.tobytes() for step in steps
    ]
    assert len(set(seen)) == 12
    assert many.cast((0.0, 0.0, 1.0), ways, 9.0, stood).distance.tobytes() == seen[0]
