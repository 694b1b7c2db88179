"""The SMPP wire with unmodified clients, smpplib and aiosmpplib, over real sockets."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, Protocol

import pytest
from aiosmpplib import ESME, DeliverSm, PhoneNumber, SubmitSm, SubmitSmResp
from aiosmpplib.hook import AbstractHook
from aiosmpplib.protocol import SmppMessage
from aiosmpplib.state import NPI, TON
from smpplib import consts, exceptions, gsm, smpp
from smpplib.client import Client

DEADLINE_S = 10.0
FAST = {"delivery": {"latency": {"kind": "fixed", "value_s": 0.0}}, "reports": {"linger_s": 0.0}}


class Provider(Protocol):
    """What these tests need of conftest's ProviderUnderTest."""

    smpp_host: str
    smpp_port: int
    smpp_password: str
    token: str

    def admin(self, path: str, value: object = None, method: str | None = None) -> tuple[int, Any]: ...
    def state(self) -> dict[str, Any]: ...


Start = Callable[..., Provider]
Eventually = Callable[[Callable[[], bool]], None]


class Esme:
    """smpplib's client, and what came to it."""

    def __init__(self, provider: Provider) -> None:
        self.client = Client(
            provider.smpp_host, provider.smpp_port, timeout=DEADLINE_S, allow_unknown_opt_params=True
        )
        self.client.set_message_sent_handler(lambda pdu: self.answers.append(pdu))
        self.client.set_error_pdu_handler(lambda pdu: None)  # the other handlers get it as well
        self.client.set_query_resp_handler(lambda pdu: self.answers.append(pdu))
        self.client.set_message_received_handler(self.on_receipt)
        self.answers: list[Any] = []
        self.receipts: list[Any] = []
        self.receipt_status = consts.SMPP_ESME_ROK
        self.client.connect()

    def on_receipt(self, pdu: Any) -> int:
        self.receipts.append(pdu)
        return self.receipt_status

    def bind(self, how: str = "transceiver", **credentials: str) -> Any:
        given = {"system_id": "esme", "password": "wire-pw"} | credentials
        return getattr(self.client, f"bind_{how}")(**given)

    def send(self, octets: bytes = b"hello", **fields: Any) -> None:
        plain: dict[str, Any] = {
            "source_addr_ton": consts.SMPP_TON_ALNUM,
            "source_addr": "Test",
            "dest_addr_ton": consts.SMPP_TON_INTL,
            "dest_addr_npi": consts.SMPP_NPI_ISDN,
            "destination_addr": "48500100200",
            "short_message": octets,
            "registered_delivery": 1,
        }
        self.client.send_message(**(plain | fields))

    def read(self, answers: int, receipts: int = 0) -> None:
        """Read until so many of each have come."""
        deadline = time.monotonic() + DEADLINE_S
        while len(self.answers) < answers or len(self.receipts) < receipts:
            assert time.monotonic() < deadline, f"{len(self.answers)} answers, {len(self.receipts)} receipts"
            self.client.read_once()

    def close(self) -> None:
        self.client.state = consts.SMPP_CLIENT_STATE_OPEN  # it warns of leaving while bound
        self.client.disconnect()


@pytest.fixture
def connect() -> Iterator[Callable[[Provider], Esme]]:
    """Connect an ESME, unbound."""
    with ExitStack() as stack:

        def one(provider: Provider) -> Esme:
            esme = Esme(provider)
            stack.callback(esme.close)
            return esme

        yield one


Connect = Callable[[Provider], Esme]


def text_of(receipt: Any) -> dict[str, str]:
    """The fields of a receipt's text."""
    words = receipt.short_message.decode().replace("submit date", "submit").replace("done date", "done")
    head, _, text = words.partition(" text:")
    return dict(word.split(":", 1) for word in head.split(" ")) | {"text": text}


def inbox(provider: Provider) -> list[dict[str, Any]]:
    status, found = provider.admin("/messages?limit=100")
    assert status == 200
    messages: list[dict[str, Any]] = found["messages"] if isinstance(found, dict) else found
    return messages


def test_a_transceiver_submits_and_gets_its_receipt(start: Start, connect: Connect) -> None:
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
    fields = text_of(receipt)
    assert (fields["id"], fields["stat"], fields["err"]) == (message_id, "DELIVRD", "000")
    assert fields["text"] == "hello #Kjourney-1#"
    (captured,) = inbox(provider)
    assert (captured["key"], captured["wire"], captured["text"]) == (
        "journey-1",
        "smpp",
        "hello #Kjourney-1#",
    )


def test_receipts_go_to_the_receiver_of_the_same_system_id(start: Start, connect: Connect) -> None:
    provider = start(**FAST)
    transmitter, receiver, other = connect(provider), connect(provider), connect(provider)
    transmitter.bind("transmitter")
    receiver.bind("receiver")
    other.bind("receiver", system_id="other")
    transmitter.send()
    transmitter.read(answers=1)
    receiver.read(answers=0, receipts=1)
    assert text_of(receiver.receipts[0])["id"].encode() == transmitter.answers[0].message_id
    other.client.send_pdu(smpp.make_pdu("enquire_link", client=other.client))
    assert other.client.read_pdu().command == "enquire_link_resp"  # nothing came before it


