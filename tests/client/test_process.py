"""The embedded server's process: it lives as long as the session's process, and no longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psutil

from sim.client import Session, SessionConfig, open_session

CHILD = """
from sim.client import SessionConfig, open_session
session = open_session(SessionConfig())
print(session.server_pid, flush=True)
input()
"""


def _is_gone(pid: int, deadline_s: float) -> bool:
    limit = time.monotonic() + deadline_s
    while time.monotonic() < limit:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_stopped_server_does_not_outlive_its_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        child.kill()
        try:
            assert _is_gone(pid, 5.0)
        finally:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


def test_a_server_outlives_the_thread_that_opened_its_session() -> None:
    sessions: list[Session] = []
    thread = threading.Thread(target=lambda: sessions.append(open_session(SessionConfig())))
    thread.start()
    thread.join()
    with sessions[0] as session:
        time.sleep(0.3)
        assert session.tick() > 0
