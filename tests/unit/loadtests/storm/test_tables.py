"""The tables of an object are found wherever they are, and counted with what is in them."""

from __future__ import annotations

from messages import made_message

from loadtests.storm.tables import Tables
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.awaiting import EarlyReports
from reference_sender.dispatch.values import Message, Report, RouteLimits, State
from reference_sender.node.node import Node

LIMITS = tuple(
    RouteLimits(name, 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=1, idempotency_window_s=0.0)
    for name in "ab"
)


def message(number: int, campaign: str) -> Message:
    return made_message(number, sender_id="", campaign=campaign)


def sizes(tables: Tables) -> dict[str, int]:
    return {name: entries for name, entries, _ in tables.grown()}


def test_a_table_is_named_by_the_attributes_that_lead_to_it() -> None:
    early = EarlyReports(10)
    tables = Tables(early)
    assert sizes(tables) == {}
    early.keep(Report("p-1", None, State.DELIVERED, ""))
    assert sizes(tables) == {"by_id": 1, "_batch_of": 1}
    early.by_id = {str(number): Report("", None, State.SENT, "") for number in range(3)}
    assert sizes(tables)["by_id"] == 3, "also if another object has taken its place"


def test_tables_in_objects_in_lists_are_found_and_tables_of_objects_have_their_entries() -> None:
    core = Dispatcher(DispatchSettings(), LIMITS, 1)
    node = Node(core)
    tables = Tables(node)
    before = sizes(tables)
    core.offer(0, [message(number, f"c{number % 2}") for number in range(60)])
    grown = {name: (now, was) for name, now, was in tables.grown() if now > before.get(name, 0)}
    assert grown["_dispatcher.tickets"] == (60, 0)
    # Two batches are in flight. Each of the two campaigns has an entry, as has each of its messages.
    assert grown["_dispatcher._backlog.queues.0.2._flows"] == (2 + 40, 0)
    assert grown["_dispatcher._sending.in_flight"][0] == 2


def test_what_is_there_at_first_is_counted() -> None:
    tables = Tables(Node(Dispatcher(DispatchSettings(), LIMITS, 1)))
    counted = {name: (now, was) for name, now, was in tables.grown()}
    assert counted["_dispatcher.routes"] == (2, 2), "one entry for each route"
