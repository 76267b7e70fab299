"""Fences and low walls along yards and fields, and power lines along country roads."""

from __future__ import annotations

import numpy as np

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.boxes import BoxList, StaticBoxes
from sim.maps.embankment import RUN, VERGE_M
from sim.maps.props import BOX, WALLS, place
from sim.maps.roadside import STEP, Clearance, Roadside
from sim.maps.surface import strip
from sim.maps.terrain import GROUND_Z
from sim.maps.yards import free_places, out_of, places_beside
from sim.render.mesh import Mesh

# Share of a street's stations that lie behind a fence or a wall, and how many stations one yard is long.
_SHARE = {"downtown": (0.05, 0.12), "suburb": (0.3, 0.1), "rural": (0.2, 0.08), "motorway": (0.0, 0.0)}
_YARD = 4
_LINE_M = 1.75  # m outside the outermost lane or sidewalk
_FIELD_LINE_M = 8.0
_HALF_M = 0.5 * STEP
_WOOD, _PAINTED, _BRICK, _PLASTER = (118, 96, 74), (214, 212, 204), (142, 98, 82), (176, 168, 154)
_POLE, _WIRE = (98, 80, 64), (42, 42, 46)

POLE_STATIONS = 6
_POLE_M, _ARM_Z, _ARM_HALF = 8.6, 7.9, 0.9
_POLE_OUT_M, _SAG_M = 5.0, 0.5


def fences(
    sides: list[Roadside], clearance: Clearance, boxes: BoxList, seed: int, style: str, open_ground: float
) -> list[Mesh]:
    """Fences and walls (styles differ in how many), clear of all that `boxes` holds; in the country, power lines."""
    rng = np.random.Generator(np.random.PCG64(seed))
    standing = boxes.build()
    meshes = []
    yards = places_beside(sides)
    fenced, walled = _runs(len(yards), style, rng)
    meshes += _fence(yards[fenced], _LINE_M, _PAINTED, clearance, standing, boxes)
    meshes += _wall(yards[walled], clearance, standing, boxes, rng)
    if style == "rural":
        fields = places_beside(sides, paved=False)
        fenced, _ = _runs(len(fields), style, rng)
        meshes += _fence(fields[fenced], _FIELD_LINE_M, _WOOD, clearance, standing, boxes)
        # Both sides of a road follow each other: its line runs along one of them.
        for side in sides[::2]:
            if not side.paved.any():
                meshes += _power_line(side, clearance, standing, boxes, open_ground)
    return meshes


