"""Logs that a client cannot fill the disk with."""

from __future__ import annotations

import logging
import threading
import time

PERIOD_S = 10.0
PER_PERIOD = 20


class RepetitionFilter(logging.Filter):
    """Lets the same message (before its arguments are filled in) through `PER_PERIOD` times in `PERIOD_S` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record; the last one of a period says that more are held back."""
        now = time.monotonic()
        key = (record.pathname, record.lineno)
        with self._lock:
            began, count = self._seen.get(key, (now, 0))
            if now - began > PERIOD_S:
                began, count = now, 0
            self._seen[key] = (began, count + 1)
        if count + 1 == PER_PERIOD:
            record.msg = f"{record.msg} (repeated {PER_PERIOD} times; more are held back for {PERIOD_S:.0f} s)"
        return count < PER_PERIOD
