"""What smpplib submits and the receipts it gets."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from smpplib import consts, gsm
from smpplib_client import Connect, captured
from waiting import eventually
from wire_provider import StartProvider

FAST: dict[str, Any] = {
    "delivery": {"latency": {"kind": "fixed", "value_s": 0.0}},
    "reports": {"linger_s": 0.0},
}


def test_a_transceiver_submits_and_gets_its_receipt(start: StartProvider, connect: Connect) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    assert esme.bind().system_id == b"smsbench"
    esme.send(b"hello #Kjourney-1#")
    esme.read(answers=1, receipts=1)
    (answer,), (receipt,) = esme.answers, esme.receipts
    message_id = answer.message_id.decode()
    assert (answer.command, answer.status) == ("submit_sm_resp", 0)
    assert (receipt.source_addr, receipt.destination_addr) == (b"48500100200", b"Test")
    assert receipt.esm_class == 0x04
    assert receipt.receipted_message_id.decode() == message_id
    assert receipt.message_state == consts.SMPP_MESSAGE_STATE_DELIVERED
    fields = esme.receipt_fields()
    assert (fields["id"], fields["stat"], fields["err"]) == (message_id, "DELIVRD", "000")
    assert fields["text"] == "hello #Kjourney-1#"
    (message,) = captured(provider)
    assert (message["key"], message["protocol"], message["text"]) == (
        "journey-1",
        "smpp",
        "hello #Kjourney-1#",
    )


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (consts.SMPP_ENCODING_DEFAULT, gsm.gsm_encode("100 € [ok] @home"), "100 € [ok] @home"),
        (consts.SMPP_ENCODING_ISO88591, "žluť".replace("ž", "z").replace("ť", "t").encode("latin-1"), "zlut"),
        (consts.SMPP_ENCODING_ISO10646, "Zażółć gęślą jaźń 😀".encode("utf-16-be"), "Zażółć gęślą jaźń 😀"),
        (consts.SMPP_ENCODING_BINARY, b"\x00\xff\x10", "00ff10"),
    ],
)
def test_each_data_coding(
    start: StartProvider, connect: Connect, coding: int, octets: bytes, text: str
) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    esme.send(octets, data_coding=coding)
    esme.read(answers=1, receipts=1)
    assert esme.answers[0].status == 0
    assert captured(provider)[0]["text"] == text


@pytest.mark.parametrize("way", ["udh", "sar", "payload"])
def test_long_messages(start: StartProvider, connect: Connect, way: str) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    text = "#Klong-1# " + "word " * 70
    if way == "payload":
        esme.send(b"", message_payload=gsm.gsm_encode(text))
        expected = [("long-1", 3)]
    else:
        parts, coding, esm_class = gsm.make_parts(text, use_udhi=way == "udh")
        for number, part in enumerate(parts, 1):
            sar = {
                "sar_msg_ref_num": 7,
                "sar_total_segments": len(parts),
                "sar_segment_seqnum": number,
            }
            esme.send(part, data_coding=coding, esm_class=esm_class, **(sar if way == "sar" else {}))
        expected = [("long-1", 1), ("long-1/2", 1), ("long-1/3", 1)]
    esme.read(answers=len(expected), receipts=len(expected))
    assert [answer.status for answer in esme.answers] == [0] * len(expected)
    assert len({receipt.receipted_message_id for receipt in esme.receipts}) == len(expected)
    found = sorted(captured(provider), key=lambda message: str(message["key"]))
    assert [(message["key"], message["segments"]) for message in found] == expected
    assert "".join(message["text"] for message in found) == text


def test_receipts_only_as_they_are_asked_for(start: StartProvider, connect: Connect) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    for registered in (0, 2, 0x11):
        esme.send(registered_delivery=registered)
    esme.read(answers=3, receipts=2)
    eventually(lambda: provider.state()["open"] == 0)
    assert [esme.receipt_fields(number)["stat"] for number in (0, 1)] == ["ENROUTE", "DELIVRD"]
    assert [receipt.esm_class for receipt in esme.receipts] == [0x20, 0x04]
    assert {receipt.receipted_message_id for receipt in esme.receipts} == {esme.answers[2].message_id}


def test_a_failure_is_reported_where_only_failures_are_wanted(start: StartProvider, connect: Connect) -> None:
    failures = [{"state": "undelivered", "reason": "absent_subscriber", "share": 1.0}]
    provider = start(delivery=FAST["delivery"] | {"failures": failures}, reports=FAST["reports"])
    esme = connect(provider)
    esme.bind()
    esme.send(registered_delivery=2)
    esme.read(answers=1, receipts=1)
    assert (esme.receipt_fields()["stat"], esme.receipt_fields()["err"]) == ("UNDELIV", "027")
    assert esme.receipts[0].message_state == consts.SMPP_MESSAGE_STATE_UNDELIVERABLE


def test_an_invalid_number_is_refused(start: StartProvider, connect: Connect) -> None:
    esme = connect(start())
    esme.bind()
    esme.send(destination_addr="12")
    esme.read(answers=1)
    assert esme.answers[0].status == consts.SMPP_ESME_RINVDSTADR


def test_a_scheduled_message_is_replaced_and_cancelled(start: StartProvider, connect: Connect) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    later = {"schedule_delivery_time": "000001000000000R", "registered_delivery": 0}
    esme.send(b"first", **later)
    esme.send(b"to another", destination_addr="48500100201", **later)
    esme.send(b"second", replace_if_present_flag=1, **later)
    esme.read(answers=3)
    first, other, second = (answer.message_id.decode() for answer in esme.answers)
    states = []
    for message_id in (first, other, second):
        esme.client.query_message(
            message_id=message_id, source_addr_ton=5, source_addr_npi=0, source_addr="Test"
        )
        esme.read(answers=len(esme.answers) + 1)
        states.append(esme.answers[-1].message_state)
    waits, deleted = consts.SMPP_MESSAGE_STATE_ENROUTE, consts.SMPP_MESSAGE_STATE_DELETED
    assert states == [deleted, waits, waits]
    assert cancel(esme, other) == consts.SMPP_ESME_ROK
    assert cancel(esme, other) == consts.SMPP_ESME_RCANCELFAIL
    assert cancel(esme, "none") == consts.SMPP_ESME_RINVMSGID
    assert provider.state()["gauges"]["scheduled"] == 1


def cancel(esme: Any, message_id: str) -> int:
    """The status of a cancel_sm, which smpplib does not have."""
    sock = esme.socket
    body = b"\0" + message_id.encode() + b"\0\5\0Test\0\1\1\0"
    sock.sendall(struct.pack(">4I", 16 + len(body), 8, 0, 99) + body)
    length, command_id, status, sequence = struct.unpack(">4I", sock.recv(16, socket.MSG_WAITALL))
    assert (length, command_id, sequence) == (16, 0x80000008, 99)
    return int(status)


def test_a_message_is_replaced_when_the_replacement_is_accepted_not_when_that_is_answered(
    start: StartProvider, connect: Connect
) -> None:
    provider = start(delivery=FAST["delivery"], reply={"latency": {"kind": "fixed", "value_s": 0.1}})
    esme = connect(provider)
    esme.bind()
    esme.send(b"first", schedule_delivery_time="000001000000000R", registered_delivery=0)
    esme.read(answers=1)
    name = esme.answers[0].message_id + b"\0\5\0Test\0"
    replace, cancel_it = name + b"\0\0\0\0\3new", b"\0" + name + b"\0\0\0"
    sock = esme.socket
    # The cancel_sm is answered at once; the replacement's reply takes a tenth of a second.
    sock.sendall(
        struct.pack(">4I", 16 + len(replace), 7, 0, 71)
        + replace
        + struct.pack(">4I", 16 + len(cancel_it), 8, 0, 72)
        + cancel_it
    )
    answers = [struct.unpack(">4I", sock.recv(16, socket.MSG_WAITALL)) for _ in range(2)]
    assert answers == [
        (16, 0x80000008, consts.SMPP_ESME_RCANCELFAIL, 72),
        (16, 0x80000007, consts.SMPP_ESME_ROK, 71),
    ]
    assert provider.state()["gauges"]["scheduled"] == 1
    assert cancel(esme, esme.answers[0].message_id.decode()) == consts.SMPP_ESME_ROK
    assert provider.state()["gauges"]["scheduled"] == 0
