"""Where things appear in the picture, and which of them is in front."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.geometry import Pose, pose_matrix
from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.raster import NEAR
from sim.render.renderer import OUTPUTS, Movable, Renderer

angle = st.floats(-180, 180)
EMPTY = Mesh.build(np.zeros((0, 3)), np.zeros((0, 3)), (0, 0, 0), 0)
CAMERA = Pose(0.0, 0.0, 1.6)


def focal_length(width: int, fov: float) -> float:
    return width / (2.0 * math.tan(math.radians(fov) / 2.0))


@settings(max_examples=40, deadline=None)
@given(
    pose=st.builds(Pose, *[st.floats(-500, 500)] * 3, st.floats(-90, 90), angle, angle),
    depth=st.floats(2.0, 80.0),
    across=st.floats(-0.8, 0.8),
    down=st.floats(-0.8, 0.8),
    fov=st.floats(10.0, 150.0),
    size=st.sampled_from(((176, 96), (177, 97), (95, 131))),
)
def test_a_small_object_lands_where_the_camera_matrix_says(
    pose: Pose, depth: float, across: float, down: float, fov: float, size: tuple[int, int]
) -> None:
    width, height = size
    focal = focal_length(width, fov)
    u, v = width / 2 * (1 + across), height / 2 * (1 + down)
    centre = np.array([depth, (u - width / 2) / focal * depth, -(v - height / 2) / focal * depth])
    # A square of 8.6 pixels that faces the camera: of a whole number, all could lie on the edge between two pixels.
    half = 4.3 * depth / focal
    corners = centre + half * np.array([[0, -1, -1], [0, 1, -1], [0, 1, 1], [0, -1, 1]])
    matrix = pose_matrix(pose)
    # Given relative to the object's own far-away pose, so that both transforms are exercised.
    own = Pose(pose.x + 3.0, pose.y - 2.0, pose.z + 1.0, 10.0, 75.0, -20.0)
    world = corners @ matrix[:3, :3].T + matrix[:3, 3]
    local = (world - pose_matrix(own)[:3, 3]) @ pose_matrix(own)[:3, :3]
    square = Mesh.build(local, [[0, 1, 2], [0, 2, 3]], (255, 0, 255), Label.CAR)
    empty = Renderer(EMPTY)
    frame = empty.render(pose, width, height, fov, [Movable(77, square, own)], outputs=OUTPUTS)
    assert frame.instance is not None
    assert frame.depth is not None
    assert frame.bgra is not None
    rows, columns = np.nonzero(frame.instance == 77)
    assert abs(columns.mean() + 0.5 - u) < 0.5
    assert abs(rows.mean() + 0.5 - v) < 0.5
    np.testing.assert_allclose(frame.depth[rows, columns], depth, rtol=1e-3)
    colors = frame.bgra[:, :, :3].astype(float)
    sky = empty.render(pose, width, height, fov).bgra
    assert sky is not None
    weight = np.abs(colors - sky[:, :, :3]).sum(axis=2)
    rows, columns = np.indices(weight.shape)
    assert abs((weight * (columns + 0.5)).sum() / weight.sum() - u) < 0.5
    assert abs((weight * (rows + 0.5)).sum() / weight.sum() - v) < 0.5


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_visibility_agrees_with_ray_casting(seed: int) -> None:
    """Random triangles, many of them through the camera, against a brute-force reference."""
    rng = np.random.default_rng(seed)
    count, width, height, fov = 25, 40, 24, 80.0
    triangles = rng.uniform(-6, 6, (count, 1, 3)) + rng.uniform(-5, 5, (count, 3, 3))
    pose = Pose(*rng.uniform(-1, 1, 3), *rng.uniform(-180, 180, 3))
    mesh = Mesh.build(triangles.reshape(-1, 3), np.arange(3 * count), (200, 200, 200), np.arange(30, 30 + count))
    frame = Renderer(mesh).render(pose, width, height, fov, outputs=frozenset({"semantic", "depth"}))
    assert frame.semantic is not None
    assert frame.depth is not None

    matrix = pose_matrix(pose)
    corners = (mesh.vertices.astype(float) - matrix[:3, 3]) @ matrix[:3, :3]
    a, b, c = corners.reshape(count, 3, 3).transpose(1, 0, 2)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    focal = focal_length(width, fov)
    rays = np.stack([np.ones_like(columns), (columns - width / 2) / focal, (height / 2 - rows) / focal], -1).reshape(
        -1, 3
    )
    basis = np.stack([b - a, c - a], axis=2)  # (count, 3, 2)
    hits = np.full((len(rays), count), np.inf)
    doubtful = np.zeros(len(rays), bool)
    for t in range(count):
        system = np.concatenate([rays[:, :, None], np.broadcast_to(-basis[t], (len(rays), 3, 2))], axis=2)
        solvable = np.abs(np.linalg.det(system)) > 1e-9
        distance, s, w = np.linalg.solve(system[solvable], np.broadcast_to(a[t][:, None], (solvable.sum(), 3, 1)))[
            :, :, 0
        ].T
        margin = np.minimum(np.minimum(s, w), 1.0 - s - w)
        front = distance >= NEAR
        doubtful[solvable] |= (np.abs(margin) < 1e-3) & (distance > 0.99 * NEAR) | (np.abs(distance - NEAR) < 1e-3)
        hits[solvable, t] = np.where(front & (margin > 0.0), distance, np.inf)
    nearest = np.sort(hits, axis=1)
    doubtful |= np.isfinite(nearest[:, 1]) & (nearest[:, 1] < 1.001 * nearest[:, 0])
    expected = np.where(np.isfinite(nearest[:, 0]), 30 + hits.argmin(axis=1), Label.SKY)
    sure = ~doubtful
    assert sure.mean() > 0.5
    np.testing.assert_array_equal(frame.semantic.ravel()[sure], expected[sure])
    seen = sure & np.isfinite(nearest[:, 0])
    np.testing.assert_allclose(frame.depth.ravel()[seen], nearest[seen, 0], rtol=1e-4)


def test_ground_depth_is_perspective_correct_in_every_pixel(renderer: Renderer) -> None:
    width, height = 176, 96
    depth = renderer.render(CAMERA, width, height, 60.0, outputs=frozenset({"depth"})).depth
    tags = renderer.render(CAMERA, width, height, 60.0, outputs=frozenset({"semantic"})).semantic
    assert depth is not None
    assert tags is not None
    rows = np.arange(height) + 0.5 - height / 2
    with np.errstate(divide="ignore"):
        expected = focal_length(width, 60.0) * 1.6 / rows
    road = (tags == Label.ROADS) | (tags == Label.ROAD_LINES)
    assert road.sum() > 2000
    np.testing.assert_allclose(depth[road], np.broadcast_to(expected[:, None], depth.shape)[road], rtol=2e-5)
    assert (depth[tags == Label.SKY] == 1000.0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), yaw=angle, pitch=st.floats(-60, -5), roll=st.floats(-30, 30))
def test_a_tessellated_plane_has_no_holes(seed: int, yaw: float, pitch: float, roll: float) -> None:
    rng = np.random.default_rng(seed)
    side = 14
    ticks = np.linspace(-400, 400, side)
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1)
    grid[1:-1, 1:-1] += rng.uniform(-20, 20, (side - 2, side - 2, 2))
    vertices = np.concatenate([grid.reshape(-1, 2), np.zeros((side * side, 1))], axis=1)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + side], 1), np.stack([corner + 1, corner + side, corner + side + 1], 1)]
    )
    plane = Mesh.build(vertices, triangles, (90, 90, 90), Label.ROADS)
    pose = Pose(0.0, 0.0, 1.5, pitch, yaw, roll)
    tags = Renderer(plane).render(pose, 96, 64, 70.0, outputs=frozenset({"semantic"})).semantic
    assert tags is not None
    columns, rows = np.meshgrid(np.arange(96) + 0.5 - 48, np.arange(64) + 0.5 - 32)
    rotation = pose_matrix(pose)[:3, :3]
    down = -(rotation[2, 0] * focal_length(96, 70.0) + rotation[2, 1] * columns - rotation[2, 2] * rows)
    length = np.hypot(np.hypot(columns, rows), focal_length(96, 70.0))
    below = down / length > 1.5 / 300.0  # meets the plane within 300 m
    assert below.any()
    assert (tags[below] == Label.ROADS).all()


def test_a_decal_beats_the_road_at_every_distance_and_nothing_else(renderer: Renderer) -> None:
    width, height = 640, 360
    focal = focal_length(width, 60.0)
    plate = Mesh.build(
        [[-1, -1, 0.02], [1, -1, 0.02], [1, 1, 0.02], [-1, 1, 0.02]], [[0, 1, 2], [0, 2, 3]], 9, Label.STATIC
    )
    outputs = frozenset({"semantic", "instance", "depth"})
    frame = renderer.render(
        Pose(0, 2.0, 1.6), width, height, 60.0, [Movable(5, plate, Pose(9.0, 2.0, 0.0))], outputs=outputs
    )
    assert frame.semantic is not None
    assert frame.instance is not None
    rows = np.arange(height // 2 + 6, height)  # to 160 m
    depths = focal * 1.6 / (rows + 0.5 - height / 2)
    checked = 0
    for row, depth in zip(rows, depths):
        half = 0.06 * focal / depth
        line = [column for column in range(width) if abs(column + 0.5 - width / 2) < half - 0.01]
        bare = [column for column in range(width) if half + 0.01 < abs(column + 0.5 - width / 2) < half + 4]
        if 7.7 < depth < 10.3:
            if 8.2 < depth < 9.7:
                assert (frame.instance[row, line] == 5).all(), "a plate 2 cm above the road must hide its markings"
            continue
        assert (frame.semantic[row, line] == Label.ROAD_LINES).all(), f"marking lost at {depth:.0f} m"
        assert (frame.semantic[row, bare] == Label.ROADS).all()
        checked += len(line)
    assert checked > 500


def test_the_label_images_do_not_depend_on_what_else_is_asked_for(renderer: Renderer) -> None:
    everything = renderer.render(CAMERA, 96, 64, 60.0, outputs=OUTPUTS)
    for name in ("depth", "semantic", "instance"):
        alone = renderer.render(CAMERA, 96, 64, 60.0, outputs=frozenset({name}))
        np.testing.assert_array_equal(getattr(alone, name), getattr(everything, name))
        assert alone.bgra is None


def test_moving_the_static_world_into_movables_gives_the_same_picture(street: Mesh, void: Renderer) -> None:
    """Culling by cells of the static world hides nothing."""
    for pose in (CAMERA, Pose(120, 5, 3, -10, 130, 4), Pose(200, -3, 40, -90, 0, 0)):
        fixed = Renderer(street).render(pose, 96, 64, 75.0, outputs=frozenset({"semantic", "depth"}))
        moved = void.render(
            pose, 96, 64, 75.0, [Movable(0, street, Pose(0, 0, 0))], outputs=frozenset({"semantic", "depth"})
        )
        np.testing.assert_array_equal(fixed.semantic, moved.semantic)
        assert fixed.depth is not None
        assert moved.depth is not None
        np.testing.assert_allclose(fixed.depth, moved.depth, rtol=1e-5)


def clutter(seed: int, count: int) -> Mesh:
    """Triangles from a hand's breadth to a hundred metres, all around the camera and in many cells."""
    random = np.random.default_rng(seed)
    places = random.uniform(-120.0, 120.0, (count, 1, 3)) * (1.0, 1.0, 0.1)
    sizes = 10.0 ** random.uniform(-1.0, 2.0, (count, 1, 1))
    corners = places + sizes * random.uniform(-1.0, 1.0, (count, 3, 3))
    return Mesh.build(corners, np.arange(3 * count), random.integers(0, 255, (count, 3)), 1 + np.arange(count) % 28)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), yaw=angle, pitch=st.floats(-80, 80), fov=st.floats(20.0, 100.0))
