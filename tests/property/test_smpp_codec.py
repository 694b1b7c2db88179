"""Our PDUs against smpplib's: what one writes the other reads, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from smpplib import consts, smpp

from mock_provider.wire.smpp import codes
from mock_provider.wire.smpp.fields import PduError
from mock_provider.wire.smpp.framing import Framer
from mock_provider.wire.smpp.pdu import (
    Bind,
    ShortMessage,
    read_bind,
    read_short_message,
    write_bind,
    write_pdu,
    write_short_message,
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


@given(st.binary(max_size=120))
def test_any_octets_are_a_body_or_refused(body: bytes) -> None:
    for read in (read_short_message, read_bind):
        try:
            read(body)
        except PduError as error:
            assert error.status > 0


@pytest.mark.parametrize("field", ["source", "service_type", "validity_period"])
def test_a_field_without_room_is_named(field: str) -> None:
    message = structs.replace(ShortMessage("", 0, 0, "", 0, 0, ""), **{field: "x" * 30})
    with pytest.raises(ValueError, match=field):
        write_short_message(message)
