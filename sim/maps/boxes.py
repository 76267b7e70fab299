"""Collision boxes of what stands in a town and never moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.labels import Label
from sim.render.mesh import Mesh


@dataclass(frozen=True)
class StaticBoxes:
    """Upright boxes in CARLA's frame.

    center  float64 (N, 3) m       extent  float64 (N, 3) half sizes, m
    yaw     float64 (N,) degrees   tag     uint8 (N,) semantic tag
    """

    center: np.ndarray
    extent: np.ndarray
    yaw: np.ndarray
    tag: np.ndarray

    def __len__(self) -> int:
        return len(self.yaw)

    def joined(self, others: StaticBoxes) -> StaticBoxes:
        """These boxes, then `others`."""
        pairs = [(getattr(self, name), getattr(others, name)) for name in ("center", "extent", "yaw", "tag")]
        return StaticBoxes(*(np.concatenate(pair) for pair in pairs))


class BoxList:
    """Collects collision boxes given by the foot, full size and yaw of what they cover, and which mesh shows which."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self._count = 0
        self._owners: dict[int, tuple[Mesh, np.ndarray]] = {}

    def add(self, foot: np.ndarray, size: np.ndarray, yaw: np.ndarray, tag: Label) -> np.ndarray:
        """Boxes from the middle of their floor (N, 3) and full size (N, 3) in m, yaw (N,) in degrees; their numbers."""
        center = foot + np.array([0.0, 0.0, 0.5]) * size
        self._parts.append((center, 0.5 * size, np.asarray(yaw, float), np.full(len(foot), tag, np.uint8)))
        self._count += len(foot)
        return np.arange(self._count - len(foot), self._count)

    def tie(self, mesh: Mesh, numbers: np.ndarray) -> Mesh:
        """Say that a mesh shows the boxes `numbers` (N,), as many triangles each, in order; returns the mesh."""
        if len(numbers):
            owners = np.repeat(numbers, len(mesh.triangles) // len(numbers)).astype(np.int32)
            if len(owners) != len(mesh.triangles):
                raise ValueError(f"{len(mesh.triangles)} triangles cannot be shared out among {len(numbers)} boxes")
            self._owners[id(mesh)] = mesh, owners
        return mesh

    def owners(self, meshes: list[Mesh]) -> np.ndarray:
        """int32 (T,): number of the box that each triangle of `meshes`, one after the other, shows; -1 for none."""
        parts = [
            self._owners[id(mesh)][1] if id(mesh) in self._owners else np.full(len(mesh.triangles), -1, np.int32)
            for mesh in meshes
        ]
        return np.concatenate([np.zeros(0, np.int32), *parts])

    def build(self) -> StaticBoxes:
        empty = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.uint8))
        center, extent, yaw, tag = (np.concatenate(column) for column in zip(empty, *self._parts))
        return StaticBoxes(center, extent, (yaw + 180.0) % 360.0 - 180.0, tag)
