"""What simulating costs over HTTP alone: SMSAPI single sends/s, provider ÷ bare aiohttp handler.

    python benchmarks/provider_sends.py [--rounds 5] [--seconds 4] [--connections 32]

The servers run on core 0, one loaded at a time and the others idle, wrk on core 1. The bare one is an aiohttp
application under uvloop with one route that gives the provider's own reply, number and idx of the request in
it; the fixed one does not even read the form and answers the same bytes each time. The provider has
everything on: account, throttle, carriers, delivery reports to a receiver (on core 1, beside wrk), inbox and
journal. Rounds alternate, so that a slow moment of the machine meets all; a round of the provider is over
when its last report is confirmed. CPU time tells more than the rate on a machine that others use too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import uvloop
from aiohttp import web

SERVER_CORE, LOAD_CORE = 0, 1
TOKEN, ADMIN = "bench-token", "bench-admin"
FORM = "to=48500100200&from=Test&message=Your+code+is+123456&format=json&idx=%s&notify_url=%s"

# Every request has its own idx, as real ones do: wrk numbers them.
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = "Bearer {token}"
local n, round = 0, "{round}"
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, string.format("{form}", round .. "-" .. n))
end
"""


def bare_server(reply: bytes, fixed: bool) -> None:
    """An aiohttp application with one route, under uvloop, that answers as the provider does.

    Its reply carries the number and the idx of the request, so it reads the form. With ``fixed`` it reads the
    body unseen and answers the same bytes each time: less than any provider can do.
    """
    sample = json.loads(reply)

    async def send(request: web.Request) -> web.Response:
        form = await request.post()
        item = sample["list"][0] | {"number": form["to"], "submitted_number": form["to"], "idx": form["idx"]}
        return web.json_response({"count": 1, "list": [item]})

    async def send_fixed(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=reply, content_type="application/json")

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/sms.do", send_fixed if fixed else send)
        await _serve(web.AppRunner(app, access_log=None))

    uvloop.run(serve())


def receiver_server() -> None:
    """Confirms every delivery report and counts them."""
    reports = 0

    async def confirm(request: web.BaseRequest) -> web.Response:
        nonlocal reports
        if request.path == "/count":
            return web.json_response({"reports": reports})
        _, _, rest = request.raw_path.partition("MsgId=")
        reports += rest.partition("&")[0].count(",") + 1
        return web.Response(body=b"OK", content_type="text/plain")

    async def serve() -> None:
        await _serve(web.ServerRunner(web.Server(confirm, access_log=None)))

    uvloop.run(serve())


async def _serve(runner: web.BaseRunner) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


class ServerProcess(NamedTuple):
    url: str
    process: psutil.Process

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def process(core: int, *argv: str) -> Iterator[ServerProcess]:
    """A server process pinned to a core."""
    command = [sys.executable, *argv]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    ) as server:
        try:
            assert server.stdout is not None
            yield ServerProcess(str(json.loads(server.stdout.readline())["url"]), psutil.Process(server.pid))
        finally:
            server.terminate()
            server.wait(30)


def get(url: str, token: str = "") -> dict[str, object]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        value: dict[str, object] = json.load(reply)
        return value


