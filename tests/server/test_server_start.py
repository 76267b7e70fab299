"""What a start says while it takes long, and that it says nothing when it does not."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from sim.server import compiling


def start(cache: Path | None) -> str:
    """Start a server, end it, and return what it wrote on stderr."""
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": str(cache)} if cache is not None else {})}
    command = [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent"]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["event"] == "ready"
        _, words = server.communicate(timeout=20)
    return words


def test_a_warm_start_is_silent_and_takes_less_than_3_s_of_the_processor(server):
    """Processor time, because other tests run meanwhile: on a machine of one's own it is the time that passes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert start(None) == ""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3.0


def test_a_cache_of_kernels_that_cannot_be_written_is_named_and_does_not_stop_the_server(server, tmp_path):
    """A folder without leave to write in it and, for root, who needs none, one that cannot be made."""
    folder = tmp_path / "kernels"
    if os.getuid() == 0:
        folder.write_text("not a folder")
    else:
        folder.mkdir(mode=0o500)
    words = start(folder)
    assert words.startswith(f"NUMBA_CACHE_DIR={folder} cannot be written to")
    assert "Traceback" not in words


HOLD = "from sim.server import compiling\nwith compiling._turn():\n    print(flush=True)\n    input()"


def test_a_server_waits_while_another_process_compiles_and_no_longer_than_that_one_lives(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for dies in (True, False):
        with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdin is not None
            other.stdout.readline()
            ending = threading.Timer(2.5, other.kill if dies else other.stdin.close)
            ending.start()
            began = time.monotonic()
            with pytest.raises(RuntimeError) if dies else nullcontext(), compiling._turn():
                assert time.monotonic() - began >= 2.4
                if dies:
                    raise RuntimeError
            assert "waiting for it" in capsys.readouterr().err


def test_a_server_waits_for_nobody_once_its_sources_are_compiled_and_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "PATIENCE_S", 0.2)
    with compiling._turn():
        began = time.monotonic()
        with compiling._turn():
            assert 0.2 <= time.monotonic() - began < 2.0
    began = time.monotonic()
    with compiling._turn(), compiling._turn():
        assert time.monotonic() - began < 0.2


@pytest.mark.slow
def test_of_servers_that_start_at_once_with_an_empty_cache_one_compiles(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        words = [future.result() for future in [pool.submit(start, tmp_path) for _ in range(3)]]
    assert sum("compiling the simulator for this machine" in heard for heard in words) == 1
    assert sum("another process compiles" in heard for heard in words) == 2
    assert start(tmp_path) == ""


KERNELS = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from sim.server.compiling import PARTS, compile_part

def signatures():
    found = [thing for thing in gc.get_objects() if isinstance(thing, Dispatcher)]
    return {(d.py_func.__module__, d.py_func.__name__): len(d.signatures) for d in found if d.signatures}

for part in PARTS:
    compile_part(part)
ready = {name: count for name, count in signatures().items() if name[0].startswith("sim.")}
sys.path.insert(0, sys.argv[1])
import digests
for part in ("sensors", "rays", "sketches"):
    digests.PARTS[part]()
used = {name: count for name, count in signatures().items() if name[0].startswith("sim.")}
print(len(ready), {name: count for name, count in used.items() if ready.get(name) != count},
      {name: count for name, count in ready.items() if count > 1})
"""


def test_no_kernel_is_compiled_twice_or_only_when_a_client_waits_for_it():
    """What a drive at night, scans and sketches run has been compiled before, each kernel for one kind of arrays."""
    digests = Path(__file__).parents[1] / "render"
    done = subprocess.run([sys.executable, "-c", KERNELS, str(digests)], capture_output=True, text=True, timeout=280)
    count, late, twice = done.stdout.splitlines()[-1].split(" ", 1)[0], *done.stdout.splitlines()[-1].split("{")[1:]
    assert int(count) > 25
    assert late.strip() == "}", late
    assert twice.strip() == "}", twice


@pytest.mark.slow
def test_the_first_start_says_that_it_compiles_once(tmp_path):
    words = start(tmp_path)
    assert words.count("compiling the simulator for this machine") == 1
    assert "4 of 5 parts ready" in words
    assert start(tmp_path) == ""
