"""Binds, windows, limits and faults as smpplib meets them."""

from __future__ import annotations

from typing import Any

import pytest
from smpplib import consts, exceptions, smpp
from smpplib_client import Connect
from waiting import eventually
from wire_provider import StartProvider

FAST = {"delivery": {"latency": {"kind": "fixed", "value_s": 0.0}}, "reports": {"linger_s": 0.0}}


def test_receipts_go_to_the_receiver_of_the_same_system_id(start: StartProvider, connect: Connect) -> None:
    provider = start(**FAST)
    transmitter, receiver, other = connect(provider), connect(provider), connect(provider)
    transmitter.bind("transmitter")
    receiver.bind("receiver")
    other.bind("receiver", system_id="other")
    transmitter.send()
    transmitter.read(answers=1)
    receiver.read(answers=0, receipts=1)
    assert receiver.receipt_fields()["id"].encode() == transmitter.answers[0].message_id
    other.client.send_pdu(smpp.make_pdu("enquire_link", client=other.client))
    assert other.client.read_pdu().command == "enquire_link_resp"  # nothing came before it


def test_receipts_wait_for_a_receiver(start: StartProvider, connect: Connect) -> None:
    provider = start(**FAST)
    transmitter, receiver = connect(provider), connect(provider)
    transmitter.bind("transmitter")
    transmitter.send()
    transmitter.read(answers=1)
    eventually(lambda: provider.state()["gauges"]["reports_unconfirmed"] == 1)
    receiver.bind("receiver")
    receiver.read(answers=0, receipts=1)
    eventually(lambda: provider.state()["gauges"]["reports_unconfirmed"] == 0)


def test_a_receipt_without_an_answer_is_sent_again_by_the_schedule(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(
        delivery=FAST["delivery"],
        reports={"linger_s": 0.0, "retry_after_s": [0.05]},
        protocol={"smpp": {"response_s": 0.1}},
    )
    esme = connect(provider)
    esme.bind()
    esme.receipt_status = consts.SMPP_ESME_RSYSERR
    esme.send()
    esme.read(answers=1, receipts=2)
    esme.receipt_status = consts.SMPP_ESME_ROK
    esme.read(answers=1, receipts=3)
    assert len({receipt.short_message for receipt in esme.receipts}) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"throttle": {"requests": {"rate_per_s": 0.001, "burst": 1}}}, consts.SMPP_ESME_RTHROTTLED),
        ({"throttle": {"segments": {"rate_per_s": 0.001, "burst": 1}}}, consts.SMPP_ESME_RTHROTTLED),
        (
            {"accept_queue": {"capacity_segments": 1, "drain_segments_per_s": 0.001}},
            consts.SMPP_ESME_RMSGQFUL,
        ),
    ],
)
def test_limits_are_answered_as_senders_expect_them(
    start: StartProvider, connect: Connect, changes: dict[str, Any], status: int
) -> None:
    provider = start(**changes)
    esme = connect(provider)
    esme.bind()
    for _ in range(4):
        esme.send(registered_delivery=0)
    esme.read(answers=4)
    statuses = [answer.status for answer in esme.answers]
    assert statuses[0] == 0
    assert statuses[-1] == status


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ("internal_error", consts.SMPP_ESME_RSYSERR),
        ("rejected", consts.SMPP_ESME_RSUBMITFAIL),
        ("sender_not_allowed", consts.SMPP_ESME_RINVSRCADR),
        ("no_valid_recipient", consts.SMPP_ESME_RINVDSTADR),
    ],
)
def test_refusals_have_their_status(
    start: StartProvider, connect: Connect, refusal: str, status: int
) -> None:
    esme = connect(start(reply={"errors": [{"refusal": refusal, "share": 1.0}]}))
    esme.bind()
    esme.send()
    esme.read(answers=1)
    assert esme.answers[0].status == status


def test_submits_above_the_window_are_throttled(start: StartProvider, connect: Connect) -> None:
    provider = start(protocol={"smpp": {"window": 2}}, reply={"latency": {"kind": "fixed", "value_s": 0.3}})
    esme = connect(provider)
    esme.bind()
    for _ in range(3):
        esme.send(registered_delivery=0)
    esme.read(answers=3)
    assert [answer.status for answer in esme.answers] == [consts.SMPP_ESME_RTHROTTLED, 0, 0]


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        ({"password": "guess"}, consts.SMPP_ESME_RINVPASWD),
        ({"password": ""}, consts.SMPP_ESME_RINVPASWD),
        ({"system_id": "unknown"}, consts.SMPP_ESME_RINVSYSID),
    ],
)
def test_a_wrong_bind_is_refused(
    start: StartProvider, connect: Connect, credentials: dict[str, str], status: int
) -> None:
    provider = start(protocol={"smpp": {"system_ids": ["esme"]}})
    with pytest.raises(exceptions.PDUError) as error:
        connect(provider).bind(**credentials)
    assert error.value.args[1] == status


