"""CARLA 0.9.16's wire format: msgpack-rpc framing, result wrapping, stream tokens, headers and snapshots.

Layouts were read from the 0.9.16 wheel; all binary records are packed and little endian.
"""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack

from sim.geometry import Pose
from sim.server.errors import BadArguments, MalformedPacket

MAX_REQUEST_BYTES = 32 * 1024 * 1024
# msgpack allocates a list as long as its header claims, at every nesting level: keep hostile headers cheap.
MAX_ITEMS = 1 << 14

TOKEN_BYTES = 24
_TOKEN = struct.Struct("<IHBB16s")
_STREAM_HEADER = struct.Struct("<QQd6f")
_SNAPSHOT_HEADER = struct.Struct("<Qdf3iI")
_ACTOR_HEAD = struct.Struct("<IB15f54s")
_VEHICLE_STATE = struct.Struct("<3f3BifBBIB")
_WALKER_STATE = struct.Struct("<3ffB")
_IMAGE_HEADER = struct.Struct("<IIf")

SNAPSHOT_STREAM_TYPE = 17
MAP_CHANGED = 1
EMPTY_STATE = b"\0" * 54


class _Packers(threading.local):
    """A packer per thread: worlds answer from threads of their own, and a packer keeps one buffer."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer(use_bin_type=True).pack


_packers = _Packers()


class Request(NamedTuple):
    """One msgpack-rpc request: `params` without the metadata element; `is_async`: nobody reads the answer."""

    message_id: int
    name: str
    params: list[Any]
    is_async: bool


class RequestReader:
    """Splits a byte stream into requests."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(
            raw=False,
            strict_map_key=True,
            max_buffer_size=MAX_REQUEST_BYTES,
            max_str_len=MAX_REQUEST_BYTES,
            max_bin_len=1 << 16,
            max_array_len=MAX_ITEMS,
            max_map_len=64,
            max_ext_len=0,
        )

    def feed(self, data: bytes) -> Iterator[Request]:
        """Requests completed by `data`. Raises MalformedPacket on anything else than msgpack-rpc requests."""
        try:
            self._unpacker.feed(data)
            for message in self._unpacker:
                yield _request(message)
        except MalformedPacket:
            raise
        except (msgpack.UnpackException, ValueError, TypeError, RecursionError, MemoryError) as error:
            raise MalformedPacket(f"not msgpack: {type(error).__name__}") from error


def _request(message: object) -> Request:
    if not isinstance(message, list) or len(message) != 4 or message[0] != 0:
        raise MalformedPacket("not a request [0, id, name, params]")
    _, message_id, name, params = message
    if not isinstance(message_id, int) or not 0 <= message_id < 1 << 32 or not isinstance(name, str):
        raise MalformedPacket("request without an unsigned id and a name")
    if not isinstance(params, list):
        raise MalformedPacket("request without a parameter list")
    if not params or not isinstance(params[0], list) or len(params[0]) != 1:
        raise MalformedPacket("request without call metadata")
    return Request(message_id, name, params[1:], bool(params[0][0]))


def response(message_id: int, result: object) -> bytes:
    """A successful msgpack-rpc response."""
    return _packers.pack([1, message_id, None, result])


def rpc_error(message_id: int, text: str) -> bytes:
    """A response that the client raises as rpc::rpc_error (it does not show the text)."""
    return _packers.pack([1, message_id, text, None])


def pack(value: object) -> bytes:
    """msgpack bytes of a plain value."""
    return _packers.pack(value)


# Response<T> and Response<void> each arrive as a one-element array around [variant index, value] or an optional error.
VOID_SUCCESS = [[False]]


def success(value: object) -> list[Any]:
    """Response<T> that holds `value`."""
    return [[1, value]]


def failure(text: str, void: bool) -> list[Any]:
    """Response<T> or, with `void`, Response<void> that holds an error whose text the client shows."""
    return [[True, [text]]] if void else [[0, [text]]]


def token(stream_id: int, port: int) -> bytes:
    """Stream token; address type 0 makes the client use the host that it already talks to."""
    return _TOKEN.pack(stream_id, port, 1, 0, b"\0" * 16)


def stream_message(*parts: bytes | memoryview) -> bytes:
    """A length-prefixed stream message."""
    return b"".join((struct.pack("<I", sum(len(part) for part in parts)), *parts))


def stream_header(sensor_type: int, frame: int, elapsed_s: float, pose: Pose) -> bytes:
    """The 48 bytes in front of all sensor data; `pose` is the sensor's in the world."""
    return _STREAM_HEADER.pack(sensor_type, frame, elapsed_s, *pose)


def image_header(width: int, height: int, fov: float) -> bytes:
    """Width (px), height (px), horizontal field of view (degrees)."""
    return _IMAGE_HEADER.pack(width, height, fov)


def snapshot_header(episode: int, platform_s: float, delta_s: float, flags: int) -> bytes:
    """The fixed part of a world snapshot, after the stream header."""
    return _SNAPSHOT_HEADER.pack(episode, platform_s, delta_s, 0, 0, 0, flags)


def actor_record(actor_id: int, motion: tuple[float, ...], state: bytes) -> bytes:
    """119 bytes of one actor: `motion` = pose (6), velocity, angular velocity (deg/s), acceleration (3 each)."""
    return _ACTOR_HEAD.pack(actor_id, 1, *motion, state)


def vehicle_state(
    throttle: float, steer: float, brake: float, flags: tuple[int, int, int], gear: int, limit_kmh: float, lights: int
) -> bytes:
    """A vehicle's part of its record; `flags` = hand brake, reverse, manual gear shift. No light governs it (id 0)."""
    return _VEHICLE_STATE.pack(throttle, steer, brake, *flags, gear, limit_kmh, lights & 0xFF, 0, 0, 0)


def walker_state(direction: tuple[float, float, float], speed: float, jump: bool) -> bytes:
    """A walker's part of its record."""
    return _WALKER_STATE.pack(*direction, speed, jump)


# ---- reading arguments -------------------------------------------------------------------------------------------


def number(value: object) -> float:
    """A finite float. Raises BadArguments."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadArguments(f"expected a finite number, got {value!r:.60}")
    return float(value)


def integer(value: object) -> int:
    """An int. Raises BadArguments."""
    if not isinstance(value, int):
        raise BadArguments(f"expected an integer, got {value!r:.60}")
    return int(value)


def text(value: object) -> str:
    """A str. Raises BadArguments."""
    if not isinstance(value, str):
        raise BadArguments(f"expected text, got {value!r:.60}")
    return value


def items(value: object, count: int | None = None) -> list[Any]:
    """A list, of `count` items if given. Raises BadArguments."""
    if not isinstance(value, (list, tuple)) or (count is not None and len(value) != count):
        raise BadArguments(f"expected a list{'' if count is None else f' of {count}'}, got {value!r:.60}")
    return list(value)


def vector(value: object) -> tuple[float, float, float]:
    """Three finite floats. Raises BadArguments."""
    x, y, z = items(value, 3)
    return number(x), number(y), number(z)


def pose(value: object) -> Pose:
    """A Transform [[x, y, z], [pitch, yaw, roll]]. Raises BadArguments."""
    location, rotation = items(value, 2)
    return Pose(*vector(location), *vector(rotation))


def transform(pose_: Pose) -> list[list[float]]:
    """A pose as a Transform."""
    return [[pose_.x, pose_.y, pose_.z], [pose_.pitch, pose_.yaw, pose_.roll]]
