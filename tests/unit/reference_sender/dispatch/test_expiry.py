from __future__ import annotations

from collections.abc import Callable

from loadtests.storm.tables import Tables
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


def test_tickets_that_are_due_together_are_ordered_by_message_id(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    tickets = [ticket(expires_ns=7 * GRAIN_NS) for _ in range(50)]
    for each in reversed(tickets):
        index.add(each)
    index.discard([tickets[10]])
    assert index.take_due(7 * GRAIN_NS) == tickets[:10] + tickets[11:]


def test_tickets_that_have_expired_are_forgotten(ticket: Callable[..., Ticket]) -> None:
    """A campaign of 200,000 has one deadline: its set is the last one until another message comes."""
    index = ExpiryIndex()
    tables = Tables(index)
    for _ in range(5):
        index.add(ticket(expires_ns=7 * GRAIN_NS))
    assert len(index.take_due(7 * GRAIN_NS)) == 5
    assert list(tables.grown()) == []


def test_a_trickle_leaves_nothing_behind(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    for number in range(10_000):
        each = ticket(expires_ns=(number // 3 + 1) * GRAIN_NS)
        index.add(each)
        index.discard([each])
    assert index.kept < 200


def test_a_deadline_is_found_after_its_tickets_left_and_others_came(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    first, second, third = (ticket(expires_ns=3 * GRAIN_NS) for _ in range(3))
    index.add(first)
    index.discard([first])
    index.add(second)
    assert index.take_due(3 * GRAIN_NS) == [second]
    index.add(third)
    assert index.take_due(3 * GRAIN_NS) == [third]


def test_tickets_of_several_deadlines_are_discarded_at_once(ticket: Callable[..., Ticket]) -> None:
    index = ExpiryIndex()
    tickets = [ticket(expires_ns=grain * GRAIN_NS) for grain in (2, 2, 5, 2, 9, 5)]
    for each in tickets:
        index.add(each)
    index.discard(tickets[1:5])
    assert index.take_due(10 * GRAIN_NS) == [tickets[0], tickets[5]]
