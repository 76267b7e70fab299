"""The protocol's edges: hostile bytes, unknown calls, wrong arguments. The server must outlive them all."""

import contextlib
import socket
import time

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.server import wire
from sim.server.actors import VehicleControl
from sim.server.errors import BadArguments, MalformedPacket
from sim.server.framing import RequestReader
from sim.server.registry import CALLS
from sim.server.snapshots import RECORD
from sim.server.unsupported import IGNORED, REFUSED


def ask(port: int, *requests: bytes, answers: int = 1) -> list[list]:
    """Send raw bytes; the answers that come within two seconds, fewer when the server hangs up."""
    unpacker = msgpack.Unpacker(raw=False)
    got: list[list] = []
    with socket.create_connection(("127.0.0.1", port), 2.0) as connection:
        connection.settimeout(2.0)
        connection.sendall(b"".join(requests))
        try:
            while len(got) < answers and (data := connection.recv(65536)):
                unpacker.feed(data)
                got.extend(unpacker)
        except (TimeoutError, ConnectionError):
            pass
    return got


def request(name: str, *arguments: object, message_id: int = 7) -> bytes:
    return msgpack.packb([0, message_id, name, [[False], *arguments]])


def test_unknown_function_is_an_rpc_error(server):
    answer = ask(server.port, request("make_coffee"))
    assert answer[0][:2] == [1, 7]
    assert "make_coffee" in answer[0][2]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_every_refused_call_says_why(server, name):
    [[_, _, error, result]] = ask(server.port, request(name))
    assert error is None
    assert result == wire.failure(f"{name} is refused because {REFUSED[name].reason}", REFUSED[name].void)


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_every_ignored_call_succeeds(server, name):
    [[_, _, error, result]] = ask(server.port, request(name))
    assert error is None
    assert result == (wire.VOID_SUCCESS if IGNORED[name].void else wire.success(IGNORED[name].answer))


def test_no_call_is_both_carried_out_and_refused_or_ignored():
    import sim.server.calls  # noqa: F401 (fills the registry)

    assert not REFUSED.keys() & IGNORED.keys()
    assert not (REFUSED.keys() | IGNORED.keys()) & CALLS.keys()


def test_answers_come_in_order_even_when_split_byte_by_byte(server):
    with socket.create_connection(("127.0.0.1", server.port), 2.0) as connection:
        connection.settimeout(2.0)
        for byte in request("version", message_id=1) + request("get_map_info", message_id=2):
            connection.sendall(bytes([byte]))
        unpacker, got = msgpack.Unpacker(raw=False), []
        while len(got) < 2:
            unpacker.feed(connection.recv(65536))
            got.extend(unpacker)
    assert [answer[1] for answer in got] == [1, 2]
    assert got[0][3] == [[1, "0.9.16"]]


WRONG = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "spawn_actor", "spawn_actor_with_parent", "apply_batch", "set_actor_transform", "apply_control_to_vehicle",
        "apply_physics_control", "set_weather_parameters", "set_episode_settings", "get_actors_by_id", "destroy_actor",
        "get_sensor_token", "cast_ray", "apply_control_to_walker", "load_new_episode", "set_vehicle_light_state",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, st.lists(WRONG, max_size=4))
def test_wrong_arguments_are_answered_and_the_connection_lives(server, name, arguments):
    answers = ask(server.port, request(name, *arguments), request("version", message_id=8), answers=2)
    assert [answer[1] for answer in answers] == [7, 8]
    assert answers[1][3] == [[1, "0.9.16"]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_random_bytes_do_not_kill_the_server(server, data):
    for port in (server.port, server.port + 1):
        with socket.create_connection(("127.0.0.1", port), 2.0) as connection:
            connection.sendall(data)
    assert ask(server.port, request("version"))[0][3] == [[1, "0.9.16"]]


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1",
        msgpack.packb({"a": 1}),
        msgpack.packb([0, 1, "version"]),
        msgpack.packb([0, -1, "version", [[False]]]),
        msgpack.packb([0, 1, "version", []]),
        b"\x94\x00\x01\xa1a\xdd\xff\xff\xff\xff" + b"\x90" * (5 << 20),  # begins to send 4 billion parameters
        b"\x91" * 5000,
        b"\x94\x00\x01\xa1\xff\x91\x91\xc2",  # not UTF-8
    ],
)
def test_malformed_packet_closes_only_its_connection(server, data):
    with socket.create_connection(("127.0.0.1", server.port), 2.0) as good:
        good.settimeout(2.0)
        with socket.create_connection(("127.0.0.1", server.port), 2.0) as bad:
            bad.settimeout(2.0)
            bad.sendall(data)
            with contextlib.suppress(ConnectionResetError):  # as good as closed
                assert bad.recv(100) == b""
        good.sendall(request("version"))
        assert b"0.9.16" in good.recv(100)


def test_dead_streams_stay_open_and_silent(server):
    # A client whose stream closes reconnects in a tight loop.
    with socket.create_connection(("127.0.0.1", server.port + 1), 2.0) as stream:
        stream.sendall((987654).to_bytes(4, "little"))
        stream.settimeout(0.3)
        with pytest.raises(TimeoutError):
            stream.recv(1)


def test_an_announced_subscriber_that_never_comes_delays_a_tick_only_briefly(server, world):
    ask(server.port, request("get_sensor_token", 987655))
    begin = time.monotonic()
    world.tick()
    assert time.monotonic() - begin < 2.0


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.text(max_size=20), st.lists(WRONG, max_size=3)), max_size=5),
    st.integers(1, 7),
)
def test_reader_gives_the_same_requests_however_the_bytes_are_cut(messages, size):
    data = b"".join(msgpack.packb([0, number, name, [[True], *rest]]) for number, name, rest in messages)
    reader, got = RequestReader(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (item := reader.next_request()) is not None:
            got.append(item)
    assert [(item.message_id, item.name, item.is_async) for item in got] == [(n, name, True) for n, name, _ in messages]


@given(st.binary(max_size=300))
def test_reader_raises_nothing_but_malformed_packet(data):
    with contextlib.suppress(MalformedPacket):
        reader = RequestReader()
        reader.feed(data)
        while reader.next_request() is not None:
            pass


@given(WRONG)
def test_readers_raise_nothing_but_bad_arguments(value):
    for reader in (wire.number, wire.integer, wire.text, wire.items, wire.vector, wire.pose):
        with contextlib.suppress(BadArguments):
            reader(value)


def test_records_have_the_wheels_sizes():
    assert RECORD.itemsize == 119
    offsets = {name: RECORD.fields[name][1] for name in RECORD.names}
    assert (offsets["active"], offsets["motion"], offsets["state"]) == (4, 5, 65)
    vehicle = {name: offsets[name] - 65 for name in ("control", "gear", "limit", "colour", "is_held", "light")}
    assert list(vehicle.values()) == [0, 15, 19, 23, 24, 25]
    assert len(VehicleControl().packed) == 15
    assert len(wire.walker_state((1.0, 0.0, 0.0), 1.5, False)) == 17
    assert len(wire.snapshot_header(1, 0.0, 0.05, 0)) == 36
    assert len(wire.token(4, 2001)) == wire.TOKEN_BYTES
