"""The base of every failure that a user can cause or mend."""


class PilotageError(Exception):
    """Its message is one sentence for the user: what is wrong, where, and what to do. Shown without a traceback."""
