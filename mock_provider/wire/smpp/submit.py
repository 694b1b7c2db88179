"""A submit_sm as the engine's Submit."""

from __future__ import annotations

from functools import lru_cache

from mock_provider.engine.numbers import normalise
from mock_provider.engine.segments import (
    GSM7_JOINED,
    GSM7_SINGLE,
    UCS2_JOINED,
    UCS2_SINGLE,
    count_segments,
)
from mock_provider.engine.values import Outbound, Submit
from mock_provider.profiles.wires import SmppWire
from mock_provider.wire.calls import Instants
from mock_provider.wire.journey_key import text_key
from mock_provider.wire.smpp import codes
from mock_provider.wire.smpp.alphabets import Alphabet, decode_default, decode_gsm7
from mock_provider.wire.smpp.parts import UDHI, Part, PartKeys, sar_part, split_udh
from mock_provider.wire.smpp.pdu import PduError, ShortMessage
from mock_provider.wire.smpp.receipts import receipt_memo
from mock_provider.wire.smpp.times import seconds_from

WIRE_NAME = "smpp"

# Which receipts are wanted; the report URL of a message is this, a colon and the system_id.
ALL_RECEIPTS, FAILURE_RECEIPTS, PROGRESS_RECEIPTS = "smpp", "smpp-failure", "smpp-progress"
_TON_ALPHANUMERIC, _TON_INTERNATIONAL = 5, 1
_MAX_NAME_CHARACTERS, _MAX_SENDER_DIGITS = 11, 15
_NO_COUNTRY = ""  # by whose national form a number could be read
_MESSAGE_TYPE = 0x3C  # of esm_class; from an ESME: 0, or an acknowledgement of the SME's, which we refuse
_RECEIPT, _FAILURE_RECEIPT, _RECEIPT_RESERVED, _INTERMEDIATE = 0x01, 0x02, 0x03, 0x10
_HIGHEST_PRIORITY = 3
_BINARY_SINGLE, _BINARY_JOINED = 140, 134
_UCS2_UNIT = 2
_NANOSECONDS = 1_000_000_000

_GSM7, _LATIN1, _UCS2, _BINARY = "gsm7", "latin-1", "utf-16-be", "binary"
# §5.2.19; 0xF0 to 0xF7 are the message classes of 3GPP TS 23.038.
_CODINGS = (
    {0: "", 1: "ascii", 2: _BINARY, 3: _LATIN1, 4: _BINARY, 6: "iso8859_5", 7: "iso8859_8", 8: _UCS2}
    | dict.fromkeys(range(0xF0, 0xF4), _GSM7)
    | dict.fromkeys(range(0xF4, 0xF8), _BINARY)
)


class SubmitReader:
    """Reads submits by a profile's settings. ``keys`` may be shared by the sessions of many connections."""

    def __init__(self, settings: SmppWire, keys: PartKeys) -> None:
        self._keys = keys
        self._alphabet: Alphabet = settings.default_alphabet
        self._default_sender = settings.default_sender
        self._country = settings.country
        self._max_parts = settings.max_parts

    def read(
        self, message: ShortMessage, request_id: int, token: str, system_id: str, at: Instants
    ) -> Submit:
        """Raises ``PduError`` with the status of what is wrong."""
        wanted = message.registered_delivery
        if message.esm_class or wanted > 1 or message.priority_flag or message.replace_if_present:
            _require_flags(message)
        source = message.source
        sender = _sender(message.source_ton, source) if source else self._default_sender
        text, segments, part = self._text(message)
        key = text_key(text) if part is None else self._keys.key(source, message.dest, part, text)
        msisdn = _msisdn(message.dest_ton, message.dest, self._country)
        messages: tuple[Outbound, ...] = ()
        unparsable: tuple[str, ...] = ()
        if msisdn is None:
            unparsable = (message.dest,)
        else:
            messages = (Outbound(msisdn, message.dest, text, segments, key),)
        scheduled_ns = expires_ns = None
        if message.schedule_delivery_time or message.validity_period:
            scheduled_ns, expires_ns = _instants(message, at)
        receipts_to, memo = None, ""
        if wanted:
            receipts_to = _receipts_to(wanted, system_id)
            memo = receipt_memo(message, text, sender, at.wall_s, self._alphabet)
        return Submit(
            request_id,
            WIRE_NAME,
            token,
            sender,
            messages,
            message.priority_flag > 0,
            False,
            False,
            receipts_to,
            scheduled_ns,
            expires_ns,
            unparsable,
            report_progress=wanted & _INTERMEDIATE != 0,
            memo=memo,
        )

    def _text(self, message: ShortMessage) -> tuple[str, int, Part | None]:
        octets = message.short_message
        part: Part | None = None
        if message.tlvs:
            octets = _payload(message)
            part = sar_part(message)
        if message.esm_class & UDHI:
            by_header, octets = split_udh(octets)
            part = by_header or part
        coding = _CODINGS.get(message.data_coding)
        if coding is None:
            raise PduError(codes.ESME_RSUBMITFAIL)  # 3.4 has no status for a data_coding
        if not coding:
            text = decode_default(octets, self._alphabet)
            if self._alphabet == _GSM7:
                coding = _GSM7
        else:
            text = _decoded(octets, coding)
        segments = 1
        if part is None:
            if coding != _GSM7 or len(octets) > GSM7_SINGLE:
                segments = _segments(octets, text, coding)
            if segments > self._max_parts:
                raise PduError(codes.ESME_RINVMSGLEN)
        return text, segments, part


