"""Kernels before they are needed: loaded from Numba's cache, or compiled on all cores with a line that says so.

Numba compiles under one lock, so threads would not help: the first part that has to be compiled starts processes that
compile later parts meanwhile and say when each is ready, and this one then loads it from the cache. Of several servers
that start at once, as those of a rollout pool, one compiles, and the others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numba
from numba.core import event

from sim.server.lifetime import end_with_parent

log = logging.getLogger(__name__)
PARTS = ("ticks", "light", "cameras", "sensors", "navigation")
SHARES = (
    (),
    (("light", "navigation", "sensors"),),
    (("light", "navigation"), ("cameras",)),
    (("light", "navigation"), ("cameras",), ("sensors",)),
)
"""What one, two or three helpers compile. Lamps and shadows are a part of their own, and before the cameras, which
need them, so that with two cores both have as much to do."""

PACKAGE = Path(__file__).resolve().parent.parent
PATIENCE_S = 240.0
"""How long a server waits for another that compiles; then it compiles by itself."""


def compile_part(name: str) -> None:
    """Compile, or load from Numba's cache, the kernels of one of `PARTS`."""
    if name == "ticks":
        from sim.server import dynamics, right_of_way

        dynamics.warm_up()
        right_of_way.warm_up()
    elif name == "light":
        from sim.render.ground_shadows import warm_up as compile_ground_shadows
        from sim.render.lamplight import warm_up as compile_lamplight

        compile_lamplight()
        compile_ground_shadows()
    elif name == "cameras":
        from sim.render.overlay import warm_up as compile_overlay
        from sim.render.renderer import warm_up as compile_renderer

        compile_renderer()
        compile_overlay()
    elif name == "sensors":
        from sim.sensors.kernels import warm_up as compile_sensors

        compile_sensors()
    else:
        from sim.navigation.mesh import warm_up as compile_navigation

        compile_navigation()


def compile_kernels() -> None:
    """Compile, or load from Numba's cache, what ticks, cameras, other sensors and walkers' navigation run."""
    began = time.monotonic()
    crew = _Crew()
    try:
        with _turn(), event.install_listener("numba:compile", crew):
            for number, part in enumerate(PARTS):
                crew.begin(part)
                compile_part(part)
                if crew.helping and number + 1 < len(PARTS):
                    _say(f"compiling: {number + 1} of {len(PARTS)} parts ready after {time.monotonic() - began:.0f} s")
    finally:
        crew.end()
    log.info("kernels ready after %.1f s", time.monotonic() - began)


class _Crew(event.Listener):
    """Starts helpers, and tells the user, as soon as anything is compiled rather than loaded from Numba's cache."""

    def __init__(self) -> None:
        self.helping = False
        self._part = PARTS[0]
        self._helpers: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, part: str) -> None:
        """The next part: wait until the helper that has it says that it is ready. One that failed has closed its
        output and leaves its part to this process."""
        self._part = part
        helper = self._helpers.get(part)
        if helper is not None and helper.stdout is not None:
            for line in helper.stdout:
                if line.strip() == part.encode():
                    break

    def end(self) -> None:
        """End helpers that still run, as after an error."""
        for helper in self._helpers.values():
            if helper.poll() is None:
                helper.kill()
                helper.wait()
            for pipe in (helper.stdin, helper.stdout):
                if pipe is not None:
                    pipe.close()

    def on_start(self, event: event.Event) -> None:
        if self.helping:
            return
        self.helping = True
        _say("compiling the simulator for this machine: once, about half a minute")
        later = PARTS[PARTS.index(self._part) + 1 :]
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        for share in SHARES[min(count, len(SHARES)) - 1]:
            mine = [part for part in share if part in later]
            if mine:
                with contextlib.suppress(OSError):
                    helper = subprocess.Popen(
                        [sys.executable, "-m", "sim.server.compiling", *mine],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    )  # fmt: skip
                    self._helpers.update(dict.fromkeys(mine, helper))

    def on_end(self, event: event.Event) -> None:
        pass


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """Wait while another process that shares the cache compiles these sources; nothing to wait for once one has."""
    try:
        note = os.open(_note_path(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:  # somebody else's: then each for itself
        yield
        return
    try:
        wanted = _sources()
        if os.pread(note, 64, 0) == wanted:
            yield
            return
        mine = _wait_for(note)
        if os.pread(note, 64, 0) == wanted:
            fcntl.flock(note, fcntl.LOCK_UN)
        yield
        if mine:
            os.pwrite(note, wanted, 0)
    finally:
        os.close(note)


def _wait_for(note: int) -> bool:
    """Lock a file; False if another process has it for longer than `PATIENCE_S`. A lock ends with its process."""
    began, told = time.monotonic(), False
    while True:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            waited = time.monotonic() - began
            if waited > PATIENCE_S:
                return False
            if waited > 2.0 and not told:
                told = True
                _say("another process compiles the simulator for this machine: waiting for it")
            time.sleep(0.05)
        else:
            return True


def _note_path() -> Path:
    """Where it is noted of which sources the kernels are in the cache."""
    cache = f"{os.environ.get('NUMBA_CACHE_DIR', '')}:{PACKAGE}"
    name = hashlib.sha256(cache.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"pilotage-compiled-{os.getuid()}-{name}"


def _sources() -> bytes:
    """What Numba tells sources apart by, their times and sizes, in a digest of 64 characters."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        state = path.stat()
        digest.update(f"{path}:{state.st_mtime_ns}:{state.st_size}".encode())
    return digest.hexdigest().encode()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    end_with_parent()
    for name in sys.argv[1:]:
        compile_part(name)
        print(name, flush=True)
