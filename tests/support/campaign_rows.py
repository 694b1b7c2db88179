"""Rows of campaigns that have ended."""

from __future__ import annotations

from nanoseconds import S

from reference_sender.dispatch.values import State
from reference_sender.store.campaign_reports import CampaignRow

BEGAN_NS = 1_796_000_000 * S  # 2026-11-30 00:53:20 UTC
ORANGE, PLAY, GERMAN, BRITISH = "48500100200", "48790100200", "4915110000000", "447700900123"


def row(
    number: int,
    state: State = State.DELIVERED,
    reason: str = "",
    *,
    to: str = ORANGE,
    provider_id: str | None = "p",
    took_s: float = 4.0,
    segments: int = 1,
    key: str = "",
    scheduled_s: float | None = None,
) -> CampaignRow:
    """A message accepted ``number`` seconds after the first; ``scheduled_s`` counts from its acceptance."""
    created_ns = BEGAN_NS + number * S
    not_before_ns = 0 if scheduled_s is None else created_ns + int(scheduled_s * S)
    changed_ns = created_ns + int(took_s * S)
    return CampaignRow(
        number,
        key or f"k-{number}",
        to,
        state,
        reason,
        provider_id,
        segments,
        created_ns,
        not_before_ns,
        changed_ns,
    )


MIXED = [
    row(1, took_s=2.0),
    row(2, took_s=3.0, segments=2),
    row(3, to=PLAY, took_s=200.0),
    row(4, State.FAILED, "smsapi_13", provider_id=None),
    row(5, State.FAILED, "undelivered", to=PLAY),
    row(6, State.EXPIRED, "expired", to=BRITISH),
    row(7, State.EXPIRED, "no_report", provider_id=None),
    row(8, State.EXPIRED, "outcome_unknown", provider_id=None),
    row(9, State.FAILED, "cancelled", provider_id=None),
    row(10, State.FAILED, "<script>alert(1)</script>", to=GERMAN),
]
