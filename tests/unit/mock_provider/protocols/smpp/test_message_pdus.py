"""The rarer PDUs about messages: what is read of them, and what is remembered for them."""

from __future__ import annotations

import pytest
from msgspec import structs

from mock_provider.engine.values import Accepted, Submit
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.message_pdus import (
    Address,
    MessageName,
    Replacement,
    read_cancel,
    read_data,
    read_multi,
    read_replace,
    write_multi_response,
)
from mock_provider.protocols.smpp.pdu import ShortMessage
from mock_provider.protocols.smpp.refusals import multi_answer
from mock_provider.protocols.smpp.replacing import (
    Replaceable,
    Scheduled,
    as_scheduled,
    replacing_message,
    with_times_of,
)
from mock_provider.settings.values import Refusal

HEAD = b"\0\5\0Test\0"
TAIL = b"\0\0\0\0\0\1\0\0\0\5hello"
SME = b"\1\1\x0148500100200\0"


def test_a_submit_multi_is_a_submit_sm_and_its_destinations() -> None:
    multi = read_multi(HEAD + b"\2" + SME + b"\2friends\0" + TAIL + b"\2\4\0\2\0\7")
    assert multi.destinations == (Address(1, 1, "48500100200"), Address(0, 0, "friends", True))
    assert multi.message == ShortMessage(
        "", 5, 0, "Test", 0, 0, "", registered_delivery=1, short_message=b"hello",
        tlvs=((codes.USER_MESSAGE_REFERENCE, b"\0\7"),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (HEAD + b"\0" + TAIL, codes.ESME_RINVNUMDESTS),
        (HEAD + b"\xff" + SME * 255 + TAIL, codes.ESME_RINVNUMDESTS),
        (HEAD + b"\1\3" + SME + TAIL, codes.ESME_RINVDESTFLAG),
        (HEAD + b"\1\2" + b"x" * 21 + b"\0" + TAIL, codes.ESME_RINVDLNAME),
        (HEAD + b"\1\1\1\1" + b"1" * 21 + b"\0" + TAIL, codes.ESME_RINVDSTADR),
        (HEAD + b"\2" + SME, codes.ESME_RINVCMDLEN),
        (HEAD + b"\1" + SME + TAIL[:-1], codes.ESME_RINVMSGLEN),
        (HEAD + b"\1" + SME + TAIL + b"\2", codes.ESME_RINVOPTPARSTREAM),
        (b"TOOLONG" + HEAD, codes.ESME_RINVSERTYP),
    ],
)
def test_a_submit_multi_that_cannot_be_read_has_its_status(body: bytes, status: int) -> None:
    with pytest.raises(PduError) as error:
        read_multi(body)
    assert error.value.status == status


def test_as_many_destinations_as_the_standard_has() -> None:
    assert len(read_multi(HEAD + b"\xfe" + SME * 254 + TAIL).destinations) == 254


def test_the_response_names_who_was_refused() -> None:
    body = write_multi_response("id", ((Address(1, 1, "12"), 0x0B), (Address(0, 0, "list", True), 0x34)))
    assert body == b"id\0\2\1\x0112\0\0\0\0\x0b\0\0list\0\0\0\0\x34"


def test_each_destination_that_was_left_out_has_the_status_of_its_own_reason() -> None:
    good, closed, wrong, friends = (
        Address(1, 1, "48500100200"),
        Address(1, 1, "48600100200"),
        Address(1, 1, "12"),
        Address(0, 0, "friends", True),
    )
    answer = Accepted((), ("12",), ((1, Refusal.QUIET_HOURS),))
    found = multi_answer(
        [good, friends, wrong, closed], answer, lambda to: to.address if len(to.address) > 2 else None
    )
    assert found == (
        (friends, codes.ESME_RINVDLNAME),
        (wrong, codes.ESME_RINVDSTADR),
        (closed, codes.ESME_RINVSCHED),
    )


def test_a_data_sm_has_longer_addresses_and_its_text_in_a_tlv() -> None:
    payload = b"\4\x24\0\2hi"
    message = read_data(b"CMT\0\1\1" + b"1" * 64 + b"\0\1\x0148500100200\0\x40\1\x08" + payload)
    assert (message.service_type, message.source, message.dest) == ("CMT", "1" * 64, "48500100200")
    assert (message.esm_class, message.registered_delivery, message.data_coding) == (0x40, 1, 8)
    assert message.tlvs == ((codes.MESSAGE_PAYLOAD, b"hi"),)
    with pytest.raises(PduError) as error:
        read_data(b"\0\1\1" + b"1" * 65 + b"\0\1\x0148500100200\0\0\0\0")
    assert error.value.status == codes.ESME_RINVSRCADR


def test_a_cancel_sm_names_both_addresses() -> None:
    assert read_cancel(b"CMT\0id\0\5\0Test\0\1\x0148500100200\0") == MessageName(
        "id", Address(5, 0, "Test"), "CMT", Address(1, 1, "48500100200")
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"1" * 65 + b"\0\5\0Test\0\0\0\1\0\3new", codes.ESME_RINVMSGID),
        (b"id\0\5\0Test\0" + b"1" * 17 + b"\0\0\1\0\3new", codes.ESME_RINVSCHED),
        (b"id\0\5\0Test\0\0" + b"1" * 17 + b"\0\1\0\3new", codes.ESME_RINVEXPIRY),
        (b"id\0\5\0Test\0\0\0\1\0\4new", codes.ESME_RINVMSGLEN),
        (b"id\0\5\0Test\0\0\0\1\0\xff" + b"n" * 255, codes.ESME_RINVMSGLEN),
        (b"id\0\5\0Test\0\0\0\1", codes.ESME_RINVCMDLEN),
    ],
)
def test_a_replace_sm_that_cannot_be_read_has_its_status(body: bytes, status: int) -> None:
    with pytest.raises(PduError) as error:
        read_replace(body)
    assert error.value.status == status


