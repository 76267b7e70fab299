"""What can go wrong between a client and the embedded server."""

from __future__ import annotations

from sim.errors import PilotageError


class ServerStartError(PilotageError):
    """The server cannot start: the port is taken, the town unknown, or an option out of range."""


class CallError(Exception):
    """A call that CARLA answers with an error; the client raises RuntimeError with this text."""


class BadArguments(Exception):
    """A call whose arguments do not have the shape that the protocol gives them."""


class MalformedPacket(Exception):
    """Bytes that are no msgpack-rpc request: the connection is dropped."""
