"""What a submit_sm becomes at the engine, and what a receipt says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from nanoseconds import S
from pydantic import ValidationError

from mock_provider.engine.segments import GSM7_BASIC, GSM7_EXTENSION, count_segments
from mock_provider.engine.values import (
    DeliveryReport,
    FinalReport,
    MessageState,
    Submit,
)
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.alphabets import decode_gsm7, encode_gsm7
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.memo import (
    names_source,
    read_memo,
    read_name,
    write_memo,
)
from mock_provider.protocols.smpp.message_pdus import Address
from mock_provider.protocols.smpp.parts import MessagePart, PartKeys
from mock_provider.protocols.smpp.pdu import ShortMessage, read_short_message
from mock_provider.protocols.smpp.receipts import ReceiptWriter
from mock_provider.protocols.smpp.refusals import STATUS_OF
from mock_provider.protocols.smpp.submit import SubmitReader
from mock_provider.settings.protocols import SmppSettings
from mock_provider.settings.values import Refusal

WALL_S = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
AT = Instants(1_000 * S, WALL_S)
OFFSET_NS = int(WALL_S * 1e9) - AT.now_ns


def message(**fields: Any) -> ShortMessage:
    plain: dict[str, Any] = {
        "service_type": "",
        "source_ton": 5,
        "source_npi": 0,
        "source": "Test",
        "dest_ton": 1,
        "dest_npi": 1,
        "dest": "48500100200",
        "short_message": b"hello",
    }
    return ShortMessage(**(plain | fields))


def read(settings: SmppSettings | None = None, **fields: Any) -> Submit:
    reader = SubmitReader(settings or SmppSettings(), PartKeys())
    return reader.read(message(**fields), 7, "token", "esme", AT)


def status_of(**fields: Any) -> int:
    with pytest.raises(PduError) as error:
        read(**fields)
    return error.value.status


@pytest.mark.parametrize(
    ("coding", "octets", "text", "segments"),
    [
        (0, b"\x00hello\x02 \x1b\x65 \x40", "@hello$ € ¡", 1),
        (0, b"a" * 160, "a" * 160, 1),
        (0, b"a" * 161, "a" * 161, 2),
        (1, b"hello", "hello", 1),
        (3, "zażółć".replace("ż", "z").replace("ł", "l").replace("ć", "c").encode("latin-1"), "zazólc", 1),
        (8, "zażółć 😀".encode("utf-16-be"), "zażółć 😀", 1),
        (8, ("ż" * 71).encode("utf-16-be"), "ż" * 71, 2),
        (8, ("a" * 71).encode("utf-16-be"), "a" * 71, 2),  # said to be UCS-2, and sent so
        (8, b"\xd8\x3d", "\ufffd", 1),  # half of a surrogate pair, as parts have it
        (4, bytes(range(140)), bytes(range(140)).hex(), 1),
        (2, bytes(141), bytes(141).hex(), 2),
        (0x05, "日本".encode("shift_jis"), "日本", 1),
        (0x0A, "日本".encode("iso2022_jp"), "日本", 1),
        (0x0D, "日本".encode("iso2022_jp_1"), "日本", 1),
        (0x0E, "한국".encode("euc_kr"), "한국", 1),
        (0x10, b"flash\x00", "flash@", 1),
        (0x13, b"a" * 161, "a" * 161, 2),
        (0x15, b"\x00", "00", 1),
        (0x18, "ż".encode("utf-16-be"), "ż", 1),
        (0x20, b"\x00", "00", 1),  # compressed: nobody here can read it
        (0x40, b"\x00", "@", 1),
        (0x58, "ż".encode("utf-16-be"), "ż", 1),
        (0xC0, b"\x00", "@", 1),
        (0xD8, b"\x00", "@", 1),
        (0xE0, "ż".encode("utf-16-be"), "ż", 1),
        (0xF0, b"\x00", "@", 1),
        (0xF5, b"\x00", "00", 1),
        (0xF8, b"\x00", "@", 1),
        (0xFF, b"\x00", "00", 1),
    ],
)
def test_each_coding_becomes_text(coding: int, octets: bytes, text: str, segments: int) -> None:
    (outbound,) = read(data_coding=coding, short_message=octets).messages
    assert (outbound.text, outbound.segments) == (text, segments)


def test_only_what_both_standards_reserve_is_refused() -> None:
    def is_taken(coding: int) -> bool:
        try:
            read(data_coding=coding, short_message=b"even")
        except PduError as error:
            assert error.status == codes.ESME_RSUBMITFAIL
            return False
        return True

    reserved = {0x0B, 0x0C, 0x0F, *range(0x80, 0xC0)}  # SMPP 3.4, §5.2.19; 3GPP TS 23.038, §4
    reserved |= {coding for coding in range(0x10, 0x80) if coding & 0x0C == 0x0C}
    assert {coding for coding in range(256) if not is_taken(coding)} == reserved


def test_the_default_alphabet_can_be_latin_1() -> None:
    settings = SmppSettings(default_alphabet="latin1")
    assert read(settings, short_message=b"\xf3@$").messages[0].text == "ó@$"


@given(st.text(st.sampled_from(GSM7_BASIC + GSM7_EXTENSION), max_size=300))
def test_gsm_octets_are_the_text_and_cost_its_segments(text: str) -> None:
    octets = encode_gsm7(text)
    assert decode_gsm7(octets) == text
    payload = ((codes.MESSAGE_PAYLOAD, octets),)
    (outbound,) = read(short_message=b"", tlvs=payload).messages
    assert (outbound.text, outbound.segments) == (text, count_segments(text).segments)


@given(st.binary(max_size=160))
def test_any_octets_are_some_text(octets: bytes) -> None:
    for coding in (0, 1, 3, 4, 6, 7):
        text = read(data_coding=coding, short_message=octets).messages[0].text
        text.encode()  # no lone surrogate


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"data_coding": 8, "short_message": b"odd"}, codes.ESME_RINVMSGLEN),
        ({"data_coding": 11}, codes.ESME_RSUBMITFAIL),
        ({"esm_class": 0x04}, codes.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short_message": b"\x09abc"}, codes.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short_message": b""}, codes.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short_message": b"\x05\x00\x09\x01\x02\x01x"}, codes.ESME_RINVESMCLASS),
        ({"registered_delivery": 3}, codes.ESME_RINVREGDLVFLG),
        ({"priority_flag": 4}, codes.ESME_RINVPRTFLG),
        ({"replace_if_present": 2}, codes.ESME_RINVREPFLAG),
        ({"source": "TwelveLetter"}, codes.ESME_RINVSRCADR),
        ({"source_ton": 1, "source": "1" * 16}, codes.ESME_RINVSRCADR),
        ({"dest_ton": 5, "dest": "Somebody"}, codes.ESME_RINVDSTTON),
        ({"validity_period": "soon"}, codes.ESME_RINVEXPIRY),
        ({"validity_period": "261122115959000+"}, codes.ESME_RINVEXPIRY),  # has passed
        ({"schedule_delivery_time": "269999000000000+"}, codes.ESME_RINVSCHED),
        (
            {"schedule_delivery_time": "000000020000000R", "validity_period": "000000010000000R"},
            codes.ESME_RINVEXPIRY,
        ),
        ({"tlvs": ((codes.MESSAGE_PAYLOAD, b"both"),)}, codes.ESME_ROPTPARNOTALLWD),
        ({"tlvs": ((codes.SAR_MSG_REF_NUM, b"\1"),)}, codes.ESME_RINVPARLEN),
        ({"short_message": b"", "tlvs": ((codes.MESSAGE_PAYLOAD, b"a" * 1_600),)}, codes.ESME_RINVMSGLEN),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_own_status(fields: dict[str, Any], status: int) -> None:
    assert status_of(**fields) == status


@pytest.mark.parametrize(
    ("ton", "dest", "msisdn"),
    [
        (1, "48500100200", "48500100200"),
        (1, "+48500100200", "48500100200"),
        (0, "48500100200", "48500100200"),
        (0, "500100200", "48500100200"),
        (2, "500100200", "48500100200"),
        (1, "447700900123", "447700900123"),
    ],
)
def test_numbers_are_normalised_by_their_type(ton: int, dest: str, msisdn: str) -> None:
    (outbound,) = read(dest_ton=ton, dest=dest).messages
    assert (outbound.msisdn, outbound.submitted_number) == (msisdn, dest)


def test_a_number_that_is_none_goes_to_the_engine_as_such() -> None:
    submit = read(dest="12")
    assert (submit.messages, submit.unparsable) == ((), ("12",))


@pytest.mark.parametrize(
    ("ton", "source", "sender"),
    [(5, "Shop", "Shop"), (0, "Shop", "Shop"), (1, "+48500100200", "48500100200"), (3, "80123", "80123")],
)
def test_senders_are_names_or_digits(ton: int, source: str, sender: str) -> None:
    assert read(source_ton=ton, source=source).sender_id == sender


def test_an_empty_source_is_the_default_sender() -> None:
    assert read(SmppSettings(default_sender="Ours"), source_ton=0, source="").sender_id == "Ours"


def test_flags_reach_the_engine() -> None:
    submit = read(
        priority_flag=1,
        schedule_delivery_time="000000010000000R",
        validity_period="261122140000000+",
        registered_delivery=0x11,
    )
    assert submit.fast
    assert submit.scheduled_ns == AT.now_ns + 3_600 * S
    assert submit.expires_ns == AT.now_ns + 7_200 * S
    assert (submit.report_url, submit.wanted.progress) == ("smpp:esme", True)
    assert (read().fast, read().report_url, read().wanted.progress) == (False, None, False)


@pytest.mark.parametrize(
    ("registered", "wanted", "progress"),
    [
        (0, FinalReport.NONE, False),
        (1, FinalReport.ALL, False),
        (2, FinalReport.FAILURES, False),
        (0x10, FinalReport.NONE, True),
        (0x11, FinalReport.ALL, True),
        (0x12, FinalReport.FAILURES, True),
    ],
)
def test_registered_delivery_says_which_receipts_are_wanted(
    registered: int, wanted: FinalReport, progress: bool
) -> None:
    submit = read(registered_delivery=registered)
    assert (submit.wanted.final, submit.wanted.progress) == (wanted, progress)
    assert submit.report_url == ("smpp:esme" if registered else None)


def test_absolute_times_count_their_quarters_of_an_hour_from_utc() -> None:
    warsaw = read(validity_period="261122140000004+")  # 14:00 an hour ahead of UTC
    assert warsaw.expires_ns == AT.now_ns + 3_600 * S


def test_the_key_comes_from_the_text() -> None:
    assert read(short_message=b"code 1 #Kjourney-1#").messages[0].key == "journey-1"


def parts_of(text: str, size: int, wide: bool, sar: bool) -> list[ShortMessage]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    total, found = len(pieces), []
    for number, piece in enumerate(pieces, 1):
        octets = encode_gsm7(piece)
        if sar:
            tlvs = ((0x020C, b"\1\2"), (0x020E, bytes((total,))), (0x020F, bytes((number,))))
            found.append(message(short_message=octets, tlvs=tlvs))
        elif wide:
            header = b"\6\10\4\1\2" + bytes((total, number))
            found.append(message(esm_class=0x40, short_message=header + octets))
        else:
            header = b"\5\0\3\2" + bytes((total, number))
            found.append(message(esm_class=0x40, short_message=header + octets))
    return found


@pytest.mark.parametrize(("wide", "sar"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("before", [0, 120, 150, 200, 305])
def test_the_parts_of_a_long_message_have_keys_of_their_own_and_one_has_the_message_s(
    wide: bool, sar: bool, before: int
) -> None:
    text = "x" * before + "#Kabc#" + "y" * (400 - before)
    reader = SubmitReader(SmppSettings(), PartKeys())
    submits = [
        reader.read(part, number, "token", "esme", AT)
        for number, part in enumerate(parts_of(text, 153, wide, sar))
    ]
    assert "".join(submit.messages[0].text for submit in submits) == text
    assert [submit.messages[0].segments for submit in submits] == [1, 1, 1]
    keys = [submit.messages[0].key for submit in submits]
    assert keys.count("abc") == 1
    at = keys.index("abc")
    assert keys[at + 1 :] == [f"abc/{number}" for number in range(at + 2, 4)]
    assert keys[:at] == [""] * at


def test_the_next_message_of_the_same_reference_has_nothing_of_the_one_before() -> None:
    keys = PartKeys()
    assert keys.key("a", "b", MessagePart(1, 2, 1), "#Kone#") == "one"
    assert keys.key("a", "b", MessagePart(1, 2, 2), "rest") == "one/2"
    assert keys.key("a", "b", MessagePart(1, 2, 1), "no key") == ""
    assert keys.key("a", "b", MessagePart(1, 2, 2), "rest") == ""


def test_a_part_that_is_submitted_again_keeps_its_key() -> None:
    keys = PartKeys()
    keys.key("a", "b", MessagePart(1, 3, 1), "begins #Ko")
    for _ in range(2):
        assert keys.key("a", "b", MessagePart(1, 3, 2), "ne# ends") == "one"
        assert keys.key("a", "b", MessagePart(1, 3, 3), "rest") == "one/3"


def test_unfinished_long_messages_take_bounded_memory() -> None:
    keys = PartKeys(capacity=10)
    for reference in range(1_000):
        keys.key("a", str(reference), MessagePart(1, 2, 1), "text")
    assert len(keys) == 10


def test_every_refusal_has_a_status_of_the_standard() -> None:
    assert set(STATUS_OF) == set(Refusal)
    assert all(0 < status <= 0xFF for status in STATUS_OF.values())


def report(
    submit: Submit, state: MessageState, reason: str = "", provider_id: str = "0aff"
) -> DeliveryReport:
    return DeliveryReport(
        provider_id, None, "48500100200", "Test", state, reason, AT.now_ns + 61 * S, 1, 0.1, "260", "01",
        AT.now_ns, submit.memo,
    )  # fmt: skip


def receipt(submit: Submit, *outcome: Any, **settings: Any) -> ShortMessage:
    writer = ReceiptWriter(SmppSettings(**settings), OFFSET_NS, GroupIds())
    return read_short_message(writer.write(report(submit, *outcome), True))


def test_a_receipt_turns_the_addresses_round_and_says_it_in_text_and_tlvs() -> None:
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
def test_a_decimal_receipt_id_that_could_not_be_right_is_refused_by_name(id_style: str) -> None:
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


@given(
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=5),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=11),
    st.booleans(),
    st.binary(max_size=30),
)
def test_what_a_memo_keeps_is_read_back(service: str, source: str, referred: bool, octets: bytes) -> None:
    tlvs = ((codes.USER_MESSAGE_REFERENCE, b"\0\x31"),) if referred else ()
    given_message = message(
        service_type=service, source=source, source_ton=3, source_npi=9, short_message=octets, tlvs=tlvs
    )
    memo = write_memo(given_message, decode_gsm7(octets), "Default", WALL_S, "gsm7")
    named = read_name(memo)
    assert (named.source_ton, named.source_npi, named.source, named.service_type) == (3, 9, source, service)
    kept = read_memo(memo.encode("latin-1"), "1")
    assert kept.reference == (b"\0\x31" if referred else None)
    assert kept.date == b"2611221200"
    back = source.encode("latin-1") or b"Default"
    assert kept.addresses == b"\1\x0148500100200\0\3\x09" + back + b"\0"
    assert len(kept.text) <= 20


@pytest.mark.parametrize(
    ("source", "matches"),
    [
        (Address(5, 0, "Test"), True),
        (Address(0, 0, "Test"), True),  # types that are not known
        (Address(1, 0, "Test"), False),
        (Address(5, 1, "Test"), False),
        (Address(5, 0, "Other"), False),
        (Address(0, 0, ""), False),
    ],
)
def test_a_source_is_the_submit_s_or_another(source: Address, matches: bool) -> None:
    assert names_source(read_name(read().memo), source) is matches


def test_a_source_that_was_left_out_is_left_out_again() -> None:
    named = read_name(read(source_ton=0, source="").memo)
    assert names_source(named, Address(0, 0, ""))
    assert not names_source(named, Address(0, 0, "Test"))


def test_a_data_sm_may_have_a_time_to_live() -> None:
    tlvs = ((codes.QOS_TIME_TO_LIVE, b"\0\0\0\x3c"),)
    assert read(tlvs=tlvs).expires_ns == AT.now_ns + 60 * S
    assert status_of(tlvs=((codes.QOS_TIME_TO_LIVE, b"\0\0\0\0"),)) == codes.ESME_RINVEXPIRY
    assert status_of(tlvs=((codes.QOS_TIME_TO_LIVE, b"\1"),)) == codes.ESME_RINVPARLEN
    assert status_of(tlvs=((codes.USER_MESSAGE_REFERENCE, b"\1"),)) == codes.ESME_RINVPARLEN


def test_a_receipt_shows_other_alphabets_as_the_default_one_can_and_cuts_no_escape() -> None:
    polish = read(registered_delivery=1, data_coding=8, short_message="zażółć €".encode("utf-16-be"))
    assert receipt(polish, MessageState.DELIVERED).short_message.endswith(b"text:za???? \x1be")
    euro = read(registered_delivery=1, short_message=b"x" * 19 + b"\x1be")
    assert receipt(euro, MessageState.DELIVERED).short_message.endswith(b"text:" + b"x" * 19)
