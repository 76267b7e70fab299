"""`--key value` and `key=value` say the same to `pilotage serve`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from conf.errors import ConfigError
from conf.flags import as_overrides
from sim.server.config import ServerConfig, command_line, parse

PILOTAGE = Path(sys.executable).with_name("pilotage")
KEYS = ("port", "host", "exit_with_parent", "town")


def test_flags_become_overrides_and_hydras_own_stay():
    arguments = ["--port", "2000", "town=X", "--host=0.0.0.0", "--cfg", "job", "--exit-with-parent", "--help"]
    assert as_overrides(arguments, KEYS, ["exit_with_parent"]) == [
        "port=2000", "town=X", "host='0.0.0.0'", "--cfg", "job", "exit_with_parent=true", "--help",
    ]  # fmt: skip
    assert as_overrides(["--no-exit-with-parent"], KEYS, ["exit_with_parent"]) == ["exit_with_parent=false"]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), min_size=1, max_size=12))
def test_a_value_reaches_hydra_as_it_was_typed(text):
    [override] = as_overrides([f"--town={text}"], KEYS, [])
    value = OverridesParser.create().parse_override(override).value()
    assert str(getattr(value, "text", value)).lower() == text.lower() or text.lower() == "null"


@pytest.mark.parametrize(("arguments", "says"), [(["--prot", "1"], "--prot.*--port"), (["--port"], "--port needs")])
def test_an_unknown_flag_and_a_missing_value_are_named(arguments, says):
    with pytest.raises(ConfigError, match=says):
        as_overrides(arguments, KEYS, [])


def test_the_server_reads_back_every_option_that_the_command_passes_on():
    config = ServerConfig(
        host="::1", port=2010, worlds=3, town="Town 'X' = 1", maps="/a b/", seed=7, max_fps=12.5, exit_with_parent=True,
        subscription_wait_s=0.5, max_backlog_mb=9, log_level="error",
    )  # fmt: skip
    assert parse(command_line(config)) == config
    assert parse([]) == ServerConfig()


def test_serve_with_flags_starts_every_world(tmp_path: Path):
    command = [str(PILOTAGE), "serve", "--port", "0", "--worlds=2", "--seed", "1", "--host", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        assert server.stdout is not None
        assert "free ports" in server.stdout.readline()
        ready = json.loads(server.stdout.readline())
        assert len(ready["ports"]) == 2
        server.terminate()
        assert server.wait(15) == 0


def test_an_open_address_is_warned_of_and_a_taken_port_names_the_fix(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-m", "sim.server", "--host", "0.0.0.0", "--port", "0", "--exit-with-parent"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stdin is not None
        assert server.stderr is not None
        port = json.loads(server.stdout.readline())["port"]
        taken = subprocess.run(
            [str(PILOTAGE), "serve", "--port", str(port)], capture_output=True, text=True, cwd=tmp_path, timeout=60
        )
        assert taken.returncode == 2
        assert "choose another --port" in taken.stderr.splitlines()[-1]
        assert "Traceback" not in taken.stderr
        server.stdin.close()
        assert "controls the simulator" in server.stderr.read()
