"""Camera frames of chosen ticks, and only of those."""

from __future__ import annotations

import threading
import time

import carla
import numpy as np

from sim.client.errors import FrameMissing
from sim.client.session import Session


class FrameCamera:
    """An RGB camera whose frames are asked for tick by tick.

    On the embedded server it listens only while a wanted frame is made, so that no other is rendered. A real server
    may miss a subscription that is a tick old: there the camera listens all the time.
    """

    def __init__(
        self,
        session: Session,
        width: int,
        height: int,
        fov: float,
        mount: carla.Transform,
        parent: carla.Actor,
    ) -> None:
        self._session = session
        self._arrived = threading.Condition()
        self._images: dict[int, carla.Image] = {}
        attributes = {"image_size_x": str(width), "image_size_y": str(height), "fov": str(fov)}
        self.actor = session.spawn("sensor.camera.rgb", mount, attributes, attach_to=parent)
        self._always_on = not session.embedded
        self._listening = False
        if self._always_on:
            self.listen()

    def listen(self) -> None:
        """Have the next ticks' frames made."""
        if not self._listening:
            with self._session.guard():
                self.actor.listen(self._receive)
            self._listening = True

    def always_on(self) -> None:
        """Have every tick's frame made from now on."""
        self._always_on = True
        self.listen()

    def rest(self) -> None:
        """Have no further frames made, unless the camera is always on."""
        if self._listening and not self._always_on:
            with self._session.guard():
                self.actor.stop()
            self._listening = False

    def take(self, frame: int) -> np.ndarray:
        """The picture of tick `frame`, RGB uint8 (height, width, 3). Raises FrameMissing after `timeout_s`."""
        deadline = time.monotonic() + self._session.config.timeout_s
        with self._arrived:
            while frame not in self._images:
                self._session.check()
                left = deadline - time.monotonic()
                if left <= 0.0:
                    raise FrameMissing(
                        f"the camera frame of tick {frame} did not arrive within "
                        f"sim.timeout_s={self._session.config.timeout_s:g} s; raise it if the server renders slowly"
                    )
                self._arrived.wait(min(left, 0.25))
            image = self._images[frame]
            for known in [key for key in self._images if key <= frame]:
                del self._images[known]
        return rgb(image)

    def _receive(self, image: carla.Image) -> None:
        with self._arrived:
            self._images[image.frame] = image
            # Frames that nobody takes (a real server's camera is always on) must not pile up.
            if len(self._images) > 8:
                del self._images[min(self._images)]
            self._arrived.notify_all()


def rgb(image: carla.Image) -> np.ndarray:
    """A CARLA image (BGRA) as RGB uint8 (height, width, 3), contiguous and independent of the image."""
    pixels = np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)
    return np.ascontiguousarray(pixels[:, :, 2::-1])
