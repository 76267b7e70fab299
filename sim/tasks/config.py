"""Options of a task."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class CameraConfig:
    """The ego's front camera.

    width, height   pixels; multiples of a policy's patch size, or its frames are resized
    fov             horizontal field of view in degrees
    x, z            mount in the car's frame, metres ahead of its middle and above the ground
    pitch           degrees, negative looks down
    """

    width: int = 352
    height: int = 192
    fov: float = 60.0
    x: float = 1.2
    z: float = 1.6
    pitch: float = -3.0


@dataclass
class RecordConfig:
    """A second camera for replay videos.

    enabled         whether `recording()` has frames
    width, height   pixels
    fov             horizontal field of view in degrees
    every_ticks     ticks of 0.05 s between frames
    view            "front" (as the policy's camera) or "chase" (from behind and above)
    """

    enabled: bool = False
    width: int = 640
    height: int = 360
    fov: float = 60.0
    every_ticks: int = 2
    view: str = "front"


@dataclass
class TaskConfig:
    """A driving task.

    name              task to drive; "EmergencyManeuver" is the only one yet
    split             "train" or "test": disjoint roads and weathers, and disjoint towns where sim.town is a style;
                      "validation", of such towns only; `reset(options={"split": ...})` overrides it
    train_towns       let validation and test episodes into a single town of the training split, on its held-out roads
    max_calls         tool calls until the episode ends as a timeout
    time_limit_s      simulated seconds until the episode ends as a timeout
    privileged_text   tell the policy what is ahead in words: for debugging only, it makes seeing needless
    camera            what the policy sees
    record            what replay videos see
    """

    name: str = "EmergencyManeuver"
    split: str = "train"
    train_towns: bool = False
    max_calls: int = 10
    time_limit_s: float = 12.0
    privileged_text: bool = False
    camera: CameraConfig = field(default_factory=CameraConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
