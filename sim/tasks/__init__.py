"""Gymnasium environments and driving tools for language models."""

from __future__ import annotations

from sim.client import SessionConfig
from sim.tasks.config import CameraConfig, RecordConfig, TaskConfig
from sim.tasks.emergency import EmergencyManeuver
from sim.tasks.errors import EpisodeOver, InvalidTask
from sim.tasks.gym_face import register
from sim.tasks.protocol import InvalidToolCall, StepResult, ToolCall, ToolEnv, ToolResponse, ToolSpec
from sim.tasks.recording import RecordedFrame

__all__ = [
    "CameraConfig",
    "EmergencyManeuver",
    "EpisodeOver",
    "InvalidTask",
    "InvalidToolCall",
    "RecordConfig",
    "RecordedFrame",
    "StepResult",
    "TaskConfig",
    "ToolCall",
    "ToolEnv",
    "ToolResponse",
    "ToolSpec",
    "make_tool_env",
]

_TASKS = {"EmergencyManeuver": EmergencyManeuver}


def make_tool_env(task: TaskConfig, session: SessionConfig) -> ToolEnv:
    """The `tools` face of the task `task.name`. Raises InvalidTask; SessionError from the first reset."""
    if task.name not in _TASKS:
        raise InvalidTask(f"task.name={task.name!r}: choose one of {', '.join(_TASKS)}")
    return _TASKS[task.name](task, session)


register()
