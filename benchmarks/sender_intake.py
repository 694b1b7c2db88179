"""Messages per second through the sender on one core: acknowledged and stored, with submits and delivery
reports at the same time. Then recipients per second of a campaign.

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/sender_intake.py [--seconds N]

The sender has core 0; the provider (profile fast) and wrk (from Debian) share core 1. The same run measures a
bare aiohttp handler under the same load, which reads the body and gives the same reply.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from processes import ServerProcess, server
from sender_processes import OTHERS_CORE, SENDER_CORE, TOKEN, provider_and_sender, state

DRAIN_S = 60.0

LUA = """
local n = 0
local headers = {["Authorization"] = "Bearer %s", ["Content-Type"] = "application/json"}
local body = '{"to":"48%%09d","text":"Your order %%d is on its way and arrives tomorrow.",' ..
  '"message_class":"transactional","key":"b-%%08d"}'
request = function()
  n = n + 1
  return wrk.format("POST", "/v1/messages", headers, string.format(body, 500000000 + n, n, n))
end
"""
BARE_REPLY = b'{"id":"1000001","key":"b-00000001","state":"queued"}'


def serve_bare() -> None:
    """The baseline: aiohttp and uvloop, no work."""
    import uvloop
    from aiohttp import web

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=BARE_REPLY, status=202, content_type="application/json")

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/messages", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(json.dumps({"ready": True, "url": f"http://{host}:{port}", "pid": os.getpid()}), flush=True)
        await asyncio.Event().wait()

    uvloop.run(serve())


def post(url: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type}
    with urllib.request.urlopen(urllib.request.Request(url + path, body, headers), timeout=300) as answer:
        taken = json.load(answer)
    assert isinstance(taken, dict)
    return taken


@contextmanager
def wrk(
    url: str, seconds: float, connections: int, directory: Path, requests: str = LUA % TOKEN
) -> Iterator[list[str]]:
    """Run wrk during the block. Its report is in the list afterwards."""
    script = directory / "requests.lua"
    script.write_text(requests)
    program = shutil.which("wrk")
    assert program, "wrk is needed: apt-get install wrk"
    process = subprocess.Popen(
        [
            *(
                "taskset",
                "-c",
                str(OTHERS_CORE),
                program,
                "-t1",
                f"-c{connections}",
                f"-d{math.ceil(seconds)}s",
            ),
            *("--timeout", "10s", "--latency", "-s", str(script), url),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    report: list[str] = []
    try:
        yield report
        report.append(process.communicate()[0])
    finally:
        process.kill()
        process.wait()


def rate_of(report: str) -> float:
    assert "Non-2xx" not in report, report
    found = re.search(r"Requests/sec:\s*([0-9.]+)", report)
    assert found, report
    return float(found[1])


def percentile(report: str, name: str) -> str:
    found = re.search(rf"{name}%\s+([0-9.]+\w+)", report)
    return found[1] if found else "?"


def measure_bare(seconds: float, connections: int, directory: Path) -> float:
    with server(SENDER_CORE, str(Path(__file__).resolve()), "--serve-bare") as bare:
        with wrk(bare.url, seconds, connections, directory) as report:
            pass
        return rate_of(report[0])


def measure_singles(sender: ServerProcess, options: argparse.Namespace, directory: Path) -> dict[str, float]:
    """Rates over the middle of the run, by the sender's own counters."""
    url, seconds = sender.url, options.seconds
    with wrk(url, options.warm_up + seconds + options.warm_up / 2, options.connections, directory) as report:
        time.sleep(options.warm_up)
        before, before_cpu_s, began = state(url), sender.cpu_s(), time.monotonic()
        time.sleep(seconds)
        after, after_cpu_s, ended = state(url), sender.cpu_s(), time.monotonic()
    elapsed_s = ended - began
    counted = {
        name: (after["counters"][name] - before["counters"][name]) / elapsed_s
        for name in ("accepted", "sent", "delivered")
    }
    rate_of(report[0])
    busy_s = after_cpu_s - before_cpu_s
    print(f"latency p50 {percentile(report[0], '50')}, p99 {percentile(report[0], '99')}")
    return counted | {
        "backlog": after["open"] - after["gauges"]["awaiting_report"],
        "cpu_share": busy_s / elapsed_s,
        "cpu_us_per_message": 1e6 * busy_s / (counted["accepted"] * elapsed_s),
    }


def until_final(url: str) -> None:
    give_up = time.monotonic() + DRAIN_S
    while (now := state(url))["open"]:
        assert time.monotonic() < give_up, now
        time.sleep(0.02)


def campaign_bodies(recipients: int) -> dict[str, tuple[str, str, bytes]]:
    rows = [{"to": f"48{600_000_000 + n}", "key": f"cj-{n}"} for n in range(recipients)]
    fields = {
        "campaign": "json",
        "message_class": "marketing",
        "text": "The spring sale begins tomorrow at nine.",
    }
    lines = ["to,text,key"] + [
        f"48{660_000_000 + n},Dear customer {n}: sale!,cc-{n}" for n in range(recipients)
    ]
    return {
        "campaign, JSON, one text": (
            "/v1/campaigns",
            "application/json",
            json.dumps(fields | {"recipients": rows}).encode(),
        ),
        "campaign, CSV, own texts": (
            "/v1/campaigns?message_class=marketing&campaign=csv",
            "text/csv",
            "\n".join(lines).encode(),
        ),
    }


def measure_campaign(
    url: str, recipients: int, path: str, content_type: str, body: bytes
) -> tuple[float, float]:
    """Recipients per second until acknowledged, and until all are final."""
    began = time.monotonic()
    taken = post(url, path, body, content_type)
    acknowledged = time.monotonic()
    assert taken["accepted"] == recipients, taken
    until_final(url)
    return recipients / (acknowledged - began), recipients / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="of the measured part")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before it")
    parser.add_argument("--recipients", type=int, default=100_000, help="of each campaign")
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_bare:
        serve_bare()
        return
    os.sched_setaffinity(0, {OTHERS_CORE})
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare = measure_bare(options.seconds / 2, options.connections, directory)
        _, sender = stack.enter_context(provider_and_sender(directory))
        singles = measure_singles(sender, options, directory)
        until_final(sender.url)
        campaigns = {
            name: measure_campaign(sender.url, options.recipients, *body)
            for name, body in campaign_bodies(options.recipients).items()
        }
        counters = state(sender.url)["counters"]
    print(f"bare aiohttp handler            {bare:8,.0f}/s")
    acknowledged = singles["accepted"]
    print(f"single messages acknowledged    {acknowledged:8,.0f}/s  ({acknowledged / bare:.2f} of bare)")
    print(f"  of them submitted meanwhile   {singles['sent']:8,.0f}/s")
    print(f"  of them delivered meanwhile   {singles['delivered']:8,.0f}/s")
    print(f"  not yet submitted at the end  {singles['backlog']:8,.0f}")
    print(
        f"  sender's CPU                  {singles['cpu_us_per_message']:8,.0f} us/message, "
        f"{singles['cpu_share']:.0%} of the core"
    )
    for name, (acknowledged, final) in campaigns.items():
        print(f"{name}        {acknowledged:8,.0f} recipients/s acknowledged, {final:,.0f}/s to the end")
    assert counters["delivered"] == counters["accepted"], counters
    print(f"accounting: {counters['accepted']:,} accepted = {counters['delivered']:,} delivered")


if __name__ == "__main__":
    main()
