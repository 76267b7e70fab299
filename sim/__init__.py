"""The simulator. Imported before any kernel, so here it is seen to that Numba finds a place for what it compiles."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def _takes_files(folder: Path) -> bool:
    """Whether a folder is there, or can be made, and files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _kernel_cache() -> str | None:
    """A folder for Numba where it would find none: the one that NUMBA_CACHE_DIR names, if it does, and those next to
    the sources and under the home folder are not writable.

    Without one, Numba raises "no locator available" at the first import. Where it would quietly go on to another folder
    than the named one, somebody must say so: it compiles again what is in there.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        if _takes_files(Path(named)):
            return None
        print(
            f"NUMBA_CACHE_DIR={named} cannot be written to: compiled kernels are kept elsewhere; name another folder",
            file=sys.stderr,
        )
    sources = Path(__file__).resolve().parent
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~").expanduser() / ".cache")
    for folder in (sources, home):
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if os.access(folder, os.W_OK):
            return None
    folder = Path(tempfile.gettempdir()) / f"pilotage-kernels-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    # Numba unpickles what it finds there: only a folder of our own will do.
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if hasattr(os, "getuid") and (state.st_uid != os.getuid() or state.st_mode & 0o022 or folder.is_symlink()):
        return tempfile.mkdtemp(prefix="pilotage-kernels-")
    return str(folder)


_folder = _kernel_cache()
if _folder is not None:
    os.environ["NUMBA_CACHE_DIR"] = _folder
