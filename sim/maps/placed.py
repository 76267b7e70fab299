"""What a map itself says stands beside its roads: OpenDRIVE's <object>s as trees, poles, houses, walls and boxes."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.facades import BRICK, FLOOR, OFFICE, Houses, facades
from sim.maps.network import InvalidOpenDrive, Road, RoadNetwork, number_of, to_carla
from sim.maps.props import BOX, CROWNS, WALLS, place
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh

MAX_PLACED = 20_000
MAX_SIZE, MAX_HEIGHT = 300.0, 200.0  # m
PIECE_M = 4.0  # length of the pieces of a wall that follows a road
THIN_M, BROAD_M = 0.3, 1.0  # m
_LEAST = 0.05

# Words in an object's type or name, the first that fits: what it is drawn as, and its usual length, width, height (m).
_KINDS: tuple[tuple[tuple[str, ...], str, tuple[float, float, float]], ...] = (
    (("parkingspace",), "parking", (5.0, 2.5, 0.0)),
    (("crosswalk", "roadmark", "patch", "stencil", "arrow", "stopline", "pothole", "roadsurface"), "", (0.0, 0.0, 0.0)),
    (("guardrail", "guard_rail", "guard rail", "railing", "leitplanke"), "rail", (4.0, 0.12, 0.78)),
    (("tree", "vegetation", "bush", "plant", "forest"), "tree", (3.0, 3.0, 7.0)),
    (("building", "house", "tower", "gebaeude"), "house", (12.0, 10.0, 7.0)),
    (("fence",), "fence", (4.0, 0.06, 1.4)),
    (("barrier", "wall", "soundbarrier", "noise"), "wall", (4.0, 0.2, 1.0)),
    (("mastarm", "mast arm"), "arm", (0.2, 6.0, 0.2)),
    (("lamp", "pole", "post", "delineator", "mast", "streetlight"), "pole", (0.16, 0.16, 4.0)),
    (("bridge", "gantry"), "static", (1.0, 1.0, 1.0)),
)
_LABELS = {
    "rail": Label.GUARD_RAIL, "fence": Label.FENCES, "wall": Label.WALLS, "pole": Label.POLES, "arm": Label.POLES,
    "static": Label.STATIC,
}  # fmt: skip
_COLORS = {
    "rail": (168, 172, 176), "fence": (112, 104, 92), "wall": (152, 150, 144), "pole": (104, 108, 112),
    "arm": (104, 108, 112), "static": (150, 132, 96),
}  # fmt: skip
_BARK, _LEAF, _PAINT, _HOUSE = (92, 74, 58), (66, 102, 48), (226, 226, 222), (188, 176, 156)


@dataclass(frozen=True)
class PlacedObject:
    """A thing of a map: `kind` says how it is drawn; x, y, z (m) and yaw (degrees) of its foot in CARLA's frame.

    size (length, width, height) in m. `outline` (N, 2) are corners in its own frame (x forward, y right, m) where the
    map gives any.
    """

    kind: str
    x: float
    y: float
    z: float
    yaw: float
    size: tuple[float, float, float]
    outline: np.ndarray | None = None


def placed_objects(root: ElementTree.Element, network: RoadNetwork) -> list[PlacedObject]:
    """All <object>s of a map that stand or lie beside roads, crosswalks apart. Raises InvalidOpenDrive."""
    found: list[PlacedObject] = []
    for road, element in zip(network.roads, root.iter("road")):
        for item in element.findall("objects/object"):
            found += _read(road, item)
            if len(found) > MAX_PLACED:
                raise InvalidOpenDrive(f"the map places more than {MAX_PLACED} objects beside its roads")
    return found


def _read(road: Road, item: ElementTree.Element) -> list[PlacedObject]:
    words = f"{item.get('type', '')} {item.get('subtype', '')} {item.get('name', '')}".lower()
    fitting = (row for row in _KINDS if any(word in words for word in row[0]))
    _, kind, usual = next(fitting, ((), "static", (0.0, 0.0, 0.0)))
    if not kind:
        return []
    radius = number_of(item, "radius", 0.0)
    given = [number_of(item, name, 0.0) or 2.0 * radius for name in ("length", "width")]
    height = number_of(item, "height", 0.0)
    size = tuple(
        min(max(value or default, 0.0), limit)
        for value, default, limit in zip((*given, height), usual, (MAX_SIZE, MAX_SIZE, MAX_HEIGHT))
    )
    outline = _outline(road, item)
    if kind == "static" and ((min(size[:2]) < _LEAST and outline is None) or size[2] < _LEAST):
        return []
    s, t = number_of(item, "s"), number_of(item, "t")
    one = _at(
        road, kind, s, t, number_of(item, "zOffset", 0.0), number_of(item, "hdg", 0.0), (size[0], size[1], size[2])
    )
    repeats = item.findall("repeat")
    if not repeats:
        return [one if outline is None else replace(one, outline=_local(one, outline))]
    found: list[PlacedObject] = []
    for repeat in repeats:
        found += _repeated(road, one, repeat, number_of(item, "hdg", 0.0))
    return found


def _at(
    road: Road, kind: str, s: float, t: float, lift: float, turned: float, size: tuple[float, float, float]
) -> PlacedObject:
    x, y, z, heading = road.reference(np.array([min(max(s, 0.0), road.length)]))[0].tolist()
    spot = to_carla(np.array(x - t * math.sin(heading)), np.array(y + t * math.cos(heading)), np.array(z + lift))
    east, south, up = spot.tolist()
    # The grass lies lower than the road; what stands on the ground reaches down to it.
    if lift == 0.0 and kind != "parking":
        up += GROUND_Z
    return PlacedObject(kind, east, south, up, -math.degrees(heading + turned), size)


def _repeated(road: Road, one: PlacedObject, repeat: ElementTree.Element, turned: float) -> list[PlacedObject]:
    start, span = number_of(repeat, "s"), max(0.0, number_of(repeat, "length", 0.0))
    span = min(span, road.length)
    distance = number_of(repeat, "distance", 0.0)
    unbroken = distance < 0.1
    count = max(1, math.ceil(span / PIECE_M)) if unbroken else int(span / distance) + 1
    if count > MAX_PLACED:
        raise InvalidOpenDrive(f"an object of road {road.id!r} is repeated {count} times, more than {MAX_PLACED}")
    found = []
    for number in range(count):
        share = (number + 0.5) / count if unbroken else number * distance / max(span, 1e-9)
        ends = {
            name: number_of(repeat, f"{name}Start", default)
            + share * (number_of(repeat, f"{name}End", default) - number_of(repeat, f"{name}Start", default))
            for name, default in (
                ("t", 0.0), ("zOffset", 0.0), ("length", one.size[0]), ("width", one.size[1]), ("height", one.size[2]),
            )
        }  # fmt: skip
        length = span / count if unbroken else min(max(ends["length"], 0.0), MAX_SIZE) or one.size[0]
        size = (
            length,
            min(max(ends["width"], 0.0), MAX_SIZE) or one.size[1],
            min(max(ends["height"], 0.0), MAX_HEIGHT) or one.size[2],
        )
        direction = 0.0 if unbroken else turned
        found.append(_at(road, one.kind, start + share * span, ends["t"], ends["zOffset"], direction, size))
    return found


def _outline(road: Road, item: ElementTree.Element) -> np.ndarray | None:
    """Corners (N, 2) x, y in CARLA's frame of an object's first outline; None without one."""
    shape = item.find("outline") if item.find("outline") is not None else item.find("outlines/outline")
    if shape is None:
        return None
    s, t, turned = number_of(item, "s"), number_of(item, "t"), number_of(item, "hdg", 0.0)
    x, y, _, heading = road.reference(np.array([min(max(s, 0.0), road.length)]))[0].tolist()
    corners = []
    for corner in shape:
        if corner.tag == "cornerLocal":
            u, v = number_of(corner, "u"), number_of(corner, "v")
            if max(abs(u), abs(v)) > MAX_SIZE:
                raise InvalidOpenDrive(f"an object of road {road.id!r} has corners over {MAX_SIZE:g} m from its place")
            angle = heading + turned
            corners.append(
                (
                    x - t * math.sin(heading) + u * math.cos(angle) - v * math.sin(angle),
                    y + t * math.cos(heading) + u * math.sin(angle) + v * math.cos(angle),
                )
            )
        elif corner.tag == "cornerRoad":
            at = min(max(number_of(corner, "s"), 0.0), road.length)
            across = number_of(corner, "t")
            px, py, _, direction = road.reference(np.array([at]))[0].tolist()
            corners.append((px - across * math.sin(direction), py + across * math.cos(direction)))
    if len(corners) < 3:
        return None
    points = np.array(corners) * np.array([1.0, -1.0])
    if np.ptp(points, axis=0).max() > MAX_SIZE:
        return None
    return points


def _local(one: PlacedObject, points: np.ndarray) -> np.ndarray:
    angle = math.radians(one.yaw)
    d = points - np.array([one.x, one.y])
    return np.stack(
        [d[:, 0] * math.cos(angle) + d[:, 1] * math.sin(angle), d[:, 1] * math.cos(angle) - d[:, 0] * math.sin(angle)],
        axis=1,
    )


def placed_meshes(objects: list[PlacedObject], boxes: BoxList) -> list[Mesh]:
    """Meshes of a map's own things; their collision boxes go into `boxes`."""
    meshes: list[Mesh] = []
    boxed = [_slim(_upright(one)) for one in objects if one.kind != "parking"]
    for kind, label in _LABELS.items():
        meshes += _blocks([one for one in boxed if one.kind == kind], label, _COLORS[kind], boxes)
    meshes += _houses([one for one in boxed if one.kind == "house"], boxes)
    meshes += _trees([one for one in boxed if one.kind == "tree"], boxes)
    return meshes + [_bay(one) for one in objects if one.kind == "parking"]


