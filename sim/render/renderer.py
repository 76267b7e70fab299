"""The camera: a static world and movable actors in, pictures out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.geometry import Pose, pose_matrix, product, rotation_matrix
from sim.render import actor_shadows, label_images, lamplight, materials, rainfall, raster, shading, sky
from sim.render.ground_shadows import shadows_of
from sim.render.lamplight import Spots
from sim.render.mesh import Mesh
from sim.render.scene import Models, pack
from sim.render.view import Air, Triple, View
from sim.render.weather import Atmosphere, Weather, atmosphere

OUTPUTS = frozenset({"rgb", "depth", "semantic", "instance", "normals"})
MAX_SIDE = 8192
DETAIL_PX = 12.0
"""Radius (pixels) from which on an actor shows its detail."""

PARTS_ROOM = 2.0
"""Parts stay within the bounding sphere of the whole, around the actor's origin, made larger by this."""


class RenderError(ValueError):
    """A request for a picture that cannot be made; the message names the argument."""


class Part(NamedTuple):
    """A piece of an actor (a wheel, say): `mesh` (kept by identity: reuse it) at `pose` in the actor's frame."""

    mesh: Mesh
    pose: Pose


@dataclass(frozen=True)
class Movable:
    """An actor as the camera sees it: `mesh` (kept by identity: reuse the object) placed at `pose` in the world.

    What does not stand on the ground is no `shadow` caster: shadows are those of boxes on the ground. `detail`, if
    there is any, is drawn instead of `mesh` where the actor is large in the picture; only then it is looked at.
    """

    actor_id: int
    mesh: Mesh
    pose: Pose
    shadow: bool = True
    detail: Sequence[Part] = ()


@dataclass(frozen=True)
class Frame:
    """Pictures of one camera pose; those not asked for are None.

    bgra      uint8 (H, W, 4), alpha 255
    depth     float32 (H, W), metres along the camera's axis, 1000 where there is only sky
    semantic  uint8 (H, W), CARLA tag (sky 11)
    instance  uint32 (H, W), actor id, 0 for the static world
    normals   float32 (H, W, 3), unit, in the world, towards the camera; zero for the sky
    """

    bgra: np.ndarray | None
    depth: np.ndarray | None
    semantic: np.ndarray | None
    instance: np.ndarray | None
    normals: np.ndarray | None = None


