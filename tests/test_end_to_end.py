"""`pilotage train` from start to report, killed, interrupted and resumed, at the size of experiment=smoke."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import psutil
import pytest

PILOTAGE = Path(sys.executable).with_name("pilotage")


def command(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PILOTAGE_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [str(PILOTAGE), "train", "experiment=smoke", "rollouts.workers=2", *overrides],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 240.0) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    code, out, err = finish(command(folder, "hydra.run.dir=runs/day/first"))
    assert code == 0, err[-2000:]
    assert "report.html" in out
    assert "Traceback" not in err
    return folder / "runs" / "day" / "first"


def test_a_run_leaves_everything_that_it_promises(run: Path) -> None:
    summary = json.loads((run / "evaluation.json").read_text())
    assert summary["task"] == "pilotage/EmergencyManeuver-v0"
    assert list(summary["policies"]) == ["random", "before", "after", "expert"]
    assert set(summary["policies"]["after"]["success"]) == {"k", "n", "rate", "low", "high"}
    for name in ("config.yaml", "versions.json", "ledger.json", "checkpoint/tools.json", "checkpoint/policy.json"):
        assert (run / name).stat().st_size > 0, name
    assert list((run / "tensorboard").glob("events.out.*"))
    assert (run.parent.parent / "latest").resolve() == run
    page = (run / "report.html").read_text()
    assert "data:video/mp4;base64," in page
    with av.open(str(run / "replay.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


def test_sampler_and_learner_agree_in_every_step(run: Path) -> None:
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [float(row["step"]) for row in rows] == [1.0, 2.0]
    assert max(float(row["logprob_max_diff"]) for row in rows) < 1e-4


def test_the_checkpoint_loads_with_from_pretrained_alone(run: Path) -> None:
    from transformers import AutoTokenizer, Gemma4ForConditionalGeneration

    model, report = Gemma4ForConditionalGeneration.from_pretrained(run / "checkpoint", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert len(AutoTokenizer.from_pretrained(run / "checkpoint")) == model.config.text_config.vocab_size
    assert list((run / "checkpoint").glob("*.safetensors"))
    assert not list((run / "checkpoint").glob("*.bin"))


def test_a_finished_run_resumes_where_it_stopped(run: Path, folder: Path) -> None:
    code, out, err = finish(command(folder, f"resume={run}", "training.steps=3", "replay.enabled=false"))
    assert code == 0, err[-2000:]
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [float(row["step"]) for row in rows] == [1.0, 2.0, 3.0]
    assert "from the cache" in out


def test_ctrl_c_saves_and_says_how_to_go_on(folder: Path) -> None:
    process = command(folder, "hydra.run.dir=runs/day/stopped", "training.steps=500", "training.save_steps=400")
    metrics = folder / "runs" / "day" / "stopped" / "metrics.csv"
    deadline = time.monotonic() + 120.0
    while not (metrics.is_file() and len(metrics.read_text().splitlines()) > 2) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1][-2000:]
        time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    code, out, err = finish(process, 60.0)
    assert code == 130, err[-2000:]
    assert "pilotage train resume=" in out
    assert "Traceback" not in err
    done = len(metrics.read_text().splitlines()) - 1
    saved = list((metrics.parent / "trainer").glob("checkpoint-*"))
    assert [path.name for path in saved] == [f"checkpoint-{done}"]
    assert (saved[0] / "optimizer.pt").is_file()
    assert list(saved[0].glob("rng_state*.pth"))
    code, out, err = finish(
        command(folder, f"resume={metrics.parent}", f"training.steps={done + 1}", "replay.enabled=false")
    )
    assert code == 0, err[-2000:]
    assert len(metrics.read_text().splitlines()) - 1 == done + 1


def test_killing_a_worlds_server_costs_its_episodes_only(folder: Path) -> None:
    process = command(
        folder, "hydra.run.dir=runs/day/killed", "training.steps=40", "replay.enabled=false", "rollouts.max_attempts=30"
    )
    metrics = folder / "runs" / "day" / "killed" / "metrics.csv"
    deadline = time.monotonic() + 120.0
    while not metrics.is_file() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1][-2000:]
        time.sleep(0.1)
    # A server that dies between two episodes costs nothing at all: kill until one dies within an episode.
    for _ in range(8):
        for victim in _servers_below(process.pid):
            victim.send_signal(signal.SIGKILL)
        time.sleep(1.0)
    code, _, err = finish(process)
    assert code == 0, err[-2000:]
    ledger = json.loads((metrics.parent / "ledger.json").read_text())
    assert ledger["rescheduled"] == ledger["dropped"] >= 1
    assert ledger["completed"] == ledger["jobs"]
    assert any("SIGKILL" in failure for failure in ledger["failures"])
    assert "SIGKILL" in (metrics.parent / "report.html").read_text()


def test_a_checkpoint_that_cannot_be_written_ends_in_one_line(folder: Path) -> None:
    """The place of the checkpoint is taken by a file, which the file system refuses as it would a full disk."""
    blocked = folder / "runs" / "day" / "full" / "trainer"
    blocked.mkdir(parents=True)
    (blocked / "checkpoint-1").write_text("in the way")
    code, _, err = finish(command(folder, "hydra.run.dir=runs/day/full"))
    assert code == 1
    assert [line for line in err.splitlines() if line.startswith("pilotage: the checkpoint")]
    assert "Traceback" not in err
    assert [path.name for path in blocked.glob("*checkpoint*")] == ["checkpoint-1"]
    assert (blocked / "checkpoint-1").read_text() == "in the way"


def _servers_below(pid: int) -> list[psutil.Process]:
    """Embedded servers whose run has this working folder: Ray's workers are no children of the run's process."""
    home = psutil.Process(pid).cwd()
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if "sim.server" in (process.info["cmdline"] or []) and _origin(process) == home:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _origin(process: psutil.Process) -> str:
    parent = process.parent()
    return parent.cwd() if parent is not None else ""
