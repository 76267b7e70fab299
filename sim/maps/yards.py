"""What lies between sidewalks and houses: parked cars in driveways, hedges, bus shelters, benches, mail boxes."""

from __future__ import annotations

import math

import numpy as np

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.boxes import BoxList, StaticBoxes
from sim.maps.props import BOX, place
from sim.maps.roadside import STEP, Clearance, Roadside
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh
from sim.render.models import vehicle_mesh
from sim.render.props import prop_mesh

OFF_LANES = 1.0  # m from the outermost lane to anything here
ROOM = 0.3  # m to whatever stands already
# Share of a road at either end, and its bounds in stations, that stays open for views of lights and crossing traffic.
_END_SHARE, _LEAST_END, _MOST_END = 0.2, 4, 20
_BLOCK = 64

# Kind, half sizes (m), how likely at a place in a town's centre and elsewhere.
_THINGS = (
    ("bench", (0.28, 0.8, 0.45), 0.30, 0.10),
    ("bin", (0.3, 0.3, 0.5), 0.30, 0.12),
    ("mailbox", (0.24, 0.26, 0.58), 0.10, 0.30),
    ("shelter", (0.95, 1.94, 1.37), 0.10, 0.02),
)
_CARS = (
    ("car", (2.2, 0.9, 0.74)),
    ("car", (2.1, 0.88, 0.75)),
    ("van", (2.4, 0.96, 1.05)),
)
_PAINTS = ((150, 28, 30), (38, 62, 110), (196, 198, 200), (46, 48, 52), (226, 226, 222), (70, 92, 70), (128, 106, 78))
_CONCRETE = (132, 130, 126)
_HEDGE = np.array([62.0, 92.0, 48.0])
_CAR_SHARE = {"downtown": 0.05, "suburb": 0.22, "rural": 0.15, "motorway": 0.1}
_HEDGE_SHARE = {"downtown": 0.06, "suburb": 0.3, "rural": 0.2, "motorway": 0.0}


def yards(sides: list[Roadside], clearance: Clearance, boxes: BoxList, seed: int, style: str) -> list[Mesh]:
    """Things beside sidewalks, clear of all that `boxes` holds; draws of their own leave the rest of the town alone."""
    rng = np.random.Generator(np.random.PCG64(seed))
    standing = boxes.build()
    places = places_beside(sides)
    if len(places) == 0:
        return []
    draw = rng.random(len(places))
    cars = draw < _CAR_SHARE[style]
    hedges = ~cars & (draw < _CAR_SHARE[style] + _HEDGE_SHARE[style])
    things = ~cars & ~hedges & (rng.random(len(places)) < 0.3)
    meshes = _driveways(places[cars], clearance, standing, boxes, rng)
    meshes += _hedges(places[hedges], clearance, standing, boxes, rng)
    return meshes + _furniture(places[things], clearance, standing, boxes, rng, style)


def places_beside(sides: list[Roadside], paved: bool = True) -> np.ndarray:
    """Stations with a sidewalk, or without one, on level ground and off the ends of roads.

    Rows of x, y, z of the open ground at the outermost edge (m), outward x, y and the road's yaw (degrees).
    """
    rows = [np.zeros((0, 6))]
    for side in sides:
        end = min(max(int(_END_SHARE * len(side.yaw)), _LEAST_END), _MOST_END)
        index = np.arange(end, len(side.yaw) - end)
        index = index[(side.paved[index] == paved) & side.level[index]]
        edge = side.edge[index] + np.array([0.0, 0.0, GROUND_Z])
        rows.append(np.column_stack([edge, side.outward[index], side.yaw[index]]))
    return np.concatenate(rows)


def out_of(places: np.ndarray, distance: float, along: float = 0.0) -> np.ndarray:
    """Points (N, 3) `distance` m outside the edge, `along` m along it."""
    angle = np.radians(places[:, 5])
    plan = places[:, :2] + distance * places[:, 3:5] + along * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.column_stack([plan, places[:, 2]])


def free_places(discs: list[tuple[np.ndarray, float]], clearance: Clearance, standing: StaticBoxes) -> np.ndarray:
    """Which places (N,) have all their discs (centres (N, 3), radius) off the roads and clear of boxes."""
    free = clear_of(discs, standing)
    for centers, radius in discs:
        free &= clearance(centers) >= OFF_LANES + radius
    return free