def test_culling_removes_nothing_that_is_seen(seed: int, yaw: float, pitch: float, fov: float) -> None:
    """Groups, blocks and frustum planes against every triangle drawn alone, without bounding spheres, and against the
    middle of a wider picture, whose frustum rejects less."""
    width, height, margin = 64, 48, 40
    mesh = clutter(seed, 700)
    renderer, pose = Renderer(mesh), Pose(0.0, 0.0, 1.6, pitch, yaw)
    outputs = frozenset({"depth", "semantic"})
    seen = renderer.render(pose, width, height, fov, outputs=outputs)
    assert seen.depth is not None
    assert seen.semantic is not None
    renderer._static.radii.fill(1e9)
    unculled = renderer.render(pose, width, height, fov, outputs=outputs)
    assert unculled.depth is not None
    assert unculled.semantic is not None
    assert (unculled.depth == seen.depth).all()
    assert (unculled.semantic == seen.semantic).all()
    wide_fov = 2.0 * math.degrees(math.atan((width / 2 + margin) / focal_length(width, fov)))
    wide = renderer.render(pose, width + 2 * margin, height + 2 * margin, wide_fov, outputs=outputs)
    assert wide.depth is not None
    middle = wide.depth[margin:-margin, margin:-margin]
    # A sample within rounding of an edge may fall to either side.
    assert np.isclose(middle, seen.depth, rtol=1e-4).mean() > 0.998


