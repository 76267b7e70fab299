"""What cameras see: the town's mesh, the actors' meshes, the weather, debug shapes; and the renderer that draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.geometry import product, rotation_matrix
from sim.render.mesh import Mesh
from sim.server import retouch
from sim.server.actors import Actor
from sim.server.debug_shapes import DebugShapes
from sim.server.lights import LightManager

if TYPE_CHECKING:
    from sim.render.rays import RayScene
    from sim.render.renderer import Frame
    from sim.render.weather import Weather
    from sim.server.moment import Moment
    from sim.server.signals import Signals

# cloudiness, precipitation, deposits, wind, sun azimuth, sun altitude, fog density, distance, falloff, wetness,
# scattering, mie, rayleigh, dust: CARLA's ClearNoon.
SUN_ALTITUDE = 5
CLEAR_NOON = (5.0, 0.0, 0.0, 10.0, -1.0, 45.0, 2.0, 0.75, 0.1, 0.0, 1.0, 0.03, 0.0331, 0.0)
INSIDE_MARGIN_M = 0.15
LABELS = frozenset({"depth", "semantic", "instance"})
"""What the renderer finds together: one costs what all cost."""
NORMALS = frozenset({"normals"})
LITTLE_BY_LITTLE = 3.0
"""Percent or degrees by which a weather may change at once and still be the same weather."""


def is_inside(actor: Actor, carrier: Actor, margin: float = INSIDE_MARGIN_M) -> bool:
    """Whether a sensor sits within its carrier's body, `margin` (m) around it included: then the body must not be in
    its way."""
    center, extent = carrier.description.center, carrier.description.extent
    pose = carrier.pose
    offset = np.array(actor.pose[:3]) - pose[:3]
    local = product(offset, rotation_matrix(pose.pitch, pose.yaw, pose.roll)) - center
    return bool(np.all(np.abs(local) <= np.asarray(extent) + margin))


class Scene:
    """Draws one town. The renderer is built when the first camera needs it, or taken over from `before`."""

    def __init__(self, static: Mesh, solid: Mesh, before: Scene | None = None) -> None:
        """`static` is what cameras see, `solid` what rays meet: mostly the same mesh."""
        self._static, self._solid = static, solid
        self._renderer: Any = before._renderer if before is not None and before._static is static else None
        self._rays: RayScene | None = before._rays if before is not None and before._solid is solid else None
        self._weather: Weather | None = None
        self._weather_since: float | None = None
        self.weather: tuple[float, ...] = CLEAR_NOON
        self.shapes = DebugShapes()
        self.lamps: LightManager | None = None
        self.telemetry: Actor | None = None  # the vehicle whose telemetry the server's window shows
        self.signals: Signals | None = None

    def show(self, cameras: Mesh, rays: Mesh) -> None:
        """Draw `cameras` from now on, and let rays meet `rays`."""
        if cameras is not self._static:
            self._static, self._renderer = cameras, None
        if rays is not self._solid:
            self._solid, self._rays = rays, None

    def prepare(self) -> None:
        """Build the renderer now, so that the first frame does not wait for it."""
        if self._renderer is None:
            from sim.render.renderer import Renderer

            self._renderer = Renderer(self._static)

    def set_weather(self, values: tuple[float, ...]) -> None:
        """CARLA's 14 weather parameters in the wire's order.

        Clouds and rain begin where they always begin, so that equal scenes look the same whenever they are set up; a
        weather that changes little by little, as dynamic ones do, goes on.
        """
        steps = [abs(new - old) for new, old in zip(values, self.weather, strict=True)]
        if not 0.0 < max(steps) < LITTLE_BY_LITTLE:
            self._weather_since = None
        self.weather = values
        self._weather = None

    def rays(self) -> RayScene:
        """The town as rays meet it; built when the first ray sensor needs it."""
        if self._rays is None:
            from sim.render.rays import RayScene

            self._rays = RayScene(self._solid)
        return self._rays

    def _sky(self) -> Weather:
        from sim.render.weather import Weather

        if self._weather is None:
            self._weather = Weather(*self.weather)
        return self._weather

    def _blowing(self, moment: Moment) -> float:
        """Seconds since this weather set in, or since somebody looked first."""
        if self._weather_since is None or self._weather_since > moment.elapsed_s:
            self._weather_since = moment.elapsed_s
        # Rounded: sums of ticks that began at other times differ in their last bits.
        return round(moment.elapsed_s - self._weather_since, 6)

    def view(
        self, camera: Actor, width: int, height: int, fov: float, outputs: frozenset[str], moment: Moment
    ) -> Frame:
        """What `camera` sees, as the renderer gives it; not to be written into.

        Depth, tags, actors and normals are drawn once for all cameras at one place with one lens.
        """
        from sim.render.weather import atmosphere

        self.prepare()
        carrier = camera.parent
        hidden = carrier.id if carrier is not None and carrier.row is not None and is_inside(camera, carrier) else 0
        unseen = {hidden, *camera.ignored}
        seconds = self._blowing(moment)
        place = (camera.pose, width, height, fov, frozenset(unseen))
        known = moment.labels.get(place)
        if known is not None and outputs <= _outputs_of(known):
            return known
        labels = "rgb" not in outputs
        if labels:
            outputs |= LABELS | _due_outputs(camera, width, height, fov, moment)
        movables = [movable for movable in moment.movables if movable.actor_id not in unseen]
        dark = "rgb" in outputs and atmosphere(self._sky()).night > 0.0
        frame: Frame = self._renderer.render(
            camera.pose, width, height, fov, movables, self._sky(), outputs, moment.frame, seconds,
            moment.spots if dark else None,
        )  # fmt: skip
        if labels:
            moment.labels[place] = frame
        return frame

    def picture(
        self, camera: Actor, width: int, height: int, fov: float, output: str, moment: Moment
    ) -> np.ndarray | None:
        """BGRA uint8 (height, width, 4) of what `camera` sees: rgb, depth, semantic, instance or normals."""
        from sim.sensors.encoding import encode_depth, encode_instance, encode_normals, encode_semantic

        outputs = frozenset({"semantic", "instance"} if output == "instance" else {output})
        retouched = output == "rgb" and retouch.wanted(self, camera)
        if retouched:
            outputs |= {"depth"}
        frame = self.view(camera, width, height, fov, outputs, moment)
        if output == "depth":
            assert frame.depth is not None
            return encode_depth(frame.depth)
        if output == "normals":
            assert frame.normals is not None
            return encode_normals(frame.normals)
        if output == "semantic":
            assert frame.semantic is not None
            return encode_semantic(frame.semantic)
        if output == "instance":
            assert frame.semantic is not None
            assert frame.instance is not None
            return encode_instance(frame.semantic, frame.instance)
        if retouched:
            assert frame.bgra is not None
            assert frame.depth is not None
            retouch.apply(self, frame.bgra, frame.depth, camera, fov, moment)
        return frame.bgra


def _outputs_of(frame: Frame) -> frozenset[str]:
    return LABELS if frame.normals is None else LABELS | NORMALS


def _due_outputs(camera: Actor, width: int, height: int, fov: float, moment: Moment) -> frozenset[str]:
    """What costs extra and cameras here want in this tick: normals, or nothing."""
    for sensor in moment.due:
        lens = (sensor.actor.pose, getattr(sensor, "width", 0), getattr(sensor, "height", 0), getattr(sensor, "fov", 0))
        if getattr(sensor, "output", "") == "normals" and lens == (camera.pose, width, height, fov):
            return NORMALS
    return frozenset()
