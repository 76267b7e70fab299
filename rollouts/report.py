"""A run on one page: an HTML file that carries its plots and its video and asks nothing of the network."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rollouts.statistics import Z95
from rollouts.storage import read_whole, write_atomic

TEMPLATES = Path(__file__).with_name("templates")
COLORS = {"random": "#9aa1ac", "before": "#e08a1e", "after": "#2563c4", "expert": "#3d8f5f"}
OUTCOME_COLORS = {
    "success": "#3d8f5f",
    "collision": "#c93a3a",
    "road_departure": "#e08a1e",
    "needless_stop": "#b9a13a",
    "timeout": "#8a6fb5",
}
OTHER = "#777e89"
CURVES = (("reward", "reward of an episode"), ("success", "share of successes"))
STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "pilotage",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8ec",
    "axes.edgecolor": "#8b919c",
}


@dataclass(frozen=True)
class ReportData:
    """What a report shows; whatever is empty is left out.

    name        of the run
    summary     one or two sentences under the title
    config      options worth knowing, flat
    machine     name -> value, for example {"cpu": "...", "cores": 8}
    versions    package -> version
    evaluation  of `rollouts.evaluation.summarise`
    metrics     rows of metrics.csv, as dicts of numbers or their text: "step", "reward", "success", ...
    timing      phase -> seconds; "everything", if there, is the whole run and what shares are of
    ledger      of the worker pool: "jobs", "completed", "restarts", "dropped", "rescheduled", and "failures", a list
                of sentences; other keys are shown as they are
    reproduce   shell command that repeats the run
    video       path of an MP4 to embed
    video_note  what the video shows, and how its seeds were chosen
    notes       further sentences
    """

    name: str
    summary: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, Any]] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)
    reproduce: str = ""
    video: str | Path | None = None
    video_note: str = ""
    notes: Sequence[str] = ()


def write_report(path: str | Path, data: ReportData) -> None:
    """Write the page. Raises StorageError where the video cannot be read or the page not be written."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters.update(percent=_percent, span=_span, signed=_signed, number=_number, p_value=_p_value)
    policies = data.evaluation.get("policies", {})
    page = environment.get_template("report.html.jinja").render(
        data=data,
        policies=policies,
        kinds=sorted({kind for entry in policies.values() for kind in entry["by_kind"]}),
        rates_plot=_uri(rates_figure(policies)) if policies else "",
        outcomes_plot=_uri(outcomes_figure(policies)) if policies else "",
        calls_plot=_uri(calls_figure(policies)) if policies else "",
        curve_plot=_uri(curve_figure(data.metrics)) if _has_curve(data.metrics) else "",
        window=_window(len(data.metrics)),
        seconds=data.timing.get("everything", sum(data.timing.values())),
        video="" if data.video is None else _data_uri("video/mp4", read_whole(data.video)),
    )
    write_atomic(path, page)


# ---- plots -----------------------------------------------------------------------------------------------------------


