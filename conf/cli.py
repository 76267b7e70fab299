"""The `pilotage` command: one Hydra application per verb.

pilotage train experiment=quickstart training.learning_rate=1e-4
pilotage train -m seed=0,1,2
pilotage train resume=runs/latest
pilotage evaluate checkpoint=runs/latest/checkpoint episodes=200
pilotage replay run=runs/latest
pilotage drive policy.driver=expert
pilotage serve --port 2000 --worlds 8      (or port=2000 worlds=8)
pilotage doctor
pilotage towns                             (towns write Grid-train-0007 out.xodr)
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from conf.errors import ConfigError
from conf.flags import as_overrides
from sim.server.config import option_names

COMMANDS: dict[str, tuple[str, str]] = {
    "train": ("conf.commands.train", "train a policy: warm start, online RL, evaluation, replay, report"),
    "evaluate": ("conf.commands.evaluate", "evaluate a checkpoint (or expert, random) on held-out seeds"),
    "replay": ("conf.commands.replay", "render the episodes of a run or a checkpoint as a video"),
    "drive": ("conf.commands.drive", "watch one driver take one episode, call by call"),
    "serve": ("conf.commands.serve", "run the embedded CARLA server alone"),
    "doctor": ("conf.commands.doctor", "check that this machine can run Pilotage, and say what is wrong"),
}

# Commands with arguments of their own instead of a config.
PLAIN: dict[str, tuple[str, str]] = {
    "towns": ("conf.commands.towns", "list towns, styles and splits; `towns write NAME FILE.xodr` writes the roads"),
}

USAGE = "usage: pilotage <command> [overrides]    (`pilotage <command> --help` lists its groups)\n\n" + "\n".join(
    f"  {name:9} {what}" for name, (_, what) in {**COMMANDS, **PLAIN}.items()
)

CONFIG_FAILURE, RUN_FAILURE, INTERRUPTED = 2, 1, 130


def main(argv: list[str] | None = None) -> None:
    """Entry point of the console script; exits with 0, 1 (the run failed), 2 (bad config) or 130 (interrupted)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        sys.exit(0)
    command, overrides = arguments[0], arguments[1:]
    if command in PLAIN:
        sys.exit(_plain(command, overrides))
    if command not in COMMANDS:
        print(f"pilotage: no command {command!r}.\n\n{USAGE}", file=sys.stderr)
        sys.exit(CONFIG_FAILURE)
    module, _ = COMMANDS[command]
    try:
        if command == "train":
            overrides = _with_resumed_overrides(overrides)
        elif command == "serve":
            overrides = as_overrides(overrides, option_names(), ("exit_with_parent",))
    except ConfigError as error:
        _fail(error, CONFIG_FAILURE)
    # Hydra reads sys.argv; naming the command there makes its help and errors say `pilotage train`.
    sys.argv = [f"pilotage {command}", *overrides]
    from conf.schema import register

    register()
    hydra.main(version_base="1.3", config_path=".", config_name=command)(_runner(module))()


def _plain(command: str, arguments: list[str]) -> int:
    try:
        return int(import_module(PLAIN[command][0]).run(arguments))
    except ConfigError as error:
        _fail(error, CONFIG_FAILURE)
    except _expected_errors() as error:
        _fail(error, RUN_FAILURE)
    return RUN_FAILURE


def _runner(module: str) -> Callable[[DictConfig], None]:
    def run(config: DictConfig) -> None:
        # Imported late: `--help`, overrides and typos must not wait for torch.
        command = import_module(module)
        try:
            _resolve(config)
            code = command.run(config)
        except ConfigError as error:
            _fail(error, CONFIG_FAILURE)
        except KeyboardInterrupt:
            _fail("interrupted", INTERRUPTED)
        except _expected_errors() as error:
            _fail(error, RUN_FAILURE)
        if code:
            sys.exit(code)

    return run


def _resolve(config: DictConfig) -> None:
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error).splitlines()[0]) from error


def _expected_errors() -> tuple[type[BaseException], ...]:
    """Failures with a message written for the user; anything else is a bug and keeps its traceback."""
    from sim.errors import PilotageError

    return (PilotageError,)


def _fail(error: object, code: int) -> None:
    if os.environ.get("PILOTAGE_TRACEBACK") == "1" and isinstance(error, BaseException):
        raise error
    logging.getLogger("pilotage").debug("failed", exc_info=True)
    print(f"pilotage: {error}", file=sys.stderr)
    sys.exit(code)


def _with_resumed_overrides(overrides: list[str]) -> list[str]:
    """`resume=<run>` recalls the overrides that the run was started with, and continues in its folder.

    What the user types now is appended, so it wins. Raises ConfigError where the folder is no run.
    """
    named = [item.split("=", 1)[1] for item in overrides if item.startswith("resume=")]
    if not named or named[-1] in ("", "null"):
        return overrides
    run = Path(named[-1]).expanduser().resolve()
    recorded = run / ".hydra" / "overrides.yaml"
    if not recorded.is_file():
        raise ConfigError(
            f"resume={named[-1]}: no run there ({recorded} is missing). "
            "Give the folder of a run, e.g. resume=runs/latest"
        )
    before = [str(item) for item in OmegaConf.load(recorded) if not str(item).startswith("resume=")]
    now = [item for item in overrides if not item.startswith("resume=")]
    return [*before, *now, f"resume='{run}'", f"hydra.run.dir='{run}'"]
