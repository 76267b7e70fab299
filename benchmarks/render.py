"""Milliseconds per camera frame on one core, beside other software renderers that draw the same triangles.

    python benchmarks/render.py [--town NAME] [--quick] [--json] [--save DIR] [--profile]

Each renderer has a process of its own, pinned to one core, and draws the same cameras in turn with the others; times
are processor time, so other programs disturb them little. llvmpipe (OpenGL by moderngl) can anti-alias: our four
samples a pixel stand beside its 4x MSAA, with read-back, once for RGB alone and once for RGB, depth, semantic, instance
and normals. Panda3D's and pybullet's software renderers cannot: our picture with one sample a pixel stands beside
theirs (and llvmpipe's, which is printed and not counted: its terms are the anti-aliased ones). Peers draw flat colours
with one light baked in; ours draws its usual textures, shadows, sky and fog.

The peers come with `pip install "pilotage[bench]"`; llvmpipe also needs `apt-get install libegl1 libgl1-mesa-dri
libgles2`. With --json the last line is one JSON object whose "ratio" is the smallest peer / ours of all cases up to
640x360; it ends with status 1 if fewer than two peers ran.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from render_scene import CAMERAS, CROWDS, FOV, SIZES, street

HINTS = {
    "llvmpipe": 'pip install "pilotage[bench]" and apt-get install libegl1 libgl1-mesa-dri libgles2',
    "panda3d": 'pip install "pilotage[bench]"',
    "pybullet": 'pip install "pilotage[bench]"',
}
MODES = ("antialiased", "aliased", "all")
COUNTED = 640 * 360
FIRST_FRAME = (
    "import time; t = time.perf_counter()\n"
    "from sim.render.renderer import warm_up\n"
    "i = time.perf_counter(); warm_up(); e = time.perf_counter()\n"
    "print(f'imports {i - t:.2f} s, kernels and first frame {e - i:.2f} s')"
)


class Worker:
    """A renderer's process; see `render_peers.py`."""

    def __init__(self, name: str, town: str, core: int) -> None:
        self.name, self.modes = name, ()
        script = Path(__file__).with_name("render_peers.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), name, town, str(core)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "LP_NUM_THREADS": "0"},
        )  # fmt: skip

    def ask(self, **request: object) -> dict[str, Any]:
        """One request and its answer; an "error" for a process that has died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": f"the process ended with status {self._process.wait()}"}

    def end(self) -> None:
        """Close the pipe and wait."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def measure(
    workers: list[Worker], crowd: str, size: tuple[int, int], mode: str, passes: int, save: Path | None
) -> dict:
    """Milliseconds (passes, CAMERAS) of each worker that has the mode, frame by frame in turn."""
    able = []
    for worker in workers:
        if mode in worker.modes:
            answer = worker.ask(crowd=crowd, size=size, mode=mode)
            if "error" in answer:
                print(f"{worker.name} {size[0]}x{size[1]} {mode}: {answer['error']}", flush=True)
            else:
                able.append(worker)
    times = {worker.name: np.full((passes, CAMERAS), np.nan) for worker in able}
    for turn in range(passes):
        for index in range(CAMERAS):
            for worker in able:
                more = {}
                if save is not None and turn == 0 and index in (0, 5):
                    more["save"] = str(save / f"{crowd}_{size[0]}x{size[1]}_{mode}_{index}_{worker.name}.png")
                answer = worker.ask(crowd=crowd, index=index, **more)
                times[worker.name][turn, index] = answer.get("ms", np.nan)
    return {name: values for name, values in times.items() if np.isfinite(values).all()}


def stopwatch(kernel: Callable[..., object], name: str, spent: dict[str, float]) -> Callable[..., object]:
    """`kernel`, whose thread time is added to `spent[name]` at every call."""

    def timed(*given: object) -> object:
        begin = time.thread_time()
        result = kernel(*given)
        spent[name] = spent.get(name, 0.0) + time.thread_time() - begin
        return result

    return timed


