"""The overall result of the validity checks."""

from __future__ import annotations

from analysis.judge.check_names import ACCOUNTING
from analysis.judge.verdict import deciding_parts
from analysis.model import Check, CheckState, PartReport


def invalidating(checks: tuple[Check, ...], parts: tuple[PartReport, ...]) -> tuple[Check, ...]:
    """The checks that invalidate the verdict. An invalid part that decides nothing leaves a question open."""
    slugs = {"", *(part.slug for part in deciding_parts(parts))}
    return tuple(
        each for each in checks if each.state == "invalid" and (each.part in slugs or each.name in ACCOUNTING)
    )


def worst(checks: tuple[Check, ...]) -> CheckState:
    """The worst state of the checks; a check without data does not count."""
    order: tuple[CheckState, ...] = ("ok", "warn", "invalid")
    return max((each.state for each in checks if each.state in order), key=order.index, default="ok")
