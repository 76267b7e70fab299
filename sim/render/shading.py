"""From the visibility buffer to a picture.

Light was applied per triangle in the visibility pass (flat shading); here each pixel gets what varies within a
triangle. A pixel whose four samples see one triangle is shaded once, others once per distinct triangle.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from sim.fingerprint import fingerprint
from sim.labels import Label
from sim.render import materials, raster, sky, surfaces, tile
from sim.render.materials import MATERIALS, MOVABLE_SHADE
from sim.render.raster import LAMP, LIT_WINDOW, PLAIN
from sim.render.sky import paint_sky
from sim.render.surfaces import light
from sim.render.tile import (
    BIAS,
    BLOCK,
    BLUE,
    BOUNCE,
    CONTACT,
    GRAIN,
    GREEN,
    INT_ROWS,
    INVERSE,
    LAMP_BLUE,
    LAMP_GREEN,
    LAMP_RED,
    MIRROR,
    PIXEL,
    POLISH,
    RED,
    ROOM,
    ROWS,
    SUNLESS,
    TILE,
    Y,
    Z,
)
from sim.render.view import Air, View

__all__ = ["Air", "View", "resolve"]  # Numba's caches of earlier versions look for the first two here

FIRST_VEHICLE, LAST_VEHICLE = int(Label.CAR), int(Label.BICYCLE)
SKY, MIXED, BESIDE = -1, -2, -3
"""In place of a pixel's triangle: its samples see the sky, do not agree, or there is no such pixel."""

ALL = np.uint64(TILE)
LOOKS = 8
NO_MATERIAL = np.int32(-1)


@njit(inline="always")
def _fill(t, row, start, stop, value):  # type: ignore[no-untyped-def]
    """The same number for the samples start to stop of a row."""
    for i in range(start, stop):
        t[row + i] = value


@njit(inline="always")
def _paint(t, start, stop, red, green, blue, bias):  # type: ignore[no-untyped-def]
    """A triangle's colour and bias for the samples from `start` to `stop`, and to the end of that block."""
    stop = start + ((stop - start + np.uint64(BLOCK - 1)) & np.uint64(~(BLOCK - 1) & 0xFFFF))
    for i in range(start, stop):
        t[RED + i] = red
        t[GREEN + i] = green
        t[BLUE + i] = blue
        t[BIAS + i] = bias


@njit(inline="always")
def _dress(t, start, stop, looks, kind):  # type: ignore[no-untyped-def]
    """A material's looks for the samples from `start` to `stop`, and to the end of that block."""
    stop = start + ((stop - start + np.uint64(BLOCK - 1)) & np.uint64(~(BLOCK - 1) & 0xFFFF))
    row = np.uint64(ROOM)
    a, b, c, d = looks[kind, 0], looks[kind, 1], looks[kind, 2], looks[kind, 3]
    e, f, g, h = looks[kind, 4], looks[kind, 5], looks[kind, 6], looks[kind, 7]
    for i in range(start + GRAIN, stop + GRAIN):
        t[i] = a
        t[i + row] = b
        t[i + np.uint64(2) * row] = c
        t[i + np.uint64(3) * row] = d
        t[i + np.uint64(4) * row] = e
        t[i + np.uint64(5) * row] = f
        t[i + np.uint64(6) * row] = g
        t[i + np.uint64(7) * row] = h


@njit(inline="always")
def _polished(faces, triangle, y, z, turn):  # type: ignore[no-untyped-def]
    """Where paint or glass with a normal in the camera's frame mirrors from, seen at image slopes (y, z): the rise of
    the mirrored ray, and its share: a little from the front, much at a grazing angle."""
    face = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
    length = math.sqrt(1.0 + y * y + z * z)
    facing = min(max(-(face[0] + face[1] * y + face[2] * z) / length, 0.0), 1.0)
    up = turn[6] * face[0] + turn[7] * face[1] + turn[8] * face[2]
    graze = (1.0 - facing) * (1.0 - facing)
    rise = (turn[6] + turn[7] * y + turn[8] * z) / length + 2.0 * facing * up
    return np.float32(rise), np.float32(0.05 + 0.5 * graze * graze)


