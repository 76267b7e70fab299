"""`python -m sim.server`: one embedded CARLA server. Prints a JSON line on stdout when it accepts connections."""

from __future__ import annotations

import argparse
import logging
import sys

from sim.server.config import ServerConfig
from sim.server.errors import ServerStartError


def main(arguments: list[str] | None = None) -> int:
    """Run a server; returns the exit status."""
    defaults = ServerConfig()
    parser = argparse.ArgumentParser(prog="python -m sim.server", description="Embedded CARLA 0.9.16 server")
    parser.add_argument("--host", default=defaults.host, help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=defaults.port, help="RPC port, 0 for a free pair (%(default)s)")
    parser.add_argument("--town", default=defaults.town, help="town loaded at start (default %(default)s)")
    parser.add_argument("--maps", default=defaults.maps, help="folder of .xodr files that can be loaded by name")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="seed of sensor noise (default %(default)s)")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin reaches end of file")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Numba's own debug messages would drown the server's.
    logging.getLogger("numba").setLevel(logging.WARNING)
    config = ServerConfig(
        host=options.host,
        port=options.port,
        town=options.town,
        maps=options.maps,
        seed=options.seed,
        exit_with_parent=options.exit_with_parent,
    )
    from sim.server.server import run

    try:
        run(config)
    except ServerStartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
