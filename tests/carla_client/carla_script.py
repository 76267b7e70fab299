"""Runs an unmodified script of CARLA's PythonAPI against a server on any port, without a screen and for a limited time.

    python carla_script.py PORT SECONDS example FILE [ARGUMENTS...]
    python carla_script.py PORT SECONDS smoke MODULE

The scripts ask for CARLA's ports (2000 and 3654) by default; the client is pointed to PORT instead. After SECONDS an
example gets what its user would do to end it: the window is closed, or, without a window, the key Ctrl-C. The pauses of
five seconds and more that give the Unreal engine time to free memory are cut to a tenth.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import sys
import time
import unittest
from pathlib import Path
from typing import Any

import carla

SEED = 7


def _point_to(port: int) -> None:
    class Client(carla.Client):  # type: ignore[misc]
        def __init__(self, host: str = "localhost", _: int = 2000, *more: Any) -> None:
            super().__init__("127.0.0.1", port, *more)

    carla.Client = Client


def _shorten_pauses() -> None:
    pause = time.sleep
    time.sleep = lambda seconds: pause(seconds / 10.0 if seconds >= 5.0 else seconds)  # type: ignore[assignment]


def _end_after(seconds: float) -> None:
    tries = 0

    def end(*_: object) -> None:
        nonlocal tries
        tries += 1
        signal.setitimer(signal.ITIMER_REAL, 5.0)  # again, should the script not care
        pygame = sys.modules.get("pygame")
        if tries == 1 and pygame is not None and pygame.display.get_init() and pygame.display.get_surface() is not None:
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        else:
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def run_example(file: Path, arguments: list[str], seconds: float) -> None:
    os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", MPLBACKEND="Agg")
    sys.path[:0] = [str(file.parent), str(file.parent.parent / "carla")]
    sys.argv = [str(file), *arguments]
    random.seed(SEED)
    _end_after(seconds)
    try:
        runpy.run_path(str(file), run_name="__main__")
    except KeyboardInterrupt:
        print("ended by Ctrl-C")
    signal.setitimer(signal.ITIMER_REAL, 0.0)


def run_smoke(module: str) -> bool:
    sys.path.insert(0, os.getcwd())
    random.seed(SEED)
    suite = unittest.defaultTestLoader.loadTestsFromName(f"smoke.{module}")
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    _port, _seconds, _kind, _what, *_arguments = sys.argv[1:]
    _point_to(int(_port))
    _shorten_pauses()
    _passed = True
    if _kind == "smoke":
        _passed = run_smoke(_what)
    else:
        run_example(Path(_what).resolve(), _arguments, float(_seconds))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if _passed else 1)  # the wheel aborts in its clean-up while a Traffic Manager runs
