"""The recording file: a header block, then one block per recorded tick, each whole or not there at all.

    file     MAGIC, version (u16), blocks
    block    payload length (u32), CRC-32 of the payload (u32), payload
    header   msgpack [map, unix time, additional, seed, settings, weather]
    frame    number (u32, from 1), seconds since the first frame (f64), length of the tick (f64), then
             msgpack [births, deaths, collisions, weather or nil, operating system's time, physics controls,
             motions, vehicles, walkers, signals, lamps, times]

All numbers are little endian. `motions` to `times` are arrays of the record types below, as bytes; an actor is in them
only when something about it differs from the frame before (of a traffic light: when its clock did not just go on). A
file whose end is missing or damaged yields all frames before the damage: nothing after it is trusted.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgpack
import numpy as np

MAGIC = b"PILOTAGE RECORDING\n"
VERSION = 2
MAX_BLOCK_BYTES = 64 * 1024 * 1024
_VERSION = struct.Struct("<H")
_BLOCK = struct.Struct("<II")
_TIMES = struct.Struct("<Idd")

# Poses are exact (m, degrees), so that a replay shows the very same numbers; rates are velocity (m/s), angular
# velocity (deg/s) and acceleration (m/s^2) as precise as a snapshot shows them. What wheels and legs show: metres
# travelled, double steps made, pace (m/s), angle of the road wheels (rad).
MOTION = np.dtype([("id", "<u4"), ("pose", "<f8", (6,)), ("rates", "<f4", (9,)), ("gait", "<f8", (4,))])
VEHICLE = np.dtype(
    [
        ("id", "<u4"),
        *[(name, "<f4") for name in ("throttle", "steer", "brake")],
        *[(name, "u1") for name in ("hand_brake", "reverse", "manual")],
        *[("gear", "<i4"), ("lights", "<u4")],
    ]
)
WALKER = np.dtype([("id", "<u4"), ("direction", "<f4", (3,)), ("speed", "<f4"), ("jump", "u1")])
SIGNAL = np.dtype([("id", "<u4"), ("state", "u1"), ("frozen", "u1"), ("elapsed", "<f4")])
LAMP = np.dtype([("id", "<u4"), ("intensity", "<f4"), ("group", "u1"), ("color", "u1", (3,)), ("active", "u1")])
LIGHT_TIMES = np.dtype([("id", "<u4"), ("green", "<f4"), ("yellow", "<f4"), ("red", "<f4")])
TABLES = {
    "motions": MOTION,
    "vehicles": VEHICLE,
    "walkers": WALKER,
    "signals": SIGNAL,
    "lamps": LAMP,
    "times": LIGHT_TIMES,
}

OTHER, VEHICLES, WALKERS, LIGHTS = range(4)


class BadRecording(ValueError):
    """A file that is no recording, or one of another version."""


@dataclass(frozen=True)
class Header:
    """What a recording begins with. `unix_time` is when it was made; `additional` asks reports for more detail."""

    map_name: str
    unix_time: int
    additional: bool
    seed: int
    settings: list[Any]
    weather: tuple[float, ...]


@dataclass(frozen=True)
class Birth:
    """An actor's first appearance.

    kind         OTHER, VEHICLES, WALKERS or LIGHTS, as CARLA's reports number them
    description  wire form of the blueprint with all attributes
    pose         in the world
    mount        the pose with which it was attached to `parent`, of `attachment` type, at `socket`
    box          centre and half sizes (m) in the actor's frame
    """

    id: int
    kind: int
    description: list[Any]
    pose: tuple[float, ...]
    parent: int = 0
    mount: tuple[float, ...] | None = None
    attachment: int = 0
    socket: str = ""
    box: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))

    @property
    def type_id(self) -> str:
        return str(self.description[1])

    @property
    def attributes(self) -> dict[str, str]:
        return {str(name): str(value) for name, _, value in self.description[2]}

    @property
    def hero(self) -> bool:
        return self.attributes.get("role_name") == "hero"


@dataclass(frozen=True)
class Collision:
    """Two actors that touched in a frame; `second` 0 is the town."""

    number: int
    first: int
    second: int
    first_hero: bool = False
    second_hero: bool = False


@dataclass
class Frame:
    """One recorded tick.

    platform_s  the operating system's time, as snapshots tell it (s)
    physics     (vehicle, wire form of its physics control) of those that are new or were changed
    """

    number: int
    elapsed_s: float
    duration_s: float
    births: list[Birth] = field(default_factory=list)
    deaths: list[int] = field(default_factory=list)
    collisions: list[Collision] = field(default_factory=list)
    weather: tuple[float, ...] | None = None
    platform_s: float = 0.0
    physics: list[tuple[int, list[Any]]] = field(default_factory=list)
    motions: np.ndarray = field(default_factory=lambda: np.zeros(0, MOTION))
    vehicles: np.ndarray = field(default_factory=lambda: np.zeros(0, VEHICLE))
    walkers: np.ndarray = field(default_factory=lambda: np.zeros(0, WALKER))
    signals: np.ndarray = field(default_factory=lambda: np.zeros(0, SIGNAL))
    lamps: np.ndarray = field(default_factory=lambda: np.zeros(0, LAMP))
    times: np.ndarray = field(default_factory=lambda: np.zeros(0, LIGHT_TIMES))


def encode_frame(frame: Frame) -> bytes:
    """A frame's payload."""
    births = [
        [b.id, b.kind, b.description, b.pose, b.parent, b.mount, b.attachment, b.socket, b.box] for b in frame.births
    ]  # fmt: skip
    collisions = [[c.number, c.first, c.second, c.first_hero, c.second_hero] for c in frame.collisions]
    tables = [getattr(frame, name).tobytes() for name in TABLES]
    times = _TIMES.pack(frame.number, frame.elapsed_s, frame.duration_s)
    return times + msgpack.packb(
        [births, frame.deaths, collisions, frame.weather, frame.platform_s, frame.physics, *tables]
    )


