"""The house's shape: who may import whom, and what must stay light or absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = ("import pickle", "pickle.load", " eval(", "=eval(", "(eval(", "exec(", "shell=True", "os.system(")
ROOMS = ("sim", "policy", "rollouts", "training", "conf")


def test_imports_point_one_way() -> None:
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == 0


@pytest.mark.parametrize("module", ["sim.client", "sim.tasks", "sim.server", "rollouts.worker", "conf.schema"])
def test_workers_and_help_do_not_pay_for_torch(module: str) -> None:
    """An environment worker without torch starts seconds faster and saves about 300 MB."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_no_pickle_or_eval_in_the_product() -> None:
    """Servers and checkpoints never run foreign data as code."""
    offences = []
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                code = line.split("#")[0]
                words = (
                    "import pickle",
                    "pickle.load",
                    " eval(",
                    "=eval(",
                    "(eval(",
                    "exec(",
                    "shell=True",
                    "os.system(",
                )
                if any(word in code for word in words):
                    offences.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not offences, offences
