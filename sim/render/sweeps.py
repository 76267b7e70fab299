"""A ball pushed along a line through the rays' geometry: what it touches first, and after which way.

Exact against triangles: the ball's centre meets a triangle's faces moved out by the radius, cylinders about its edges
or balls about its corners.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.geometry import product
from sim.render.bvh import STACK
from sim.render.ray_actors import Instances
from sim.render.rays import RayScene


@dataclass(frozen=True)
class Touch:
    """The way (m) that the ball went, the tag that it touched, and the actor (0: the static world)."""

    distance: float
    tag: int
    actor: int


@njit(nogil=True, error_model="numpy")
def _corner(ax, ay, az, dx, dy, dz, r, best):  # type: ignore[no-untyped-def]
    """Way to a ball of radius r about a corner at a (relative to the start), direction d of unit length."""
    along = ax * dx + ay * dy + az * dz
    root = along * along - (ax * ax + ay * ay + az * az - r * r)
    if root < 0.0:
        return best
    at = along - math.sqrt(root)
    return at if 0.0 <= at < best else best


@njit(nogil=True, error_model="numpy")
def _edge(ax, ay, az, ex, ey, ez, dx, dy, dz, r, best):  # type: ignore[no-untyped-def]
    """Way to a cylinder of radius r about the edge from a to a + e (relative to the start)."""
    ee = ex * ex + ey * ey + ez * ez
    if ee == 0.0:
        return best
    ed, ea = (ex * dx + ey * dy + ez * dz) / ee, (ex * ax + ey * ay + ez * az) / ee
    # Parts across the edge.
    px, py, pz = dx - ed * ex, dy - ed * ey, dz - ed * ez
    qx, qy, qz = ax - ea * ex, ay - ea * ey, az - ea * ez
    pp, pq = px * px + py * py + pz * pz, px * qx + py * qy + pz * qz
    root = pq * pq - pp * (qx * qx + qy * qy + qz * qz - r * r)
    if pp == 0.0 or root < 0.0:
        return best
    at = (pq - math.sqrt(root)) / pp
    place = at * ed - ea
    return at if 0.0 <= at < best and 0.0 <= place <= 1.0 else best


@njit(nogil=True, error_model="numpy")
def _gap(ax, ay, az, ex, ey, ez, fx, fy, fz):  # type: ignore[no-untyped-def]
    """Squared distance of the origin to the triangle a, a + e, a + f."""
    d1, d2 = -(ex * ax + ey * ay + ez * az), -(fx * ax + fy * ay + fz * az)
    ee, ff, ef = ex * ex + ey * ey + ez * ez, fx * fx + fy * fy + fz * fz, ex * fx + ey * fy + ez * fz
    area = ee * ff - ef * ef
    if area > 0.0:
        v, w = (ff * d1 - ef * d2) / area, (ee * d2 - ef * d1) / area
        if v >= 0.0 and w >= 0.0 and v + w <= 1.0:
            x, y, z = ax + v * ex + w * fx, ay + v * ey + w * fy, az + v * ez + w * fz
            return x * x + y * y + z * z
    near = np.inf
    for side in range(3):
        if side == 0:
            sx, sy, sz, gx, gy, gz = ax, ay, az, ex, ey, ez
        elif side == 1:
            sx, sy, sz, gx, gy, gz = ax, ay, az, fx, fy, fz
        else:
            sx, sy, sz, gx, gy, gz = ax + ex, ay + ey, az + ez, fx - ex, fy - ey, fz - ez
        gg = gx * gx + gy * gy + gz * gz
        t = -(sx * gx + sy * gy + sz * gz) / gg if gg > 0.0 else 0.0
        t = min(max(t, 0.0), 1.0)
        x, y, z = sx + t * gx, sy + t * gy, sz + t * gz
        near = min(near, x * x + y * y + z * z)
    return near


@njit(nogil=True, error_model="numpy")
def _touch(soup, t, ox, oy, oz, dx, dy, dz, r, best):  # type: ignore[no-untyped-def]
    """Way to triangle t, or `best` if that is shorter."""
    ax, ay, az = soup[t, 0] - ox, soup[t, 1] - oy, soup[t, 2] - oz
    ex, ey, ez = soup[t, 3] - ox - ax, soup[t, 4] - oy - ay, soup[t, 5] - oz - az
    fx, fy, fz = soup[t, 6] - ox - ax, soup[t, 7] - oy - ay, soup[t, 8] - oz - az
    if _gap(ax, ay, az, ex, ey, ez, fx, fy, fz) <= r * r:
        return 0.0
    nx, ny, nz = ey * fz - ez * fy, ez * fx - ex * fz, ex * fy - ey * fx
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    if length > 0.0:
        nx, ny, nz = nx / length, ny / length, nz / length
        height, fall = nx * ax + ny * ay + nz * az, nx * dx + ny * dy + nz * dz
        if fall != 0.0:
            at = (height - r if fall > 0.0 else height + r) / fall
            if 0.0 <= at < best:
                # Where the ball touches the plane: inside the triangle?
                side = r if fall > 0.0 else -r
                x, y, z = at * dx + side * nx - ax, at * dy + side * ny - ay, at * dz + side * nz - az
                ee, ff, ef = ex * ex + ey * ey + ez * ez, fx * fx + fy * fy + fz * fz, ex * fx + ey * fy + ez * fz
                xe, xf = x * ex + y * ey + z * ez, x * fx + y * fy + z * fz
                area = ee * ff - ef * ef
                v, w = (ff * xe - ef * xf) / area, (ee * xf - ef * xe) / area
                if v >= 0.0 and w >= 0.0 and v + w <= 1.0:
                    best = at
    best = _edge(ax, ay, az, ex, ey, ez, dx, dy, dz, r, best)
    best = _edge(ax, ay, az, fx, fy, fz, dx, dy, dz, r, best)
    best = _edge(ax + ex, ay + ey, az + ez, fx - ex, fy - ey, fz - ez, dx, dy, dz, r, best)
    best = _corner(ax, ay, az, dx, dy, dz, r, best)
    best = _corner(ax + ex, ay + ey, az + ez, dx, dy, dz, r, best)
    return _corner(ax + fx, ay + fy, az + fz, dx, dy, dz, r, best)


@njit(nogil=True, error_model="numpy")
def _outside(bounds, node, ox, oy, oz, dx, dy, dz, r, best):  # type: ignore[no-untyped-def]
    """Whether the ball stays out of a node's box on its first `best` metres; boxes are grown by r, corners included."""
    near, far = 0.0, best
    for k in range(3):
        o, d = (ox, dx) if k == 0 else ((oy, dy) if k == 1 else (oz, dz))
        low, high = bounds[node, k] - r - o, bounds[node, 3 + k] + r - o
        if abs(d) < 1e-12:
            if low > 0.0 or high < 0.0:
                return True
            continue
        a, b = (low / d, high / d) if d > 0.0 else (high / d, low / d)
        near, far = max(near, a), min(far, b)
    return near > far


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(index, root, origin, way, radius, limit, nodes):  # type: ignore[no-untyped-def]
    """First touch in one hierarchy: distance and triangle, -1 for none within `limit`."""
    ox, oy, oz, dx, dy, dz = origin[0], origin[1], origin[2], way[0], way[1], way[2]
    best, found = limit, -1
    nodes[0] = root
    waiting = 1
    while waiting > 0:
        waiting -= 1
        node = nodes[waiting]
        if _outside(index.bounds, node, ox, oy, oz, dx, dy, dz, radius, best):
            continue
        first, count = index.kids[node, 0], index.kids[node, 1]
        if count < 0:
            nodes[waiting], nodes[waiting + 1] = first + 1, first
            waiting += 2
            continue
        for t in range(first, first + count):
            at = _touch(index.soup, t, ox, oy, oz, dx, dy, dz, radius, best)
            if at < best or (at == 0.0 and found < 0):
                best, found = at, t
    return best, found


