"""`pilotage doctor`: can this machine run Pilotage, and if not, what is missing?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

PACKAGES = (
    "carla",
    "gymnasium",
    "torch",
    "transformers",
    "trl",
    "ray",
    "numba",
    "numpy",
    "opencv-python-headless",
    "av",
)

Check = tuple[str, Callable[[DictConfig], str]]


def run(config: DictConfig) -> int:
    """Print one line per check; returns 1 if any failed."""
    checks: list[Check] = [("python", _python), ("packages", _packages), ("machine", _machine), ("disk", _disk)]
    if not config.quick:
        checks += [("accelerator", _accelerator), ("simulator", _simulator), ("video", _video)]
    table = Table("check", "result", "detail", box=None)
    failed = 0
    for name, check in checks:
        try:
            detail, mark = check(config), "[green]ok[/]"
        except Exception as error:  # a doctor reports whatever breaks, and goes on to the next patient
            detail, mark, failed = f"{error}", "[red]FAIL[/]", failed + 1
        table.add_row(name, mark, detail)
    Console().print(table)
    return 1 if failed else 0


def _python(config: DictConfig) -> str:
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        raise RuntimeError(f"{platform.python_version()}: the carla wheel needs 3.11 or 3.12")
    return platform.python_version()


def _packages(config: DictConfig) -> str:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise RuntimeError(f"not installed: {', '.join(missing)}; run `pip install -e .`")
    return ", ".join(found)


def _machine(config: DictConfig) -> str:
    import psutil

    gib = psutil.virtual_memory().available / 2**30
    if gib < 4:
        raise RuntimeError(f"{gib:.1f} GiB of memory are free; the quickstart needs about 4")
    return f"{os.cpu_count()} cores, {gib:.0f} GiB of memory free, {platform.system()} {platform.machine()}"


def _disk(config: DictConfig) -> str:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free < 1:
        raise RuntimeError(f"{free:.2f} GiB free here; runs need about 1")
    return f"{free:.0f} GiB free in {Path.cwd()}"


def _accelerator(config: DictConfig) -> str:
    import torch

    if not torch.cuda.is_available():
        return f"torch {torch.__version__}, no GPU: the nano policy runs on the CPU, Gemma 4 E2B does not"
    names = {torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())}
    return f"torch {torch.__version__}, {torch.cuda.device_count()} x {', '.join(names)}"


def _simulator(config: DictConfig) -> str:
    from omegaconf import OmegaConf

    from sim.client import open_session

    start = time.perf_counter()
    with open_session(OmegaConf.to_object(config.sim)) as session:  # type: ignore[arg-type]
        started = time.perf_counter() - start
        for _ in range(20):
            session.tick()
        ticks = time.perf_counter() - start - started
        town = session.map.name
    return f"{config.sim.backend} world {town!r} up in {started:.1f} s, {20 / ticks:.0f} ticks/s"


def _video(config: DictConfig) -> str:
    import av

    av.codec.Codec("libx264", "w")
    return f"H.264 through PyAV {av.__version__}"
