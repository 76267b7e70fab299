"""Triangle meshes, the one currency between map builders, actor models and the rasteriser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """Triangles in CARLA's frame (m).

    vertices   float32 (V, 3)
    triangles  int32 (T, 3), indices into `vertices`; either winding (lighting flips normals to the viewer)
    colors     uint8 (T, 3), RGB albedo
    tags       uint8 (T,), CARLA 0.9.16 semantic tag
    layers     uint8 (T,), 0 = ordinary; higher = decal painted over coplanar lower layers (road markings)
    """

    vertices: np.ndarray
    triangles: np.ndarray
    colors: np.ndarray
    tags: np.ndarray
    layers: np.ndarray

    @staticmethod
    def build(vertices: object, triangles: object, color: object, tag: object, layer: object = 0) -> Mesh:
        """A mesh from array-likes; `color` (3,) or (T, 3), `tag` and `layer` scalars or (T,)."""
        vertex_array = np.ascontiguousarray(np.asarray(vertices, np.float32).reshape(-1, 3))
        triangle_array = np.ascontiguousarray(np.asarray(triangles, np.int32).reshape(-1, 3))
        count = len(triangle_array)
        return Mesh(
            vertex_array,
            triangle_array,
            np.ascontiguousarray(np.broadcast_to(np.asarray(color, np.uint8), (count, 3))),
            np.ascontiguousarray(np.broadcast_to(np.asarray(tag, np.uint8), (count,))),
            np.ascontiguousarray(np.broadcast_to(np.asarray(layer, np.uint8), (count,))),
        )

    @staticmethod
    def concat(meshes: Iterable[Mesh]) -> Mesh:
        """All triangles of `meshes` as one mesh, in order."""
        parts = list(meshes)
        if not parts:
            return Mesh.build(np.zeros((0, 3)), np.zeros((0, 3)), (0, 0, 0), 0)
        offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
        return Mesh(
            np.concatenate([part.vertices for part in parts]),
            np.concatenate([part.triangles + offset for part, offset in zip(parts, offsets)]).astype(np.int32),
            np.concatenate([part.colors for part in parts]),
            np.concatenate([part.tags for part in parts]),
            np.concatenate([part.layers for part in parts]),
        )

    def moved(self, x: float, y: float, z: float) -> Mesh:
        """The same triangles, displaced by metres."""
        vertices = np.ascontiguousarray(self.vertices + np.array((x, y, z), np.float32))
        return Mesh(vertices, self.triangles, self.colors, self.tags, self.layers)
