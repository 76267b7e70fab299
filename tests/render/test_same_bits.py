"""Towns, frames, what sensors send, sketches and drives are the same bits whatever the processor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__  # type: ignore[import-not-found]

SCRIPT = Path(__file__).with_name("digests.py")
# NumPy without AVX, BLAS for SSE. The C library keeps its fused multiply-add, which came with AVX2: without it the
# sixteenth digit of an arc in a hilly town's OpenDRIVE differs. For frames the slow test takes it away, too.
NARROW = {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__), "OPENBLAS_CORETYPE": "Nehalem"}
UNFUSED = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"}
SUMS = """
import numpy as np
random = np.random.default_rng(1)
a, b = random.normal(size=(20000, 3, 3)), random.uniform(0.1, 5, 20000)
import hashlib
for values in ((a @ a), np.exp(b)):
    print(hashlib.sha256(values.tobytes()).hexdigest())
"""


def lines(change: dict[str, str], *command: str) -> list[str]:
    """What Python prints in a process with another environment."""
    environment = {**os.environ, **change}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=True, timeout=280
    )
    return done.stdout.splitlines()


def test_towns_frames_sensors_sketches_and_drives_do_not_depend_on_the_width_of_the_processors_registers() -> None:
    # The settings must work on this machine, else the comparison says nothing.
    wide, narrow = lines({}, "-c", SUMS), lines(NARROW, "-c", SUMS)
    if wide == narrow:
        pytest.skip("this processor is itself a narrow one")
    here, there = lines({}, str(SCRIPT)), lines(NARROW, str(SCRIPT))
    assert len(here) > 100
    for part in (
        "LiDAR",
        "obstacles",
        "sketch",
        "drive",
        "camera.optical_flow",
        "camera.dvs",
        "other.imu",
        "other.v2x",
    ):
        assert any(part in line for line in here)
    assert here == there


@pytest.mark.slow
def test_kernels_compiled_for_any_processor_give_the_same_frames_scans_sketches_and_drives(tmp_path: Path) -> None:
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    pictures = ("frames", "rays", "sketches")
    changed = lines({**NARROW, **UNFUSED, **generic}, str(SCRIPT), *pictures)
    assert len(changed) > 100
    assert changed == lines({}, str(SCRIPT), *pictures)
    # Physics takes sines from the C library: with its fused multiply-add, as every processor since 2013 has it.
    moving = ("drives", "sensors")
    assert lines({**NARROW, **generic}, str(SCRIPT), *moving) == lines({}, str(SCRIPT), *moving)
    assert list(tmp_path.iterdir())
