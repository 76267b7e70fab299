"""Shadows of actors on the ground: what they hide of the sun, and of all light right under them."""

from __future__ import annotations

import math

from numba import njit

from sim.render.ground_shadows import MAX_SLANT

SOFT_M = 0.22
CONTACT_M = 0.5
LONGEST_M = 9.0


@njit(cache=True, nogil=True, error_model="numpy")
def cast_shadows(depth, ids, lit, marks, texture, boxes, sun, view, shadow, rows_touched):  # type: ignore[no-untyped-def]
    """Write into shadow (H, W, 2) what actors hide of the sun and of all light, given the (2H, 2W) visibility buffer.

    The rows rows_touched[0] to rows_touched[1] of `shadow` are cleared first; then those that this call writes to are
    put there.

    boxes (N, 8): footprint centre x, y, ground z, cos yaw, sin yaw, half length, half width, height. A body is taken
    as a box that narrows upwards (a roof is smaller than a floor pan), swept away from the sun; edges are soft.
    """
    height, width = shadow.shape[0], shadow.shape[1]
    across, down = ids.shape[1] // width, ids.shape[0] // height
    turn, position, focal = view.rotation, view.position, view.focal
    flat = math.hypot(sun[0], sun[1])
    slant = min(flat / max(sun[2], 0.02), MAX_SLANT)
    # Metres of shadow per metre of height, away from the sun.
    away_x = -sun[0] / flat * slant if flat > 0.0 else 0.0
    away_y = -sun[1] / flat * slant if flat > 0.0 else 0.0
    lit_by_sun = sun[2] > 0.0
    shadow[rows_touched[0] : rows_touched[1]] = 0.0
    rows_touched[0], rows_touched[1] = height, 0
    for n in range(boxes.shape[0]):
        bx, by, floor, cos, sin = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3], boxes[n, 4]
        hx, hy, tall = boxes[n, 5], boxes[n, 6], boxes[n, 7]
        reach = min(tall, LONGEST_M / max(slant, 0.1)) if lit_by_sun else 0.0
        ex, ey = away_x * reach, away_y * reach
        # People and poles do not fill their boxes; vehicles narrow above the waist.
        slim = hx < 0.7 and hy < 0.7
        taper = 0.0 if slim else 0.42
        wide = 0.62 if slim else 1.0
        # Screen bounds of the shadow's world box; an actor beside the camera may cross the near plane: then all rows.
        radius = math.hypot(hx, hy) + 0.7
        low_x, high_x = min(bx, bx + ex) - radius, max(bx, bx + ex) + radius
        low_y, high_y = min(by, by + ey) - radius, max(by, by + ey) + radius
        u0, u1, v0, v1 = 1e9, -1e9, 1e9, -1e9
        behind = 0
        for corner in range(4):
            wx = (high_x if corner & 1 else low_x) - position[0]
            wy = (high_y if corner & 2 else low_y) - position[1]
            wz = floor - position[2]
            x = turn[0, 0] * wx + turn[1, 0] * wy + turn[2, 0] * wz
            y = turn[0, 1] * wx + turn[1, 1] * wy + turn[2, 1] * wz
            z = turn[0, 2] * wx + turn[1, 2] * wy + turn[2, 2] * wz
            if x < 0.1:
                behind += 1
                continue
            u, v = 0.5 * width + focal * y / x, 0.5 * height - focal * z / x
            # The ground may rise or fall by some decimetres within the shadow.
            slope = 0.4 * focal / x
            u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v - slope), max(v1, v + slope)
        if behind == 4:
            continue
        if behind > 0:
            u0, u1, v0, v1 = 0.0, width + 0.0, 0.0, height + 0.0
        if u1 - u0 < 2.0:
            continue
        along2 = ex * ex + ey * ey
        rows = range(int(max(math.floor(v0) - 1.0, 0.0)), int(min(math.ceil(v1) + 2.0, height + 0.0)))
        rows_touched[0], rows_touched[1] = min(rows_touched[0], rows.start), max(rows_touched[1], rows.stop)
        for row in rows:
            for column in range(int(max(math.floor(u0), 0.0)), int(min(math.ceil(u1) + 1.0, width + 0.0))):
                triangle = ids[down * row, across * column]
                if triangle < 0:
                    continue
                if texture[marks[triangle, 0], 4] == 0.0:
                    continue
                distance = lit[triangle, 3] / depth[down * row, across * column]
                y = (column + 0.5 / across - 0.5 * width) / focal
                z = (0.5 * height - row - 0.5 / down) / focal
                gz = position[2] + distance * (turn[2, 0] + turn[2, 1] * y + turn[2, 2] * z) - floor
                if abs(gz) > 1.2:
                    continue
                gx = position[0] + distance * (turn[0, 0] + turn[0, 1] * y + turn[0, 2] * z) - bx
                gy = position[1] + distance * (turn[1, 0] + turn[1, 1] * y + turn[1, 2] * z) - by
                if not (low_x < gx + bx < high_x and low_y < gy + by < high_y):
                    continue
                qx, qy = abs(cos * gx + sin * gy) - wide * hx, abs(cos * gy - sin * gx) - wide * hy
                qx, qy = max(qx, 0.0), max(qy, 0.0)
                near = 1.0 - math.sqrt(qx * qx + qy * qy) / CONTACT_M
                if near > 0.0 and abs(gz) < 0.5:
                    shadow[row, column, 1] = max(shadow[row, column, 1], 0.62 * near)
                if reach <= 0.0:
                    continue
                # On rising ground the same ray arrives earlier.
                gx, gy = gx + gz * away_x, gy + gz * away_y
                closest = min(max((gx * ex + gy * ey) / along2, 0.0), 1.0) if along2 > 0.0 else 0.0
                dark = 0.0
                for step in range(4):
                    t = closest if step == 3 else 0.5 * step
                    wx, wy = gx - t * ex, gy - t * ey
                    size = wide * (1.0 - taper * max(t * reach / tall - 0.45, 0.0))
                    qx = max(abs(cos * wx + sin * wy) - size * hx, 0.0)
                    qy = max(abs(cos * wy - sin * wx) - size * hy, 0.0)
                    soft = SOFT_M + 0.06 * t * math.sqrt(along2)
                    dark = max(dark, 1.0 - math.sqrt(qx * qx + qy * qy) / soft)
                shadow[row, column, 0] = max(shadow[row, column, 0], dark)
