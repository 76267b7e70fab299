"""What the faces of houses carry: single windows in frames, doors, shop fronts under awnings, balconies, cornices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.props import BOX, place
from sim.render.mesh import Mesh
from sim.render.scene import GLASS, LIT_GLASS

FLOOR = 3.3  # m
PLASTER, BRICK, OFFICE, APARTMENT, COTTAGE, WAREHOUSE = range(6)

_NORMALS = np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
_TANGENTS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
# By kind of house: metres of wall per window, a window's width and height, and its sill's height over the floor.
_SPACING = np.array([3.1, 2.7, 2.4, 3.4, 3.8, 6.0])
_WIDTH = np.array([1.3, 1.15, 2.05, 1.7, 1.3, 3.2])
_HEIGHT = np.array([1.5, 1.7, 2.3, 1.6, 1.25, 0.8])
_SILL = np.array([0.95, 0.85, 0.55, 0.8, 1.0, 2.0])
_FRAME = 0.11  # m all round a pane
_FRAMES = np.array(
    [(226, 222, 212), (232, 230, 224), (70, 74, 80), (214, 212, 206), (236, 234, 228), (120, 122, 124)], float
)
_DOORS = np.array([(92, 58, 40), (44, 66, 58), (52, 56, 64), (120, 46, 40), (70, 82, 104)], float)
_AWNINGS = np.array([(168, 52, 46), (52, 98, 72), (56, 82, 132), (196, 150, 60), (120, 60, 84)], float)
_SHOP_PANE = 4
_LIT_PERCENT = 30


@dataclass(frozen=True)
class Houses:
    """N boxes with walls: foot (N, 3) and full size (N, 3) in m, yaw (N,) degrees, kind (N,) of house.

    `front` (N,) is the face that looks at the street: 0 at local -y, 2 at local +y; `floors` (N,) how many there are,
    `shop` (N,) whether the lowest is one, `numbers` (N,) their collision boxes.
    """

    foot: np.ndarray
    size: np.ndarray
    yaw: np.ndarray
    kind: np.ndarray
    front: np.ndarray
    floors: np.ndarray
    shop: np.ndarray
    numbers: np.ndarray


def facades(houses: Houses, paint: np.ndarray, boxes: BoxList) -> list[Mesh]:
    """Everything on the walls of houses whose walls have the colours `paint` (N, 3)."""
    return [
        *_windows(houses, boxes),
        *_entrances(houses, boxes),
        *_balconies(houses, boxes),
        *_cornices(houses, paint, boxes),
    ]


def _panels(
    houses: Houses,
    owner: np.ndarray,
    face: np.ndarray,
    along: np.ndarray,
    low: np.ndarray,
    span: np.ndarray,
    color: np.ndarray,
    layer: int,
    reach: tuple[float, float] = (0.0, 0.0),
) -> Mesh:
    """Rectangles (M,) on faces of houses: middles `along` the face, `low` sills, `span` (M, 2) width and height in m.

    `reach` is how far (m) their lower and upper edges stand off the wall.
    """
    normal, tangent = _NORMALS[face], _TANGENTS[face]
    depth = 0.5 * np.where(face % 2 == 0, houses.size[owner, 1], houses.size[owner, 0])
    corners = []
    for side, up in ((-0.5, 0), (0.5, 0), (0.5, 1), (-0.5, 1)):
        plan = normal * (depth + reach[up])[:, None] + tangent * (along + side * span[:, 0])[:, None]
        corners.append(np.column_stack([plan, low + up * span[:, 1]]))
    local = np.stack(corners, axis=1)
    angle = np.radians(houses.yaw[owner])[:, None]
    x = np.cos(angle) * local[..., 0] - np.sin(angle) * local[..., 1]
    y = np.sin(angle) * local[..., 0] + np.cos(angle) * local[..., 1]
    points = np.stack([x, y, local[..., 2]], axis=-1) + houses.foot[owner][:, None]
    triangles = (np.arange(len(owner)) * 4)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    colors = np.broadcast_to(np.clip(color, 0, 255), (len(owner), 3)).astype(np.uint8).repeat(2, axis=0)
    return Mesh.build(points, triangles, colors, Label.BUILDINGS, layer)


def _grid(houses: Houses) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places of windows (M,): owner, face, column, columns of that face, floor."""
    rows = []
    for face in range(4):
        wall = houses.size[:, 0] if face % 2 == 0 else houses.size[:, 1]
        # Backs have fewer windows: they are seen from other streets alone, and every pane costs time in each frame.
        spacing = _SPACING[houses.kind] * np.where(houses.front == (face + 2) % 4, 2.0, 1.0)
        columns = np.maximum(1, ((wall - 0.8) / spacing).astype(int))
        count = columns * houses.floors
        owner = np.repeat(np.arange(len(count)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        rows.append(np.stack([owner, np.full(len(owner), face), within % columns[owner], columns[owner],
                              within // columns[owner]]))  # fmt: skip
    owner, face, column, columns, level = np.concatenate(rows, axis=1)
    return owner, face, column, columns, level


def _along(houses: Houses, owner: np.ndarray, face: np.ndarray, column: np.ndarray, columns: np.ndarray) -> np.ndarray:
    wall = np.where(face % 2 == 0, houses.size[owner, 0], houses.size[owner, 1]) - 0.8
    return wall * ((column + 0.5) / columns - 0.5)


def _windows(houses: Houses, boxes: BoxList) -> list[Mesh]:
    owner, face, column, columns, level = _grid(houses)
    kind = houses.kind[owner]
    street = face == houses.front[owner]
    door = street & (level == 0) & (column == columns // 2) & ~houses.shop[owner]
    front = houses.shop[owner] & street & (level == 0)
    keep = ~door & ~((kind == WAREHOUSE) & (level == 0))
    owner, face, column, columns, level, kind, front, street = (
        part[keep] for part in (owner, face, column, columns, level, kind, front, street)
    )
    along = _along(houses, owner, face, column, columns)
    bay = (np.where(face % 2 == 0, houses.size[owner, 0], houses.size[owner, 1]) - 0.8) / columns
    low = level * FLOOR + np.where(front, 0.45, _SILL[kind])
    span = np.column_stack(
        [np.where(front, bay - 0.35, np.minimum(_WIDTH[kind], bay - 0.3)), np.where(front, 2.1, _HEIGHT[kind])]
    )
    # Which panes are lit at night follows from where they are: the town's random choices stay as they were.
    lit = (owner * 37 + level * 53 + column * 71 + face * 29 + (owner * column) % 7 * 13) % 100 < _LIT_PERCENT
    pane = np.where(front, _SHOP_PANE, (owner * 5 + owner // 3) % _SHOP_PANE)
    tint = np.where(lit[:, None], np.array(LIT_GLASS)[pane], np.array(GLASS)[pane])
    numbers = houses.numbers[owner]
    panes = boxes.tie(_panels(houses, owner, face, along, low, span, tint, 2), numbers)
    # Only the side that the street sees has frames, and offices have walls of glass.
    seen = np.flatnonzero(street & (kind != OFFICE))
    frames = _panels(
        houses, owner[seen], face[seen], along[seen], low[seen] - _FRAME, span[seen] + 2 * _FRAME,
        _FRAMES[kind[seen]], 1,
    )  # fmt: skip
    split = np.flatnonzero(street & ~front & (kind != OFFICE))
    bars = np.column_stack([np.full(len(split), 0.07), span[split, 1]])
    mullions = _panels(houses, owner[split], face[split], along[split], low[split], bars, _FRAMES[kind[split]], 3)
    return [boxes.tie(frames, numbers[seen]), panes, boxes.tie(mullions, numbers[split])]


def _entrances(houses: Houses, boxes: BoxList) -> list[Mesh]:
    """Doors, gates of warehouses, and awnings over shop fronts."""
    every = np.arange(len(houses.yaw))
    home = every[~houses.shop]
    face = houses.front[home]
    columns = np.maximum(1, ((houses.size[home, 0] - 0.8) / _SPACING[houses.kind[home]]).astype(int))
    along = _along(houses, home, face, columns // 2, columns)
    gate = houses.kind[home] == WAREHOUSE
    span = np.column_stack([np.where(gate, 4.2, 1.25), np.where(gate, 3.4, 2.3)])
    low = np.zeros(len(home))
    color = np.where(gate[:, None], np.array([138.0, 142.0, 146.0]), _DOORS[home % len(_DOORS)])
    case = span + np.array([0.3, 0.15])
    numbers = houses.numbers[home]
    meshes = [
        boxes.tie(_panels(houses, home, face, along, low, case, _FRAMES[houses.kind[home]], 1), numbers),
        boxes.tie(_panels(houses, home, face, along, low, span, color, 2), numbers),
    ]
    shop = every[houses.shop]
    if len(shop):
        wide = houses.size[shop, 0] - 1.0
        middle, face, tint = np.zeros(len(shop)), houses.front[shop], _AWNINGS[shop % len(_AWNINGS)]
        top = np.column_stack([wide, np.full(len(shop), 0.55)])
        board = np.column_stack([wide, np.full(len(shop), 0.5)])
        numbers = houses.numbers[shop]
        slope = _panels(houses, shop, face, middle, np.full(len(shop), 2.55), top, tint, 0, (1.3, 0.02))
        sign = _panels(houses, shop, face, middle, np.full(len(shop), 3.15), board, 0.6 * tint + 40, 1)
        meshes += [boxes.tie(slope, numbers), boxes.tie(sign, numbers)]
    return meshes


def _balconies(houses: Houses, boxes: BoxList) -> list[Mesh]:
    owner, face, column, columns, level = _grid(houses)
    keep = (houses.kind[owner] == APARTMENT) & (face == houses.front[owner]) & (level > 0) & (column % 2 == 0)
    owner, face, column, columns, level = (part[keep] for part in (owner, face, column, columns, level))
    if len(owner) == 0:
        return []
    normal, tangent = _NORMALS[face], _TANGENTS[face]
    depth = 0.5 * houses.size[owner, 1] + 0.55
    plan = normal * depth[:, None] + tangent * _along(houses, owner, face, column, columns)[:, None]
    angle = np.radians(houses.yaw[owner])
    x = np.cos(angle) * plan[:, 0] - np.sin(angle) * plan[:, 1]
    y = np.sin(angle) * plan[:, 0] + np.cos(angle) * plan[:, 1]
    foot = houses.foot[owner] + np.column_stack([x, y, level * FLOOR - 0.05])
    size = np.tile(np.array([2.6, 1.1, 0.95]), (len(owner), 1))
    color = np.tile(np.array([206.0, 204.0, 198.0]), (len(owner), 1))
    return [boxes.tie(place(BOX, foot, size, houses.yaw[owner], color, Label.BUILDINGS), houses.numbers[owner])]


def _cornices(houses: Houses, paint: np.ndarray, boxes: BoxList) -> list[Mesh]:
    """A ledge under the roof and, on flat roofs, the parapet above it."""
    flat = np.flatnonzero(houses.kind != COTTAGE)
    size = houses.size[flat] + np.array([0.5, 0.5, 0.0])
    size[:, 2] = 0.55
    foot = houses.foot[flat].copy()
    foot[:, 2] += houses.size[flat, 2] - 0.4
    ledges = place(BOX, foot, size, houses.yaw[flat], 0.55 * paint[flat] + 80.0, Label.BUILDINGS)
    return [boxes.tie(ledges, houses.numbers[flat])]
