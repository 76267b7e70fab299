"""CARLA 0.9.16's wire format: result wrapping, stream tokens, headers and snapshots.

Layouts were read from the 0.9.16 wheel; all binary records are packed and little endian.
"""

from __future__ import annotations

import reprlib
import struct
import threading
from typing import Any

import msgpack

from sim.geometry import Pose
from sim.server.errors import BadArguments

TOKEN_BYTES = 24
_TOKEN = struct.Struct("<IHBB16s")
_STREAM_HEADER = struct.Struct("<QQd6f")
_SNAPSHOT_HEADER = struct.Struct("<Qdf3iI")
_VEHICLE_PEDALS = struct.Struct("<3f3B")
_WALKER_STATE = struct.Struct("<3ffB")
_IMAGE_HEADER = struct.Struct("<IIf")

SNAPSHOT_STREAM_TYPE = 17
MAP_CHANGED = 1
LIGHTS_PENDING = 2


Message = bytes | tuple[bytes | memoryview, ...]
"""A stream message with its length in front, whole or in parts."""


class _Packers(threading.local):
    """A packer per thread: worlds answer from threads of their own, and a packer keeps one buffer."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer(use_bin_type=True).pack


_packers = _Packers()


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


def large_message(*parts: bytes | memoryview) -> Message:
    """A length-prefixed stream message whose last part is sent as it is, without a copy: it must never change."""
    *head, data = parts
    return b"".join((struct.pack("<I", sum(len(part) for part in parts)), *head)), data


def stream_header(sensor_type: int, frame: int, elapsed_s: float, pose: Pose) -> bytes:
    """The 48 bytes in front of all sensor data; `pose` is the sensor's in the world."""
    return _STREAM_HEADER.pack(sensor_type, frame, elapsed_s, *pose)


def image_header(width: int, height: int, fov: float) -> bytes:
    """Width (px), height (px), horizontal field of view (degrees)."""
    return _IMAGE_HEADER.pack(width, height, fov)


def snapshot_header(episode: int, platform_s: float, delta_s: float, flags: int) -> bytes:
    """The fixed part of a world snapshot, after the stream header."""
    return _SNAPSHOT_HEADER.pack(episode, platform_s, delta_s, 0, 0, 0, flags)


_FLAGS_AT = 4 + _STREAM_HEADER.size + _SNAPSHOT_HEADER.size - 4


def snapshot_flags(message: bytes) -> int:
    """The flags of a snapshot's stream message."""
    return int.from_bytes(message[_FLAGS_AT : _FLAGS_AT + 4], "little")


def with_snapshot_flags(message: bytes, flags: int) -> bytes:
    """A snapshot's stream message with these flags as well."""
    merged = (snapshot_flags(message) | flags).to_bytes(4, "little")
    return message[:_FLAGS_AT] + merged + message[_FLAGS_AT + 4 :]


def vehicle_pedals(throttle: float, steer: float, brake: float, flags: tuple[bool, bool, bool]) -> bytes:
    """The first part of a vehicle's state; `flags` = hand brake, reverse, manual gear shift."""
    return _VEHICLE_PEDALS.pack(throttle, steer, brake, *flags)


def walker_state(direction: tuple[float, float, float], speed: float, jump: bool) -> bytes:
    """A walker's part of its record."""
    return _WALKER_STATE.pack(*direction, speed, jump)


FLOAT32_MAX = 3.4028234663852886e38

# ---- reading arguments -------------------------------------------------------------------------------------------


def number(value: object) -> float:
    """A finite float that the wire's 32 bits can hold. Raises BadArguments."""
    # Written so that it refuses NaN, and integers too long for math.isfinite.
    if not isinstance(value, (int, float)) or not -FLOAT32_MAX <= value <= FLOAT32_MAX:
        raise BadArguments(f"expected a finite number, got {reprlib.repr(value)}")
    return float(value)


def integer(value: object) -> int:
    """An int. Raises BadArguments."""
    if not isinstance(value, int):
        raise BadArguments(f"expected an integer, got {reprlib.repr(value)}")
    return int(value)


def text(value: object) -> str:
    """A str. Raises BadArguments."""
    if not isinstance(value, str):
        raise BadArguments(f"expected text, got {reprlib.repr(value)}")
    return value


def items(value: object, count: int | None = None) -> list[Any]:
    """A list, of `count` items if given. Raises BadArguments."""
    if not isinstance(value, (list, tuple)) or (count is not None and len(value) != count):
        raise BadArguments(f"expected a list{'' if count is None else f' of {count}'}, got {reprlib.repr(value)}")
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
