"""Episodes of the real task driven again, drawn from above and filmed; the film is decoded back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from policy.experts import ExpertPolicy, RandomPolicy
from policy.interface import Decision, Policy, Turn
from rollouts import birdseye
from rollouts.birdseye import draw_birdseye
from rollouts.episode import Episode, EpisodeTurn, Job
from rollouts.replay import (
    CARD_S,
    HOLD_S,
    STILL_BYTES,
    Clip,
    ReplayError,
    pick_seeds,
    render_replay,
    replay_still,
    resimulate,
    resimulate_all,
)
from rollouts.storage import load_episode, save_episode
from rollouts.video import VideoError, write_h264
from sim.client import SessionConfig
from sim.tasks import RecordConfig, RecordedFrame, TaskConfig, ToolCall, ToolEnv, make_tool_env

# A camera of the film's proportions, but quick to render.
TASK = TaskConfig(record=RecordConfig(width=320, height=180))
SEEDS = (1000, 1002)


def _play(env: ToolEnv, policy: Policy, seed: int) -> Episode:
    name, options = f"{policy.name}-{seed}", {"split": "test"}
    response, info = env.reset(seed=seed, options=options)
    info0, turns = info, []
    while info["outcome"] is None:
        text, frame = response.text, response.frame
        turn = Turn(name, len(turns), text, frame, env.system_prompt, env.tools, info["privileged"], seed + len(turns))
        decision = policy.decide([turn])[0]
        assert decision.call is not None
        result = env.call(decision.call)
        turns.append(EpisodeTurn(text, frame, decision, result.reward, result.info))
        response, info = result.response, result.info
    total = sum(turn.reward for turn in turns)
    return Episode(
        name, Job(seed, 0, options), tuple(turns), info0, info["outcome"], info["success"], total, response.frame, 0.1
    )


@pytest.fixture(scope="module")
def played() -> dict[str, list[Episode]]:
    env = make_tool_env(TaskConfig(), SessionConfig())
    try:
        return {
            "random": [_play(env, RandomPolicy(), seed) for seed in SEEDS],
            "expert": [_play(env, ExpertPolicy(), seed) for seed in SEEDS],
        }
    finally:
        env.close()


@pytest.fixture(scope="module")
def clips(played: dict[str, list[Episode]]) -> dict[str, list[Clip]]:
    made = resimulate_all(TASK, SessionConfig(), played["random"] + played["expert"])
    return {"random": made[: len(SEEDS)], "expert": made[len(SEEDS) :]}


def test_a_stored_episode_is_the_played_one(played: dict[str, list[Episode]], tmp_path: Path) -> None:
    episode = played["random"][0]
    loaded = load_episode(save_episode(episode, tmp_path))
    assert loaded.info0 == episode.info0
    for one, two in zip(loaded.turns, episode.turns, strict=True):
        assert dataclasses.replace(one, frame=None) == dataclasses.replace(two, frame=None)  # type: ignore[arg-type]
        np.testing.assert_array_equal(one.frame, two.frame)


def test_driving_again_ends_the_same(played: dict[str, list[Episode]], clips: dict[str, list[Clip]]) -> None:
    for name in played:
        for episode, clip in zip(played[name], clips[name], strict=True):
            assert clip.diverged is None
            assert (clip.outcome, clip.seed, len(clip.calls)) == (episode.outcome, episode.job.seed, len(episode.turns))
            assert clip.rewards[-1] == pytest.approx(episode.episode_return)
            assert clip.frames[0].frame.shape == (180, 320, 3)
            assert clip.seconds == pytest.approx(episode.turns[-1].info["time_s"], abs=0.15)


def test_another_past_is_flagged(played: dict[str, list[Episode]]) -> None:
    episode = played["random"][0]
    turns = list(episode.turns)
    turns[-1] = dataclasses.replace(turns[-1], info={**turns[-1].info, "outcome": "road_departure"})
    changed = dataclasses.replace(episode, turns=tuple(turns), outcome="road_departure")
    clip = resimulate(TASK, SessionConfig(), changed)
    assert clip.outcome == episode.outcome
    assert clip.diverged is not None
    assert "road_departure then" in clip.diverged


def test_the_film_has_both_columns(clips: dict[str, list[Clip]], tmp_path: Path) -> None:
    path, fps, speed = tmp_path / "replay.mp4", 10, 1.0
    columns = [("before <RL>", clips["random"]), ("after RL", clips["expert"])]
    count = render_replay(path, columns, fps=fps, speed=speed)
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.width % 2 == stream.height % 2 == 0
        assert stream.average_rate == fps
        images = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    longest = [max(a.seconds, b.seconds) for a, b in zip(*clips.values(), strict=True)]
    expected = sum(round(CARD_S * fps) + int(np.ceil(s * fps - 1e-6)) + 1 + round(HOLD_S * fps) for s in longest)
    assert len(images) == count == expected
    data = path.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    end = images[-1].astype(int)
    half = end.shape[1] // 2
    assert np.abs(end[:, : half - 4] - end[:, half + 4 :]).mean() > 5.0
    # The held end does not move.
    assert np.abs(end - images[-10]).mean() < 1.0


def test_a_still_is_small_and_the_rule_is_about_scenes(
    played: dict[str, list[Episode]], clips: dict[str, list[Clip]], tmp_path: Path
) -> None:
    path = tmp_path / "still.png"
    replay_still(path, [("before", clips["random"]), ("after", clips["expert"])], row=1)
    assert path.stat().st_size < STILL_BYTES
    with Image.open(path) as picture:
        assert picture.width > 1000


def test_seeds_are_picked_by_scene_and_not_by_outcome() -> None:
    def made(seed: int, kind: str, success: bool) -> Episode:
        scene = {"scenario": {"kind": kind}}
        return Episode(str(seed), Job(seed), (), scene, "", success, 0.0, np.zeros((2, 2, 3), np.uint8), 0.0)

    kinds = {1: "clear", 2: "stop", 3: "stop", 4: "near_left", 5: "stop", 6: "near_left"}
    for success in (True, False):
        before = [made(seed, kind, success) for seed, kind in kinds.items()]
        after = [made(seed, kind, not success) for seed, kind in kinds.items() if seed != 2]
        assert pick_seeds(before, after, 3) == [3, 4, 5]
        assert pick_seeds(before, after, 10) == [3, 4, 5, 6, 1]


def test_columns_that_do_not_match_are_refused(clips: dict[str, list[Clip]], tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"column 'b' shows the seeds \[1002, 1000\]"):
        render_replay(tmp_path / "x.mp4", [("a", clips["random"]), ("b", clips["expert"][::-1])])
    with pytest.raises(ReplayError, match="at least one clip"):
        render_replay(tmp_path / "x.mp4", [("a", [])])
    with pytest.raises(ReplayError, match="row 5"):
        replay_still(tmp_path / "x.png", [("a", clips["random"])], row=5)
    with pytest.raises(VideoError, match="no frames"):
        write_h264(tmp_path / "x.mp4", [], 10)
    sizes = [np.zeros((32, 32, 3), np.uint8), np.zeros((32, 34, 3), np.uint8)]
    with pytest.raises(VideoError, match="frame 1"):
        write_h264(tmp_path / "x.mp4", sizes, 10)
    assert not list(tmp_path.iterdir())


def _where(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    rows, columns = np.nonzero((np.abs(image.astype(int) - color) < 12).all(axis=2))
    return np.array([columns.mean(), rows.mean()])


def _seen(place: Callable[[float, float], tuple[float, float]], yaw: float) -> np.ndarray:
    """A view of a person 20 m ahead and 5 m to the right, a vehicle 20 m ahead and 5 m to the left."""
    person, vehicle = place(20.0, 5.0), place(20.0, -5.0)
    ego = {"x": 100.0, "y": -50.0, "z": 0.0, "yaw": yaw, "speed_kmh": 30.0, "extent": [2.3, 0.95]}
    actors = [
        {"id": "p", "type": "person", "x": person[0], "y": person[1], "yaw": 0.0, "extent": [0.3, 0.3]},
        {"id": "v", "type": "vehicle", "x": vehicle[0], "y": vehicle[1], "yaw": yaw, "extent": [2.3, 0.95]},
    ]
    frame = RecordedFrame(0.0, -1, np.zeros((2, 2, 3), np.uint8), ego, actors)
    return draw_birdseye(frame, [], 300, 300, metres=60.0)


@pytest.mark.parametrize("yaw", [0.0, 90.0, -147.0])
def test_the_view_turns_with_the_ego(yaw: float) -> None:
    turn = np.radians(yaw)
    image = _seen(
        lambda ahead, right: (
            100.0 + ahead * np.cos(turn) - right * np.sin(turn),
            -50.0 + ahead * np.sin(turn) + right * np.cos(turn),
        ),
        yaw,
    )
    centre = np.array([150.0, birdseye.EGO_DOWN * 300])
    scale = 300 / 60.0
    np.testing.assert_allclose(_where(image, birdseye.PERSON), centre + scale * np.array([5, -20]), atol=1.0)
    np.testing.assert_allclose(_where(image, birdseye.VEHICLE), centre + scale * np.array([-5, -20]), atol=1.0)
    np.testing.assert_allclose(_where(image, birdseye.EGO), centre, atol=3.0)


def test_unreadable_turns_are_passed_over(played: dict[str, list[Episode]]) -> None:
    episode = played["expert"][0]
    mute = Decision(episode.id, 0, None, error="no call")
    first = dataclasses.replace(episode.turns[0], decision=mute, reward=-0.02, info=episode.info0)
    illegal = dataclasses.replace(first, decision=Decision(episode.id, 1, ToolCall("fly")))
    changed = dataclasses.replace(episode, turns=(first, illegal, *episode.turns))
    clip = resimulate(TASK, SessionConfig(), changed)
    assert clip.diverged is None
    assert len(clip.calls) == len(episode.turns)
    assert clip.rewards[-1] == pytest.approx(episode.episode_return - 0.04)