def profile(town: str) -> None:
    """Print where the time of our frame goes, in milliseconds per frame of thread time."""
    from sim.render import actor_shadows, raster, shading
    from sim.render.renderer import Renderer, warm_up

    warm_up()
    passes = 3
    spent: dict[str, float] = {}
    for module, name in ((raster, "draw"), (shading, "resolve"), (actor_shadows, "cast_shadows")):
        setattr(module, name, stopwatch(getattr(module, name), name, spent))
    for crowd in CROWDS:
        scene = street(town, crowd)
        renderer = Renderer(scene.town)
        movables = [scene.movables(index) for index in range(CAMERAS)]
        for width, height in SIZES:
            for turn in range(1 + passes):
                if turn == 1:
                    spent.clear()
                    begin = time.thread_time()
                for camera, actors in zip(scene.cameras, movables):
                    renderer.render(camera, width, height, FOV, actors)
            scale = 1e3 / (passes * CAMERAS)
            whole, parts = scale * (time.thread_time() - begin), {key: scale * value for key, value in spent.items()}
            print(
                f"{crowd:8s} {width}x{height}: {whole:.2f} ms = visibility {parts['draw']:.2f} + shading"
                f" {parts['resolve']:.2f} + actors' shadows {parts['cast_shadows']:.2f} + matrices and Python"
                f" {whole - sum(parts.values()):.2f}"
            )


def processor() -> str:
    """The processor's name, as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--town", default="Pilotage01")
    parser.add_argument("--quick", action="store_true", help="up to 640x360, one pass")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--save", type=Path, metavar="DIR", help="keep some of the pictures")
    parser.add_argument("--profile", action="store_true", help="only print the phases of our frame")
    options = parser.parse_args()
    if options.profile:
        profile(options.town)
        return 0
    if options.save is not None:
        options.save.mkdir(parents=True, exist_ok=True)
    core = min(os.sched_getaffinity(0))
    workers = [Worker(name, options.town, core) for name in ("ours", *HINTS)]
    missing = {}
    for worker in list(workers):
        answer = worker.ask(crowd="typical")
        if "error" in answer:
            missing[worker.name] = answer["error"]
            workers.remove(worker)
            worker.end()
        else:
            worker.modes = tuple(answer["modes"])
    for name, why in missing.items():
        print(f"without {name}: {why}\n    get it with: {HINTS.get(name, 'pip install pilotage')}", flush=True)
    if "ours" in missing:
        return 1
    sizes = [size for size in SIZES if not options.quick or size[0] * size[1] <= COUNTED]
    print(
        f"{processor()}, one core; {options.town}, {CAMERAS} cameras;"
        " median and 95th percentile, milliseconds of processor time"
    )
    cases = []
    for crowd in CROWDS:
        print(f"\n{crowd} street: {street(options.town, crowd).triangles()} triangles, actors {CROWDS[crowd]}")
        for mode in MODES:
            for size in sizes:
                passes = 1 if options.quick or size[0] * size[1] > COUNTED else options.passes
                found = measure(workers, crowd, size, mode, passes, options.save)
                # The best pass of each camera: noise only ever adds time.
                median = {name: float(np.median(times.min(axis=0))) for name, times in found.items()}
                tail = {name: float(np.percentile(times.min(axis=0), 95)) for name, times in found.items()}
                cells = [f"{name} {median[name]:.2f} / {tail[name]:.2f}" for name in found]
                ratios = {name: median[name] / median["ours"] for name in found if name != "ours" and "ours" in found}
                cells += [f"{name} is {ratio:.1f} times ours" for name, ratio in ratios.items()]
                print(f"{mode:11s} {size[0]}x{size[1]}: " + ", ".join(cells), flush=True)
                row = {
                    "crowd": crowd,
                    "mode": mode,
                    "size": size,
                    "median_ms": median,
                    "p95_ms": tail,
                    "ratios": ratios,
                }
                cases.append(row)
    for worker in workers:
        worker.end()
    warm = subprocess.run([sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True, timeout=300)
    print("\nfresh process, warm cache:", warm.stdout.strip())
    counted = [
        (ratio, name, row) for row in cases if row["size"][0] * row["size"][1] <= COUNTED
        for name, ratio in row["ratios"].items() if (name, row["mode"]) != ("llvmpipe", "aliased")
    ]  # fmt: skip
    peers = sorted({name for _, name, _ in counted})
    if counted:
        ratio, name, row = min(counted, key=lambda entry: entry[0])
        print(
            f"worst of {', '.join(peers)}: {name} {ratio:.2f} times ours ({row['crowd']}, {row['mode']}, {row['size']})"
        )
    if options.json:
        worst = min((entry[0] for entry in counted), default=None)
        print(json.dumps({"ratio": worst, "peers": peers, "machine": processor(), "cases": cases}))
        return 0 if len(peers) >= 2 else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
