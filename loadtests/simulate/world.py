"""Dispatcher and engine in one world without sockets: what one asks for reaches the other a little later.

The two meet through the same wire translations as over sockets (request bodies, replies, report URLs), so a
virtual day proves the wires' words as well as the cores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from loadtests.simulate.agenda import Agenda, Alarm
from mock_provider.engine import Engine
from mock_provider.engine.values import Disconnect, SendReports
from mock_provider.engine.values import Effect as EngineEffect
from mock_provider.engine.values import Reply as EngineReply
from mock_provider.wire.calls import Instants, Send, Wire, WireReply, WireRequest
from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Change, Message, SubmitBatch
from reference_sender.dispatch.values import Effect as DispatchEffect
from reference_sender.routes.smsapi_wire import (
    Failure,
    Reply,
    encode,
    for_all,
    in_one_request,
    reports,
    results,
)

_NS_PER_S = 1_000_000_000
_REPORT_URL = "http://127.0.0.1/reports"


class Link(Struct, frozen=True):
    """What lies between sender and provider: loopback has no latency worth naming, but clients time out."""

    token: str
    one_way_ns: int = 0
    reply_timeout_ns: int = 10 * _NS_PER_S


class World:
    """One sender and one provider. ``on_change`` sees each change of a message as a store would."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        engine: Engine,
        wire: Wire,
        link: Link,
        on_change: Callable[[Change], None],
    ) -> None:
        self.agenda = Agenda()
        self._dispatcher = dispatcher
        self._engine = engine
        self._wire = wire
        self._link = link
        self._authorization = f"Bearer {link.token}"
        self._on_change = on_change
        self._unanswered: dict[
            int, tuple[SubmitBatch, Sequence[Message]]
        ] = {}  # and what the request carries
        self._timeouts: deque[tuple[int, int]] = deque()  # due, batch: all wait alike, so they are in order
        self._phrases: dict[int, Callable[..., WireReply]] = {}
        self._dispatcher_alarm = Alarm(self.agenda, dispatcher.next_deadline, self._wake_dispatcher)
        self._engine_alarm = Alarm(self.agenda, engine.next_due, self._wake_engine)
        self._timeout_alarm = Alarm(self.agenda, self._next_timeout, self._time_out)

    def offer(self, now_ns: int, messages: Sequence[Message]) -> None:
        """Messages that the sender's API took at ``now_ns``."""
        self._carry_out(now_ns, self._dispatcher.offer(now_ns, messages))

    def _wake_dispatcher(self, now_ns: int) -> None:
        self._carry_out(now_ns, self._dispatcher.advance(now_ns))

    def _wake_engine(self, now_ns: int) -> None:
        self._let_happen(now_ns, self._engine.advance(now_ns))

    def _carry_out(self, now_ns: int, effects: Iterable[DispatchEffect]) -> None:
        """What the dispatcher asks for."""
        for effect in effects:
            if isinstance(effect, Change):
                self._on_change(effect)
            else:
                self._request(now_ns, effect)
        self._dispatcher_alarm.arm(now_ns)

    def _request(self, now_ns: int, batch: SubmitBatch) -> None:
        carried = in_one_request(batch.messages)
        self._unanswered[batch.batch_id] = batch, carried
        body = encode(carried, _REPORT_URL, now_ns)
        self.agenda.put(now_ns + self._link.one_way_ns, self._submit, (batch.batch_id, body))
        self._timeouts.append((now_ns + self._link.reply_timeout_ns, batch.batch_id))
        if len(self._timeouts) == 1:
            self._timeout_alarm.arm(now_ns)

    def _submit(self, now_ns: int, request: tuple[int, bytes]) -> None:
        batch_id, body = request
        asked = WireRequest("POST", "/sms.do", "", "application/json", self._authorization, body)
        call = self._wire.read(asked, batch_id, Instants(now_ns, now_ns / _NS_PER_S))
        if isinstance(call, Send):
            self._phrases[batch_id] = call.phrase
            self._let_happen(now_ns, self._engine.submit(now_ns, call.submit))
        elif isinstance(call, WireReply):
            self.agenda.put(now_ns + self._link.one_way_ns, self._answered, (batch_id, _as_read(call)))
        else:
            raise TypeError(f"the wire read a submit as {type(call).__name__}")

    def _let_happen(self, now_ns: int, effects: Iterable[EngineEffect]) -> None:
        """What the provider does."""
        arrival_ns = now_ns + self._link.one_way_ns
        for effect in effects:
            if isinstance(effect, SendReports):
                self.agenda.put(arrival_ns, self._reported, effect)
            elif isinstance(effect, EngineReply):
                said = self._phrases.pop(effect.request_id)(effect.answer)
                self.agenda.put(arrival_ns, self._answered, (effect.request_id, _as_read(said)))
            elif isinstance(effect, Disconnect):
                cut = Reply(failure=Failure.NO_ANSWER)
                self.agenda.put(arrival_ns, self._answered, (effect.request_id, cut))
        self._engine_alarm.arm(now_ns)

    def _answered(self, now_ns: int, answer: tuple[int, Reply]) -> None:
        batch_id, reply = answer
        unanswered = self._unanswered.pop(batch_id, None)
        if unanswered is not None:
            batch, carried = unanswered
            found = for_all(batch.messages, carried, results(carried, reply))
            self._carry_out(now_ns, self._dispatcher.answered(now_ns, batch_id, found))

    def _next_timeout(self) -> int | None:
        while self._timeouts and self._timeouts[0][1] not in self._unanswered:
            self._timeouts.popleft()
        return self._timeouts[0][0] if self._timeouts else None

    def _time_out(self, now_ns: int) -> None:
        while (due_ns := self._next_timeout()) is not None and due_ns <= now_ns:
            self._answered(now_ns, (self._timeouts[0][1], Reply(failure=Failure.NO_ANSWER)))
        self._timeout_alarm.arm(now_ns)

    def _reported(self, now_ns: int, effect: SendReports) -> None:
        found = [
            report
            for call in self._wire.report_calls(effect, 0)
            for report in reports(call.url.partition("?")[2])
        ]
        self._carry_out(now_ns, self._dispatcher.reported(now_ns, found))
        self.agenda.put(now_ns + self._link.one_way_ns, self._confirmed, effect.batch_id)

    def _confirmed(self, now_ns: int, batch_id: int) -> None:
        self._let_happen(now_ns, self._engine.reports_answered(now_ns, batch_id, True))


def _as_read(said: WireReply) -> Reply:
    retry_after = next((value for name, value in said.headers if name == "Retry-After"), None)
    return Reply(said.status, said.body, retry_after)
