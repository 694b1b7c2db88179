from __future__ import annotations

from collections.abc import Callable

import pytest
from nanoseconds import S

from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.retry import Decision, RetryRules, decide, retry_rules
from reference_sender.dispatch.values import Lane, Message, Outcome, Result, State

NOW = 50 * S


@pytest.fixture
def rules() -> RetryRules:
    return retry_rules(
        DispatchSettings(max_attempts=8, backoff_base_s=1, backoff_cap_s=30, otp_backoff_cap_s=4), seed=7
    )


@pytest.mark.parametrize(
    ("outcome", "batch_size", "expected"),
    [
        (Outcome.ACCEPTED, 5, Decision(State.SENT)),
        (Outcome.ALREADY_ACCEPTED, 1, Decision(State.SENT)),
        (Outcome.THROTTLED, 5, Decision(State.QUEUED, counts=False)),
        (Outcome.ROUTE_DOWN, 5, Decision(State.QUEUED, counts=False)),
        (Outcome.SPLIT, 5, Decision(State.QUEUED, counts=False, solo=True)),
        (Outcome.SPLIT, 1, Decision(State.FAILED, reason="why")),  # alone already: it is the message
        (Outcome.PERMANENT, 5, Decision(State.FAILED, reason="why")),
        (Outcome.DEFERRED, 1, Decision(State.QUEUED, NOW + 60 * S, counts=False)),
    ],
)
def test_what_an_outcome_means(
    rules: RetryRules, message: Callable[..., Message], outcome: Outcome, batch_size: int, expected: Decision
) -> None:
    assert decide(rules, NOW, message(), 1, batch_size, Result(outcome, reason="why")) == expected


@pytest.mark.parametrize(
    ("lane", "attempts", "ceiling_s"),
    [
        (Lane.MARKETING, 1, 1),  # 1 * 2**0
        (Lane.MARKETING, 4, 8),  # 1 * 2**3
        (Lane.MARKETING, 7, 30),  # 2**6 = 64, capped
        (Lane.OTP, 7, 4),  # its own cap: it has minutes, not hours
    ],
)
def test_backoff_is_anywhere_up_to_its_ceiling(
    rules: RetryRules, message: Callable[..., Message], lane: Lane, attempts: int, ceiling_s: int
) -> None:
    waits = [
        decide(rules, NOW, message(lane), attempts, 1, Result(Outcome.RETRYABLE)).at_ns - NOW
        for _ in range(400)
    ]
    assert min(waits) > 0
    assert max(waits) <= ceiling_s * S + 1
    assert min(waits) < 0.05 * ceiling_s * S  # full jitter reaches down to nothing
    assert max(waits) > 0.95 * ceiling_s * S
    assert sum(waits) / len(waits) == pytest.approx(ceiling_s * S / 2, rel=0.1)


def test_attempts_without_end_do_not_overflow(message: Callable[..., Message]) -> None:
    rules = retry_rules(DispatchSettings(max_attempts=1_000_000), seed=1)
    decision = decide(rules, NOW, message(), 999_999, 1, Result(Outcome.RETRYABLE))
    assert NOW < decision.at_ns <= NOW + 120 * S + 1


@pytest.mark.parametrize(
    ("asked_s", "least_s", "most_s"),
    [(20.0, 20, 21), (1e9, 3600, 3601), (float("inf"), 3600, 3601), (-5.0, 0, 1), (float("nan"), 0, 1)],
)
def test_retry_after_is_a_least_wait_up_to_the_cap(
    rules: RetryRules, message: Callable[..., Message], asked_s: float, least_s: int, most_s: int
) -> None:
    result = Result(Outcome.RETRYABLE, retry_after_s=asked_s)
    wait_ns = decide(rules, NOW, message(), 1, 1, result).at_ns - NOW
    assert least_s * S <= wait_ns <= most_s * S + 1


def test_the_same_attempt_of_the_same_message_waits_the_same(
    rules: RetryRules, message: Callable[..., Message]
) -> None:
    one, other = message(), message()
    result = Result(Outcome.UNKNOWN)
    assert decide(rules, NOW, one, 3, 1, result) == decide(rules, NOW, one, 3, 9, result)
    assert decide(rules, NOW, one, 3, 1, result) != decide(rules, NOW, other, 3, 1, result)


def test_the_last_attempt_gives_up_and_says_why(rules: RetryRules, message: Callable[..., Message]) -> None:
    last = decide(rules, NOW, message(), 8, 1, Result(Outcome.UNKNOWN, reason="timeout"))
    assert (last.state, last.reason, last.uncertain) == (State.FAILED, "gave_up: timeout", True)
    assert decide(rules, NOW, message(), 7, 1, Result(Outcome.UNKNOWN)).state is State.QUEUED
