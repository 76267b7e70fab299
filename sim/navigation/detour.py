"""Detour's file format for navigation meshes, as CARLA's client reads it.

Layouts from Recast Navigation (DetourNavMesh.h, version 7, 32-bit references) and from its sample's `NavMeshSetHeader`,
confirmed against the 0.9.16 wheel. Little endian, packed. Detour's axes are (x, z, y) of CARLA's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from sim.navigation.polygons import MAX_CORNERS, Polygons

SET_MAGIC = 0x4D534554  # 'MSET'
SET_VERSION = 1
TILE_MAGIC = 0x444E4156  # 'DNAV'
TILE_VERSION = 7
EXTERNAL = 0x8000
SALT_BITS = 10

AGENT_HEIGHT, AGENT_RADIUS, AGENT_CLIMB = 1.8, 0.3, 0.4

_SET = struct.Struct("<3i5f2i")
_TILE = struct.Struct("<Ii")
_HEADER = struct.Struct("<5iI9i3f6ff")
_POLYGON = np.dtype(
    [
        ("first_link", "<u4"),
        ("corners", "<u2", (MAX_CORNERS,)),
        ("neighbours", "<u2", (MAX_CORNERS,)),
        ("flags", "<u2"),
        ("count", "u1"),
        ("area_and_type", "u1"),
    ]
)
_DETAIL = np.dtype(
    [("vertex_base", "<u4"), ("triangle_base", "<u4"), ("vertices", "u1"), ("triangles", "u1"), ("pad", "<u2")]
)
_LINK_BYTES = 12

# Sides of a tile as Detour numbers them, for `Polygons.sides` +x, +y, -x, -y.
_SIDES = np.array([0, 2, 4, 6])
# `CARLA_TYPE_*` in LibCarla's nav/Navigation.h, by area.
FLAGS = np.array([0, 0x2, 0x4, 0x8, 0x10], np.uint16)


class TooLarge(ValueError):
    """More tiles or polygons than 32-bit references can name."""


@dataclass(frozen=True)
class Tile:
    """Polygons of the square tile in column `x` and row `y` of a grid."""

    x: int
    y: int
    polygons: Polygons


def encode(tiles: list[Tile], origin: tuple[float, float], size: float) -> bytes:
    """A navigation mesh of square tiles of `size` m; column 0, row 0 begins at `origin` (x, y). Raises TooLarge."""
    tile_bits = max(0, (len(tiles) - 1).bit_length())
    polygon_bits = max(1, (max((len(tile.polygons) for tile in tiles), default=1)).bit_length())
    if tile_bits + polygon_bits > 32 - SALT_BITS:
        raise TooLarge(f"{len(tiles)} tiles with {polygon_bits} bits of polygons each")
    floor = min((float(tile.polygons.points[:, 2].min()) for tile in tiles), default=0.0)
    parts = [
        _SET.pack(
            SET_MAGIC, SET_VERSION, len(tiles), origin[0], floor, origin[1], size, size, 1 << tile_bits,
            1 << polygon_bits,
        )
    ]  # fmt: skip
    for number, tile in enumerate(tiles):
        reference = 1 << (tile_bits + polygon_bits) | number << polygon_bits
        data = _tile(tile, origin, size)
        parts += [_TILE.pack(reference, len(data)), data]
    return b"".join(parts)


def _tile(tile: Tile, origin: tuple[float, float], size: float) -> bytes:
    polygons = tile.polygons
    count = len(polygons)
    if count > EXTERNAL - 2 or len(polygons.points) > 0xFFFE:
        raise TooLarge(f"a tile with {count} polygons and {len(polygons.points)} corners")
    corner = np.array([origin[0] + tile.x * size, origin[1] + tile.y * size])
    points = polygons.points + np.array([corner[0], corner[1], 0.0])
    # Detour's polygons run clockwise in its plane (x, z).
    slot = np.arange(MAX_CORNERS)[None]
    used = slot < polygons.counts[:, None]
    reverse = np.where(used, polygons.counts[:, None] - 1 - slot, 0)
    edge = np.where(used, (polygons.counts[:, None] - 2 - slot) % polygons.counts[:, None], 0)
    records = np.zeros(count, _POLYGON)
    records["corners"] = np.where(used, np.take_along_axis(polygons.corners, reverse, axis=1), 0)
    inner = np.take_along_axis(polygons.neighbours, edge, axis=1)
    side = np.take_along_axis(polygons.sides, edge, axis=1)
    outer = np.where(side >= 0, EXTERNAL | _SIDES[np.maximum(side, 0)], 0)
    records["neighbours"] = np.where(used, np.where(inner >= 0, inner + 1, outer), 0)
    records["first_link"] = 0xFFFFFFFF
    records["flags"] = FLAGS[polygons.areas]
    records["count"] = polygons.counts
    records["area_and_type"] = polygons.areas
    details, triangles = _details(polygons.counts)
    links = int(polygons.counts.sum()) + 4 * int(np.count_nonzero(used & (side >= 0)))
    low, high = polygons.points[:, 2].min(), polygons.points[:, 2].max()
    header = _HEADER.pack(
        TILE_MAGIC, TILE_VERSION, tile.x, tile.y, 0, 0, count, len(points), links, count, 0, len(triangles), 0, 0,
        count, AGENT_HEIGHT, AGENT_RADIUS, AGENT_CLIMB, corner[0], low, corner[1], corner[0] + size, high,
        corner[1] + size, 0.0,
    )  # fmt: skip
    vertices = points[:, [0, 2, 1]].astype("<f4").tobytes()
    return b"".join(
        (header, vertices, records.tobytes(), b"\0" * (_LINK_BYTES * links), details.tobytes(), triangles.tobytes())
    )


def _details(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Detail meshes: a fan of triangles over each polygon's own corners, with its outer edges marked."""
    fans = counts.astype(np.int64) - 2
    details = np.zeros(len(counts), _DETAIL)
    details["triangle_base"] = np.cumsum(fans) - fans
    details["triangles"] = fans
    owner = np.repeat(np.arange(len(counts)), fans)
    step = np.arange(len(owner)) - details["triangle_base"][owner] + 2
    edges = np.full(len(owner), 1 << 2)
    edges[step == 2] |= 1
    edges[step == counts[owner] - 1] |= 1 << 4
    triangles = np.stack([np.zeros(len(owner), int), step - 1, step, edges], axis=1).astype(np.uint8)
    return details, triangles


