"""A submit_sm as the engine's Submit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.numbers import normalise
from mock_provider.engine.segments import GSM7_SINGLE
from mock_provider.engine.values import (
    NO_REPORTS,
    FinalReport,
    Outbound,
    ReportsWanted,
    Submit,
    SubmitOptions,
    UnparsableNumber,
)
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.journey_key import text_key
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.alphabets import Alphabet, decode_default
from mock_provider.protocols.smpp.data_coding import (
    GSM7,
    alphabet_of,
    decoded,
    segments_of,
)
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.memo import write_memo
from mock_provider.protocols.smpp.message_pdus import Address
from mock_provider.protocols.smpp.parts import (
    UDHI,
    MessagePart,
    PartKeys,
    sar_part,
    split_udh,
)
from mock_provider.protocols.smpp.pdu import ShortMessage
from mock_provider.protocols.smpp.times import seconds_from
from mock_provider.settings.protocols import SmppSettings

PROTOCOL_NAME = "smpp"

_TON_ALPHANUMERIC, _TON_INTERNATIONAL = 5, 1
_MAX_NAME_CHARACTERS, _MAX_SENDER_DIGITS = 11, 15
_NO_COUNTRY = ""  # by whose national form a number may be read
_MESSAGE_TYPE = 0x3C  # of esm_class; from an ESME: 0, or an SME acknowledgement, which is refused
_RECEIPT, _FAILURE_RECEIPT, _RECEIPT_RESERVED, _INTERMEDIATE = 0x01, 0x02, 0x03, 0x10
_HIGHEST_PRIORITY = 3
_TIME_TO_LIVE_OCTETS, _LONGEST_TIME_TO_LIVE_S = 4, 100 * 365 * 86_400


@lru_cache(maxsize=1_024)
def _reports(system_id: str, registered: int) -> ReportsWanted:
    """By registered_delivery (§5.2.17). Equal values are one object."""
    final = FinalReport.FAILURES if registered & _FAILURE_RECEIPT else FinalReport.NONE
    if registered & _RECEIPT:
        final = FinalReport.ALL
    return ReportsWanted(system_id, final, registered & _INTERMEDIATE != 0)


def submit_keys(message: ShortMessage) -> tuple[str, ...]:
    """The journey key in a text that was refused as it was read, if it has one."""
    octets = message.short_message or b"".join(
        value for tag, value in message.tlvs if tag == codes.MESSAGE_PAYLOAD
    )
    key = text_key(octets.replace(b"\0", b"").decode("latin-1"))  # also of UCS-2, as keys are ASCII
    return (key,) if key else ()


class SubmitReader:
    """Reads submits by a profile's settings. ``keys`` may be shared by the sessions of many connections."""

    def __init__(self, settings: SmppSettings, keys: PartKeys) -> None:
        self._keys = keys
        self._alphabet: Alphabet = settings.default_alphabet
        self._default_sender = settings.default_sender
        self._country = settings.country
        self._max_parts = settings.max_parts

    def read(
        self,
        message: ShortMessage,
        request_id: int,
        token: str,
        system_id: str,
        at: Instants,
        destinations: Sequence[Address] | None = None,
    ) -> Submit:
        """``destinations`` are those of a submit_multi, at least one.

        Raises ``PduError`` with the status of what is wrong.
        """
        wanted = message.registered_delivery
        if message.esm_class or wanted > 1 or message.priority_flag or message.replace_if_present:
            _require_flags(message)
        source = message.source
        sender = _sender(message.source_ton, source) if source else self._default_sender
        text, segments, part = self._text(message)
        dest = message.dest if destinations is None else destinations[0].address
        key = text_key(text) if part is None else self._keys.key(source, dest, part, text)
        messages: tuple[Outbound, ...] = ()
        unparsable: tuple[UnparsableNumber, ...] = ()
        if destinations is not None:
            messages, unparsable = self._outbounds(destinations, text, segments, key)
        else:
            msisdn = _msisdn(message.dest_ton, dest, self._country)
            if msisdn is None:
                unparsable = (UnparsableNumber(dest, key),)
            else:
                messages = (Outbound(msisdn, dest, text, segments, key),)
        scheduled_ns = expires_ns = None
        if message.schedule_delivery_time or message.validity_period:
            scheduled_ns, expires_ns = _instants(message, at)
        if message.tlvs:
            expires_ns = _time_to_live(message, at, expires_ns)
        return Submit(
            request_id,
            PROTOCOL_NAME,
            token,
            sender,
            messages,
            unparsable,
            SubmitOptions(message.priority_flag > 0),
            _reports(system_id, wanted) if wanted else NO_REPORTS,
            scheduled_ns,
            expires_ns,
            memo=write_memo(message, text, sender, at.wall_s, self._alphabet),
        )

    def _outbounds(
        self, destinations: Sequence[Address], text: str, segments: int, key: str
    ) -> tuple[tuple[Outbound, ...], tuple[UnparsableNumber, ...]]:
        """One message for each number. The first number has the journey key of the text, the next one has
        ``<key>/d2`` and so on, those that cannot be read included.
        """
        messages: list[Outbound] = []
        unparsable: list[UnparsableNumber] = []
        for place, to in enumerate(destinations, 1):
            own = f"{key}/d{place}" if key and place > 1 else key
            msisdn = self.msisdn(to)
            if msisdn is None:
                unparsable.append(UnparsableNumber(to.address, own))
                continue
            messages.append(Outbound(msisdn, to.address, text, segments, own))
        return tuple(messages), tuple(unparsable)

    def msisdn(self, to: Address) -> str | None:
        """The number of a destination, or None."""
        return None if to.ton == _TON_ALPHANUMERIC else _msisdn(to.ton, to.address, self._country)

    def _text(self, message: ShortMessage) -> tuple[str, int, MessagePart | None]:
        octets = message.short_message
        part: MessagePart | None = None
        if message.tlvs:
            octets = _payload(message)
            part = sar_part(message)
        if message.esm_class & UDHI:
            by_header, octets = split_udh(octets)
            part = by_header or part
        coding = alphabet_of(message.data_coding)
        if not coding:
            text = decode_default(octets, self._alphabet)
            if self._alphabet == GSM7:
                coding = GSM7
        else:
            text = decoded(octets, coding)
        segments = 1
        if part is None:
            if coding != GSM7 or len(octets) > GSM7_SINGLE:
                segments = segments_of(octets, text, coding)
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


@lru_cache(maxsize=4_096)
def _sender(ton: int, source: str) -> str:
    """The sender as the engine has it: a name of up to 11 characters, or digits."""
    digits = source[1:] if source.startswith("+") else source
    if ton == _TON_ALPHANUMERIC or not (digits.isascii() and digits.isdigit()):
        # Names also come with other types of number; only digits mean a number.
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
    return at.now_ns + int(seconds_from(time, at.wall_s) * NS_PER_S)


def _time_to_live(message: ShortMessage, at: Instants, expires_ns: int | None) -> int | None:
    """When a data_sm expires (§5.3.2.9), if it has a time to live; else ``expires_ns``."""
    for tag, value in message.tlvs:
        if tag == codes.QOS_TIME_TO_LIVE:
            if len(value) != _TIME_TO_LIVE_OCTETS:
                raise PduError(codes.ESME_RINVPARLEN)
            seconds = int.from_bytes(value, "big")
            if not 0 < seconds <= _LONGEST_TIME_TO_LIVE_S:
                raise PduError(codes.ESME_RINVEXPIRY)
            return at.now_ns + seconds * NS_PER_S
    return expires_ns
