"""Rays against a static world and movable actors: what LiDAR, radar, obstacle sensors and map queries meet.

The same triangles as the cameras draw. Static and actor meshes each have a hierarchy of their own (`ray_models`);
actors and their parts are placed by rigid transforms each tick, under a small hierarchy of their boxes (`ray_actors`).
Same arguments give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.render import ray_kernels
from sim.render.bvh import STACK
from sim.render.mesh import Mesh
from sim.render.ray_actors import Instances, Placed
from sim.render.ray_models import Library, index_of


@dataclass(frozen=True)
class Hits:
    """What N rays met first.

    distance  float64 (N,), in units of the ray's direction (metres if it has unit length); inf where nothing was met
    normal    float32 (N, 3), unit, in the world, towards the ray's origin; zero where nothing was met
    tag       uint8 (N,), CARLA semantic tag
    actor     uint32 (N,), actor id, 0 for the static world
    triangle  int32 (N,), row of the static (or the actor's, or its part's) mesh's `triangles`, -1 where nothing was met
    """

    distance: np.ndarray
    normal: np.ndarray
    tag: np.ndarray
    actor: np.ndarray
    triangle: np.ndarray


class RayScene:
    """One static world that rays can be cast into. One thread at a time; kernels release the GIL.

    All scenes over one mesh object share its hierarchy, so a second world of a town costs nothing.
    """

    def __init__(self, static: Mesh) -> None:
        self.static = index_of(static)
        self._library = Library()
        self._nodes = np.empty((2, STACK), np.int32)
        self._enters = np.empty((1, STACK))
        self.nobody = self.place([])

    def place(self, actors: Sequence[Placed]) -> Instances:
        """Actors where they are now; good for any number of casts, as long as neither they nor their parts move."""
        if self._library.full:
            self._library = Library()
        return Instances(actors, self._library)

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
        placed = placed if placed is not None else self.nobody
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
        rows, again = np.arange(count), np.empty(count, np.int64)
        wanted = np.zeros(len(placed), np.bool_)
        fresh = True
        while len(rows):
            pending = ray_kernels.cast(
                self.static, placed.table, rows, fresh, starts, directions, limits, np.uint32(hidden),
                self._nodes, self._enters, wanted, again,
                hits.distance, hits.normal, hits.tag, hits.actor, hits.triangle,
            )  # fmt: skip
            rows, fresh = again[:pending].copy(), False
            if pending:
                placed.place_details(wanted)
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
        start, way = np.array(origin, np.float64), np.array(direction, np.float64)
        wanted = np.zeros(len(placed), np.bool_)
        count, room, complete = 0, 64, False
        while not complete or count > room:
            room = max(room, count)
            at, about = np.empty(room), np.empty((room, 3), np.int64)
            count, complete = ray_kernels.all_crossings(
                self.static, placed.table, start, way, float(limit), self._nodes, wanted, at, about
            )
            if not complete:
                placed.place_details(wanted)
        return sorted((distance, *things) for distance, things in zip(at[:count].tolist(), about[:count].tolist()))