def one_reply(provider: str, notify_url: str) -> bytes:
    """What the provider answers to one send: the bare server answers the same."""
    body = (FORM % ("sample-1", notify_url)).encode()
    request = urllib.request.Request(
        f"{provider}/sms.do", data=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        answered: bytes = reply.read()
    assert b'"QUEUE"' in answered, answered
    return answered


def wrk(url: str, script: Path, seconds: int, connections: int) -> tuple[float, int]:
    """Requests/s and requests; every one of them was answered 200."""
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    output = subprocess.run(
        [*command, "-s", str(script), f"{url}/sms.do"], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"the load was not clean:\n{output}")
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    requests = re.search(r"([0-9]+) requests in", output)
    assert rate is not None, output
    assert requests is not None, output
    return float(rate.group(1)), int(requests.group(1))


def drain(provider: str) -> None:
    """Wait until every accepted message is final and its report confirmed."""
    deadline = time.monotonic() + 60
    while (state := get(f"{provider}/admin/state", ADMIN))["open"]:
        if time.monotonic() > deadline:
            raise SystemExit(f"reports did not drain within a minute: {state['open']} open")
        time.sleep(0.05)


def measure(arguments: argparse.Namespace, directory: Path) -> None:
    with ExitStack() as servers:

        def started(core: int, *argv: str) -> ServerProcess:
            return servers.enter_context(process(core, *argv))

        receiver = started(LOAD_CORE, __file__, "--serve", "receiver")
        notify_url = f"{receiver.url}/dlr"
        provider = started(
            SERVER_CORE, "-m", "mock_provider", "--profile", arguments.profile, "--token", TOKEN,
            "--admin-token", ADMIN, "--journal", str(directory / "provider.arrow"),
        )  # fmt: skip
        sample = directory / "reply"
        sample.write_bytes(one_reply(provider.url, notify_url))
        bare = started(SERVER_CORE, __file__, "--serve", "bare", "--reply", str(sample))
        fixed = started(SERVER_CORE, __file__, "--serve", "fixed", "--reply", str(sample))
        servers_by_name = {"bare": bare, "fixed": fixed, "provider": provider}
        rates: dict[str, list[float]] = {name: [] for name in servers_by_name}
        costs_us: dict[str, list[float]] = {name: [] for name in servers_by_name}
        for number in range(-1, arguments.rounds):  # round -1 warms up
            for name, server in servers_by_name.items():
                script = directory / "send.lua"
                form = FORM.replace("&notify_url=%s", f"&notify_url={notify_url}")
                script.write_text(LUA.format(token=TOKEN, round=f"{name}{number}", form=form))
                before_s = server.cpu_s()
                seconds = 1 if number < 0 else arguments.seconds
                rate, requests = wrk(server.url, script, seconds, arguments.connections)
                if server is provider:
                    drain(provider.url)
                cost_us = (server.cpu_s() - before_s) / requests * 1e6
                if number >= 0:
                    rates[name].append(rate)
                    costs_us[name].append(cost_us)
                    print(f"round {number + 1}  {name:9}{rate:10,.0f}/s {cost_us:8.1f} us CPU", flush=True)
        state = get(f"{provider.url}/admin/state", ADMIN)
        reports = get(f"{receiver.url}/count")["reports"]
    medians = {name: statistics.median(found) for name, found in rates.items()}
    median_us = {name: statistics.median(found) for name, found in costs_us.items()}
    print(f"accepted {state['accepted']}, reports received {reports}, still open {state['open']}")
    print(f"journal  {(directory / 'provider.arrow').stat().st_size / 1e6:.1f} MB")
    for name, median in medians.items():
        print(f"median   {name:9}{median:10,.0f}/s {median_us[name]:8.1f} us CPU a send, later work included")
    for name in ("bare", "fixed"):
        by_rate, by_cpu = medians["provider"] / medians[name], median_us[name] / median_us["provider"]
        print(f"ratio    provider to {name:6} {by_rate:.2f} by rate, {by_cpu:.2f} by CPU time")


SERVERS: dict[str, Callable[[argparse.Namespace], None]] = {
    "bare": lambda arguments: bare_server(Path(arguments.reply).read_bytes(), fixed=False),
    "fixed": lambda arguments: bare_server(Path(arguments.reply).read_bytes(), fixed=True),
    "receiver": lambda arguments: receiver_server(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--profile", default="fast")
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    parser.add_argument("--reply", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        SERVERS[arguments.serve](arguments)
        return
    if shutil.which("wrk") is None:
        raise SystemExit("this benchmark needs wrk: apt-get install wrk (Debian, Ubuntu)")
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise SystemExit(f"this benchmark needs cores {SERVER_CORE} and {LOAD_CORE}")
    with tempfile.TemporaryDirectory() as directory:
        measure(arguments, Path(directory))


if __name__ == "__main__":
    main()
