"""Continues messages of an earlier engine: each in the stage in which it was kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mock_provider.engine.lifecycle import CLOSED, ENDED, ON_AIR, REDO, REPORTED, UNCONFIRMED, move
from mock_provider.engine.outcome import VANISHED

if TYPE_CHECKING:
    from mock_provider.engine.carriers import CarrierLookup
    from mock_provider.engine.counters import Counters
    from mock_provider.engine.delivery import DeliveryPipeline
    from mock_provider.engine.event_queue import EventQueue
    from mock_provider.engine.message import TrackedMessage
    from mock_provider.engine.message_store import MessageStore
    from mock_provider.engine.reporting import Reporting
    from mock_provider.engine.values import Effect

_JOURNAL_MAY_LACK_NS = 5_000_000_000  # the journal is written within half a second of a change


class Restoring:
    """Adds kept messages to a new engine.

    A message in a queue enters its queue again, in the order of acceptance: the rates of the queues hold. One
    that has left its carrier ends when it would have ended. A report that was not confirmed is sent again.
    """

    def __init__(
        self,
        event_queue: EventQueue,
        counters: Counters,
        message_store: MessageStore,
        pipeline: DeliveryPipeline,
        reporting: Reporting,
    ) -> None:
        self._event_queue = event_queue
        self._on_enter = event_queue.handler(self._enter)
        self._counters = counters
        self._message_store = message_store
        self._pipeline = pipeline
        self._reporting = reporting

    def restore(self, now_ns: int, messages: Iterable[TrackedMessage], router: CarrierLookup) -> None:
        """The messages become this engine's own."""
        kept = list(messages)
        last_ns = max((_last_change_ns(message) for message in kept), default=0)
        for message in kept:
            self._message_store.restore(message)
            self._counters.accepted += 1
            self._counters.accepted_segments += message.segments
            message.sender_reserved = False
            message.magic = router.magic.get(message.msisdn) if router.magic else None
            if message.outcome == VANISHED:
                message.outcome = VANISHED  # it is compared by identity
            self._continue(now_ns, message, last_ns)

    def _continue(self, now_ns: int, message: TrackedMessage, last_ns: int) -> None:
        stage = message.stage
        message.row_taken = False
        if stage in (ENDED, REPORTED, UNCONFIRMED, CLOSED) and message.outcome is not None:
            ended, state = self._counters.ended, message.outcome.state_name
            ended[state] = ended.get(state, 0) + 1
        if stage is CLOSED:
            self._counters.closed += 1
            if last_ns - _last_change_ns(message) < _JOURNAL_MAY_LACK_NS:
                self._message_store.close(message)
            else:
                message.row_taken = True
        elif stage is ON_AIR:
            self._pipeline.restore_on_air(message)
        elif stage in (ENDED, REPORTED, UNCONFIRMED):
            move(message, REDO)
            self._reporting.restore(now_ns, message)
        else:
            move(message, REDO)
            self._pipeline.reserve((message,), message.segments)
            self._event_queue.add(now_ns, self._on_enter, message)

    def _enter(self, due_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        if message.outcome is VANISHED:
            self._pipeline.vanish(now_ns, message)
        elif message.due_ns > now_ns:
            self._pipeline.hold(message.due_ns, message)
        else:
            self._pipeline.enter(now_ns, now_ns, message, effects)


def _last_change_ns(message: TrackedMessage) -> int:
    return max(message.t_accepted_ns, message.t_final_ns or 0, message.t_confirmed_ns or 0)
