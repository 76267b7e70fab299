"""Every call that the client library of CARLA 0.9.16 can send, as its own debugging information gives it.

Source: the DWARF information and the machine code of libcarla in the `carla` 0.9.16 wheel. All calls go through
`Client::Pimpl`, which is private to one compile unit; each method of `carla::client::detail::Client` there sends at
most one call, whose name is in its code and whose argument and result types are in its template arguments.

`client_calls.json` beside this file holds the list. Types are written short: u8 to f64 are numbers, `bytes` is
std::vector<uint8_t> (msgpack bin), `[T]` a vector, `(A, B)` a pair; other names are structures of carla::rpc and
carla::geom, which travel as arrays of their members in the order of STRUCTURES.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ClientCall:
    """One call that the client can send.

    name       on the wire
    method     of carla::client::detail::Client that sends it
    arguments  after the call metadata, "name: type, ..."
    result     what the client reads from the answer; None when it never waits for one
    python     who sends it in the Python API; empty when nothing there does
    """

    name: str
    method: str
    arguments: str
    result: str | None
    python: str


def _read() -> tuple[tuple[ClientCall, ...], dict[str, str]]:
    data = json.loads(Path(__file__).with_suffix(".json").read_text())
    return tuple(ClientCall(**entry) for entry in data["calls"]), data["structures"]


CLIENT_CALLS, STRUCTURES = _read()