def test_without_antialiasing_a_pixel_shows_what_its_centre_sees() -> None:
    """Every triangle has a colour of its own, so colours and depths change at the same pixels."""
    mesh = clutter(5, 300)
    renderer, pose = Renderer(mesh), Pose(0.0, 0.0, 1.6)
    size = (96, 64, 70.0)
    plain = renderer.render(pose, *size, antialias=False).bgra
    both = renderer.render(pose, *size, outputs=OUTPUTS, antialias=False)
    smooth = renderer.render(pose, *size, outputs=OUTPUTS)
    assert plain is not None
    assert both.bgra is not None
    assert smooth.bgra is not None
    assert (plain == both.bgra).all()
    for name in ("depth", "semantic", "instance", "normals"):
        assert (getattr(both, name) == getattr(smooth, name)).all()
    assert both.semantic is not None
    assert both.normals is not None
    inner = both.semantic[:, 1:] == both.semantic[:, :-1]
    inner &= (both.normals[:, 1:] == both.normals[:, :-1]).all(axis=2)
    change = np.abs(np.diff(plain[..., :3].astype(int), axis=1)).max(axis=2)
    assert np.median(change[~inner]) > 20.0
    assert np.median(change[inner]) < 8.0
    mixed = np.abs(smooth.bgra[..., :3].astype(int) - plain[..., :3]).max(axis=2)
    assert np.median(mixed) < 8.0
    assert mixed.max() > 20.0, "edges are smoothed only with antialiasing"


