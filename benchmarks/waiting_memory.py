"""What waiting costs: growth of the provider's memory for replies held back, and for reports to come.

    python benchmarks/waiting_memory.py [--replies 100000] [--reports 1000000]

Each figure comes from a new process with a whole provider (protocols, engine, driver, inbox) without sockets:
``ProviderRuntime.ask`` gets requests as bytes, and each answer calls a callback. A real waiting reply also
has a connection (transport, parser, kernel buffers), which is not measured. Replies: single sends, answered
after an hour. Reports: sends of 1,000 numbers, each with a reference, and a report URL, delivered after an
hour. Growth is of the resident set (RSS) from just before the first request.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import psutil
import uvloop

from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.profiles import parse_profile
from mock_provider.runtime.provider import ProviderRuntime

MIB = 2**20
LIMITS_MIB = {"replies": 200, "reports": 1024}
FORM = "application/x-www-form-urlencoded"
RECIPIENTS = 1_000
_HOUR = {"kind": "fixed", "value_s": 3600.0}


def replies(provider: ProviderRuntime, count: int) -> None:
    """``count`` requests whose answer is due in an hour."""
    answered: list[HttpResponse | None] = []
    for n in range(count):
        body = f"to=48{500_000_000 + n}&from=Test&message=Your+code+is+{n:06d}&format=json&idx=m-{n}"
        _ask(provider, body, answered.append)
    assert not answered
    assert provider.driver.waiting == count


def reports(provider: ProviderRuntime, count: int) -> None:
    """``count`` accepted messages whose report is due in an hour."""
    refused: list[bytes] = []

    def note(reply: HttpResponse | None) -> None:
        if reply is None or b'"error":null' not in reply.body:
            refused.append(b"" if reply is None else reply.body)

    for first in range(0, count, RECIPIENTS):
        numbers = range(first, first + RECIPIENTS)
        to = ",".join(f"48{500_000_000 + n}" for n in numbers)
        references = "%7C".join(f"m-{n}" for n in numbers)
        url = "http%3A%2F%2F127.0.0.1%3A9%2Fdlr"
        body = f"to={to}&from=Test&message=Offer&format=json&idx={references}&notify_url={url}"
        _ask(provider, body, partial(note))
    assert not refused, refused[0][:200]
    assert provider.engine_state().open == count


def _ask(provider: ProviderRuntime, body: str, respond: Callable[[HttpResponse | None], None]) -> None:
    protocol = provider.protocols.at("/sms.do")
    assert protocol is not None
    request = HttpRequest("POST", "/sms.do", "", FORM, "Bearer t", body.encode())
    provider.ask(protocol, request, partial(respond))


async def measure(what: str, count: int) -> dict[str, float]:
    """Growth in MiB, and microseconds a message."""
    sections = {"reply": {"latency": _HOUR}} if what == "replies" else {"delivery": {"latency": _HOUR}}
    document = {"name": "memory", "account": {"tokens": ["t"]}, "carriers": [{"name": "any", "country": "*"}]}
    protocol = {"protocol": {"smsapi": {"max_recipients_per_request": RECIPIENTS}}}
    provider = ProviderRuntime(parse_profile(document | sections | protocol), 1, 0.1)
    fill = {"replies": replies, "reports": reports}[what]
    gc.collect()
    gc.freeze()
    process = psutil.Process()
    before = process.memory_info().rss
    begun_s = time.perf_counter()
    fill(provider, count)
    seconds = time.perf_counter() - begun_s
    grown = process.memory_info().rss - before
    collection_s = -time.perf_counter()
    gc.collect()
    collection_s += time.perf_counter()
    await provider.stop()
    return {
        "rss_mib": grown / MIB,
        "bytes_each": grown / count,
        "us_each": seconds / count * 1e6,
        "full_collection_ms": collection_s * 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--replies", type=int, default=100_000)
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--one", choices=sorted(LIMITS_MIB), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(uvloop.run(measure(arguments.one, getattr(arguments, arguments.one)))))
        return
    for what, limit_mib in LIMITS_MIB.items():
        count = getattr(arguments, what)
        command = [sys.executable, __file__, "--one", what, f"--{what}", str(count)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        verdict = "met" if found["rss_mib"] <= limit_mib else "missed"
        print(
            f"{count:>9,} {what:8} waiting: {found['rss_mib']:7.1f} MiB of {limit_mib} ({verdict}), "
            f"{found['bytes_each']:.0f} bytes each, {found['us_each']:.1f} us to take in; "
            f"a full collection of garbage takes {found['full_collection_ms']:.0f} ms"
        )


if __name__ == "__main__":
    main()
