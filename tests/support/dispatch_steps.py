"""Steps of a dispatcher: what a provider answers, and time that passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.ticket import Ticket, lane_index
from reference_sender.dispatch.values import (
    Message,
    Outcome,
    Result,
    RouteLimits,
    SubmitBatch,
)

Make = Callable[..., Message]
MakeDispatcher = Callable[..., Dispatcher]
MakeLimits = Callable[..., RouteLimits]
Pick = Callable[..., list[Any]]


def ticket_of(message: Message) -> Ticket:
    """As the backlog has ``message``."""
    lane = lane_index(message.lane)
    return Ticket(message, lane, lane, message.expires_ns)


def all_with(outcome: Outcome, batch: SubmitBatch, **fields: Any) -> list[Result]:
    return [Result(outcome, **fields) for _ in batch.messages]


def accepted(batch: SubmitBatch) -> list[Result]:
    return [Result(Outcome.ACCEPTED, provider_id=f"p-{message.key}") for message in batch.messages]


def only(effects: Sequence[Any]) -> Any:
    (effect,) = effects
    return effect


def run_until(dispatcher: Dispatcher, until_ns: int) -> list[tuple[int, Any]]:
    """Advance by the dispatcher's own deadlines; returns the effects with their times."""
    seen: list[tuple[int, Any]] = []
    while (deadline_ns := dispatcher.next_deadline()) is not None and deadline_ns <= until_ns:
        seen.extend((deadline_ns, effect) for effect in dispatcher.advance(deadline_ns))
    seen.extend((until_ns, effect) for effect in dispatcher.advance(until_ns))
    return seen
