"""How a run ended, where that changes what its verdict means: interrupted, or in an error before any load."""

from __future__ import annotations

from analysis.figures import significant
from analysis.model import PartReport
from analysis.records import ABORTED, Manifest

INTERRUPTED = ("interrupted", ABORTED)


def first_line(words: str) -> str:
    """Without a closing mark, so that the sentence around it can have its own."""
    return (words.splitlines() or [""])[0].rstrip(".?!: ")


def failed_before_load(parts: tuple[PartReport, ...]) -> str:
    """The error of a run of which no part has a row; "" if there was load, or no error."""
    if any(part.ledger.rows for part in parts):
        return ""
    reasons = [part.identity.exit_reason for part in parts if part.identity.exit_reason.startswith("error")]
    return first_line(reasons[0].removeprefix("error").lstrip(": ")) or "an error" if reasons else ""


def interruption(manifest: Manifest, parts: tuple[PartReport, ...]) -> str:
    """``Interrupted after 13 of 23 s``, of a suite with the part; "" if it came to its end."""
    suite = manifest.kind == "suite"
    found = next((part for part in parts if part.identity.exit_reason in INTERRUPTED), None)
    if found is None:
        between = suite and manifest.exit_reason in INTERRUPTED
        return f"Interrupted between two parts, after: {parts[-1].identity.title}" if between else ""
    where = f" ({found.identity.title})" if suite else ""
    played_s, planned_s = found.identity.load_s, found.identity.planned_s
    if not found.ledger.rows:
        return f"Interrupted{where} before any message"
    played, planned = _whole(played_s), _whole(planned_s)
    if planned_s <= 0:
        return f"Interrupted{where} after {played} s"
    if played_s >= planned_s or played == planned:
        return f"Interrupted{where} after the load, while messages were awaited"
    return f"Interrupted{where} after {played} of {planned} s"


def _whole(value_s: float) -> str:
    return f"{value_s:,.0f}" if value_s >= 10.0 else significant(value_s, 2)


def so_far(interrupted: str, headline: str) -> str:
    """The verdict of what was played, behind the words that it is not all."""
    if not interrupted:
        return headline
    good = "Good enough"
    if headline.startswith(good):
        rest = headline.removeprefix(good)
        headline = f"{good} so far" + (f",{rest[1:]}" if rest.startswith(":") else rest)
    return f"{interrupted}: {headline[0].lower()}{headline[1:]}"


def interruption_note(interrupted: str, suite: bool) -> str:
    rest = " Parts after it, if any, were not played." if suite else ""
    return f"{interrupted}: every figure and verdict is of what was played, not of the whole run.{rest}"
