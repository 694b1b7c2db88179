"""Delivery reports in SMSAPI's form: a GET whose query carries parallel comma-separated lists.

The receiver answers HTTP 200 with exactly ``OK``; anything else is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from mock_provider.engine.values import DeliveryReport
from mock_provider.profiles.wires import SmsapiWire
from mock_provider.wire.calls import ReportCall
from mock_provider.wire.smsapi.answers import STATUS_CODES, points

CONFIRMATION = b"OK"

_NANOSECONDS = 1_000_000_000
_CODES = {state: code for state, (code, _) in STATUS_CODES.items()}
_NAMES = {state: name for state, (_, name) in STATUS_CODES.items()}


def report_calls(
    url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiWire
) -> list[ReportCall]:
    """As few calls as keep every URL within ``report_url_bytes`` (a single report may exceed it)."""
    whole = report_url(url, reports, wall_offset_ns, settings)
    if len(whole) <= settings.report_url_bytes or len(reports) == 1:
        return [ReportCall("GET", whole, CONFIRMATION)]
    pieces = min(len(reports), -(-len(whole) * 21 // (settings.report_url_bytes * 20)))
    size = min(len(reports) - 1, -(-len(reports) // pieces))
    calls: list[ReportCall] = []
    for start in range(0, len(reports), size):
        # Pieces of equal count differ in length: one that is still too long is split again.
        calls.extend(report_calls(url, reports[start : start + size], wall_offset_ns, settings))
    return calls


def report_url(url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiWire) -> str:
    """The URL that carries these reports; a list whose values are all the same is written once."""
    done = [str((r.t_done_ns + wall_offset_ns) // _NANOSECONDS) for r in reports]
    sent = [str((r.t_sent_ns + wall_offset_ns) // _NANOSECONDS) for r in reports]
    states = [r.state.value for r in reports]
    fields = (
        ("MsgId", [r.provider_id for r in reports]),
        ("status", [_CODES[state] for state in states]),
        ("status_name", [_NAMES[state] for state in states]),
        ("idx", _quoted([r.client_ref or "" for r in reports])),
        ("donedate", done),
        ("sent_at", sent),
        ("to", [r.msisdn for r in reports]),
    )
    shared = (
        ("from", _quoted([r.sender_id for r in reports])),
        ("points", [str(points(r.price, settings)) for r in reports]),
        ("parts", [str(r.segments) for r in reports]),
        ("mcc", [r.mcc for r in reports]),
        ("mnc", [r.mnc for r in reports]),
        ("username", [quote(settings.username, safe="")]),
    )
    query = [f"{name}={','.join(values)}" for name, values in fields]
    query += [f"{name}={_collapsed(values)}" for name, values in shared]
    base, mark, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{'&'.join(query)}{mark}{fragment}"


def _collapsed(values: Sequence[str]) -> str:
    first = values[0]
    if len(values) == 1 or values.count(first) == len(values):
        return first
    return ",".join(values)


def _quoted(values: list[str]) -> list[str]:
    """Percent-encode those that need it; a reference is mostly letters, digits and ``-_.``."""
    joined = "".join(values)
    if joined.isascii() and joined.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return values
    return [quote(value, safe="") for value in values]
