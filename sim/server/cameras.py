"""Camera sensors: pictures of the scene as stream messages."""

from __future__ import annotations

import numpy as np

from sim.geometry import Pose
from sim.sensors.errors import require
from sim.sensors.events import EventCamera, EventModel
from sim.sensors.exposure import manual_stops, response
from sim.sensors.flow import optical_flow
from sim.server import wire
from sim.server.actors import Actor
from sim.server.moment import Moment
from sim.server.scene import Scene

DEPTH, NORMALS, DVS, FLOW, RGB, SEMANTIC, INSTANCE = 1, 2, 3, 8, 13, 14, 15
MAX_SIDE_PX, MAX_PIXELS = 8192, 4096 * 4096
SKY_M = 1000.0

# Blueprint: what the scene draws, type on the wire.
PICTURES: dict[str, tuple[str, int]] = {
    "sensor.camera.rgb": ("rgb", RGB),
    "sensor.camera.depth": ("depth", DEPTH),
    "sensor.camera.semantic_segmentation": ("semantic", SEMANTIC),
    "sensor.camera.instance_segmentation": ("instance", INSTANCE),
    "sensor.camera.normals": ("normals", NORMALS),
}


class Lens:
    """What all cameras have: pinhole, x forward, horizontal field of view. Raises ImpossibleSensor."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        self.width = int(actor.description.number("image_size_x"))
        self.height = int(actor.description.number("image_size_y"))
        self.fov = actor.description.number("fov")
        sides = (self.width, self.height)
        require(
            min(sides) >= 1 and max(sides) <= MAX_SIDE_PX and self.width * self.height <= MAX_PIXELS,
            f"camera: image size {self.width}x{self.height} is out of range",
        )
        require(1.0 <= self.fov <= 179.0, f"camera: fov {self.fov} is not within 1 to 179 degrees")

    def prepare(self, scene: Scene) -> None:
        """Build what drawing needs, so that the first frame does not wait for it."""
        scene.prepare()

    def message(self, kind: int, moment: Moment, data: bytes | memoryview) -> wire.Message:
        """A stream message of a picture or of what was made of it."""
        header = wire.stream_header(kind, moment.frame, moment.elapsed_s, self.actor.pose)
        return wire.large_message(header, wire.image_header(self.width, self.height, self.fov), data)


class Camera(Lens):
    """RGB, depth, semantic, instance or normals camera."""

    def __init__(self, actor: Actor) -> None:
        super().__init__(actor)
        self.output, self._kind = PICTURES[actor.description.blueprint.id]
        self._response = _response(actor) if self.output == "rgb" else None

    def messages(self, moment: Moment) -> list[wire.Message]:
        frame = moment.scene.picture(self.actor, self.width, self.height, self.fov, self.output, moment)
        if frame is None:
            return []
        if self._response is not None:
            frame[..., :3] = self._response[frame[..., :3]]
        return [self.message(self._kind, moment, np.ascontiguousarray(frame).data.cast("B"))]


def _response(camera: Actor) -> np.ndarray | None:
    """What exposure and gamma make of levels; nothing without post-processing."""
    number = camera.description.number
    if not camera.description.flag("enable_postprocess_effects"):
        return None
    stops = number("exposure_compensation")
    if camera.description.values["exposure_mode"] == "manual":
        stops += manual_stops(number("iso"), number("shutter_speed"), number("fstop"))
    return response(stops, number("gamma"))


class FlowCamera(Lens):
    """Optical flow since the world's tick before; zero for what has just appeared."""

    def messages(self, moment: Moment) -> list[wire.Message]:
        outputs = frozenset({"depth", "instance"})
        frame = moment.scene.view(self.actor, self.width, self.height, self.fov, outputs, moment)
        assert frame.depth is not None
        assert frame.instance is not None
        pose = self.actor.pose
        bodies: dict[int, tuple[Pose, Pose]] = {}
        for movable in moment.movables:
            bodies[movable.actor_id] = (movable.pose, moment.before(movable.actor_id) or movable.pose)
        camera = (pose, moment.before(self.actor.id) or pose)
        flow = optical_flow(frame.depth, frame.instance, self.fov, camera, bodies, SKY_M)
        return [self.message(FLOW, moment, flow.data.cast("B"))]


class DvsCamera(Lens):
    """Events of a dynamic vision sensor; a picture without events sends nothing, as in CARLA."""

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        super().__init__(actor)
        number = actor.description.number
        model = EventModel(
            positive_threshold=number("positive_threshold"),
            negative_threshold=number("negative_threshold"),
            sigma_positive=number("sigma_positive_threshold"),
            sigma_negative=number("sigma_negative_threshold"),
            refractory_ns=int(number("refractory_period_ns")),
            use_log=actor.description.flag("use_log"),
            log_eps=number("log_eps"),
        )
        self._events = EventCamera(model, random)

    def messages(self, moment: Moment) -> list[wire.Message]:
        # Of what an RGB camera shows, street lamps and debug shapes included.
        picture = moment.scene.picture(self.actor, self.width, self.height, self.fov, "rgb", moment)
        assert picture is not None
        events = self._events.events(picture, moment.elapsed_s)
        return [self.message(DVS, moment, events.tobytes())] if len(events) else []
