"""Bytes become requests, and no stream of bytes takes more memory than one request may."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.server.errors import MalformedPacket
from sim.server.framing import MAX_REQUEST_BYTES, MAX_TEXT_BYTES, Request, RequestReader


def packed(*arguments: object, name: str = "version", number: int = 5) -> bytes:
    return msgpack.packb([0, number, name, [[False], *arguments]])


def requests(data: bytes, size: int = 1 << 18) -> list[Request]:
    reader, found = RequestReader(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (request := reader.next_request()) is not None:
            found.append(request)
    return found


def test_a_large_text_is_taken_whatever_comes_behind_it():
    text = "<OpenDRIVE/>" + " " * (9 << 20)
    first, second = requests(packed(text, [0.5] * 7, name="copy_opendrive_to_file") + packed(number=6))
    assert first.params == [text, [0.5] * 7]
    assert (second.message_id, second.params) == (6, [])


def test_a_texture_of_a_million_pixels_is_taken():
    texture = [1024, 1024, [[200, 200, 200, 255]] * 2**20]
    [request] = requests(packed(["Object"], 0, texture, name="apply_color_texture_to_objects"))
    assert len(request.params[2][2]) == 2**20


@pytest.mark.parametrize(
    "argument",
    [
        [[]] * (MAX_REQUEST_BYTES + 10),
        list(range(MAX_REQUEST_BYTES)),
        b"x" * (MAX_REQUEST_BYTES + 10),
        [["x" * MAX_REQUEST_BYTES]],
    ],
    ids=["empty lists", "numbers", "bytes", "a nested text"],
)
def test_anything_else_that_is_large_is_refused_before_it_is_built(argument):
    data = packed(argument)
    with pytest.raises(MalformedPacket, match="bytes or more"):
        requests(data)
    with pytest.raises(MalformedPacket, match="bytes or more"):
        requests(data[: MAX_REQUEST_BYTES + 100_000])  # and before it is complete


def test_a_text_cannot_claim_more_than_the_largest_map():
    head = b"\x94\x00\x01\xa1a\x92\x91\xc2\xdb\xff\xff\xff\xff"
    reader = RequestReader()
    reader.feed(head)

    def pour() -> None:
        for _ in range(2 * MAX_TEXT_BYTES >> 20):
            reader.feed(b"x" * (1 << 20))
            assert reader.next_request() is None

    with pytest.raises(MalformedPacket):
        pour()
    assert reader.pending <= MAX_TEXT_BYTES + 3 * MAX_REQUEST_BYTES


@given(st.binary(max_size=400), st.integers(1, 50))
def test_garbage_is_refused_or_waited_on_and_nothing_else_happens(data, size):
    try:
        for request in requests(data, size):
            assert isinstance(request, Request)
    except MalformedPacket:
        pass


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5), st.data())
def test_a_cut_request_is_waited_for_and_those_before_it_are_read(numbers, data):
    whole = [packed("a", [1.5, True], number=number) for number in numbers]
    cut = data.draw(st.integers(0, len(whole[-1]) - 1))
    found = requests(b"".join(whole[:-1]) + whole[-1][:cut])
    assert [request.message_id for request in found] == numbers[:-1]


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_changed_byte_never_gives_anything_but_requests_or_a_refusal(at, value):
    data = bytearray(packed([1, 2.5, "x", b"y", None, {"k": [True]}]) + packed(number=6))
    data[at % len(data)] = value
    try:
        found = requests(bytes(data))
    except MalformedPacket:
        return
    assert all(isinstance(request.name, str) and isinstance(request.params, list) for request in found)
