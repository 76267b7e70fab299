"""The `pilotage` command: what it shows, and that bad input gets one clear line and no traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.maps.town import town_text

PILOTAGE = Path(sys.executable).with_name("pilotage")


def pilotage(*arguments: str, cwd: Path, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PILOTAGE_CACHE": str(cwd / "cache"), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    return subprocess.run(
        [str(PILOTAGE), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, env=environment
    )


@pytest.mark.parametrize("command", ["train", "evaluate", "replay", "drive", "serve", "doctor"])
def test_help_lists_the_groups_and_composes(command: str, tmp_path: Path) -> None:
    answer = pilotage(command, "--help", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "name: " in answer.stdout
    if command == "train":
        for group in ("sim", "task", "policy", "training", "rollouts", "cluster", "logging", "experiment"):
            assert re.search(rf"^{group}: ", answer.stdout, re.MULTILINE), group


def test_no_command_and_an_unknown_one_say_which_there_are(tmp_path: Path) -> None:
    assert "train" in pilotage(cwd=tmp_path).stdout
    unknown = pilotage("trian", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "no command 'trian'" in unknown.stderr


@pytest.mark.parametrize("experiment", ["quickstart", "smoke", "emergency_e2b"])
def test_every_experiment_composes(experiment: str, tmp_path: Path) -> None:
    answer = pilotage("train", f"experiment={experiment}", "--cfg", "job", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert f"name: {experiment}" in answer.stdout


MISTAKES = [
    (["train", "training.learning_rat=1"], "learning_rat"),
    (["train", "training.steps=many"], "training.steps"),
    (["train", "policy=gpt"], "gpt"),
    (["train", "policy=expert"], "policy.driver=expert: only a model can be trained"),
    (["train", "policy.temperature=0"], "policy.temperature"),
    (["train", "policy.thought=none"], "training.warm_start.enabled=false"),
    (["train", "policy.lora.rank=4"], "policy.lora.rank=0"),
    (["train", "training.group_size=1"], "training.group_size=1"),
    (["train", "training.updates_per_batch=5"], "training.updates_per_batch=5: it must divide"),
    (["train", "training.decay_share=1.5"], "training.decay_share=1.5: it must be from 0 to 1"),
    (["train", "training.microbatch=5"], "training.microbatch=5"),
    (["train", "evaluation.episodes=2", "replay.seeds=3"], "replay.seeds=3"),
    (["train", "resume=nowhere"], "resume=nowhere: no run there"),
    (["replay", "run=nowhere"], "run=nowhere: no run there"),
    (["evaluate", "policy=constant", "policy.call="], "policy.call is empty"),
]


@pytest.mark.parametrize(("arguments", "says"), MISTAKES, ids=[" ".join(arguments) for arguments, _ in MISTAKES])
def test_a_broken_config_is_refused_when_it_is_composed(arguments: list[str], says: str, tmp_path: Path) -> None:
    answer = pilotage(*arguments, cwd=tmp_path)
    assert answer.returncode != 0
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr + answer.stdout


FAILURES = [
    (["drive", "sim=carla", "sim.port=1"], "no CARLA server answers at 127.0.0.1:1"),
    (["drive", "sim=carla", "sim.host=no-such-host.invalid"], "no-such-host.invalid"),
    (["drive", "sim.town=Atlantis"], "sim.town='Atlantis'"),
    (["drive", "policy=checkpoint", "policy.model=./missing"], "policy.model=./missing: there is no such folder"),
    (["drive", "policy=gemma4_e2b", "policy.lora.rank=0"], "google/gemma-4-E2B-it"),
    (["evaluate", "policy=constant", "policy.call='brake(intensity=hard)'"], "brake"),
]


@pytest.mark.parametrize(("arguments", "says"), FAILURES, ids=[" ".join(arguments) for arguments, _ in FAILURES])
def test_what_the_world_lacks_is_said_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    answer = pilotage(*arguments, cwd=tmp_path)
    assert answer.returncode != 0
    lines = [line for line in answer.stderr.splitlines() if line.startswith("pilotage: ")]
    assert len(lines) == 1
    assert says in lines[0]
    assert "Traceback" not in answer.stderr + answer.stdout


def test_drive_tells_an_episode_call_by_call(tmp_path: Path) -> None:
    answer = pilotage("drive", "policy=expert", "seed=7", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "success after" in answer.stdout


def test_evaluate_writes_what_it_prints(tmp_path: Path) -> None:
    answer = pilotage(
        "evaluate", "policy=random", "evaluation.episodes=8", "rollouts=in_process", "hydra.run.dir=out", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert "/8" in answer.stdout
    assert (tmp_path / "out" / "evaluation.json").is_file()


def test_doctor_finds_nothing_wrong_here(tmp_path: Path) -> None:
    answer = pilotage("doctor", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout
    assert "H.264" in answer.stdout


def test_towns_are_listed_and_written_and_files_not_overwritten_unasked(tmp_path: Path) -> None:
    listed = pilotage("towns", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    for word in ("Pilotage01", "Pilotage07", "Rural", "validation", "Grid-train-0007"):
        assert word in listed.stdout
    written = pilotage("towns", "write", "Track-test-0003", "out.xodr", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "out.xodr").read_text("utf-8") == town_text("Track-test-0003")
    again = pilotage("towns", "write", "Track-test-0004", "out.xodr", cwd=tmp_path)
    assert again.returncode == 2
    assert "out.xodr is there already" in again.stderr
    assert (tmp_path / "out.xodr").read_text("utf-8") == town_text("Track-test-0003")
    assert pilotage("towns", "write", "Track-test-0004", "out.xodr", "--overwrite", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out.xodr").read_text("utf-8") == town_text("Track-test-0004")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.xodr"]
    unknown = pilotage("towns", "write", "Track-trial-0004", "other.xodr", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "there is no town 'Track-trial-0004'" in unknown.stderr
