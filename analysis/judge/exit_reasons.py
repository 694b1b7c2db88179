"""The error that ended a run before any load, in words."""

from __future__ import annotations

from analysis.model import PartReport


def first_line(words: str) -> str:
    """Without a closing mark, so that the sentence around it can have its own."""
    return (words.splitlines() or [""])[0].rstrip(".?!: ")


def failed_before_load(parts: tuple[PartReport, ...]) -> str:
    """The error of a run of which no part has a row; "" if there was load, or no error."""
    if any(part.accounting.rows for part in parts):
        return ""
    reasons = [part.identity.exit_reason for part in parts if part.identity.exit_reason.startswith("error")]
    return first_line(reasons[0].removeprefix("error").lstrip(": ")) or "an error" if reasons else ""
