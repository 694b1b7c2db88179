"""Delivery receipts: deliver_sm with the customary text (specification, appendix B) and TLVs."""

from __future__ import annotations

from mock_provider.engine.values import DeliveryReport, MessageState
from mock_provider.profiles.wires import SmppWire
from mock_provider.wire.smpp.alphabets import Alphabet, encode_default
from mock_provider.wire.smpp.pdu import ShortMessage
from mock_provider.wire.smpp.times import receipt_date

_TEXT_OCTETS = 20
_DATE_OCTETS = 10
_ESCAPE = b"\x1b"
_ESM_RECEIPT, _ESM_INTERMEDIATE = 0x04, 0x20  # §5.2.12
_NANOSECONDS = 1e9

# stat, message_state (§5.2.28), esm_class and dlvrd of each state
_STATS: dict[MessageState, tuple[bytes, int, int, bytes]] = {
    MessageState.OPEN: (b"ENROUTE", 1, _ESM_INTERMEDIATE, b"000"),
    MessageState.DELIVERED: (b"DELIVRD", 2, _ESM_RECEIPT, b"001"),
    MessageState.EXPIRED: (b"EXPIRED", 3, _ESM_RECEIPT, b"000"),
    MessageState.UNDELIVERED: (b"UNDELIV", 5, _ESM_RECEIPT, b"000"),
    MessageState.UNKNOWN: (b"UNKNOWN", 7, _ESM_RECEIPT, b"000"),
    MessageState.REJECTED: (b"REJECTD", 8, _ESM_RECEIPT, b"000"),
}
_DELIVERED = 2
# Errors of 3GPP TS 29.002 (MAP) by the reasons of our profiles; of all others a system failure.
_ERRORS = {
    "": 0,
    "unknown_subscriber": 1,
    "invalid_number": 1,
    "illegal_equipment": 12,
    "call_barred": 13,
    "blocked_by_operator": 13,
    "absent_subscriber": 27,
    "validity_passed": 27,
    "subscriber_busy": 31,
    "delivery_failure": 32,
}
_SYSTEM_FAILURE = 34


def receipt_memo(message: ShortMessage, text: str, sender: str, wall_s: float, alphabet: Alphabet) -> str:
    """What a receipt repeats of the submit, for the engine to keep (``Submit.memo``).

    Its addresses turned round, its date, its text's beginning. ``text`` and ``sender`` as the engine has it.
    """
    if message.data_coding or message.esm_class or message.tlvs:
        shown = encode_default(text[:_TEXT_OCTETS], alphabet)[:_TEXT_OCTETS]
    else:
        shown = message.short_message[:_TEXT_OCTETS]
    if alphabet == "gsm7" and shown[-1:] == _ESCAPE:
        shown = shown[:-1]
    to, back = message.dest, message.source or sender
    # The first character says where the addresses end: they may hold any octet.
    return (
        f"{chr(len(to) + len(back) + 6)}{chr(message.dest_ton)}{chr(message.dest_npi)}{to}\0"
        f"{chr(message.source_ton)}{chr(message.source_npi)}{back}\0{receipt_date(wall_s)}"
        f"{shown.decode('latin-1')}"
    )


class ReceiptWriter:
    """Writes the bodies of deliver_sm."""

    def __init__(self, settings: SmppWire, wall_offset_ns: int) -> None:
        self._decimal = settings.receipt_id == "decimal" and settings.id_style == "hex"
        self._wall_offset_s = wall_offset_ns / _NANOSECONDS

    def write(self, report: DeliveryReport) -> bytes:
        """The receipt of a message that has ended, or of one under way an intermediate notification."""
        memo = report.memo.encode("latin-1")
        date_at = memo[0] + 1
        text_at = date_at + _DATE_OCTETS
        stat, state, esm_class, delivered = _STATS[report.state]
        provider_id = report.provider_id
        if self._decimal:
            provider_id = str(int(provider_id, 16))
        message_id = provider_id.encode()
        error = map_error(report.reason) if state > _DELIVERED else 0
        text = b"id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%03d text:%s" % (
            message_id,
            delivered,
            memo[date_at:text_at],
            receipt_date(report.t_done_ns / _NANOSECONDS + self._wall_offset_s).encode(),
            stat,
            error,
            memo[text_at:],
        )
        return b"\0%s%c\0\0\0\0\0\0\0\0%c%s\0\x1e\0%c%s\0\x04\x27\0\x01%c\x04\x23\0\x03\x03%c%c" % (
            memo[1:date_at],
            esm_class,
            len(text),
            text,
            len(message_id) + 1,
            message_id,
            state,
            error >> 8,
            error & 0xFF,
        )


def message_state(state: MessageState) -> int:
    """The value of TLV and field ``message_state``."""
    return _STATS[state][1]


def map_error(reason: str) -> int:
    """The network's error for a reason of ours, below 256."""
    return _ERRORS.get(reason, _SYSTEM_FAILURE)
