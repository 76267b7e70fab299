"""A configuration that cannot run, refused when it is composed."""

from sim.errors import PilotageError


class ConfigError(PilotageError, ValueError):
    """Names the key that is wrong and what to set instead."""
