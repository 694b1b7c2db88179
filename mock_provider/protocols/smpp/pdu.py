"""Reads the PDUs of an SMPP 3.4 client into values. Bodies come without the header of sixteen octets.

A body that cannot be read raises ``PduError`` with the command_status of its response.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import (
    ADDRESS,
    LONGEST_SHORT_MESSAGE,
    SERVICE_TYPE,
    TIME,
    PduError,
    Reader,
    read_tlvs,
)

HEADER_OCTETS = 16

_header = struct.Struct(">4I").pack

_SYSTEM_ID, _SYSTEM_TYPE, _ADDRESS_RANGE = 15, 12, 40
# The standard allows 8, too few for an account token; clients that send at most 8 still work.
PASSWORD_OCTETS = 64


class Bind(Struct, frozen=True, gc=False):
    """The body of bind_transmitter, bind_receiver and bind_transceiver."""

    system_id: str
    password: str
    system_type: str = ""
    interface_version: int = codes.VERSION_3_4
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""


class ShortMessage(Struct, frozen=True, gc=False):
    """The body of submit_sm and deliver_sm. ``tlvs`` are (tag, value), in the order they came in."""

    service_type: str
    source_ton: int
    source_npi: int
    source: str
    dest_ton: int
    dest_npi: int
    dest: str
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    default_message_id: int = 0
    short_message: bytes = b""
    tlvs: tuple[tuple[int, bytes], ...] = ()


def write_pdu(command_id: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    return _header(HEADER_OCTETS + len(body), command_id, status, sequence) + body


def read_short_message(body: bytes) -> ShortMessage:
    """The body of a submit_sm or deliver_sm. Raises ``PduError`` with the status of the wrong field."""
    find = body.find
    service_end = find(0)
    source_end = find(0, service_end + 3)
    dest_end = find(0, source_end + 3)
    schedule_end = find(0, dest_end + 4)
    validity_end = find(0, schedule_end + 1)
    if service_end < 0 or source_end < 0 or dest_end < 0 or schedule_end < 0 or validity_end < 0:
        raise PduError(codes.ESME_RINVCMDLEN)
    text_at = validity_end + 6
    octets = len(body)
    if octets < text_at:
        raise PduError(codes.ESME_RINVCMDLEN)
    _require_lengths(service_end, source_end, dest_end, schedule_end, validity_end)
    registered, replace, coding, default_id, sm_length = body[validity_end + 1 : text_at]
    text_end = text_at + sm_length
    if sm_length > LONGEST_SHORT_MESSAGE or text_end > octets:
        raise PduError(codes.ESME_RINVMSGLEN)
    return ShortMessage(
        body[:service_end].decode("latin-1"),
        body[service_end + 1],
        body[service_end + 2],
        body[service_end + 3 : source_end].decode("latin-1"),
        body[source_end + 1],
        body[source_end + 2],
        body[source_end + 3 : dest_end].decode("latin-1"),
        body[dest_end + 1],
        body[dest_end + 2],
        body[dest_end + 3],
        body[dest_end + 4 : schedule_end].decode("latin-1"),
        body[schedule_end + 1 : validity_end].decode("latin-1"),
        registered,
        replace,
        coding,
        default_id,
        body[text_at:text_end],
        read_tlvs(body, text_end) if text_end < octets else (),
    )


def _require_lengths(
    service_end: int, source_end: int, dest_end: int, schedule_end: int, validity_end: int
) -> None:
    if service_end > SERVICE_TYPE:
        raise PduError(codes.ESME_RINVSERTYP)
    if source_end - service_end - 3 > ADDRESS:
        raise PduError(codes.ESME_RINVSRCADR)
    if dest_end - source_end - 3 > ADDRESS:
        raise PduError(codes.ESME_RINVDSTADR)
    if schedule_end - dest_end - 4 > TIME:
        raise PduError(codes.ESME_RINVSCHED)
    if validity_end - schedule_end - 1 > TIME:
        raise PduError(codes.ESME_RINVEXPIRY)


def read_bind(body: bytes) -> Bind:
    reader = Reader(body)
    bind = Bind(
        reader.c_octets(_SYSTEM_ID, codes.ESME_RINVSYSID),
        reader.c_octets(PASSWORD_OCTETS, codes.ESME_RINVPASWD),
        reader.c_octets(_SYSTEM_TYPE, codes.ESME_RINVSYSTYP),
        reader.octet(),
        reader.octet(),
        reader.octet(),
        reader.c_octets(_ADDRESS_RANGE, codes.ESME_RBINDFAIL),
    )
    reader.tlvs()
    return bind
