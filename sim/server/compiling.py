"""Kernels before they are needed: loaded from Numba's cache, or compiled on all cores with a line that says so.

Numba compiles under one lock, so threads would not help: the first part that has to be compiled starts processes that
compile the later parts meanwhile, and this one then loads those from the cache.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time

from numba.core import event

from sim.server.lifetime import end_with_parent

log = logging.getLogger(__name__)
PARTS = ("ticks", "cameras", "sensors", "navigation")
SHARES = (
    (),
    (("navigation", "sensors"),),
    (("navigation",), ("cameras",)),
    (("navigation",), ("cameras",), ("sensors",)),
)
"""What one, two or three helpers compile."""


def compile_part(name: str) -> None:
    """Compile, or load from Numba's cache, the kernels of one of `PARTS`."""
    if name == "ticks":
        from sim.server import dynamics, right_of_way

        dynamics.warm_up()
        right_of_way.warm_up()
    elif name == "cameras":
        from sim.render.lamplight import warm_up as compile_lamplight
        from sim.render.overlay import warm_up as compile_overlay
        from sim.render.renderer import warm_up as compile_renderer

        compile_renderer()
        compile_overlay()
        compile_lamplight()
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
        with event.install_listener("numba:compile", crew):
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
        """The next part: wait for the helper that has it. One that failed leaves its part to this process."""
        self._part = part
        helper = self._helpers.get(part)
        if helper is not None:
            helper.wait()

    def end(self) -> None:
        """End helpers that still run, as after an error."""
        for helper in self._helpers.values():
            if helper.poll() is None:
                helper.kill()
                helper.wait()
            if helper.stdin is not None:
                helper.stdin.close()

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
                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )  # fmt: skip
                    self._helpers.update(dict.fromkeys(mine, helper))

    def on_end(self, event: event.Event) -> None:
        pass


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    end_with_parent()
    for name in sys.argv[1:]:
        compile_part(name)