def _upright(one: PlacedObject) -> PlacedObject:
    """The object as a box: around its outline, where it has one."""
    if one.outline is None:
        return one
    low, high = one.outline.min(axis=0), one.outline.max(axis=0)
    middle, angle = 0.5 * (low + high), math.radians(one.yaw)
    x = one.x + middle[0] * math.cos(angle) - middle[1] * math.sin(angle)
    y = one.y + middle[0] * math.sin(angle) + middle[1] * math.cos(angle)
    length, width = (high - low).tolist()
    return replace(one, x=float(x), y=float(y), size=(length, width, one.size[2]))


def _slim(one: PlacedObject) -> PlacedObject:
    """Posts and arms of traffic lights as thin as they are, where a map gives the box around their lamps and feet."""
    length, width, height = one.size
    if one.kind == "pole" and THIN_M < max(length, width) < BROAD_M and height > 2.0:
        return replace(one, size=(min(length, THIN_M), min(width, THIN_M), height))
    if one.kind == "arm" and height > THIN_M:
        size = (max(length, THIN_M), THIN_M, THIN_M) if length > width else (THIN_M, max(width, THIN_M), THIN_M)
        return replace(one, size=size, z=one.z + 0.5 * (height - THIN_M))
    return one


def _arrays(objects: list[PlacedObject]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    foot = np.array([(one.x, one.y, one.z) for one in objects]).reshape(-1, 3)
    size = np.maximum(np.array([one.size for one in objects]).reshape(-1, 3), _LEAST)
    return foot, size, np.array([one.yaw for one in objects])


def _blocks(objects: list[PlacedObject], label: Label, color: tuple[int, int, int], boxes: BoxList) -> list[Mesh]:
    if not objects:
        return []
    foot, size, yaw = _arrays(objects)
    numbers = boxes.add(foot, size, yaw, label)
    paint = np.tile(np.array(color, float), (len(foot), 1))
    return [boxes.tie(place(BOX, foot, size, yaw, paint, label), numbers)]


def _houses(objects: list[PlacedObject], boxes: BoxList) -> list[Mesh]:
    if not objects:
        return []
    foot, size, yaw = _arrays(objects)
    numbers = boxes.add(foot, size, yaw, Label.BUILDINGS)
    paint = np.tile(np.array(_HOUSE, float), (len(foot), 1)) - 14.0 * (np.arange(len(foot)) % 4)[:, None]
    walls = boxes.tie(place(BOX, foot, size, yaw, paint, Label.BUILDINGS), numbers)
    # What is lower than a floor or narrower than a door has plain walls.
    real = np.flatnonzero((size[:, 2] > FLOOR) & (size[:, :2].min(axis=1) > 3.0) & (size[:, 2] < 60.0))
    if len(real) == 0:
        return [walls]
    floors = np.maximum(1, ((size[real, 2] - 0.6) / FLOOR).astype(int))
    kind = np.where(floors > 4, OFFICE, BRICK)
    shop = np.zeros(len(real), bool)
    front = np.zeros(len(real), int)
    houses = Houses(foot[real], size[real], yaw[real], kind, front, floors, shop, numbers[real])
    return [walls, *facades(houses, paint[real], boxes)]


def _trees(objects: list[PlacedObject], boxes: BoxList) -> list[Mesh]:
    if not objects:
        return []
    foot, size, yaw = _arrays(objects)
    height = size[:, 2]
    stem = np.column_stack([np.full(len(foot), 0.28), np.full(len(foot), 0.28), 0.4 * height])
    numbers = boxes.add(foot, stem, yaw, Label.VEGETATION)
    bark, leaf = (np.tile(np.array(color, float), (len(foot), 1)) for color in (_BARK, _LEAF))
    radius = np.clip(0.25 * (size[:, 0] + size[:, 1]), 0.3, 0.4 * height + 0.3)
    crown = np.column_stack([radius, radius, 0.75 * height])
    lift = np.column_stack([np.zeros(len(foot)), np.zeros(len(foot)), 0.25 * height])
    return [
        boxes.tie(place(WALLS, foot, stem, yaw, bark, Label.VEGETATION), numbers),
        boxes.tie(place(CROWNS[0], foot + lift, crown, yaw, leaf, Label.VEGETATION), numbers),
    ]


def _bay(one: PlacedObject) -> Mesh:
    """White lines along the edges of a parking space, as decals."""
    half, line = (max(0.5 * one.size[0], _LEAST), max(0.5 * one.size[1], _LEAST)), 0.05
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    outer = one.outline if one.outline is not None and len(one.outline) == 4 else square * np.array(half)
    middle = outer.mean(axis=0)
    reach = np.hypot(*(outer - middle).T)[:, None]
    inner = outer - (outer - middle) / np.maximum(reach, _LEAST) * np.minimum(2.8 * line, 0.5 * reach)
    angle = math.radians(one.yaw)
    local = np.concatenate([outer, inner])
    x = one.x + local[:, 0] * math.cos(angle) - local[:, 1] * math.sin(angle)
    y = one.y + local[:, 0] * math.sin(angle) + local[:, 1] * math.cos(angle)
    quads = [(n, (n + 1) % 4, 4 + (n + 1) % 4, 4 + n) for n in range(4)]
    triangles = [corner for a, b, c, d in quads for corner in ((a, b, c), (a, c, d))]
    return Mesh.build(np.column_stack([x, y, np.full(8, one.z)]), triangles, _PAINT, Label.ROAD_LINES, 1)
