"""A CARLA session: start or connect, synchronous mode, clean-up, versions, deadlines."""

from sim.client.camera import FrameCamera
from sim.client.config import SessionConfig
from sim.client.errors import (
    CallFailed,
    FrameMissing,
    InvalidSession,
    ServerDied,
    ServerUnreachable,
    SessionError,
    TownUnavailable,
    VersionMismatch,
)
from sim.client.session import Session, open_session

__all__ = [
    "CallFailed",
    "FrameCamera",
    "FrameMissing",
    "InvalidSession",
    "ServerDied",
    "ServerUnreachable",
    "Session",
    "SessionConfig",
    "SessionError",
    "TownUnavailable",
    "VersionMismatch",
    "open_session",
]
