"""How this process uses the machine; called once, before the first tensor."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MMAP_THRESHOLD = 32 << 20


def quiet_libraries() -> None:
    """No progress bars of loading and saving among ours, and no warnings that a user can do nothing about."""
    import warnings

    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for category in (FutureWarning, UserWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(torch|transformers|trl|accelerate|peft)\b.*")


def prepare_process() -> None:
    """Keep freed memory, and let waiting threads sleep.

    glibc gives buffers above 128 KiB back to the system at once, and the page faults of getting them again cost more
    than the arithmetic of a small model. OpenMP's waiting threads spin by default: beside environment workers that
    makes a decision take up to fifty times as long. Only works before torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if sys.platform == "linux":
        try:
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
            libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        except (OSError, AttributeError):
            return
