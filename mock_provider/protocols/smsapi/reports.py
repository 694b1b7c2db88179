"""Delivery reports in SMSAPI's form: a GET whose query carries parallel comma-separated lists.

The receiver answers HTTP 200 with exactly ``OK``; anything else is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.values import DeliveryReport
from mock_provider.http.messages import ReportCall
from mock_provider.protocols.smsapi.answers import STATUS_CODES, points
from mock_provider.settings.protocols import SmsapiSettings

CONFIRMATION = b"OK"


def report_calls(
    url: str, reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiSettings
) -> list[ReportCall]:
    """As few calls as possible with URLs within ``report_url_bytes`` (a single report may exceed it)."""
    calls: list[ReportCall] = []
    size = _fitting(url, reports, wall_offset_ns, settings)
    for start in range(0, len(reports), size):
        piece = reports[start : start + size]
        rendered = report_url(url, piece, wall_offset_ns, settings)
        if len(rendered) > settings.report_url_bytes and len(piece) > 1:
            # Pieces of equal count differ in length: one that is too long is halved.
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
    """The URL with these reports; a list of equal values is written once."""
    query = _query(reports, wall_offset_ns, settings)
    base, mark, fragment = url.partition("#")
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{query}{mark}{fragment}"


def _query(reports: Sequence[DeliveryReport], wall_offset_ns: int, settings: SmsapiSettings) -> str:
    # ``value`` is a property in Python, which takes longer than the rest of its line.
    statuses = [STATUS_CODES[r.state._value_] for r in reports]
    return (
        f"MsgId={','.join([r.provider_id for r in reports])}"
        f"&status={','.join([code for code, _ in statuses])}"
        f"&status_name={','.join([name for _, name in statuses])}"
        f"&idx={','.join(_quoted([r.client_ref or '' for r in reports]))}"
        f"&donedate={_seconds([r.t_state_ns for r in reports], wall_offset_ns)}"
        f"&sent_at={_seconds([r.t_sent_ns for r in reports], wall_offset_ns)}"
        f"&to={','.join([r.msisdn for r in reports])}"
        f"{_shared(reports, settings)}&username={_escaped(settings.username)}"
    )


def _seconds(instants_ns: list[int], wall_offset_ns: int) -> str:
    """Unix seconds of instants of the engine's clock; most instants of a call are in one second."""
    texts: list[str] = []
    begun_ns, ends_ns, text = 1, 0, ""  # of the second of the last instant
    for instant_ns in instants_ns:
        if not begun_ns <= instant_ns < ends_ns:
            unix_s = (instant_ns + wall_offset_ns) // NS_PER_S
            begun_ns = unix_s * NS_PER_S - wall_offset_ns
            ends_ns, text = begun_ns + NS_PER_S, str(unix_s)
        texts.append(text)
    return ",".join(texts)


def _shared(reports: Sequence[DeliveryReport], settings: SmsapiSettings) -> str:
    """The fields that are mostly the same for all reports of a call."""
    sender_ids, prices = [r.sender_id for r in reports], [r.price for r in reports]
    parts, mccs, mncs = [r.segments for r in reports], [r.mcc for r in reports], [r.mnc for r in reports]
    return (
        f"&from={_collapsed(sender_ids, _escaped)}"
        f"&points={_collapsed(prices, lambda price: str(points(price, settings)))}"
        f"&parts={_collapsed(parts, str)}&mcc={_collapsed(mccs, str)}&mnc={_collapsed(mncs, str)}"
    )


@lru_cache(maxsize=256)
def _escaped(text: str) -> str:
    return quote(text, safe="")


def _collapsed(values: list[Any], written: Callable[[Any], str]) -> str:
    """As they are written with commas between them; once, if all values are the same."""
    if values.count(values[0]) == len(values):
        return written(values[0])
    return ",".join(map(written, values))


def _quoted(values: list[str]) -> list[str]:
    """Percent-encode those that need it; a reference is mostly letters, digits and ``-_.``."""
    joined = "".join(values)
    if joined.isascii() and joined.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return values
    return [quote(value, safe="") for value in values]
