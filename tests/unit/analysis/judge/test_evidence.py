"""What it would take to decide: numbers that a user can act on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.judge.evidence import HOPELESS, messages_needed, more_needed, needs_lead, wait_longer
from analysis.judge.verdict import judge
from analysis.measure.percentiles import known, quantiles


def test_words_say_how_many_and_for_how_long() -> None:
    words = more_needed(155, 555.0, "transactional", 4.5)
    assert words == "about 400 more transactional messages, as in 90 s more of this load"
    assert more_needed(0, 72.0, "all", 0.0) == "about 72 more messages"
    assert more_needed(0, 72.0, "api", 0.0) == "about 72 more requests"
    busier = "about 90 more OTPs, as in a day with 1.9 times the messages (--scale)"
    assert more_needed(100, 190.0, "otp", 0.001, whole_day=True) == busier
    assert more_needed(10, 11.0, "otp", 1.0) == "about 1 more OTP, as in 10 s more of this load"
    # 700 come in 128 s, and not in 3 min.
    assert more_needed(219, 919.0, "otp", 219 / 40) == "about 700 more OTPs, as in 130 s more of this load"
    assert more_needed(100, 800.0, "otp", 1.0) == "about 700 more OTPs, as in 12 min more of this load"
    assert more_needed(100, 7_300.0, "otp", 1.0) == "about 7,200 more OTPs, as in 120 min more of this load"
    assert more_needed(100, 9_000.0, "otp", 0.5) == "about 8,900 more OTPs, as in 5 h more of this load"


def test_at_the_limit_no_number_of_messages_decides() -> None:
    assert messages_needed(0.95, 0.95) == math.inf
    assert more_needed(500, messages_needed(0.95, 0.95), "otp", 5.0) == HOPELESS
    assert more_needed(500, messages_needed(0.9501, 0.95), "otp", 5.0) == HOPELESS
    assert more_needed(500, messages_needed(0.97, 0.95), "otp", 5.0) != HOPELESS
    assert needs_lead(HOPELESS) == "; "
    assert needs_lead(more_needed(500, messages_needed(0.97, 0.95), "otp", 5.0)) == "; to decide it: "


def test_the_number_that_the_interval_needs_is_said_also_if_it_is_large() -> None:
    assert more_needed(119, 0.0, "otp", 0.0, 3_688_878) == "about 3,700,000 more OTPs"
    assert more_needed(119, 3.9e6, "otp", 0.0, 3_688_878) == "about 3,900,000 more OTPs"
    assert more_needed(119, 8e6, "otp", 0.0, 3_688_878) == HOPELESS
    assert more_needed(15, 40.0, "otp", 0.0, 72) == "about 57 more OTPs"


def test_open_messages_are_waited_for() -> None:
    assert "40 messages that were still open" in wait_longer(40)
    assert "1 message that was still open" in wait_longer(1)


@pytest.mark.parametrize("within", [0.92, 0.97, 0.985])
def test_the_advised_number_of_messages_decides_as_often_as_stated(within: float) -> None:
    """Runs of the size it asks for, whose share within the limit is the one that was seen."""
    count = math.ceil(messages_needed(within, 0.95))
    random = np.random.default_rng(8)
    decided = 0
    for _ in range(400):
        times = np.where(random.random(count) < within, 1.0, 30.0)
        (p95,) = quantiles(known(times), (95.0,))
        decided += judge("<=", p95.low_s, p95.high_s, 20.0) == ("met" if within > 0.95 else "missed")
    # Power 80 %; whole ranks and the normal approximation move it a little.
    assert 0.68 <= decided / 400 <= 0.92
