"""Report calls of the generic API, signed with the account's token."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import REPORTED_UNKNOWN, Report, State
from reference_sender.routes.protocol import MAX_REPORTS, ForgedReport, MalformedReport, ReportRequest

_UNKNOWN = "unknown"
_STATES: dict[str, State] = {
    "delivered": State.DELIVERED,
    "undelivered": State.FAILED,
    "rejected": State.FAILED,
    "cancelled": State.FAILED,
    _UNKNOWN: State.EXPIRED,  # a later DELIVERED still counts
    "expired": State.EXPIRED,
}


class _ReportItem(Struct, gc=False):
    id: str
    state: str
    reference: str | None = None
    reason: str = ""


class _ReportList(Struct, gc=False):
    reports: Sequence[_ReportItem]


_decode = msgspec.json.Decoder(_ReportList).decode


def read_signed_reports(request: ReportRequest, token: str) -> list[Report]:
    """Raises ``ForgedReport`` or ``MalformedReport``. An unknown state counts as intermediate."""
    expected = "sha256=" + hmac.digest(token.encode(), request.body, "sha256").hex()
    given = request.headers.get("X-Signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, expected.encode()):
        raise ForgedReport("X-Signature is missing, or is not the signature of this account")
    try:
        items = _decode(request.body).reports
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedReport(f"the body is not a list of reports: {error}") from error
    if len(items) > MAX_REPORTS:
        raise MalformedReport(f"a call carries at most {MAX_REPORTS} reports, not {len(items)}")
    return [report_of(item.id, item.reference, item.state, item.reason) for item in items]


def report_of(provider_id: str, key: str | None, name: str, reason: str) -> Report:
    """A state of the generic API as a report."""
    if name == _UNKNOWN:
        reason = REPORTED_UNKNOWN
    state = _STATES.get(name, State.SENT)
    return Report(provider_id, key, state, "" if state is State.DELIVERED else reason or name)
