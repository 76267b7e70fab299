"""The page is whole on its own, shows what it was given, and runs nothing that it was given."""

from __future__ import annotations

import base64
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from rollouts.report import ReportData, smooth, write_report
from rollouts.statistics import wilson
from rollouts.storage import StorageError
from rollouts.video import write_h264


def _policy(k: int, n: int) -> dict:
    interval, crashes = wilson(k, n), wilson(n - k, n)
    return {
        "episodes": n,
        "success": {"k": k, "n": n, "rate": k / n, "low": interval.low, "high": interval.high},
        "outcomes": {"success": k, "collision": n - k - 1, "lost <b>": 1},
        "collisions": {"k": n - k, "n": n, "rate": 1 - k / n, "low": crashes.low, "high": crashes.high},
        "return": {"mean": 0.1, "iqm": 0.25, "low": -0.5, "high": 0.75},
        "decisions": 2 * n,
        "decisions_per_s": 3.25,
        "calls": {"emergency_stop()": n, "lane_change(direction=left)": n},
        "by_kind": {"stop": {"k": k, "n": n}},
    }


def _evaluation() -> dict:
    difference = {"success_points": 48.4, "low": 31.2, "high": 64.1, "mcnemar_p": 0.000012}
    return {
        "task": "EmergencyManeuver",
        "seeds": list(range(64)),
        "policies": {"before": _policy(15, 64), "after": _policy(46, 64)},
        "differences": {"after-before": difference},
    }


def _full(folder: Path) -> ReportData:
    video = folder / "replay.mp4"
    write_h264(video, (np.full((32, 48, 3), 20 * i, np.uint8) for i in range(5)), 10)
    rng = np.random.default_rng(0)
    metrics = [{"step": str(i), "reward": f"{rng.normal(i / 40, 0.2)}", "success": "", "kl": "x"} for i in range(40)]
    for row in metrics[::2]:
        row["success"] = str(rng.random())
    return ReportData(
        name="nightly <script>alert(1)</script>",
        summary="Gemma 4 & 64 seeds",
        config={"training.lr": 1e-5, "seed": 3},
        machine={"cpu": "8 cores", "gpus": []},
        versions={"carla": "0.9.16"},
        evaluation=_evaluation(),
        metrics=metrics,
        timing={"rollouts": 75.0, "updates": 25.0, "everything": 100.0},
        ledger={"jobs": 128, "completed": 127, "restarts": 2, "dropped": 1, "rescheduled": 3, "failures": ["died <i>"]},
        reproduce="pilotage train seed=3 && echo 'done'",
        video=video,
        video_note="First seeds of each kind.",
        notes=["One note."],
    )


def test_the_page_shows_what_it_was_given(tmp_path: Path) -> None:
    data = _full(tmp_path)
    write_report(tmp_path / "report.html", data)
    page = (tmp_path / "report.html").read_text()
    text = " ".join(unescape(re.sub(r"<[^>]*>", " ", page.split("<main>")[1])).split())
    for words in (
        "15/64", "46/64", "23 %", "72 %", "+48 points", "+31 to +64", "p < 0.0001", "+0.25", "−0.50 to +0.75", "3.25",
        "EmergencyManeuver, 64 seeds", "training.lr 1e-05", "8 cores", "gpus none", "carla 0.9.16",
        "rollouts 75.0 75 %", "everything 100.0 100 %", "jobs 128", "restarts 2", "rescheduled 3", "died <i>",
        "pilotage train seed=3 && echo 'done'", "First seeds of each kind.", "One note.", "Gemma 4 & 64 seeds",
        "moving mean over 5 steps",
    ):  # fmt: skip
        assert words in text, words
    assert data.video is not None
    assert f'src="data:video/mp4;base64,{base64.b64encode(Path(data.video).read_bytes()).decode()}"' in page
    assert page.count('src="data:image/svg+xml;base64,') == 4


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", _full(tmp_path))
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://", page)
    assert not re.search(r"<(script|link|iframe|object)\b", page)
    assert "&lt;script&gt;" in page
    assert "<i>" not in page
    for source in re.findall(r'(?:src|href)="([^"]{0,12})', page):
        assert source.startswith("data:")
    assert "default-src 'none'" in page


def test_whatever_is_missing_is_left_out(tmp_path: Path) -> None:
    write_report(tmp_path / "bare.html", ReportData("bare"))
    page = (tmp_path / "bare.html").read_text()
    assert "bare" in page
    for word in ("<video", "<img", "<table", "Ledger", "Reproduce", "Evaluation"):
        assert word not in page
    one = {**_evaluation(), "policies": {"expert": _policy(60, 64)}, "differences": {}}
    metrics = [{"step": 0, "reward": float("nan")}, {"step": 1, "reward": None}]
    write_report(tmp_path / "one.html", ReportData("one", evaluation=one, metrics=metrics, ledger={"jobs": 1}))
    page = (tmp_path / "one.html").read_text()
    assert "No worker failed." in page
    assert page.count("<img") == 3
    write_report(tmp_path / "point.html", ReportData("point", metrics=[{"reward": 1.0}]))
    assert "<img" in (tmp_path / "point.html").read_text()


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere\.mp4"):
        write_report(tmp_path / "report.html", ReportData("x", video=tmp_path / "nowhere.mp4"))
    assert not (tmp_path / "report.html").exists()


def test_the_moving_mean_and_its_interval() -> None:
    mean, low, high = smooth(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 3)
    np.testing.assert_allclose(mean, [1.5, 2, 3, 4, 4.5])
    half = 1.959964 * 1.0 / np.sqrt(3)
    np.testing.assert_allclose([low[2], high[2]], [3 - half, 3 + half])
    assert [part.tolist() for part in smooth(np.array([7.0]), 5)] == [[7.0]] * 3
