"""What can go wrong between a client and its CARLA server."""

from __future__ import annotations

from sim.errors import PilotageError


class SessionError(PilotageError):
    """A session could not be opened or has ended."""


class InvalidSession(SessionError, ValueError):
    """An option of the session is impossible; the message names it."""


class ServerUnreachable(SessionError):
    """Nothing that speaks CARLA's protocol answers at host:port, or it answers too slowly."""

    def __init__(self, host: str, port: int, fix: str) -> None:
        super().__init__(f"no CARLA server answers at {host}:{port}; {fix}")
        self.host, self.port, self.fix = host, port, fix

    def __reduce__(self) -> tuple[type, tuple[str, int, str]]:
        # Rebuilt from its parts where it crosses a process boundary (vector environments, Ray).
        return type(self), (self.host, self.port, self.fix)


class ServerDied(SessionError):
    """The embedded server process ended while the session needed it."""


class VersionMismatch(SessionError):
    """Client and server are of different CARLA versions."""


class TownUnavailable(SessionError):
    """The server has no such map; the message lists those it has."""


class CallFailed(SessionError):
    """The server refused or broke off a call; the message carries the server's words."""


class FrameMissing(SessionError):
    """A camera frame did not arrive in time."""
