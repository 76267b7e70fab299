"""The task end to end on the embedded server: truth, physics, determinism, rewards, failures."""

from __future__ import annotations

import json
import math
import os
import signal
import time

import carla
import numpy as np
import pytest

from sim.client import ServerDied, SessionConfig
from sim.scenarios.draw import NEAR_SWERVE, stop_distance, swerve_distance
from sim.tasks import (
    CameraConfig,
    EmergencyManeuver,
    EpisodeOver,
    InvalidTask,
    InvalidToolCall,
    RecordConfig,
    TaskConfig,
    ToolCall,
    make_tool_env,
)
from sim.tasks.emergency import _swerve
from sim.tasks.tools import all_calls

OBSERVE, STOP = ToolCall("observe"), ToolCall("emergency_stop")
LEFT, RIGHT = (ToolCall("lane_change", {"direction": side}) for side in ("left", "right"))


def _play(env: EmergencyManeuver, seed: int, calls: list[ToolCall], split: str = "train"):
    response, info = env.reset(seed=seed, options={"split": split})
    log = [(response.text, response.frame, 0.0, info)]
    for call in calls:
        result = env.call(call)
        log.append((result.response.text, result.response.frame, result.reward, result.info))
        if result.terminated or result.truncated:
            break
    return log


def test_same_seed_and_calls_give_the_same_frames_and_info(env: EmergencyManeuver) -> None:
    calls = [OBSERVE, ToolCall("brake", {"intensity": "firm"}), LEFT, STOP]
    first = [_play(env, seed, calls) for seed in (3, 4)]
    again = [_play(env, seed, calls) for seed in (3, 4)]
    other = EmergencyManeuver(TaskConfig(), SessionConfig())
    try:
        elsewhere = [_play(other, seed, calls) for seed in (4, 3)][::-1]
    finally:
        other.close()
    for one, two, three in zip(first, again, elsewhere, strict=True):
        for a, b, c in zip(one, two, three, strict=True):
            assert a[0] == b[0] == c[0]
            assert a[2:] == b[2:] == c[2:]
            np.testing.assert_array_equal(a[1], b[1])
            np.testing.assert_array_equal(a[1], c[1])


def test_free_blocked_and_absent_lanes_are_what_a_lane_change_finds(env: EmergencyManeuver) -> None:
    """The truth of near episodes against what happens: free succeeds, blocked collides, absent leaves the road."""
    expected = {"free": "success", "blocked": "collision", "absent": "road_departure"}
    seen = set()
    for seed in range(60):
        _, info = env.reset(seed=seed, options={"split": "train"})
        if not info["scenario"]["kind"].startswith("near"):
            continue
        for call, side in ((LEFT, "left"), (RIGHT, "right")):
            state = info["privileged"][side]
            assert state == info["scenario"][side]
            end = _play(env, seed, [call, OBSERVE, OBSERVE, OBSERVE])[-1][3]
            assert end["outcome"] == expected[state], (seed, side, end)
            seen.add((side, state))
    assert len(seen) == 6


def test_what_is_ahead_is_hit_by_a_car_that_goes_on_and_nothing_else_is(env: EmergencyManeuver) -> None:
    for seed in range(100, 125):
        log = _play(env, seed, [ToolCall("maintain_speed", {"kmh": 40})] * 10)
        start, end = log[0][3], log[-1][3]
        expected = "success" if start["privileged"]["ahead"] == "clear" else "collision"
        assert end["outcome"] == expected, (seed, end)
        if expected == "collision":
            assert end["events"][-1]["other"].startswith("obstacle")


def test_near_obstacles_defeat_braking_and_far_ones_do_not(env: EmergencyManeuver) -> None:
    for seed in range(30):
        log = _play(env, seed, [STOP])
        kind, outcome = log[0][3]["scenario"]["kind"], log[-1][3]["outcome"]
        wanted = {"clear": "needless_stop", "stop": "success", "far_free": "success"}.get(kind, "collision")
        assert outcome == wanted, (seed, kind, outcome)


