"""The verdict on an interval: met, missed or undecided. A point estimate never decides.

An objective is *met* if both ends of the 95 % interval are within the limit, *missed* if neither is, and
*undecided* otherwise. If everything was counted, both ends are equal and the verdict is never undecided.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from analysis.model import Objective, PartReport, Verdict
from analysis.objectives.grammar import Relation

# These decide even in a part that decides nothing else, since they must hold at any load.
ALWAYS_DECISIVE = ("loss", "duplicates", "unaccounted")


def judge(relation: Relation, low: float | None, high: float | None, limit: float) -> Verdict:
    """``low`` and ``high`` are the ends of the interval; None if the sample has no such end."""
    least = -math.inf if low is None else low
    most = math.inf if high is None else high
    if relation == "=":
        if least == most == limit:
            return "met"
        return "missed" if least > limit or most < limit else "undecided"
    ends = (_is_within(relation, least, limit), _is_within(relation, most, limit))
    if all(ends):
        return "met"
    return "undecided" if any(ends) else "missed"


def _is_within(relation: Relation, value: float, limit: float) -> bool:
    if relation == "<":
        return value < limit
    if relation == "<=":
        return value <= limit
    return value > limit if relation == ">" else value >= limit


def overall(objectives: Iterable[Objective]) -> Verdict:
    """Over the deciding objectives: missed if one is missed, met if there is one and all are met."""
    verdicts = {each.verdict for each in objectives if each.decides}
    if "missed" in verdicts:
        return "missed"
    return "met" if verdicts == {"met"} else "undecided"


def deciding_parts(parts: Sequence[PartReport]) -> tuple[PartReport, ...]:
    """The parts whose objectives decide the verdict; all parts if none does."""
    return tuple(part for part in parts if part.decides_verdict) or tuple(parts)


def withheld(objectives: tuple[Objective, ...], why: str, needs: str) -> tuple[Objective, ...]:
    """The objectives without verdicts. ``needs``: what would decide them."""
    return tuple(
        msgspec.structs.replace(each, verdict="undecided", why=why, needs=needs) for each in objectives
    )
