"""SMSAPI's report calls."""

from __future__ import annotations

from urllib.parse import unquote_plus

from reference_sender.dispatch.values import REPORTED_UNKNOWN, Report, State
from reference_sender.routes.protocol import MAX_REPORTS, MalformedReport

# Report status codes, the same in the official Go, PHP and C# clients.
_REPORT_STATES: dict[str, tuple[State, str]] = {
    "401": (State.FAILED, "not_found"),
    "402": (State.EXPIRED, "expired"),
    "403": (State.SENT, "sent"),
    "404": (State.DELIVERED, ""),
    "405": (State.FAILED, "undelivered"),
    "406": (State.FAILED, "failed"),
    "407": (State.FAILED, "rejected"),
    "408": (State.EXPIRED, REPORTED_UNKNOWN),  # a later DELIVERED still counts
    "409": (State.SENT, "queue"),
    "410": (State.SENT, "accepted"),
    "411": (State.SENT, "renewal"),
    "412": (State.FAILED, "stop"),
}

# The most escapes in one field of a call. A list needs one for each comma; decoding a megabyte of escapes
# would block the event loop for 0.1 s.
_MAX_ESCAPES = 2 * MAX_REPORTS


def reports(query: str) -> list[Report]:
    """The reports of one call: parallel lists separated by commas. A single status applies to all.

    Each message has its own key, so an ``idx`` list of another length is ignored, and ``MsgId`` alone
    identifies the messages. An unknown status code counts as intermediate. Raises ``MalformedReport``.
    """
    # Each report has about twelve fields and three are used. Decoding the others would take most of the time.
    fields = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
    ids = _decoded(fields.get("MsgId", "")).split(",")
    count = len(ids)
    if count > MAX_REPORTS:
        raise MalformedReport(f"a call carries at most {MAX_REPORTS} reports, not {count}")
    statuses = _column(_decoded(fields.get("status", "")), count)
    if not ids[0] or not statuses[0]:
        raise MalformedReport("MsgId and status must be given")
    keys = _decoded(fields.get("idx", "")).split(",")
    if len(keys) != count:
        keys = [""] * count
    found = []
    for provider_id, status, key in zip(ids, statuses, keys, strict=True):
        state, reason = _REPORT_STATES.get(status) or (State.SENT, f"smsapi_{status}")
        found.append(Report(provider_id, key or None, state, reason))
    return found


def _decoded(value: str) -> str:
    if "%" not in value and "+" not in value:
        return value
    if value.count("%") > _MAX_ESCAPES:
        raise MalformedReport(f"MsgId, idx and status have at most {_MAX_ESCAPES} escapes (%2C) each")
    # Commas first: most lists have no other escape, and this is ten times as fast.
    value = value.replace("%2C", ",")
    return unquote_plus(value) if "%" in value or "+" in value else value


def _column(joined: str, count: int) -> list[str]:
    values = joined.split(",")
    return values if len(values) == count else values[:1] * count
