"""One SMPP connection: carries out its session's effects, with one write per turn of the event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol, cast

from msgspec import Struct

from mock_provider.engine.faults.hooks import RequestInterruption
from mock_provider.engine.localtime import unix_seconds
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.effects import Answered, BoundNow, Close, SessionEffect
from mock_provider.protocols.smpp.pdu import Bind
from mock_provider.protocols.smpp.requests import BoundClient, RequestReader
from mock_provider.protocols.smpp.session import NoAnswer, Session, SessionLimits
from mock_provider.smpp.receipts import ReceiptLinks
from mock_provider.smpp.requests import Requests
from mock_provider.smpp.smpp_provider import SmppProvider

_SHORTEST_TIMER_S = 0.001
_LINGER_S = 1.0


class SmppSetup(Struct, frozen=True):
    """Settings and state that connections share. New settings give a new object, for new connections."""

    limits: SessionLimits
    reader: RequestReader
    links: ReceiptLinks


class Listener(Protocol):
    """The listening server, as a connection sees it."""

    def setup(self) -> SmppSetup:
        """The settings of a new connection."""

    def opened(self, connection: SmppConnection) -> bool:
        """Count a connection. False: there are too many."""

    def closed(self, connection: SmppConnection) -> None:
        """The connection is closed."""

    def admit(self, bind: Bind) -> str | int:
        """The account token of a bind, or the status of its refusal."""


class SmppConnection(asyncio.Protocol):
    """Made by the listening server for each client."""

    def __init__(self, provider: SmppProvider, listener: Listener) -> None:
        self._provider = provider
        self._listener = listener
        setup = listener.setup()
        self._links = setup.links
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._session = Session(setup.limits, self._admit, time.monotonic_ns(), self._withheld_answer)
        self._requests = Requests(provider.actions, setup.reader, self._session, self)
        self._token = ""
        self.system_id = ""  # while it is bound
        self.knows_tlvs = False
        self._out: list[bytes] = []
        self._reading = False  # within data_received, which writes at its end
        self._paused = False  # the peer does not read
        self._finishing = False
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    @property
    def room(self) -> int:
        return 0 if self._paused or self._transport is None else self._session.room

    def deliver(self, tag: object, body: bytes) -> None:
        self.write(self._session.deliver(time.monotonic_ns(), tag, body))

    def finish(self) -> None:
        """Unbind when all submits are answered; the peer's unbind_resp closes the connection."""
        self._finishing = True
        if not self._requests.waiting:
            self._unbind()

    def _unbind(self) -> None:
        leave = self._session.unbind()
        if leave:
            self.write(leave)
        elif self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transport is not a subclass
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
        self._requests.forget()
        self._receive_no_more()
        self._listener.closed(self)

    def pause_writing(self) -> None:
        # A client that does not read its responses cannot send further requests.
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
        at = Instants(now_ns, unix_seconds(now_ns, self._provider.lookups.wall_offset_ns))
        for effect in effects:
            if isinstance(effect, Answered):
                self._links.answered(effect)
                answered = True
            elif isinstance(effect, bytes):
                self.write(effect)
            elif isinstance(effect, BoundNow):
                self._bound(effect.bind)
            elif isinstance(effect, Close):
                self._leave()
            else:
                self._requests.perform(at, effect)
            if self._transport is None:
                return
        if answered:
            self._links.send_on(self.system_id)

    def _bound(self, bind: Bind) -> None:
        self.system_id = bind.system_id
        self._requests.bound = BoundClient(bind.system_id, self._token)
        self.knows_tlvs = self._session.knows_tlvs
        if self._session.receives:
            self._links.add(bind.system_id, self)

    def _leave(self) -> None:
        """End the connection so that the peer can read what was written, even if it still sends."""
        self._flush()
        self._closing = True
        self._receive_no_more()
        if self._transport is None or self._transport.is_closing():
            return
        if self._timer is not None:
            self._timer.cancel()
        self._transport.write_eof()
        self._timer = self._loop.call_later(_LINGER_S, self.abort)

    def _receive_no_more(self) -> None:
        """Unanswered receipts go to another session of the system_id, or wait for one."""
        self._links.remove(self.system_id, self)
        self._links.take_back(self.system_id, [answer.tag for answer in self._session.lost()])
        self.system_id = ""

    def answered(self) -> None:
        if self._finishing and not self._requests.waiting:
            self._unbind()

    def _outage(self) -> RequestInterruption | None:
        return self._provider.outage()

    def _withheld_answer(self) -> NoAnswer | None:
        """How an outage affects enquire_link. One that refuses has no effect on it."""
        outage = self._outage()
        if outage is None or not (outage.hang or outage.disconnect):
            return None
        return NoAnswer.SILENCE if outage.hang else NoAnswer.CUT

    def _admit(self, bind: Bind) -> int | NoAnswer:
        no_answer = self._withheld_answer()
        if no_answer is not None:
            return no_answer
        if self._outage() is not None:
            return codes.ESME_RBINDFAIL
        admitted = self._listener.admit(bind)
        if isinstance(admitted, int):
            return admitted
        self._token = admitted
        return codes.ESME_ROK

    # writing and time

    def write(self, data: bytes) -> None:
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
        """Arm the timer for the session's next deadline. A callback that is too early only re-arms."""
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
