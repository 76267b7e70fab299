"""An evaluation as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from rollouts.evaluation import TABLE_COLUMNS, table_rows


def evaluation_table(summary: Mapping[str, Any]) -> Table:
    """One row per policy."""
    table = Table(*TABLE_COLUMNS, title=f"{summary['task']}, {len(summary['seeds'])} held-out seeds")
    for row in table_rows(summary):
        table.add_row(*row)
    return table
