"""The retry policy: one pure function from the result of an attempt to the next step of its message.

Reactions of the route (a lower rate, a pause, the breaker) are in ``route.py``. A THROTTLED or ROUTE_DOWN
message goes back to the head of its lane at once and keeps its count of attempts, and the route waits. A
separate wait for each message would change their order and would not slow the route down.
"""

from __future__ import annotations

from msgspec import Struct

from reference_sender.dispatch.jitter import fraction, grown
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.values import NS_PER_S, Lane, Message, Outcome, Result, State


class RetryRules(Struct, frozen=True, gc=False):
    """The retry settings, in nanoseconds, and the seed of the jitter."""

    seed: int
    max_attempts: int
    base_ns: int
    cap_ns: int
    otp_cap_ns: int
    retry_after_cap_ns: int
    defer_ns: int


class Decision(Struct, frozen=True, gc=False):
    """SENT, FAILED, or QUEUED for another attempt at ``at_ns`` (at once if that is not in the future)."""

    state: State
    at_ns: int = 0
    reason: str = ""
    counts: bool = True  # counts towards max_attempts
    solo: bool = False  # only alone in a request from now on
    uncertain: bool = False  # the provider may have it: repeat only with the same key on the same route


TAKEN = (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED)  # the provider has the message
_SENT = Decision(State.SENT)
_BACK_TO_LANE = Decision(State.QUEUED, counts=False)
_BACK_ALONE = Decision(State.QUEUED, counts=False, solo=True)


def retry_rules(settings: DispatchSettings, seed: int) -> RetryRules:
    """The rules in force under ``settings``."""
    return RetryRules(
        seed=seed,
        max_attempts=settings.max_attempts,
        base_ns=int(settings.backoff_base_s * NS_PER_S),
        cap_ns=int(settings.backoff_cap_s * NS_PER_S),
        otp_cap_ns=int(settings.otp_backoff_cap_s * NS_PER_S),
        retry_after_cap_ns=int(settings.retry_after_cap_s * NS_PER_S),
        defer_ns=int(settings.defer_s * NS_PER_S),
    )


def decide(
    rules: RetryRules, now_ns: int, message: Message, attempts: int, batch_size: int, result: Result
) -> Decision:
    """The next step of ``message`` after its ``attempts``-th counted attempt, in a request of ``batch_size``.

    The caller checks the expiry: an attempt after it is never made.
    """
    outcome = result.outcome
    if outcome in TAKEN:
        return _SENT
    if outcome is Outcome.THROTTLED or outcome is Outcome.ROUTE_DOWN:
        return _BACK_TO_LANE
    if outcome is Outcome.SPLIT and batch_size > 1:
        return _BACK_ALONE
    if outcome is Outcome.DEFERRED:
        wait_ns = _retry_after_ns(rules, result) or rules.defer_ns
        return Decision(State.QUEUED, now_ns + wait_ns, counts=False)
    reason = result.reason or outcome.value
    if outcome is Outcome.PERMANENT or outcome is Outcome.SPLIT:
        return Decision(State.FAILED, reason=reason)
    uncertain = outcome is Outcome.UNKNOWN
    if attempts >= rules.max_attempts:
        return Decision(State.FAILED, reason=f"gave_up: {reason}", uncertain=uncertain)
    wait_ns = _retry_after_ns(rules, result) + _backoff_ns(rules, message, attempts)
    return Decision(State.QUEUED, now_ns + wait_ns, uncertain=uncertain)


def _backoff_ns(rules: RetryRules, message: Message, attempts: int) -> int:
    """Full jitter, up to base * 2**(attempts - 1): messages that failed at the same time must not all be
    repeated at the same time.
    """
    cap_ns = rules.otp_cap_ns if message.lane is Lane.OTP else rules.cap_ns
    ceiling_ns = grown(rules.base_ns, cap_ns, attempts - 1)
    return int(ceiling_ns * fraction(rules.seed, message.key, attempts)) + 1


def _retry_after_ns(rules: RetryRules, result: Result) -> int:
    """The wait that the provider asks for, up to the cap. Jitter may lengthen it, never shorten it."""
    if result.retry_after_s is None or not result.retry_after_s > 0:  # NaN is not a duration
        return 0
    return int(min(result.retry_after_s * NS_PER_S, rules.retry_after_cap_ns))
