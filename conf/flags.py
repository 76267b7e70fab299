"""Command lines in the style of other servers: `--port 2000` and `--port=2000` become Hydra's `port=2000`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conf.errors import ConfigError

# Hydra 1.3's own flags, and whether a value may follow as an argument of its own (`hydra/_internal/utils.py`).
HYDRA_FLAGS = {
    "--help": False, "-h": False, "--hydra-help": False, "--version": False, "--cfg": True, "-c": True,
    "--resolve": False, "--package": True, "-p": True, "--run": False, "-r": False, "--multirun": False, "-m": False,
    "--shell-completion": False, "-sc": False, "--config-path": True, "-cp": True, "--config-name": True, "-cn": True,
    "--config-dir": True, "-cd": True, "--experimental-rerun": True, "--info": True, "-i": True,
}  # fmt: skip
_PLAIN = re.compile(r"0|[1-9][0-9]*|[A-Za-z_/][\w./:-]*", re.ASCII)


def as_overrides(arguments: list[str], keys: Iterable[str], switches: Iterable[str]) -> list[str]:
    """`arguments` with `--some-key value` as `some_key=value` for the known keys; the rest stays as it is.

    A switch needs no value: `--exit-with-parent` sets it, `--no-exit-with-parent` clears it. Raises ConfigError for a
    flag that is neither Hydra's nor ours, and for one without its value.
    """
    known, bare = set(keys), set(switches)
    out: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        flag, equals, value = argument.partition("=")
        if not argument.startswith("-") or flag in HYDRA_FLAGS:
            out.append(argument)
            if not equals and HYDRA_FLAGS.get(flag) and rest:
                out.append(rest.pop(0))
            continue
        key = flag.lstrip("-").replace("-", "_")
        if not equals and key in bare:
            value = "true"
        elif not equals and key.startswith("no_") and key[3:] in bare:
            key, value = key[3:], "false"
        elif key not in known or not flag.startswith("--"):
            raise ConfigError(f"{flag} is no option; choose from {', '.join(_flag(name) for name in sorted(known))}")
        elif not equals:
            if not rest or rest[0].startswith("--"):
                raise ConfigError(f"{flag} needs a value, e.g. {flag}=...")
            value = rest.pop(0)
        out.append(f"{key}={_quoted(value)}")
    return out


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def _quoted(value: str) -> str:
    """A value that Hydra's grammar reads as this text."""
    if _PLAIN.fullmatch(value):
        return value
    # Hydra takes a quoted value as it is, but for escaped quotes, and backslashes in front of a quote.
    escaped = re.sub(r"(\\*)'", lambda found: found.group(1) * 2 + r"\'", value)
    escaped = re.sub(r"(\\+)$", lambda found: found.group(1) * 2, escaped)
    return f"'{escaped}'"