def test_receipts_wait_for_a_receiver(start: Start, connect: Connect, eventually: Eventually) -> None:
    provider = start(**FAST)
    transmitter, receiver = connect(provider), connect(provider)
    transmitter.bind("transmitter")
    transmitter.send()
    transmitter.read(answers=1)
    eventually(lambda: provider.state()["gauges"]["reports_unconfirmed"] == 1)
    receiver.bind("receiver")
    receiver.read(answers=0, receipts=1)
    eventually(lambda: provider.state()["gauges"]["reports_unconfirmed"] == 0)


def test_a_receipt_nobody_takes_is_sent_again_by_the_schedule(start: Start, connect: Connect) -> None:
    provider = start(
        delivery=FAST["delivery"],
        reports={"linger_s": 0.0, "retry_after_s": [0.05]},
        wire={"smpp": {"response_s": 0.1}},
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
    ("coding", "octets", "text"),
    [
        (consts.SMPP_ENCODING_DEFAULT, gsm.gsm_encode("100 € [ok] @home"), "100 € [ok] @home"),
        (consts.SMPP_ENCODING_ISO88591, "žluť".replace("ž", "z").replace("ť", "t").encode("latin-1"), "zlut"),
        (consts.SMPP_ENCODING_ISO10646, "Zażółć gęślą jaźń 😀".encode("utf-16-be"), "Zażółć gęślą jaźń 😀"),
        (consts.SMPP_ENCODING_BINARY, b"\x00\xff\x10", "00ff10"),
    ],
)
def test_each_data_coding(start: Start, connect: Connect, coding: int, octets: bytes, text: str) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    esme.send(octets, data_coding=coding)
    esme.read(answers=1, receipts=1)
    assert esme.answers[0].status == 0
    assert inbox(provider)[0]["text"] == text


@pytest.mark.parametrize("way", ["udh", "sar", "payload"])
def test_long_messages(start: Start, connect: Connect, way: str) -> None:
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
    captured = sorted(inbox(provider), key=lambda message: str(message["key"]))
    assert [(message["key"], message["segments"]) for message in captured] == expected
    assert "".join(message["text"] for message in captured) == text


def test_receipts_only_as_they_are_asked_for(start: Start, connect: Connect, eventually: Eventually) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    for registered in (0, 2, 0x11):
        esme.send(registered_delivery=registered)
    esme.read(answers=3, receipts=2)
    eventually(lambda: provider.state()["open"] == 0)
    assert [text_of(receipt)["stat"] for receipt in esme.receipts] == ["ENROUTE", "DELIVRD"]
    assert [receipt.esm_class for receipt in esme.receipts] == [0x20, 0x04]
    assert {receipt.receipted_message_id for receipt in esme.receipts} == {esme.answers[2].message_id}


def test_a_failure_is_reported_where_only_failures_are_wanted(start: Start, connect: Connect) -> None:
    failures = [{"state": "undelivered", "reason": "absent_subscriber", "share": 1.0}]
    provider = start(delivery=FAST["delivery"] | {"failures": failures}, reports=FAST["reports"])
    esme = connect(provider)
    esme.bind()
    esme.send(registered_delivery=2)
    esme.read(answers=1, receipts=1)
    assert (text_of(esme.receipts[0])["stat"], text_of(esme.receipts[0])["err"]) == ("UNDELIV", "027")
    assert esme.receipts[0].message_state == consts.SMPP_MESSAGE_STATE_UNDELIVERABLE


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
    start: Start, connect: Connect, changes: dict[str, Any], status: int
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
def test_refusals_have_their_status(start: Start, connect: Connect, refusal: str, status: int) -> None:
    esme = connect(start(reply={"errors": [{"refusal": refusal, "share": 1.0}]}))
    esme.bind()
    esme.send()
    esme.read(answers=1)
    assert esme.answers[0].status == status


def test_a_number_that_is_none_is_refused(start: Start, connect: Connect) -> None:
    esme = connect(start())
    esme.bind()
    esme.send(destination_addr="12")
    esme.read(answers=1)
    assert esme.answers[0].status == consts.SMPP_ESME_RINVDSTADR


def test_submits_above_the_window_are_throttled(start: Start, connect: Connect) -> None:
    provider = start(wire={"smpp": {"window": 2}}, reply={"latency": {"kind": "fixed", "value_s": 0.3}})
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
        ({"system_id": "stranger"}, consts.SMPP_ESME_RINVSYSID),
    ],
)
def test_a_wrong_bind_is_refused(
    start: Start, connect: Connect, credentials: dict[str, str], status: int
) -> None:
    provider = start(wire={"smpp": {"system_ids": ["esme"]}})
    with pytest.raises(exceptions.PDUError) as error:
        connect(provider).bind(**credentials)
    assert error.value.args[1] == status