class Renderer:
    """Draws one static world. One thread at a time per renderer (buffers are reused); kernels release the GIL.

    Same arguments give the same bytes on one machine: the kernels use no fast-math and no threads.
    """

    def __init__(self, static: Mesh) -> None:
        """Raises `sim.render.scene.InvalidMesh` (a ValueError) for arrays that do not fit each other."""
        self._static = pack(static, split=True)
        self._corners = np.ascontiguousarray(self._static.soup.T)
        self._static_actors = np.zeros(len(self._static.starts), np.uint32)
        self._models = Models()
        self._noise, self._clouds = materials.noise_texture(), sky.cloud_texture()
        self._stars, self._drops = sky.star_directions(), rainfall.drop_table()
        self._ground_shadows = shadows_of(static, self._static.soup, self._static.looks[:, 0])
        self._buffers: dict[tuple[int, int], np.ndarray] = {}
        self._shadows: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._first_movable = self._used = 0
        self._grow(len(self._static.soup) + 4096)

    def render(
        self,
        pose: Pose,
        width: int,
        height: int,
        fov: float,
        movables: Sequence[Movable] = (),
        weather: Weather = Weather(),  # noqa: B008 (frozen)
        outputs: frozenset[str] = frozenset({"rgb"}),
        frame: int = 0,
        seconds: float | None = None,
        spots: Spots | None = None,
        antialias: bool = True,
    ) -> Frame:
        """One frame of a pinhole camera at `pose` (world) with horizontal `fov` (degrees), image x right and y down.

        A camera-frame point (x forward, y right, z up) appears at u = width / 2 + f y / x, v = height / 2 - f z / x
        with f = width / (2 tan(fov / 2)); pixel (i, j) covers u in [i, i + 1). RGB has four samples a pixel, or
        without `antialias` one at its centre; the others are taken at the pixel centre and do not depend on what else
        is asked for. Rain falls and clouds drift with `seconds` of simulation (`frame` / 20 if not given); `spots` are
        the lamps that burn, seen at night.

        Raises `RenderError` for sizes, angles, poses or output names that make no picture.
        """
        unknown = set(outputs) - OUTPUTS
        if unknown or not outputs:
            raise RenderError(f"outputs must be a non-empty subset of {sorted(OUTPUTS)}, got {sorted(outputs)}")
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise RenderError(f"width and height must be 1..{MAX_SIDE}, got {width} x {height}")
        if not 0.1 <= fov <= 179.0:
            raise RenderError(f"fov must be 0.1..179 degrees, got {fov}")
        if not all(map(math.isfinite, pose)):
            raise RenderError(f"pose must be finite, got {pose}")
        world_from_camera = pose_matrix(pose)
        rotation = np.ascontiguousarray(world_from_camera[:3, :3])
        view = View(world_from_camera[:3, 3].copy(), rotation, width / (2.0 * math.tan(math.radians(fov) / 2.0)))
        camera_from_world = np.ascontiguousarray(np.column_stack([rotation.T, -product(view.position, rotation)]))
        air = atmosphere(weather)
        light = np.zeros((6, 3))
        light[0] = product(air.sun, rotation)
        light[1] = rotation[2]
        light[2], light[3], light[4] = air.sun_color, air.sky_light, air.ground_light
        light[5, 0] = air.night
        instances = self._instances(movables, view, width, height)

        bgra = depth = semantic = instance = normals = None
        if "rgb" in outputs:
            dense = 2 if antialias else 1
            inverse, ids = self._draw(
                camera_from_world, view.focal * dense, width * dense, height * dense, instances, light
            )
            boxes = instances[-1][[movable.shadow for movable in movables]] if movables else instances[-1]
            bgra = self._shade(inverse, ids, width, height, boxes, view, air, spots, frame, seconds)
        if outputs - {"rgb"}:
            if antialias or "rgb" not in outputs:  # else the picture's samples are those of the labels
                inverse, ids = self._draw(camera_from_world, view.focal, width, height, instances, light)
            metres = np.empty((height, width), np.float32)
            tags = np.empty((height, width), np.uint8)
            actors = np.empty((height, width), np.uint32)
            label_images.label(inverse, ids, self._lit, self._marks, self._owners, metres, tags, actors)
            depth = metres if "depth" in outputs else None
            semantic = tags if "semantic" in outputs else None
            instance = actors if "instance" in outputs else None
            if "normals" in outputs:
                normals = np.empty((height, width, 3), np.float32)
                label_images.face_normals(ids, self._faces, rotation, normals)
        return Frame(bgra, depth, semantic, instance, normals)

    def _shade(
        self,
        inverse: np.ndarray,
        ids: np.ndarray,
        width: int,
        height: int,
        boxes: np.ndarray,
        view: View,
        air: Atmosphere,
        spots: Spots | None,
        frame: int,
        seconds: float | None,
    ) -> np.ndarray:
        """The picture, BGRA uint8 (height, width, 4), of a buffer with one sample a pixel or two each way."""
        seconds = 0.05 * frame if seconds is None else seconds
        table = (self._lit, self._marks)
        bgra = np.empty((height, width, 4), np.uint8)
        shadow, touched = self._shadow_buffer(width, height)
        actor_shadows.cast_shadows(inverse, ids, *table, materials.TEXTURE, boxes, air.sun, view, shadow, touched)
        lamps = spots is not None and len(spots) > 0 and air.night > 0.0
        glow = np.zeros((height, width, 3) if lamps else (0, 0, 3), np.float32)
        if lamps:
            assert spots is not None
            spots = spots.nearest(view.position)
            lamplight.shine(spots.rows, inverse, ids, *table, materials.TEXTURE, view, air.wet, glow)
            # In units of what the sky gives: the lamps' own colour is what remains.
            glow *= (0.38 * air.night / air.sky_light).astype(np.float32)
        ground = self._ground_shadows.under(air.azimuth, air.altitude)
        origin = np.array([ground.west, ground.north, ground.per_metre])
        shading.resolve(
            inverse, ids, *table, self._faces, self._first_movable, shadow, touched, glow, view,
            _kernel_air(air, seconds), self._noise, self._clouds, materials.TEXTURE, ground.texels, origin,
            bgra.view(np.uint32)[..., 0],
        )  # fmt: skip
        if air.stars > 0.0:
            sky.draw_stars(ids, self._stars, view, air.stars, bgra)
        if lamps:
            assert spots is not None
            lamplight.glare(spots.rows, inverse, view, air.night, air.extinction, bgra)
        if air.rain > 0.0:
            share = rainfall.WIND_SHARE
            velocity = np.array([share * air.wind[0], share * air.wind[1], -rainfall.FALL_MPS])
            tone = np.minimum(1.12 * air.horizon + 18.0 + 26.0 * air.night, 255.0)
            rainfall.draw_rain(inverse, self._drops, air.rain, velocity, seconds, tone, view, bgra)
        return bgra

    def _shadow_buffer(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Room for actors' shadows, float32 (height, width, 2), and which of its rows are not zero, int64 (2,)."""
        if (height, width) not in self._shadows:
            if len(self._shadows) >= 4:
                self._shadows.clear()
            self._shadows[height, width] = np.zeros((height, width, 2), np.float32), np.zeros(2, np.int64)
        return self._shadows[height, width]

    def _grow(self, capacity: int) -> None:
        self._lit = np.empty((capacity, 4), np.float32)
        self._marks = np.empty((capacity, 2), np.uint8)
        self._owners = np.empty(capacity, np.uint32)
        self._faces = np.empty((capacity, 3), np.float32)

    def _instances(self, movables: Sequence[Movable], view: View, width: int, height: int) -> tuple[np.ndarray, ...]:
        """Starts, counts, radii, centres, camera-from-mesh matrices, actors and shadow boxes of the movables."""
        meshes = [movable.mesh for movable in movables]
        places = np.array([movable.pose[:3] for movable in movables], float).reshape(-1, 3) - view.position
        owners, parts = _near_parts(movables, places, view, (width, height), self._models.place(meshes)[1][:, 0])
        ranges, shapes = self._models.place(meshes + [part.mesh for part in parts])
        poses = np.array([movable.pose for movable in movables], float).reshape(-1, 6)
        actors = np.array([movable.actor_id for movable in movables], np.int64).astype(np.uint32)
        turns = np.moveaxis(rotation_matrix(*poses[:, 3:].T), -1, 0)
        matrices = np.empty((len(poses), 3, 4))
        matrices[:, :, :3] = product(view.rotation.T, turns)
        matrices[:, :, 3] = product(poses[:, :3] - view.position, view.rotation)
        all_shapes, shapes = shapes, shapes[: len(movables)]
        radii, centers, halves = shapes[:, 0].copy(), shapes[:, 1:4].copy(), shapes[:, 4:7]
        boxes = np.empty((len(poses), 8))
        boxes[:, :3] = np.einsum("nij,nj->ni", turns, centers) + poses[:, :3]
        boxes[:, 2] -= halves[:, 2]
        yaws = np.radians(poses[:, 4])
        boxes[:, 3], boxes[:, 4] = np.cos(yaws), np.sin(yaws)
        boxes[:, 5:7] = halves[:, :2]
        boxes[:, 7] = 2.0 * halves[:, 2]
        if parts:
            # Parts stand in for the whole.
            kept = np.ones(len(poses), np.bool_)
            kept[owners] = False
            small = np.array([part.pose for part in parts], float)
            near = np.empty((len(parts), 3, 4))
            near[:, :, :3] = product(matrices[owners, :, :3], np.moveaxis(rotation_matrix(*small[:, 3:].T), -1, 0))
            near[:, :, 3] = product(matrices[owners, :, :3], small[:, :3, None])[:, :, 0] + matrices[owners, :, 3]
            rows = np.concatenate([np.flatnonzero(kept), len(poses) + np.arange(len(parts))])
            matrices = np.concatenate([matrices[kept], near])
            actors = np.concatenate([actors[kept], actors[owners]])
            ranges, radii, centers = ranges[rows], all_shapes[rows, 0], all_shapes[rows, 1:4].copy()
        return ranges[:, 0].copy(), ranges[:, 1].copy(), radii, centers, matrices, actors, boxes

    def _draw(
        self,
        camera_from_world: np.ndarray,
        focal: float,
        width: int,
        height: int,
        instances: tuple[np.ndarray, ...],
        light: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Visibility buffer (inverse depth float32, frame triangle int32), both (height, width); fills the table."""
        if (height, width) not in self._buffers:
            if len(self._buffers) >= 8:
                self._buffers.clear()
            self._buffers[height, width] = np.empty(height * width + raster.SHORT, np.int64)
        samples = self._buffers[height, width]
        samples.fill(raster.NOBODY)
        starts, counts, radii, centers, matrices, actors, _ = instances
        need = len(self._static.soup) + int(counts.sum())
        if need > len(self._owners):
            self._grow(need + need // 4)
        table = (self._lit, self._marks, self._owners, self._faces)
        static, models = self._static, self._models
        used = raster.draw(
            self._corners, static.colors, static.looks, static.starts, static.counts, static.radii, static.centers,
            camera_from_world[None], self._static_actors, light, focal, 0, samples, width, height, *table,
        )  # fmt: skip
        self._first_movable = used
        self._used = raster.draw(
            models.corners, models.colors, models.looks, starts, counts, radii, centers,
            matrices, actors, light, focal, used, samples, width, height, *table,
        )  # fmt: skip
        halves = samples[: height * width].reshape(height, width, 1)
        return halves.view("<f4")[:, :, 1], halves.view("<i4")[:, :, 0]


def _kernel_air(air: Atmosphere, seconds: float) -> Air:
    """The part of the air that the shader takes, after `seconds` of wind."""
    # Clouds hang 500 m high, where the wind is twice as strong; the pattern repeats.
    speed = 2.0 * sky.CLOUD_SCALE / 500.0
    drift_x, drift_y = ((speed * along * seconds) % sky.CLOUD_SIDE for along in air.wind)
    ground_sun = air.sun_color * max(float(air.sun[2]), 0.0)
    return Air(
        zenith=_triple(air.zenith),
        horizon=_triple(air.horizon),
        fog=_triple(air.fog),
        glare=_triple(air.glare),
        cloud=_triple(air.cloud),
        sun=_triple(air.lantern),
        direct=_triple(ground_sun / (ground_sun + air.sky_light)),
        disc=float(air.disc),
        halo=float(air.halo),
        wash=float(air.wash),
        extinction=float(air.extinction),
        fog_start=float(air.fog_start),
        fog_fall=float(air.fog_fall),
        fog_ceiling=float(14.0 / (1.0 + 60.0 * air.fog_fall)),
        clouds=float(air.clouds),
        drift=(float(drift_x), float(drift_y)),
        wet=float(air.wet),
        puddles=float(air.puddles),
    )


def _near_parts(
    movables: Sequence[Movable], places: np.ndarray, view: View, size: tuple[int, int], radii: np.ndarray
) -> tuple[np.ndarray, list[Part]]:
    """The parts of the movables that are large in the picture, and the movable that each belongs to.

    places  (N, 3) of the movables from the camera (m, world); radii (N,) of their bounding spheres (m)
    """
    owners: list[int] = []
    parts: list[Part] = []
    ahead, right, up = product(places, view.rotation).T
    reach = np.maximum(np.sqrt((places * places).sum(axis=1)) - radii, 1e-3)
    near = (ahead > -PARTS_ROOM * radii) & (radii * view.focal > DETAIL_PX * reach)
    for off, extent in ((right, size[0]), (up, size[1])):
        slope = 0.5 * extent / view.focal
        near &= np.abs(off) - slope * ahead <= PARTS_ROOM * radii * math.sqrt(1.0 + slope * slope)
    for i in np.flatnonzero(near).tolist():
        detail = movables[i].detail
        owners += [i] * len(detail)
        parts += detail
    return np.array(owners, np.int64), parts


def _triple(values: np.ndarray) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])


def warm_up() -> float:
    """Compile every kernel (or load it from numba's disk cache); returns the seconds it took."""
    begin = time.perf_counter()
    ground = Mesh.build([[2, -9, 0], [90, -9, 0], [90, 9, 0], [2, 9, 0]], [[0, 1, 2], [0, 2, 3]], (90, 90, 90), 1)
    post = Mesh.build([[0, 0, 0], [0, 1, 0], [0, 0, 2]], [[0, 1, 2]], (200, 40, 40), 20)
    camera = Pose(0.0, 0.0, 1.5)
    storm = Weather(sun_altitude_angle=-30.0, precipitation=50.0)
    lamp = lamplight.street_lamps(lamplight.Lamps(np.ones((1, 3)), np.ones(1), np.zeros((1, 3), np.uint8)))
    renderer = Renderer(ground)
    renderer.render(camera, 16, 8, 60.0, [Movable(1, post, Pose(8.0, 0.0, 0.0))], Weather(), OUTPUTS)
    renderer.render(camera, 16, 8, 60.0, [], storm, spots=lamp)
    return time.perf_counter() - begin
