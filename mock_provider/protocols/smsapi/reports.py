"""Delivery reports in SMSAPI's form: a GET whose query carries parallel comma-separated lists.

The receiver answers HTTP 200 with exactly ``OK``; anything else is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from msgspec.structs import astuple

from mock_provider.engine.values import DeliveryReport
from mock_provider.http.messages import ReportCall
from mock_provider.protocols.smsapi.answers import STATUS_CODES, points
from mock_provider.settings.protocols import SmsapiSettings

CONFIRMATION = b"OK"

_FIELDS = DeliveryReport.__struct_fields__
_NANOSECONDS = 1_000_000_000
_CODES = {state: code for state, (code, _) in STATUS_CODES.items()}
_NAMES = {state: name for state, (_, name) in STATUS_CODES.items()}


def report_calls(
    url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiSettings
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


def _fitting(
    url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiSettings
) -> int:
    """How many reports to put into each call, judged by the length of the first two and the last."""
    count = len(reports)
    if count < 3:
        return 1 if count < 2 else count
    sample = (reports[0], reports[1], reports[-1])
    alone = len(report_url(url, sample[:1], wall_offset_ns, settings))
    each = max(1, (len(report_url(url, sample, wall_offset_ns, settings)) - alone) // 2 + 2)
    room = max(1, 1 + (settings.report_url_bytes - alone) // each)
    return -(-count // -(-count // room))


def report_url(
    url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiSettings
) -> str:
    """The URL that carries these reports; a list whose values are all the same is written once."""
    query = (
        _query_of_one(reports[0], wall_offset_ns, settings)
        if len(reports) == 1
        else _query_of_many(reports, wall_offset_ns, settings)
    )
    base, mark, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{query}{mark}{fragment}"


def _query_of_one(r: DeliveryReport, wall_offset_ns: int, settings: SmsapiSettings) -> str:
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


def _query_of_many(reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiSettings) -> str:
    columns = dict(zip(_FIELDS, zip(*map(astuple, reports), strict=True), strict=True))
    # ``value`` is a property in Python, which costs more than the rest of this line.
    states = [STATUS_CODES[state._value_] for state in columns["state"]]
    fields = (
        ("MsgId", columns["provider_id"]),
        ("status", [code for code, _ in states]),
        ("status_name", [name for _, name in states]),
        ("idx", _quoted([reference or "" for reference in columns["client_ref"]])),
        ("donedate", [str((at_ns + wall_offset_ns) // _NANOSECONDS) for at_ns in columns["t_done_ns"]]),
        ("sent_at", [str((at_ns + wall_offset_ns) // _NANOSECONDS) for at_ns in columns["t_sent_ns"]]),
        ("to", columns["msisdn"]),
    )
    shared = (
        ("from", _each(columns["sender_id"], lambda sender: quote(sender, safe=""))),
        ("points", _each(columns["price"], lambda price: str(points(price, settings)))),
        ("parts", _each(columns["segments"], str)),
        ("mcc", columns["mcc"]),
        ("mnc", columns["mnc"]),
        ("username", [quote(settings.username, safe="")]),
    )
    query = [f"{name}={','.join(values)}" for name, values in fields]
    query += [f"{name}={_collapsed(values)}" for name, values in shared]
    return "&".join(query)


def _each(values: tuple[Any, ...], written: Callable[[Any], str]) -> list[str]:
    """Each value as it is written: once, where all are the same."""
    if values.count(values[0]) == len(values):
        return [written(values[0])]
    return [written(value) for value in values]


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