def decode_frame(payload: bytes) -> Frame:
    """The inverse of `encode_frame`. Raises BadRecording."""
    try:
        number, elapsed, duration = _TIMES.unpack_from(payload)
        births, deaths, collisions, weather, platform, physics, *tables = _unpack(
            payload[_TIMES.size :], 6 + len(TABLES)
        )
        frame = Frame(
            number, elapsed, duration, [_birth(entry) for entry in births], [_id(entry) for entry in deaths],
            [_collision(entry) for entry in collisions], None if weather is None else _floats(weather, 14),
            float(platform), [(_id(vehicle), _physics(control)) for vehicle, control in physics],
        )  # fmt: skip
        for (name, kind), data in zip(TABLES.items(), tables, strict=True):
            setattr(frame, name, np.frombuffer(data, kind))
    except (struct.error, TypeError, ValueError) as error:
        raise BadRecording(f"damaged frame: {error}") from error
    numbers = (frame.motions["pose"], frame.motions["rates"], frame.motions["gait"], np.array([elapsed, duration]))
    if not all(np.isfinite(values).all() for values in numbers) or duration < 0.0:
        raise BadRecording("damaged frame: numbers that are not finite")
    return frame


def encode_header(header: Header) -> bytes:
    """A header's payload."""
    return bytes(
        msgpack.packb(
            [header.map_name, header.unix_time, header.additional, header.seed, header.settings, header.weather]
        )
    )


def decode_header(payload: bytes) -> Header:
    """The inverse of `encode_header`. Raises BadRecording."""
    try:
        name, unix_time, additional, seed, settings, weather = _unpack(payload, 6)
        if not isinstance(name, str) or not isinstance(settings, list):
            raise ValueError("wrong types")
        return Header(name, int(unix_time), bool(additional), int(seed), settings, _floats(weather, 14))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRecording(f"damaged header: {error}") from error


def block(payload: bytes) -> bytes:
    """A payload with its length and checksum in front."""
    if len(payload) > MAX_BLOCK_BYTES:
        raise BadRecording(f"a block of {len(payload)} bytes is too large")
    return _BLOCK.pack(len(payload), zlib.crc32(payload)) + payload


def preamble() -> bytes:
    """What every recording file begins with."""
    return MAGIC + _VERSION.pack(VERSION)


