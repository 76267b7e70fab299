"""The list of calls is the wheel's, every call in it has an answer, and the client can read the answer."""

from __future__ import annotations

import mmap
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import carla
import msgpack
import pytest
from python_api import ROWS
from wire_shapes import check, error_text, members, response

from sim.server.client_calls import CLIENT_CALLS, STRUCTURES, ClientCall
from sim.server.support import ACCEPTED, SUPPORTED, page, reason, status

# Methods of carla::client::detail::Client that send nothing themselves.
SILENT = {
    "Client", "GetCacheFile", "GetClientVersion", "GetEndpoint", "GetTimeout", "SetFilesBaseFolder", "SetTimeout",
    "UnSubscribeFromStream",
}  # fmt: skip
# Second methods of a call that the list names once.
SECOND = {"ApplyBatchSync": "apply_batch", "UnSubscribeFromGBuffer": "get_gbuffer_token"}


def _symbols(library: Path) -> Iterator[str]:
    """The names in the symbol table of a 64-bit little-endian ELF file."""
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        (sections_at,) = struct.unpack_from("<Q", image, 0x28)
        size, count = struct.unpack_from("<HH", image, 0x3A)
        sections = [struct.unpack_from("<IIQQQQIIQQ", image, sections_at + size * n) for n in range(count)]
        for _, kind, _, _, at, length, link, _, _, entry in sections:
            if kind == 2:  # SHT_SYMTAB
                names_at = sections[link][4]
                for offset in range(at, at + length, entry):
                    (name,) = struct.unpack_from("<I", image, offset)
                    yield image[names_at + name : image.find(b"\0", names_at + name)].decode()


def test_the_list_has_every_method_of_the_wheels_client_that_sends_a_call():
    library = next(Path(carla.__path__[0]).glob("libcarla.*.so"))
    mangled = re.compile(r"_ZNK?5carla6client6detail6Client(?:C[12]|(\d+)(\w+))")
    methods = set()
    for symbol in _symbols(library):
        if found := mangled.match(symbol):
            methods.add(found[2][: int(found[1])] if found[1] else "Client")
    methods.discard("Pimpl")
    assert methods == {entry.method for entry in CLIENT_CALLS} | SILENT | set(SECOND)
    # AddActorImpulse, AddActorForce and ApplyColorTextureToObjects are overloaded: two calls each.
    assert len(CLIENT_CALLS) == len(methods - SILENT - set(SECOND)) + 3


def test_every_call_is_supported_or_ignored_or_refused_with_a_reason():
    for entry in CLIENT_CALLS:
        assert status(entry.name) != "missing", entry.name
        assert status(entry.name) == SUPPORTED or len(reason(entry.name)) > 10, entry.name


def test_every_call_that_python_can_send_is_sent_by_a_test():
    used = {name for row in ROWS for name in row.sends}
    elsewhere = {entry.name for entry in CLIENT_CALLS if entry.python} - used
    assert elsewhere == ELSEWHERE


# Sent by test_python_api (connecting), test_traffic_manager, test_episodes, and the tests of recorder and walkers.
ELSEWHERE = {
    "add_traffic_manager_running", "copy_opendrive_to_file", "destroy_traffic_manager", "get_actors_by_id",
    "get_episode_info", "get_map_data", "get_map_info", "get_traffic_manager_running",
    "is_traffic_manager_running", "load_new_episode", "query_lights_state", "replay_file", "request_file",
    "send", "set_actor_dead", "show_recorder_actors_blocked", "show_recorder_collisions", "show_recorder_file_info",
    "spawn_actor_with_parent", "start_recorder", "stop_recorder", "stop_replayer", "update_lights_state",
}  # fmt: skip


class Wire:
    """A bare msgpack-rpc connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10.0)
        self._unpacker = msgpack.Unpacker(raw=False)

    def call(self, name: str, *arguments: Any) -> tuple[Any, Any]:
        self._socket.sendall(msgpack.packb([0, 7, name, [[False], *arguments]]))
        while True:
            for message in self._unpacker:
                return message[2], message[3]
            self._unpacker.feed(self._socket.recv(1 << 16))


def _sample(kind: str, name: str, actor: int) -> Any:
    """A value of a type; numbers that name actors name `actor`."""
    special = {
        "actor": actor, "vehicle": actor, "walker": actor, "traffic_light": actor, "parent": actor, "port": 1,
        "do_tick_cue": False, "map_name": "Atlantis", "opendrive": "<none/>",
    }  # fmt: skip
    if name in special:
        return special[name]
    if kind.startswith("optional "):
        return [False]
    if kind.startswith("[") or kind in ("[Command]",):
        return []
    if kind.startswith("("):
        return [_sample(part, "", actor) for part in kind[1:-1].split(", ")]
    if kind == "DebugShape":
        return [[0, [[0.0, 0.0, 0.0], 0.1]], [255, 0, 0], 0.1, False]
    if kind in STRUCTURES:
        return [_sample(part, member, actor) for member, part in members(STRUCTURES[kind])]
    return {"str": "none", "bytes": b"", "f32": 0.5, "f64": 0.5, "bool": False}.get(kind, 1)


@pytest.fixture(scope="module")
def stage_of_all(server, tidy_world, make_stage) -> Iterator[Any]:
    client = server.client()
    yield make_stage(tidy_world(client))
    # The calls have changed whatever a call can change.
    tidy_world(client)


@pytest.mark.parametrize("entry", CLIENT_CALLS, ids=lambda entry: entry.name)
def test_call_with_arguments_of_the_right_types_gets_an_answer_that_the_client_can_read(
    entry: ClientCall, server, stage_of_all
):
    world = stage_of_all.world
    if not world.get_actors().filter("vehicle.*"):
        stage_of_all.spawn("vehicle.tesla.model3")
        world.tick()
    actor = world.get_actors().filter("vehicle.*")[0]
    settings = world.get_settings()
    arguments = []
    for name, kind in members(entry.arguments):
        arguments.append(_sample(kind, name, actor.id))
        check(arguments[-1], kind)
    error, result = Wire(server.port).call(entry.name, *arguments)
    assert error is None, f"{entry.name}: {error}"
    # Nobody reads the answers of asynchronous calls; both kinds of them are right.
    kinds = [entry.result] if entry.result else ["void", "bool"]
    if status(entry.name) in (SUPPORTED, ACCEPTED):
        assert any(_fits(response, result, kind) or _fits(_error, result, kind) for kind in kinds), result
    else:
        assert reason(entry.name) in error_text(result, kinds[0])
    world.apply_settings(settings)
    assert world.tick() > 0


def _fits(judge: Any, result: Any, kind: str) -> bool:
    try:
        judge(result, kind)
    except (AssertionError, TypeError, IndexError):
        return False
    return True


def _error(result: Any, kind: str) -> None:
    """As for a map that there is not: an error, with a text."""
    assert len(error_text(result, kind)) > 10


def test_unknown_call_is_an_error_and_leaves_the_connection_usable(server):
    wire = Wire(server.port)
    error, result = wire.call("no_such_call")
    assert "no_such_call" in error
    assert result is None
    assert wire.call("version")[1] == [[1, "0.9.16"]]


def test_support_page_lists_every_call_once():
    lines = page().splitlines()
    for entry in CLIENT_CALLS:
        assert sum(line.startswith(f"| `{entry.name}` |") for line in lines) == 1


def test_support_page_in_the_documentation_is_up_to_date():
    text = (Path(__file__).parents[2] / "docs" / "carla-support.md").read_text()
    assert text == page(), "run `python -m sim.server.support > docs/carla-support.md`"
