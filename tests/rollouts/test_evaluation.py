"""Summaries of made-up episodes against counts by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from policy.interface import Decision
from rollouts.episode import Episode, EpisodeTurn, Job
from rollouts.evaluation import TABLE_COLUMNS, EvaluationError, summarise, table_rows, write_evaluation
from rollouts.statistics import wilson
from sim.tasks.protocol import ToolCall

STOP, LEFT = ToolCall("emergency_stop"), ToolCall("lane_change", {"direction": "left"})
FRAME = np.zeros((2, 2, 3), np.uint8)


def _made(seed: int, outcome: str, calls: list[ToolCall | None], kind: str = "stop", seconds: float = 0.5) -> Episode:
    success = outcome == "success"
    events = [{"type": "collision", "time_s": 1.0}] if outcome == "collision" else []
    turns = tuple(
        EpisodeTurn("", FRAME, Decision(str(seed), index, call, seconds=seconds), 0.0, {"events": events})
        for index, call in enumerate(calls)
    )
    info0 = {"scenario": {"kind": kind}}
    return Episode(str(seed), Job(seed), turns, info0, outcome, success, 1.0 if success else -1.0, FRAME, 1.0)


def _summary() -> dict:
    before = [
        _made(1, "collision", [LEFT]),
        _made(2, "collision", [None, LEFT], "near_left"),
        _made(3, "needless_stop", [STOP], "clear"),
        _made(4, "success", [STOP]),
    ]
    after = [
        _made(4, "success", [STOP]),
        _made(1, "success", [STOP]),
        _made(2, "success", [LEFT], "near_left"),
        _made(3, "needless_stop", [STOP], "clear"),
    ]
    return summarise("EmergencyManeuver", [1, 2, 3, 4], {"after": after, "before": before})


def test_counts_rates_and_intervals() -> None:
    summary = _summary()
    assert list(summary) == ["task", "seeds", "policies", "differences"]
    assert list(summary["policies"]) == ["before", "after"]
    before = summary["policies"]["before"]
    interval = wilson(1, 4)
    assert before["success"] == {"k": 1, "n": 4, "rate": 0.25, "low": interval.low, "high": interval.high}
    assert before["collisions"]["k"] == 2
    assert before["outcomes"] == {"collision": 2, "needless_stop": 1, "success": 1}
    assert before["calls"] == {"emergency_stop()": 2, "lane_change(direction=left)": 2, "unreadable": 1}
    assert before["by_kind"] == {"clear": {"k": 0, "n": 1}, "near_left": {"k": 0, "n": 1}, "stop": {"k": 1, "n": 2}}
    assert before["decisions"] == 5
    assert before["decisions_per_s"] == pytest.approx(2.0)
    assert before["return"]["mean"] == pytest.approx(-0.5)
    assert before["return"]["low"] <= before["return"]["iqm"] <= before["return"]["high"]


def test_the_difference_is_paired() -> None:
    difference = _summary()["differences"]["after-before"]
    assert difference["success_points"] == pytest.approx(50.0)
    assert difference["low"] == pytest.approx(0.0)
    assert difference["high"] == pytest.approx(100.0)
    assert difference["mcnemar_p"] == pytest.approx(0.5)


def test_rows_and_file(tmp_path: Path) -> None:
    summary = _summary()
    rows = table_rows(summary)
    assert [len(row) for row in rows] == [len(TABLE_COLUMNS)] * 2
    assert rows[0][:2] == ("before", "25% 1/4")
    write_evaluation(summary, tmp_path / "evaluation.json")
    assert json.loads((tmp_path / "evaluation.json").read_text()) == summary


def test_nothing_collected_is_said() -> None:
    with pytest.raises(EvaluationError, match="'after' ended no episode"):
        summarise("EmergencyManeuver", [1], {"after": []})
    one = [_made(1, "success", [STOP])]
    with pytest.raises(EvaluationError, match="twice"):
        summarise("EmergencyManeuver", [1], {"before": one * 2, "after": one})
    with pytest.raises(EvaluationError, match="share no seed"):
        summarise("EmergencyManeuver", [1], {"before": [_made(2, "success", [STOP])], "after": one})
    assert summarise("EmergencyManeuver", [1], {"random": one})["differences"] == {}
    timeless = summarise("EmergencyManeuver", [1], {"random": [_made(1, "success", [STOP], seconds=0.0)]})
    assert timeless["policies"]["random"]["decisions_per_s"] == 0.0
    assert table_rows(timeless)[0][-1] == "–"
