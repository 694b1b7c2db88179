"""Whether a run was complete, or when it was interrupted."""

from __future__ import annotations

from msgspec.structs import replace

from analysis.capacity_record import SEARCH_ITSELF, CapacityResult
from analysis.formatting import rate_text, significant
from analysis.judge.verdict import withheld
from analysis.model import PartReport
from analysis.read.wait_after_load import INTERRUPTED
from analysis.records import OPEN_BEFORE, Manifest


def interruption(
    manifest: Manifest, parts: tuple[PartReport, ...], search: CapacityResult | None = None
) -> str:
    """``Interrupted after 13 of 23 s``, in a suite with the part; "" for a complete run.

    Several starts of a session in the web UI may be interrupted, and are all named.
    """
    if search is not None and search.interrupted_per_s is not None:
        return _in_search(search, search.interrupted_per_s)
    suite = manifest.kind == "suite"
    found = {
        number: part for number, part in enumerate(parts, start=1) if part.identity.exit_reason in INTERRUPTED
    }
    if not found:
        between = suite and manifest.exit_reason in INTERRUPTED
        return f"Interrupted between two parts, after: {parts[-1].identity.title}" if between else ""
    if len(found) > 1:
        starts = ", ".join(f"start {number} {_when(part)}" for number, part in found.items())
        return f"Interrupted in {len(found)} of {len(parts)} starts: {starts}"
    (only,) = found.values()
    return f"Interrupted{f' ({only.identity.title})' if suite else ''} {_when(only)}"


def _when(part: PartReport) -> str:
    """``after 13 of 23 s``."""
    load_s, planned_s = part.identity.load_s, part.identity.planned_s
    if not part.accounting.rows:
        return "before any message"
    done, planned = _whole(load_s), _whole(planned_s)
    if planned_s <= 0:
        return f"after {done} s"
    if load_s >= planned_s or done == planned:
        return "after the load, while messages were awaited"
    return f"after {done} of {planned} s"


def without_interrupted_trial(parts: tuple[PartReport, ...]) -> tuple[PartReport, ...]:
    """The shown trial of a capacity search is not judged if the user ended it: it is shorter than a trial."""
    why, needs = "the interrupted trial is not judged", "a search that is not interrupted"
    return tuple(
        replace(part, objectives=withheld(part.objectives, why, needs))
        if part.identity.exit_reason in INTERRUPTED
        else part
        for part in parts
    )


def _in_search(search: CapacityResult, rate_per_s: float) -> str:
    """``Interrupted in trial 2 (150/s) of the capacity search; judged until then: 50.0/s``."""
    number = len(search.trials) + 1
    judged = ", ".join(rate_text(each.rate_per_s) for each in search.trials)
    until_then = f"; judged until then: {judged}" if judged else ""
    return f"Interrupted in trial {number} ({rate_text(rate_per_s)}) of the capacity search{until_then}"


def _whole(value_s: float) -> str:
    return f"{value_s:,.0f}" if value_s >= 10.0 else significant(value_s, 2)


def interruption_note(interrupted: str, manifest: Manifest, parts: tuple[PartReport, ...]) -> str:
    if any(OPEN_BEFORE in part.identity.parameters for part in parts):
        return (
            f"{interrupted}: every figure and verdict of an interrupted start describes only what was run "
            "until its end. The user decides on the number of starts: none is missing."
        )
    rest = " Later parts were not run." if manifest.kind == "suite" else ""
    if manifest.capacity == SEARCH_ITSELF:
        rest = " Later trials were not made."
    return f"{interrupted}: every figure and verdict describes only what was run until then.{rest}"
