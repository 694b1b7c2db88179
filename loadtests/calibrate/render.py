"""The results as a table for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from analysis.exit_codes import ExitCode
from loadtests.calibrate.judge import TOO_FEW, Measurement, Row, exit_code

INTERRUPTED = "interrupted"

_STYLES = {"met": "green", "missed": "bold red", "noisy": "yellow", "shown": "dim"}


def rows_of(measurements: Sequence[Measurement]) -> list[Row]:
    return [row for measurement in measurements for row in measurement.rows]


def table_of(rows: Sequence[Row]) -> Table:
    """Set value, observed value and tolerance, one line per row."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
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
    """Notes on a measurement and its rows, in one line; empty if there are none."""
    notes = [f"{row.what}: {row.note}" for row in measurement.rows if row.note]
    return "; ".join(filter(None, (*notes, measurement.note)))


def number_text(value: float | None, unit: str) -> str:
    """A value with its unit; a dash if there is none."""
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


def outcome(
    measurements: Sequence[Measurement], planned: int, ended: str, quick: bool
) -> tuple[int, list[str]]:
    """Exit code and closing lines, the verdict first.

    ``ended`` is the reason why fewer than the ``planned`` measurements were made; "" if all were.
    """
    code = exit_code(rows_of(measurements))
    missed, noisy = _with_verdict(measurements, "missed"), _with_verdict(measurements, "noisy")
    if code == ExitCode.MISSED:
        words = f"Missed: {len(missed)} of {_judged(measurements)} judged rows are out of their tolerance"
    elif code == ExitCode.INVALID:
        busy = "the client or the machine was too busy for some rows"
        words = f"Not judged: {busy if noisy else 'no row could be judged'}"
    else:
        words = f"Met: all {_judged(measurements)} judged rows are within their tolerance"
    if ended:
        code = ExitCode.INTERRUPTED if ended == INTERRUPTED else ExitCode.INVALID
        made = f"{len(measurements)} of {planned} measurements"
        found = f"so far, {words[0].lower()}{words[1:]}" if measurements else "nothing was measured"
        words = f"Incomplete, {ended} after {made}: {found}"
    lines = [f"{words}."]
    lines += [f"Missed: {_listed(missed)}."] if missed else []
    lines += [f"Not judged, run it again when the machine is idle: {_listed(noisy)}."] if noisy else []
    few = [each for each in _with_verdict(measurements, "shown") if each[1].note == TOO_FEW]
    hint = " (a run without --quick sends more)" if quick else ""
    lines += [f"Not judged, too few messages{hint}: {_listed(few)}."] if few else []
    return code, lines


def _with_verdict(measurements: Sequence[Measurement], verdict: str) -> list[tuple[str, Row]]:
    return [(one.title, row) for one in measurements for row in one.rows if row.verdict == verdict]


def _judged(measurements: Sequence[Measurement]) -> int:
    return sum(row.verdict in ("met", "missed") for row in rows_of(measurements))


def _listed(rows: Sequence[tuple[str, Row]]) -> str:
    """``fixed 50 ms, 100/s: p50, p99; …``: the rows of each measurement."""
    by_title: dict[str, list[str]] = {}
    for title, row in rows:
        by_title.setdefault(title, []).append(row.what)
    return "; ".join(f"{title}: {', '.join(names)}" for title, names in by_title.items())


def document(
    measurements: Sequence[Measurement], about: dict[str, Any], planned: int, ended: str
) -> dict[str, Any]:
    """The content of ``calibration.json``. ``planned`` and ``ended`` as for ``outcome``."""
    code, lines = outcome(measurements, planned, ended, bool(about.get("quick")))
    return {
        "schema_version": 1,
        **about,
        "interrupted": ended == INTERRUPTED,
        "ended": ended or "finished",
        "measurements_planned": planned,
        "measurements_made": len(measurements),
        "exit_code": code,
        "summary": lines[0],
        "summary_lines": lines,
        "measurements": msgspec.to_builtins(list(measurements)),
    }
