"""Delivery receipts: deliver_sm with the customary text (specification, appendix B) and TLVs."""

from __future__ import annotations

from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.values import DeliveryReport, MessageState
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import write_tlv
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.memo import read_memo
from mock_provider.protocols.smpp.times import receipt_date
from mock_provider.settings.protocols import SmppSettings

_ESM_RECEIPT, _ESM_INTERMEDIATE = 0x04, 0x20  # §5.2.12

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


class ReceiptWriter:
    """Writes the bodies of deliver_sm. ``groups`` gives the ids by which clients know messages."""

    def __init__(self, settings: SmppSettings, wall_offset_ns: int, groups: GroupIds) -> None:
        self._decimal = settings.receipt_id == "decimal"
        self._wall_offset_ns = wall_offset_ns
        self._groups = groups

    def write(self, report: DeliveryReport, with_tlvs: bool) -> bytes:
        """The receipt of a final message, or the intermediate notification of an open one.

        ``with_tlvs``: the receiving session supports optional parameters (``Session.knows_tlvs``).
        """
        memo = read_memo(report.memo.encode("latin-1"), report.msisdn)
        stat, state, esm_class, delivered = _STATS[report.state]
        provider_id = report.provider_id
        if self._groups:
            provider_id = self._groups.known_as(provider_id)
        if self._decimal:
            provider_id = str(int(provider_id, 16))
        message_id = provider_id.encode()
        error = map_error(report.reason) if state > _DELIVERED else 0
        text = b"id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%03d text:%s" % (
            message_id,
            delivered,
            memo.date,
            receipt_date(unix_seconds(report.t_state_ns, self._wall_offset_ns)).encode(),
            stat,
            error,
            memo.text,
        )
        if not with_tlvs:
            return b"\0%s%c\0\0\0\0\0\0\0\0%c%s" % (memo.addresses, esm_class, len(text), text)
        body = b"\0%s%c\0\0\0\0\0\0\0\0%c%s\0\x1e\0%c%s\0\x04\x27\0\x01%c\x04\x23\0\x03\x03%c%c" % (
            memo.addresses,
            esm_class,
            len(text),
            text,
            len(message_id) + 1,
            message_id,
            state,
            error >> 8,
            error & 0xFF,
        )
        if memo.reference is None:
            return body
        return body + write_tlv(codes.USER_MESSAGE_REFERENCE, memo.reference)


def message_state(state: MessageState) -> int:
    """The value of TLV and field ``message_state``."""
    return _STATS[state][1]


def map_error(reason: str) -> int:
    """The network's error code for a reason of the engine, below 256."""
    return _ERRORS.get(reason, _SYSTEM_FAILURE)
