"""Messages/s in requests of 1,000 numbers, on one core: taken, and carried to the last confirmed report.

    python benchmarks/provider_batches.py [--rounds 3] [--messages 100000] [--plain]

The provider runs on core 0 with all features on (as in ``provider_sends.py``); client and receiver of the
reports on core 1. Each message has its own number, and with idx its own reference, which is checked for
duplicates. ``taken`` is measured from the first request to the last answer, ``all in`` until every report is
confirmed. The same run measures a bare aiohttp handler that reads the same requests and answers a list of the
same numbers and references. Compare the ratio between machines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import uvloop
from aiohttp import web
from processes import (
    ADMIN,
    EVERYTHING_ON,
    LOAD_CORE,
    SERVER_CORE,
    TOKEN,
    ServerProcess,
    drain,
    get,
    patch_profile,
    provider_arguments,
    require_cores,
    server,
)
from processes import serve as serve_on

SIZE = 1_000
CONNECTIONS = 4
KINDS = ("form, idx", "form", "json, idx", "json")


def bare_server() -> None:
    async def send(request: web.Request) -> web.Response:
        if request.content_type == "application/json":
            fields = await request.json()
            numbers, references = fields["to"], fields.get("idx")
        else:
            form = await request.post()
            numbers = str(form["to"]).split(",")
            references = str(form["idx"]).split("|") if "idx" in form else None
        sent = {"id": "1234567890123456789", "date_sent": 1, "status": "QUEUE", "error": None}
        shared = sent | {"points": 0.165, "parts": 1}
        items = [
            shared | {"number": number, "submitted_number": number, "idx": reference}
            for number, reference in zip(numbers, references or [None] * len(numbers), strict=True)
        ]
        return web.json_response({"count": len(items), "list": items})

    async def run() -> None:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/sms.do", send)
        await serve_on(web.AppRunner(app, access_log=None))

    uvloop.run(run())


def request_of(kind: str, tag: str, number: int, notify_url: str) -> bytes:
    """One HTTP request of ``SIZE`` messages."""
    first = number * SIZE
    numbers = [f"48{500_000_000 + first + n}" for n in range(SIZE)]
    references = [f"{tag}-{first + n}" for n in range(SIZE)]
    fields: dict[str, object] = {
        "from": "Test", "message": "The sale begins today", "format": "json", "notify_url": notify_url
    }  # fmt: skip
    if kind.startswith("json"):
        if "idx" in kind:
            fields |= {"idx": references, "check_idx": True}
        body, content_type = json.dumps(fields | {"to": numbers}).encode(), "application/json"
    else:
        if "idx" in kind:
            fields |= {"idx": "|".join(references), "check_idx": "1"}
        # Commas and bars are escaped, as by the official clients.
        body = urlencode(fields | {"to": ",".join(numbers)}).encode()
        content_type = "application/x-www-form-urlencoded"
    head = (
        f"POST /sms.do HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send_all(url: str, requests: list[bytes]) -> None:
    """Over ``CONNECTIONS`` connections, each with one request at a time; each must be taken whole."""
    host, _, port = url.removeprefix("http://").partition(":")
    waiting = iter(requests)
    taken = b'{"count":%d,' % SIZE, b'{"count": %d,' % SIZE

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            assert body.startswith(taken), body[:200]
        writer.close()

    await asyncio.gather(*[work() for _ in range(CONNECTIONS)])


class Found:
    """Messages/s and CPU microseconds a message: (until taken, to the end) of each round."""

    def __init__(self) -> None:
        self.per_s: list[tuple[float, float]] = []
        self.cpu_us: list[tuple[float, float]] = []

    def medians(self) -> tuple[float, float, float, float]:
        rates, costs = list(zip(*self.per_s, strict=True)), list(zip(*self.cpu_us, strict=True))
        return (*map(statistics.median, rates), *map(statistics.median, costs))


def one_round(server: ServerProcess, requests: list[bytes], is_provider: bool, found: Found) -> None:
    messages = len(requests) * SIZE
    cpu_s, started_s = server.cpu_s(), time.monotonic()
    asyncio.run(send_all(server.url, requests))
    taken_s, taken_cpu_s = time.monotonic() - started_s, server.cpu_s() - cpu_s
    if is_provider:
        drain(server.url)
    ended_s, ended_cpu_s = time.monotonic() - started_s, server.cpu_s() - cpu_s
    found.per_s.append((messages / taken_s, messages / ended_s))
    found.cpu_us.append((taken_cpu_s / messages * 1e6, ended_cpu_s / messages * 1e6))


def measure(arguments: argparse.Namespace, directory: Path) -> None:
    with ExitStack() as servers:
        receiver = servers.enter_context(server(LOAD_CORE, str(Path(__file__).with_name("processes.py"))))
        journal = directory / "provider.arrow"
        provider = servers.enter_context(server(SERVER_CORE, *provider_arguments(arguments.profile, journal)))
        bare = servers.enter_context(server(SERVER_CORE, __file__, "--serve"))
        if not arguments.plain:
            patch_profile(provider.url, EVERYTHING_ON)
        notify_url = f"{receiver.url}/dlr"
        for kind in KINDS:
            results = {"bare": Found(), "provider": Found()}
            for number in range(arguments.rounds):
                count = arguments.messages // SIZE
                tag = f"{kind.replace(', ', '')}{number}"
                requests = [request_of(kind, tag, n, notify_url) for n in range(count)]
                one_round(bare, requests, False, results["bare"])
                one_round(provider, requests, True, results["provider"])
            show(kind, results)
        state = get(f"{provider.url}/admin/state", ADMIN)
        reports = get(f"{receiver.url}/count")["reports"]
        print(f"accepted {state['accepted']}, reports received {reports}, still open {state['open']}")


def show(kind: str, results: dict[str, Found]) -> None:
    taken, ended, taken_us, ended_us = results["provider"].medians()
    bare, _, bare_us, _ = results["bare"].medians()
    print(
        f"{kind:10} taken {taken:8,.0f}/s {taken_us:5.1f} us CPU   "
        f"all in {ended:8,.0f}/s {ended_us:5.1f} us CPU   "
        f"bare {bare:9,.0f}/s {bare_us:4.1f} us CPU   ratio, all in, by CPU {bare_us / ended_us:.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=100_000, help="in each round")
    parser.add_argument("--profile", default="fast")
    parser.add_argument("--plain", action="store_true", help="the profile as it is, with no limit added")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        bare_server()
        return
    require_cores()
    with tempfile.TemporaryDirectory() as directory:
        measure(arguments, Path(directory))


if __name__ == "__main__":
    main()
