"""Carrying out calls: from a request to the function behind its name, and to the answer or the error."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sim.maps import MapLibrary, Town
from sim.server import wire
from sim.server.errors import BadArguments, CallError
from sim.server.framing import Request
from sim.server.registry import CALLS
from sim.server.streams import StreamHub
from sim.server.unsupported import IGNORED, REFUSED
from sim.server.world import World

log = logging.getLogger(__name__)
TICKING = frozenset({"tick_cue"})


class Client:
    """What the server remembers of one RPC connection."""

    def __init__(self) -> None:
        self.traffic_managers: set[int] = set()


class Context:
    """What a call works on: the world, its streams, the maps that can be loaded, and the client that calls."""

    def __init__(self, world: World, hub: StreamHub, maps: MapLibrary, tick: Callable[[], int]) -> None:
        self.world = world
        self.tick = tick
        self.hub = hub
        self.maps = maps
        self.imported: Town | None = None
        self.managers: dict[int, str] = {}
        self.client = Client()

    def ticks(self, request: Request) -> bool:
        """Whether a request advances the world, and must therefore wait for announced subscriptions."""
        if request.name in TICKING:
            return True
        return request.name == "apply_batch" and len(request.params) > 1 and bool(request.params[1])

    def answer(self, request: Request, client: Client) -> bytes:
        """Carry out a request; always returns a response."""
        known = CALLS.get(request.name)
        if known is None:
            if refusal := REFUSED.get(request.name):
                return wire.response(request.message_id, wire.failure(refusal.text(request.name), refusal.void))
            if ignored := IGNORED.get(request.name):
                result = wire.VOID_SUCCESS if ignored.void else wire.success(ignored.answer)
                return wire.response(request.message_id, result)
            return wire.rpc_error(request.message_id, f"no function {request.name!r:.80}")
        self.client = client
        try:
            if len(request.params) < len(known.readers):
                raise BadArguments(f"{len(known.readers)} arguments expected, got {len(request.params)}")
            arguments = [read(value) for read, value in zip(known.readers, request.params, strict=False)]
            result = known.method(self, *arguments)
        except CallError as error:
            if request.is_async:
                log.debug("%s: %s", request.name, error)
            return wire.response(request.message_id, wire.failure(str(error), known.void))
        except (BadArguments, OverflowError) as error:
            log.warning("%s: %s", request.name, error)
            return wire.rpc_error(request.message_id, f"{request.name}: {error}")
        if known.unwrapped:
            return wire.response(request.message_id, result)
        return wire.response(request.message_id, wire.VOID_SUCCESS if known.void else wire.success(result))

    def forget(self, client: Client) -> None:
        """A client is gone: drop the traffic managers that it registered, and tell it of no more changes."""
        for port in client.traffic_managers:
            self.managers.pop(port, None)
        self.world.lights.forget(client)
