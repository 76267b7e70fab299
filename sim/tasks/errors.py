"""Misuse of a task."""

from __future__ import annotations

from sim.errors import PilotageError


class InvalidTask(PilotageError, ValueError):
    """An option of the task is impossible; the message names it and the fix."""


class EpisodeOver(PilotageError, RuntimeError):
    """A tool was called before the first reset or after the end of the episode."""
