"""What a town consists of, piece by piece: names, stable ids, labels, boxes and map layers of its objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from functools import cached_property

import numpy as np

from sim.labels import Label
from sim.maps.boxes import StaticBoxes
from sim.render.mesh import Mesh


class Layer(IntFlag):
    """The layers of `carla.MapLayer`; an object of layer NONE is always shown."""

    NONE = 0
    BUILDINGS = 1
    DECALS = 2
    FOLIAGE = 4
    GROUND = 8
    PARKED_VEHICLES = 16
    PARTICLES = 32
    PROPS = 64
    STREET_LIGHTS = 128
    WALLS = 256
    ALL = 0xFFFF


# What an object of a label is called and which layer it belongs to.
_KINDS: dict[int, tuple[str, Layer]] = {
    Label.ROADS: ("Road", Layer.NONE),
    Label.SIDEWALKS: ("Sidewalk", Layer.NONE),
    Label.ROAD_LINES: ("RoadLine", Layer.NONE),
    Label.GROUND: ("Ground", Layer.NONE),
    Label.TERRAIN: ("Terrain", Layer.GROUND),
    Label.BUILDINGS: ("Building", Layer.BUILDINGS),
    Label.WALLS: ("Wall", Layer.WALLS),
    Label.FENCES: ("Fence", Layer.WALLS),
    Label.GUARD_RAIL: ("GuardRail", Layer.WALLS),
    Label.POLES: ("StreetLight", Layer.STREET_LIGHTS),
    Label.VEGETATION: ("Tree", Layer.FOLIAGE),
    Label.TRAFFIC_LIGHT: ("TrafficLight", Layer.NONE),
    Label.TRAFFIC_SIGNS: ("TrafficSign", Layer.NONE),
    Label.STATIC: ("Prop", Layer.PROPS),
    Label.DYNAMIC: ("Prop", Layer.PROPS),
    Label.CAR: ("ParkedVehicle", Layer.PARKED_VEHICLES),
    Label.BRIDGE: ("Bridge", Layer.NONE),
}


_PLAIN_POLE = "Pole"


@dataclass(frozen=True)
class TownObjects:
    """The objects of a town in the order in which it was built; N objects, T triangles, B collision boxes.

    names      unique names                      tags    uint8 (N,) semantic tags
    layers     uint16 (N,) bits of `Layer`       yaws    float64 (N,) degrees
    triangles  int32 (T,) object of each triangle of the town's mesh, -1 for none
    boxes      int32 (B,) object of each collision box, -1 for none
    mesh       the town's mesh
    """

    names: tuple[str, ...]
    tags: np.ndarray
    layers: np.ndarray
    yaws: np.ndarray
    triangles: np.ndarray
    boxes: np.ndarray
    mesh: Mesh

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """64-bit ids (N,) that depend on the names alone: the same in every process and after every load."""
        return tuple(
            int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") for name in self.names
        )

    @cached_property
    def index(self) -> dict[int, int]:
        """Position of each id."""
        return {identity: number for number, identity in enumerate(self.ids)}

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Centres (N, 3) and half sizes (N, 3) in m of the boxes around each object's triangles, turned by its yaw."""
        owned = self.triangles >= 0
        owner = np.repeat(self.triangles[owned], 3)
        points = self.mesh.vertices[self.mesh.triangles[owned].reshape(-1)].astype(np.float64)
        angle = np.radians(self.yaws)
        cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
        c, s = cosine[owner, 0], sine[owner, 0]
        local = np.stack(
            [c * points[:, 0] + s * points[:, 1], c * points[:, 1] - s * points[:, 0], points[:, 2]], axis=1
        )
        low, high = np.full((len(self), 3), np.inf), np.full((len(self), 3), -np.inf)
        np.minimum.at(low, owner, local)
        np.maximum.at(high, owner, local)
        bare = ~np.isfinite(low)
        low[bare] = high[bare] = 0.0
        middle = 0.5 * (low + high)
        center = np.stack(
            [
                cosine[:, 0] * middle[:, 0] - sine[:, 0] * middle[:, 1],
                sine[:, 0] * middle[:, 0] + cosine[:, 0] * middle[:, 1],
                middle[:, 2],
            ],
            axis=1,
        )
        return center, 0.5 * (high - low)


def town_objects(
    surfaces: Iterable[tuple[str, Mesh]],
    scenery: Mesh,
    owners: np.ndarray,
    boxes: StaticBoxes,
    mesh: Mesh,
    lamp_posts: int,
) -> TownObjects:
    """Objects of a town whose `mesh` is its `surfaces` (key of a road or junction, mesh) followed by its `scenery`.

    `owners` (triangles of the scenery,) names the collision box that each of its triangles belongs to, -1 for open
    ground. Each box is an object, then each surface key has one object per label. The first `lamp_posts` boxes are
    those of street lights; other poles are poles.
    """
    tags = [int(tag) for tag in boxes.tag]
    yaws = boxes.yaw.tolist()
    lit = np.arange(len(tags)) < lamp_posts
    names = _numbered(
        [_PLAIN_POLE if tag == Label.POLES and not lit[n] else _kind(tag)[0] for n, tag in enumerate(tags)]
    )
    parts = []
    known: dict[tuple[str, int], int] = {}
    for key, part in surfaces:
        # A lane's surface and its kerb have one tag.
        tag = int(part.tags[0]) if len(part.tags) else 0
        if (key, tag) not in known:
            known[key, tag] = len(names)
            names.append(f"{_kind(tag)[0]}_{key}")
            tags.append(tag)
            yaws.append(0.0)
        parts.append(np.full(len(part.triangles), known[key, tag], np.int32))
    ground = len(names)
    names.append("Terrain_Ground")
    tags.append(int(Label.TERRAIN))
    yaws.append(0.0)
    parts.append(np.where(owners >= 0, owners, ground).astype(np.int32))
    layers = [int(_kind(tag)[1]) for tag in tags]
    for number in range(lamp_posts, len(boxes)):
        if tags[number] == Label.POLES:
            layers[number] = int(Layer.PROPS)
    for (_, tag), number in known.items():
        # Grass beside a lane is part of its road and stays when the open ground goes.
        if tag == Label.TERRAIN:
            layers[number] = 0
    return TownObjects(
        tuple(names),
        np.array(tags, np.uint8),
        np.array(layers, np.uint16),
        np.array(yaws, np.float64),
        np.concatenate(parts),
        np.arange(len(boxes), dtype=np.int32),
        mesh,
    )


def _kind(tag: int) -> tuple[str, Layer]:
    return _KINDS.get(tag, ("Object", Layer.NONE))


def _numbered(kinds: list[str]) -> list[str]:
    count: dict[str, int] = {}
    names = []
    for name in kinds:
        names.append(f"{name}_{count.get(name, 0)}")
        count[name] = count.get(name, 0) + 1
    return names
