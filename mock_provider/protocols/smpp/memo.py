"""The fields of a submit that later PDUs about it need (``Submit.memo``): receipts and queries.

It is written once per message and read once per receipt, both on the hot path. So it is one Latin-1 string
with its lengths in front, and the receipt copies its addresses unchanged.
"""

from __future__ import annotations

from msgspec import Struct

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.alphabets import Alphabet, encode_default
from mock_provider.protocols.smpp.fields import ADDRESS, PduError
from mock_provider.protocols.smpp.message_pdus import Address
from mock_provider.protocols.smpp.pdu import ShortMessage
from mock_provider.protocols.smpp.times import receipt_date

_TEXT_OCTETS = 20
_DATE_OCTETS = 10
_ESCAPE = b"\x1b"
_REFERENCE_OCTETS = 2
_PLAIN = "\0"  # no service_type, a named source, no reference
_NAMED, _REFERENCE = 1, 2
_INTERNATIONAL, _ISDN = 1, 1


class SmppMemo(Struct, frozen=True, gc=False):
    """``addresses``: the fields of deliver_sm from source_addr_ton to destination_addr."""

    addresses: bytes
    date: bytes
    text: bytes
    reference: bytes | None = None  # user_message_reference


def write_memo(message: ShortMessage, text: str, sender: str, wall_s: float, alphabet: Alphabet) -> str:
    """``text`` and ``sender`` as the engine has them. If the destination is missing or too long for
    deliver_sm, the engine's number is used."""
    if message.data_coding or message.esm_class or message.tlvs:
        shown = encode_default(text[:_TEXT_OCTETS], alphabet)[:_TEXT_OCTETS]
    else:
        shown = message.short_message[:_TEXT_OCTETS]
    if alphabet == "gsm7" and shown[-1:] == _ESCAPE:
        shown = shown[:-1]
    extras = _PLAIN
    if message.service_type or message.tlvs or not message.source:
        extras = _extras(message)
    to, back = message.dest, message.source or sender
    if len(to) > ADDRESS:
        to = ""
    # The first character says where the addresses end: they may hold any octet.
    return (
        f"{chr(len(to) + len(back) + 6)}{chr(message.dest_ton)}{chr(message.dest_npi)}{to}\0"
        f"{chr(message.source_ton)}{chr(message.source_npi)}{back}\0{receipt_date(wall_s)}"
        f"{extras}{shown.decode('latin-1')}"
    )


def _extras(message: ShortMessage) -> str:
    """Flags; where the first is set, service_type and whether a source was named; the reference."""
    reference = ""
    for tag, value in message.tlvs:
        if tag == codes.USER_MESSAGE_REFERENCE:
            if len(value) != _REFERENCE_OCTETS:
                raise PduError(codes.ESME_RINVPARLEN)
            reference = value.decode("latin-1")
    named = bool(message.service_type or not message.source)
    flags = chr((_NAMED if named else 0) | (_REFERENCE if reference else 0))
    name = f"{message.service_type}\0{'S' if message.source else '-'}" if named else ""
    return f"{flags}{name}{reference}"


def read_memo(memo: bytes, msisdn: str) -> SmppMemo:
    """For a receipt. ``msisdn`` is the message's number, used if its destination is missing."""
    date_at = memo[0] + 1
    extras_at = date_at + _DATE_OCTETS
    addresses, date = memo[1:date_at], memo[date_at:extras_at]
    if not addresses[2]:
        number = bytes((_INTERNATIONAL, _ISDN)) + msisdn.encode() + b"\0"
        addresses = number + addresses[3:]
    flags = memo[extras_at]
    if not flags:
        return SmppMemo(addresses, date, memo[extras_at + 1 :])
    text_at = extras_at + 1
    if flags & _NAMED:
        text_at = memo.index(0, text_at) + 2
    if not flags & _REFERENCE:
        return SmppMemo(addresses, date, memo[text_at:])
    reference_end = text_at + _REFERENCE_OCTETS
    return SmppMemo(addresses, date, memo[reference_end:], memo[text_at:reference_end])


class MessageNaming(Struct, frozen=True, gc=False):
    """How the submit named its message; ``source`` is "" if the SMSC chose it."""

    source_ton: int
    source_npi: int
    source: str
    service_type: str


def read_name(memo: str) -> MessageNaming:
    """For query_sm and cancel_sm."""
    date_at = ord(memo[0]) + 1
    source_at = memo.index("\0", 3) + 1
    source_ton, source_npi = ord(memo[source_at]), ord(memo[source_at + 1])
    source = memo[source_at + 2 : date_at - 1]
    extras_at = date_at + _DATE_OCTETS
    service_type = ""
    if ord(memo[extras_at]) & _NAMED:
        service_type, _, rest = memo[extras_at + 1 :].partition("\0")
        if rest[0] == "-":
            source = ""
    return MessageNaming(source_ton, source_npi, source, service_type)


def names_source(named: MessageNaming, source: Address) -> bool:
    """Whether a later request gives the source address of the submit (§4.8.1, §4.9.1).

    Type of number and numbering plan are compared unless the request has 0 (unknown).
    """
    return (
        source.address == named.source
        and source.ton in (0, named.source_ton)
        and source.npi in (0, named.source_npi)
    )