@njit(inline="always")
def _mirrored(row, turn, step, height, width, mirror_row):  # type: ignore[no-untyped-def]
    """For each column the row as far above the horizon as `row` is below it; the image's first row if there is none;
    for a camera that sees no horizon the row after the last, which holds the sky above it."""
    up, side, ahead = turn[8], turn[7], turn[6]
    for i in range(width):
        mirror_row[i] = height
        if abs(up) > 0.1:
            slope_y = (i + 0.5 - 0.5 * width) * step
            horizon = 0.5 * height - 0.5 + (ahead + side * slope_y) / (up * step)
            if horizon > 1.0 and row > 0:
                mirror_row[i] = min(max(2.0 * horizon - row, 0.0), row - 1.0)


@njit(inline="always")
def _agreed(ids, depth, row, width, samples, keys, nearness):  # type: ignore[no-untyped-def]
    """Which triangle all samples of each pixel of a row see, into keys, and its inverse depth; 1 where there is none.
    Returns whether any pixel's samples do not agree."""
    if samples == 1:
        for i in range(width):
            keys[i] = ids[row, i]
        for i in range(width):
            one = depth[row, i]
            nearness[i] = np.float32(0.25) * (one + one + one + one) if keys[i] >= 0 else np.float32(1.0)
        return False
    upper_ids, lower_ids, upper_depth, lower_depth = ids[2 * row], ids[2 * row + 1], depth[2 * row], depth[2 * row + 1]
    mixed = np.int32(0)
    for i in range(np.uint32(width)):
        left, right = np.uint32(2) * i, np.uint32(2) * i + np.uint32(1)
        first = upper_ids[left]
        same = (first == upper_ids[right]) & (first == lower_ids[left]) & (first == lower_ids[right])
        keys[i] = first if same else np.int32(MIXED)
        mixed |= np.int32(not same)
    for i in range(np.uint32(width)):
        left, right = np.uint32(2) * i, np.uint32(2) * i + np.uint32(1)
        # Inverse depth is linear in the image: the mean of four samples is its value at the pixel's centre.
        total = upper_depth[left] + upper_depth[right] + lower_depth[left] + lower_depth[right]
        nearness[i] = np.float32(0.25) * total if keys[i] >= 0 else np.float32(1.0)
    return mixed != 0


@njit(inline="always")
def _pack(sums, out_row):  # type: ignore[no-untyped-def]
    """A row of BGRA words from RGB."""
    red, green, blue = sums[0], sums[1], sums[2]
    most, none, half = np.float32(255.0), np.float32(0.0), np.float32(0.499)
    for i in range(out_row.size):
        r = np.uint32(np.int32(min(max(red[i], none), most) + half))
        g = np.uint32(np.int32(min(max(green[i], none), most) + half))
        b = np.uint32(np.int32(min(max(blue[i], none), most) + half))
        out_row[i] = b | (g << np.uint32(8)) | (r << np.uint32(16)) | np.uint32(0xFF000000)


