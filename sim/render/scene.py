"""Meshes packed for the visibility pass: corner coordinates in a row per triangle, grouped under bounding spheres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.geometry import length
from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.raster import ASPHALT, FOLIAGE, GRASS, LAMP, LIT_WINDOW, MARKING, PAVED, PLAIN, WALL, WINDOW

HEAD_LAMP = (255, 246, 214)
TAIL_LAMP = (196, 16, 22)
BRAKE_LAMP = (255, 38, 30)
AMBER_LAMP = (255, 166, 26)
BLUE_LAMP = (60, 110, 255)
CABIN_LAMP = (142, 124, 92)
LAMPS = (HEAD_LAMP, TAIL_LAMP, BRAKE_LAMP, AMBER_LAMP, BLUE_LAMP, CABIN_LAMP)
"""Colours of burning lamps: they shine by themselves where a vehicle wears them."""

GLASS = ((62, 78, 96), (84, 98, 112), (48, 56, 66), (104, 122, 136), (44, 54, 66))
LIT_GLASS = tuple((red + 1, green, blue) for red, green, blue in GLASS)
"""Colours of panes: a triangle of a building in exactly one of these mirrors the sky, and lit ones shine at night."""

CELL = 32.0
"""Side (m) of the squares into which a static mesh is cut for culling."""

_VEHICLES = (Label.CAR, Label.TRUCK, Label.BUS, Label.MOTORCYCLE, Label.BICYCLE, Label.TRAIN)

_MATERIALS = np.full(256, PLAIN, np.uint8)
for _material, _labels in {
    ASPHALT: (Label.ROADS,),
    PAVED: (Label.SIDEWALKS, Label.GROUND, Label.BRIDGE),
    GRASS: (Label.TERRAIN,),
    FOLIAGE: (Label.VEGETATION,),
    WALL: (Label.BUILDINGS, Label.WALLS),
    MARKING: (Label.ROAD_LINES,),
}.items():
    _MATERIALS[[int(label) for label in _labels]] = _material


class InvalidMesh(ValueError):
    """A mesh whose arrays do not fit each other."""


@dataclass(frozen=True)
class Packed:
    """Triangles of a mesh and the groups that are culled together.

    soup    float32 (T, 9): three corners, mesh frame (m)
    colors  uint8 (T, 3)
    looks   uint8 (T, 3): material, semantic tag, decal layer
    starts, counts  int64 (G,): group g is triangles starts[g] : starts[g] + counts[g]
    centers, radii  float64 (G, 3), (G,): its bounding sphere
    low, high  float64 (3,): bounding box of the whole mesh
    """

    soup: np.ndarray
    colors: np.ndarray
    looks: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    centers: np.ndarray
    radii: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check(mesh: Mesh) -> None:
    """Raise `InvalidMesh` naming the array at fault."""
    count = len(mesh.triangles)
    for name, shape in {"colors": (count, 3), "tags": (count,), "layers": (count,)}.items():
        if getattr(mesh, name).shape != shape:
            raise InvalidMesh(f"mesh.{name} has shape {getattr(mesh, name).shape}, needs {shape}: one row per triangle")
    if count and (mesh.triangles.min() < 0 or mesh.triangles.max() >= len(mesh.vertices)):
        raise InvalidMesh(f"mesh.triangles refers to vertices outside 0..{len(mesh.vertices) - 1}")
    if not np.isfinite(mesh.vertices).all():
        raise InvalidMesh("mesh.vertices holds NaN or infinity")


def pack(mesh: Mesh, split: bool) -> Packed:
    """Pack a mesh, cut into cells of `CELL` metres if `split`, else as one group. Raises `InvalidMesh`."""
    check(mesh)
    count = len(mesh.triangles)
    corners = mesh.vertices[mesh.triangles].astype(np.float32).reshape(count, 3, 3)
    if count == 0:
        empty = np.zeros(0, np.int64)
        return Packed(
            np.zeros((0, 9), np.float32), np.zeros((0, 3), np.uint8), np.zeros((0, 3), np.uint8),
            empty, empty, np.zeros((0, 3)), np.zeros(0), np.zeros(3), np.zeros(3),
        )  # fmt: skip
    order = np.arange(count)
    starts = np.zeros(1, np.int64)
    if split:
        cells = np.floor(corners.mean(axis=1)[:, :2] / CELL).astype(np.int64)
        cells -= cells.min(axis=0)
        keys = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
        # A triangle larger than a cell would blow up its cell's sphere: such go into groups of their own.
        large = (corners.max(axis=1) - corners.min(axis=1)).max(axis=1) > 2.0 * CELL
        keys = np.where(large, keys.max() + 1 + np.arange(count), keys)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=-1)).astype(np.int64)
    corners = corners[order]
    low = np.minimum.reduceat(corners.min(axis=1), starts).astype(np.float64)
    high = np.maximum.reduceat(corners.max(axis=1), starts).astype(np.float64)
    centers, radii = (low + high) / 2.0, np.linalg.norm(high - low, axis=1) / 2.0
    tags = mesh.tags[order]
    colors = np.ascontiguousarray(mesh.colors[order])
    materials = _MATERIALS[tags]
    on_vehicle = np.isin(tags, [int(label) for label in _VEHICLES])
    for lamp in LAMPS:
        materials[on_vehicle & (colors == lamp).all(axis=1)] = LAMP
    materials[(tags == Label.TRAFFIC_LIGHT) & (colors.max(axis=1) >= 200)] = LAMP
    in_building = tags == Label.BUILDINGS
    for panes, material in ((GLASS, WINDOW), (LIT_GLASS, LIT_WINDOW)):
        for pane in panes:
            materials[in_building & (colors == pane).all(axis=1)] = material
    return Packed(
        np.ascontiguousarray(corners.reshape(count, 9)),
        colors,
        np.ascontiguousarray(np.stack([materials, tags, mesh.layers[order]], axis=1)),
        starts,
        np.diff(starts, append=count),
        centers,
        radii,
        low.min(axis=0),
        high.max(axis=0),
    )


class Models:
    """Packed actor meshes side by side, packed once per mesh object.

    The library keeps a reference to each mesh, so an `id` cannot be reused while it is a key; it starts afresh when it
    holds `LIMIT` meshes, so a caller that builds new meshes every frame does not grow it without end.
    """

    LIMIT = 4096

    def __init__(self) -> None:
        self._places: dict[int, tuple[Mesh, tuple[int, int], tuple[float, ...]]] = {}
        self._used = 0
        self.corners = np.zeros((9, 0), np.float32)
        self.colors = np.zeros((0, 3), np.uint8)
        self.looks = np.zeros((0, 3), np.uint8)

    def place(self, meshes: list[Mesh]) -> tuple[np.ndarray, np.ndarray]:
        """Where each mesh's triangles lie in `corners` (9, capacity) and how big it is.

        Returns int64 (N, 2) first row and row count, and float64 (N, 7) bounding radius, box centre, box half sizes.
        """
        fresh = {id(mesh): mesh for mesh in meshes if id(mesh) not in self._places}
        if fresh and len(self._places) + len(fresh) > self.LIMIT:
            fresh = {id(mesh): mesh for mesh in meshes}
            self._places.clear()
            self._used = 0
        if fresh:
            row = self._used
            for key, mesh in fresh.items():
                packed = pack(mesh, split=False)
                half = (packed.high - packed.low) / 2.0
                shape = (length(half), *(packed.low + half), *half)
                self._places[key] = (mesh, (row, len(packed.soup)), shape)
                self._append(row, packed)
                row += len(packed.soup)
            self._used = row
        places = [self._places[id(mesh)] for mesh in meshes]
        ranges = np.array([place[1] for place in places], np.int64).reshape(-1, 2)
        return ranges, np.array([place[2] for place in places], float).reshape(-1, 7)

    def _append(self, row: int, packed: Packed) -> None:
        end = row + len(packed.soup)
        if end > len(self.looks):
            more = max(end, 2 * len(self.looks)) - len(self.looks)
            self.corners = np.concatenate([self.corners, np.zeros((9, more), np.float32)], axis=1)
            self.colors = np.concatenate([self.colors, np.zeros((more, 3), np.uint8)])
            self.looks = np.concatenate([self.looks, np.zeros((more, 3), np.uint8)])
        self.corners[:, row:end] = packed.soup.T
        self.colors[row:end], self.looks[row:end] = packed.colors, packed.looks
