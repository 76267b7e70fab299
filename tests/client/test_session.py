"""Sessions start, connect, end and fail as promised, with the real client and real server processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import carla
import numpy as np
import psutil
import pytest

from sim.client import (
    CallFailed,
    FrameCamera,
    FrameMissing,
    InvalidSession,
    ServerDied,
    ServerUnreachable,
    Session,
    SessionConfig,
    SessionError,
    TownUnavailable,
    open_session,
)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_session(SessionConfig()) as opened:
        yield opened


def _anywhere(session: Session) -> carla.Transform:
    return session.map.get_spawn_points()[0]


def test_an_embedded_session_ticks_in_synchronous_mode(session: Session) -> None:
    first = session.tick()
    assert session.tick() == first + 1
    settings = session.world.get_settings()
    assert settings.synchronous_mode
    assert settings.fixed_delta_seconds == pytest.approx(0.05)


def test_destroy_all_removes_what_the_session_spawned(session: Session) -> None:
    car = session.spawn("vehicle.audi.a2", _anywhere(session))
    session.tick()
    assert car.id in {actor.id for actor in session.world.get_actors()}
    session.destroy_all()
    session.tick()
    assert car.id not in {actor.id for actor in session.world.get_actors()}


def test_a_taken_place_and_an_unknown_blueprint_are_named(session: Session) -> None:
    session.spawn("vehicle.audi.a2", _anywhere(session))
    with pytest.raises(CallFailed, match="collision"):
        session.spawn("vehicle.audi.a2", _anywhere(session))
    with pytest.raises(CallFailed, match=r"vehicle\.no\.such"):
        session.spawn("vehicle.no.such", _anywhere(session))
    session.destroy_all()


def test_a_camera_gives_the_frame_of_the_tick_asked_for(session: Session) -> None:
    car = session.spawn("vehicle.audi.a2", _anywhere(session))
    camera = FrameCamera(session, 64, 32, 60.0, carla.Transform(carla.Location(x=1.2, z=1.6)), car)
    session.tick()
    camera.listen()
    first = camera.take(session.tick())
    camera.rest()
    for _ in range(5):
        session.tick()
    camera.listen()
    second = camera.take(session.tick())
    camera.rest()
    session.destroy_all()
    assert first.shape == second.shape == (32, 64, 3)
    assert first.dtype == np.uint8
    assert first.std() > 5.0


def test_a_frame_that_never_comes_ends_in_an_error_within_the_deadline() -> None:
    with open_session(SessionConfig(timeout_s=0.5)) as session:
        car = session.spawn("vehicle.audi.a2", _anywhere(session))
        camera = FrameCamera(session, 64, 32, 60.0, carla.Transform(), car)
        started = time.monotonic()
        with pytest.raises(FrameMissing, match=r"sim\.timeout_s"):
            camera.take(session.tick())
        assert time.monotonic() - started < 3.0


def test_a_killed_server_is_reported_within_ten_seconds_and_close_does_not_hang() -> None:
    session = open_session(SessionConfig())
    assert session.server_pid is not None
    os.kill(session.server_pid, signal.SIGKILL)
    started = time.monotonic()
    with pytest.raises(ServerDied, match="SIGKILL"):
        session.tick()
    assert time.monotonic() - started < 10.0
    assert not session.is_alive()
    started = time.monotonic()
    session.close()
    session.close()
    assert time.monotonic() - started < 5.0
    with pytest.raises(SessionError):
        session.tick()


def test_a_session_that_gave_a_call_up_is_over_because_the_call_may_still_be_carried_out() -> None:
    with open_session(SessionConfig(timeout_s=1.0)) as session:
        place, pid = _anywhere(session), session.server_pid
        assert pid is not None
        witness = carla.Client(session._host, session._port).get_world()
        os.kill(pid, signal.SIGSTOP)
        try:
            while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
                time.sleep(0.01)
            with pytest.raises(ServerUnreachable, match=r"sim\.timeout_s"):
                session.spawn("vehicle.audi.a2", place)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert not session.is_alive()
        with pytest.raises(SessionError, match="open a new session"):
            session.tick()
        until = time.monotonic() + 10.0
        while not witness.get_actors().filter("vehicle.*") and time.monotonic() < until:
            time.sleep(0.05)
            witness.tick()
        assert witness.get_actors().filter("vehicle.*")  # nobody's, and in the way
    assert not psutil.pid_exists(pid)


def test_closing_a_session_ends_its_server() -> None:
    session = open_session(SessionConfig())
    pid = session.server_pid
    assert pid is not None
    assert psutil.pid_exists(pid)
    session.close()
    assert not psutil.pid_exists(pid)


def test_an_unknown_town_is_refused_with_the_ones_that_exist() -> None:
    with pytest.raises(TownUnavailable, match="Pilotage01"):
        open_session(SessionConfig(town="Atlantis"))


def test_a_server_that_is_not_ready_in_time_is_an_error_and_leaves_no_process() -> None:
    with pytest.raises(ServerDied, match="start_timeout_s"):
        open_session(SessionConfig(start_timeout_s=0.01))
    assert not [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE and
                "--exit-with-parent" in child.cmdline() and child.create_time() > time.time() - 0.5]  # fmt: skip


def test_nobody_at_host_and_port_is_said_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1:1;"):
        open_session(SessionConfig(backend="carla", port=1))
    assert time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (SessionConfig(backend="airsim"), "backend"),
        (SessionConfig(timeout_s=0.0), "timeout_s"),
        (SessionConfig(fixed_delta=0.5), "fixed_delta"),
        (SessionConfig(backend="carla", port=0), "port"),
    ],
)
def test_impossible_options_are_named(config: SessionConfig, field: str) -> None:
    with pytest.raises(InvalidSession, match=field):
        open_session(config)


def test_a_remote_session_connects_and_restores_the_worlds_settings() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port = json.loads(process.stdout.readline())["port"]
        with open_session(SessionConfig(backend="carla", port=port)) as session:
            assert session.world.get_settings().synchronous_mode
            session.spawn("vehicle.audi.a2", _anywhere(session))
            session.tick()
        client = carla.Client("127.0.0.1", port)
        client.set_timeout(5.0)
        world = client.get_world()
        assert not world.get_settings().synchronous_mode
        world.wait_for_tick(5.0)
        assert not world.get_actors().filter("vehicle.*")
        with pytest.raises(TownUnavailable, match="Pilotage01"):
            open_session(SessionConfig(backend="carla", port=port, town="Town99"))
    finally:
        process.stdin.close()
        process.wait(10)
