"""Whether a run was complete, or when it was interrupted."""

from __future__ import annotations

from analysis.formatting import significant
from analysis.model import PartReport
from analysis.read.wait import INTERRUPTED
from analysis.records import Manifest


def interruption(manifest: Manifest, parts: tuple[PartReport, ...]) -> str:
    """``Interrupted after 13 of 23 s``, in a suite with the part; "" for a complete run."""
    suite = manifest.kind == "suite"
    found = next((part for part in parts if part.identity.exit_reason in INTERRUPTED), None)
    if found is None:
        between = suite and manifest.exit_reason in INTERRUPTED
        return f"Interrupted between two parts, after: {parts[-1].identity.title}" if between else ""
    where = f" ({found.identity.title})" if suite else ""
    load_s, planned_s = found.identity.load_s, found.identity.planned_s
    if not found.accounting.rows:
        return f"Interrupted{where} before any message"
    done, planned = _whole(load_s), _whole(planned_s)
    if planned_s <= 0:
        return f"Interrupted{where} after {done} s"
    if load_s >= planned_s or done == planned:
        return f"Interrupted{where} after the load, while messages were awaited"
    return f"Interrupted{where} after {done} of {planned} s"


def _whole(value_s: float) -> str:
    return f"{value_s:,.0f}" if value_s >= 10.0 else significant(value_s, 2)


def interruption_note(interrupted: str, suite: bool) -> str:
    rest = " Later parts were not run." if suite else ""
    return f"{interrupted}: every figure and verdict describes only what was run until then.{rest}"
