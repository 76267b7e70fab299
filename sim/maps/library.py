"""The maps that a server can load by name: built-in towns, a folder of .xodr files, and CARLA's town names."""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from sim.errors import PilotageError
from sim.maps.generator import SPLITS, STYLES, town_name
from sim.maps.layouts import LAYOUTS
from sim.maps.network import InvalidOpenDrive
from sim.maps.town import DEFAULT_TOWN, Town, UnknownTown, is_town, load_town, load_xodr

log = logging.getLogger(__name__)

CACHED_FILES = 4
MAX_FILE_BYTES = 256 * 1024 * 1024

# Towns of CARLA 0.9.16 (https://carla.readthedocs.io/en/0.9.16/core_map/) and the built-in town that stands in for
# each while its own .xodr is not there: the one whose streets are most like them.
STAND_INS: dict[str, str] = {
    "Town01": "Pilotage02",  # small town of T junctions with lights
    "Town02": "Pilotage02",
    "Town03": "Pilotage03",  # roundabout
    "Town04": "Pilotage04",  # motorway
    "Town05": "Pilotage05",  # grid with lights and several lanes
    "Town06": "Pilotage04",  # long motorways with ramps
    "Town07": "Pilotage06",  # rural
    "Town10HD": "Pilotage02",  # downtown
    "Town11": "Pilotage01",  # large maps
    "Town12": "Pilotage01",
    "Town13": "Pilotage01",
    "Town15": "Pilotage05",
}
_OPTIMISED = "_Opt"


class BrokenMap(PilotageError, ValueError):
    """A map file that cannot be read; the message names the file, what is wrong, and what to do."""


class MapLibrary:
    """Finds maps by name; `folder` holds further .xodr files, `announce` is told which town stands in for which.

    Names are looked up in a listing and never become paths, so a client cannot reach outside the folder.
    """

    def __init__(self, folder: str | Path = "", announce: Callable[[str], None] = log.info) -> None:
        """Raises UnknownTown when `folder` is given and is no directory."""
        self._folder = Path(folder) if str(folder) else None
        self._announce = announce
        self._files: OrderedDict[tuple[str, int, int], Town] = OrderedDict()
        # The worlds of a process share its maps: one thread loads, the others find them loaded.
        self._lock = threading.Lock()
        if self._folder is not None and not self._folder.is_dir():
            raise UnknownTown(f"the map folder {str(folder)!r} does not exist; give a directory of .xodr files")

    def names(self) -> tuple[str, ...]:
        """All loadable names: built-in towns, files, then CARLA's towns, which stand-ins answer to."""
        names = dict.fromkeys((*LAYOUTS, *sorted(self._listing())))
        for town in STAND_INS:
            names.update(dict.fromkeys((town, town + _OPTIMISED)))
        return tuple(names)

    def load(self, name: str) -> Town:
        """The map `name`, with or without a path in front, named as asked. Raises UnknownTown, BrokenMap.

        A file of the folder wins over a built-in town, and that over a stand-in; `Town03_Opt` is `Town03` where only
        that exists, as CARLA's layered maps have the same roads. The worlds of one process may call this at once.
        """
        with self._lock:
            return self._load(name)

    def _load(self, name: str) -> Town:
        short = name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".xodr")
        files = self._listing()
        base = short.removesuffix(_OPTIMISED)
        for candidate in (short, base):
            if candidate in files:
                return _named(self._read(files[candidate], candidate), short)
            if is_town(candidate):
                return _named(load_town(candidate), short)
        if base in STAND_INS:
            wanted = STAND_INS[base]
            town = load_town(wanted if wanted in LAYOUTS else DEFAULT_TOWN)
            self._announce(
                f"{short}: CARLA's map is not here, the built-in town {town.name} stands in for it; "
                f"put {base}.xodr into the folder given by --maps to drive its roads"
            )
            return replace(town, name=short, opendrive=_without_negative_widths(town.opendrive))
        raise UnknownTown(
            f"there is no town {name!r:.80}; choose one of {', '.join(self.names())}, "
            f"or one by style, split and seed, such as {town_name(next(iter(STYLES)), SPLITS[0], 7)}"
        )

    def _listing(self) -> dict[str, Path]:
        if self._folder is None:
            return {}
        return {path.stem: path for path in sorted(self._folder.glob("*.xodr")) if path.is_file()}

    def _read(self, path: Path, name: str) -> Town:
        try:
            status = path.stat()
            key = (str(path), status.st_mtime_ns, status.st_size)
            if key in self._files:
                self._files.move_to_end(key)
                return self._files[key]
            if status.st_size > MAX_FILE_BYTES:
                raise InvalidOpenDrive(f"it has {status.st_size} bytes, more than {MAX_FILE_BYTES}")
            town = load_xodr(path, name)
        except (InvalidOpenDrive, OSError, UnicodeDecodeError, RecursionError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            raise BrokenMap(
                f"map {name!r}: {path.name} cannot be read: {reason}; mend the file or take it out of the map folder"
            ) from error
        self._files[key] = town
        while len(self._files) > CACHED_FILES:
            self._files.popitem(last=False)
        return town


_TAPER = re.compile(r'(<width sOffset="0" a=")([^"]+)(" b="0" c="[^"]+" d="[^"]+"/>)')
_ROUNDING_M = 1e-12


@lru_cache(maxsize=4)
def _without_negative_widths(text: str) -> str:
    """The same roads for a client that measures where lanes end.

    A lane that narrows to nothing has a width of -9e-16 m at its very end by the client's arithmetic, and CARLA's own
    maps have none below zero. The built-in town keeps its text; who asks for CARLA's gets 1e-12 m more of these lanes.
    """
    return _TAPER.sub(lambda taper: f"{taper[1]}{_widened(float(taper[2]), taper[3])}{taper[3]}", text)


def _widened(start: float, rest: str) -> str:
    return repr(start + _ROUNDING_M if start > 0.0 and 'd="0.0"' not in rest and 'd="-0.0"' not in rest else start)


def _named(town: Town, name: str) -> Town:
    return town if town.name == name else replace(town, name=name)
