"""The recording file: what goes in comes out, and nothing but whole frames ever comes out of a damaged file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.server.errors import CallError
from sim.server.recorder import format as recorded
from sim.server.recorder import reports
from sim.server.recorder.folder import locate
from sim.server.recorder.format import BadRecording, Birth, Collision, Frame, Header, Reader

IDS = st.integers(0, 2**32 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SMALL = st.floats(-1e6, 1e6, width=32)
POSES = st.tuples(*[FINITE] * 6)
HEADER = Header("Pilotage01", 1_700_000_000, True, 7, [True, False], tuple(map(float, range(14))))
MODEST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def births(draw):
    attributes = draw(st.lists(st.tuples(st.text(max_size=9), st.integers(1, 5), st.text(max_size=9)), max_size=4))
    description = [draw(IDS), draw(st.text(max_size=20)), [list(entry) for entry in attributes]]
    box = (draw(st.tuples(FINITE, FINITE, FINITE)), draw(st.tuples(FINITE, FINITE, FINITE)))
    return Birth(
        draw(IDS),
        draw(st.integers(0, 3)),
        description,
        draw(POSES),
        draw(IDS),
        draw(st.none() | POSES),
        draw(IDS),
        draw(st.text(max_size=9)),
        box,
    )


@st.composite
def physics(draw):
    pairs, triples = st.lists(st.lists(FINITE, min_size=2, max_size=2), max_size=3), [FINITE] * 3
    gears = st.lists(st.tuples(*triples).map(list), max_size=3)
    wheel = st.tuples(*[FINITE] * 9, st.tuples(*triples).map(list)).map(list)
    numbers = [draw(FINITE) for _ in range(8)]
    return [
        draw(pairs), *numbers[:5], draw(st.booleans()), *numbers[5:], draw(gears), draw(FINITE), draw(FINITE),
        [draw(FINITE) for _ in range(3)], draw(pairs), draw(st.lists(wheel, max_size=4)), draw(st.booleans()),
    ]  # fmt: skip


@st.composite
def frames(draw, number: int | None = None):
    rows = draw(st.lists(st.tuples(IDS, POSES, st.tuples(*[SMALL] * 9), st.tuples(*[FINITE] * 4)), max_size=4))
    controls = st.tuples(IDS, SMALL, SMALL, SMALL, *[st.integers(0, 1)] * 3, st.integers(-1, 8), IDS)
    return Frame(
        draw(IDS) if number is None else number, draw(st.floats(0.0, 1e6)), draw(st.floats(0.0, 1.0)),
        draw(st.lists(births(), max_size=3)), draw(st.lists(IDS, max_size=3)),
        [Collision(*c) for c in draw(st.lists(st.tuples(IDS, IDS, IDS, st.booleans(), st.booleans()), max_size=3))],
        draw(st.none() | st.tuples(*[FINITE] * 14)), draw(FINITE),
        draw(st.lists(st.tuples(IDS, physics()), max_size=2)),
        np.array(rows, recorded.MOTION),
        np.array(draw(st.lists(controls, max_size=3)), recorded.VEHICLE),
    )  # fmt: skip


def same(first: Frame, second: Frame) -> bool:
    plain = ("number", "elapsed_s", "duration_s", "births", "deaths", "collisions", "weather", "platform_s", "physics")
    return all(getattr(first, name) == getattr(second, name) for name in plain) and all(
        getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in recorded.TABLES
    )


def file_of(entries: list[Frame]) -> tuple[bytes, list[int]]:
    """A file's bytes, and where each of its frames ends."""
    data = recorded.preamble() + recorded.block(recorded.encode_header(HEADER))
    ends = []
    for frame in entries:
        data += recorded.block(recorded.encode_frame(frame))
        ends.append(len(data))
    return data, ends


def read(path: Path) -> tuple[list[Frame], bool]:
    with Reader(path) as reader:
        assert reader.header == HEADER
        return list(reader.frames()), reader.truncated


@MODEST
@given(frames())
def test_a_frame_survives_the_file(tmp_path, frame):
    path = tmp_path / "one.log"
    path.write_bytes(file_of([frame])[0])
    (back,), truncated = read(path)
    assert same(back, frame)
    assert not truncated


@MODEST
@given(st.lists(frames(), min_size=1, max_size=4), st.floats(0.0, 1.0))
def test_a_file_that_is_cut_anywhere_yields_the_frames_before_the_cut(tmp_path, entries, where):
    data, ends = file_of(entries)
    begin = len(file_of([])[0])
    cut = begin + math.floor(where * (len(data) - begin))
    path = tmp_path / "cut.log"
    path.write_bytes(data[:cut])
    got, truncated = read(path)
    whole = sum(end <= cut for end in ends)
    assert len(got) == whole
    assert all(same(a, b) for a, b in zip(got, entries))
    assert truncated == (cut not in (begin, *ends))


@MODEST
@given(st.lists(frames(), min_size=2, max_size=4), st.data())
def test_a_flipped_bit_never_yields_anything_but_whole_frames(tmp_path, entries, data):
    content, _ = file_of(entries)
    begin = len(file_of([])[0])
    at, bit = data.draw(st.integers(begin, len(content) - 1)), data.draw(st.integers(0, 7))
    damaged = bytearray(content)
    damaged[at] ^= 1 << bit
    path = tmp_path / "bit.log"
    path.write_bytes(bytes(damaged))
    got, truncated = read(path)
    assert truncated
    assert len(got) < len(entries)
    assert all(same(a, b) for a, b in zip(got, entries))


@MODEST
@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_hostile_bytes_are_refused_and_reported_never_raised(tmp_path, noise, begins_well, checksum_fits):
    data = noise
    if begins_well:
        data = file_of([])[0] + (recorded.block(noise) if checksum_fits else noise)
    path = tmp_path / "noise.log"
    path.write_bytes(data)
    try:
        with Reader(path) as reader:
            assert all(isinstance(frame, Frame) for frame in reader.frames())
            reader.last_time()
    except BadRecording:
        pass
    for text in (reports.file_info(path, True), reports.collisions(path, "a", "a"), reports.blocked(path, 0.0, 1.0)):
        assert isinstance(text, str)


@MODEST
@given(st.lists(frames(), max_size=4))
def test_reports_of_any_recording_can_be_written(tmp_path, entries):
    path = tmp_path / "any.log"
    path.write_bytes(file_of(entries)[0])
    assert f"Frames: {entries[-1].number if entries else 0}" in reports.file_info(path, True)
    reports.collisions(path, "v", "a")
    reports.blocked(path, 0.0, 100.0)


def test_a_length_that_lies_allocates_nothing(tmp_path):
    path = tmp_path / "huge.log"
    path.write_bytes(file_of([])[0] + b"\xff\xff\xff\xff" + b"\0" * 100)
    assert read(path) == ([], True)


def test_a_later_version_is_refused_by_number(tmp_path):
    path = tmp_path / "later.log"
    path.write_bytes(recorded.MAGIC + b"\x63\x00" + b"\0" * 30)
    with pytest.raises(BadRecording, match="version 99"):
        Reader(path)


@MODEST
@given(st.text(max_size=60) | st.lists(st.sampled_from(["..", ".", "a", "/", "\\", ":", "\0", "~"])).map("".join))
def test_no_name_leaves_the_folder(tmp_path, name):
    folder = tmp_path / "recordings"
    try:
        path = locate(folder, name)
    except CallError:
        return
    assert path.is_relative_to(folder.resolve())
    assert path != folder.resolve()
