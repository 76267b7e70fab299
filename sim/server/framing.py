"""Requests out of a byte stream: msgpack-rpc objects back to back, from clients that may be hostile.

Memory is bounded before anything is built: a request's bytes are collected and skipped over first, and only a whole
request becomes Python objects. Those may take sixty times its size, so an ordinary request is kept small. One that is
little else than a single text (a map) may be large, and a texture, which is a list per pixel, of middling size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack

from sim.server.errors import MalformedPacket

MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_TEXTURE_BYTES = 16 * 1024 * 1024  # 1024 x 1024 pixels of four bytes
MAX_TEXT_BYTES = 64 * 1024 * 1024
_TEXTURES = ("apply_color_texture_to_objects", "apply_float_color_texture_to_objects")
_BUFFER_BYTES = 4096  # to begin with; msgpack would take a megabyte
_HEAD_BYTES = 512  # enough for a request's id, name and metadata
_STR32 = 0xDB


class Request(NamedTuple):
    """One msgpack-rpc request: `params` without the metadata element; `is_async`: nobody reads the answer."""

    message_id: int
    name: str
    params: list[Any]
    is_async: bool


class RequestReader:
    """Splits a byte stream into requests: `feed` bytes, then take requests with `next_request`."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._renew()

    def _renew(self) -> None:
        self._skipper = msgpack.Unpacker(
            read_size=_BUFFER_BYTES, max_buffer_size=MAX_TEXT_BYTES + 2 * MAX_REQUEST_BYTES
        )
        self._skipper.feed(self._bytes)
        self._builder = msgpack.Unpacker(
            raw=False,
            strict_map_key=True,
            read_size=_BUFFER_BYTES,
            max_buffer_size=MAX_TEXT_BYTES + MAX_REQUEST_BYTES,
        )
        self._start = 0  # where in the skipper's stream `_bytes` begins
        self._limit = MAX_REQUEST_BYTES

    @property
    def pending(self) -> int:
        """Bytes that belong to no finished request yet, or to one that was not taken yet."""
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Add received bytes. Raises MalformedPacket when more are waiting than any request may have."""
        self._bytes += data
        try:
            self._skipper.feed(data)
        except msgpack.BufferFull as error:
            raise MalformedPacket("longer than any request may be") from error

    def next_request(self) -> Request | None:
        """The next whole request, or None. Raises MalformedPacket on anything else than msgpack-rpc requests."""
        if not self._bytes:
            return None
        try:
            self._skipper.skip()
        except msgpack.OutOfData:
            self._check_size(len(self._bytes))
            return None
        except (msgpack.UnpackException, ValueError) as error:
            raise MalformedPacket(f"not msgpack: {type(error).__name__}") from error
        end = self._skipper.tell()
        size = end - self._start
        self._check_size(size)
        with memoryview(self._bytes) as view:
            message = bytes(view[:size])
        del self._bytes[:size]
        self._start, self._limit = end, MAX_REQUEST_BYTES
        try:
            self._builder.feed(message)
            built = self._builder.unpack()
            if size > MAX_REQUEST_BYTES:
                self._renew()  # both keep a buffer as large as the largest request so far
            return _request(built)
        except MalformedPacket:
            raise
        except (msgpack.UnpackException, ValueError, TypeError, RecursionError, MemoryError) as error:
            raise MalformedPacket(f"not msgpack: {type(error).__name__}") from error

    def _check_size(self, size: int) -> None:
        if size > self._limit == MAX_REQUEST_BYTES:
            self._limit = _limit(bytes(self._bytes[:_HEAD_BYTES]))
        if size > self._limit:
            raise MalformedPacket(f"a request of {size} bytes or more; at most {self._limit} are taken")


def _limit(head: bytes) -> int:
    """How large (bytes) the request that begins like this may be."""
    reader = msgpack.Unpacker(raw=False, max_str_len=_HEAD_BYTES, max_array_len=16)
    reader.feed(head)
    try:
        if reader.read_array_header() != 4:
            return MAX_REQUEST_BYTES
        _, _, name = (reader.unpack() for _ in range(3))
        if name in _TEXTURES:
            return MAX_TEXTURE_BYTES
        reader.read_array_header()
        reader.unpack()
    except (msgpack.UnpackException, ValueError, TypeError):
        return MAX_REQUEST_BYTES
    at = reader.tell()
    if head[at : at + 1] != bytes([_STR32]):
        return MAX_REQUEST_BYTES
    return MAX_REQUEST_BYTES + min(MAX_TEXT_BYTES, int.from_bytes(head[at + 1 : at + 5], "big"))


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
