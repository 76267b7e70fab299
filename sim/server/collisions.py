"""Contacts between oriented boxes that stand upright: detection by separating axes, response by impulses."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.server.bodies import WALKER, Record

RESTITUTION = 0.1
CONTACT_FRICTION = 0.4
CORRECTION = 0.8  # share of the overlap that one substep resolves
KNOCK_DOWN = 60.0  # N s that end a walker's walk
STACKING = 0.12  # m; boxes that overlap less in height than this, and than sideways, lie on each other
STACK_DAMPING = 0.97  # of the sliding speed that a substep leaves of a body on another

# Columns of the table of immovable boxes.
STATIC_COLUMNS = 8  # centre x, y, z; half sizes x, y, z; yaw (rad); bounding radius in the plane


def static_table(center: np.ndarray, extent: np.ndarray, yaw_degrees: np.ndarray) -> np.ndarray:
    """Immovable boxes (N, STATIC_COLUMNS) from centres (N, 3), half sizes (N, 3) and yaws (N,) in degrees."""
    table = np.zeros((len(center), STATIC_COLUMNS))
    table[:, 0:3], table[:, 3:6] = center, extent
    table[:, 6] = np.radians(yaw_degrees)
    table[:, 7] = np.hypot(table[:, 3], table[:, 4])
    return table


@njit(nogil=True)
def footprint(rows: np.ndarray, i: int, out: np.ndarray) -> None:
    b = rows[i]
    yaw = math.radians(b.yaw)
    c, s = math.cos(yaw), math.sin(yaw)
    out[0] = b.x + c * b.cx - s * b.cy
    out[1] = b.y + s * b.cx + c * b.cy
    out[2] = b.z + b.cz
    out[3], out[4], out[5] = b.hx, b.hy, b.hz
    out[6] = yaw
    out[7] = math.hypot(b.hx, b.hy)


@njit(nogil=True)
def overlap(a: np.ndarray, b: np.ndarray, contact: np.ndarray) -> bool:
    """Whether two boxes (STATIC_COLUMNS,) overlap; `contact` becomes depth, normal x, y (from b to a), point x, y."""
    if abs(a[2] - b[2]) >= a[5] + b[5]:
        return False
    dx, dy = a[0] - b[0], a[1] - b[1]
    reach = a[7] + b[7]
    if dx * dx + dy * dy >= reach * reach:
        return False
    ca, sa = math.cos(a[6]), math.sin(a[6])
    cb, sb = math.cos(b[6]), math.sin(b[6])
    depth = 1e30
    nx, ny = 1.0, 0.0
    for k in range(4):
        if k == 0:
            ux, uy = ca, sa
        elif k == 1:
            ux, uy = -sa, ca
        elif k == 2:
            ux, uy = cb, sb
        else:
            ux, uy = -sb, cb
        half_a = a[3] * abs(ux * ca + uy * sa) + a[4] * abs(-ux * sa + uy * ca)
        half_b = b[3] * abs(ux * cb + uy * sb) + b[4] * abs(-ux * sb + uy * cb)
        distance = dx * ux + dy * uy
        gap = half_a + half_b - abs(distance)
        if gap <= 0.0:
            return False
        if gap < depth:
            depth = gap
            sign = 1.0 if distance >= 0.0 else -1.0
            nx, ny = ux * sign, uy * sign
    # The contact point is the mean of the corners of each box that lie in the other.
    px, py, found = 0.0, 0.0, 0
    for k in range(4):
        ex = 1.0 if k % 2 == 0 else -1.0
        ey = 1.0 if k < 2 else -1.0
        qx = a[0] + ca * ex * a[3] - sa * ey * a[4]
        qy = a[1] + sa * ex * a[3] + ca * ey * a[4]
        lx, ly = (qx - b[0]) * cb + (qy - b[1]) * sb, -(qx - b[0]) * sb + (qy - b[1]) * cb
        if abs(lx) <= b[3] + 1e-9 and abs(ly) <= b[4] + 1e-9:
            px, py, found = px + qx, py + qy, found + 1
        qx = b[0] + cb * ex * b[3] - sb * ey * b[4]
        qy = b[1] + sb * ex * b[3] + cb * ey * b[4]
        lx, ly = (qx - a[0]) * ca + (qy - a[1]) * sa, -(qx - a[0]) * sa + (qy - a[1]) * ca
        if abs(lx) <= a[3] + 1e-9 and abs(ly) <= a[4] + 1e-9:
            px, py, found = px + qx, py + qy, found + 1
    if found > 0:
        px, py = px / found, py / found
    else:
        px, py = 0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])
    contact[0], contact[1], contact[2], contact[3], contact[4] = depth, nx, ny, px, py
    return True


@njit(nogil=True)
def _stand_on(upper: Record, depth: float) -> None:
    """Lift a body that came down on another; it lies there without sliding."""
    if upper.simulate != 0 and upper.gravity != 0 and upper.vz <= 0.0:
        upper.z += depth
        upper.vz = 0.0
        upper.vx *= STACK_DAMPING
        upper.vy *= STACK_DAMPING


@njit(nogil=True)
def resolve(rows: np.ndarray, statics: np.ndarray, pairs: np.ndarray, total: int, impulses: np.ndarray) -> None:
    """Push touching pairs apart; adds the impulse (N s, on the first of the pair) to `impulses` (P, 3).

    impulses[:, 2] counts the substeps in which the pair touched.
    """
    box_a, box_b = np.empty(STATIC_COLUMNS), np.empty(STATIC_COLUMNS)
    contact = np.empty(5)
    for p in range(total):
        i, j = pairs[p, 0], pairs[p, 1]
        footprint(rows, i, box_a)
        if j >= 0:
            footprint(rows, j, box_b)
        else:
            box_b[:] = statics[-1 - j]
        if not overlap(box_a, box_b, contact):
            continue
        depth, nx, ny, px, py = contact[0], contact[1], contact[2], contact[3], contact[4]
        a = rows[i]
        stacked = box_a[5] + box_b[5] - abs(box_a[2] - box_b[2])
        if stacked < min(depth, STACKING):
            impulses[p, 2] += 1.0
            if box_a[2] > box_b[2]:
                _stand_on(a, stacked)
            elif j >= 0:
                _stand_on(rows[j], stacked)
            continue
        inverse_a = 1.0 / a.mass if a.simulate != 0 else 0.0
        spin_a = 1.0 / a.inertia if a.simulate != 0 else 0.0
        ax, ay = px - a.x, py - a.y
        wa = math.radians(a.wz)
        rel_x, rel_y = a.vx - wa * ay, a.vy + wa * ax
        inverse_b, spin_b, bx, by = 0.0, 0.0, 0.0, 0.0
        if j >= 0:
            b = rows[j]
            if b.simulate != 0:
                inverse_b, spin_b = 1.0 / b.mass, 1.0 / b.inertia
            bx, by = px - b.x, py - b.y
            wb = math.radians(b.wz)
            rel_x -= b.vx - wb * by
            rel_y -= b.vy + wb * bx
        if inverse_a + inverse_b == 0.0:
            continue
        impulses[p, 2] += 1.0
        # Separate the boxes.
        push = CORRECTION * depth / (inverse_a + inverse_b)
        a.x += push * inverse_a * nx
        a.y += push * inverse_a * ny
        if j >= 0:
            b = rows[j]
            b.x -= push * inverse_b * nx
            b.y -= push * inverse_b * ny
        approach = rel_x * nx + rel_y * ny
        if approach >= 0.0:
            continue
        cross_a, cross_b = ax * ny - ay * nx, bx * ny - by * nx
        normal = -(1.0 + RESTITUTION) * approach
        normal /= inverse_a + inverse_b + cross_a * cross_a * spin_a + cross_b * cross_b * spin_b
        tx, ty = -ny, nx
        sliding = rel_x * tx + rel_y * ty
        turn_a, turn_b = ax * ty - ay * tx, bx * ty - by * tx
        friction = -sliding / (inverse_a + inverse_b + turn_a * turn_a * spin_a + turn_b * turn_b * spin_b)
        friction = min(CONTACT_FRICTION * normal, max(-CONTACT_FRICTION * normal, friction))
        jx, jy = normal * nx + friction * tx, normal * ny + friction * ty
        a.vx += jx * inverse_a
        a.vy += jy * inverse_a
        a.wz += math.degrees((ax * jy - ay * jx) * spin_a)
        if a.kind == WALKER and a.sturdy == 0 and normal > KNOCK_DOWN:
            a.down = 1
        if j >= 0:
            b = rows[j]
            b.vx -= jx * inverse_b
            b.vy -= jy * inverse_b
            b.wz -= math.degrees((bx * jy - by * jx) * spin_b)
            if b.kind == WALKER and b.sturdy == 0 and normal > KNOCK_DOWN:
                b.down = 1
        impulses[p, 0] += jx
        impulses[p, 1] += jy
