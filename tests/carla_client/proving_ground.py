"""OpenDRIVE roads where CARLA's smoke tests put their cars in Town03 and Town05: long, straight, wide and empty.

The stand-ins of these towns have houses there. CARLA's own files of the towns may not be part of this project.
"""

from __future__ import annotations

import math
from pathlib import Path

LANE_M = 3.5


_LANE = (
    '<lane id="{identifier}" type="driving" level="false"><width sOffset="0" a="{width}" b="0" c="0" d="0"/>'
    '<roadMark sOffset="0" type="broken" weight="standard" color="white" width="0.15" laneChange="both"/></lane>'
)
_ROAD = (
    '<road name="" length="{length}" id="{number}" junction="-1"><link/><planView>'
    '<geometry s="0" x="{x}" y="{y}" hdg="{heading}" length="{length}"><line/></geometry></planView>'
    '<elevationProfile/><lateralProfile/><lanes><laneSection s="0"><left>{left}</left>'
    '<center><lane id="0" type="none" level="false"/></center><right>{right}</right></laneSection></lanes></road>'
)


def _road(number: int, x: float, y: float, heading: float, length: float, lanes: int) -> str:
    """A straight road from (x, y) in CARLA's frame along `heading` (degrees clockwise), `lanes` on either side."""
    left, right = (
        "".join(_LANE.format(identifier=identifier, width=LANE_M) for identifier in identifiers)
        for identifiers in (range(lanes, 0, -1), range(-1, -lanes - 1, -1))
    )
    return _ROAD.format(number=number, length=length, x=x, y=-y, heading=-math.radians(heading), left=left, right=right)


def write(folder: Path) -> None:
    """Town03.xodr and Town05.xodr."""
    roads = {
        "Town03": [_road(0, 235.0, -200.0, 90.0, 500.0, 4), _road(1, -100.0, -256.0, 0.0, 300.0, 12)],
        "Town05": [_road(0, 33.0, -400.0, 90.0, 1000.0, 8)],
    }
    for name, parts in roads.items():
        header = f'<header revMajor="1" revMinor="4" name="{name}" version="1"/>'
        (folder / f"{name}.xodr").write_text(f"<OpenDRIVE>{header}{''.join(parts)}</OpenDRIVE>")
