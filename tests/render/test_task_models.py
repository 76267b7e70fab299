"""The actors of the emergency task keep their size and look: policies were trained on them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.server.actors import Actor
from sim.server.appearance import actor_mesh
from sim.server.blueprints import CATALOGUE, Description

# Half sizes (m) of the box, and a digest of the mesh with red paint.
MODELS = {
    "vehicle.audi.a2": ((1.852, 0.895, 0.775), "6fe55ae4911f1fdb"),
    "vehicle.tesla.model3": ((2.396, 1.082, 0.744), "d40810c0431d976a"),
    "vehicle.audi.tt": ((2.09, 0.997, 0.693), "49c733efa42ccd36"),
    "vehicle.toyota.prius": ((2.257, 1.0, 0.762), "54a6417b381ab13d"),
    "vehicle.lincoln.mkz_2017": ((2.451, 1.064, 0.755), "56f873679464e188"),
    "vehicle.nissan.patrol": ((2.302, 0.966, 0.927), "0f2911486ef5a4ac"),
    "vehicle.mini.cooper_s": ((1.903, 0.985, 0.738), "5b4b339d6c6eb73b"),
    "vehicle.citroen.c3": ((1.994, 0.925, 0.808), "77384358b675271d"),
    "vehicle.mercedes.sprinter": ((2.958, 0.994, 1.283), "87a4e046810a5c76"),
    "vehicle.volkswagen.t2": ((2.24, 1.035, 1.019), "9c56a70ef30acd31"),
    "vehicle.jeep.wrangler_rubicon": ((1.933, 0.953, 0.939), "8f8dd7c68a52d97c"),
    "walker.pedestrian.0001": ((0.19, 0.22, 0.91), "719d82503c6d4447"),
    "walker.pedestrian.0002": ((0.19, 0.22, 0.89), "dc27ab649d483cd1"),
    "walker.pedestrian.0003": ((0.19, 0.22, 0.87), "11d500d53167dc8f"),
    "walker.pedestrian.0004": ((0.19, 0.22, 0.93), "2850cb0e12478ca6"),
    "walker.pedestrian.0005": ((0.19, 0.22, 0.91), "d78e82112cc10cba"),
    "walker.pedestrian.0006": ((0.19, 0.22, 0.89), "3df8a90c9fca6132"),
    "walker.pedestrian.0007": ((0.19, 0.22, 0.87), "39169627be8249cb"),
    "walker.pedestrian.0008": ((0.19, 0.22, 0.93), "0867b2de7e2d8a67"),
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
