from __future__ import annotations

import math

import pytest

from analysis.quantile import Quantile, QuantileState
from analysis.slo import judge_quantile


def quantile(state: QuantileState, value: float | None, low: float | None, high: float | None) -> Quantile:
    return Quantile(percentile=95.0, state=state, value_s=value, low_s=low, high_s=high, needed=72)


@pytest.mark.parametrize(
    ("found", "verdict", "certain"),
    [
        (quantile("exact", 8.0, 7.5, 9.0), "met", True),
        (quantile("exact", 8.0, 7.5, 10.5), "met", False),
        (quantile("exact", 11.0, 9.5, 13.0), "missed", False),
        (quantile("exact", 12.0, 11.0, 13.0), "missed", True),
        (quantile("at_least", 31.0, 9.0, math.inf), "missed", False),
        (quantile("at_least", 4.0, 3.0, math.inf), "undecided", False),
        (quantile("never", math.inf, 5.0, math.inf), "missed", False),
        (quantile("withheld", None, 3.0, None), "undecided", False),
        (quantile("withheld", None, None, None), "undecided", False),
        # Too few to show the percentile, enough to know that it is over the limit.
        (quantile("withheld", None, 40.0, None), "missed", True),
    ],
)
def test_three_verdicts(found: Quantile, verdict: str, certain: bool) -> None:
    assert judge_quantile(found, 10.0) == (verdict, certain)
