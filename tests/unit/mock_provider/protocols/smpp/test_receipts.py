"""What a receipt says of a message."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from nanoseconds import S
from pydantic import ValidationError
from smpp_submits import AT, OFFSET_NS, WALL_S, message, read

from mock_provider.engine.values import (
    DeliveryReport,
    MessageState,
    Submit,
)
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.memo import (
    write_memo,
)
from mock_provider.protocols.smpp.pdu import ShortMessage, read_short_message
from mock_provider.protocols.smpp.receipts import ReceiptWriter
from mock_provider.settings.protocols import SmppSettings


def report(
    submit: Submit, state: MessageState, reason: str = "", provider_id: str = "0aff"
) -> DeliveryReport:
    return DeliveryReport(
        provider_id=provider_id,
        client_ref=None,
        msisdn="48500100200",
        sender_id="Test",
        state=state,
        reason=reason,
        t_state_ns=AT.now_ns + 61 * S,
        segments=1,
        price=0.1,
        mcc="260",
        mnc="01",
        t_sent_ns=AT.now_ns,
        memo=submit.memo,
    )


def receipt(submit: Submit, *outcome: Any, **settings: Any) -> ShortMessage:
    writer = ReceiptWriter(SmppSettings(**settings), OFFSET_NS, GroupIds())
    return read_short_message(writer.write(report(submit, *outcome), True))


def test_a_receipt_swaps_the_addresses_and_has_its_state_in_text_and_tlvs() -> None:
    submit = read(registered_delivery=1, short_message=b"Your code is 123456. Tell nobody.")
    found = receipt(submit, MessageState.DELIVERED)
    assert (found.source_ton, found.source_npi, found.source) == (1, 1, "48500100200")
    assert (found.dest_ton, found.dest_npi, found.dest) == (5, 0, "Test")
    assert found.esm_class == 0x04
    assert found.short_message == (
        b"id:0aff sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 "
        b"text:Your code is 123456."
    )
    assert found.tlvs == ((0x001E, b"0aff\0"), (0x0427, b"\2"), (0x0423, b"\3\0\0"))


@pytest.mark.parametrize(
    ("state", "reason", "stat", "message_state", "error"),
    [
        (MessageState.EXPIRED, "validity_passed", b"EXPIRED", 3, 27),
        (MessageState.UNDELIVERED, "absent_subscriber", b"UNDELIV", 5, 27),
        (MessageState.UNKNOWN, "anything else", b"UNKNOWN", 7, 34),
        (MessageState.REJECTED, "unknown_subscriber", b"REJECTD", 8, 1),
    ],
)
def test_a_failure_has_its_state_and_an_error(
    state: MessageState, reason: str, stat: bytes, message_state: int, error: int
) -> None:
    found = receipt(read(registered_delivery=1), state, reason)
    assert b"dlvrd:000" in found.short_message
    assert b"stat:%s err:%03d " % (stat, error) in found.short_message
    assert found.tlvs[1:] == ((0x0427, bytes((message_state,))), (0x0423, bytes((3, 0, error))))


def test_an_intermediate_notification_has_its_own_class() -> None:
    found = receipt(read(registered_delivery=0x11), MessageState.OPEN)
    assert found.esm_class == 0x20
    assert b"stat:ENROUTE err:000" in found.short_message


def test_the_id_of_receipts_can_be_decimal() -> None:
    found = receipt(read(registered_delivery=1), MessageState.DELIVERED, receipt_id="decimal")
    assert found.short_message.startswith(b"id:2815 ")
    assert found.tlvs[0] == (0x001E, b"2815\0")


@pytest.mark.parametrize("id_style", ["hex", "digits"])
def test_decimal_receipt_ids_with_another_id_style_are_refused(id_style: str) -> None:
    with pytest.raises(ValidationError, match="receipt_id") as error:
        SmppSettings.model_validate({"receipt_id": "decimal", "id_style": id_style})
    assert 'id_style = "hex16"' in str(error.value)


def test_a_receipt_to_an_older_peer_has_no_tlvs() -> None:
    submit = read(registered_delivery=1, tlvs=((codes.USER_MESSAGE_REFERENCE, b"\1\2"),))
    writer = ReceiptWriter(SmppSettings(), OFFSET_NS, GroupIds())
    one = report(submit, MessageState.DELIVERED)
    with_tlvs, without = (read_short_message(writer.write(one, knows)) for knows in (True, False))
    assert with_tlvs.tlvs[-1] == (codes.USER_MESSAGE_REFERENCE, b"\1\2")
    assert without == structs.replace(with_tlvs, tlvs=())


def test_a_receipt_has_the_id_its_client_knows_the_message_by() -> None:
    groups = GroupIds()
    groups.keep("first", ["first", "0aff"])
    one = report(read(registered_delivery=1), MessageState.DELIVERED)
    found = read_short_message(ReceiptWriter(SmppSettings(), OFFSET_NS, groups).write(one, True))
    assert found.short_message.startswith(b"id:first ")
    assert found.tlvs[0] == (0x001E, b"first\0")


@pytest.mark.parametrize("dest", ["", "+48 500 100 200" + " " * 10])
def test_a_destination_a_receipt_cannot_repeat_is_the_number(dest: str) -> None:
    message_of = message(dest=dest, registered_delivery=1)
    memo = write_memo(message_of, "hello", "Test", WALL_S, "gsm7")
    one = structs.replace(report(read(registered_delivery=1), MessageState.DELIVERED), memo=memo)
    found = read_short_message(ReceiptWriter(SmppSettings(), OFFSET_NS, GroupIds()).write(one, True))
    assert (found.source_ton, found.source_npi, found.source) == (1, 1, "48500100200")
    assert found.dest == "Test"


def test_a_receipt_shows_other_alphabets_as_the_default_one_can_and_cuts_no_escape() -> None:
    polish = read(registered_delivery=1, data_coding=8, short_message="zażółć €".encode("utf-16-be"))
    assert receipt(polish, MessageState.DELIVERED).short_message.endswith(b"text:za???? \x1be")
    euro = read(registered_delivery=1, short_message=b"x" * 19 + b"\x1be")
    assert receipt(euro, MessageState.DELIVERED).short_message.endswith(b"text:" + b"x" * 19)
