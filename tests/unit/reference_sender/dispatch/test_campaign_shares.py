"""Campaigns of one class share it fairly. Jain's index of what each got says how fairly: 1 is equal shares.

R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and discrimination" (1984).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted

from reference_sender.dispatch.values import Lane

CAMPAIGNS = 10


def jain(shares: Iterable[int]) -> float:
    """(Σx)² / (n·Σx²)."""
    found = list(shares)
    return sum(found) ** 2 / (len(found) * sum(each * each for each in found))


def served(order: str, dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick) -> float:
    """Jain's index after 1,000 segments, while every campaign still has messages. The first to come is the
    largest, and segments differ.
    """
    core = dispatcher(limits(max_batch=20, max_in_flight=2), order=order)
    got: Counter[str] = Counter({f"c{number}": 0 for number in range(CAMPAIGNS)})
    sent = []
    for number in range(CAMPAIGNS):
        segments = 1 + number % 3
        size = 3000 if number == 0 else 400
        made = [message(Lane.MARKETING, campaign=f"c{number}", segments=segments) for _ in range(size)]
        sent += batches(core.offer(number, made))
    now_ns = CAMPAIGNS
    while sum(got.values()) < 1000:
        batch = sent.pop(0)
        now_ns += 1
        for each in batch.messages:
            got[each.campaign] += each.segments
        sent += batches(core.answered(now_ns, batch.batch_id, accepted(batch)))
    return jain(got.values())


def test_jain_s_index_of_known_shares() -> None:
    assert jain([5, 5, 5, 5]) == 1.0
    assert jain([1, 0, 0, 0]) == 0.25


def test_campaigns_share_a_lane_and_in_order_of_arrival_they_do_not(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    assert served("priority", dispatcher, limits, message, batches) > 0.95
    assert served("arrival", dispatcher, limits, message, batches) < 0.2
