"""The rarer requests about messages: submit_multi, data_sm, query_sm, cancel_sm, replace_sm.

A body that cannot be read raises ``PduError`` with the command_status of its response.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import (
    DATA_SM_ADDRESS,
    LIST_NAME,
    LONGEST_SHORT_MESSAGE,
    MESSAGE_ID,
    SERVICE_TYPE,
    TIME,
    PduError,
    Reader,
    c_octets,
)
from mock_provider.protocols.smpp.pdu import ShortMessage, read_short_message

MOST_DESTINATIONS = 254
_SME, _LIST = 1, 2  # dest_flag (§5.2.25)
_NO_DESTINATION = b"\0\0\0"

_status = struct.Struct(">I").pack


class Address(Struct, frozen=True, gc=False):
    """Type of number, numbering plan and address; of a distribution list ``ton`` and ``npi`` are 0."""

    ton: int
    npi: int
    address: str
    is_list: bool = False


class SubmitMultiBody(Struct, frozen=True, gc=False):
    """The body of submit_multi; ``message`` has no destination."""

    message: ShortMessage
    destinations: tuple[Address, ...]


class MessageName(Struct, frozen=True, gc=False):
    """How query_sm, cancel_sm and replace_sm name a message; the last two fields are cancel_sm's alone."""

    message_id: str
    source: Address
    service_type: str = ""
    dest: Address = Address(0, 0, "")


class Replacement(Struct, frozen=True, gc=False):
    """The body of replace_sm."""

    name: MessageName
    schedule_delivery_time: str
    validity_period: str
    registered_delivery: int
    default_message_id: int
    short_message: bytes


def read_multi(body: bytes) -> SubmitMultiBody:
    """The body of a submit_multi. Raises ``PduError``: ESME_RINVNUMDESTS for a wrong number of them."""
    reader = Reader(body)
    reader.c_octets(SERVICE_TYPE, codes.ESME_RINVSERTYP)
    reader.address(codes.ESME_RINVSRCADR)
    before = reader.at
    count = reader.octet()
    if not 1 <= count <= MOST_DESTINATIONS:
        raise PduError(codes.ESME_RINVNUMDESTS)
    destinations = tuple(_destination(reader) for _ in range(count))
    # Before its destinations and after them it is a submit_sm.
    message = read_short_message(body[:before] + _NO_DESTINATION + body[reader.at :])
    return SubmitMultiBody(message, destinations)


def _destination(reader: Reader) -> Address:
    flag = reader.octet()
    if flag == _SME:
        return Address(*reader.address(codes.ESME_RINVDSTADR))
    if flag == _LIST:
        return Address(0, 0, reader.c_octets(LIST_NAME, codes.ESME_RINVDLNAME), True)
    raise PduError(codes.ESME_RINVDESTFLAG)


def write_multi_response(message_id: str, unsuccessful: tuple[tuple[Address, int], ...]) -> bytes:
    """The body of submit_multi_resp: the id, and the destinations that were refused with their statuses."""
    return b"".join(
        (
            c_octets(message_id, MESSAGE_ID, "message_id"),
            bytes((len(unsuccessful),)),
            *(
                bytes((to.ton, to.npi)) + to.address.encode("latin-1") + b"\0" + _status(status)
                for to, status in unsuccessful
            ),
        )
    )


def read_data(body: bytes) -> ShortMessage:
    """The body of data_sm: a submit_sm whose text is in its message_payload."""
    reader = Reader(body)
    return ShortMessage(
        reader.c_octets(SERVICE_TYPE, codes.ESME_RINVSERTYP),
        *reader.address(codes.ESME_RINVSRCADR, DATA_SM_ADDRESS),
        *reader.address(codes.ESME_RINVDSTADR, DATA_SM_ADDRESS),
        esm_class=reader.octet(),
        registered_delivery=reader.octet(),
        data_coding=reader.octet(),
        tlvs=reader.tlvs(),
    )


def read_query(body: bytes) -> MessageName:
    reader = Reader(body)
    message_id = reader.c_octets(MESSAGE_ID, codes.ESME_RINVMSGID)
    return MessageName(message_id, Address(*reader.address(codes.ESME_RINVSRCADR)))


def read_cancel(body: bytes) -> MessageName:
    reader = Reader(body)
    service_type = reader.c_octets(SERVICE_TYPE, codes.ESME_RINVSERTYP)
    message_id = reader.c_octets(MESSAGE_ID, codes.ESME_RINVMSGID)
    source = Address(*reader.address(codes.ESME_RINVSRCADR))
    return MessageName(message_id, source, service_type, Address(*reader.address(codes.ESME_RINVDSTADR)))


def read_replace(body: bytes) -> Replacement:
    """The body of a replace_sm. Raises ``PduError``."""
    reader = Reader(body)
    message_id = reader.c_octets(MESSAGE_ID, codes.ESME_RINVMSGID)
    name = MessageName(message_id, Address(*reader.address(codes.ESME_RINVSRCADR)))
    schedule = reader.c_octets(TIME, codes.ESME_RINVSCHED)
    validity = reader.c_octets(TIME, codes.ESME_RINVEXPIRY)
    registered, default_id, length = reader.octet(), reader.octet(), reader.octet()
    if length > LONGEST_SHORT_MESSAGE:
        raise PduError(codes.ESME_RINVMSGLEN)
    text = reader.octets(length, codes.ESME_RINVMSGLEN)
    reader.tlvs()
    return Replacement(name, schedule, validity, registered, default_id, text)
