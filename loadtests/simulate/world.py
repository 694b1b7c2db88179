"""Connects dispatcher and engine without sockets: an effect of one reaches the other at once.

Loopback has no relevant latency, so all delays are those of the cores. A ``Exchange`` for each route connects
the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from loadtests.arrivals import NS_PER_S
from loadtests.simulate.exchange import Exchange, Render
from loadtests.simulate.providers import SimulatedProvider
from mock_provider.engine.values import Disconnect, SendReports
from mock_provider.engine.values import Reply as EngineReply
from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Change, Message, SubmitBatch
from reference_sender.dispatch.values import Effect as DispatchEffect

REPLY_TIMEOUT_NS = 10 * NS_PER_S
_NEVER_NS = 2**63


class World:
    """One sender and its providers. ``on_change`` gets each change of a message, as a store would.

    At one instant the provider acts before the sender's own deadlines, and these before a time-out: an answer
    that comes at the last moment counts. Their effects on each other are processed in order, before time
    continues.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        engine: SimulatedProvider,
        exchanges: Mapping[str, Exchange],
        on_change: Callable[[Change], None],
        reply_timeout_ns: int = REPLY_TIMEOUT_NS,
    ) -> None:
        self._dispatcher = dispatcher
        self._engine = engine
        self._exchanges = exchanges
        self._on_change = on_change
        self._reply_timeout_ns = reply_timeout_ns
        self._any_exchange = next(iter(exchanges.values()))  # all read reports in the same way
        # Time-out, batch and reader of its answer. All have the same time-out, so they are in order.
        self._unanswered: dict[int, tuple[int, SubmitBatch, Render]] = {}
        self._timeout_ns = _NEVER_NS  # no time-out comes before it
        # Of the dispatcher, ``SubmitBatch``, and of the engine, which adds its own. Emptied when all is done.
        self._to_do: list[Any] = []
        self._now_ns = 0
        self._dispatcher_ns = _NEVER_NS  # its next deadline

    def offer(self, now_ns: int, messages: Sequence[Message]) -> None:
        """Messages that the sender's API accepted at ``now_ns``, the present time of ``run``."""
        self._now_ns = now_ns
        self._asked(self._dispatcher.offer(now_ns, messages))
        if self._to_do:
            self._work_off(now_ns)

    def next_due(self) -> int | None:
        """The next deadline. None: nothing is pending."""
        engine_ns = self._engine.next_due()
        due_ns = min(self._dispatcher_ns, self._next_timeout_ns())
        if engine_ns is not None and engine_ns < due_ns:
            return engine_ns
        return None if due_ns >= _NEVER_NS else due_ns

    def run(self, until_ns: int) -> None:
        """Process in order all events due up to and including ``until_ns``, also those that become due
        meanwhile.
        """
        engine, to_do = self._engine, self._to_do
        while True:
            engine_ns, due_ns = engine.next_due(), self._dispatcher_ns
            if self._timeout_ns <= until_ns:
                due_ns = min(due_ns, self._next_timeout_ns())
            if engine_ns is not None and engine_ns <= due_ns:
                if engine_ns > until_ns:
                    return
                # Events of the provider alone, up to the next event of another, are processed in one call.
                most_ns = due_ns if due_ns < until_ns else until_ns
                self._now_ns = now_ns = engine.advance_to_effects(most_ns, to_do)
                if to_do:
                    self._work_off(now_ns)
                elif now_ns == until_ns < due_ns:
                    return
            elif due_ns > until_ns:
                return
            else:
                self._now_ns = now_ns = max(due_ns, self._now_ns)
                if due_ns == self._dispatcher_ns:
                    self._asked(self._dispatcher.advance(now_ns))
                else:
                    self._time_out(now_ns)
                self._work_off(now_ns)

    def _asked(self, effects: Iterable[DispatchEffect]) -> None:
        """Process the effects of the dispatcher."""
        for effect in effects:
            if type(effect) is Change:
                self._on_change(effect)
            else:
                assert type(effect) is SubmitBatch
                self._to_do.append(effect)
        next_ns = self._dispatcher.next_deadline()
        self._dispatcher_ns = _NEVER_NS if next_ns is None else next_ns

    def _work_off(self, now_ns: int) -> None:
        to_do = self._to_do
        for effect in to_do:  # and those that are added by doing them
            if type(effect) is SubmitBatch:
                self._submit(now_ns, effect)
            elif type(effect) is EngineReply:
                self._answer(now_ns, effect)
            elif type(effect) is SendReports:
                self._report(now_ns, effect)
            elif type(effect) is Disconnect:
                self._give_up(now_ns, effect.request_id)
        to_do.clear()

    def _submit(self, now_ns: int, batch: SubmitBatch) -> None:
        asked = self._exchanges[batch.route].request(now_ns, batch.batch_id, batch.messages)
        if not isinstance(asked, tuple):
            self._asked(self._dispatcher.answered(now_ns, batch.batch_id, asked))
            return
        submit, read = asked
        timeout_ns = now_ns + self._reply_timeout_ns
        self._unanswered[batch.batch_id] = timeout_ns, batch, read
        if timeout_ns < self._timeout_ns:
            self._timeout_ns = timeout_ns
        self._to_do += self._engine.submit(now_ns, submit)

    def _answer(self, now_ns: int, reply: EngineReply) -> None:
        unanswered = self._unanswered.pop(reply.request_id, None)
        if unanswered is not None:  # otherwise the client has given up
            results = unanswered[2](reply.answer)
            self._asked(self._dispatcher.answered(now_ns, reply.request_id, results))

    def _report(self, now_ns: int, effect: SendReports) -> None:
        self._asked(self._dispatcher.reported(now_ns, self._any_exchange.reports(effect)))
        self._to_do += self._engine.reports_answered(now_ns, effect.batch_id, True)

    def _give_up(self, now_ns: int, batch_id: int) -> None:
        """No answer came, or will come."""
        unanswered = self._unanswered.pop(batch_id, None)
        if unanswered is not None:
            batch = unanswered[1]
            results = self._exchanges[batch.route].unanswered(batch.messages)
            self._asked(self._dispatcher.answered(now_ns, batch_id, results))

    def _next_timeout_ns(self) -> int:
        first = next(iter(self._unanswered.values()), None)
        self._timeout_ns = _NEVER_NS if first is None else first[0]
        return self._timeout_ns

    def _time_out(self, now_ns: int) -> None:
        while self._next_timeout_ns() <= now_ns:
            self._give_up(now_ns, next(iter(self._unanswered)))
