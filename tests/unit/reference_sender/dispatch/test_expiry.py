from __future__ import annotations

from collections.abc import Callable

from reference_sender.dispatch.expiry import GRAIN_NS, ExpiryIndex
from reference_sender.dispatch.ticket import Ticket


def test_nothing_is_early_and_nothing_later_than_the_grain(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    due = ticket(expires_ns=GRAIN_NS + 1)
    index.add(due)
    index.add(ticket(expires_ns=10 * GRAIN_NS))
    assert index.take_due(GRAIN_NS) == []
    assert index.next_ns == 2 * GRAIN_NS
    assert index.take_due(2 * GRAIN_NS) == [due]


def test_those_due_at_once_come_by_message_id(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    tickets = [ticket(expires_ns=7 * GRAIN_NS) for _ in range(50)]
    for each in reversed(tickets):
        index.add(each)
    index.discard([tickets[10]])
    assert index.take_due(7 * GRAIN_NS) == tickets[:10] + tickets[11:]


def test_a_trickle_leaves_nothing_behind(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    for number in range(10_000):
        each = ticket(expires_ns=(number // 3 + 1) * GRAIN_NS)
        index.add(each)
        index.discard([each])
    assert index.kept < 200
