"""A short `make fuzz`, and that the fuzzer notices a server that crashes, hangs or fails inside."""

from __future__ import annotations

import os
import signal

import fuzz
import pytest


@pytest.mark.parametrize("seed", [1, 2])
def test_extreme_and_broken_traffic_finds_nothing_wrong(seed):
    findings = fuzz.run(seed, epochs=4, cases=150)
    assert findings.problems == []
    assert findings.cases == 600


@pytest.fixture
def fuzzer():
    made = fuzz.Fuzzer(0)
    yield made
    made.close()


def test_the_fuzzer_reports_a_crash_and_goes_on_with_a_new_server(fuzzer, monkeypatch):
    original = fuzzer._look_after_the_bystander

    def kill_first() -> None:
        if not fuzzer.findings.problems:
            os.kill(fuzzer._server.pid, signal.SIGKILL)
        original()

    monkeypatch.setattr(fuzzer, "_look_after_the_bystander", kill_first)
    fuzzer.epoch(0, 20)
    assert len(fuzzer.findings.problems) == 1
    assert "crash: the server ended with -9" in fuzzer.findings.problems[0]
    fuzzer.epoch(1, 20)
    assert len(fuzzer.findings.problems) == 1


def test_the_fuzzer_reports_a_hang(fuzzer, monkeypatch):
    monkeypatch.setattr(fuzz, "PATIENCE_S", 0.5)
    monkeypatch.setattr(
        fuzzer, "_look_after_the_bystander", lambda: os.kill(fuzzer._server.pid, signal.SIGSTOP)
    )  # fmt: skip
    fuzzer.epoch(0, 20)
    assert any("hang" in problem for problem in fuzzer.findings.problems)


def test_the_fuzzer_reports_tracebacks_in_the_servers_log(fuzzer):
    fuzzer._where = 0
    fuzzer._last = "nothing"
    fuzzer._log.write(
        b"2026-01-01 ERROR sim.server.rpc: version failed inside the server\nTraceback (most recent call last):\n"
        b'  File "x.py", line 1, in y\nZeroDivisionError: division by zero\n'
    )
    fuzzer._log.flush()
    fuzzer._read_log()
    assert "ZeroDivisionError" in fuzzer.findings.problems[0]
