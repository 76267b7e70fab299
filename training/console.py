"""What a person sees of a run: one bar with an ETA per long phase, plain lines where there is no terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining

LINE_EVERY_S = 20.0


class PhaseBars:
    """`bars(phase, done, total, note)` moves the bar of `phase`; `seconds` sums up what each phase took."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self.seconds: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._last_line = 0.0
        self._ids: dict[str, TaskID] = {}
        columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        tail = (TextColumn("eta"), Remaining(), TextColumn("{task.fields[note]}"))
        self._bars = Progress(*columns, *tail, console=self.console, disable=not self.console.is_terminal)

    def __enter__(self) -> PhaseBars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(text, highlight=False, soft_wrap=True)

    def __call__(self, phase: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if phase not in self._started:
            self._started[phase] = now
            self._ids[phase] = self._bars.add_task(phase, total=total, note=note)
        self.seconds[phase] = now - self._started[phase]
        self._bars.update(self._ids[phase], completed=done, total=total, note=note)
        ends = done >= total
        if not self.console.is_terminal and (ends or now - self._last_line > LINE_EVERY_S):
            self._last_line = now
            spent = self.seconds[phase]
            eta = spent / done * (total - done) if done else 0.0
            self.console.print(
                f"{phase:<16} {done}/{total}  {spent:.0f} s"
                + (f", {eta:.0f} s to go" if not ends else "")
                + f"  {note}",
                highlight=False,
            )
