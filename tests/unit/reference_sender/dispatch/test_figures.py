"""Durations, counts and reasons per class."""

from __future__ import annotations

from messages import made_message
from msgspec.structs import replace
from nanoseconds import S

from reference_sender.dispatch.figures import BOUNDS_S, OTHER_REASONS, Figures, Histogram, begun_ns
from reference_sender.dispatch.ticket import MARKETING, OTP
from reference_sender.dispatch.values import Lane, State

MESSAGE = made_message(1, key="k", lane=Lane.OTP, created_ns=10 * S, expires_ns=99 * S)


def test_durations_count_from_the_acceptance_or_the_later_scheduled_time() -> None:
    now_ns = 50 * S
    assert begun_ns(now_ns, MESSAGE) == 10 * S
    assert begun_ns(now_ns, replace(MESSAGE, not_before_ns=30 * S)) == 30 * S
    assert begun_ns(now_ns, replace(MESSAGE, not_before_ns=5 * S)) == 10 * S
    # Over a spending limit: it is no instant (``policy/gate.py``).
    assert begun_ns(now_ns, replace(MESSAGE, not_before_ns=2**62)) == 10 * S
    # After the wall clock was set back.
    assert begun_ns(5 * S, MESSAGE) == 5 * S


def test_durations_that_are_counted_together_count_as_each_alone() -> None:
    spent = [0, S // 1000, S // 1000 + 1, 3 * S, 20 * S, 9_000 * S, 7 * S] * 100
    together, alone = Histogram(), Histogram()
    for each in spent:
        together.add(each)
        alone.add(each)
        alone.durations()  # counts what was added so far
    found = together.durations()
    assert found == alone.durations() == together.durations()
    assert (sum(found.counts), found.longest_s) == (700, 9_000.0)
    assert (found.counts[0], found.counts[1], found.counts[-1]) == (200, 100, 100)
    assert found.sum_s == sum(spent) / 1e9


def test_each_class_has_its_own_figures() -> None:
    figures = Figures()
    figures.handovers[OTP].add(0)
    figures.handovers[OTP].add(20 * S)
    figures.deliveries[OTP].add(20 * S)
    figures.deliveries[MARKETING].add(8_000 * S)
    figures.not_delivered(MARKETING, State.FAILED, "undelivered")
    otp, transactional, marketing = figures.snapshot()
    assert (otp.sent, otp.ended) == (2, {"delivered": 1, "failed": 0, "expired": 0})
    assert otp.handover.counts[0] == otp.handover.counts[BOUNDS_S.index(20.0)] == 1
    assert otp.handover.sum_s == 20.0
    assert sum(transactional.handover.counts) == sum(transactional.delivery.counts) == 0
    assert marketing.delivery.counts[-1] == 1
    assert marketing.ended == {"delivered": 1, "failed": 1, "expired": 0}
    assert figures.reasons == {"undelivered": 1}


def test_reasons_are_limited() -> None:
    figures = Figures()
    for number in range(150):
        figures.not_delivered(OTP, State.FAILED, f"reason-{number}")
    figures.not_delivered(OTP, State.EXPIRED, "reason-3")
    assert len(figures.reasons) == 101
    assert figures.reasons[OTHER_REASONS] == 50
    assert figures.reasons["reason-3"] == 2
