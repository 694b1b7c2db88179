"""The messages of a measurement: keys, requests as bytes, instants."""

from __future__ import annotations

import random
from urllib.parse import quote

from msgspec import Struct

TOKEN = "calibrate"
_HEAD = (
    "POST /sms.do HTTP/1.1\r\nHost: provider\r\nAuthorization: Bearer {token}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
)


class Messages(Struct, frozen=True):
    """``keys[n]`` is the journey key of the n-th request. It and the seed determine all random draws."""

    keys: list[str]
    requests: list[bytes]


def messages(label: str, count: int, report_url: str = "", shared_key: bool = False) -> Messages:
    """Single sends by SMSAPI, each to a different number, all with one key if it is shared."""
    keys = [label if shared_key else f"{label}-{n}" for n in range(count)]
    return Messages(keys, [_request(key, 500_000_000 + n, report_url) for n, key in enumerate(keys)])


def spread(rate_per_s: float, count: int, seed: int) -> list[int]:
    """``count`` instants in ns from the start, each anywhere within its own interval of 1 / rate.

    Evenly spaced requests could coincide with the period of a timer.
    """
    chance = random.Random(seed)
    slot_ns = 1e9 / rate_per_s
    return [round((n + chance.random()) * slot_ns) for n in range(count)]


def regular(rate_per_s: float, count: int) -> list[int]:
    """``count`` instants in ns from the start, evenly spaced."""
    return [round(n * 1e9 / rate_per_s) for n in range(count)]


def _request(key: str, number: int, report_url: str) -> bytes:
    body = f"to=48{number:09d}&from=Test&message=Calibration&format=json&idx={key}"
    if report_url:
        body += f"&notify_url={quote(report_url, safe='')}"
    return (_HEAD.format(token=TOKEN, length=len(body)) + body).encode()
