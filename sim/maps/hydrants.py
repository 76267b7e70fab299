"""Fire hydrants behind sidewalks."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.props import BOX, WALLS, place
from sim.maps.roadside import Clearance, Roadside
from sim.maps.yards import OFF_LANES, free_places, out_of, places_beside
from sim.render.mesh import Mesh

# One in so many stations (of 6 m), and m outside the sidewalk.
EVERY = 14
_OUT_M = OFF_LANES + 0.35
_RED = np.array([176.0, 40.0, 34.0])
# Size (m) and height of the foot (m) of base, body, bonnet and nozzles.
_PARTS = (
    (WALLS, (0.3, 0.3, 0.1), 0.0),
    (WALLS, (0.22, 0.22, 0.5), 0.1),
    (BOX, (0.28, 0.28, 0.06), 0.6),
    (BOX, (0.14, 0.14, 0.12), 0.66),
    (BOX, (0.14, 0.4, 0.13), 0.36),
)
_SIZE = (0.4, 0.4, 0.78)


def hydrants(sides: list[Roadside], clearance: Clearance, boxes: BoxList) -> list[Mesh]:
    """Hydrants clear of all that `boxes` holds."""
    places = places_beside(sides)[EVERY // 2 :: EVERY]
    if len(places) == 0:
        return []
    places = places[free_places([(out_of(places, _OUT_M), 0.3)], clearance, boxes.build())]
    count, foot, yaw = len(places), out_of(places, _OUT_M), places[:, 5]
    numbers = boxes.add(foot, np.tile(_SIZE, (count, 1)), yaw, Label.STATIC)
    return [
        boxes.tie(
            place(
                shape,
                foot + np.array([0.0, 0.0, up]),
                np.tile(size, (count, 1)),
                yaw,
                np.tile(_RED, (count, 1)),
                Label.STATIC,
            ),
            numbers,
        )
        for shape, size, up in _PARTS
    ]