def test_a_replacement_keeps_all_but_text_times_and_receipt() -> None:
    reference = (codes.USER_MESSAGE_REFERENCE, b"\0\1")
    old = ShortMessage(
        "CMT", 5, 0, "Test", 1, 1, "48500100200", esm_class=0x40, schedule_delivery_time="later",
        replace_if_present=1, data_coding=8, short_message=b"\5\0\3\1\2\1xx",
        tlvs=((codes.MESSAGE_PAYLOAD, b"old"), reference),
    )  # fmt: skip
    replacement = read_replace(b"id\0\5\0Test\0\0\0\1\0\2\0n")
    assert replacing_message(old, replacement) == ShortMessage(
        "CMT", 5, 0, "Test", 1, 1, "48500100200", registered_delivery=1, data_coding=8,
        short_message=b"\0n", tlvs=(reference,),
    )  # fmt: skip


def test_messages_of_a_group_are_known_by_its_id_until_they_are_too_many() -> None:
    groups = GroupIds(capacity=3)
    assert (groups.known_as("x"), groups.members("x")) == ("x", ("x",))
    groups.keep("a", ["a", "b", "c"])
    assert groups.known_as("c") == "a"
    assert groups.members("a") == ("a", "b", "c")
    groups.replace("a", "b", "b2")
    assert (groups.known_as("b2"), groups.known_as("b")) == ("a", "b")
    assert set(groups.members("a")) == {"a", "c", "b2"}
    groups.keep("d", ["d", "e"])
    assert (len(groups), groups.known_as("c"), groups.known_as("e")) == (3, "c", "d")
    assert groups.members("a") == ("b2",)
    groups.clear()
    assert (len(groups), groups.members("a")) == (0, ("a",))


def test_a_message_that_was_replaced_twice_is_known_by_its_first_id() -> None:
    groups = GroupIds()
    groups.replace("a", "a", "b")
    groups.replace("a", "b", "c")
    assert (groups.members("a"), groups.known_as("c"), len(groups)) == (("c",), "a", 1)


def scheduled(service: str = "", dest: str = "48500100200", system_id: str = "esme") -> Scheduled:
    return Scheduled(system_id, ShortMessage(service, 5, 0, "Test", 1, 1, dest), 1, None)


def test_scheduled_messages_are_found_by_their_addresses_while_there_is_room() -> None:
    kept = Replaceable(capacity=4)
    kept.keep("1", scheduled("CMT"))
    kept.keep("2", scheduled("OTA"))
    kept.keep("3", scheduled("CMT", dest="48500100201"))
    kept.keep("4", scheduled("CMT", system_id="other"))
    assert kept.of_route("esme", "Test", "48500100200", None) == ["1", "2"]
    assert kept.of_route("esme", "Test", "48500100200", "OTA") == ["2"]
    kept.keep("5", scheduled("CMT"))
    assert (kept.find("1"), kept.of_route("esme", "Test", "48500100200", None)) == (None, ["2", "5"])
    kept.forget("2")
    kept.forget("2")
    assert kept.of_route("esme", "Test", "48500100200", None) == ["5"]
    kept.clear()
    assert kept.of_route("esme", "Test", "48500100200", None) == []


def test_a_submit_replaces_the_newest_of_its_kind_if_it_says_so() -> None:
    kept = Replaceable()
    kept.keep("1", scheduled("CMT"))
    kept.keep("2", scheduled("CMT"))
    plain = ShortMessage("CMT", 5, 0, "Test", 1, 1, "48500100200")
    replacing = ShortMessage("CMT", 5, 0, "Test", 1, 1, "48500100200", replace_if_present=1)
    assert kept.replaced_by("esme", plain) == ""
    assert kept.replaced_by("esme", replacing) == "2"
    assert kept.replaced_by("other", replacing) == ""


def test_a_replacement_leaves_the_times_it_does_not_give() -> None:
    old = Scheduled("esme", ShortMessage("", 5, 0, "Test", 1, 1, "48500100200"), 500, 900)
    plain = Submit(1, "smpp", "token", "Test", (), scheduled_ns=None, expires_ns=None)
    name = MessageName("id", Address(5, 0, "Test"))
    neither = with_times_of(old, Replacement(name, "", "", 0, 0, b""), plain, 0)
    assert (neither.scheduled_ns, neither.expires_ns) == (500, 900)
    both = structs.replace(plain, scheduled_ns=600, expires_ns=700)
    assert with_times_of(old, Replacement(name, "given", "given", 0, 0, b""), both, 0) == both
    too_early = structs.replace(plain, expires_ns=500)
    with pytest.raises(PduError) as error:
        with_times_of(old, Replacement(name, "", "given", 0, 0, b""), too_early, 0)
    assert error.value.status == codes.ESME_RINVEXPIRY


def test_times_that_a_replacement_leaves_go_by_the_wall_clock_as_it_is() -> None:
    message = ShortMessage("", 5, 0, "Test", 1, 1, "48500100200")
    plain = Submit(1, "smpp", "t", "Test", ())
    old = as_scheduled("esme", message, structs.replace(plain, scheduled_ns=500, expires_ns=900), 10_000)
    assert old is not None
    neither = Replacement(MessageName("id", Address(5, 0, "Test")), "", "", 0, 0, b"")
    forward = with_times_of(old, neither, plain, 10_300)  # 300 ns sooner on the engine's clock
    assert (forward.scheduled_ns, forward.expires_ns) == (200, 600)
    assert as_scheduled("esme", message, plain, 10_000) is None
