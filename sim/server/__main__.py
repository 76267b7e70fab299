"""`python -m sim.server`: embedded CARLA worlds. Prints a JSON line on stdout when they accept connections."""

from __future__ import annotations

import logging
import sys

from sim.server.config import parse
from sim.server.errors import ServerStartError
from sim.server.lifetime import end_with_parent
from sim.server.logs import RepetitionFilter


def main(arguments: list[str] | None = None) -> int:
    """Run a server; returns the exit status."""
    config = parse(arguments)
    if config.exit_with_parent:
        # First of all: importing takes long enough for a parent to die meanwhile.
        end_with_parent()
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RepetitionFilter())
    logging.basicConfig(
        level=config.log_level.upper(), handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Numba's own debug messages would drown the server's.
    logging.getLogger("numba").setLevel(logging.WARNING)
    from sim.server.server import run

    try:
        run(config)
    except ServerStartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
