from __future__ import annotations

import pytest

from reference_sender.dispatch.shares import CREDIT_CAP, Shares
from reference_sender.dispatch.ticket import MARKETING, OTP, TRANSACTIONAL

ALL_WAIT = [1000, 1000, 1000]


def first_lanes(shares: Shares) -> list[int]:
    return [lane for lane, _, _ in shares.turns()]


def test_without_a_flood_it_is_plain_priority() -> None:
    shares = Shares(0.2, 0.05)
    for _ in range(1000):
        shares.sent(OTP, 1, ALL_WAIT)
        shares.sent(MARKETING, 100, ALL_WAIT)
        shares.sent(TRANSACTIONAL, 100, ALL_WAIT)
        shares.sent(MARKETING, 100, ALL_WAIT)
    assert first_lanes(shares) == [OTP, TRANSACTIONAL, MARKETING]


def test_a_transactional_flood_leaves_shares_to_marketing_and_otps() -> None:
    shares = Shares(0.2, 0.05)
    shares.sent(TRANSACTIONAL, 100, ALL_WAIT)  # 100 * 0.05
    assert shares.turns()[:2] == ((OTP, 0, False), (MARKETING, 5, False))
    shares.sent(MARKETING, 5, ALL_WAIT)
    assert first_lanes(shares) == [OTP, TRANSACTIONAL, MARKETING]


def test_after_a_flood_of_otps_the_other_lanes_get_their_shares_first() -> None:
    shares = Shares(0.2, 0.05)
    shares.sent(OTP, 30, ALL_WAIT)  # 30 * 0.2 / 0.75, 30 * 0.05 / 0.75
    assert shares.turns()[:3] == ((TRANSACTIONAL, 8, True), (MARKETING, 2, True), (OTP, 0, False))


@pytest.mark.parametrize("lane", [TRANSACTIONAL, MARKETING])
def test_credit_is_bounded_and_not_for_silence(lane: int) -> None:
    shares = Shares(0.2, 0.2)
    shares.sent(OTP, 100_000, ALL_WAIT)
    assert max(owed for _, owed, _ in shares.turns()) == CREDIT_CAP
    waiting = [1, 1, 1]
    waiting[lane] = 0
    shares.sent(OTP, 1, waiting)
    assert all(owed == 0 for each, owed, _ in shares.turns() if each == lane)