def test_a_system_id_binds_up_to_its_limit_and_again_after_an_unbind(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(protocol={"smpp": {"max_binds": 1}})
    first = connect(provider)
    first.bind()
    with pytest.raises(exceptions.PDUError) as error:
        connect(provider).bind()
    assert error.value.args[1] == consts.SMPP_ESME_RALYBND
    assert first.client.unbind().command == "unbind_resp"

    def binds() -> bool:
        try:
            connect(provider).bind()
        except exceptions.PDUError:
            return False
        return True

    eventually(binds)


def test_links_are_enquired_both_ways(start: StartProvider, connect: Connect) -> None:
    esme = connect(start(protocol={"smpp": {"enquire_link_s": 0.05}}))
    esme.bind()
    assert esme.client.read_pdu().command == "enquire_link"  # nothing was said for a while
    esme.client.send_pdu(smpp.make_pdu("enquire_link", client=esme.client))
    commands = {esme.client.read_pdu().command for _ in range(2)}
    assert "enquire_link_resp" in commands


def test_a_lost_reply_cuts_the_connection_of_a_message_that_was_taken(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(faults=[{"kind": "hang", "share": 1.0, "accepted": True, "disconnect": True}])
    esme = connect(provider)
    esme.bind()
    esme.send()
    with pytest.raises(exceptions.ConnectionError):
        esme.read(answers=1)
    assert provider.state()["accepted"] == 1


def test_an_outage_affects_submits_and_then_binds(start: StartProvider, connect: Connect) -> None:
    provider = start(faults=[{"kind": "outage", "answer": "refuse"}])
    esme = connect(provider)
    esme.bind()  # the window begins with the engine's first input
    esme.send()
    esme.read(answers=1)
    assert esme.answers[0].status == consts.SMPP_ESME_RSYSERR
    with pytest.raises(exceptions.PDUError) as error:
        connect(provider).bind()
    assert error.value.args[1] == consts.SMPP_ESME_RBINDFAIL


@pytest.mark.parametrize("answer", ["hang", "disconnect"])
def test_an_outage_affects_links_and_look_ups_like_submits(
    start: StartProvider, connect: Connect, answer: str
) -> None:
    provider = start(faults=[{"kind": "outage", "answer": answer}])
    esmes = [connect(provider) for _ in range(3)]
    for esme in esmes:
        esme.bind()  # the window begins with the engine's first input
        esme.socket.settimeout(0.2)
    first, second, third = esmes
    first.send()  # that input
    with pytest.raises(gone := {"hang": TimeoutError, "disconnect": exceptions.ConnectionError}[answer]):
        first.client.read_pdu()
    second.client.send_pdu(smpp.make_pdu("enquire_link", client=second.client))
    with pytest.raises(gone):
        second.client.read_pdu()
    third.client.query_message(message_id="1", source_addr_ton=5, source_addr_npi=0, source_addr="Test")
    with pytest.raises(gone):
        third.client.read_pdu()


def test_an_outage_that_refuses_answers_links_and_refuses_look_ups(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(faults=[{"kind": "outage", "answer": "refuse"}])
    esme = connect(provider)
    esme.bind()
    esme.send()
    esme.read(answers=1)
    esme.client.query_message(message_id="1", source_addr_ton=5, source_addr_npi=0, source_addr="Test")
    esme.read(answers=2)
    assert [answer.status for answer in esme.answers] == [consts.SMPP_ESME_RSYSERR] * 2
    esme.client.send_pdu(smpp.make_pdu("enquire_link", client=esme.client))
    assert esme.client.read_pdu().command == "enquire_link_resp"


def test_a_provider_that_stops_answers_requests_in_flight_and_unbinds(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(reply={"latency": {"kind": "fixed", "value_s": 0.2}})
    esme = connect(provider)
    esme.bind()
    esme.send()
    eventually(lambda: provider.state()["gauges"]["pending_replies"] == 1)
    provider.stop_soon()
    esme.read(answers=1)
    assert esme.answers[0].status == 0
    assert esme.client.read_pdu().command == "unbind"


def test_a_client_that_reads_no_answer_is_stopped_and_others_continue(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(**FAST)
    mute, other = connect(provider), connect(provider)
    mute.bind()
    other.bind(system_id="other")
    sock = mute.socket
    sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        for _ in range(100_000):
            sock.sendall(b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\1" * 1_000)
    other.send()
    other.read(answers=1, receipts=1)