def _entry_point(sources: int) -> Callable[..., None]:
    """The kernel that Python calls. Numba's cache notices changes of this file alone: the fingerprint of the others is
    a value that the kernel closes over, which is part of the key."""

    @njit(cache=True, nogil=True, error_model="numpy")
    def resolve(  # type: ignore[no-untyped-def]
        depth, ids, lit, marks, faces, first_movable, shadow, shadow_rows, glow, view, air, noise, clouds, texture,
        ground, origin, out,
    ) -> None:  # fmt: skip
        """Shade a visibility buffer (2H, 2W) with four samples a pixel, or (H, W) with one, into BGRA words, uint32
        (H, W).

        Triangles from `first_movable` on are actors'. `shadow` float32 (H, W, 2): what actors hide of the sun and of
        all light in the rows shadow_rows[0] to shadow_rows[1]. `glow` float32 (H, W, 3), or (0, 0, 3): RGB light of
        lamps in units of the sky's. `ground` and `origin` (west, north, texels per metre) are a `ShadowMap`.

        Tile by tile of a row: fill in what is the same along a run of samples, shade all at once. Then the row's
        pixels whose samples do not agree, sample by sample in the same tile, and all of it goes into pixels.
        """
        if sources < 0:
            return
        height, width = out.shape[0], out.shape[1]
        samples = ids.shape[1] // width
        turn = (
            np.float32(view.rotation[0, 0]), np.float32(view.rotation[0, 1]), np.float32(view.rotation[0, 2]),
            np.float32(view.rotation[1, 0]), np.float32(view.rotation[1, 1]), np.float32(view.rotation[1, 2]),
            np.float32(view.rotation[2, 0]), np.float32(view.rotation[2, 1]), np.float32(view.rotation[2, 2]),
        )  # fmt: skip
        position = (np.float32(view.position[0]), np.float32(view.position[1]), np.float32(view.position[2]))
        focal = np.float32(view.focal)
        step = 1.0 / view.focal
        quarter = np.float32(0.25 * step)
        padded = (width + TILE - 1) // TILE * TILE
        centres = np.empty(padded, np.float32)
        for column in range(padded):
            centres[column] = (column + 0.5 - 0.5 * width) * step
        keys, nearness = np.full(padded, BESIDE, np.int32), np.ones(padded, np.float32)
        sums = np.zeros((3, padded), np.float32)
        t, k = np.zeros(ROWS * ROOM, np.float32), np.zeros(INT_ROWS * ROOM, np.int32)
        # Samples that are nobody's are shaded, too: any numbers will do that lead nowhere.
        for quantity in (BIAS, INVERSE):
            _fill(t, quantity, np.uint64(0), np.uint64(ROOM), np.float32(1.0))
        starts = np.empty(TILE + 1, np.uint64)
        # Samples of pixels that do not agree: of surfaces, and of the sky.
        room = 4 * width + TILE if samples > 1 else 0
        odd, odd_sky = np.empty((4, room), np.float32), np.empty((3, room), np.float32)
        seen, odd_pixel, sky_pixel = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
        # The looks of materials, then the same for actors, which a shadow on the ground darkens, too.
        table = np.empty((2 * MATERIALS, LOOKS), np.float32)
        for kind in range(MATERIALS):
            for j in range(LOOKS):
                table[kind, j] = table[kind + MATERIALS, j] = texture[kind, j]
            table[kind + MATERIALS, 4] = MOVABLE_SHADE
        # Which have a texture or get wet (1), take shadows (2), mirror (4).
        needs = np.zeros(2 * MATERIALS, np.int32)
        for kind in range(2 * MATERIALS):
            if table[kind, 0] != 0.0 or table[kind, 1] != 0.0 or table[kind, 5] != 0.0:
                needs[kind] |= np.int32(1)
            if table[kind, 4] != 0.0:
                needs[kind] |= np.int32(2)
            if table[kind, 7] != 0.0:
                needs[kind] |= np.int32(4)
        lamplit, wet = glow.shape[0] > 0, air.wet > 0.0
        # What is above the horizon, smeared downwards, is what a wet road mirrors below it.
        mirror_rows = np.zeros((height + 1 if wet else 1, 3, padded), np.float32)
        for channel in range(3):
            mirror_rows[-1, channel] = air.zenith[channel]
        mirrored, mirror_row, levels = mirror_rows.ravel(), np.zeros(padded, np.float32), mirror_rows.shape[0]
        texels = ground.ravel()
        plan = (
            np.float32(origin[0]), np.float32(origin[1]), np.float32(origin[2]), ground.shape[0], ground.shape[1],
        )  # fmt: skip
        smear = np.float32(min(0.9, 1.0 - 6.0 / (6.0 + 0.03 * height)))
        worn = NO_MATERIAL  # what all of the tile is dressed in
        for row in range(height):
            middle = np.float32((0.5 * height - row - 0.5) * step)
            mixed = _agreed(ids, depth, row, width, samples, keys, nearness)
            shaded = shadow_rows[0] <= row < shadow_rows[1]
            if wet:
                _mirrored(row, turn, step, height, width, mirror_row)
            for first in range(np.uint64(0), np.uint64(padded), ALL):
                surfaces, changes = np.int32(0), np.int32(0)
                for i in range(ALL):
                    surfaces += np.int32(keys[first + i] >= 0)
                for i in range(ALL - np.uint64(1)):
                    changes += np.int32(keys[first + i] != keys[first + i + np.uint64(1)])
                for i in range(ALL):
                    t[Y + i] = centres[first + i]
                for i in range(ALL):
                    t[Z + i] = middle
                if surfaces > 0:
                    for i in range(ALL):
                        t[INVERSE + i] = nearness[first + i]
                    for i in range(ALL):
                        k[PIXEL + i] = np.int32(first + i)
                    end = min(np.uint64(width) - first, ALL)
                    if shaded:
                        for i in range(end):
                            t[SUNLESS + i] = shadow[row, first + i, 0]
                        for i in range(end):
                            t[CONTACT + i] = shadow[row, first + i, 1]
                    if lamplit:
                        for i in range(end):
                            t[LAMP_RED + i] = glow[row, first + i, 0]
                        for i in range(end):
                            t[LAMP_GREEN + i] = glow[row, first + i, 1]
                        for i in range(end):
                            t[LAMP_BLUE + i] = glow[row, first + i, 2]
                    # Where runs of one triangle start.
                    starts[0] = np.uint64(0)
                    runs = 1
                    if changes > 0:
                        for i in range(np.uint64(1), ALL):
                            starts[runs] = i
                            runs += int(keys[first + i] != keys[first + i - np.uint64(1)])
                    starts[runs] = ALL
                    needed, polished = np.int32(0), False
                    dressed, dress_from = NO_MATERIAL, np.uint64(0)
                    for run in range(runs):
                        key, start, stop = keys[first + starts[run]], starts[run], starts[run + 1]
                        if key < 0:
                            continue
                        triangle = np.uint32(key)
                        _paint(t, start, stop, lit[triangle, 0], lit[triangle, 1], lit[triangle, 2], lit[triangle, 3])
                        material = np.int32(marks[triangle, 0])
                        if lamplit and material in (LAMP, LIT_WINDOW):
                            for lamp in (LAMP_RED, LAMP_GREEN, LAMP_BLUE):
                                _fill(t, lamp, start, stop, np.float32(0.0))
                        if key >= first_movable:
                            _fill(t, SUNLESS, start, stop, np.float32(0.0))
                            _fill(t, CONTACT, start, stop, np.float32(0.0))
                            if material == PLAIN and FIRST_VEHICLE <= marks[triangle, 1] <= LAST_VEHICLE:
                                if not polished:
                                    _fill(t, BOUNCE, np.uint64(0), ALL, np.float32(2.0))
                                    _fill(t, POLISH, np.uint64(0), ALL, np.float32(0.0))
                                    polished = True
                                for i in range(start, stop):
                                    bounce, polish = _polished(faces, triangle, t[Y + i], t[Z + i], turn)
                                    t[BOUNCE + i] = bounce
                                    t[POLISH + i] = polish
                            material += np.int32(MATERIALS)
                        needed |= needs[material]
                        if material != dressed:
                            if dressed != NO_MATERIAL:
                                _dress(t, dress_from, start, table, dressed)
                                worn = NO_MATERIAL
                            dressed, dress_from = material, start
                    if dress_from > np.uint64(0) or worn != dressed:
                        # From the tile's first sample on if all is of one material, so that the next tile need not.
                        _dress(t, dress_from, ALL, table, dressed)
                        worn = dressed if dress_from == np.uint64(0) else NO_MATERIAL
                    if polished:
                        for i in range(ALL):
                            t[MIRROR + i] += t[POLISH + i]
                        worn = NO_MATERIAL
                    elif needed & np.int32(4):
                        _fill(t, BOUNCE, np.uint64(0), ALL, np.float32(2.0))
                    light(
                        t, k, turn, position, focal, air, noise, texels, plan, mirrored, mirror_row, padded, levels,
                        (needed & np.int32(1)) != 0, (needed & np.int32(2)) != 0, shaded,
                        polished or (needed & np.int32(4)) != 0, lamplit,
                    )  # fmt: skip
                    for i in range(ALL):
                        sums[0, first + i] = t[RED + i] if keys[first + i] >= 0 else np.float32(0.0)
                    for i in range(ALL):
                        sums[1, first + i] = t[GREEN + i] if keys[first + i] >= 0 else np.float32(0.0)
                    for i in range(ALL):
                        sums[2, first + i] = t[BLUE + i] if keys[first + i] >= 0 else np.float32(0.0)
                if surfaces < TILE:
                    paint_sky(t, turn, air, clouds)
                    if surfaces == 0:
                        for i in range(ALL):
                            sums[0, first + i] = np.float32(0.0)
                        for i in range(ALL):
                            sums[1, first + i] = np.float32(0.0)
                        for i in range(ALL):
                            sums[2, first + i] = np.float32(0.0)
                    for i in range(ALL):
                        if keys[first + i] == SKY:
                            sums[0, first + i] = t[RED + i]
                    for i in range(ALL):
                        if keys[first + i] == SKY:
                            sums[1, first + i] = t[GREEN + i]
                    for i in range(ALL):
                        if keys[first + i] == SKY:
                            sums[2, first + i] = t[BLUE + i]
            if mixed:
                n, m = np.uint64(0), np.uint64(0)
                upper_ids, lower_ids, upper_depth, lower_depth = (
                    ids[2 * row], ids[2 * row + 1], depth[2 * row], depth[2 * row + 1],
                )  # fmt: skip
                for column in range(width):
                    if keys[column] != MIXED:
                        continue
                    left, right = np.uint64(2 * column), np.uint64(2 * column + 1)
                    i0, i1, i2, i3 = upper_ids[left], upper_ids[right], lower_ids[left], lower_ids[right]
                    for corner in range(4):
                        key = i0 if corner == 0 else (i1 if corner == 1 else (i2 if corner == 2 else i3))
                        # Listed already, with the first sample that saw it?
                        if (
                            (corner > 0 and key == i0) or (corner > 1 and key == i1) or (corner > 2 and key == i2)
                        ):  # fmt: skip
                            continue
                        share = np.float32(0.25) if i0 == key else np.float32(0.0)
                        share += np.float32(0.25) if i1 == key else np.float32(0.0)
                        share += np.float32(0.25) if i2 == key else np.float32(0.0)
                        share += np.float32(0.25) if i3 == key else np.float32(0.0)
                        slope_y = centres[column] + (quarter if corner & 1 else -quarter)
                        slope_z = middle + (-quarter if corner & 2 else quarter)
                        if key < 0:
                            odd_sky[0, m], odd_sky[1, m], odd_sky[2, m] = slope_y, slope_z, share
                            sky_pixel[m] = column
                            m += np.uint64(1)
                        else:
                            depths = upper_depth if corner < 2 else lower_depth
                            odd[0, n], odd[1, n], odd[2, n] = slope_y, slope_z, share
                            odd[3, n] = depths[right if corner & 1 else left]
                            seen[n], odd_pixel[n] = key, column
                            n += np.uint64(1)
                for first in range(np.uint64(0), n, ALL):
                    worn = NO_MATERIAL
                    end, needed = min(n - first, ALL), np.int32(0)
                    for i in range(end):
                        t[Y + i] = odd[0, first + i]
                    for i in range(end):
                        t[Z + i] = odd[1, first + i]
                    for i in range(end):
                        t[INVERSE + i] = odd[3, first + i]
                    for i in range(end):
                        k[PIXEL + i] = odd_pixel[first + i]
                    _fill(t, BOUNCE, np.uint64(0), ALL, np.float32(2.0))
                    for i in range(end):
                        key, column = seen[first + i], odd_pixel[first + i]
                        triangle = np.uint32(key)
                        material, polish = np.int32(marks[triangle, 0]), np.float32(0.0)
                        if shaded:
                            t[SUNLESS + i], t[CONTACT + i] = shadow[row, column, 0], shadow[row, column, 1]
                        if lamplit:
                            # `glow` holds for what sample 0 sees; another triangle takes that of a neighbour which
                            # sees it.
                            beside = column
                            if upper_ids[np.uint32(2 * column)] != key:
                                if column + 1 < width and upper_ids[np.uint32(2 * (column + 1))] == key:
                                    beside = column + 1
                                elif column > 0 and upper_ids[np.uint32(2 * (column - 1))] == key:
                                    beside = column - 1
                            shines = material in (LAMP, LIT_WINDOW)
                            t[LAMP_RED + i] = np.float32(0.0) if shines else glow[row, beside, 0]
                            t[LAMP_GREEN + i] = np.float32(0.0) if shines else glow[row, beside, 1]
                            t[LAMP_BLUE + i] = np.float32(0.0) if shines else glow[row, beside, 2]
                        if key >= first_movable:
                            t[SUNLESS + i], t[CONTACT + i] = np.float32(0.0), np.float32(0.0)
                            if material == PLAIN and FIRST_VEHICLE <= marks[triangle, 1] <= LAST_VEHICLE:
                                bounce, polish = _polished(faces, triangle, t[Y + i], t[Z + i], turn)
                                t[BOUNCE + i] = bounce
                                needed |= np.int32(4)
                            material += np.int32(MATERIALS)
                        needed |= needs[material]
                        t[RED + i], t[GREEN + i], t[BLUE + i] = lit[triangle, 0], lit[triangle, 1], lit[triangle, 2]
                        t[BIAS + i] = lit[triangle, 3]
                        for j in range(np.uint64(LOOKS)):
                            t[GRAIN + np.uint64(ROOM) * j + i] = table[material, j]
                        t[MIRROR + i] += polish
                    light(
                        t, k, turn, position, focal, air, noise, texels, plan, mirrored, mirror_row, padded, levels,
                        (needed & np.int32(1)) != 0, (needed & np.int32(2)) != 0, shaded,
                        (needed & np.int32(4)) != 0, lamplit,
                    )  # fmt: skip
                    for i in range(end):
                        weight, at = odd[2, first + i], np.uint32(odd_pixel[first + i])
                        sums[0, at] += weight * t[RED + i]
                        sums[1, at] += weight * t[GREEN + i]
                        sums[2, at] += weight * t[BLUE + i]
                for first in range(np.uint64(0), m, ALL):
                    end = min(m - first, ALL)
                    for i in range(end):
                        t[Y + i] = odd_sky[0, first + i]
                    for i in range(end):
                        t[Z + i] = odd_sky[1, first + i]
                    paint_sky(t, turn, air, clouds)
                    for i in range(end):
                        weight, at = odd_sky[2, first + i], np.uint32(sky_pixel[first + i])
                        sums[0, at] += weight * t[RED + i]
                        sums[1, at] += weight * t[GREEN + i]
                        sums[2, at] += weight * t[BLUE + i]
            if wet:
                above, mirror = mirror_rows[row - 1 if row > 0 else 0], mirror_rows[row]
                keep = smear if row > 0 else np.float32(0.0)
                for channel in range(3):
                    for i in range(width):
                        value = sums[channel, i]
                        mirror[channel, i] = value + keep * (above[channel, i] - value)
            _pack(sums, out[row])

    return resolve  # type: ignore[no-any-return]


resolve = _entry_point(fingerprint(materials, raster, sky, surfaces, tile))
