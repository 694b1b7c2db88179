"""What was found, as a table for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from loadtests.calibrate.judge import Measurement, Row, exit_code

_STYLES = {"held": "green", "missed": "bold red", "noisy": "yellow", "shown": "dim"}
SUMMARIES = {
    0: "Held: every setting came out within its tolerance.",
    1: "Missed: at least one setting did not come out within its tolerance.",
    3: "Not judged: client or machine were too busy for some rows; run it again when the machine is quiet.",
}


def rows_of(measurements: Sequence[Measurement]) -> list[Row]:
    return [row for measurement in measurements for row in measurement.rows]


def table_of(rows: Sequence[Row], title: str = "") -> Table:
    """Set, observed and tolerance, a line a row."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", min_width=22)
    for name in ("set", "observed", "allowed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        table.add_row(
            row.what,
            number_text(row.set_value, row.unit),
            number_text(row.observed, row.unit),
            _allowed(row),
            Text(row.verdict, style=_STYLES[row.verdict]),
        )
    return table


def notes_of(measurement: Measurement) -> str:
    """What there is to say of its rows, and of it, in one line; empty where there is nothing."""
    notes = [f"{row.what}: {row.note}" for row in measurement.rows if row.note]
    return "; ".join(filter(None, (*notes, measurement.note)))


def number_text(value: float | None, unit: str) -> str:
    """A value with its unit; a dash where there is none."""
    if value is None:
        return "-"
    if unit == "ms":
        return f"{value:,.2f} ms"
    if unit == "1/s":
        return f"{value:,.2f}/s"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _allowed(row: Row) -> str:
    if row.low is None or row.high is None:
        return ""
    low, high = (number_text(bound, "" if row.unit != "ms" else "ms") for bound in (row.low, row.high))
    return low.removesuffix(" ms") + " to " + high if low != high else high


def document(measurements: Sequence[Measurement], about: dict[str, Any], interrupted: bool) -> dict[str, Any]:
    """The content of ``calibration.json``."""
    rows = rows_of(measurements)
    code = exit_code(rows)
    return {
        "schema_version": 1,
        **about,
        "interrupted": interrupted,
        "exit_code": code,
        "summary": SUMMARIES[code],
        "measurements": msgspec.to_builtins(list(measurements)),
    }
