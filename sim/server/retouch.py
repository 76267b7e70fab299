"""What is drawn over finished RGB frames: debug shapes, and what the server's window shows.

There is no window here: cameras attached to the spectator stand for it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.render import overlay
from sim.render.overlay import Label

if TYPE_CHECKING:
    from sim.server.actors import Actor
    from sim.server.moment import Moment
    from sim.server.scene import Scene

TELEMETRY_COLOR = (255, 255, 255)


def is_window(camera: Actor) -> bool:
    """Whether a camera stands for the server's window."""
    return camera.parent is not None and camera.parent.description.blueprint.id == "spectator"


def wanted(scene: Scene, camera: Actor) -> bool:
    """Whether frames of a camera need anything drawn over them now."""
    return bool(scene.shapes) or (is_window(camera) and scene.telemetry is not None)


def apply(scene: Scene, bgra: np.ndarray, depth: np.ndarray, camera: Actor, fov: float, moment: Moment) -> None:
    """Draw over a frame (H, W, 4) with its depth (H, W, m)."""
    overlay.draw(bgra, depth, camera.pose, fov, scene.shapes.strokes(hud=False))
    if is_window(camera):
        overlay.draw(bgra, None, camera.pose, fov, scene.shapes.strokes(hud=True))
        labels = scene.shapes.labels()
        if scene.telemetry is not None and scene.telemetry.id in moment.motion:
            labels.append(telemetry(scene.telemetry, moment.motion[scene.telemetry.id]))
        overlay.write(bgra, camera.pose, fov, labels)


def telemetry(vehicle: Actor, motion: tuple[float, ...]) -> Label:
    """A vehicle's speed and controls, written above it."""
    control = vehicle.vehicle_control
    height = 2.0 * vehicle.description.extent[2]
    text = (
        f"{vehicle.description.blueprint.id} {vehicle.id}\n"
        f"speed {3.6 * math.hypot(*motion[6:9]):.1f} km/h\n"
        f"throttle {control.throttle:.2f}  brake {control.brake:.2f}  steer {control.steer:+.2f}\n"
        f"hand brake {'on' if control.hand_brake else 'off'}  {'reverse' if control.reverse else 'forward'}"
    )
    return Label((motion[0], motion[1], motion[2] + height), text, TELEMETRY_COLOR, shadow=True)
