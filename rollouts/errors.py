"""What can go wrong while episodes are collected."""

from __future__ import annotations

from sim.errors import PilotageError


class RolloutError(PilotageError, RuntimeError):
    """Episodes cannot be collected: an option is impossible, or an episode failed too often."""
