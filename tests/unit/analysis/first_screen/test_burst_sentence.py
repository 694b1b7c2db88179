"""The sentence on a burst's effect on the OTPs, where some never arrive."""

from __future__ import annotations

import math

import msgspec
import pytest
from made_reports import burst, part, quantile, report
from screen_texts import aside_text

from analysis.quantile import Quantile

replace = msgspec.structs.replace


@pytest.mark.parametrize(
    ("before", "during", "said"),
    [
        (
            14.7,
            None,
            "OTP due during the burst: 5 % or more never arrived; due before it: 95 % within 14.7 s.",
        ),
        (
            None,
            14.7,
            "OTP due during the burst: 95 % within 14.7 s; due before it: 5 % or more never arrived.",
        ),
        (
            None,
            None,
            "OTP due during the burst: 5 % or more never arrived; due before it: 5 % or more never arrived.",
        ),
    ],
)
def test_messages_that_never_arrive_are_no_equal_times(
    before: float | None, during: float | None, said: str
) -> None:
    def times(p95_s: float | None) -> tuple[Quantile, ...]:
        if p95_s is None:
            return quantile(50.0, 3.0), Quantile(95.0, "never", math.inf, None, None, 72)
        return quantile(50.0, 3.0), quantile(95.0, p95_s)

    made = replace(burst(None, None), guarded_before=times(before), guarded_during=times(during))
    text = aside_text(report(part(burst=made)), "burst")
    assert said in text
    assert "no difference" not in text and "within never" not in text
