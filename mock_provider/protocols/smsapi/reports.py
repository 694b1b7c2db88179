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
    ids, codes, names, references = [], [], [], []
    done, sent, numbers = [], [], []
    for r in reports:
        # ``value`` is a property in Python, which takes longer than the rest of its line.
        code, name = STATUS_CODES[r.state._value_]
        ids.append(r.provider_id)
        codes.append(code)
        names.append(name)
        references.append(r.client_ref or "")
        done.append(str((r.t_state_ns + wall_offset_ns) // NS_PER_S))
        sent.append(str((r.t_sent_ns + wall_offset_ns) // NS_PER_S))
        numbers.append(r.msisdn)
    return (
        f"MsgId={','.join(ids)}&status={','.join(codes)}&status_name={','.join(names)}"
        f"&idx={','.join(_quoted(references))}&donedate={','.join(done)}&sent_at={','.join(sent)}"
        f"&to={','.join(numbers)}{_shared(reports, settings)}&username={_username(settings.username)}"
    )


def _shared(reports: Sequence[DeliveryReport], settings: SmsapiSettings) -> str:
    """The fields that are mostly the same for all reports of a call."""
    rows = [(r.sender_id, r.price, r.segments, r.mcc, r.mnc) for r in reports]
    if rows.count(rows[0]) == len(rows):
        sender_id, price, segments, mcc, mnc = rows[0]
        return _shared_by_all(sender_id, str(points(price, settings)), segments, mcc, mnc)
    sender_ids, prices, parts, mccs, mncs = zip(*rows, strict=True)
    return _shared_fields(
        _collapsed(sender_ids, lambda sender_id: quote(sender_id, safe="")),
        _collapsed(prices, lambda price: str(points(price, settings))),
        _collapsed(parts, str),
        _collapsed(mccs, str),
        _collapsed(mncs, str),
    )


@lru_cache(maxsize=1024)
def _shared_by_all(sender_id: str, price: str, segments: int, mcc: str, mnc: str) -> str:
    return _shared_fields(quote(sender_id, safe=""), price, str(segments), mcc, mnc)


def _shared_fields(senders: str, prices: str, parts: str, mccs: str, mncs: str) -> str:
    return f"&from={senders}&points={prices}&parts={parts}&mcc={mccs}&mnc={mncs}"


@lru_cache(maxsize=16)
def _username(name: str) -> str:
    return quote(name, safe="")


def _collapsed(values: tuple[Any, ...], written: Callable[[Any], str]) -> str:
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
