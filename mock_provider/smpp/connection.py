"""One SMPP connection: carries out its session's effects and writes all of a turn of the loop in one go."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Protocol, cast

from msgspec import Struct

from mock_provider.driver import OnAnswer
from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, Answer, Submit
from mock_provider.service import Service
from mock_provider.smpp.links import ReceiptLinks
from mock_provider.wire.calls import Instants
from mock_provider.wire.smpp import codes
from mock_provider.wire.smpp.pdu import Bind, MessageName, PduError, ShortMessage
from mock_provider.wire.smpp.queries import cancel_status, query_answer
from mock_provider.wire.smpp.refusals import STATUS_OF
from mock_provider.wire.smpp.replacing import Replaceable
from mock_provider.wire.smpp.session import (
    Answered,
    BoundNow,
    Cancelled,
    Close,
    NoAnswer,
    Queried,
    Session,
    SessionEffect,
    SessionLimits,
    Submitted,
)
from mock_provider.wire.smpp.submit import SubmitReader

_SHORTEST_TIMER_S = 0.001
_LINGER_S = 1.0


class SmppSetup(Struct, frozen=True):
    """What the connections of a time have in common; other settings make another."""

    limits: SessionLimits
    reader: SubmitReader
    links: ReceiptLinks
    replaceable: Replaceable


class Listener(Protocol):
    """What a connection asks of its server."""

    def setup(self) -> SmppSetup:
        """The settings of a connection that is made now."""

    def opened(self, connection: SmppConnection) -> bool:
        """Count it; False where there are too many."""

    def closed(self, connection: SmppConnection) -> None:
        """It is no more."""

    def admit(self, bind: Bind) -> str | int:
        """The account token of a bind, or the status it is refused with."""


class SmppConnection(asyncio.Protocol):
    """Made by the listening server for each client."""

    def __init__(self, service: Service, listener: Listener) -> None:
        self._service = service
        self._listener = listener
        self._setup = setup = listener.setup()
        self._links = setup.links
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._session = Session(setup.limits, self._admit, time.monotonic_ns())
        self.system_id = ""  # while it is bound
        self._token = ""
        self._out: list[bytes] = []
        self._reading = False  # within data_received, which writes at its end
        self._paused = False  # the peer does not read
        self._finishing = False
        self._closing = False
        self._waiting: set[int] = set()  # submits whose answer is to come
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    @property
    def room(self) -> int:
        return 0 if self._paused or self._transport is None else self._session.room

    def deliver(self, tag: object, body: bytes) -> None:
        self._write(self._session.deliver(time.monotonic_ns(), tag, body))

    def finish(self) -> None:
        """Take leave when all submits are answered: the peer's unbind_resp closes the connection."""
        self._finishing = True
        if not self._waiting:
            self._unbind()

    def _unbind(self) -> None:
        leave = self._session.unbind()
        if leave:
            self._write(leave)
        elif self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        if not self._listener.opened(self):
            self._transport.abort()
            return
        self._arm(time.monotonic_ns())

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        self._reading = True
        try:
            self._carry_out(now_ns, self._session.received(now_ns, data))
        finally:
            self._reading = False
        if self._out:
            self._flush()
        else:
            self._arm(now_ns)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._out.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        driver = self._service.driver
        for request_id in self._waiting:
            driver.forget(request_id)
        self._waiting.clear()
        self._links.remove(self.system_id, self)
        self._listener.closed(self)
        for answer in self._session.lost():
            self._links.answered(answer)

    def pause_writing(self) -> None:
        # Who does not read its answers may not ask more.
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._transport is not None:
            self._transport.resume_reading()
            self._links.send_on(self.system_id)

    # effects

    def _carry_out(self, now_ns: int, effects: list[SessionEffect]) -> None:
        answered = False
        wall_s = (now_ns + self._service.wall_offset_ns) / 1e9
        for effect in effects:
            if type(effect) is Submitted:
                self._submit(now_ns, wall_s, effect)
            elif type(effect) is Answered:
                self._links.answered(effect)
                answered = True
            elif type(effect) is bytes:
                self._write(effect)
            else:
                self._carry_out_rare(effect)
            if self._transport is None:
                return
        if answered:
            self._links.send_on(self.system_id)

    def _carry_out_rare(self, effect: SessionEffect) -> None:
        if isinstance(effect, Queried):
            status, body = query_answer(self._view(effect.name), self._service.wall_offset_ns)
            self._write(self._session.answer(codes.QUERY_SM, effect.sequence, status, body))
        elif isinstance(effect, Cancelled):
            view = self._view(effect.name)
            removed = view is not None and self._service.desk.cancel(self._token, [view.provider_id])
            status = cancel_status(effect.name, view, bool(removed))
            self._write(self._session.answer(codes.CANCEL_SM, effect.sequence, status))
        elif isinstance(effect, BoundNow):
            self.system_id = effect.bind.system_id
            if self._session.receives:
                self._links.add(effect.bind.system_id, self)
        elif isinstance(effect, Close):
            self._leave()

    def _leave(self) -> None:
        """End the connection so that the peer can still read what was written, though it goes on sending."""
        self._flush()
        self._closing = True
        self._links.remove(self.system_id, self)
        self.system_id = ""
        if self._transport is None or self._transport.is_closing():
            return
        if self._timer is not None:
            self._timer.cancel()
        self._transport.write_eof()
        self._timer = self._loop.call_later(_LINGER_S, self.abort)

    def _submit(self, now_ns: int, wall_s: float, effect: Submitted) -> None:
        driver = self._service.driver
        request_id = driver.next_request_id()
        try:
            submit = self._setup.reader.read(
                effect.message, request_id, self._token, self.system_id, Instants(now_ns, wall_s)
            )
        except PduError as error:
            self._write(self._session.answer_submit(effect.sequence, error.status, ""))
            return
        on_answer: OnAnswer = partial(self._answer, effect.sequence, submit, wall_s)
        if submit.scheduled_ns is not None or effect.message.replace_if_present:
            on_answer = partial(self._replace, effect.message, on_answer)
        waiting = driver.submit(now_ns, submit, on_answer)
        if waiting is not None:
            self._waiting.add(waiting)

    def _replace(self, message: ShortMessage, on_answer: OnAnswer, answer: Answer | None) -> None:
        if isinstance(answer, Accepted):
            replaceable = self._setup.replaceable
            replaced = replaceable.replaced_by(self.system_id, message)
            if replaced:
                self._service.desk.cancel(self._token, [replaced])
            if message.schedule_delivery_time:
                replaceable.keep(self.system_id, message, answer.messages[0].provider_id)
        on_answer(answer)

    def _answer(self, sequence: int, submit: Submit, wall_s: float, answer: Answer | None) -> None:
        self._waiting.discard(submit.request_id)
        if answer is None:
            self.abort()
        elif isinstance(answer, Accepted):
            self._service.inbox.remember(submit, answer, wall_s)
            self._write(self._session.answer_submit(sequence, 0, answer.messages[0].provider_id))
        else:
            self._write(self._session.answer_submit(sequence, STATUS_OF[answer.reason], ""))
        if self._finishing and not self._waiting:
            self._unbind()

    def _admit(self, bind: Bind) -> int | NoAnswer:
        outage = self._service.driver.engine.outage(time.monotonic_ns())
        if outage is not None:
            if outage.hang:
                return NoAnswer.SILENCE
            return NoAnswer.CUT if outage.disconnect else codes.ESME_RBINDFAIL
        admitted = self._listener.admit(bind)
        if isinstance(admitted, int):
            return admitted
        self._token = admitted
        return codes.ESME_ROK

    def _view(self, name: MessageName) -> MessageView | None:
        return self._service.driver.engine.message(name.message_id)

    # writing and time

    def _write(self, data: bytes) -> None:
        if self._closing:
            return
        if not self._out and not self._reading:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        out = self._out
        if out and self._transport is not None:
            self._transport.write(b"".join(out))
            self._arm(time.monotonic_ns())
        out.clear()

    def _arm(self, now_ns: int) -> None:
        """See that the timer looks by the session's next deadline; an earlier look only looks again."""
        due_ns = self._session.next_due()
        if due_ns is None or self._transport is None or self._closing:
            return
        if self._timer is not None:
            if self._timer_ns <= due_ns:
                return
            self._timer.cancel()
        self._timer_ns = due_ns
        delay_s = max(_SHORTEST_TIMER_S, (due_ns - now_ns) / 1e9)
        self._timer = self._loop.call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now_ns = time.monotonic_ns()
        self._carry_out(now_ns, self._session.advance(now_ns))
        self._arm(now_ns)
