"""One SMPP session on the side of the SMSC: a state machine whose inputs are octets and the time.

It answers binds, enquire_link, requests in the wrong state and malformed PDUs itself, and passes other
requests on as effects. Times are nanoseconds on the caller's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.effects import (
    Answered,
    BoundNow,
    Cancelled,
    Close,
    MultiSubmitted,
    Queried,
    Replaced,
    SessionEffect,
    Submitted,
)
from mock_provider.protocols.smpp.fields import PduError, write_tlv
from mock_provider.protocols.smpp.framing import Frame, Framer
from mock_provider.protocols.smpp.message_pdus import (
    read_cancel,
    read_data,
    read_multi,
    read_query,
    read_replace,
)
from mock_provider.protocols.smpp.pdu import (
    Bind,
    read_bind,
    read_short_message,
    write_pdu,
)


class SessionState(Enum):
    """§2.2 of the specification. CLOSED is an addition: the connection is closed or must be closed."""

    OPEN = "open"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBOUND = "unbound"
    CLOSED = "closed"


class NoAnswer(Enum):
    """In place of the response to a bind or an enquire_link."""

    CUT = "cut"  # its connection is cut
    SILENCE = "silence"


# By this name mypy does not narrow the state of a session, which the calls between two checks may change.
_CLOSED = SessionState.CLOSED
_TRANSMITS = (SessionState.BOUND_TRX, SessionState.BOUND_TX)
_RECEIVES = (SessionState.BOUND_TRX, SessionState.BOUND_RX)
_BOUND = (SessionState.BOUND_TRX, SessionState.BOUND_TX, SessionState.BOUND_RX)

_BOUND_BY = {
    codes.BIND_TRANSMITTER: SessionState.BOUND_TX,
    codes.BIND_RECEIVER: SessionState.BOUND_RX,
    codes.BIND_TRANSCEIVER: SessionState.BOUND_TRX,
}
_SUBMIT, _DELIVERED = codes.SUBMIT_SM, codes.DELIVER_SM | codes.RESPONSE
_LAST_SEQUENCE = 0x7FFFFFFF
_VERSION = write_tlv(codes.SC_INTERFACE_VERSION, bytes((codes.VERSION_3_4,)))


class SessionLimits(Struct, frozen=True):
    """``window``: submits unanswered at once; ``receipt_window``: the same for deliver_sm. 0 ns: no limit."""

    smsc_id: str
    window: int
    receipt_window: int
    longest_pdu_octets: int
    session_init_ns: int  # between the connection and a bind
    enquire_link_ns: int  # time without input, after which an enquire_link is sent
    inactivity_ns: int  # time without input, after which the session is closed
    response_ns: int  # for the answer to a deliver_sm or an enquire_link


def _multi(frame: Frame) -> SessionEffect:
    multi = read_multi(frame.body)
    return MultiSubmitted(frame.sequence, multi.message, multi.destinations)


# Requests of a transmitting session besides submit_sm, and those that count against its window.
_REQUESTS: dict[int, Callable[[Frame], SessionEffect]] = {
    codes.SUBMIT_MULTI: _multi,
    codes.DATA_SM: lambda frame: Submitted(frame.sequence, read_data(frame.body), codes.DATA_SM),
    codes.REPLACE_SM: lambda frame: Replaced(frame.sequence, read_replace(frame.body)),
    codes.QUERY_SM: lambda frame: Queried(frame.sequence, read_query(frame.body)),
    codes.CANCEL_SM: lambda frame: Cancelled(frame.sequence, read_cancel(frame.body)),
}
_COUNTED = frozenset((codes.SUBMIT_SM, codes.SUBMIT_MULTI, codes.DATA_SM, codes.REPLACE_SM))


class Session:
    """``admit`` gives the status for a bind, if it is answered; ``no_answer`` says whether enquire_link is
    answered."""

    def __init__(
        self,
        limits: SessionLimits,
        admit: Callable[[Bind], int | NoAnswer],
        now_ns: int,
        no_answer: Callable[[], NoAnswer | None] = lambda: None,
    ) -> None:
        self.state = SessionState.OPEN
        self.bind: Bind | None = None
        self.knows_tlvs = False  # the peer bound as 3.4 or later; an older one gets no TLVs (§3.4)
        self.unanswered = 0  # submits
        self._limits = limits
        self._admit = admit
        self._no_answer = no_answer
        self._framer = Framer(limits.longest_pdu_octets)
        self._began_ns = self._last_received_ns = now_ns
        self._enquired_ns: int | None = None  # when the unanswered enquire_link was sent
        self._sequence = 0
        self._delivering: dict[int, tuple[object, int]] = {}  # tag and when sent, oldest first

    @property
    def receives(self) -> bool:
        """Whether it is bound as a receiver."""
        return self.state in _RECEIVES

    @property
    def room(self) -> int:
        """How many more calls of ``deliver`` are allowed now."""
        if self.state not in _RECEIVES:
            return 0
        return self._limits.receipt_window - len(self._delivering)

    def received(self, now_ns: int, data: bytes) -> list[SessionEffect]:
        """The peer has sent this piece of its stream."""
        effects: list[SessionEffect] = []
        if self.state is _CLOSED:
            return effects
        self._last_received_ns = now_ns
        self._enquired_ns = None  # any input shows that the peer is alive
        framer = self._framer
        for frame in framer.feed(data):
            command_id = frame.command_id
            if command_id == _SUBMIT:
                self._submitted(frame, effects)
            elif command_id == _DELIVERED:
                self._delivered(frame, effects)
            else:
                self._other(frame, effects)
            if self.state is _CLOSED:
                return effects
        if framer.lost_at is not None:
            effects.append(write_pdu(codes.GENERIC_NACK, codes.ESME_RINVCMDLEN, framer.lost_at))
            self._close(effects)
        return effects

    def answer(self, command_id: int, sequence: int, status: int, body: bytes = b"") -> bytes:
        """The octets of the response to a request; a refused one has no body (§4.4.2).

        A request that came before an unbind in the same piece of the stream is answered after ``received``
        has returned, and before its ``Close`` is carried out.
        """
        if command_id in _COUNTED:
            self.unanswered -= 1
        return write_pdu(command_id | codes.RESPONSE, status, sequence, body)

    def deliver(self, now_ns: int, tag: object, body: bytes) -> bytes:
        """The octets of a deliver_sm. Call it only while there is ``room``.

        One ``Answered`` with this tag follows, as an effect or from ``lost``.
        """
        sequence = self._next_sequence()
        self._delivering[sequence] = (tag, now_ns)
        return write_pdu(codes.DELIVER_SM, codes.ESME_ROK, sequence, body)

    def unbind(self) -> bytes:
        """The octets of an unbind. The peer's unbind_resp closes the session."""
        if self.state not in _BOUND:
            return b""
        self.state = SessionState.UNBOUND
        return write_pdu(codes.UNBIND, codes.ESME_ROK, self._next_sequence())

    def lost(self) -> list[Answered]:
        """The connection is closed. Returns the tags of the unanswered deliveries."""
        self.state = SessionState.CLOSED
        gone = [Answered(tag, False) for tag, _ in self._delivering.values()]
        self._delivering.clear()
        return gone

    def next_due(self) -> int | None:
        """When to call ``advance``. None: not before another input."""
        limits = self._limits
        dues: list[int] = []
        if self.state is _CLOSED:
            return None
        if self.state is SessionState.OPEN and limits.session_init_ns:
            dues.append(self._began_ns + limits.session_init_ns)
        if self._delivering:
            dues.append(next(iter(self._delivering.values()))[1] + limits.response_ns)
        if limits.inactivity_ns:
            dues.append(self._last_received_ns + limits.inactivity_ns)
        if self._enquired_ns is not None:
            dues.append(self._enquired_ns + limits.response_ns)
        elif limits.enquire_link_ns and self.state in _BOUND:
            dues.append(self._last_received_ns + limits.enquire_link_ns)
        return min(dues, default=None)

    def advance(self, now_ns: int) -> list[SessionEffect]:
        """Time has passed."""
        effects: list[SessionEffect] = []
        if self.state is _CLOSED:
            return effects
        limits = self._limits
        self._time_out_deliveries(now_ns, effects)
        silent_ns = now_ns - self._last_received_ns
        never_bound = self.state is SessionState.OPEN and _passed(
            now_ns - self._began_ns, limits.session_init_ns
        )
        mute = self._enquired_ns is not None and now_ns - self._enquired_ns >= limits.response_ns
        if never_bound or mute or _passed(silent_ns, limits.inactivity_ns):
            self._close(effects)
        elif (
            self._enquired_ns is None and self.state in _BOUND and _passed(silent_ns, limits.enquire_link_ns)
        ):
            self._enquired_ns = now_ns
            effects.append(write_pdu(codes.ENQUIRE_LINK, codes.ESME_ROK, self._next_sequence()))
        return effects

    def _submitted(self, frame: Frame, effects: list[SessionEffect]) -> None:
        if self.state not in _TRANSMITS:
            status = codes.ESME_RINVBNDSTS
        elif self.unanswered >= self._limits.window:
            status = codes.ESME_RTHROTTLED
        else:
            try:
                message = read_short_message(frame.body)
            except PduError as error:
                status = error.status
            else:
                self.unanswered += 1
                effects.append(Submitted(frame.sequence, message))
                return
        effects.append(write_pdu(codes.SUBMIT_SM | codes.RESPONSE, status, frame.sequence))

    def _delivered(self, frame: Frame, effects: list[SessionEffect]) -> None:
        delivery = self._delivering.pop(frame.sequence, None)
        if delivery is not None:
            effects.append(Answered(delivery[0], frame.status == codes.ESME_ROK))

    def _other(self, frame: Frame, effects: list[SessionEffect]) -> None:
        command_id, sequence = frame.command_id, frame.sequence
        if command_id == codes.ENQUIRE_LINK:
            self._enquired(sequence, effects)
        elif command_id in _BOUND_BY:
            self._bind(frame, effects)
        elif command_id == codes.UNBIND:
            self._unbind(frame, effects)
        elif command_id in _REQUESTS:
            self._requested(frame, effects)
        elif command_id == codes.GENERIC_NACK:
            # To a deliver_sm it is a refusal; to an enquire_link it shows that the peer is alive; any other
            # is ignored.
            self._delivered(frame, effects)
        elif command_id == codes.UNBIND | codes.RESPONSE and self.state is SessionState.UNBOUND:
            self._close(effects)
        elif not command_id & codes.RESPONSE:
            effects.append(write_pdu(codes.GENERIC_NACK, codes.ESME_RINVCMDID, sequence))

    def _bind(self, frame: Frame, effects: list[SessionEffect]) -> None:
        response_id = frame.command_id | codes.RESPONSE
        if self.state is not SessionState.OPEN:
            status = codes.ESME_RALYBND if self.state in _BOUND else codes.ESME_RINVBNDSTS
            effects.append(write_pdu(response_id, status, frame.sequence))
            return
        try:
            bind = read_bind(frame.body)
        except PduError as error:
            effects.append(write_pdu(response_id, error.status, frame.sequence))
            return
        admitted = self._admit(bind)
        if admitted is NoAnswer.CUT:
            self._close(effects)
        elif isinstance(admitted, NoAnswer):
            return
        elif admitted != codes.ESME_ROK:
            effects.append(write_pdu(response_id, admitted, frame.sequence))
        else:
            self.bind = bind
            self.knows_tlvs = bind.interface_version >= codes.VERSION_3_4
            self.state = _BOUND_BY[frame.command_id]
            body = self._limits.smsc_id.encode("latin-1") + b"\0"
            if self.knows_tlvs:
                body += _VERSION
            effects.append(write_pdu(response_id, codes.ESME_ROK, frame.sequence, body))
            effects.append(BoundNow(bind))

    def _unbind(self, frame: Frame, effects: list[SessionEffect]) -> None:
        response_id = codes.UNBIND | codes.RESPONSE
        if self.state is SessionState.OPEN:
            effects.append(write_pdu(response_id, codes.ESME_RINVBNDSTS, frame.sequence))
            return
        effects.append(write_pdu(response_id, codes.ESME_ROK, frame.sequence))
        self._close(effects)

    def _enquired(self, sequence: int, effects: list[SessionEffect]) -> None:
        no_answer = self._no_answer()
        if no_answer is None:
            effects.append(write_pdu(codes.ENQUIRE_LINK | codes.RESPONSE, codes.ESME_ROK, sequence))
        elif no_answer is NoAnswer.CUT:
            self._close(effects)

    def _requested(self, frame: Frame, effects: list[SessionEffect]) -> None:
        command_id = frame.command_id
        counted = command_id in _COUNTED
        if self.state not in _TRANSMITS:
            status = codes.ESME_RINVBNDSTS
        elif counted and self.unanswered >= self._limits.window:
            status = codes.ESME_RTHROTTLED
        else:
            try:
                effects.append(_REQUESTS[command_id](frame))
            except PduError as error:
                status = error.status
            else:
                self.unanswered += counted
                return
        effects.append(write_pdu(command_id | codes.RESPONSE, status, frame.sequence))

    def _time_out_deliveries(self, now_ns: int, effects: list[SessionEffect]) -> None:
        late_ns = now_ns - self._limits.response_ns
        late: list[int] = []
        for sequence, (_, sent_ns) in self._delivering.items():
            if sent_ns > late_ns:
                break
            late.append(sequence)
        effects.extend(Answered(self._delivering.pop(sequence)[0], False) for sequence in late)

    def _close(self, effects: list[SessionEffect]) -> None:
        self.state = SessionState.CLOSED
        effects.append(Close())

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        return self._sequence


def _passed(elapsed_ns: int, limit_ns: int) -> bool:
    return limit_ns > 0 and elapsed_ns >= limit_ns