def test_a_lane_change_clears_an_obstacle_within_the_assumed_distance(env: EmergencyManeuver) -> None:
    """How far the car's outline reaches while any of it is within 1.2 m of the old lane's middle."""
    checked = 0
    for seed in range(60):
        _, info = env.reset(seed=seed)
        if info["scenario"]["kind"] != "near_left":
            continue
        run = env._run
        assert run is not None
        speed, front = run.state.speed, run.state.s + run.ego.half_length
        plan, reach = _swerve(run, -1), 0.0
        for tick in range(34):
            run.tick(plan, 0.05 * tick, speed, 0.0)
            corners = run.corridor.frenet(run.footprint().corners())
            shares = np.linspace(0.0, 1.0, 21)[:, None]
            outline = np.concatenate([a + shares * (b - a) for a, b in zip(corners, np.roll(corners, 1, 0))])
            in_the_way = outline[outline[:, 1] > -1.2, 0]
            if len(in_the_way):
                reach = max(reach, float(in_the_way.max()) - front)
        assert 0.8 * swerve_distance(speed) < reach < NEAR_SWERVE * swerve_distance(speed)
        checked += 1
    assert checked >= 5


def test_full_braking_takes_the_assumed_distance(env: EmergencyManeuver) -> None:
    for seed in range(40):
        _, info = env.reset(seed=seed)
        if info["scenario"]["kind"] != "stop":
            continue
        before, speed = info["ego"], info["ego"]["speed_kmh"] / 3.6
        after = env.call(STOP).info["ego"]
        travelled = math.hypot(after["x"] - before["x"], after["y"] - before["y"])
        assert travelled == pytest.approx(stop_distance(speed), rel=0.06)
        return
    pytest.fail("no stop episode in forty")


def test_a_lane_change_ends_straight_in_the_middle_of_the_next_lane(env: EmergencyManeuver) -> None:
    checked = 0
    for seed in range(200):
        _, info = env.reset(seed=seed)
        if info["scenario"]["kind"] != "far_free" or info["scenario"]["left"] != "free":
            continue
        result = env.call(LEFT)
        run = env._run
        assert run is not None
        if result.info["outcome"] is None:
            assert abs(run.state.d - run.corridor.lane_at(run.state.d).offset) < 0.4
            assert abs(math.degrees(run.state.heading)) < 3.0
            assert run.corridor.lane_at(run.state.d).position == -1
            assert [event["type"] for event in run.events] == ["lane_invasion"]
            checked += 1
        if checked == 3:
            return
    pytest.fail("too few lane changes ended before the obstacle was passed")


def test_rewards_sum_to_their_terms_and_info_is_plain_data(env: EmergencyManeuver) -> None:
    rng = np.random.default_rng(0)
    for seed in range(15):
        log = _play(env, seed, [all_calls()[int(rng.integers(11))] for _ in range(10)])
        total = 0.0
        for text, _, reward, info in log:
            total += reward
            assert total == pytest.approx(sum(info["reward_terms"].values()), abs=1e-9)
            assert json.loads(json.dumps(info)) == info
            assert text == f"Speed {round(info['ego']['speed_kmh'])} km/h."
        end = log[-1][3]
        assert end["success"] == (end["outcome"] == "success")
        assert end["outcome"] is not None


def test_the_obstacle_is_in_the_first_frame(env: EmergencyManeuver) -> None:
    """A semantic camera in the policy camera's place: the pixel where the obstacle's middle falls shows its kind."""
    camera_config = env.config.camera
    mount = carla.Transform(
        carla.Location(x=camera_config.x, z=camera_config.z), carla.Rotation(pitch=camera_config.pitch)
    )
    focal = 0.5 * camera_config.width / math.tan(math.radians(0.5 * camera_config.fov))
    for seed in range(25):
        _, info = env.reset(seed=seed, options={"split": "test"})
        run, session = env._run, env._session
        assert run is not None
        assert session is not None
        attributes = {"image_size_x": str(camera_config.width), "image_size_y": str(camera_config.height), "fov": "60"}
        eye = session.spawn("sensor.camera.semantic_segmentation", mount, attributes, attach_to=run.ego.actor)
        images: list[carla.Image] = []
        eye.listen(images.append)
        frame = session.tick()
        deadline = time.monotonic() + 5.0
        while not any(image.frame == frame for image in images):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        image = next(image for image in images if image.frame == frame)
        tags = np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)[:, :, 2]
        inverse = np.array(image.transform.get_inverse_matrix())
        wanted = [actor for actor in run.actors if actor.name.startswith(("obstacle", "left-0", "right-0"))]
        for actor in wanted:
            at = inverse @ np.array([actor.footprint.x, actor.footprint.y, run.state.z + 0.9, 1.0])
            u = round(image.width / 2 + focal * at[1] / at[0])
            v = round(image.height / 2 - focal * at[2] / at[0])
            patch = tags[max(0, v - 4) : v + 5, max(0, u - 3) : u + 4]
            # Pedestrians may stand behind the car next to them: any of them says that the place is taken.
            assert np.isin(patch, [12, 14, 15]).any(), (seed, info["scenario"], actor.name, u, v)


