"""Actors placed for the rays of one tick: whole meshes far away, and the parts that cameras draw of near ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit

from sim.geometry import Pose
from sim.render import bvh
from sim.render.mesh import Mesh
from sim.render.ray_kernels import near
from sim.render.ray_models import Index, Library
from sim.render.renderer import DETAIL_PX, Part

DETAIL_FOCAL_PX = 400.0
"""Rays meet an actor's detail where a camera of this focal length at their origin draws it: CARLA's default camera,
800 pixels wide with 90 degrees."""

PARTS_MARGIN_M = (0.3, 0.3, 0.12)
"""Parts stay within the box of the whole made larger by this along x, y and z: wheels that steer stick out of it."""

BOX_SLACK_M = 1e-3
"""Room for the rounding of boxes to float32."""

NOBODY = np.zeros(0, np.int64)


class Placed(Protocol):
    """An actor in the world; `sim.render.renderer.Movable` is one. Meshes are told apart by identity."""

    @property
    def actor_id(self) -> int: ...

    @property
    def mesh(self) -> Mesh: ...

    @property
    def pose(self) -> Pose: ...

    @property
    def detail(self) -> Sequence[Part]: ...


class Table(NamedTuple):
    """Actors under a hierarchy of their boxes, and the pieces that they are made of, for the kernels.

    bounds, kids, order  the hierarchy over the actors' boxes in the world
    boxes     float32 (N, 6), an actor's box in the world, with room for its parts
    spheres   float64 (N, 4), an actor's origin and the squared distance from it within which its detail is met
    details   int32 (N, 2), first piece of an actor's detail and number of pieces, -1 while nobody has placed them
    actors    uint32 (N,), ids
    inverses  float64 (M, 3, 4), world to the frame of a piece; piece i < N is actor i as a whole
    hulls     float64 (M, 4), centre of a piece in the world and the squared radius of the ball that holds it
    roots     int32 (M,), root node of a piece's mesh in the model index
    models    the index of all pieces' meshes
    """

    bounds: np.ndarray
    kids: np.ndarray
    order: np.ndarray
    boxes: np.ndarray
    spheres: np.ndarray
    details: np.ndarray
    actors: np.ndarray
    inverses: np.ndarray
    hulls: np.ndarray
    roots: np.ndarray
    models: Index


@njit(nogil=True, error_model="numpy", inline="always")
def _turn(pitch, yaw, roll):  # type: ignore[no-untyped-def]
    """The rows of `sim.geometry.rotation_matrix`."""
    p, y, r = math.radians(pitch), math.radians(yaw), math.radians(roll)
    sp, cp, sy, cy, sr, cr = math.sin(p), math.cos(p), math.sin(y), math.cos(y), math.sin(r), math.cos(r)
    return (
        (cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr),
        (cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr),
        (sp, -cp * sr, cp * cr),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _place(poses, roots, bounds, reach, boxes, spheres, inverses):  # type: ignore[no-untyped-def]
    """Boxes, spheres and inverses (see `Table`) of whole actors; `reach` is their detail's in their own radii."""
    for i in range(len(poses)):
        turn = _turn(poses[i, 3], poses[i, 4], poses[i, 5])
        x, y, z = poses[i, 0], poses[i, 1], poses[i, 2]
        box = bounds[roots[i]]
        square = 0.0
        for k in range(3):
            row = turn[k]
            center, half = poses[i, k], 0.0
            for j in range(3):
                center += row[j] * (0.5 * (box[j] + box[3 + j]))
                half += abs(row[j]) * (0.5 * (box[3 + j] - box[j]) + PARTS_MARGIN_M[j])
            boxes[i, k], boxes[i, 3 + k] = center - half, center + half
            side = box[3 + k] - box[k]
            square += 0.25 * side * side
            spheres[i, k] = poses[i, k]
            inverses[i, k, 0], inverses[i, k, 1], inverses[i, k, 2] = turn[0][k], turn[1][k], turn[2][k]
            inverses[i, k, 3] = -(turn[0][k] * x + turn[1][k] * y + turn[2][k] * z)
        spheres[i, 3] = square * reach * reach


@njit(cache=True, nogil=True, error_model="numpy")
def _place_parts(owners, poses, inverses, place):  # type: ignore[no-untyped-def]
    """Write the inverses of parts at `poses` in the frames of their owners, to the rows from `place` on."""
    for i in range(len(owners)):
        turn = _turn(poses[i, 3], poses[i, 4], poses[i, 5])
        own, out = inverses[owners[i]], inverses[place + i]
        for k in range(3):
            a, b, c = turn[0][k], turn[1][k], turn[2][k]
            for j in range(3):
                out[k, j] = a * own[0, j] + b * own[1, j] + c * own[2, j]
            out[k, 3] = a * (own[0, 3] - poses[i, 0]) + b * (own[1, 3] - poses[i, 1]) + c * (own[2, 3] - poses[i, 2])


