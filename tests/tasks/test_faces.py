"""The task's other faces: Gymnasium, TRL, and views for the warm start."""

from __future__ import annotations

import inspect
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from PIL import Image

import sim.tasks
from sim.client import SessionConfig
from sim.tasks import CameraConfig, EmergencyManeuver, InvalidTask, InvalidToolCall, TaskConfig
from sim.tasks.perception import perception_frames
from sim.tasks.tools import TOOLS, legal_values
from sim.tasks.trl_face import EmergencyManeuverTools

ID = "pilotage/EmergencyManeuver-v0"
SMALL = TaskConfig(camera=CameraConfig(width=64, height=32))


def test_gymnasiums_checker_has_no_complaint() -> None:
    env = gymnasium.make(ID, render_mode="rgb_array", task=SMALL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(env.unwrapped)
    finally:
        env.close()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vector_environments_step_and_reset_themselves(mode: str) -> None:
    envs = gymnasium.make_vec(ID, num_envs=2, vectorization_mode=mode, task=SMALL)
    try:
        observation, _ = envs.reset(seed=[5, 6])
        assert observation["image"].shape == (2, 32, 64, 3)
        ends = 0
        for _ in range(6):
            observation, reward, terminated, truncated, _ = envs.step(np.array([4, 0]))
            ends += int(terminated.sum() + truncated.sum())
            assert envs.observation_space.contains(observation)
            assert np.isfinite(reward).all()
        assert ends >= 2
    finally:
        envs.close()


def test_other_faces_and_wrong_actions_are_refused_in_words() -> None:
    with pytest.raises(InvalidTask, match="make_tool_env"):
        gymnasium.make(ID, face="tools")
    with pytest.raises(InvalidTask, match="maneuver"):
        gymnasium.make(ID, face="yoke")
    env = sim.tasks.gym_face.EmergencyManeuverEnv(SMALL)
    with pytest.raises(InvalidToolCall, match="0 to 10"):
        env.step(11)


def test_trl_sees_the_same_tools_as_the_protocol() -> None:
    """By the inspection that GRPOTrainer 1.16 does, and the schema that chat templates are given."""
    from transformers.utils import get_json_schema

    methods = {
        name: method
        for name, method in inspect.getmembers(EmergencyManeuverTools, predicate=inspect.isfunction)
        if not name.startswith("_") and name not in ("reset", "get_reward")
    }
    assert set(methods) == {tool.name for tool in TOOLS}
    tools = EmergencyManeuverTools(SMALL)
    for tool in TOOLS:
        schema = get_json_schema(getattr(tools, tool.name))["function"]
        assert schema["description"] == tool.description
        assert set(schema["parameters"].get("properties", {})) == set(tool.parameters["properties"])
        for name, given in schema["parameters"].get("properties", {}).items():
            ours = tool.parameters["properties"][name]
            assert given["description"] == ours["description"]
            assert tuple(given["enum"]) == legal_values(ours)


def test_trl_face_plays_an_episode_and_owns_its_reward() -> None:
    tools = EmergencyManeuverTools(SMALL)
    try:
        with pytest.raises(InvalidTask, match="seed"):
            tools.reset(prompt=[])
        first = tools.reset(seed=2, split="train", prompt=[])
        assert [block["type"] for block in first] == ["image", "text"]
        assert isinstance(first[0]["image"], Image.Image)
        wrong = tools.brake("hard")  # type: ignore[arg-type]
        assert "'light' or 'firm' or 'full'" in wrong[1]["text"]
        assert tools.get_reward() == 0.0
        tools.emergency_stop()
        reward = tools.get_reward()
        assert reward == pytest.approx(0.98)  # episode 2 is one to stop in
        assert "over: success" in tools.observe()[1]["text"]
        assert tools.get_reward() == reward
    finally:
        tools._close()


def test_perception_views_are_labelled_by_what_they_show(env: EmergencyManeuver) -> None:
    rng = np.random.default_rng(1)
    samples = [sample for seed in range(8) for sample in perception_frames(env, seed, 12, rng)]
    assert len(samples) == 96
    camera = env.config.camera
    assert all(frame.shape == (camera.height, camera.width, 3) for frame, _, _ in samples)
    assert {truth["ahead"] for _, truth, _ in samples} == {"clear", "person", "vehicle"}
    for side in ("left", "right"):
        assert {truth[side] for _, truth, _ in samples} == {"free", "blocked", "absent"}
    assert all("best" not in truth for _, truth, _ in samples)
    assert all(0.0 <= speed <= 65.0 for _, _, speed in samples)
    distances = [truth["distance_m"] for _, truth, _ in samples if truth["ahead"] != "clear"]
    assert min(distances) >= 0.0
    assert max(distances) <= 60.0
    assert len({frame.tobytes() for frame, _, _ in samples}) == 96
    with pytest.raises(sim.tasks.EpisodeOver):
        env.call(sim.tasks.ToolCall("observe"))


def test_perception_views_are_repeatable() -> None:
    env = EmergencyManeuver(SMALL, SessionConfig())
    try:
        runs = [list(perception_frames(env, 3, 4, np.random.default_rng(9))) for _ in range(2)]
    finally:
        env.close()
    for (a, truth_a, _), (b, truth_b, _) in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)
        assert truth_a == truth_b
