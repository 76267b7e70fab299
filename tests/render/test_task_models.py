"""The actors of the emergency task keep their size and look: policies were trained on them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.server.actors import Actor
from sim.server.blueprints import CATALOGUE, Description
from sim.server.scene import actor_mesh

# Half sizes (m) of the box, and a digest of the mesh with red paint.
MODELS = {
    "vehicle.audi.a2": ((1.852, 0.895, 0.775), "8c6ea2df54607bea"),
    "vehicle.tesla.model3": ((2.396, 1.082, 0.744), "9e0d066afae1304b"),
    "vehicle.audi.tt": ((2.09, 0.997, 0.693), "acc3be133275fa22"),
    "vehicle.toyota.prius": ((2.257, 1.0, 0.762), "8f64f678896bbb3e"),
    "vehicle.lincoln.mkz_2017": ((2.451, 1.064, 0.755), "cbcb1063d965be56"),
    "vehicle.nissan.patrol": ((2.302, 0.966, 0.927), "c26924bbc40a117c"),
    "vehicle.mini.cooper_s": ((1.903, 0.985, 0.738), "c280eb6e439eb639"),
    "vehicle.citroen.c3": ((1.994, 0.925, 0.808), "99dd13cdb3948d1a"),
    "vehicle.mercedes.sprinter": ((2.958, 0.994, 1.283), "f8c0e983606fe262"),
    "vehicle.volkswagen.t2": ((2.24, 1.035, 1.019), "745162ab7fbda8ac"),
    "vehicle.jeep.wrangler_rubicon": ((1.933, 0.953, 0.939), "52b122f68ab7eddc"),
    "walker.pedestrian.0001": ((0.19, 0.22, 0.91), "f9a3fb1a2c0608d4"),
    "walker.pedestrian.0002": ((0.19, 0.22, 0.89), "830acca1f250f94b"),
    "walker.pedestrian.0003": ((0.19, 0.22, 0.87), "00faffdc42cd947e"),
    "walker.pedestrian.0004": ((0.19, 0.22, 0.93), "f18de36e3041193e"),
    "walker.pedestrian.0005": ((0.19, 0.22, 0.91), "a2026cf46960161b"),
    "walker.pedestrian.0006": ((0.19, 0.22, 0.89), "9c4a732a93a44f93"),
    "walker.pedestrian.0007": ((0.19, 0.22, 0.87), "2f85e811aef8cadc"),
    "walker.pedestrian.0008": ((0.19, 0.22, 0.93), "252942e9d9b54f06"),
}


def digest(mesh: Mesh) -> str:
    """Of the shape to a tenth of a millimetre, so that another machine's last bits do not matter."""
    shape = np.rint(1e4 * mesh.vertices.astype(np.float64)).astype(np.int64)
    arrays = (shape, mesh.triangles, mesh.colors, mesh.tags, mesh.layers)
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


@pytest.mark.parametrize("identifier", list(MODELS))
def test_an_actor_of_the_task_keeps_its_size_and_look(identifier: str) -> None:
    blueprint = CATALOGUE[identifier]
    extent, expected = MODELS[identifier]
    values = {attribute.name: attribute.value for attribute in blueprint.attributes} | {"color": "180,30,30"}
    actor = Actor(1, Description(blueprint, values), Pose(0.0, 0.0, 0.0))
    assert blueprint.extent == pytest.approx(extent)
    assert blueprint.center == pytest.approx((0.0, 0.0, extent[2] if blueprint.wheels else 0.0))
    assert digest(actor_mesh(actor)) == expected