def rates_figure(policies: Mapping[str, Any]) -> Figure:
    """Success and collision rates of `summarise(...)["policies"]` as bars with their 95 % intervals."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, key, title in ((left, "success", "Success"), (right, "collisions", "Collisions")):
            rates = [policies[name][key] for name in policies]
            heights = np.array([rate["rate"] for rate in rates])
            errors = np.array([[rate["rate"] - rate["low"], rate["high"] - rate["rate"]] for rate in rates]).T
            axes.bar(range(len(rates)), heights, 0.62, color=[COLORS.get(name, OTHER) for name in policies])
            axes.errorbar(range(len(rates)), heights, np.maximum(errors, 0.0), fmt="none", ecolor="#22262d", capsize=5)
            for number, rate in enumerate(rates):
                axes.text(number, rate["high"] + 0.015, f"{100 * rate['rate']:.0f} %", ha="center", va="bottom")
            axes.set_xticks(range(len(rates)), list(policies))
            axes.set_title(title, loc="left", fontweight="bold")
            axes.grid(axis="x", visible=False)
        left.set_ylim(0.0, 1.12)
        left.set_yticks(np.linspace(0, 1, 6))
        left.yaxis.set_major_formatter(PercentFormatter(1.0))
        return figure


def outcomes_figure(policies: Mapping[str, Any]) -> Figure:
    """Shares of outcomes, one bar per policy."""
    counts = [entry["outcomes"] for entry in policies.values()]
    found = {outcome for entry in counts for outcome in entry}
    names = [name for name in OUTCOME_COLORS if name in found] + sorted(found - set(OUTCOME_COLORS))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 1.1 + 0.42 * len(policies)), layout="constrained")
        axes = figure.subplots()
        start = np.zeros(len(policies))
        for name in names:
            shares = np.array([entry.get(name, 0) / max(1, sum(entry.values())) for entry in counts])
            color = OUTCOME_COLORS.get(name, OTHER)
            axes.barh(range(len(policies)), shares, 0.66, left=start, color=color, label=name.replace("_", " "))
            for number, share in enumerate(shares):
                if share >= 0.05:
                    middle = start[number] + 0.5 * share
                    axes.text(middle, number, f"{100 * share:.0f}", color="white", ha="center", va="center")
            start += shares
        _shares(axes, list(policies))
        axes.set_xlim(0.0, 1.0)
        figure.legend(loc="outside upper left", ncols=6, frameon=False, handlelength=1.0)
        return figure


def calls_figure(policies: Mapping[str, Any]) -> Figure:
    """Shares of each tool call among a policy's decisions: before and after where given, else all policies."""
    names = [name for name in ("before", "after") if name in policies] or list(policies)
    calls = sorted({call for name in names for call in policies[name]["calls"]})
    thick = 0.8 / len(names)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 1.0 + 0.36 * max(2, len(calls))), layout="constrained")
        axes = figure.subplots()
        for number, name in enumerate(names):
            entry = policies[name]["calls"]
            shares = [entry.get(call, 0) / max(1, policies[name]["decisions"]) for call in calls]
            places = np.arange(len(calls)) + (number - 0.5 * (len(names) - 1)) * thick
            axes.barh(places, shares, 0.92 * thick, color=COLORS.get(name, OTHER), label=name)
        _shares(axes, calls)
        figure.legend(loc="outside upper left", ncols=len(names), frameon=False, handlelength=1.0)
        return figure


def curve_figure(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    """Reward and success of training by step: each step, the moving mean, and its 95 % interval."""
    found = [(key, title, *_series(metrics, key)) for key, title in CURVES]
    panels = [panel for panel in found if len(panel[2])]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 2.9), layout="constrained")
        for axes, (key, title, steps, values) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            mean, low, high = smooth(values, _window(len(metrics)))
            if key == "success":
                low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
                axes.set_ylim(-0.02, 1.02)
                axes.yaxis.set_major_formatter(PercentFormatter(1.0))
            axes.plot(steps, values, ".", ms=4, color="#b9c0ca", alpha=0.8)
            axes.fill_between(steps, low, high, color=COLORS["after"], alpha=0.2, lw=0)
            axes.plot(steps, mean, color=COLORS["after"], lw=2)
            axes.set_title(title, loc="left", fontweight="bold")
            axes.set_xlabel("training step")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure


def smooth(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centred moving mean of a series and the ends of its 95 % interval, mean ± z s/√n; windows shrink at the ends."""
    half = window // 2
    mean, error = np.empty(len(values)), np.zeros(len(values))
    for at in range(len(values)):
        part = values[max(0, at - half) : at + half + 1]
        mean[at] = part.mean()
        if len(part) > 1:
            error[at] = Z95 * part.std(ddof=1) / math.sqrt(len(part))
    return mean, mean - error, mean + error


def _shares(axes: Axes, labels: list[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))


def _series(metrics: Sequence[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a column, without rows where it is empty or no number."""
    points = []
    for number, row in enumerate(metrics):
        try:
            step, value = float(row.get("step", number)), float(row[key])
        except (KeyError, TypeError, ValueError):
            continue
        if math.isfinite(value):
            points.append((step, value))
    return np.array([step for step, _ in points]), np.array([value for _, value in points])


def _has_curve(metrics: Sequence[Mapping[str, Any]]) -> bool:
    return any(len(_series(metrics, key)[0]) for key, _ in CURVES)


def _window(n: int) -> int:
    """Odd, about a tenth of the run, at least 5 steps."""
    return max(5, n // 10) | 1


def _uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        # No date: the same run gives the same file.
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _data_uri("image/svg+xml", buffer.getvalue())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


# ---- numbers ---------------------------------------------------------------------------------------------------------


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _span(rate: Mapping[str, float]) -> str:
    return f"{100 * rate['low']:.0f}–{100 * rate['high']:.0f} %"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _number(value: Any) -> str:
    """Four figures for a float, "none" for an empty list, anything else as it is."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _p_value(p: float) -> str:
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
