"""The embedded server as a child process: started on a free port, ended with its parent, however that ends."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from typing import IO, Any

from sim.client.config import SessionConfig
from sim.client.errors import ServerDied, TownUnavailable

HOST = "127.0.0.1"
STOP_DEADLINE_S = 3.0


class _Starter:
    """A thread that starts processes, and lives as long as this one.

    Linux kills a server when the *thread* that started it ends (`sim.server.lifetime`); a caller's thread may end
    long before its process does.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._jobs: queue.SimpleQueue[tuple[Future[Any], list[str], dict[str, Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="pilotage-server-starter", daemon=True).start()

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """`subprocess.Popen(command, **options)`, called in the thread."""
        started: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((started, command, options))
        return started.result()

    def _work(self) -> None:
        while True:
            started, command, options = self._jobs.get()
            try:
                started.set_result(subprocess.Popen(command, **options))
            except BaseException as error:
                started.set_exception(error)
            del started


_starter_lock = threading.Lock()
_starter: _Starter | None = None


def _start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    global _starter
    with _starter_lock:
        if _starter is None or _starter.pid != os.getpid():  # a forked process has no threads of its parent's
            _starter = _Starter()
        starter = _starter
    return starter.start(command, **options)


class EmbeddedServer:
    """One `python -m sim.server` process; `host` and `port` are where it listens."""

    def __init__(self, config: SessionConfig) -> None:
        self.host = HOST
        # stderr goes to a file: an unread pipe would block the server once it is full.
        self._log: IO[bytes] = tempfile.TemporaryFile(prefix="pilotage-server-")  # noqa: SIM115 - lives as the process
        command = [sys.executable, "-m", "sim.server", "--host", HOST, "--port", "0", "--exit-with-parent"]
        command += ["--town", config.town or "Pilotage01", "--seed", str(config.seed)]
        self._process = _start(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # Ctrl-C in a terminal reaches the whole foreground group: the client ends its server in its own time.
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        )
        try:
            self.port = self._await_ready(config)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def obituary(self) -> str:
        """How the process ended, with the last line that it wrote."""
        status = self._process.poll()
        if status is None:
            return "it is still running"
        try:
            how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        except ValueError:
            how = f"killed by signal {-status}"
        last = self.last_words()
        return f"{how}: {last}" if last else how

    def last_words(self) -> str:
        """The last line of the server's log."""
        try:
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        except ValueError:
            return ""
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """End the process: politely through its stdin, then by force. Safe to call twice."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_DEADLINE_S)
        self._log.close()

    def _await_ready(self, config: SessionConfig) -> int:
        assert self._process.stdout is not None
        deadline = time.monotonic() + config.start_timeout_s
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0.0:
                    raise ServerDied(
                        f"the embedded server was not ready within {config.start_timeout_s:.0f} s; "
                        "raise sim.start_timeout_s if this machine is slow"
                    )
                if not selector.select(min(left, 1.0)):
                    continue
                chunk = os.read(self._process.stdout.fileno(), 65536)
                if not chunk:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(STOP_DEADLINE_S)
                    self._raise_stillborn(config)
                received += chunk
                *lines, received = received.split(b"\n")
                for line in lines:
                    with contextlib.suppress(ValueError):
                        message = json.loads(line)
                        if isinstance(message, dict) and message.get("event") == "ready":
                            return int(message["port"])

    def _raise_stillborn(self, config: SessionConfig) -> None:
        words = self.last_words()
        if "town" in words and config.town in words:
            raise TownUnavailable(f"sim.town={config.town!r}: {words.rpartition(chr(39) + ': ')[2]}")
        raise ServerDied(f"the embedded server did not start: {self.obituary()}")