def test_a_system_id_binds_so_often_and_again_when_one_has_gone(
    start: Start, connect: Connect, eventually: Eventually
) -> None:
    provider = start(wire={"smpp": {"max_binds": 1}})
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


def test_links_are_enquired_both_ways(start: Start, connect: Connect) -> None:
    esme = connect(start(wire={"smpp": {"enquire_link_s": 0.05}}))
    esme.bind()
    assert esme.client.read_pdu().command == "enquire_link"  # nothing was said for a while
    esme.client.send_pdu(smpp.make_pdu("enquire_link", client=esme.client))
    commands = {esme.client.read_pdu().command for _ in range(2)}
    assert "enquire_link_resp" in commands


def test_a_message_can_be_asked_for_and_cancelled_while_it_is_scheduled(
    start: Start, connect: Connect
) -> None:
    provider = start(**FAST)
    esme = connect(provider)
    esme.bind()
    esme.send(schedule_delivery_time="000001000000000R", registered_delivery=0)
    esme.read(answers=1)
    message_id = esme.answers[0].message_id.decode()
    esme.client.query_message(message_id=message_id, source_addr_ton=5, source_addr_npi=0, source_addr="Test")
    esme.read(answers=2)
    assert esme.answers[1].message_state == consts.SMPP_MESSAGE_STATE_ENROUTE
    assert provider.state()["gauges"]["scheduled"] == 1


def test_a_lost_reply_cuts_the_connection_of_a_message_that_was_taken(start: Start, connect: Connect) -> None:
    provider = start(faults=[{"kind": "hang", "share": 1.0, "accepted": True, "disconnect": True}])
    esme = connect(provider)
    esme.bind()
    esme.send()
    with pytest.raises(exceptions.ConnectionError):
        esme.read(answers=1)
    assert provider.state()["accepted"] == 1


def test_an_outage_meets_submits_and_then_binds(start: Start, connect: Connect) -> None:
    provider = start(faults=[{"kind": "outage", "answer": "refuse"}])
    esme = connect(provider)
    esme.bind()  # the window begins with the engine's first input
    esme.send()
    esme.read(answers=1)
    assert esme.answers[0].status == consts.SMPP_ESME_RSYSERR
    with pytest.raises(exceptions.PDUError) as error:
        connect(provider).bind()
    assert error.value.args[1] == consts.SMPP_ESME_RBINDFAIL


def test_who_reads_no_answer_may_ask_no_more_and_others_go_on(start: Start, connect: Connect) -> None:
    provider = start(**FAST)
    mute, other = connect(provider), connect(provider)
    mute.bind()
    other.bind(system_id="other")
    sock = mute.client._socket
    sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        for _ in range(100_000):
            sock.sendall(b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\1" * 1_000)
    other.send()
    other.read(answers=1, receipts=1)


class Seen(AbstractHook):
    """What aiosmpplib received."""

    def __init__(self) -> None:
        self.answers: list[SubmitSmResp] = []
        self.receipts: list[DeliverSm] = []
        self.errors: list[Exception] = []

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:
        """Nothing to note."""

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:
        if isinstance(smpp_message, SubmitSmResp) and not isinstance(smpp_message, DeliverSm):
            self.answers.append(smpp_message)
        elif isinstance(smpp_message, DeliverSm):
            self.receipts.append(smpp_message)

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:
        self.errors.append(error)


def test_aiosmpplib_sends_and_reads_its_receipts(start: Start) -> None:
    provider = start(**FAST)
    texts = ["hello", "Zażółć gęślą jaźń", "long € " * 60]

    async def scenario() -> Seen:
        seen = Seen()
        esme = ESME(
            provider.smpp_host,
            provider.smpp_port,
            system_id="aio",
            password=provider.smpp_password,
            hook=seen,
            log_level="ERROR",
        )
        for number, text in enumerate(texts):
            await esme.broker.enqueue(
                SubmitSm(
                    short_message=text,
                    source=PhoneNumber("Test", TON.ALPHANUMERIC, NPI.UNKNOWN),
                    destination=PhoneNumber("48500100200", TON.INTERNATIONAL, NPI.ISDN),
                    encoding="ucs2" if "ż" in text else None,
                    validity_period=timedelta(hours=1),
                    priority_flag=1,
                    log_id=str(number),
                )
            )
        running = asyncio.create_task(esme.start())
        deadline = time.monotonic() + DEADLINE_S
        while len(seen.receipts) < len(seen.answers) or len(seen.answers) < len(texts):
            assert time.monotonic() < deadline, (seen.answers, seen.receipts, seen.errors)
            await asyncio.sleep(0.01)
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            await esme.stop()  # it drops its stream unclosed
            await running
        return seen

    seen = asyncio.run(scenario())
    assert not seen.errors
    parsed = [receipt.parse_receipt() for receipt in seen.receipts]
    assert {fields["stat"] for fields in parsed} == {"DELIVRD"}
    assert {fields["id"] for fields in parsed} == {answer.message_id for answer in seen.answers}
    assert {message["text"] for message in inbox(provider)} >= set(texts[:2])
