"""What a submit_sm becomes at the engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nanoseconds import S
from smpp_submits import AT, WALL_S, message, read, status_of

from mock_provider.engine.values import FinalReport, UnparsableNumber
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.alphabets import decode_gsm7, encode_gsm7
from mock_provider.protocols.smpp.memo import (
    names_source,
    read_memo,
    read_name,
    write_memo,
)
from mock_provider.protocols.smpp.message_pdus import Address
from mock_provider.protocols.smpp.parts import MessagePart, PartKeys
from mock_provider.protocols.smpp.pdu import ShortMessage
from mock_provider.protocols.smpp.refusals import STATUS_OF
from mock_provider.protocols.smpp.submit import SubmitReader
from mock_provider.settings.protocols import SmppSettings
from mock_provider.settings.values import Refusal


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
        ({"dest_ton": 5, "dest": "Alphabet"}, codes.ESME_RINVDSTTON),
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


def test_an_invalid_number_goes_to_the_engine_unchanged() -> None:
    submit = read(dest="12", short_message=b"Hi #Kk-1#")
    assert (submit.messages, submit.unparsable) == ((), (UnparsableNumber("12", "k-1"),))


def test_each_number_of_a_submit_multi_has_a_key_whether_or_not_it_can_be_read() -> None:
    numbers = ["12", "48500100200", "13", "48500100201"]
    body, to_all = message(short_message=b"To all #Kk-1#"), [Address(1, 1, number) for number in numbers]
    found = SubmitReader(SmppSettings(), PartKeys()).read(body, 7, "token", "esme", AT, to_all)
    assert found.unparsable == (UnparsableNumber("12", "k-1"), UnparsableNumber("13", "k-1/d3"))
    keys = [(message.msisdn, message.key) for message in found.messages]
    assert keys == [("48500100200", "k-1/d2"), ("48500100201", "k-1/d4")]


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
    assert submit.options.priority
    assert submit.scheduled_ns == AT.now_ns + 3_600 * S
    assert submit.expires_ns == AT.now_ns + 7_200 * S
    assert (submit.reports.address, submit.reports.progress) == ("esme", True)
    assert (read().options.priority, read().reports.address, read().reports.progress) == (False, "", False)


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
    assert (submit.reports.final, submit.reports.progress) == (wanted, progress)
    assert submit.reports.address == ("esme" if registered else "")


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


def test_a_reused_reference_starts_a_new_long_message() -> None:
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


@given(
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=5),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=11),
    st.booleans(),
    st.binary(max_size=30),
)
def test_a_memo_keeps_what_its_submit_says(service: str, source: str, referred: bool, octets: bytes) -> None:
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
