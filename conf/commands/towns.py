"""`pilotage towns`: which towns there are, and their OpenDRIVE text as a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from conf.errors import ConfigError
from sim.maps import available_towns
from sim.maps.generator import SPLITS, STYLES, town_name
from sim.maps.generator.names import SEEDS
from sim.maps.library import STAND_INS
from sim.maps.town import UnknownTown, town_text

# What the built-in towns are; the styles speak for themselves.
BUILT_IN = {
    "Pilotage01": "highways; the quickstart's town",
    "Pilotage02": "small downtown",
    "Pilotage03": "Suburb",
    "Pilotage04": "Motorway",
    "Pilotage05": "Grid",
    "Pilotage06": "Rural",
    "Pilotage07": "Track",
}


def run(arguments: list[str]) -> int:
    """List towns, or write one. Raises ConfigError."""
    parser = argparse.ArgumentParser("pilotage towns", description="List the towns, or write the roads of one.")
    commands = parser.add_subparsers(dest="command", metavar="write")
    write = commands.add_parser("write", help="write a town's OpenDRIVE text", description="Write OpenDRIVE text.")
    write.add_argument("town", help="a built-in town, or style, split and seed, e.g. Grid-train-0007")
    write.add_argument("output", type=Path, help="the .xodr file")
    write.add_argument("--overwrite", action="store_true", help="replace the file if there is one")
    options = parser.parse_args(arguments)
    if options.command == "write":
        return write_town(options.town, options.output, options.overwrite)
    list_towns()
    return 0


def list_towns() -> None:
    """Print built-in towns, and what names of towns by seed are made of."""
    console = Console()
    built_in = Table("built-in", "style", "CARLA's names that it stands in for", box=None, pad_edge=False)
    for name in available_towns():
        stands_in = ", ".join(town for town, own in STAND_INS.items() if own == name)
        built_in.add_row(name, BUILT_IN.get(name, ""), stands_in)
    console.print(built_in)
    by_seed = Table("towns by seed", "", box=None, pad_edge=False)
    by_seed.add_row("style", ", ".join(STYLES))
    by_seed.add_row("split", ", ".join(SPLITS))
    by_seed.add_row("seed", f"0000 to {SEEDS - 1}")
    by_seed.add_row("one", f"sim.town={town_name('Grid', 'train', 7)}")
    by_seed.add_row("many", "sim.town=Grid or sim.town=Grid+Rural: each episode draws a town of its split")
    console.print()
    console.print(by_seed, highlight=False)


def write_town(town: str, output: Path, overwrite: bool) -> int:
    """Write the OpenDRIVE text of `town`, whole or not at all. Raises ConfigError."""
    from rollouts.storage import write_atomic

    try:
        text = town_text(town)
    except UnknownTown as error:
        raise ConfigError(str(error)) from None
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already; choose another name, or say --overwrite")
    write_atomic(output, text)
    Console().print(f"  {output}  ({len(text.encode()):,} bytes)", highlight=False, soft_wrap=True)
    return 0
