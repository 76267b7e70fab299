"""A number that changes with the text of modules: what Numba's cache must know and does not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType


def fingerprint(*modules: ModuleType) -> int:
    """56 bits of the hash of the modules' sources.

    Numba keys a cached kernel by the one file that it is written in, and would go on running old code after a change
    in another. A kernel that closes over this number has it in its key.
    """
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")
