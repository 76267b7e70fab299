"""How a child follows its parent: rigidly, at a socket, or at the end of a spring arm."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.geometry import Pose, compose
from sim.server.errors import CallError

RIGID, SPRING_ARM, SPRING_ARM_GHOST = 0, 1, 2
LAG_SPEED = 8.0  # 1/s; CARLA's CameraRotationLagSpeed
LAG_STEP_S = 1.0 / 60.0  # Unreal's CameraLagMaxTimeStep
LIFT_M = 0.3  # CARLA raises the origin of an arm that is not a ghost, so that it clears bumpy ground


@dataclass
class SpringArm:
    """An arm from the parent's origin to the child, as Unreal's USpringArmComponent with CARLA's settings.

    It turns with the parent's heading, behind it by a lag, and keeps the horizon: pitch and roll are not inherited. The
    heading alone is interpolated, where Unreal interpolates the whole rotation. An arm does not shorten at obstacles.

    length, pitch, yaw   the arm at rest: metres, and the direction from the child to the parent (degrees)
    lift                 metres that the arm's origin lies above the parent's
    heading              the arm's heading in the world (degrees) now; None before its first update
    """

    length: float
    pitch: float
    yaw: float
    lift: float
    heading: float | None = None

    def end(self, parent: Pose, delta_s: float) -> Pose:
        """Where the arm ends after `delta_s` more seconds beside a parent at `parent`."""
        wanted = compose(parent, Pose(0.0, 0.0, 0.0, self.pitch, self.yaw)).yaw
        heading = wanted if self.heading is None else _lagged(self.heading, wanted, delta_s)
        self.heading = heading
        pitch, yaw = math.radians(self.pitch), math.radians(heading)
        flat = self.length * math.cos(pitch)
        return Pose(
            parent.x - flat * math.cos(yaw),
            parent.y - flat * math.sin(yaw),
            parent.z + self.lift - self.length * math.sin(pitch),
            self.pitch,
            heading,
        )


def _lagged(heading: float, wanted: float, delta_s: float) -> float:
    """Unreal's substepped lag: the target moves evenly through the step, and is followed in steps of at most 1/60 s."""
    turn = (wanted - heading + 180.0) % 360.0 - 180.0
    target, remaining = heading, delta_s
    while remaining > 1e-4:
        step = min(LAG_STEP_S, remaining)
        target += turn * step / delta_s
        heading += (target - heading) * min(1.0, step * LAG_SPEED)
        remaining -= step
    return (heading + 180.0) % 360.0 - 180.0


def spring_arm(kind: int, relative: Pose) -> tuple[SpringArm | None, Pose]:
    """The arm of an attachment and what is left of the child's pose relative to the arm's end.

    Raises CallError for a kind that CARLA does not have.
    """
    if kind not in (RIGID, SPRING_ARM, SPRING_ARM_GHOST):
        raise CallError(f"attachment type {kind} is none of Rigid (0), SpringArm (1) and SpringArmGhost (2)")
    if kind == RIGID:
        return None, relative
    flat = math.hypot(relative.x, relative.y)
    arm = SpringArm(
        math.hypot(flat, relative.z),
        math.degrees(math.atan2(-relative.z, flat)),
        math.degrees(math.atan2(-relative.y, -relative.x)) if flat > 0.0 else 0.0,
        LIFT_M if kind == SPRING_ARM else 0.0,
    )
    return arm, relative._replace(x=0.0, y=0.0, z=0.0)