def test_nothing_but_speed_is_told_unless_asked_for() -> None:
    env = make_tool_env(TaskConfig(privileged_text=True, camera=CameraConfig(width=64, height=32)), SessionConfig())
    try:
        response, info = env.reset(seed=0)
        truth = info["privileged"]
        assert f"Ahead: {truth['ahead']}" in response.text
        assert f"Left: {truth['left']}. Right: {truth['right']}." in response.text
        assert response.frame.shape == (32, 64, 3)
    finally:
        env.close()


def test_an_invalid_call_does_not_advance_the_world(env: EmergencyManeuver) -> None:
    env.reset(seed=0)
    session = env._session
    assert session is not None
    before = session.world.get_snapshot().frame
    with pytest.raises(InvalidToolCall, match="direction"):
        env.call(ToolCall("lane_change", {"direction": "up"}))
    assert session.world.get_snapshot().frame == before
    assert env.call(OBSERVE).info["calls"] == 1


def test_a_decided_episode_takes_no_more_calls(env: EmergencyManeuver) -> None:
    _play(env, 0, [STOP])
    with pytest.raises(EpisodeOver, match="reset"):
        env.call(OBSERVE)


def test_calls_run_out() -> None:
    env = EmergencyManeuver(TaskConfig(max_calls=1, camera=CameraConfig(width=64, height=32)), SessionConfig())
    try:
        seed = next(s for s in range(40) if env.reset(seed=s)[1]["scenario"]["kind"] == "clear")
        env.reset(seed=seed)
        result = env.call(OBSERVE)
        assert result.truncated
        assert not result.terminated
        assert result.info["outcome"] == "timeout"
    finally:
        env.close()


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (TaskConfig(name="Parking"), "name"),
        (TaskConfig(max_calls=0), "max_calls"),
        (TaskConfig(split="holdout"), "split"),
        (TaskConfig(camera=CameraConfig(fov=0.0)), "fov"),
        (TaskConfig(record=RecordConfig(view="drone")), "view"),
    ],
)
def test_impossible_options_are_named(config: TaskConfig, field: str) -> None:
    with pytest.raises(InvalidTask, match=field):
        make_tool_env(config, SessionConfig())


def test_unknown_reset_options_are_named(env: EmergencyManeuver) -> None:
    with pytest.raises(InvalidTask, match="town"):
        env.reset(seed=0, options={"town": "x"})


def test_a_killed_server_costs_the_episode_and_the_next_reset_starts_another() -> None:
    env = EmergencyManeuver(TaskConfig(camera=CameraConfig(width=64, height=32)), SessionConfig())
    try:
        env.reset(seed=0)
        assert env._session is not None
        assert env._session.server_pid is not None
        os.kill(env._session.server_pid, signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(ServerDied):
            env.call(OBSERVE)
        assert time.monotonic() - started < 10.0
        _, info = env.reset(seed=0)
        assert info["outcome"] is None
    finally:
        env.close()


def test_recording_shows_the_drive_and_does_not_change_it(env: EmergencyManeuver) -> None:
    calls = [OBSERVE, STOP]
    plain = _play(env, 2, calls)
    recorder = EmergencyManeuver(
        TaskConfig(record=RecordConfig(enabled=True, width=96, height=54, view="chase")), SessionConfig()
    )
    try:
        recorded = _play(recorder, 2, calls)
        frames = recorder.recording()
        lines = recorder.map_polylines()
    finally:
        recorder.close()
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_array_equal(a[1], b[1])
        assert a[3] == b[3]
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(plain[-1][3]["time_s"], abs=0.11)
    assert all(frame.frame.shape == (54, 96, 3) for frame in frames)
    assert {box["type"] for box in frames[0].actors} <= {"person", "vehicle"}
    assert frames[-1].ego["speed_kmh"] < frames[0].ego["speed_kmh"]
    ego = frames[0].ego
    assert any(line["kind"] == "divider" for line in lines)
    nearest = min(math.hypot(x - ego["x"], y - ego["y"]) for line in lines for x, y in line["points"])
    assert nearest < 4.0
