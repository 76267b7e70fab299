"""The navigation mesh of a town, made once and kept while the town is in use."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict

import numpy as np

from sim.maps import Town
from sim.maps.network import RoadNetwork, parse_network
from sim.navigation.detour import Tile, TooLarge, encode
from sim.navigation.polygons import tile_polygons
from sim.navigation.walkable import Area, Facets, walkable_facets

log = logging.getLogger(__name__)

TILE_SIZES = (128.0, 256.0, 500.0)
MAX_TILES = 1024
CACHED = 4
_cache: OrderedDict[str, bytes] = OrderedDict()
_lock = threading.Lock()


def navigation_mesh(town: Town) -> bytes:
    """Detour file of a town; empty when it has no sidewalk, or is not to have any navigation."""
    if not town.navigable:
        return b""
    # The worlds of one process share meshes: the first one that needs a mesh makes it.
    with _lock:
        if town.opendrive not in _cache:
            began = time.monotonic()
            _cache[town.opendrive] = build(parse_network(town.opendrive))
            log.info("%s: navigation mesh after %.2f s", town.name, time.monotonic() - began)
            while len(_cache) > CACHED:
                _cache.popitem(last=False)
        _cache.move_to_end(town.opendrive)
        return _cache[town.opendrive]


def build(network: RoadNetwork) -> bytes:
    """Detour file of a road network; empty when there is no sidewalk to walk on."""
    facets = walkable_facets(network)
    if not np.any(facets.areas == Area.SIDEWALK):
        return b""
    try:
        return _encoded(facets)
    except TooLarge as error:
        log.warning("no carriageways in the navigation mesh, so that nobody crosses them: %s", error)
    walks = facets.areas != Area.ROAD
    return _encoded(Facets(facets.corners[walks], facets.counts[walks], facets.areas[walks]))


def warm_up() -> None:
    """Compile, or load from Numba's cache, what making a mesh runs."""
    corners = np.zeros((2, 8, 3))
    corners[:, :4, :2] = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]
    corners[:, 4:] = corners[:, 3:4]
    corners[1, :, :2] += 2.0
    areas = np.array([Area.SIDEWALK, Area.ROAD], np.uint8)
    tile_polygons(Facets(corners, np.full(2, 4), areas), (-1.0, -1.0), 16.0)


def _encoded(facets: Facets) -> bytes:
    for size in TILE_SIZES:
        columns = _columns(facets, size)
        if len(columns) <= MAX_TILES:
            break
    low = np.floor(facets.corners[..., :2].reshape(-1, 2).min(axis=0) / size) * size
    tiles = []
    for (x, y), members in columns.items():
        corner = (float(low[0] + x * size), float(low[1] + y * size))
        chosen = Facets(facets.corners[members], facets.counts[members], facets.areas[members])
        polygons = tile_polygons(chosen, corner, size)
        if len(polygons):
            tiles.append(Tile(x, y, polygons))
    return encode(tiles, (float(low[0]), float(low[1])), size)


def _columns(facets: Facets, size: float) -> dict[tuple[int, int], np.ndarray]:
    """Facets that reach into each tile of a grid, by column and row."""
    low = facets.corners[..., :2].min(axis=1)
    high = facets.corners[..., :2].max(axis=1)
    first = np.floor(low / size).astype(int)
    last = np.floor(high / size).astype(int)
    base = first.min(axis=0) if len(first) else np.zeros(2, int)
    members: dict[tuple[int, int], list[int]] = {}
    for number, ((x0, y0), (x1, y1)) in enumerate(zip((first - base).tolist(), (last - base).tolist())):
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                members.setdefault((x, y), []).append(number)
    return {place: np.array(numbers) for place, numbers in sorted(members.items())}
