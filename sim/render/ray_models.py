"""Meshes as rays meet them: triangles in hierarchies, one mesh alone or many side by side."""

from __future__ import annotations

import threading
import weakref
from typing import NamedTuple

import numpy as np

from sim.render import bvh
from sim.render.mesh import Mesh


class Index(NamedTuple):
    """Triangles in a hierarchy: `bounds`, `kids` as in `sim.render.bvh`; the others in leaf order.

    soup    float32 (T, 9), three corners in the mesh frame (m)
    looks   uint8 (T, 2), tag and decal layer
    source  int32 (T,), row in the mesh's `triangles`
    """

    bounds: np.ndarray
    kids: np.ndarray
    soup: np.ndarray
    looks: np.ndarray
    source: np.ndarray


def build(mesh: Mesh) -> Index:
    corners = mesh.vertices[mesh.triangles].astype(np.float32).reshape(-1, 3, 3)
    tree = (
        bvh.build(corners.min(axis=1), corners.max(axis=1)) if len(corners) else bvh.build(corners[:, 0], corners[:, 0])
    )
    looks = np.stack([mesh.tags, mesh.layers], axis=1)[tree.order]
    return Index(tree.bounds, tree.kids, corners[tree.order].reshape(-1, 9), np.ascontiguousarray(looks), tree.order)


_SHARED: dict[int, tuple[weakref.ref[Mesh], Index]] = {}
_LOCK = threading.Lock()


def index_of(mesh: Mesh) -> Index:
    """The hierarchy of a mesh, built once per mesh object and shared by everybody who asks (any thread)."""
    with _LOCK:
        known = _SHARED.get(id(mesh))
        if known is None or known[0]() is not mesh:
            key = id(mesh)
            known = (weakref.ref(mesh, lambda _: _SHARED.pop(key, None)), build(mesh))
            _SHARED[key] = known
        return known[1]


class Library:
    """Indices of meshes side by side, so that one kernel reaches them all. It only grows; `full` says when to start
    another."""

    LIMIT = 2048

    def __init__(self) -> None:
        self._roots: dict[int, tuple[Mesh, int]] = {}
        self._columns = build(Mesh.concat([]))
        self._paint: set[int] = set()
        self._nodes = self._items = 0

    @property
    def full(self) -> bool:
        return len(self._roots) >= self.LIMIT

    @property
    def index(self) -> Index:
        """All meshes so far. What it holds stays as it is when more meshes are added."""
        c, nodes, items = self._columns, self._nodes, self._items
        return Index(c.bounds[:nodes], c.kids[:nodes], c.soup[:items], c.looks[:items], c.source[:items])

    def root(self, mesh: Mesh) -> int:
        """Root node of a mesh in `index`."""
        known = self._roots.get(id(mesh))
        if known is None:
            known = self._roots[id(mesh)] = (mesh, self._append(mesh))
        return known[1]

    def is_paint(self, root: int) -> bool:
        """Whether the mesh at a root is nothing but paint on another one."""
        return root in self._paint

    def _append(self, mesh: Mesh) -> int:
        part = index_of(mesh)
        root = self._nodes
        nodes, items = root + len(part.kids), self._items + len(part.source)
        self._columns = Index(
            *(
                _room(column, used, need)
                for column, used, need in zip(
                    self._columns, (root, root, *[self._items] * 3), (nodes, nodes, *[items] * 3), strict=True
                )
            )
        )
        kids = part.kids.copy()
        kids[:, 0] += np.where(kids[:, 1] >= 0, self._items, root)
        for column, fresh, start in zip(
            self._columns, part._replace(kids=kids), (root, root, *[self._items] * 3), strict=True
        ):
            column[start : start + len(fresh)] = fresh
        self._nodes, self._items = nodes, items
        if len(mesh.layers) and int(mesh.layers.min()) > 0:
            self._paint.add(root)
        return root


def _room(column: np.ndarray, used: int, need: int) -> np.ndarray:
    """The column, or a longer copy of what is used of it."""
    if need <= len(column):
        return column
    longer = np.zeros((max(need, 2 * len(column)), *column.shape[1:]), column.dtype)
    longer[:used] = column[:used]
    return longer
