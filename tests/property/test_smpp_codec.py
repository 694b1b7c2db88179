"""Our PDUs against smpplib's: what one writes the other reads, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from smpp_pdus import write_bind, write_short_message
from smpplib import consts, smpp

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.framing import Framer
from mock_provider.protocols.smpp.message_pdus import (
    Address,
    MessageName,
    Replacement,
    read_cancel,
    read_data,
    read_multi,
    read_query,
    read_replace,
    write_multi_response,
)
from mock_provider.protocols.smpp.pdu import (
    Bind,
    ShortMessage,
    read_bind,
    read_short_message,
    write_pdu,
)


class Sequence:
    """What smpplib takes sequence numbers from."""

    sequence = 1

    def next_sequence(self) -> int:
        return 1


def ascii_text(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=longest)


OCTET = st.integers(0, 255)
PAYLOADS = st.lists(
    st.tuples(st.just(codes.MESSAGE_PAYLOAD), st.binary(min_size=1, max_size=400)), max_size=1
)
MESSAGES = st.builds(
    ShortMessage,
    ascii_text(5),
    OCTET,
    OCTET,
    ascii_text(20),
    OCTET,
    OCTET,
    ascii_text(20),
    OCTET,
    OCTET,
    OCTET,
    ascii_text(16),
    ascii_text(16),
    OCTET,
    OCTET,
    OCTET,
    OCTET,
    st.binary(max_size=254),
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=300)), max_size=4).map(tuple),
)
FIELD_OF_SMPPLIB = {
    "service_type": "service_type",
    "source_addr_ton": "source_ton",
    "source_addr_npi": "source_npi",
    "source_addr": "source",
    "dest_addr_ton": "dest_ton",
    "dest_addr_npi": "dest_npi",
    "destination_addr": "dest",
    "esm_class": "esm_class",
    "protocol_id": "protocol_id",
    "priority_flag": "priority_flag",
    "schedule_delivery_time": "schedule_delivery_time",
    "validity_period": "validity_period",
    "registered_delivery": "registered_delivery",
    "replace_if_present_flag": "replace_if_present",
    "data_coding": "data_coding",
    "sm_default_msg_id": "default_message_id",
    "short_message": "short_message",
}


@given(MESSAGES)
def test_a_short_message_survives_being_written_and_read(message: ShortMessage) -> None:
    assert read_short_message(write_short_message(message)) == message


@given(MESSAGES, PAYLOADS)
def test_what_smpplib_writes_we_read(message: ShortMessage, tlvs: list[tuple[int, bytes]]) -> None:
    fields: dict[str, Any] = {theirs: getattr(message, ours) for theirs, ours in FIELD_OF_SMPPLIB.items()}
    if tlvs:
        fields["message_payload"] = tlvs[0][1]
        fields["short_message"] = b""
    pdu = smpp.make_pdu("submit_sm", client=Sequence(), **fields)
    (frame,) = Framer(100_000).feed(pdu.generate())
    assert (frame.command_id, frame.status, frame.sequence) == (codes.SUBMIT_SM, 0, 1)
    read = read_short_message(frame.body)
    assert {theirs: getattr(read, ours) for theirs, ours in FIELD_OF_SMPPLIB.items()} == {
        name: value for name, value in fields.items() if name != "message_payload"
    }
    assert read.tlvs == tuple(tlvs)


@given(MESSAGES)
def test_what_we_write_smpplib_reads(message: ShortMessage) -> None:
    # smpplib cannot read values of a known tag with another length than its own.
    body = write_short_message(structs.replace(message, tlvs=()))
    pdu = smpp.parse_pdu(
        write_pdu(codes.DELIVER_SM, 0, 9, body), client=Sequence(), allow_unknown_opt_params=True
    )
    for theirs, ours in FIELD_OF_SMPPLIB.items():
        value, expected = getattr(pdu, theirs), getattr(message, ours)
        if isinstance(expected, str):
            expected = expected.encode()
        assert (value or type(expected)()) == expected, theirs


ADDRESSES = st.builds(Address, OCTET, OCTET, ascii_text(20))
LISTS = st.builds(Address, st.just(0), st.just(0), ascii_text(20), st.just(True))


def c_octets(text: str) -> bytes:
    return text.encode() + b"\0"


def address_octets(address: Address) -> bytes:
    return bytes((address.ton, address.npi)) + c_octets(address.address)


def destination_octets(to: Address) -> bytes:
    return b"\2" + c_octets(to.address) if to.is_list else b"\1" + address_octets(to)


def multi_octets(message: ShortMessage, destinations: list[Address]) -> bytes:
    """A submit_multi by §4.5.1: a submit_sm with a list in place of its destination."""
    plain = write_short_message(structs.replace(message, dest_ton=0, dest_npi=0, dest=""))
    head = len(message.service_type) + 1 + 2 + len(message.source) + 1
    numbers = b"".join(destination_octets(to) for to in destinations)
    return plain[:head] + bytes((len(destinations),)) + numbers + plain[head + 3 :]


@given(MESSAGES, st.lists(st.one_of(ADDRESSES, LISTS), min_size=1, max_size=30))
def test_a_submit_multi_is_read_whole(message: ShortMessage, destinations: list[Address]) -> None:
    multi = read_multi(multi_octets(message, destinations))
    assert multi.message == structs.replace(message, dest_ton=0, dest_npi=0, dest="")
    assert multi.destinations == tuple(destinations)


@given(MESSAGES, st.lists(st.one_of(ADDRESSES, LISTS), min_size=1, max_size=5), st.data())
def test_a_submit_multi_cut_anywhere_is_refused_or_its_tlvs_are_fewer(
    message: ShortMessage, destinations: list[Address], data: st.DataObject
) -> None:
    body = multi_octets(message, destinations)
    try:
        multi = read_multi(body[: data.draw(st.integers(0, len(body) - 1))])
    except PduError as error:
        assert error.status > 0
    else:
        assert len(multi.message.tlvs) < len(message.tlvs)


@given(st.lists(st.tuples(ADDRESSES, st.integers(0, 2**32 - 1)), max_size=254), ascii_text(64))
def test_the_response_to_a_submit_multi_is_one(refused: list[tuple[Address, int]], message_id: str) -> None:
    body = write_multi_response(message_id, tuple(refused))
    found, at = [], len(message_id) + 2
    assert body[:at] == c_octets(message_id) + bytes((len(refused),))
    while at < len(body):
        end = body.index(0, at + 2)
        status = int.from_bytes(body[end + 1 : end + 5], "big")
        found.append((Address(body[at], body[at + 1], body[at + 2 : end].decode()), status))
        at = end + 5
    assert found == refused


@given(ascii_text(5), ADDRESSES, ADDRESSES, OCTET, OCTET, OCTET, PAYLOADS)
def test_a_data_sm_of_smpplib_is_read(
    service_type: str, source: Address, dest: Address, esm_class: int, registered: int, coding: int,
    tlvs: list[tuple[int, bytes]],
) -> None:  # fmt: skip
    payload = {"message_payload": tlvs[0][1]} if tlvs else {}
    pdu = smpp.make_pdu(
        "data_sm", client=Sequence(), service_type=service_type, source_addr_ton=source.ton,
        source_addr_npi=source.npi, source_addr=source.address, dest_addr_ton=dest.ton,
        dest_addr_npi=dest.npi, destination_addr=dest.address, esm_class=esm_class,
        registered_delivery=registered, data_coding=coding, **payload,
    )  # fmt: skip
    (frame,) = Framer(100_000).feed(pdu.generate())
    assert frame.command_id == codes.DATA_SM
    assert read_data(frame.body) == ShortMessage(
        service_type, source.ton, source.npi, source.address, dest.ton, dest.npi, dest.address,
        esm_class=esm_class, registered_delivery=registered, data_coding=coding, tlvs=tuple(tlvs),
    )  # fmt: skip


@given(ascii_text(64), ascii_text(5), ADDRESSES, ADDRESSES)
def test_the_names_of_messages_are_read(
    message_id: str, service_type: str, source: Address, dest: Address
) -> None:
    named = c_octets(message_id) + address_octets(source)
    assert read_query(named) == MessageName(message_id, source)
    cancel = c_octets(service_type) + named + address_octets(dest)
    assert read_cancel(cancel) == MessageName(message_id, source, service_type, dest)


@given(ascii_text(64), ADDRESSES, ascii_text(16), ascii_text(16), OCTET, OCTET, st.binary(max_size=254))
def test_a_replace_sm_is_read(
    message_id: str, source: Address, schedule: str, validity: str, registered: int, default: int, text: bytes
) -> None:
    head = c_octets(message_id) + address_octets(source) + c_octets(schedule) + c_octets(validity)
    body = head + bytes((registered, default, len(text))) + text
    name = MessageName(message_id, source)
    assert read_replace(body) == Replacement(name, schedule, validity, registered, default, text)


@given(
    st.sampled_from(["bind_transmitter", "bind_receiver", "bind_transceiver"]),
    ascii_text(15),
    ascii_text(8),
    ascii_text(12),
    OCTET,
    OCTET,
    ascii_text(40),
)
def test_binds_of_smpplib_are_read(
    command: str, system_id: str, password: str, system_type: str, ton: int, npi: int, addresses: str
) -> None:
    pdu = smpp.make_pdu(
        command, client=Sequence(), system_id=system_id, password=password, system_type=system_type,
        addr_ton=ton, addr_npi=npi, address_range=addresses,
    )  # fmt: skip
    (frame,) = Framer(100_000).feed(pdu.generate())
    bind = Bind(system_id, password, system_type, consts.SMPP_VERSION_34, ton, npi, addresses)
    assert read_bind(frame.body) == bind
    assert write_bind(bind) == frame.body


@given(MESSAGES, st.data())
def test_a_body_cut_anywhere_is_refused_or_its_tlvs_are_fewer(
    message: ShortMessage, data: st.DataObject
) -> None:
    body = write_short_message(message)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        read = read_short_message(cut)
    except PduError as error:
        assert error.status > 0
    else:
        assert len(read.tlvs) < len(message.tlvs)


READERS: tuple[Callable[[bytes], object], ...] = (
    read_short_message, read_bind, read_multi, read_data, read_query, read_cancel, read_replace,
)  # fmt: skip


@given(st.binary(max_size=120))
def test_any_octets_are_a_body_or_refused(body: bytes) -> None:
    for read in READERS:
        try:
            read(body)
        except PduError as error:
            assert error.status > 0


@pytest.mark.parametrize("field", ["source", "service_type", "validity_period"])
def test_a_field_without_room_is_named(field: str) -> None:
    message = structs.replace(ShortMessage("", 0, 0, "", 0, 0, ""), **{field: "x" * 30})
    with pytest.raises(ValueError, match=field):
        write_short_message(message)
