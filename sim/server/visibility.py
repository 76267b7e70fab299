"""What of a town is there, and in which colours: layers and objects that clients switch off and on, or paint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from sim.maps import Town
from sim.maps.objects import Layer
from sim.render.mesh import Mesh
from sim.server.collisions import static_table

# Where boxes of hidden objects go: no body gets there, and the numbers of the others stay as they are.
_AWAY_Z = -1.0e5


class TownView:
    """A town without what clients hide, painted as they want it. Objects are told by their place in `town.objects`.

    layers   bits of `sim.maps.objects.Layer` that are loaded
    cameras  what cameras see; the town's own mesh while all of it is shown, so that renderers can be reused
    rays     what rays meet: also what `town.unseen` keeps from cameras
    owners   int32 (triangles of `rays`,): object of each, -1 for none
    """

    def __init__(self, town: Town, layers: int = Layer.ALL) -> None:
        self.town = town
        self.layers = int(layers)
        self._painted = town.mesh
        self._disabled = np.zeros(len(town.objects), bool)
        self._update()

    def switch_layers(self, layers: int, shown: bool) -> None:
        """Load or unload layers."""
        switched = self.layers | layers if shown else self.layers & ~layers
        if switched != self.layers:
            self.layers = switched
            self._update()

    def switch_objects(self, ids: Iterable[int], shown: bool) -> None:
        """Enable or disable objects; unknown ids are ignored, as in CARLA."""
        index = self.town.objects.index
        self._disabled[[index[identity] for identity in ids if identity in index]] = not shown
        self._update()

    def paint(self, triangles: np.ndarray, color: np.ndarray) -> None:
        """Give triangles of the town, bool (T,), a colour, uint8 (3,), until the next episode."""
        colors = self._painted.colors.copy()
        colors[triangles] = color
        self._painted = replace(self._painted, colors=colors)
        self._update()

    def loaded(self) -> np.ndarray:
        """bool (N,): objects whose layer is loaded, whether enabled or not."""
        layers = self.town.objects.layers
        return (layers == 0) | ((layers & self.layers) != 0)

    def statics(self) -> np.ndarray:
        """The table of immovable boxes for physics; hidden ones are out of everybody's reach."""
        boxes, owners = self.town.boxes, self.town.objects.boxes
        center = boxes.center.copy()
        center[(owners >= 0) & ~self.shown[owners], 2] = _AWAY_Z
        return static_table(center, boxes.extent, boxes.yaw)

    def _update(self) -> None:
        objects, mesh = self.town.objects, self.town.mesh
        self.shown = self.loaded() & ~self._disabled
        seen = self.shown.copy()
        seen[list(self.town.unseen)] = False
        self.cameras, _ = _part(self._painted, objects.triangles, seen)
        self.rays, self.owners = _part(mesh, objects.triangles, self.shown)


def _part(mesh: Mesh, owners: np.ndarray, shown: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """The triangles of what is shown, and their owners."""
    if shown.all():
        return mesh, owners
    kept = (owners < 0) | shown[owners]
    part = Mesh(mesh.vertices, mesh.triangles[kept], mesh.colors[kept], mesh.tags[kept], mesh.layers[kept])
    return part, owners[kept]
