"""Rays against a static world and movable actors: what LiDAR, radar, obstacle sensors and map queries meet.

The same triangles as the cameras draw. Static and actor meshes each have a hierarchy of their own (`sim.render.bvh`);
actors are placed by a rigid transform each tick, under a small hierarchy of their boxes. Arithmetic is in float64 on
the float32 corners, without fast-math: same arguments give the same bits.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit

from sim.geometry import Pose, rotation_matrix
from sim.render import bvh
from sim.render.bvh import STACK
from sim.render.mesh import Mesh

DECAL_GAP_M = 0.01
"""Parallel surfaces closer than this are one painted surface, of which a ray meets the paint (the higher layer)."""

EDGE_SLACK = 1e-9
"""Barycentric tolerance: a ray through the edge that two triangles share must meet at least one of them."""


class Placed(Protocol):
    """An actor's mesh in the world; `sim.render.renderer.Movable` is one. Meshes are told apart by identity."""

    @property
    def actor_id(self) -> int: ...

    @property
    def mesh(self) -> Mesh: ...

    @property
    def pose(self) -> Pose: ...


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


class Instances(NamedTuple):
    """Actors placed for one tick, under their own hierarchy.

    bounds, kids, order  the hierarchy over their boxes in the world
    inverses  float64 (N, 3, 4), world to mesh frame
    roots     int32 (N,), root node of their mesh in the model index
    actors    uint32 (N,)
    models    the index of all actor meshes
    """

    bounds: np.ndarray
    kids: np.ndarray
    order: np.ndarray
    inverses: np.ndarray
    roots: np.ndarray
    actors: np.ndarray
    models: Index


@dataclass(frozen=True)
class Hits:
    """What N rays met first.

    distance  float64 (N,), in units of the ray's direction (metres if it has unit length); inf where nothing was met
    normal    float32 (N, 3), unit, in the world, towards the ray's origin; zero where nothing was met
    tag       uint8 (N,), CARLA semantic tag
    actor     uint32 (N,), actor id, 0 for the static world
    triangle  int32 (N,), row of the static (or the actor's) mesh's `triangles`, -1 where nothing was met
    """

    distance: np.ndarray
    normal: np.ndarray
    tag: np.ndarray
    actor: np.ndarray
    triangle: np.ndarray


@njit(nogil=True, error_model="numpy", inline="always")
def _norm(x, y, z):  # type: ignore[no-untyped-def]
    return math.sqrt(x * x + y * y + z * z)


@njit(nogil=True, error_model="numpy", inline="always")
def _reciprocal(d):  # type: ignore[no-untyped-def]
    # Never infinite: zero times infinity would lose rays that run along a face of a box.
    return 1.0 / d if abs(d) > 1e-30 else 1e30


@njit(nogil=True, error_model="numpy", inline="always")
def _enter(bounds, node, ox, oy, oz, ix, iy, iz, limit):  # type: ignore[no-untyped-def]
    """Where a ray enters a node's box, or infinity when it misses it or enters beyond `limit`."""
    a, b = (bounds[node, 0] - ox) * ix, (bounds[node, 3] - ox) * ix
    near, far = (a, b) if a < b else (b, a)
    a, b = (bounds[node, 1] - oy) * iy, (bounds[node, 4] - oy) * iy
    if a > b:
        a, b = b, a
    near, far = max(near, a), min(far, b)
    a, b = (bounds[node, 2] - oz) * iz, (bounds[node, 5] - oz) * iz
    if a > b:
        a, b = b, a
    near, far = max(near, a), min(far, b)
    near = max(near, 0.0)
    # The far side is rounded outwards, or a flat box would be missed.
    return near if near <= far * (1.0 + 1e-12) + 1e-12 and near <= limit else np.inf


