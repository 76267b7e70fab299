"""Where recordings lie, and why a client's file name cannot lead anywhere else."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sim.server.errors import CallError

MAX_NAME = 512
_SEPARATORS = re.compile(r"[/\\:]+")
_PART = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


def default_folder() -> Path:
    """`pilotage/recordings` in the user's cache folder (XDG base directory specification)."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if os.path.isabs(cache) else Path.home() / ".cache") / "pilotage" / "recordings"


def locate(folder: Path, name: str) -> Path:
    """The file inside `folder` that a client means by `name`.

    CARLA takes a name with `/`, `\\` or `:` for a path on the server. Here such a path is kept, but below `folder`: the
    same name always means the same file, and none of them lies outside. Raises CallError for a name with `..`, with
    control characters, too long, or that a symbolic link leads out of the folder.
    """
    parts = [part for part in _SEPARATORS.split(name) if part not in ("", ".")]
    if not parts or len(name) > MAX_NAME or ".." in parts or not all(_PART.fullmatch(part) for part in parts):
        raise CallError(f"recorder: {name!r:.80} is no file name inside the recordings folder")
    root = folder.resolve()
    path = root.joinpath(*parts).resolve()
    if not path.is_relative_to(root) or path == root:
        raise CallError(f"recorder: {name!r:.80} leads out of the recordings folder")
    return path