def clear_of(discs: list[tuple[np.ndarray, float]], standing: StaticBoxes) -> np.ndarray:
    """Which places (N,) have all their discs (centres (N, 3), radius) clear of boxes."""
    free = np.ones(len(discs[0][0]), bool)
    for centers, radius in discs:
        for first in range(0, len(centers), _BLOCK):
            block = centers[first : first + _BLOCK, :2]
            low, high = block.min(axis=0), block.max(axis=0)
            reach = np.hypot(standing.extent[:, 0], standing.extent[:, 1]) + radius + ROOM
            beyond = np.maximum(low - standing.center[:, :2], standing.center[:, :2] - high).max(axis=1)
            near = np.flatnonzero(beyond < reach)
            offset = block[:, None] - standing.center[None, near, :2]
            angle = np.radians(standing.yaw[near])
            along = np.abs(offset[..., 0] * np.cos(angle) + offset[..., 1] * np.sin(angle))
            across = np.abs(offset[..., 1] * np.cos(angle) - offset[..., 0] * np.sin(angle))
            gap = np.hypot(
                np.maximum(along - standing.extent[near, 0], 0.0), np.maximum(across - standing.extent[near, 1], 0.0)
            )
            free[first : first + _BLOCK] &= np.all(gap > radius + ROOM, axis=1)
    return free


def _driveways(
    places: np.ndarray, clearance: Clearance, standing: StaticBoxes, boxes: BoxList, rng: np.random.Generator
) -> list[Mesh]:
    """Cars on concrete, nose or tail to the street."""
    if len(places) == 0:
        return []
    discs = [(out_of(places, distance), 1.3) for distance in (2.5, 3.9, 5.3)]
    places = places[free_places(discs, clearance, standing)]
    # Of two neighbouring places the first: a driveway is narrower than STEP.
    meshes = []
    for place_ in places:
        row = place_[None]
        kind, extent = _CARS[int(rng.integers(0, len(_CARS)))]
        paint = _PAINTS[int(rng.integers(0, len(_PAINTS)))]
        yaw = math.degrees(math.atan2(row[0, 4], row[0, 3])) + 180.0 * int(rng.integers(0, 2))
        foot = out_of(row, 1.5 + extent[0])
        foot[0, 2] += 0.02
        model = vehicle_mesh(kind, extent, paint)
        size = 2.0 * np.array([extent])
        numbers = boxes.add(foot, size, np.array([yaw]), Label.CAR)
        meshes.append(boxes.tie(_turned(model, foot[0], yaw), numbers))
        corners = np.concatenate([out_of(row, d, a) for d, a in ((0.0, -1.5), (6.4, -1.4), (6.4, 1.4), (0.0, 1.5))])
        corners[:, 2] += 0.015
        meshes.append(Mesh.build(corners, [[0, 1, 2], [0, 2, 3]], _CONCRETE, Label.GROUND, 1))
    return meshes


def _turned(mesh: Mesh, foot: np.ndarray, yaw: float) -> Mesh:
    cosine, sine = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    x, y, z = mesh.vertices.astype(np.float64).T
    vertices = np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=1) + foot
    return Mesh.build(vertices, mesh.triangles, mesh.colors, mesh.tags, mesh.layers)


def _hedges(
    places: np.ndarray, clearance: Clearance, standing: StaticBoxes, boxes: BoxList, rng: np.random.Generator
) -> list[Mesh]:
    if len(places) == 0:
        return []
    length = STEP - 1.0
    discs = [
        (out_of(places, 1.7, along), 0.4) for along in (-0.5 * length, -0.25 * length, 0.0, 0.25 * length, 0.5 * length)
    ]
    places = places[free_places(discs, clearance, standing)]
    size = np.column_stack(
        [np.full(len(places), length), np.full(len(places), 0.7), rng.uniform(0.8, 1.2, len(places))]
    )
    color = _HEDGE + rng.uniform(-8, 8, (len(places), 1))
    foot = out_of(places, 1.7)
    numbers = boxes.add(foot, size, places[:, 5], Label.VEGETATION)
    return [boxes.tie(place(BOX, foot, size, places[:, 5], color, Label.VEGETATION), numbers)]


def _furniture(
    places: np.ndarray,
    clearance: Clearance,
    standing: StaticBoxes,
    boxes: BoxList,
    rng: np.random.Generator,
    style: str,
) -> list[Mesh]:
    """Benches, bins and so on; they face the street."""
    if len(places) == 0:
        return []
    shares = np.cumsum([thing[2 if style == "downtown" else 3] for thing in _THINGS])
    which = np.searchsorted(shares, rng.random(len(places)) * shares[-1], side="right")
    meshes = []
    for number, (kind, extent, _, _) in enumerate(_THINGS):
        chosen = places[which == number]
        if len(chosen) == 0:
            continue
        radius = float(np.hypot(extent[0], extent[1]))
        distance = OFF_LANES + 0.3 + radius
        chosen = chosen[free_places([(out_of(chosen, distance), radius)], clearance, standing)]
        foot = out_of(chosen, distance)
        yaw = np.degrees(arctan2(-chosen[:, 4], -chosen[:, 3]))
        numbers = boxes.add(foot, np.tile(2.0 * np.array(extent), (len(chosen), 1)), yaw, Label.STATIC)
        model = prop_mesh(kind, extent, Label.STATIC)
        meshes += [
            boxes.tie(_turned(model, at, float(turn)), numbers[[n]]) for n, (at, turn) in enumerate(zip(foot, yaw))
        ]
    return meshes
