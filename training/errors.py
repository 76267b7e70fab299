"""What can go wrong in training."""

from __future__ import annotations

from sim.errors import PilotageError


class TrainingError(PilotageError, RuntimeError):
    """Training cannot start or go on; the message says why and what to do."""


class InvalidTraining(PilotageError, ValueError):
    """An option of training is impossible; the message names it and the fix."""