def _require_flags(message: ShortMessage) -> None:
    if message.esm_class & _MESSAGE_TYPE:
        raise PduError(codes.ESME_RINVESMCLASS)
    if message.registered_delivery & _RECEIPT_RESERVED == _RECEIPT_RESERVED:
        raise PduError(codes.ESME_RINVREGDLVFLG)
    if message.priority_flag > _HIGHEST_PRIORITY:
        raise PduError(codes.ESME_RINVPRTFLG)
    if message.replace_if_present > 1:
        raise PduError(codes.ESME_RINVREPFLAG)


def _payload(message: ShortMessage) -> bytes:
    for tag, value in message.tlvs:
        if tag == codes.MESSAGE_PAYLOAD:
            if message.short_message:
                raise PduError(codes.ESME_ROPTPARNOTALLWD)  # one or the other (§5.3.2.32)
            return value
    return message.short_message


def _decoded(octets: bytes, coding: str) -> str:
    if coding == _UCS2:
        if len(octets) % _UCS2_UNIT:
            raise PduError(codes.ESME_RINVMSGLEN)
        # A part may end within a surrogate pair: its halves are replaced, for no file can hold them.
        return octets.decode(_UCS2, "replace")
    if coding == _BINARY:
        return octets.hex()
    if coding == _GSM7:
        return decode_gsm7(octets)
    return octets.decode(coding, "replace")


def _segments(octets: bytes, text: str, coding: str) -> int:
    """How many short messages the SMSC sends it in: what is no binary and no UCS-2 it recodes as it can."""
    if coding == _BINARY:
        return 1 if len(octets) <= _BINARY_SINGLE else -(-len(octets) // _BINARY_JOINED)
    if coding == _UCS2:
        units = len(octets) // _UCS2_UNIT
        return 1 if units <= UCS2_SINGLE else max(-(-units // UCS2_JOINED), _ucs2_segments(text))
    if coding == _GSM7:
        return 1 if len(octets) <= GSM7_SINGLE else max(-(-len(octets) // GSM7_JOINED), _counted(text))
    return _counted(text)


def _counted(text: str) -> int:
    return count_segments(text).segments


def _ucs2_segments(text: str) -> int:
    return _counted(text) if count_segments(text).encoding == "ucs2" else 1


@lru_cache(maxsize=4_096)
def _sender(ton: int, source: str) -> str:
    """The sender as the engine has it: a name of up to 11 characters, or digits."""
    digits = source[1:] if source.startswith("+") else source
    if ton == _TON_ALPHANUMERIC or not (digits.isascii() and digits.isdigit()):
        # Names come with other types of number too; nothing but digits is meant to be a number.
        if len(source) > _MAX_NAME_CHARACTERS or not (source.isprintable() and source.strip()):
            raise PduError(codes.ESME_RINVSRCADR)
        return source.strip()
    if len(digits) > _MAX_SENDER_DIGITS:
        raise PduError(codes.ESME_RINVSRCADR)
    return digits


def _msisdn(ton: int, dest: str, country: str) -> str | None:
    if ton == _TON_ALPHANUMERIC:
        raise PduError(codes.ESME_RINVDSTTON)
    return normalise(dest, _NO_COUNTRY if ton == _TON_INTERNATIONAL else country)


def _receipts_to(wanted: int, system_id: str) -> str | None:
    if wanted & _RECEIPT:
        return f"{ALL_RECEIPTS}:{system_id}"
    if wanted & _FAILURE_RECEIPT:
        return f"{FAILURE_RECEIPTS}:{system_id}"
    return f"{PROGRESS_RECEIPTS}:{system_id}" if wanted & _INTERMEDIATE else None


def _instants(message: ShortMessage, at: Instants) -> tuple[int | None, int | None]:
    scheduled_ns = expires_ns = None
    try:
        if message.schedule_delivery_time:
            scheduled_ns = _engine_time(message.schedule_delivery_time, at)
    except ValueError:
        raise PduError(codes.ESME_RINVSCHED) from None
    try:
        if message.validity_period:
            expires_ns = _engine_time(message.validity_period, at)
    except ValueError:
        raise PduError(codes.ESME_RINVEXPIRY) from None
    if expires_ns is not None and expires_ns <= max(at.now_ns, scheduled_ns or 0):
        raise PduError(codes.ESME_RINVEXPIRY)
    return scheduled_ns, expires_ns


def _engine_time(time: str, at: Instants) -> int:
    return at.now_ns + int(seconds_from(time, at.wall_s) * _NANOSECONDS)
