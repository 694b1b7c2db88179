"""Invariants of final states: each agrees with the journals of the providers and with the answers."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.storm.storm_end import StormEnd
from loadtests.storm.watch import Violation
from mock_provider.engine.values import JournalRow
from reference_sender.dispatch.message_states import DELIVERED_BY_SECOND, UNCERTAIN_REASONS
from reference_sender.dispatch.values import State, key_of_second
from reference_sender.policy.gate import CANCELLED, OPTED_OUT
from reference_sender.store.protocol import Record

_DELIVERED = "delivered"  # in a journal
_NOT_DELIVERED = frozenset({State.FAILED, State.EXPIRED})


def a_delivered_message_was_delivered(end: StormEnd) -> Iterator[Violation]:
    """A message is delivered in the store only if the journal of a provider says so, of it or of its second
    message. It has the provider's id, which an answer or its report gave.
    """
    for key, record in end.known.items():
        if record.state is not State.DELIVERED:
            continue
        by_second = record.reason == DELIVERED_BY_SECOND
        states = [row.state for row in _rows(end, key_of_second(key) if by_second else key, record)]
        if _DELIVERED not in states:
            text = f"{key} is delivered ({record.reason}), and the journals of its providers say {states}"
            yield Violation("reports", text, (key,))
        if not by_second and record.provider_id is None:
            yield Violation("reports", f"{key} is delivered, and the store has no id of its provider", (key,))


def an_unknown_outcome_is_called_unknown(end: StormEnd) -> Iterator[Violation]:
    """A message that a provider accepted does not end as if no provider had it."""
    for key, record in end.known.items():
        is_definite = record.state in _NOT_DELIVERED and record.reason not in UNCERTAIN_REASONS
        if is_definite and key in end.accepted and not _ended_undelivered(end, key, record):
            text = f"{key} is {record.state.value} ({record.reason}), and a provider accepted it"
            yield Violation("unknown", text, (key,))


def a_message_fails_only_for_a_reason(end: StormEnd) -> Iterator[Violation]:
    """A failed message was refused permanently, had all its attempts, was stopped by an order, or the journal
    of its provider has it as not delivered.
    """
    reasons = end.world.watch.reasons_to_fail
    for key, record in end.known.items():
        if record.state is not State.FAILED or key in reasons or _was_stopped(end, record):
            continue
        if not _ended_undelivered(end, key, record):
            text = f"{key} has failed ({record.reason}), and was neither refused permanently nor tried enough"
            yield Violation("failed", text, (key,))


def _was_stopped(end: StormEnd, record: Record) -> bool:
    """Whether it ended because its campaign was cancelled, or its number opted out, and that was ordered."""
    if record.reason == CANCELLED:
        return record.message.campaign in end.world.plan.cancelled
    return record.reason == OPTED_OUT and record.message.to in end.world.state.disk.opt_outs


def _rows(end: StormEnd, key: str, record: Record) -> list[JournalRow]:
    """The rows of a message. A lookup cannot distinguish equal messages: the invariant ``seen`` checks whose
    id a message has.
    """
    rows = [row for _, _, row in end.accepted.get(key, ())]
    by_id = end.by_id.get(record.provider_id or "")
    return rows if by_id is None else [*rows, by_id]


def _ended_undelivered(end: StormEnd, key: str, record: Record) -> bool:
    return any(row.t_final_ns and row.state != _DELIVERED for row in _rows(end, key, record))
