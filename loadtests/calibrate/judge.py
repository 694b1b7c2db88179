"""Compares set and observed values: met, missed, or not judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from analysis.exit_codes import ExitCode
from loadtests.calibrate.lateness import JudgedMessages

RowVerdict = Literal["met", "missed", "noisy", "shown"]
"""``noisy``: client or machine disturbed it; ``shown``: for information, or too few messages to judge."""

TOO_FEW = "too few messages to judge it"
# Messages above a percentile: with fewer, one or two late replies decide it.
_LEAST_BEYOND = 5
# Below this share a percentile would depend on the moments when the machine was quiet.
_LEAST_KEPT_SHARE = 0.9
MOST_OTHERS_SHARE = 0.05
_TIMED_UNITS = ("ms", "1/s", "tokens")
_DRAWN_SHARES = (*(n / 100 for n in range(1, 100, 2)), 0.995, 0.999)


class Row(Struct, frozen=True):
    """One line of the table. ``low`` and ``high`` are the bounds of met, in ``unit`` as the other values."""

    group: str
    what: str
    unit: str
    set_value: float | None
    observed: float | None
    low: float | None = None
    high: float | None = None
    verdict: RowVerdict = "shown"
    note: str = ""
    theory: float | None = None


class Measurement(Struct, frozen=True):
    """The result of one measurement. ``series`` has the data of its picture: lists of equal length."""

    group: str
    title: str
    rows: tuple[Row, ...]
    note: str = ""
    series: dict[str, list[float]] = {}


class Tolerance(Struct, frozen=True):
    """Met within ``share`` of the set value plus ``plus``, in both directions."""

    share: float
    plus: float

    def bounds(self, set_value: float) -> tuple[float, float]:
        margin = abs(set_value) * self.share + self.plus
        return set_value - margin, set_value + margin


# Required: within 1 % + 1 ms, the last percentile within 2 % + 2 ms.
PERCENTILES: tuple[tuple[float, Tolerance], ...] = (
    (0.5, Tolerance(0.01, 1.0)),
    (0.9, Tolerance(0.01, 1.0)),
    (0.99, Tolerance(0.01, 1.0)),
    (0.999, Tolerance(0.02, 2.0)),
)


def verdict_of(observed: float, low: float, high: float) -> RowVerdict:
    return "met" if low <= observed <= high else "missed"


def judged(row: Row, kept: JudgedMessages | None = None) -> Row:
    """The row with its verdict. On a noisy machine "met" is valid, and a miss is not judged."""
    if row.observed is None or row.low is None or row.high is None:
        verdict: RowVerdict = "noisy"
    else:
        verdict = verdict_of(row.observed, row.low, row.high)
        if verdict == "missed" and kept is not None and kept.share < _LEAST_KEPT_SHARE:
            verdict = "noisy"
    return changed(row, verdict=verdict)


def changed(row: Row, **fields: object) -> Row:
    """The row with these fields changed."""
    return structs.replace(row, **fields)


def quantile(ordered: NDArray[np.float64], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed."""
    rank = int(np.ceil(share * len(ordered) - 1e-9))
    return float(ordered[max(rank, 1) - 1])


def percentile_name(share: float) -> str:
    return f"p{share * 100:g}"


def percentile_rows(
    group: str, set_ms: NDArray[np.float64], observed_ms: NDArray[np.float64], kept: JudgedMessages
) -> list[Row]:
    """Percentiles of the observed values and of the set values of the same messages."""
    set_ms, observed_ms = np.sort(set_ms[kept.mask]), np.sort(observed_ms[kept.mask])
    rows = []
    for share, tolerance in PERCENTILES:
        name = percentile_name(share)
        few_sent = len(kept.mask) * (1 - share) < _LEAST_BEYOND - 1e-9
        if not len(set_ms):
            none = Row(group, name, "ms", None, None, verdict="noisy")
            rows.append(changed(none, verdict="shown", note=TOO_FEW) if few_sent else none)
            continue
        value = quantile(set_ms, share)
        row = Row(group, name, "ms", value, quantile(observed_ms, share), *tolerance.bounds(value))
        if few_sent:
            rows.append(changed(row, note=TOO_FEW))
        elif kept.count * (1 - share) < _LEAST_BEYOND - 1e-9:
            # Enough messages were sent, but too few were undisturbed.
            rows.append(changed(row, verdict="noisy"))
        else:
            rows.append(judged(row, kept))
    return rows


def quantile_series(
    set_ms: NDArray[np.float64], observed_ms: NDArray[np.float64], kept: JudgedMessages
) -> dict[str, list[float]]:
    """Both by percentile, for the picture; empty if there is nothing to draw."""
    if not kept.count:
        return {}
    set_ms, observed_ms = np.sort(set_ms[kept.mask]), np.sort(observed_ms[kept.mask])
    return {
        "share": list(_DRAWN_SHARES),
        "set_ms": [quantile(set_ms, share) for share in _DRAWN_SHARES],
        "observed_ms": [quantile(observed_ms, share) for share in _DRAWN_SHARES],
    }


def excused(measurement: Measurement, others_share: float) -> Measurement:
    """A time that was missed while other programs used the machine is noisy.

    Counts that do not depend on time stay missed: other programs do not change a message's outcome.
    """
    if others_share <= MOST_OTHERS_SHARE:
        return measurement
    rows = tuple(
        changed(row, verdict="noisy") if row.verdict == "missed" and row.unit in _TIMED_UNITS else row
        for row in measurement.rows
    )
    used = f"other programs used {100 * others_share:.0f} % of the machine"
    note = "; ".join(filter(None, (measurement.note, used)))
    return structs.replace(measurement, rows=rows, note=note)


def exit_code(rows: Sequence[Row]) -> int:
    """The exit code if these are the only rows."""
    verdicts = {row.verdict for row in rows}
    if "missed" in verdicts:
        return ExitCode.MISSED
    return ExitCode.INVALID if "noisy" in verdicts or not verdicts & {"met"} else ExitCode.MET
