"""Files are whole or absent, and episodes come back bit for bit."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from policy.interface import Decision
from rollouts.episode import Episode, EpisodeTurn, Job
from rollouts.storage import StorageError, list_episodes, load_episode, save_episode, write_atomic
from sim.errors import PilotageError
from sim.tasks.protocol import ToolCall


def _frame(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def _made(name: str = "before/test:7-0") -> Episode:
    rng = np.random.default_rng(1)
    logprobs = np.log(rng.random(5)).astype(np.float32)
    logprobs[1], logprobs[2] = 0.0, -np.inf
    first = Decision(
        name, 0, ToolCall("lane_change", {"direction": "left"}), None, "<call>lane_change…", (2, 5, 258880),
        (9, 8, 7, 6, 5), logprobs, 0.125, 3,
    )  # fmt: skip
    second = Decision(name, 1, None, error="no call in 'bla\ud800'")
    info = {"outcome": None, "ego": {"x": 0.1 + 0.2, "yaw": -179.99999}, "privileged": {"distance_m": 1e-17}}
    return Episode(
        name,
        Job(7, 2, {"split": "test"}),
        (
            EpisodeTurn("Speed 40 km/h.", _frame(1), first, -0.02, info),
            EpisodeTurn("Ä 'quoted' line\n", _frame(2), second, -1.02, {**info, "outcome": "collision"}),
        ),
        info,
        "collision",
        False,
        -1.04,
        _frame(3),
        1.5,
        2,
        {"versions": {"carla": "0.9.16"}, "list": [1, 2.5, None, True]},
    )


def _assert_same(one: object, two: object) -> None:
    assert type(one) is type(two)
    if isinstance(one, np.ndarray):
        assert isinstance(two, np.ndarray)
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            _assert_same(getattr(one, field.name), getattr(two, field.name))
    elif isinstance(one, tuple):
        assert isinstance(two, tuple)
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            _assert_same(a, b)
    else:
        assert one == two


def test_an_episode_comes_back_bit_for_bit(tmp_path: Path) -> None:
    episode = _made()
    path = save_episode(episode, tmp_path / "deep" / "folder")
    _assert_same(load_episode(path), episode)
    assert path.parent == tmp_path / "deep" / "folder"
    assert list_episodes(path.parent) == [path]
    assert os.listdir(path.parent) == [path.name]
    first = path.read_bytes()
    save_episode(episode, path.parent)
    assert path.read_bytes() == first


def test_ids_never_collide_or_leave_the_folder(tmp_path: Path) -> None:
    paths = {save_episode(_made(name), tmp_path) for name in ("a/b", "a%2Fb", "a:b", "../up", "a b")}
    assert len(paths) == 5
    assert {path.parent for path in paths} == {tmp_path}
    assert {load_episode(path).id for path in list_episodes(tmp_path)} == {"a/b", "a%2Fb", "a:b", "../up", "a b"}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_file_is_a_typed_error(tmp_path: Path, share: float) -> None:
    path = save_episode(_made(), tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(StorageError, match="no whole episode"):
        load_episode(path)


def test_flipped_bytes_are_never_read_as_data(tmp_path: Path) -> None:
    episode = _made()
    path = save_episode(episode, tmp_path)
    data = path.read_bytes()
    for at in np.linspace(0, len(data) - 1, 60).astype(int):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            loaded = load_episode(path)
        except StorageError:
            continue
        # Dates and the like are nobody's data.
        _assert_same(loaded, episode)


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere.episode.zip.*check that the path exists"):
        load_episode(tmp_path / "nowhere.episode.zip")
    with pytest.raises(StorageError, match="none"):
        list_episodes(tmp_path / "none")


def test_data_that_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    episode = dataclasses.replace(_made(), provenance={"array": np.zeros(2)})
    with pytest.raises(StorageError, match="plain"):
        save_episode(episode, tmp_path)
    with pytest.raises(StorageError, match="RGB uint8"):
        save_episode(dataclasses.replace(_made(), final_frame=np.zeros((4, 4, 3), np.float32)), tmp_path)
    assert list_episodes(tmp_path) == []
    assert issubclass(StorageError, PilotageError)


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    write_atomic(path, "old ü")
    assert path.read_text() == "old ü"

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"metrics\.json: No space left.*free some disk space"):
        write_atomic(path, b"new")
    assert path.read_text() == "old ü"
    assert os.listdir(tmp_path) == ["metrics.json"]


def test_a_file_in_the_way_is_a_typed_error(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", "x")
    with pytest.raises(StorageError, match="file"):
        write_atomic(tmp_path / "file" / "below", "x")
