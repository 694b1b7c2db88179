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
    calls: list[ReportCall] = []
    size = _fitting(url, reports, wall_offset_ns, settings)
    for start in range(0, len(reports), size):
        piece = reports[start : start + size]
        rendered = report_url(url, piece, wall_offset_ns, settings)
        if len(rendered) > settings.report_url_bytes and len(piece) > 1:
            # Pieces of equal count differ in length: one that is too long after all is halved.
            half = len(piece) // 2
            calls += report_calls(url, piece[:half], wall_offset_ns, settings)
            calls += report_calls(url, piece[half:], wall_offset_ns, settings)
        else:
            calls.append(ReportCall("GET", rendered, CONFIRMATION))
    return calls


def _fitting(url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiWire) -> int:
    """How many reports to put into each call, judged by the length of the first two and the last."""
    count = len(reports)
    if count < 3:
        return 1 if count < 2 else count
    sample = (reports[0], reports[1], reports[-1])
    alone = len(report_url(url, sample[:1], wall_offset_ns, settings))
    each = max(1, (len(report_url(url, sample, wall_offset_ns, settings)) - alone) // 2 + 2)
    room = max(1, 1 + (settings.report_url_bytes - alone) // each)
    return -(-count // -(-count // room))


def report_url(url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiWire) -> str:
    """The URL that carries these reports; a list whose values are all the same is written once."""
    query = (
        _query_of_one(reports[0], wall_offset_ns, settings)
        if len(reports) == 1
        else _query_of_many(reports, wall_offset_ns, settings)
    )
    base, mark, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{query}{mark}{fragment}"


def _query_of_one(r: DeliveryReport, wall_offset_ns: int, settings: SmsapiWire) -> str:
    """What ``_query_of_many`` makes of one report, in a third of the time: most calls carry one."""
    state = r.state.value
    reference, sender = _quoted([r.client_ref or "", r.sender_id])
    return (
        f"MsgId={r.provider_id}&status={_CODES[state]}&status_name={_NAMES[state]}&idx={reference}"
        f"&donedate={(r.t_done_ns + wall_offset_ns) // _NANOSECONDS}"
        f"&sent_at={(r.t_sent_ns + wall_offset_ns) // _NANOSECONDS}&to={r.msisdn}&from={sender}"
        f"&points={points(r.price, settings)}&parts={r.segments}&mcc={r.mcc}&mnc={r.mnc}"
        f"&username={quote(settings.username, safe='')}"
    )


def _query_of_many(reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiWire) -> str:
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
    return "&".join(query)


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
