"""Cars parked in the bays of parking lanes: models of the catalogue, which stand as long as the town does."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.parking import Bay
from sim.maps.yards import clear_of
from sim.render.mesh import Mesh
from sim.render.models import VehicleLook, vehicle_parts
from sim.render.vehicle_kit import Chassis

TAKEN = 0.55  # share of the bays in which a car stands
OFF_LANE, OFF_KERB = 0.2, 0.1  # m to the driving lane at least, and to the bay's outer edge
BETWEEN = 0.8  # m between two cars at least


class ParkedModel(NamedTuple):
    """A vehicle of the catalogue: its id and kind, half sizes of its box (m), and where its wheels are."""

    id: str
    kind: str
    extent: tuple[float, float, float]
    chassis: Chassis


MODELS = (
    ParkedModel("vehicle.audi.a2", "car", (1.852, 0.895, 0.775), Chassis(2.405, 1.445, 0.301)),
    ParkedModel("vehicle.audi.etron", "car", (2.428, 1.016, 0.824), Chassis(2.928, 1.653, 0.38)),
    ParkedModel("vehicle.audi.tt", "car", (2.09, 0.997, 0.693), Chassis(2.505, 1.562, 0.325)),
    ParkedModel("vehicle.citroen.c3", "car", (1.994, 0.925, 0.808), Chassis(2.54, 1.48, 0.305)),
    ParkedModel("vehicle.ford.mustang", "car", (2.359, 0.947, 0.65), Chassis(2.72, 1.615, 0.35)),
    ParkedModel("vehicle.jeep.wrangler_rubicon", "car", (1.933, 0.953, 0.939), Chassis(2.424, 1.572, 0.405)),
    ParkedModel("vehicle.lincoln.mkz_2020", "car", (2.446, 0.918, 0.745), Chassis(2.85, 1.58, 0.34)),
    ParkedModel("vehicle.mercedes.coupe_2020", "car", (2.337, 0.906, 0.721), Chassis(2.84, 1.57, 0.325)),
    ParkedModel("vehicle.mini.cooper_s", "car", (1.903, 0.985, 0.738), Chassis(2.495, 1.485, 0.308)),
    ParkedModel("vehicle.nissan.micra", "car", (1.817, 0.923, 0.751), Chassis(2.45, 1.472, 0.29)),
    ParkedModel("vehicle.nissan.patrol", "car", (2.302, 0.966, 0.927), Chassis(2.4, 1.615, 0.385)),
    ParkedModel("vehicle.seat.leon", "car", (2.096, 0.908, 0.737), Chassis(2.636, 1.535, 0.318)),
    ParkedModel("vehicle.toyota.prius", "car", (2.257, 1.0, 0.762), Chassis(2.7, 1.515, 0.316)),
    ParkedModel("vehicle.volkswagen.t2", "van", (2.24, 1.035, 1.019), Chassis(2.4, 1.41, 0.325)),
)
PAINTS = (
    (150, 28, 30), (38, 62, 110), (196, 198, 200), (46, 48, 52), (226, 226, 222), (70, 92, 70), (128, 106, 78),
    (92, 96, 102), (24, 26, 30), (84, 128, 168), (186, 150, 52),
)  # fmt: skip


def parked_cars(found: list[Bay], boxes: BoxList, seed: int) -> list[Mesh]:
    """Cars in some of the bays, clear of all that `boxes` holds; their own draws leave the rest of the town alone."""
    rng = np.random.Generator(np.random.PCG64(seed))
    standing = boxes.build()
    meshes = []
    # One draw for every bay and purpose, so that no car depends on what others find in their way.
    taken, which, paint, aside, ahead = rng.random((5, len(found)))
    for n, bay in enumerate(found):
        room = abs(bay.far - bay.near)
        fitting = [
            model
            for model in MODELS
            if 2.0 * model.extent[1] <= room - OFF_LANE - OFF_KERB + 1e-9
            and 2.0 * model.extent[0] <= bay.end - bay.start - BETWEEN
        ]
        if taken[n] > TAKEN or not fitting:
            continue
        model = fitting[int(which[n] * len(fitting))]
        slack = min(0.25, room - OFF_LANE - OFF_KERB - 2.0 * model.extent[1])
        t = bay.far - bay.side * (OFF_KERB + aside[n] * slack + model.extent[1])
        spare = 0.5 * (bay.end - bay.start - BETWEEN) - model.extent[0]
        s = 0.5 * (bay.start + bay.end) + (2.0 * ahead[n] - 1.0) * spare
        stations = s + model.extent[0] * np.array([-0.6, 0.0, 0.6])
        tail, foot, nose = bay.points(stations, np.full(3, t))
        if bay.side > 0:
            tail, nose = nose, tail
        discs = [(place[None], model.extent[1]) for place in (tail, foot, nose)]
        if not clear_of(discs, standing)[0]:
            continue
        run = nose - tail
        yaw = math.degrees(math.atan2(run[1], run[0]))
        slope = float(run[2] / np.hypot(run[0], run[1]))
        numbers = boxes.add(foot[None], 2.0 * np.array([model.extent]), np.array([yaw]), Label.CAR)
        mesh = parked_mesh(model, PAINTS[int(paint[n] * len(PAINTS))])
        meshes.append(boxes.tie(_standing(mesh, foot, yaw, slope), numbers))
    return meshes


@lru_cache(maxsize=256)
def parked_mesh(model: ParkedModel, color: tuple[int, int, int]) -> Mesh:
    """A car on its wheels on z = 0, facing +x: the near model without the parts of wheels that nobody sees."""
    parts = vehicle_parts(VehicleLook(model.kind, model.extent, color, model=model.id, chassis=model.chassis))
    wheel = _seen(parts.wheel, model.chassis.radius)
    meshes = [parts.body]
    for place in parts.wheels:
        turn = np.array([-1.0, -1.0, 1.0] if place.turned else [1.0, 1.0, 1.0])
        vertices = wheel.vertices.astype(np.float64) * turn + np.array([place.x, place.y, place.z])
        meshes.append(Mesh.build(vertices, wheel.triangles, wheel.colors, wheel.tags, wheel.layers))
    return Mesh.concat(meshes)


def _seen(wheel: Mesh, radius: float) -> Mesh:
    """A wheel (outer side +y) without its inner side and without the tread under the wing."""
    corners = wheel.vertices[wheel.triangles]
    keep = (corners[..., 1].max(axis=1) > 0.0) & ~(
        (corners[..., 1].min(axis=1) < 0.0) & (corners[..., 2].min(axis=1) > 0.4 * radius)
    )
    return Mesh(wheel.vertices, wheel.triangles[keep], wheel.colors[keep], wheel.tags[keep], wheel.layers[keep])


def _standing(mesh: Mesh, foot: np.ndarray, yaw: float, slope: float) -> Mesh:
    cosine, sine = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    x, y, z = mesh.vertices.astype(np.float64).T
    vertices = np.stack([cosine * x - sine * y, sine * x + cosine * y, z + slope * x], axis=1) + foot
    return Mesh.build(vertices, mesh.triangles, mesh.colors, mesh.tags, mesh.layers)
