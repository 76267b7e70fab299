"""Lamps at night: pools of light below street lamps, beams of head lamps on the road, their streaks on wet ground, and
the glare of the lamps themselves.

Not a lighting model: what a lamp adds at a place is in units of the night sky's light, as if all surfaces faced the
lamp and nothing stood between. That is cheap, as it needs the frame's depth alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.render.view import View

STREET, BEAM, GLOW = 0.0, 1.0, 2.0
"""Kinds: shines down; shines ahead in a flat cone; shines all round."""

MOST_LAMPS = 256
SIGHT_M = 250.0
"""Pools of lamps further away than this are left out: they cover a few pixels only."""

STREET_REACH_M, BEAM_REACH_M, GLOW_REACH_M = 26.0, 60.0, 5.0
STREET_STRENGTH, BEAM_STRENGTH, GLOW_STRENGTH = 2.6, 2.6, 0.7
"""How much brighter than the night sky alone a lamp makes what it shines on best: a street lamp of REFERENCE_LUMENS the
road below it, a dipped head lamp the road some metres ahead, a tail lamp what is a metre away."""

REFERENCE_LUMENS, REFERENCE_HEIGHT_M = 10_000.0, 7.8
BULB_M = {STREET: 0.22, BEAM: 0.10, GLOW: 0.07}
HEAD_LAMP_COLOR = (255, 240, 206)


@dataclass(frozen=True)
class Lamps:
    """N burning street lamps: place float64 (N, 3) m, lumens float64 (N,), color uint8 (N, 3) RGB."""

    place: np.ndarray
    lumens: np.ndarray
    color: np.ndarray

    def __len__(self) -> int:
        return len(self.lumens)


@dataclass(frozen=True)
class Spots:
    """All lamps that shine on a scene, float64 (N, 12): place (3, m), direction (3, unit), light (3, RGB in units
    of the night sky's), reach (m), kind, radius (m) of what is seen to shine."""

    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def nearest(self, eye: np.ndarray) -> Spots:
        """The MOST_LAMPS that are nearest to a place (3,): others cover few pixels, and each costs time."""
        if len(self) <= MOST_LAMPS:
            return self
        away = ((self.rows[:, :3] - eye) ** 2).sum(axis=1)
        return Spots(self.rows[np.argsort(away, kind="stable")[:MOST_LAMPS]])

    @staticmethod
    def join(parts: Sequence[Spots]) -> Spots:
        """All lamps of several."""
        return Spots(np.concatenate([np.zeros((0, 12)), *(part.rows for part in parts)]))


def _spots(
    place: np.ndarray, direction: np.ndarray, color: np.ndarray, strength: np.ndarray, reach: float, kind: float
) -> Spots:
    rows = np.empty((len(place), 12))
    rows[:, 0:3], rows[:, 3:6] = place, direction
    rows[:, 6:9] = color / 255.0 * np.asarray(strength)[:, None]
    rows[:, 9], rows[:, 10], rows[:, 11] = reach, kind, BULB_M[kind]
    return Spots(rows)


def street_lamps(lamps: Lamps) -> Spots:
    """Lamps that hang over a street and shine down."""
    strength = STREET_STRENGTH * lamps.lumens / REFERENCE_LUMENS
    return _spots(lamps.place, np.array([0.0, 0.0, -1.0]), lamps.color.astype(float), strength, STREET_REACH_M, STREET)


def head_lamps(place: np.ndarray, direction: np.ndarray, strength: np.ndarray) -> Spots:
    """Head lamps at place (N, 3), shining along direction (N, 3), unit; strength (N,) 1 for a dipped beam."""
    color = np.array(HEAD_LAMP_COLOR, float)
    return _spots(place, direction, color, BEAM_STRENGTH * strength, BEAM_REACH_M, BEAM)


def small_lamps(place: np.ndarray, direction: np.ndarray, color: np.ndarray, strength: np.ndarray) -> Spots:
    """Lamps that are seen rather than seen by, such as tail lamps: place (N, 3), color (N, 3) RGB in 0..255."""
    return _spots(place, direction, color, GLOW_STRENGTH * strength, GLOW_REACH_M, GLOW)


@njit(cache=True, nogil=True, error_model="numpy")
def shine(spots, depth, ids, lit, marks, texture, view, wet, glow):  # type: ignore[no-untyped-def]
    """Add lamps (N, 12) to glow (H, W, 3), given the visibility buffer of the frame."""
    height, width = glow.shape[0], glow.shape[1]
    across, down = ids.shape[1] // width, ids.shape[0] // height
    turn, eye, focal = view.rotation, view.position, view.focal
    cu, cv = 0.5 * width, 0.5 * height
    away = np.empty((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            triangle = ids[row * down, column * across]
            away[row, column] = 1e9 if triangle < 0 else lit[triangle, 3] / depth[row * down, column * across]
    for n in range(spots.shape[0]):
        reach, kind = spots[n, 9], spots[n, 10]
        rx, ry, rz = spots[n, 0] - eye[0], spots[n, 1] - eye[1], spots[n, 2] - eye[2]
        px, py, pz = spots[n, 3], spots[n, 4], spots[n, 5]
        x = turn[0, 0] * rx + turn[1, 0] * ry + turn[2, 0] * rz
        y = turn[0, 1] * rx + turn[1, 1] * ry + turn[2, 1] * rz
        z = turn[0, 2] * rx + turn[1, 2] * ry + turn[2, 2] * rz
        if x < -reach or x > SIGHT_M:
            continue
        # Directions in the camera's frame.
        ax = turn[0, 0] * px + turn[1, 0] * py + turn[2, 0] * pz
        ay = turn[0, 1] * px + turn[1, 1] * py + turn[2, 1] * pz
        az = turn[0, 2] * px + turn[1, 2] * py + turn[2, 2] * pz
        ux, uy, uz = turn[2, 0], turn[2, 1], turn[2, 2]
        # To the beam's right: direction x up, in a left-handed frame up x direction.
        sx, sy, sz = uy * az - uz * ay, uz * ax - ux * az, ux * ay - uy * ax
        scale = math.sqrt(sx * sx + sy * sy + sz * sz)
        if scale > 1e-6:
            sx, sy, sz = sx / scale, sy / scale, sz / scale
        # A beam lights a sphere ahead of the lamp, others one around it.
        radius, bx, by, bz = reach, x, y, z
        if kind == BEAM:
            radius = 0.55 * reach
            bx, by, bz = x + 0.5 * reach * ax, y + 0.5 * reach * ay, z + 0.5 * reach * az
        top, bottom, left, right = 0, height, 0, width
        if bx < -radius:
            right = 0
        elif bx > 1.3 * radius:
            near, far = bx - radius, bx + radius
            left = max(0, math.floor(cu + focal * min((by - radius) / near, (by - radius) / far)))
            right = min(width, math.ceil(cu + focal * max((by + radius) / near, (by + radius) / far)))
            top = max(0, math.floor(cv - focal * max((bz + radius) / near, (bz + radius) / far)))
            bottom = min(height, math.ceil(cv - focal * min((bz - radius) / near, (bz - radius) / far)))
        for row in range(top, bottom):
            up = -(row + 0.5 - cv) / focal
            for column in range(left, right):
                d = away[row, column]
                if abs(d - bx) > radius:
                    continue
                side = (column + 0.5 - cu) / focal
                dx, dy, dz = d - x, d * side - y, d * up - z
                square = dx * dx + dy * dy + dz * dz
                if square > reach * reach:
                    continue
                ahead = dx * ax + dy * ay + dz * az
                if ahead <= 0.0 and kind != GLOW:
                    continue
                edge = 1.0 - square / (reach * reach)
                square = max(square, 0.3)
                if kind == STREET:
                    share = ahead / math.sqrt(square) * edge * edge * REFERENCE_HEIGHT_M * REFERENCE_HEIGHT_M / square
                    share = min(share, 1.7)
                elif kind == GLOW:
                    share = edge * edge * edge * min(1.0 / square, 1.4)
                    share *= min(max(0.25 + 0.75 * ahead, 0.1), 1.0)
                else:
                    ahead = max(ahead, 0.2)
                    wide = (dx * sx + dy * sy + dz * sz) / ahead
                    high = (dx * ux + dy * uy + dz * uz) / ahead + 0.005
                    wide = 1.0 - wide * wide / 0.42
                    if wide <= 0.0:
                        continue
                    # A dipped beam is brightest just under its edge, and faint above it.
                    flat = 1.0 / (1.0 + 120.0 * high * high)
                    if high > 0.0:
                        flat = max(0.10, 1.0 - 30.0 * high)
                    distance = math.sqrt(square) + 3.5
                    share = wide * wide * flat * edge * min(120.0 / (distance * distance), 1.5)
                glow[row, column, 0] += share * spots[n, 6]
                glow[row, column, 1] += share * spots[n, 7]
                glow[row, column, 2] += share * spots[n, 8]
        if wet <= 0.0 or x < 2.0:
            continue
        # The lamp in a wet road: a streak towards the camera below its image.
        distance = math.sqrt(x * x + y * y + z * z)
        facing = 1.0
        if kind != STREET:
            facing = max(-(ax * x + ay * y + az * z) / distance, 0.0)
            if facing < 0.2:
                continue
        u = cu + focal * y / x
        half = max(1.5, 0.018 * focal * (1.0 if kind == STREET else 0.7))
        left, right = max(0, int(u - half)), min(width, int(u + half) + 1)
        first = max(0, int(cv - focal * z / x))
        for row in range(first, height):
            up = -(row + 0.5 - cv) / focal
            for column in range(left, right):
                d = away[row, column]
                if d > 200.0 or texture[marks[ids[row * down, column * across], 0], 5] == 0.0:
                    continue
                side = (column + 0.5 - cu) / focal
                height_here = d * (ux + uy * side + uz * up)
                lamp_high = ux * x + uy * y + uz * z - height_here
                # Below both the lamp and the camera.
                if lamp_high < 0.3 or height_here > -0.5:
                    continue
                vx, vy, vz = -d, -d * side, -d * up
                dx, dy, dz = x - d, y - d * side, z - d * up
                to_eye, to_lamp = math.sqrt(vx * vx + vy * vy + vz * vz), math.sqrt(dx * dx + dy * dy + dz * dz)
                hx, hy, hz = vx / to_eye + dx / to_lamp, vy / to_eye + dy / to_lamp, vz / to_eye + dz / to_lamp
                cosine = (hx * ux + hy * uy + hz * uz) / math.sqrt(hx * hx + hy * hy + hz * hz)
                if cosine < 0.8:
                    continue
                off = (column + 0.5 - u) / half
                profile = max(0.0, 1.0 - off * off)
                for _ in range(7):
                    cosine *= cosine
                share = wet * facing * profile * profile * cosine
                share *= (1.5 if kind == STREET else 2.4) * min(1.0, 25.0 / to_lamp)
                glow[row, column, 0] += share * spots[n, 6]
                glow[row, column, 1] += share * spots[n, 7]
                glow[row, column, 2] += share * spots[n, 8]


@njit(cache=True, nogil=True, error_model="numpy")
def glare(spots, depth, view, night, extinction, out):  # type: ignore[no-untyped-def]
    """Draw the lamps (N, 12) themselves into a BGRA frame (H, W, 4): a bright disc in a halo, where nothing hides them
    and they shine towards the camera."""
    height, width = out.shape[0], out.shape[1]
    across, down = depth.shape[1] // width, depth.shape[0] // height
    turn, eye, focal = view.rotation, view.position, view.focal
    for n in range(spots.shape[0]):
        kind = spots[n, 10]
        rx, ry, rz = spots[n, 0] - eye[0], spots[n, 1] - eye[1], spots[n, 2] - eye[2]
        x = turn[0, 0] * rx + turn[1, 0] * ry + turn[2, 0] * rz
        if x < 0.5 or x > 400.0:
            continue
        distance = math.sqrt(rx * rx + ry * ry + rz * rz)
        facing = 1.0
        if kind != STREET:
            facing = -(spots[n, 3] * rx + spots[n, 4] * ry + spots[n, 5] * rz) / distance
            if facing <= 0.05:
                continue
        y = turn[0, 1] * rx + turn[1, 1] * ry + turn[2, 1] * rz
        z = turn[0, 2] * rx + turn[1, 2] * ry + turn[2, 2] * rz
        u, v = 0.5 * width + focal * y / x, 0.5 * height - focal * z / x
        bulb = max(0.6, spots[n, 11] * focal / x)
        halo = bulb + (0.014 if kind == GLOW else 0.034) * focal * min(1.0, 40.0 / distance)
        if u < -halo or u > width + halo or v < -halo or v > height + halo:
            continue
        # Seen through, or beside, what stands within half a metre in front of it: its own lantern.
        row, column = min(max(int(v), 0), height - 1), min(max(int(u), 0), width - 1)
        if depth[row * down, column * across] * (x - 0.6) > 1.0:
            continue
        air = extinction * distance
        clear = 1.0 / (1.0 + air * (1.0 + air * (0.5 + 0.2 * air)))
        brightest = max(spots[n, 6], spots[n, 7], spots[n, 8], 1e-6)
        strength = night * facing * clear
        for row in range(max(0, int(v - halo)), min(height, int(v + halo) + 1)):
            for column in range(max(0, int(u - halo)), min(width, int(u + halo) + 1)):
                du, dv = column + 0.5 - u, row + 0.5 - v
                r = math.sqrt(du * du + dv * dv)
                if r >= halo:
                    continue
                core = min(max(bulb + 0.5 - r, 0.0), 1.0)
                if kind != STREET and bulb > 1.5:
                    core = 0.0  # near by, models show their lamps themselves
                soft = 1.0 - r / halo
                soft = 0.45 * soft * soft * soft
                for k in range(3):
                    tint = spots[n, 8 - k] / brightest
                    old = float(out[row, column, k])
                    level = old + strength * soft * 255.0 * tint
                    level += strength * core * (110.0 + 145.0 * tint - level)
                    out[row, column, k] = np.uint8(min(max(level, old), 255.0))


def warm_up() -> None:
    """Compile the kernels, or load them from Numba's cache."""
    spots = np.zeros((1, 12))
    view = View(np.zeros(3), np.eye(3), 1.0)
    # As in a visibility buffer, depth and triangle of a sample lie side by side.
    near, ids = np.ones((2, 2, 2), np.float32)[:, :, 1], np.zeros((2, 2, 2), np.int32)[:, :, 0]
    lit = np.ones((1, 4), np.float32)
    marks, texture = np.zeros((1, 2), np.uint8), np.zeros((10, 8), np.float32)
    shine(spots, near, ids, lit, marks, texture, view, 0.0, np.zeros((1, 1, 3), np.float32))
    glare(spots, near, view, 0.0, 0.0, np.zeros((1, 1, 4), np.uint8))
