"""A configuration that cannot run, refused when it is composed."""


class ConfigError(ValueError):
    """Names the key that is wrong and what to set instead."""