@settings(max_examples=40, deadline=None)
@given(
    pitch=st.floats(-40, 40), yaw=angle, roll=angle, fov=st.floats(20.0, 140.0),
    size=st.sampled_from(((160, 90), (97, 131), (141, 75))), x=st.floats(5.0, 30.0), turn=angle,
)  # fmt: skip
def test_the_box_of_an_actors_mask_is_that_of_its_projected_vertices(
    pitch: float, yaw: float, roll: float, fov: float, size: tuple[int, int], x: float, turn: float
) -> None:
    width, height = size
    focal = focal_length(width, fov)
    camera = Pose(12.0, -7.0, 3.0, pitch, yaw, roll)
    matrix = pose_matrix(camera)
    # A box that turns as it likes, in the middle of the picture, a fifth of the picture's smaller side in size.
    half = 0.1 * min(width, height) * x / focal
    corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]) * half * (1.0, 0.7, 0.8)
    sides = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    triangles = [side[:3] for side in sides] + [[side[0], *side[2:]] for side in sides]
    box = Mesh.build(corners, triangles, (200, 30, 30), Label.CAR)
    middle = matrix[:3, 3] + matrix[:3, 0] * x
    own = Pose(*middle.tolist(), 0.3 * turn, turn, -0.7 * turn)
    frame = Renderer(EMPTY).render(camera, width, height, fov, [Movable(5, box, own)], outputs=OUTPUTS)
    assert frame.instance is not None
    assert frame.semantic is not None
    rows, columns = np.nonzero(frame.instance == 5)
    np.testing.assert_array_equal(frame.instance == 5, frame.semantic == Label.CAR)
    seen = box.vertices.astype(float) @ pose_matrix(own)[:3, :3].T + middle
    forward, right, up = ((seen - matrix[:3, 3]) @ matrix[:3, :3]).T
    u, v = width / 2 + focal * right / forward, height / 2 - focal * up / forward
    # A corner that is sharper than a right angle may pass between the centres of the last pixels that it reaches.
    for found, expected in (
        (columns.min(), u.min()), (columns.max() + 1, u.max()), (rows.min(), v.min()), (rows.max() + 1, v.max())
    ):  # fmt: skip
        assert abs(found - expected) <= 1.5
