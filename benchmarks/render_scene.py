"""The street that `benchmarks/render.py` has every renderer draw: the same triangles, colours, places and cameras."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.geometry import Pose, pose_matrix, rotation_matrix
from sim.maps import load_town
from sim.render.mesh import Mesh
from sim.render.models import VehicleLook, far_vehicle, vehicle_parts
from sim.render.people import pedestrian_mesh
from sim.render.renderer import Movable, Part
from sim.render.weather import Weather, atmosphere

CELL_M = 32.0
FOV = 90.0
CAMERAS = 12
SIZES = ((84, 84), (224, 224), (320, 240), (640, 360), (800, 600), (1920, 1080))
SHAPES = (
    ("car", (2.4, 0.95, 0.74)), ("car", (2.2, 0.9, 0.74)), ("van", (2.95, 1.0, 1.3)), ("car", (2.4, 0.95, 0.74)),
    ("truck", (4.2, 1.3, 1.9)), ("car", (2.3, 0.92, 0.7)), ("bus", (5.2, 1.3, 1.6)), ("car", (2.4, 0.95, 0.74)),
)  # fmt: skip
CROWDS = {"typical": (9, 3), "dense": (40, 24)}
"""Vehicles and people ahead of the camera."""


@dataclass(frozen=True)
class Street:
    """A town, and per camera pose the actors ahead of it, which are `meshes` at `placed`."""

    town: Mesh
    meshes: tuple[Mesh, ...]
    cameras: tuple[Pose, ...]
    placed: tuple[tuple[Pose, ...], ...]

    def movables(self, index: int) -> list[Movable]:
        """The actors before camera `index` as our renderer takes them."""
        return [Movable(i + 1, mesh, pose) for i, (mesh, pose) in enumerate(zip(self.meshes, self.placed[index]))]

    def triangles(self) -> int:
        """All triangles of a frame, seen or not."""
        return len(self.town.triangles) + sum(len(mesh.triangles) for mesh in self.meshes)


def street(town: str, crowd: str) -> Street:
    """The benchmark's scene, the same in every process."""
    built = load_town(town)
    spots = built.spawn_points[:: max(1, len(built.spawn_points) // CAMERAS)][:CAMERAS]
    cameras = tuple(Pose(spot.x, spot.y, spot.z + 1.4, -3.0, spot.yaw) for spot in spots)
    vehicles, people = CROWDS[crowd]
    meshes = [_vehicle(i) for i in range(vehicles)]
    meshes += [pedestrian_mesh((0.35, 0.35, 0.93), i) for i in range(people)]
    return Street(built.mesh, tuple(meshes), cameras, tuple(_places(camera, vehicles, people) for camera in cameras))


def queue_ahead(pose: Pose) -> list[Movable]:
    """Typical traffic in three lanes ahead of a camera, with the detail of near ones: what `benchmarks/sensors.py`
    measures. Ids begin at 1: 0 is the town's."""
    vehicles, people = CROWDS["typical"]
    places = _places(pose, vehicles, people)
    queue = [with_detail(1 + i, VehicleLook(*_look(i)), place) for i, place in enumerate(places[:vehicles])]
    figures = [pedestrian_mesh((0.35, 0.35, 0.93), i) for i in range(people)]
    return queue + [
        Movable(1 + vehicles + i, mesh, place) for i, (mesh, place) in enumerate(zip(figures, places[vehicles:]))
    ]


def with_detail(number: int, look: VehicleLook, place: Pose) -> Movable:
    """A vehicle as the server gives it to cameras and rays: the whole, and its body and wheels."""
    body, wheel, places = vehicle_parts(look)
    turns = [180.0 if p.turned else 0.0 for p in places]
    wheels = [Part(wheel, Pose(p.x, p.y, p.z, 0.0, turn)) for p, turn in zip(places, turns)]
    return Movable(number, far_vehicle(look, 0), place, True, (Part(body, Pose(0.0, 0.0, 0.0)), *wheels))


def cells(mesh: Mesh) -> list[np.ndarray]:
    """Triangle numbers of each square cell of `CELL_M`, as a peer would cut a town for culling."""
    middles = mesh.vertices[mesh.triangles].mean(axis=1)
    keys = np.floor(middles[:, :2] / CELL_M).astype(np.int64)
    keys -= keys.min(axis=0)
    flat = keys[:, 0] * (keys[:, 1].max() + 1) + keys[:, 1]
    order = np.argsort(flat, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(flat[order])) + 1)


def normals(mesh: Mesh) -> np.ndarray:
    """Unit normals (T, 3) of the triangles, towards the sky where they are level."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles].astype(float), 1, 0)
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.where(normal[:, 2:] < -1e-6, -normal, normal)


def flat_colors(mesh: Mesh) -> np.ndarray:
    """Colours uint8 (T, 3) with one directional light and a little of the sky's: what peers show of each triangle."""
    air = atmosphere(Weather())
    strength = 0.45 + 0.65 * np.abs(normals(mesh) @ air.sun)
    return np.clip(np.rint(mesh.colors * strength[:, None]), 0, 255).astype(np.uint8)


def in_view(camera: Pose, corners: np.ndarray, width: int, height: int) -> bool:
    """Whether the bounding sphere of `corners` (N, 3) meets the frustum."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    matrix = pose_matrix(camera)
    x, y, z = ((low + high) / 2.0 - matrix[:3, 3]) @ matrix[:3, :3]
    radius = float(np.linalg.norm(high - low)) / 2.0
    side = math.tan(math.radians(FOV) / 2.0)
    rise = side * height / width
    beside = abs(y) - side * x > radius * math.hypot(1.0, side)
    above = abs(z) - rise * x > radius * math.hypot(1.0, rise)
    return not (x + radius < 0.1 or beside or above)


def _look(number: int) -> tuple[str, tuple[float, float, float], tuple[int, int, int]]:
    kind, extent = SHAPES[number % len(SHAPES)]
    return kind, extent, (40 + 41 * number % 200, 200 - 37 * number % 190, 60 + 53 * number % 190)


def _vehicle(number: int) -> Mesh:
    """A near vehicle with its wheels in one mesh: every renderer draws its every triangle."""
    body, wheel, places = vehicle_parts(VehicleLook(*_look(number)))
    turned = [_moved(wheel, Pose(p.x, p.y, p.z, 0.0, 180.0 if p.turned else 0.0)) for p in places]
    return Mesh.concat([body, *turned])


def _moved(mesh: Mesh, pose: Pose) -> Mesh:
    vertices = mesh.vertices @ rotation_matrix(*pose[3:]).T + np.array(pose[:3])
    return Mesh.build(vertices, mesh.triangles, mesh.colors, mesh.tags, mesh.layers)


def _places(pose: Pose, vehicles: int, people: int) -> tuple[Pose, ...]:
    """Traffic in three lanes from 12 m ahead of a camera on, people on both sides."""
    yaw = math.radians(pose.yaw)

    def ahead(forward: float, right: float, z: float) -> Pose:
        x = pose.x + forward * math.cos(yaw) - right * math.sin(yaw)
        return Pose(x, pose.y + forward * math.sin(yaw) + right * math.cos(yaw), z, 0.0, pose.yaw)

    gap = 8.0 if vehicles < 10 else 3.0
    foot = pose.z - 1.6
    traffic = [ahead(12.0 + gap * i, 3.5 * (i % 3 - 1), foot) for i in range(vehicles)]
    walkers = [ahead(12.0 + 0.75 * gap * i, (5.0, -5.5)[i % 2], foot + 0.93) for i in range(people)]
    return tuple(traffic + walkers)
