"""The folder of a run: what was asked for, what it ran on, what came out."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from typing import Any

from rollouts.storage import write_atomic

PACKAGES = (
    "pilotage", "carla", "gymnasium", "torch", "transformers", "trl", "accelerate", "peft", "ray", "numba", "numpy",
    "opencv-python-headless", "hydra-core", "av",
)  # fmt: skip


def record_start(folder: Path, config_yaml: str) -> dict[str, Any]:
    """Write config.yaml and versions.json; returns the latter."""
    write_atomic(folder / "config.yaml", config_yaml)
    facts = {"versions": package_versions(), "git": git_revision(), "machine": machine(), "command": sys.argv}
    write_atomic(folder / "versions.json", json.dumps(facts, indent=2))
    return facts


def package_versions() -> dict[str, str]:
    """Installed versions of what decides a run's outcome."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def git_revision() -> dict[str, Any]:
    """Commit of the source tree and whether it was changed since; empty outside a repository."""
    root = Path(__file__).resolve().parents[1]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()
        state = subprocess.run(
            ["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, timeout=5, check=True
        ).stdout
        return {"commit": head, "changed": bool(state.strip())}
    return {}


def machine() -> dict[str, Any]:
    """What it runs on."""
    import psutil
    import torch

    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, IndexError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    memory = round(psutil.virtual_memory().total / 2**30, 1)
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": memory, "gpus": gpus, "system": platform.platform()}


def point_latest(folder: Path) -> None:
    """Make `latest` beside the dated folders of `runs/` point to `folder`, where the file system has links."""
    runs = folder.parent.parent if folder.parent.parent.name == "runs" else folder.parent
    link = runs / "latest"
    fresh = runs / f".latest-{os.getpid()}"
    with contextlib.suppress(OSError):
        if link.exists() and not link.is_symlink():
            return
        fresh.symlink_to(os.path.relpath(folder, runs))
        os.replace(fresh, link)


class MetricsFile:
    """metrics.csv: one row per step, rewritten whole so that new columns and resumed steps fit in."""

    def __init__(self, path: Path, resume_step: int = 0) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        if path.is_file():
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    values = {key: float(value) for key, value in row.items() if value not in ("", None)}
                    if values.get("step", 0) <= resume_step:
                        self.rows.append(values)

    def add(self, row: dict[str, float]) -> None:
        """Append a row and write the file."""
        self.rows.append(row)
        columns = list(dict.fromkeys(key for item in self.rows for key in item))
        text = StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomic(self.path, text.getvalue())
