"""Low-poly meshes of street furniture and of things that lie about, each standing on z = 0 inside its box.

Frame: x forward, y right, z up (m). Long things are drawn along y and turned when their box is longer along x.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim.labels import Label
from sim.render import home_props as _home_props  # noqa: F401 (registers its kinds)
from sim.render import street_props as _street_props  # noqa: F401 (registers its kinds)
from sim.render.mesh import Mesh
from sim.render.prop_kit import DRAWERS, LONG
from sim.render.solids import Builder, Extent, UnknownModel

PROP_KINDS = tuple(DRAWERS)


@lru_cache(maxsize=512)
def prop_mesh(kind: str, extent: Extent, tag: int = Label.STATIC) -> Mesh:
    """A prop of one of `PROP_KINDS` standing on z = 0 in the box of half sizes `extent` (m), all of one semantic tag.

    Raises `UnknownModel`.
    """
    if kind not in DRAWERS:
        raise UnknownModel(f"prop kind must be one of {', '.join(PROP_KINDS)}, got {kind!r}")
    hx, hy, hz = extent
    turned = kind in LONG and hx > hy
    builder = Builder(int(tag))
    DRAWERS[kind](builder, *((hy, hx) if turned else (hx, hy)), 2.0 * hz)
    mesh = builder.build()
    if turned:
        x, y, z = mesh.vertices.T
        mesh = Mesh(
            np.ascontiguousarray(np.stack([y, -x, z], axis=1)), mesh.triangles, mesh.colors, mesh.tags, mesh.layers
        )
    return mesh
