"""The limits on messages to one number."""

from __future__ import annotations

import random

import pytest

from reference_sender.dispatch.values import Lane
from reference_sender.policy.recipients import RecipientLimit, RecipientLimits
from reference_sender.policy.settings import NO_POLICY, PolicySettings

S = 1_000_000_000
A, B = "48500100200", "48500100201"


@pytest.fixture
def limits() -> RecipientLimits:
    return RecipientLimits(*PolicySettings().recipient_limits())


def test_ten_messages_in_a_minute_and_the_next_when_the_first_is_a_minute_old(
    limits: RecipientLimits,
) -> None:
    for n in range(10):
        assert limits.take(n * S, A, Lane.MARKETING) == 0
    assert limits.take(9 * S, B, Lane.MARKETING) == 0
    assert limits.take(15 * S, A, Lane.TRANSACTIONAL) == 45 * S
    assert limits.take(60 * S - 1, A, Lane.MARKETING) == 1
    assert limits.take(60 * S, A, Lane.MARKETING) == 0
    assert limits.take(60 * S, A, Lane.MARKETING) == 1 * S


def test_otps_have_a_limit_of_their_own(limits: RecipientLimits) -> None:
    for n in range(5):
        assert limits.take(n * S, A, Lane.OTP) == 0
    assert limits.take(5 * S, A, Lane.OTP) == 595 * S
    assert limits.take(5 * S, A, Lane.TRANSACTIONAL) == 0
    assert limits.take(600 * S, A, Lane.OTP) == 0


def test_a_message_that_was_not_stored_does_not_count(limits: RecipientLimits) -> None:
    for _ in range(5):
        limits.take(0, A, Lane.OTP)
    limits.undo(A, Lane.OTP)
    assert limits.take(1, A, Lane.OTP) == 0
    assert limits.take(2, A, Lane.OTP) > 0
    limits.undo(B, Lane.OTP)


def test_without_a_policy_there_is_no_limit() -> None:
    limits = RecipientLimits(*NO_POLICY.recipient_limits())
    assert not limits.active
    assert {limits.take(0, A, Lane.OTP) for _ in range(100)} == {0}


@pytest.mark.parametrize("seed", range(5))
def test_no_window_has_more_than_the_limit_and_none_is_refused_for_nothing(seed: int) -> None:
    draw = random.Random(seed)
    limits = RecipientLimits(RecipientLimit(3, 10 * S), None)
    taken: list[int] = []
    now_ns = 0
    for _ in range(2_000):
        now_ns += draw.randrange(6 * S)
        inside = [t for t in taken if t > now_ns - 10 * S]
        wait_ns = limits.take(now_ns, A, Lane.OTP)
        assert wait_ns == (0 if len(inside) < 3 else inside[0] + 10 * S - now_ns)
        if not wait_ns:
            taken.append(now_ns)


def test_numbers_of_the_past_are_forgotten() -> None:
    limits = RecipientLimits(RecipientLimit(3, 10 * S), None)
    for n in range(10_000):
        limits.take(n * S, f"48{n}", Lane.OTP)
    assert 0 < limits.remembered <= 21
