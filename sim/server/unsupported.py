"""Calls of the 0.9.16 client that this server knows of and does not carry out, and why.

`docs/carla-support.md` is generated from these two tables and from `registry.CALLS`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A call that is answered with an error.

    void    whether it answers Response<void>, whose errors are packed differently
    reason  completes the sentence "<name> is refused because ..."
    """

    void: bool
    reason: str

    def text(self, name: str) -> str:
        """What the client shows as a RuntimeError."""
        return f"{name} is refused because {self.reason}"


@dataclass(frozen=True)
class Ignored:
    """A call that succeeds and changes nothing.

    void    whether it answers Response<void>
    reason  completes the sentence "<name> is accepted and ignored because ..."
    answer  wire form of the result, when it is not void
    """

    void: bool
    reason: str
    answer: object = None


_NO_CHASSIS = "the embedded server has its own vehicle model instead of the Unreal plug-in of that name"
_NO_GBUFFERS = "the software rasteriser keeps no G-buffers"
_NO_ROS = "the embedded server publishes nothing on ROS 2 topics"
_NOT_YET = "it is not implemented yet"

REFUSED: dict[str, Refusal] = {
    # Results of another type than void.
    "are_gbuffers_enabled": Refusal(False, _NO_GBUFFERS),
    "get_gbuffer_token": Refusal(False, _NO_GBUFFERS),
    # Void.
    "enable_carsim": Refusal(True, _NO_CHASSIS),
    "enable_chrono_physics": Refusal(True, _NO_CHASSIS),
    "enable_gbuffers": Refusal(True, _NO_GBUFFERS),
    "enable_sensor_for_ros": Refusal(True, _NO_ROS),
    "use_carsim_road": Refusal(True, _NO_CHASSIS),
}
IGNORED: dict[str, Ignored] = {
    "disable_sensor_for_ros": Ignored(True, "no sensor is ever enabled for ROS 2"),
    "set_annotations_traverse_translucency": Ignored(True, "nothing in the embedded server's pictures is translucent"),
    "restore_physx_physics": Ignored(True, "vehicles never leave the embedded server's own model"),
}