class Reader:
    """Reads a recording from its beginning. Raises BadRecording for what is no recording, OSError when there is none.

    truncated   after the last frame: whether the file ends in the middle of a block or in a damaged one
    """

    def __init__(self, path: Path) -> None:
        self.truncated = False
        self._file: BinaryIO = path.open("rb")
        try:
            begin = self._file.read(len(MAGIC) + _VERSION.size)
            if begin[: len(MAGIC)] != MAGIC or len(begin) < len(MAGIC) + _VERSION.size:
                raise BadRecording("it does not begin as one")
            (version,) = _VERSION.unpack(begin[len(MAGIC) :])
            if version != VERSION:
                raise BadRecording(f"it has format version {version}, this server reads version {VERSION}")
            payload = self._payload()
            if payload is None:
                raise BadRecording("its header is damaged")
            self.header = decode_header(payload)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def frame(self) -> Frame | None:
        """The next frame, or None at the end of what is whole."""
        if self.truncated:
            return None
        payload = self._payload()
        if payload is None:
            return None
        try:
            return decode_frame(payload)
        except BadRecording:
            self.truncated = True
            return None

    def frames(self) -> Iterator[Frame]:
        """All frames from here on."""
        while (frame := self.frame()) is not None:
            yield frame

    def last_time(self) -> float:
        """Seconds at which the last whole frame was recorded, from the beginning; the reading position stays."""
        here = self._file.tell()
        size = os.fstat(self._file.fileno()).st_size
        elapsed = 0.0
        while True:
            head = self._file.read(_BLOCK.size + _TIMES.size)
            if len(head) < _BLOCK.size + _TIMES.size:
                break
            length, _ = _BLOCK.unpack_from(head)
            after = self._file.tell() - _TIMES.size + length
            if not _TIMES.size <= length <= MAX_BLOCK_BYTES or after > size:
                break
            elapsed = float(_TIMES.unpack_from(head, _BLOCK.size)[1])
            self._file.seek(after)
        self._file.seek(here)
        return elapsed

    def _payload(self) -> bytes | None:
        head = self._file.read(_BLOCK.size)
        if not head:
            return None
        self.truncated = True
        if len(head) < _BLOCK.size:
            return None
        length, checksum = _BLOCK.unpack(head)
        if length > MAX_BLOCK_BYTES:
            return None
        payload = self._file.read(length)
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return None
        self.truncated = False
        return payload


def _unpack(data: bytes, count: int) -> list[Any]:
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True, max_ext_len=0, max_map_len=0)
    except (msgpack.UnpackException, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not msgpack ({type(error).__name__})") from error
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f"not a list of {count}")
    return value


def _id(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise ValueError(f"not an id: {value!r:.40}")
    return value


def _floats(value: object, count: int) -> tuple[float, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != count:
        raise ValueError(f"not {count} numbers")
    numbers = tuple(float(number) for number in value)
    if not np.isfinite(numbers).all():
        raise ValueError("a number that is not finite")
    return numbers


def _birth(value: list[Any]) -> Birth:
    actor, kind, description, pose, parent, mount, attachment, socket, (center, extent) = value
    uid, type_id, attributes = description
    if not isinstance(uid, int) or not isinstance(type_id, str) or not 0 <= int(kind) <= LIGHTS:
        raise ValueError("not an actor's description")
    for name, kind_of_value, text in attributes:
        if not isinstance(name, str) or not isinstance(text, str) or not isinstance(kind_of_value, int):
            raise ValueError("not an attribute")
    return Birth(
        _id(actor), int(kind), description, _floats(pose, 6), _id(parent),
        None if mount is None else _floats(mount, 6), _id(attachment), str(socket),
        (_floats(center, 3), _floats(extent, 3)),
    )  # fmt: skip


def _physics(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) != 17:
        raise ValueError("not a physics control")
    curve, *numbers, gears, mass, drag, center, steering, wheels, _ = value
    for number in (*numbers, mass, drag, *center):
        float(number)
    for rows, width in ((curve, 2), (gears, 3), (steering, 2)):
        for row in rows:
            _floats(row, width)
    for wheel in wheels:
        _floats(wheel[:9], 9)
        _floats(wheel[9], 3)
    return value


def _collision(value: list[Any]) -> Collision:
    number, first, second, first_hero, second_hero = value
    return Collision(_id(number), _id(first), _id(second), bool(first_hero), bool(second_hero))