def _runs(count: int, style: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which of `count` places in a row lie behind fences and which behind walls, yard by yard."""
    fence, wall = _SHARE[style]
    draw = rng.random(count // _YARD + 1).repeat(_YARD)[:count]
    # A gate or a gap at the end of every yard.
    closed = np.arange(count) % _YARD != _YARD - 1
    return closed & (draw < fence), closed & (draw >= fence) & (draw < fence + wall)


def _free(places: np.ndarray, distance: float, clearance: Clearance, standing: StaticBoxes) -> np.ndarray:
    shares = np.linspace(-_HALF_M, _HALF_M, 13)
    return free_places([(out_of(places, distance, along), 0.15) for along in shares.tolist()], clearance, standing)


def _fence(
    places: np.ndarray,
    distance: float,
    color: tuple[int, int, int],
    clearance: Clearance,
    standing: StaticBoxes,
    boxes: BoxList,
) -> list[Mesh]:
    """Posts and two rails, with pickets where the fence is painted; 1.05 m high."""
    if len(places) == 0:
        return []
    places = places[_free(places, distance, clearance, standing)]
    count = len(places)
    foot, yaw = out_of(places, distance), places[:, 5]
    numbers = boxes.add(foot, np.tile([STEP, 0.12, 1.05], (count, 1)), yaw, Label.FENCES)
    colors = np.tile(np.array(color), (count, 1))
    up = np.array([0.0, 0.0, 1.0])
    parts = [(out_of(places, distance, -_HALF_M + 0.06), (0.12, 0.12, 1.05), 1.0)]
    parts += [(out_of(places, distance), (0.1, 0.1, 1.0), 1.0)]
    parts += [(foot + height * up, (STEP, 0.04, 0.1), 0.92) for height in (0.36, 0.78)]
    if color == _PAINTED:
        parts += [
            (out_of(places, distance - 0.03, along) + 0.12 * up, (0.1, 0.03, 0.8), 1.0)
            for along in (-_HALF_M + STEP * (np.arange(16) + 0.5) / 16).tolist()
        ]
    return [
        boxes.tie(place(WALLS, at, np.tile(size, (count, 1)), yaw, shade * colors, Label.FENCES), numbers)
        for at, size, shade in parts
    ]


def _wall(
    places: np.ndarray, clearance: Clearance, standing: StaticBoxes, boxes: BoxList, rng: np.random.Generator
) -> list[Mesh]:
    """Low walls of brick or plaster with a coping."""
    if len(places) == 0:
        return []
    brick = rng.random(len(places) // _YARD + 1).repeat(_YARD)[: len(places)] < 0.6
    free = _free(places, _LINE_M, clearance, standing)
    places, brick = places[free], brick[free]
    count = len(places)
    foot, yaw = out_of(places, _LINE_M), places[:, 5]
    numbers = boxes.add(foot, np.tile([STEP, 0.3, 0.8], (count, 1)), yaw, Label.WALLS)
    color = np.where(brick[:, None], np.array(_BRICK), np.array(_PLASTER))
    top = foot + np.array([0.0, 0.0, 0.72])
    return [
        boxes.tie(place(WALLS, foot, np.tile([STEP, 0.22, 0.72], (count, 1)), yaw, color, Label.WALLS), numbers),
        boxes.tie(place(BOX, top, np.tile([STEP, 0.3, 0.08], (count, 1)), yaw, color * 0.8 + 40, Label.WALLS), numbers),
    ]


def _power_line(
    side: Roadside, clearance: Clearance, standing: StaticBoxes, boxes: BoxList, open_ground: float
) -> list[Mesh]:
    """Wooden poles beyond the foot of the bank, and two wires that sag between neighbours."""
    index = np.arange(2, len(side.yaw) - 2, POLE_STATIONS)
    if len(index) < 2:
        return []
    rise = np.maximum(side.edge[index, 2] + GROUND_Z - open_ground, 0.0)
    bank = np.where(side.level[index], 0.0, VERGE_M + RUN * rise)
    foot = side.at(index, _POLE_OUT_M + bank)
    foot[:, 2] = open_ground
    free = (clearance(foot) > 0.6 * _POLE_OUT_M + bank) & free_places([(foot, 0.3)], clearance, standing)
    size = np.tile([0.24, 0.24, _POLE_M], (len(index), 1))
    yaw = np.degrees(arctan2(side.outward[index, 1], side.outward[index, 0]))
    shown, count = foot[free], int(free.sum())
    if count == 0:
        return []
    numbers = boxes.add(shown, size[free], yaw[free], Label.POLES)
    color = np.tile(np.array(_POLE), (count, 1))
    arm = np.tile([2.0 * _ARM_HALF + 0.2, 0.12, 0.14], (count, 1))
    meshes = [
        boxes.tie(place(WALLS, shown, size[free], yaw[free], color, Label.POLES), numbers),
        boxes.tie(
            place(WALLS, shown + np.array([0.0, 0.0, _ARM_Z]), arm, yaw[free], color * 0.9, Label.POLES), numbers
        ),
    ]
    number_at = np.full(len(index), -1)
    number_at[free] = numbers
    share = np.linspace(0.0, 1.0, 6)[:, None]
    sag = np.array([0.0, 0.0, 4.0 * _SAG_M]) * share * (1.0 - share)
    thick = np.array([0.0, 0.0, 0.04])
    for k in np.flatnonzero(free[1:] & free[:-1]).tolist():
        for across in (-_ARM_HALF, _ARM_HALF):
            ends = foot[k : k + 2] + np.array([0.0, 0.0, _ARM_Z + 0.16])
            ends[:, :2] += across * side.outward[index[k : k + 2]]
            line = ends[0] + share * (ends[1] - ends[0]) - sag
            if clearance(line).min() > 0.5:
                wire = strip(line, line + thick, _WIRE, Label.POLES)
                meshes.append(boxes.tie(wire, number_at[[k]]))
    return meshes
