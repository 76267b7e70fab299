"""What can go wrong with a policy."""

from __future__ import annotations

from sim.errors import PilotageError


class InvalidPolicy(PilotageError, ValueError):
    """An option of the policy is impossible; the message names it and the fix."""


class PolicyLoadError(PilotageError):
    """Weights, tokenizer or processor are missing or do not fit together."""


class ImageMismatch(PilotageError):
    """A turn's image placeholders and vision features differ in number; the message names the turn."""


class CheckpointError(PilotageError):
    """A checkpoint could not be written; nothing half-written is left."""
