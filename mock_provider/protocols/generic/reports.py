"""Delivery reports as JSON, posted in batches and signed with the account's token."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.values import DeliveryReport, MessageState
from mock_provider.http.messages import JSON, ReportCall
from mock_provider.protocols.generic.bodies import MessageStateName, ReportItem, ReportList

SIGNATURE_HEADER = "X-Signature"

_STATES: dict[MessageState, MessageStateName] = {
    MessageState.OPEN: "sent",
    MessageState.DELIVERED: "delivered",
    MessageState.UNDELIVERED: "undelivered",
    MessageState.EXPIRED: "expired",
    MessageState.REJECTED: "rejected",
    MessageState.UNKNOWN: "unknown",
}
_encoder = msgspec.json.Encoder()


def report_call(url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, token: str) -> ReportCall:
    """One POST with all of them, which any status of 200 to 299 confirms. No token: no signature."""
    body = _encoder.encode(ReportList([_report(report, wall_offset_ns) for report in reports]))
    headers = ((SIGNATURE_HEADER, signature(token, body)),) if token else ()
    return ReportCall("POST", url, None, body, JSON, headers)


def signature(token: str, body: bytes) -> str:
    """``sha256=`` and the hexadecimal HMAC-SHA256 of the body's bytes under the account's token."""
    return "sha256=" + hmac.digest(token.encode(), body, "sha256").hex()


def _report(r: DeliveryReport, wall_offset_ns: int) -> ReportItem:
    return ReportItem(
        id=r.provider_id,
        reference=r.client_ref,
        to=r.msisdn,
        state=_STATES[r.state],
        reason=r.reason,
        segments=r.segments,
        price=r.price,
        sent_at=datetime.fromtimestamp(unix_seconds(r.t_sent_ns, wall_offset_ns), UTC),
        done_at=datetime.fromtimestamp(unix_seconds(r.t_state_ns, wall_offset_ns), UTC),
        mcc=r.mcc,
        mnc=r.mnc,
    )