def sweep(
    scene: RayScene,
    origin: np.ndarray,
    direction: np.ndarray,
    length: float,
    radius: float,
    placed: Instances | None = None,
    hidden: int = 0,
    static: bool = True,
) -> Touch | None:
    """What a ball of `radius` (m) touches first on its way of `length` (m) along a unit `direction` from `origin` (3,).

    `hidden` is the id of an actor that it passes through; `static` False looks at actors only. A ball that touches
    something where it starts has gone no way.
    """
    nodes = np.empty(STACK, np.int32)
    start, way = np.array(origin, np.float64), np.array(direction, np.float64)
    touch: Touch | None = None
    best = float(length)
    if static:
        best, found = _sweep(scene.static, 0, start, way, float(radius), best, nodes)
        if found >= 0:
            touch = Touch(best, int(scene.static.looks[found, 0]), 0)
    placed = placed if placed is not None else scene.nobody
    pieces = placed.pieces_along(start, way, best, nodes, float(radius))
    table = placed.table
    for piece, row in pieces:
        actor = int(table.actors[row])
        if actor == hidden:
            continue
        turn, shift = table.inverses[piece, :, :3], table.inverses[piece, :, 3]
        root = int(table.roots[piece])
        at, found = _sweep(
            table.models, root, product(start, turn.T) + shift, product(way, turn.T), float(radius), best, nodes
        )
        if found >= 0 and (at < best or touch is None):
            best = at
            touch = Touch(at, int(table.models.looks[found, 0]), actor)
    return touch
