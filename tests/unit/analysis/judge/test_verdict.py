"""Three verdicts from an interval; the point estimate has no say."""

from __future__ import annotations

import math

import pytest

from analysis.judge.verdict import judge
from analysis.objectives.grammar import Relation


@pytest.mark.parametrize(
    ("relation", "low", "high", "verdict"),
    [
        ("<=", 7.5, 9.0, "met"),
        ("<=", 7.5, 10.0, "met"),
        ("<=", 7.5, 10.5, "undecided"),
        ("<=", 10.0, 13.0, "undecided"),
        ("<=", 10.1, 13.0, "missed"),
        ("<=", 9.0, math.inf, "undecided"),
        ("<=", math.inf, math.inf, "missed"),
        ("<=", None, None, "undecided"),
        # Too few messages for an upper end, enough to know that it is over the limit.
        ("<=", 40.0, None, "missed"),
        ("<=", 3.0, None, "undecided"),
        ("<", 7.5, 10.0, "undecided"),
        ("<", 10.0, 13.0, "missed"),
        (">", 10.5, 13.0, "met"),
        (">", 10.0, 13.0, "undecided"),
        (">", 8.0, 10.0, "missed"),
        (">=", 10.0, 13.0, "met"),
        (">=", 8.0, 10.0, "undecided"),
        ("=", 10.0, 10.0, "met"),
        ("=", 9.0, 10.0, "undecided"),
        ("=", 11.0, 12.0, "missed"),
    ],
)
def test_the_interval_decides(
    relation: Relation, low: float | None, high: float | None, verdict: str
) -> None:
    assert judge(relation, low, high, 10.0) == verdict
