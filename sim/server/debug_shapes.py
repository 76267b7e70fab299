"""Debug shapes: what clients draw into the world with `world.debug`, and for how long.

As in CARLA, points, lines, arrows and boxes are part of the scene: every RGB camera sees them, hidden by what stands
in front. Strings and HUD shapes belong to the server's window. There is no window here, so cameras attached to the
spectator stand for it: they alone show these, over everything else.

Life times are in simulated seconds, as the client library documents them: negative (its default) for the next frame
only, 0 for ever, positive for as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np

from sim import geometry
from sim.render.overlay import Label, Strokes
from sim.server.errors import BadArguments
from sim.server.wire import integer, items, number, text, vector

POINT, LINE, ARROW, BOX, STRING, HUD_POINT, HUD_LINE, HUD_ARROW, HUD_BOX = range(9)
MAX_SHAPES = 50_000
MAX_TEXT = 1000
# CARLA hands a point's size, which it calls metres, to the engine as centimetres, and the engine takes it for pixels.
POINT_PIXELS_PER_METRE = 100.0
_NEXT_FRAME, _FOR_EVER = -1.0, float("inf")


@dataclass(frozen=True)
class Shape:
    """One shape: segments (N, 2, 3) in m or a text, a width, a colour (RGB) and the window it belongs to.

    life_s   as the client gave it
    hud      drawn on the window instead of in the world; then `width` is in pixels
    """

    segments: np.ndarray
    width: float
    pixels: bool
    color: tuple[int, int, int]
    life_s: float
    hud: bool
    label: Label | None = None


def read_shape(value: object) -> Shape:
    """A client's shape [[kind, primitive], colour, life time, persistent]. Raises BadArguments."""
    variant, color, life, _ = items(value, 4)
    kind, body = items(variant, 2)
    # Four values in the wheel's type, of which three travel; accept both.
    shades = [integer(shade) for shade in items(color)[:3]]
    if len(shades) != 3 or not all(0 <= shade <= 255 for shade in shades):
        raise BadArguments(f"debug shape: no colour: {color!r:.60}")
    red, green, blue = shades
    tint = red, green, blue
    if integer(kind) == STRING:
        at, words, shadow = items(body, 3)
        label = Label(vector(at), text(words)[:MAX_TEXT], tint, bool(shadow))
        return Shape(np.zeros((0, 2, 3)), 0.0, True, tint, number(life), True, label)
    if not POINT <= kind <= HUD_BOX:
        raise BadArguments(f"debug shape: kind {kind} does not exist")
    hud = kind >= HUD_POINT
    width, segments = _PRIMITIVES[kind - HUD_POINT if hud else kind](body)
    pixels = hud or kind == POINT
    if kind == POINT:
        width *= POINT_PIXELS_PER_METRE
    return Shape(segments, max(0.0, width), pixels, tint, number(life), hud)


def _point(body: object) -> tuple[float, np.ndarray]:
    at, size = items(body, 2)
    place = vector(at)
    return number(size), np.array([[place, place]])


def _line(body: object) -> tuple[float, np.ndarray]:
    begin, end, thickness = items(body, 3)
    return number(thickness), np.array([[vector(begin), vector(end)]])


def _arrow(body: object) -> tuple[float, np.ndarray]:
    line, size = items(body, 2)
    width, shaft = _line(line)
    begin, tip = shaft[0]
    along = tip - begin
    length = geometry.length(along)
    if length < 1e-6:
        return width, shaft
    forward = along / length
    right = np.cross([0.0, 0.0, 1.0], forward)
    level = geometry.length(right)
    right = right / level if level >= 1e-6 else np.array([0.0, 1.0, 0.0])
    up = np.cross(forward, right)
    barb = number(size)
    # Four barbs: back along the shaft by the arrow's size, and out by as much both sideways and up or down.
    heads = [[tip - barb * forward + barb * (i * right + j * up), tip] for i, j in product((1.0, -1.0), repeat=2)]
    return width, np.concatenate([shaft, np.array(heads)])


def _box(body: object) -> tuple[float, np.ndarray]:
    # The box's own rotation is not used, as in CARLA: the shape brings another.
    box, rotation, thickness = items(body, 3)
    location, extent = items(box)[:2]
    corners = np.array(list(product((-1.0, 1.0), repeat=3))) * vector(extent)
    corners = geometry.product(corners, geometry.rotation_matrix(*vector(rotation)).T) + vector(location)
    edges = [(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1]
    return number(thickness), corners[np.array(edges)]


_PRIMITIVES = (_point, _line, _arrow, _box)


class DebugShapes:
    """The shapes of one episode, oldest first; beyond MAX_SHAPES the oldest go."""

    def __init__(self) -> None:
        self._shapes: deque[tuple[Shape, float]] = deque()
        self._strokes: dict[bool, Strokes] = {}
        self._first_end = _FOR_EVER

    def add(self, shape: Shape, now_s: float) -> None:
        """Show a shape from the next frame on; `now_s` is the world's time."""
        if shape.life_s < 0.0:
            until = _NEXT_FRAME
        else:
            until = _FOR_EVER if shape.life_s == 0.0 else now_s + shape.life_s
        self._shapes.append((shape, until))
        self._first_end = min(self._first_end, until)
        if len(self._shapes) > MAX_SHAPES:
            self._shapes.popleft()
        self._strokes.clear()

    def expire(self, now_s: float) -> None:
        """The frame of time `now_s` has been shown: forget the shapes that it was the last one for."""
        if self._first_end <= now_s + 1e-6:
            self._keep(entry for entry in self._shapes if entry[1] > now_s + 1e-6)

    def clear_shapes(self) -> None:
        """Forget all but strings."""
        self._keep(entry for entry in self._shapes if entry[0].label is not None)

    def clear_strings(self) -> None:
        """Forget the strings."""
        self._keep(entry for entry in self._shapes if entry[0].label is None)

    def strokes(self, hud: bool) -> Strokes:
        """The segments that every camera sees, or with `hud` those on the window only."""
        if hud not in self._strokes:
            shapes = [shape for shape, _ in self._shapes if shape.hud == hud and len(shape.segments)]
            counts = [len(shape.segments) for shape in shapes]
            segments = np.concatenate([np.zeros((0, 2, 3)), *(shape.segments for shape in shapes)])
            colors = np.array([shape.color for shape in shapes], np.uint8).reshape(-1, 3)
            self._strokes[hud] = Strokes(
                segments[:, 0], segments[:, 1],
                np.repeat(np.array([shape.width for shape in shapes], float), counts),
                np.repeat(np.array([shape.pixels for shape in shapes], np.bool_), counts),
                np.repeat(colors, counts, axis=0),
            )  # fmt: skip
        return self._strokes[hud]

    def labels(self) -> list[Label]:
        """The strings."""
        return [shape.label for shape, _ in self._shapes if shape.label is not None]

    def _keep(self, entries: Iterable[tuple[Shape, float]]) -> None:
        self._shapes = deque(entries)
        self._first_end = min((until for _, until in self._shapes), default=_FOR_EVER)
        self._strokes.clear()

    def __bool__(self) -> bool:
        return bool(self._shapes)