@njit(cache=True, nogil=True, error_model="numpy")
def _cover(roots, bounds, inverses, hulls, place, owners, boxes):  # type: ignore[no-untyped-def]
    """Write the balls that hold the pieces from `place` on, and let the boxes of their owners be just large enough.

    A box has to hold the whole, too: rays from afar meet that.
    """
    for i in range(place, len(roots)):
        box, inverse = bounds[roots[i]], inverses[i]
        x = 0.5 * (box[0] + box[3]) - inverse[0, 3]
        y = 0.5 * (box[1] + box[4]) - inverse[1, 3]
        z = 0.5 * (box[2] + box[5]) - inverse[2, 3]
        square = 1e-6
        for k in range(3):
            hulls[i, k] = inverse[0, k] * x + inverse[1, k] * y + inverse[2, k] * z
            half = 0.5 * (box[3 + k] - box[k])
            square += 1.001 * half * half
        hulls[i, 3] = square
    for first in (True, False):
        for j in range(len(owners)):
            owner = owners[j]
            i = owner if first else place + j
            box = bounds[roots[i]]
            for k in range(3):
                reach = BOX_SLACK_M
                for axis in range(3):
                    reach += abs(inverses[i, axis, k]) * 0.5 * (box[3 + axis] - box[axis])
                low, high = hulls[i, k] - reach, hulls[i, k] + reach
                boxes[owner, k] = low if first else min(boxes[owner, k], low)
                boxes[owner, 3 + k] = high if first else max(boxes[owner, 3 + k], high)


class Instances:
    """Actors where they are in one tick. Their parts are placed when the first ray comes to them."""

    def __init__(self, actors: Sequence[Placed], library: Library) -> None:
        self._actors, self._library = actors, library
        count = len(actors)
        roots = np.array([library.root(actor.mesh) for actor in actors], np.int32)
        models = library.index
        boxes = np.empty((count, 6), np.float32)
        spheres, inverses, hulls = np.empty((count, 4)), np.empty((count, 3, 4)), np.empty((count, 4))
        poses = np.array([actor.pose for actor in actors], float).reshape(-1, 6)
        _place(poses, roots, models.bounds, 1.0 + DETAIL_FOCAL_PX / DETAIL_PX, boxes, spheres, inverses)
        _cover(roots, models.bounds, inverses, hulls, 0, NOBODY, boxes)
        tree = bvh.build(boxes[:, :3], boxes[:, 3:])
        details = np.full((count, 2), -1, np.int32)
        ids = np.array([actor.actor_id for actor in actors], np.int64).astype(np.uint32)
        self.table = Table(
            tree.bounds, tree.kids, tree.order, boxes, spheres, details, ids, inverses, hulls, roots, models
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._actors)

    def place_details(self, wanted: np.ndarray) -> None:
        """Place the parts of the actors `wanted`, bool (N,), where that has not been done."""
        table = self.table
        rows = np.flatnonzero(wanted & (table.details[:, 1] < 0)).tolist()
        place = len(table.roots)
        owners: list[int] = []
        poses: list[Pose] = []
        roots: list[int] = []
        for row in rows:
            before = len(roots)
            for mesh, pose in self._actors[row].detail:
                root = self._library.root(mesh)
                # Lamps that burn lie in the body's surface and are of its kind: rays need not meet them.
                if not self._library.is_paint(root):
                    owners.append(row)
                    poses.append(pose)
                    roots.append(root)
            count = len(roots) - before
            # What has no parts is met as a whole.
            table.details[row] = (place + before, count) if count else (row, 1)
        if not roots:
            return
        models = self._library.index
        inverses, hulls = np.empty((place + len(roots), 3, 4)), np.empty((place + len(roots), 4))
        inverses[:place], hulls[:place] = table.inverses, table.hulls
        all_roots = np.concatenate([table.roots, np.array(roots, np.int32)])
        rows_of_parts = np.array(owners)
        _place_parts(rows_of_parts, np.array(poses, float), inverses, place)
        _cover(all_roots, models.bounds, inverses, hulls, place, rows_of_parts, table.boxes)
        self.table = table._replace(inverses=inverses, hulls=hulls, roots=all_roots, models=models)

    def pieces_along(
        self, origin: np.ndarray, direction: np.ndarray, limit: float, nodes: np.ndarray, ball: float = 0.0
    ) -> list[tuple[int, int]]:
        """Pieces that a ray, or a ball of radius `ball` (m), may meet within `limit`: (piece, row of its actor)."""
        table = self.table
        found = np.empty(len(self), np.int32)
        bounds = table.bounds if ball == 0.0 else table.bounds + np.repeat(np.array([-ball, ball], np.float32), 3)
        rows = found[: near(bounds, table.kids, table.order, origin, direction, float(limit), nodes, found)]
        apart = table.spheres[rows, :3] - origin
        close = (apart * apart).sum(axis=1) < table.spheres[rows, 3]
        wanted = np.zeros(len(self), np.bool_)
        wanted[rows[close]] = True
        self.place_details(wanted)
        pieces = []
        for row, detailed in zip(rows.tolist(), close.tolist(), strict=True):
            first, count = self.table.details[row].tolist() if detailed else (row, 1)
            pieces += [(piece, row) for piece in range(first, first + count)]
        return pieces