@dataclass(frozen=True)
class DecodedTile:
    """A tile as read back: grid place, corners float32 (V, 3) in CARLA's axes, and one row per polygon."""

    reference: int
    x: int
    y: int
    points: np.ndarray
    polygons: np.ndarray


def decode(data: bytes) -> list[DecodedTile]:
    """Tiles of a navigation mesh file. Raises ValueError when it is none."""
    try:
        magic, version, count = _SET.unpack_from(data)[:3]
        if magic != SET_MAGIC or version != SET_VERSION:
            raise ValueError("not a set of Detour tiles")
        place = _SET.size
        tiles = []
        for _ in range(count):
            reference, size = _TILE.unpack_from(data, place)
            place += _TILE.size
            header = _HEADER.unpack_from(data, place)
            if header[0] != TILE_MAGIC or header[1] != TILE_VERSION:
                raise ValueError("not a Detour tile of version 7")
            polygons, vertices = header[6], header[7]
            points = np.frombuffer(data, "<f4", 3 * vertices, place + _HEADER.size).reshape(-1, 3)[:, [0, 2, 1]]
            records = np.frombuffer(data, _POLYGON, polygons, place + _HEADER.size + 12 * vertices)
            tiles.append(DecodedTile(reference, header[2], header[3], points, records))
            place += size
        if place != len(data):
            raise ValueError(f"{len(data) - place} bytes after the last tile")
        return tiles
    except struct.error as error:
        raise ValueError(f"a Detour file that ends early: {error}") from error
