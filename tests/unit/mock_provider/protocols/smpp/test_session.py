"""The SMPP session: states, malformed PDUs, windows and timers, without a socket or a clock."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanoseconds import S
from smpp_pdus import write_bind, write_short_message

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.effects import (
    Answered,
    BoundNow,
    Close,
    SessionEffect,
    Submitted,
)
from mock_provider.protocols.smpp.framing import Frame, Framer
from mock_provider.protocols.smpp.pdu import (
    Bind,
    ShortMessage,
    write_pdu,
)
from mock_provider.protocols.smpp.session import (
    NoAnswer,
    Session,
    SessionLimits,
    SessionState,
)

LIMITS = SessionLimits("smsc", 3, 2, 2_000, 10 * S, 30 * S, 90 * S, 5 * S)
BIND = write_bind(Bind("esme", "secret"))
SUBMIT = write_short_message(ShortMessage("", 5, 0, "Test", 1, 1, "48500100200", short_message=b"hello"))


def admit(bind: Bind) -> int | NoAnswer:
    return codes.ESME_ROK if bind.password == "secret" else codes.ESME_RINVPASWD


def session() -> Session:
    return Session(LIMITS, admit, 0)


def bound(command_id: int = codes.BIND_TRANSCEIVER) -> Session:
    one = session()
    one.received(0, write_pdu(command_id, 0, 1, BIND))
    return one


def written(effects: list[SessionEffect]) -> list[Frame]:
    return Framer(100_000).feed(b"".join(effect for effect in effects if isinstance(effect, bytes)))


def one_answer(one: Session, command_id: int, body: bytes = b"") -> tuple[int, int, int]:
    """Id, status and sequence number of the only PDU that this one is answered with."""
    (frame,) = written(one.received(0, write_pdu(command_id, 0, 77, body)))
    return frame.command_id, frame.status, frame.sequence


@pytest.mark.parametrize(
    ("command_id", "state"),
    [
        (codes.BIND_TRANSMITTER, SessionState.BOUND_TX),
        (codes.BIND_RECEIVER, SessionState.BOUND_RX),
        (codes.BIND_TRANSCEIVER, SessionState.BOUND_TRX),
    ],
)
def test_a_bind_leads_to_its_state_and_names_the_smsc(command_id: int, state: SessionState) -> None:
    one = session()
    effects = one.received(0, write_pdu(command_id, 0, 5, BIND))
    (frame,) = written(effects)
    assert (frame.command_id, frame.status, frame.sequence) == (command_id | codes.RESPONSE, 0, 5)
    assert frame.body == b"smsc\0" + bytes.fromhex("0210000134")
    assert one.state is state
    assert BoundNow(Bind("esme", "secret")) in effects


def test_a_refused_bind_leaves_the_session_open_for_another() -> None:
    one = session()
    wrong = write_bind(Bind("esme", "guess"))
    assert one_answer(one, codes.BIND_TRANSCEIVER, wrong)[1] == codes.ESME_RINVPASWD
    assert one.state is SessionState.OPEN
    assert one_answer(one, codes.BIND_TRANSCEIVER, BIND)[1] == codes.ESME_ROK


@pytest.mark.parametrize(
    ("make", "command_id", "body", "answer_id", "status"),
    [
        (session, codes.SUBMIT_SM, SUBMIT, 0x80000004, codes.ESME_RINVBNDSTS),
        (lambda: bound(codes.BIND_RECEIVER), codes.SUBMIT_SM, SUBMIT, 0x80000004, codes.ESME_RINVBNDSTS),
        (session, codes.UNBIND, b"", 0x80000006, codes.ESME_RINVBNDSTS),
        (session, codes.QUERY_SM, b"1\0\0\0\0", 0x80000003, codes.ESME_RINVBNDSTS),
        (session, codes.SUBMIT_MULTI, b"", 0x80000021, codes.ESME_RINVBNDSTS),
        (lambda: bound(codes.BIND_RECEIVER), codes.DATA_SM, b"", 0x80000103, codes.ESME_RINVBNDSTS),
        (session, codes.REPLACE_SM, b"", 0x80000007, codes.ESME_RINVBNDSTS),
        (bound, codes.SUBMIT_MULTI, b"", 0x80000021, codes.ESME_RINVCMDLEN),
        (bound, codes.SUBMIT_MULTI, b"\0\5\0Test\0\0", 0x80000021, codes.ESME_RINVNUMDESTS),
        (bound, codes.DATA_SM, b"", 0x80000103, codes.ESME_RINVCMDLEN),
        (bound, codes.REPLACE_SM, b"", 0x80000007, codes.ESME_RINVCMDLEN),
        (session, codes.ENQUIRE_LINK, b"", 0x80000015, codes.ESME_ROK),
        (bound, codes.BIND_RECEIVER, BIND, 0x80000001, codes.ESME_RALYBND),
        (session, codes.BIND_RECEIVER, b"esme", 0x80000001, codes.ESME_RINVCMDLEN),
        (session, codes.BIND_RECEIVER, write_bind(Bind("esme", "x" * 64)), 0x80000001, codes.ESME_RINVPASWD),
        (session, codes.BIND_RECEIVER, b"esme\0" + b"x" * 65 + b"\0" * 6, 0x80000001, codes.ESME_RINVPASWD),
        (session, codes.BIND_RECEIVER, b"x" * 16 + BIND, 0x80000001, codes.ESME_RINVSYSID),
        (bound, 0x12345678, b"?", codes.GENERIC_NACK, codes.ESME_RINVCMDID),
        (bound, codes.SUBMIT_SM, b"", 0x80000004, codes.ESME_RINVCMDLEN),
        (bound, codes.SUBMIT_SM, SUBMIT[:-1], 0x80000004, codes.ESME_RINVMSGLEN),
        (bound, codes.SUBMIT_SM, SUBMIT + b"\2", 0x80000004, codes.ESME_RINVOPTPARSTREAM),
        (bound, codes.SUBMIT_SM, SUBMIT + b"\2\4\0\2\0", 0x80000004, codes.ESME_RINVOPTPARSTREAM),
        (bound, codes.SUBMIT_SM, b"TOOLONG" + SUBMIT, 0x80000004, codes.ESME_RINVSERTYP),
        (bound, codes.SUBMIT_SM, b"\0\0\0" + b"1" * 21 + b"\0" * 15, 0x80000004, codes.ESME_RINVSRCADR),
        (bound, codes.SUBMIT_SM, b"\0\0\0\0\0\0" + b"1" * 21 + b"\0" * 15, 0x80000004, codes.ESME_RINVDSTADR),
    ],
)
def test_what_the_protocol_refuses(
    make: Callable[[], Session], command_id: int, body: bytes, answer_id: int, status: int
) -> None:
    one = make()
    before = one.state
    assert one_answer(one, command_id, body) == (answer_id, status, 77)
    assert one.state is before


@pytest.mark.parametrize("response_id", [0x80000004, 0x80000015, 0x80000099, codes.GENERIC_NACK])
def test_a_response_without_a_request_is_ignored(response_id: int) -> None:
    assert bound().received(0, write_pdu(response_id, 0, 9, b"abc\0")) == []


@pytest.mark.parametrize(
    ("stream", "sequence"),
    [
        (struct.pack(">I", 3), 0),
        (struct.pack(">I", 15) + b"\0" * 40, 0),
        (struct.pack(">4I", 2_001, codes.SUBMIT_SM, 0, 42), 42),
        (struct.pack(">4I", 0xFFFFFFFF, codes.SUBMIT_SM, 0, 43) + b"x" * 100, 43),
    ],
)
def test_a_length_that_lies_is_refused_and_ends_the_session(stream: bytes, sequence: int) -> None:
    one = bound()
    effects = one.received(0, stream)
    (nack,) = written(effects)
    assert (nack.command_id, nack.status, nack.sequence) == (
        codes.GENERIC_NACK,
        codes.ESME_RINVCMDLEN,
        sequence,
    )
    assert effects[-1] == Close()
    assert one.received(0, write_pdu(codes.ENQUIRE_LINK, 0, 1)) == []


def test_submits_above_the_window_are_throttled_until_others_are_answered() -> None:
    one = bound()
    stream = b"".join(write_pdu(codes.SUBMIT_SM, 0, number, SUBMIT) for number in range(1, 5))
    effects = one.received(0, stream)
    assert [effect.sequence for effect in effects if isinstance(effect, Submitted)] == [1, 2, 3]
    (refused,) = written(effects)
    assert (refused.status, refused.sequence) == (codes.ESME_RTHROTTLED, 4)
    (answer,) = written([one.answer(codes.SUBMIT_SM, 1, codes.ESME_ROK, b"id-1\0")])
    assert (answer.command_id, answer.status, answer.sequence, answer.body) == (0x80000004, 0, 1, b"id-1\0")
    assert any(isinstance(e, Submitted) for e in one.received(0, write_pdu(codes.SUBMIT_SM, 0, 5, SUBMIT)))


def test_a_refused_submit_is_answered_by_its_header_alone() -> None:
    one = bound()
    one.received(0, write_pdu(codes.SUBMIT_SM, 0, 6, SUBMIT))
    assert one.answer(codes.SUBMIT_SM, 6, codes.ESME_RMSGQFUL) == struct.pack(">4I", 16, 0x80000004, 0x14, 6)


DATA = b"\0\5\0Test\0\1\x0148500100200\0\0\1\0"
MULTI = b"\0\5\0Test\0\1\1\1\x0148500100200\0" + b"\0" * 10
REPLACE = b"id\0\5\0Test\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("command_id", "body"),
    [(codes.DATA_SM, DATA), (codes.SUBMIT_MULTI, MULTI), (codes.REPLACE_SM, REPLACE)],
)
def test_the_window_counts_every_request_that_waits_for_the_provider(command_id: int, body: bytes) -> None:
    one = bound()
    assert len(one.received(0, b"".join(write_pdu(command_id, 0, n, body) for n in range(1, 4)))) == 3
    assert one_answer(one, command_id, body)[1] == codes.ESME_RTHROTTLED
    one.answer(command_id, 1, codes.ESME_ROK, b"id\0")
    (effect,) = one.received(0, write_pdu(command_id, 0, 5, body))
    assert not isinstance(effect, bytes)


@pytest.mark.parametrize(("version", "knows"), [(0x00, False), (0x33, False), (0x34, True), (0x50, True)])
def test_only_a_peer_of_3_4_knows_tlvs(version: int, knows: bool) -> None:
    one = session()
    assert not one.knows_tlvs
    bind = write_bind(Bind("esme", "secret", interface_version=version))
    (frame,) = written(one.received(0, write_pdu(codes.BIND_TRANSCEIVER, 0, 1, bind)))
    assert one.knows_tlvs is knows
    assert frame.body == b"smsc\0" + (bytes.fromhex("0210000134") if knows else b"")


@pytest.mark.parametrize(
    ("front", "effects"),
    [
        (None, [write_pdu(0x80000015, 0, 9)]),
        (NoAnswer.SILENCE, []),
        (NoAnswer.CUT, [Close()]),
    ],
)
def test_a_link_is_answered_as_the_outage_leaves_it(
    front: NoAnswer | None, effects: list[SessionEffect]
) -> None:
    one = Session(LIMITS, admit, 0, lambda: front)
    assert one.received(0, write_pdu(codes.ENQUIRE_LINK, 0, 9)) == effects


def test_receipts_are_limited_by_the_window_and_each_is_answered_once() -> None:
    one = bound(codes.BIND_RECEIVER)
    frames = written([one.deliver(0, "a", b"body"), one.deliver(0, "b", b"body")])
    assert one.room == 0
    responses = [write_pdu(0x80000005, 0, frames[0].sequence), write_pdu(0x80000005, 8, frames[1].sequence)]
    effects = one.received(1, b"".join(responses) + responses[0])
    assert effects == [Answered("a", True), Answered("b", False)]
    assert one.room == 2


def test_a_generic_nack_refuses_a_receipt() -> None:
    one = bound()
    (frame,) = written([one.deliver(0, "a", b"body")])
    assert one.received(1, write_pdu(codes.GENERIC_NACK, 3, frame.sequence)) == [Answered("a", False)]


def test_a_receipt_without_an_answer_is_given_up_in_time_and_with_the_connection() -> None:
    one = bound()
    one.deliver(1 * S, "a", b"")
    one.deliver(3 * S, "b", b"")
    assert one.next_due() == 6 * S
    assert one.advance(6 * S - 1) == []
    assert one.advance(6 * S) == [Answered("a", False)]
    assert one.lost() == [Answered("b", False)]
    assert one.lost() == []


def test_a_transmitter_takes_no_receipts() -> None:
    assert bound(codes.BIND_TRANSMITTER).room == 0
    assert not bound(codes.BIND_TRANSMITTER).receives


def test_a_client_that_does_not_bind_is_disconnected() -> None:
    one = session()
    one.received(4 * S, write_pdu(codes.ENQUIRE_LINK, 0, 1))
    assert one.next_due() == 10 * S
    assert one.advance(10 * S - 1) == []
    assert one.advance(10 * S) == [Close()]


def test_a_silent_client_is_asked_and_cut_when_it_does_not_answer() -> None:
    one = bound()
    assert one.next_due() == 30 * S
    (asked,) = written(one.advance(30 * S))
    assert asked.command_id == codes.ENQUIRE_LINK
    assert one.advance(35 * S - 1) == []
    assert one.advance(35 * S) == [Close()]


def test_a_client_that_answers_stays_connected_and_is_asked_again() -> None:
    one = bound()
    (asked,) = written(one.advance(30 * S))
    one.received(31 * S, write_pdu(0x80000015, 0, asked.sequence))
    assert one.advance(35 * S) == []
    assert one.next_due() == 61 * S
    assert len(written(one.advance(61 * S))) == 1


def test_unbind_is_answered_after_all_that_came_before_it() -> None:
    one = bound()
    effects = one.received(0, write_pdu(codes.SUBMIT_SM, 0, 7, SUBMIT) + write_pdu(codes.UNBIND, 0, 8))
    assert isinstance(effects[0], Submitted)
    assert effects[1:] == [write_pdu(0x80000006, 0, 8), Close()]
    assert written([one.answer(codes.SUBMIT_SM, 7, codes.ESME_ROK, b"id\0")])[0].sequence == 7


def test_an_unbind_waits_for_its_answer_before_the_connection_closes() -> None:
    one = bound()
    (leave,) = written([one.unbind()])
    assert (leave.command_id, one.state) == (codes.UNBIND, SessionState.UNBOUND)
    assert one.received(0, write_pdu(0x80000006, 0, leave.sequence)) == [Close()]


def test_an_outage_that_disconnects_cuts_the_bind() -> None:
    one = Session(LIMITS, lambda bind: NoAnswer.CUT, 0)
    assert one.received(0, write_pdu(codes.BIND_RECEIVER, 0, 1, BIND)) == [Close()]


def test_an_outage_that_hangs_leaves_the_bind_unanswered_until_its_time_is_over() -> None:
    one = Session(LIMITS, lambda bind: NoAnswer.SILENCE, 0)
    assert one.received(0, write_pdu(codes.BIND_RECEIVER, 0, 1, BIND)) == []
    assert one.state is SessionState.OPEN
    assert one.advance(10 * S) == [Close()]


# Streams of PDUs, some good and some of random ids and bodies.
BODIES = st.one_of(st.sampled_from([BIND, SUBMIT, DATA, MULTI, REPLACE, b""]), st.binary(max_size=80))
IDS = st.one_of(
    st.sampled_from(
        [codes.BIND_TRANSCEIVER, codes.SUBMIT_SM, codes.ENQUIRE_LINK, codes.UNBIND, codes.QUERY_SM,
         codes.CANCEL_SM, codes.SUBMIT_MULTI, codes.DATA_SM, codes.REPLACE_SM, codes.GENERIC_NACK,
         0x80000005, 0x80000006]
    ),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
PDUS = st.tuples(IDS, st.integers(0, 2**32 - 1), BODIES)


@given(st.lists(PDUS, max_size=12), st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_the_pieces_a_stream_comes_in_change_nothing(
    pdus: list[tuple[int, int, bytes]], cuts: list[int], binds_first: bool
) -> None:
    stream = b"".join(write_pdu(command_id, 0, sequence, body) for command_id, sequence, body in pdus)
    whole, pieces = (bound(), bound()) if binds_first else (session(), session())
    expected = whole.received(0, stream)
    found: list[SessionEffect] = []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        found += pieces.received(0, stream[start:end])
    assert found == expected
    assert pieces.state is whole.state


@given(st.lists(PDUS, max_size=20))
def test_each_request_gets_one_answer_and_no_response_any(pdus: list[tuple[int, int, bytes]]) -> None:
    one = bound()
    for command_id, sequence, body in pdus:
        if one.state is SessionState.CLOSED:
            break
        effects = one.received(0, write_pdu(command_id, 0, sequence, body))
        submitted = [e for e in effects if not isinstance(e, bytes | BoundNow | Close)]
        answers = written(effects)
        assert len(answers) + len(submitted) == (0 if command_id & codes.RESPONSE else 1)
        assert all(answer.sequence == sequence for answer in answers)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_noise_never_raises_and_holds_no_more_than_one_pdu(pieces: list[bytes]) -> None:
    framer = Framer(500)
    for piece in pieces:
        framer.feed(piece)
        assert framer.kept < 500 + 300
    one = bound()
    for piece in pieces:
        one.received(0, piece)
