"""The text of an error that ended a run before its load."""

from __future__ import annotations

from analysis.model import PartReport


def first_line(words: str) -> str:
    """The first line without closing punctuation, so that it fits into a sentence."""
    return (words.splitlines() or [""])[0].rstrip(".?!: ")


def failed_before_load(parts: tuple[PartReport, ...]) -> str:
    """The error of a run without any row; "" if there was load or no error."""
    if any(part.accounting.rows for part in parts):
        return ""
    reasons = [part.identity.exit_reason for part in parts if part.identity.exit_reason.startswith("error")]
    return first_line(reasons[0].removeprefix("error").lstrip(": ")) or "an error" if reasons else ""