@njit(nogil=True, error_model="numpy", inline="always")
def _cross(soup, t, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Distance at which a ray crosses triangle t and its normal, not unit (Moeller and Trumbore 1997). Negative: no."""
    ax, ay, az = float(soup[t, 0]), float(soup[t, 1]), float(soup[t, 2])
    ex, ey, ez = soup[t, 3] - ax, soup[t, 4] - ay, soup[t, 5] - az
    fx, fy, fz = soup[t, 6] - ax, soup[t, 7] - ay, soup[t, 8] - az
    nx, ny, nz = ey * fz - ez * fy, ez * fx - ex * fz, ex * fy - ey * fx
    px, py, pz = dy * fz - dz * fy, dz * fx - dx * fz, dx * fy - dy * fx
    det = ex * px + ey * py + ez * pz
    if det == 0.0:
        return -1.0, nx, ny, nz
    inverse = 1.0 / det
    sx, sy, sz = ox - ax, oy - ay, oz - az
    u = (sx * px + sy * py + sz * pz) * inverse
    if u < -EDGE_SLACK or u > 1.0 + EDGE_SLACK:
        return -1.0, nx, ny, nz
    qx, qy, qz = sy * ez - sz * ey, sz * ex - sx * ez, sx * ey - sy * ex
    v = (dx * qx + dy * qy + dz * qz) * inverse
    if v < -EDGE_SLACK or u + v > 1.0 + EDGE_SLACK:
        return -1.0, nx, ny, nz
    at = (fx * qx + fy * qy + fz * qz) * inverse
    return at, nx, ny, nz


@njit(nogil=True, error_model="numpy")
def _nearest(bounds, kids, soup, looks, root, ox, oy, oz, dx, dy, dz, limit, nodes, enters):  # type: ignore[no-untyped-def]
    """First crossing up to `limit`: distance, triangle (-1: none) and its normal (not unit)."""
    ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
    best, found = limit, -1
    bx, by, bz = 0.0, 0.0, 0.0
    slack = 0.0
    at = _enter(bounds, root, ox, oy, oz, ix, iy, iz, best)
    if at == np.inf:
        return best, found, bx, by, bz
    nodes[0], enters[0] = root, at
    waiting = 1
    while waiting > 0:
        waiting -= 1
        if enters[waiting] > best + slack:
            continue
        node = nodes[waiting]
        while kids[node, 1] < 0:
            left = kids[node, 0]
            a = _enter(bounds, left, ox, oy, oz, ix, iy, iz, best + slack)
            b = _enter(bounds, left + 1, ox, oy, oz, ix, iy, iz, best + slack)
            if a == np.inf and b == np.inf:
                node = -1
                break
            if a <= b:
                if b < np.inf:
                    nodes[waiting], enters[waiting] = left + 1, b
                    waiting += 1
                node = left
            else:
                if a < np.inf:
                    nodes[waiting], enters[waiting] = left, a
                    waiting += 1
                node = left + 1
        if node < 0:
            continue
        first = kids[node, 0]
        for t in range(first, first + kids[node, 1]):
            at, nx, ny, nz = _cross(soup, t, ox, oy, oz, dx, dy, dz)
            if at < 0.0 or at > best + slack or at > limit:
                continue
            nearer = at < best or found < 0
            if found >= 0 and looks[t, 1] != looks[found, 1]:
                # Paint and what it is painted on: parallel, and no gap between them.
                n = nx * nx + ny * ny + nz * nz
                dot = nx * bx + ny * by + nz * bz
                fall = nx * dx + ny * dy + nz * dz
                gap = (at - best) * fall
                if dot * dot > 0.999 * n * (bx * bx + by * by + bz * bz) and gap * gap <= DECAL_GAP_M**2 * n:
                    nearer = looks[t, 1] > looks[found, 1]
            if nearer:
                best, found = at, t
                bx, by, bz = nx, ny, nz
                n, fall = _norm(nx, ny, nz), abs(nx * dx + ny * dy + nz * dz)
                slack = DECAL_GAP_M * n / fall if fall > 0.0 else 0.0
                slack = min(slack, 0.01 * best)
    return best, found, bx, by, bz


@njit(cache=True, nogil=True, error_model="numpy")
def _cast(static, placed, origins, directions, limits, hidden, nodes, enters, distance, normal, tag, actor, triangle):  # type: ignore[no-untyped-def]
    """Fill the columns of `Hits`; `hidden` is the actor that rays pass through, `nodes` and `enters` are two stacks."""
    models = placed.models
    for ray in range(len(directions)):
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        best, found, nx, ny, nz = _nearest(
            static.bounds, static.kids, static.soup, static.looks, 0,
            ox, oy, oz, dx, dy, dz, limits[ray], nodes[0], enters[0],
        )  # fmt: skip
        mark = static.looks[found, 0] if found >= 0 else 0
        row = static.source[found] if found >= 0 else -1
        owner = np.uint32(0)
        if len(placed.roots) > 0:
            ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
            waiting = 0
            if _enter(placed.bounds, 0, ox, oy, oz, ix, iy, iz, best) < np.inf:
                nodes[1, 0] = 0
                waiting = 1
            while waiting > 0:
                waiting -= 1
                node = nodes[1, waiting]
                first, count = placed.kids[node, 0], placed.kids[node, 1]
                if count < 0:
                    for child in range(first, first + 2):
                        if _enter(placed.bounds, child, ox, oy, oz, ix, iy, iz, best) < np.inf:
                            nodes[1, waiting] = child
                            waiting += 1
                    continue
                for k in range(first, first + count):
                    i = placed.order[k]
                    if placed.actors[i] == hidden:
                        continue
                    m = placed.inverses[i]
                    at, hit, lx, ly, lz = _nearest(
                        models.bounds, models.kids, models.soup, models.looks, placed.roots[i],
                        m[0, 0] * ox + m[0, 1] * oy + m[0, 2] * oz + m[0, 3],
                        m[1, 0] * ox + m[1, 1] * oy + m[1, 2] * oz + m[1, 3],
                        m[2, 0] * ox + m[2, 1] * oy + m[2, 2] * oz + m[2, 3],
                        m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz,
                        m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz,
                        m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz,
                        best, nodes[0], enters[0],
                    )  # fmt: skip
                    if hit >= 0 and (at < best or row < 0):
                        best, mark, row, owner = at, models.looks[hit, 0], models.source[hit], placed.actors[i]
                        nx = m[0, 0] * lx + m[1, 0] * ly + m[2, 0] * lz
                        ny = m[0, 1] * lx + m[1, 1] * ly + m[2, 1] * lz
                        nz = m[0, 2] * lx + m[1, 2] * ly + m[2, 2] * lz
        if row < 0:
            distance[ray] = np.inf
            normal[ray, :] = 0.0
        else:
            distance[ray] = best
            length = _norm(nx, ny, nz)
            if nx * dx + ny * dy + nz * dz > 0.0:
                length = -length
            normal[ray, 0], normal[ray, 1], normal[ray, 2] = nx / length, ny / length, nz / length
        tag[ray], actor[ray], triangle[ray] = mark, owner, row


@njit(cache=True, nogil=True, error_model="numpy")
def _all(index, root, origin, direction, limit, nodes, at_out, row_out):  # type: ignore[no-untyped-def]
    """All crossings up to `limit` in one hierarchy, unsorted; returns how many there are, which may exceed the room."""
    ox, oy, oz = origin[0], origin[1], origin[2]
    dx, dy, dz = direction[0], direction[1], direction[2]
    ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
    count, waiting = 0, 1
    nodes[0] = root
    while waiting > 0:
        waiting -= 1
        node = nodes[waiting]
        if _enter(index.bounds, node, ox, oy, oz, ix, iy, iz, limit) == np.inf:
            continue
        first, items = index.kids[node, 0], index.kids[node, 1]
        if items < 0:
            nodes[waiting], nodes[waiting + 1] = first + 1, first
            waiting += 2
            continue
        for t in range(first, first + items):
            at, _, _, _ = _cross(index.soup, t, ox, oy, oz, dx, dy, dz)
            if 0.0 <= at <= limit:
                if count < len(at_out):
                    at_out[count], row_out[count] = at, t
                count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _near(placed, origin, direction, limit, nodes, out):  # type: ignore[no-untyped-def]
    """Instances whose boxes a ray enters within `limit`, or that share a leaf with one; returns how many."""
    if len(placed.roots) == 0:
        return 0
    ox, oy, oz = origin[0], origin[1], origin[2]
    ix, iy, iz = _reciprocal(direction[0]), _reciprocal(direction[1]), _reciprocal(direction[2])
    count, waiting = 0, 1
    nodes[0] = 0
    while waiting > 0:
        waiting -= 1
        node = nodes[waiting]
        if _enter(placed.bounds, node, ox, oy, oz, ix, iy, iz, limit) == np.inf:
            continue
        first, items = placed.kids[node, 0], placed.kids[node, 1]
        if items < 0:
            nodes[waiting], nodes[waiting + 1] = first + 1, first
            waiting += 2
            continue
        for k in range(first, first + items):
            out[count] = placed.order[k]
            count += 1
    return count


def _index(mesh: Mesh) -> Index:
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
            known = (weakref.ref(mesh, lambda _: _SHARED.pop(key, None)), _index(mesh))
            _SHARED[key] = known
        return known[1]


class _Library:
    """Indices of actor meshes side by side, so that one kernel reaches them all; starts afresh at `LIMIT` meshes."""

    LIMIT = 512

    def __init__(self) -> None:
        self._roots: dict[int, tuple[Mesh, int]] = {}
        self.index = _index(Mesh.concat([]))

    def roots(self, meshes: list[Mesh]) -> np.ndarray:
        """Root node of each mesh in `index`, int32 (N,)."""
        fresh = {id(mesh): mesh for mesh in meshes if id(mesh) not in self._roots}
        if fresh and len(self._roots) + len(fresh) > self.LIMIT:
            fresh = {id(mesh): mesh for mesh in meshes}
            self._roots.clear()
            self.index = _index(Mesh.concat([]))
        if fresh:
            parts = [self.index]
            node, item = len(self.index.kids), len(self.index.source)
            for key, mesh in fresh.items():
                part = index_of(mesh)
                leaf = part.kids[:, 1:] >= 0
                kids = part.kids.copy()
                kids[:, :1] += np.where(leaf, item, node)
                parts.append(part._replace(kids=kids))
                self._roots[key] = (mesh, node)
                node, item = node + len(kids), item + len(part.source)
            self.index = Index(*(np.concatenate(column) for column in zip(*parts)))
        return np.array([self._roots[id(mesh)][1] for mesh in meshes], np.int32)


class RayScene:
    """One static world that rays can be cast into. One thread at a time; kernels release the GIL.

    All scenes over one mesh object share its hierarchy, so a second world of a town costs nothing.
    """

    def __init__(self, static: Mesh) -> None:
        self.static = index_of(static)
        self._library = _Library()
        self._nodes = np.empty((2, STACK), np.int32)
        self._enters = np.empty((1, STACK))
        self.nobody = self.place([])

    def place(self, actors: Sequence[Placed]) -> Instances:
        """Actors where they are now; good for any number of casts."""
        roots = self._library.roots([actor.mesh for actor in actors])
        models = self._library.index
        poses = np.array([actor.pose for actor in actors], float).reshape(-1, 6)
        turns = np.moveaxis(rotation_matrix(*poses[:, 3:].T), -1, 0)
        inverses = np.empty((len(poses), 3, 4))
        inverses[:, :, :3] = np.swapaxes(turns, 1, 2)
        inverses[:, :, 3] = -np.einsum("nji,nj->ni", turns, poses[:, :3])
        low, high = models.bounds[roots, :3].astype(float), models.bounds[roots, 3:].astype(float)
        center = np.einsum("nij,nj->ni", turns, (low + high) / 2.0) + poses[:, :3]
        half = np.einsum("nij,nj->ni", np.abs(turns), (high - low) / 2.0) + 1e-3  # room for float32 boxes
        tree = bvh.build((center - half).astype(np.float32), (center + half).astype(np.float32))
        return Instances(
            tree.bounds,
            tree.kids,
            tree.order,
            inverses,
            roots,
            np.array([actor.actor_id for actor in actors], np.int64).astype(np.uint32),
            models,
        )

    def cast(
        self,
        origins: np.ndarray,
        directions: np.ndarray,
        limit: float | np.ndarray = np.inf,
        placed: Instances | None = None,
        hidden: int = 0,
    ) -> Hits:
        """First hits of rays from `origins` (3,) or (N, 3) along `directions` (N, 3), world frame (m).

        `limit`, a number or (N,), is the farthest distance in units of the direction. Surfaces are met from both sides.
        `hidden` is the id of an actor that rays pass through. Where a decal lies on its surface, the decal is met.
        """
        directions = np.array(directions, np.float64).reshape(-1, 3)
        count = len(directions)
        # Copies, not views: a read-only array would make Numba compile the kernel a second time.
        starts, limits = np.empty((count, 3)), np.empty(count)
        starts[:], limits[:] = origins, limit
        hits = Hits(
            np.empty(count),
            np.empty((count, 3), np.float32),
            np.empty(count, np.uint8),
            np.empty(count, np.uint32),
            np.empty(count, np.int32),
        )
        _cast(
            self.static,
            placed if placed is not None else self.nobody,
            starts,
            directions,
            limits,
            np.uint32(hidden),
            self._nodes,
            self._enters,
            hits.distance,
            hits.normal,
            hits.tag,
            hits.actor,
            hits.triangle,
        )
        return hits

    def crossings(
        self,
        origin: Sequence[float] | np.ndarray,
        direction: Sequence[float] | np.ndarray,
        limit: float,
        placed: Instances | None = None,
    ) -> list[tuple[float, int, int, int]]:
        """Every surface that one ray crosses, nearest first: (distance, tag, actor id or 0, row of the mesh)."""
        placed = placed if placed is not None else self.nobody
        start, way = np.asarray(origin, np.float64), np.asarray(direction, np.float64)
        found = self._crossings(self.static, 0, start, way, limit, 0)
        near = np.empty(len(placed.roots), np.int32)
        for i in near[: _near(placed, start, way, float(limit), self._nodes[0], near)].tolist():
            turn, shift = placed.inverses[i, :, :3], placed.inverses[i, :, 3]
            root, actor = int(placed.roots[i]), int(placed.actors[i])
            found += self._crossings(placed.models, root, turn @ start + shift, turn @ way, limit, actor)
        return sorted(found)

    def _crossings(
        self, index: Index, root: int, origin: np.ndarray, direction: np.ndarray, limit: float, actor: int
    ) -> list[tuple[float, int, int, int]]:
        room = 64
        while True:
            at, row = np.empty(room), np.empty(room, np.int32)
            count = _all(index, root, origin, direction, float(limit), self._nodes[0], at, row)
            if count <= room:
                break
            room = count
        return [(float(at[k]), int(index.looks[row[k], 0]), actor, int(index.source[row[k]])) for k in range(count)]
