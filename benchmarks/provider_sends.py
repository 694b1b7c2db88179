"""What simulating costs over HTTP alone: SMSAPI single sends/s, provider ÷ bare aiohttp handler.

    python benchmarks/provider_sends.py [--rounds 5] [--seconds 4] [--connections 32] [--plain]
    python benchmarks/provider_sends.py --delay [--connections 512]

The servers run on core 0, one loaded at a time and the others idle, wrk on core 1. The bare one is an aiohttp
application under uvloop with one route that gives the provider's own reply, number and idx of the request in
it; the fixed one does not read the form and answers the same bytes each time. The provider has all features
on: account, throttle, several carriers and failures (``--plain``: only those of the profile), delivery
reports to a receiver (on core 1, with wrk), inbox and journal. Rounds alternate, so that a slow moment of the
machine affects all; a round of the provider is over when its last report is confirmed. On a shared machine
compare CPU time, not the rate.

``--delay`` compares the provider with itself: replies after a lognormal 50 ms with immediate replies. With
any server, the connections limit the rate to connections / mean delay. The rate is compared with that limit
if it is the lower one.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import statistics
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

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
    serve,
    server,
)

FORM = "to=48500100200&from=Test&message=Your+code+is+123456&format=json&idx=%s&notify_url=%s"
MEDIAN_S, P99_S = 0.050, 0.127  # sigma 0.4
Z99 = 2.3263
MEAN_S = MEDIAN_S * math.exp((math.log(P99_S / MEDIAN_S) / Z99) ** 2 / 2)
DELAYS = {
    "at once": {"kind": "fixed", "value_s": 0.0},
    "delayed": {"kind": "lognormal", "median_s": MEDIAN_S, "p99_s": P99_S},
}

# Every request has a different idx, as real ones: wrk numbers them.
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

    Its reply has the number and the idx of the request, so it reads the form. With ``fixed`` it does not
    parse the body and answers the same bytes each time: less work than any provider.
    """
    sample = json.loads(reply)

    async def send(request: web.Request) -> web.Response:
        form = await request.post()
        item = sample["list"][0] | {"number": form["to"], "submitted_number": form["to"], "idx": form["idx"]}
        return web.json_response({"count": 1, "list": [item]})

    async def send_fixed(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=reply, content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/sms.do", send_fixed if fixed else send)
        await serve(web.AppRunner(app, access_log=None))

    uvloop.run(run())


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


class SendRounds:
    """Rounds of load, and what each cost: rate and CPU time a send, later work included."""

    def __init__(self, directory: Path, notify_url: str, arguments: argparse.Namespace) -> None:
        self._script = directory / "send.lua"
        self.notify_url = notify_url
        self._form = FORM.replace("&notify_url=%s", f"&notify_url={notify_url}")
        self._arguments = arguments
        self.rates: dict[str, list[float]] = {}
        self.costs_us: dict[str, list[float]] = {}

    def round(self, number: int, name: str, server: ServerProcess, is_provider: bool) -> None:
        """A round below 0 warms up."""
        tag = f"{name.replace(' ', '')}{number}"
        self._script.write_text(LUA.format(token=TOKEN, round=tag, form=self._form))
        before_s = server.cpu_s()
        seconds = 1 if number < 0 else self._arguments.seconds
        rate, requests = wrk(server.url, self._script, seconds, self._arguments.connections)
        if is_provider:
            drain(server.url)
        cost_us = (server.cpu_s() - before_s) / requests * 1e6
        if number >= 0:
            self.rates.setdefault(name, []).append(rate)
            self.costs_us.setdefault(name, []).append(cost_us)
            print(f"round {number + 1}  {name:9}{rate:10,.0f}/s {cost_us:8.1f} us CPU", flush=True)

    def medians(self) -> tuple[dict[str, float], dict[str, float]]:
        """Printed, and given back: rates, and microseconds of CPU."""
        rates = {name: statistics.median(found) for name, found in self.rates.items()}
        costs_us = {name: statistics.median(found) for name, found in self.costs_us.items()}
        for name, rate in rates.items():
            print(
                f"median   {name:9}{rate:10,.0f}/s {costs_us[name]:8.1f} us CPU a send, later work included"
            )
        return rates, costs_us


def against_bare(
    arguments: argparse.Namespace, servers: ExitStack, provider: ServerProcess, load: SendRounds
) -> None:
    with tempfile.NamedTemporaryFile() as sample:
        Path(sample.name).write_bytes(one_reply(provider.url, load.notify_url))
        started = [
            servers.enter_context(server(SERVER_CORE, __file__, "--serve", kind, "--reply", sample.name))
            for kind in ("bare", "fixed")
        ]
    for number in range(-arguments.warm_ups, arguments.rounds):
        load.round(number, "bare", started[0], False)
        load.round(number, "fixed", started[1], False)
        load.round(number, "provider", provider, True)
    rates, costs_us = load.medians()
    for name in ("bare", "fixed"):
        by_rate, by_cpu = rates["provider"] / rates[name], costs_us[name] / costs_us["provider"]
        print(f"ratio    provider to {name:6} {by_rate:.2f} by rate, {by_cpu:.2f} by CPU time")


def against_itself(arguments: argparse.Namespace, provider: ServerProcess, load: SendRounds) -> None:
    for number in range(-arguments.warm_ups, arguments.rounds):
        for name, latency in DELAYS.items():
            patch_profile(provider.url, {"reply": {"latency": latency}})
            load.round(number, name, provider, True)
    rates, costs_us = load.medians()
    limit = arguments.connections / MEAN_S
    possible = rates["delayed"] / min(limit, rates["at once"])
    by_rate, by_cpu = rates["delayed"] / rates["at once"], costs_us["at once"] / costs_us["delayed"]
    print(f"limit    {limit:,.0f}/s: {arguments.connections} connections, mean delay {MEAN_S * 1000:.1f} ms")
    print(f"ratio    delayed to at once {by_rate:.2f} by rate, {by_cpu:.2f} by CPU time")
    print(f"         {possible:.2f} of the rate that is possible")


def measure(arguments: argparse.Namespace, directory: Path) -> None:
    with ExitStack() as servers:
        receiver = servers.enter_context(server(LOAD_CORE, str(Path(__file__).with_name("processes.py"))))
        journal = directory / "provider.arrow"
        provider = servers.enter_context(server(SERVER_CORE, *provider_arguments(arguments.profile, journal)))
        load = SendRounds(directory, f"{receiver.url}/dlr", arguments)
        if not arguments.plain:
            patch_profile(provider.url, EVERYTHING_ON)
        if arguments.delay:
            against_itself(arguments, provider, load)
        else:
            against_bare(arguments, servers, provider, load)
        state = get(f"{provider.url}/admin/state", ADMIN)
        reports = get(f"{receiver.url}/count")["reports"]
        print(f"accepted {state['accepted']}, reports received {reports}, still open {state['open']}")
        print(f"journal  {journal.stat().st_size / 1e6:.1f} MB")


SERVERS: dict[str, Callable[[argparse.Namespace], None]] = {
    "bare": lambda arguments: bare_server(Path(arguments.reply).read_bytes(), fixed=False),
    "fixed": lambda arguments: bare_server(Path(arguments.reply).read_bytes(), fixed=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--warm-ups", type=int, default=1, help="rounds of a second that do not count")
    parser.add_argument("--connections", type=int)
    parser.add_argument("--profile", default="fast")
    parser.add_argument("--plain", action="store_true", help="the profile as it is, with no limit added")
    parser.add_argument("--delay", action="store_true", help="replies that wait against replies at once")
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    parser.add_argument("--reply", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        SERVERS[arguments.serve](arguments)
        return
    if arguments.connections is None:
        arguments.connections = 512 if arguments.delay else 32
    if shutil.which("wrk") is None:
        raise SystemExit("this benchmark needs wrk: apt-get install wrk (Debian, Ubuntu)")
    require_cores()
    with tempfile.TemporaryDirectory() as directory:
        measure(arguments, Path(directory))


if __name__ == "__main__":
    main()
