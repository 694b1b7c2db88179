"""Requests per second of the open-model user on one core, against Locust's own FastHttpUser in the same run.

    python benchmarks/open_model_user.py [--rounds 3] [--seconds 6] [--warm-up 2]

Both send the same message to the same bare asyncio server (core 1) from one Locust process (core 0), in
turns. The open-model user gets a higher rate than it can send, and works as in a real run: a text for each
message, recorded rows, Locust's statistics, counted drops. FastHttpUser runs 32 users that send one prepared
body. Rates are counted at the server, over the inner part of each round. Goal: a ratio of 2.0 or more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
GOAL = 2.0

_STOCK = '''
from locust import FastHttpUser, task
BODY = b"""{"to":"48516176914","text":"Your code is 123456. It is valid for 5
minutes.","message_class":"otp","key":"b-1"}
"""
HEADERS = {"Authorization": "Bearer t", "Content-Type": "application/json"}
class Stock(FastHttpUser):
    @task
    def send(self):
        self.client.post("/v1/messages", data=BODY, headers=HEADERS)
'''

_PLAN = """{"streams":[{"process":{"type":"constant","rate_per_s":40000,"duration_s":%d}}],
"seed":1,"key_tag":"b","in_flight_limit":64}"""


def serve(print_port: Callable[[int], object]) -> None:
    """Answer every request with 202 and print the count so far on each line read from standard input."""
    import httptools
    import uvloop

    body = b'{"id":"m-1","key":"b-1","state":"queued"}'
    reply = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    count = 0

    class Http(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self._transport = transport
            self._parser = httptools.HttpRequestParser(self)

        def data_received(self, data: bytes) -> None:
            self._parser.feed_data(data)

        def on_message_complete(self) -> None:
            nonlocal count
            count += 1
            self._transport.write(reply)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Http, "127.0.0.1", 0)
        print_port(server.sockets[0].getsockname()[1])

        def print_count() -> None:
            if not sys.stdin.readline():
                loop.stop()
            print(count, flush=True)

        loop.add_reader(sys.stdin.fileno(), print_count)
        await server.serve_forever()

    uvloop.run(main())


def _pinned(core: int, command: list[str], talks: bool = False) -> subprocess.Popen[str]:
    core = core if core < (os.cpu_count() or 1) else 0
    stream = subprocess.PIPE if talks else subprocess.DEVNULL
    return subprocess.Popen(
        ["taskset", "-c", str(core), sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "SMSBENCH_SENDER_TOKEN": "t", "PYTHONPATH": str(ROOT)},
        text=True,
        stdin=stream,
        stdout=stream,
        stderr=None if talks else subprocess.DEVNULL,
    )


def measure(server: subprocess.Popen[str], command: list[str], seconds: float, warm_up: float) -> float:
    """Requests per second while ``command`` runs, from ``warm_up`` seconds after its first request."""

    def count() -> int:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write("\n")
        server.stdin.flush()
        return int(server.stdout.readline())

    before = count()
    load = _pinned(0, ["-m", "locust", *command])
    try:
        while count() == before:
            if load.poll() is not None:
                raise SystemExit("the load ended before its first request")
            time.sleep(0.05)
        time.sleep(warm_up)
        first, began = count(), time.monotonic()
        time.sleep(seconds)
        return (count() - first) / (time.monotonic() - began)
    finally:
        load.terminate()
        load.wait(30)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before each measurement")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(lambda port: options.serve.write_text(str(port)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        ratio = compare(Path(name), options.rounds, options.seconds, options.warm_up)
    return 0 if ratio >= GOAL else 1


def compare(folder: Path, rounds: int, seconds: float, warm_up: float) -> float:
    (folder / "stock.py").write_text(_STOCK)
    (folder / "plan.json").write_text(_PLAN % (seconds + warm_up + 8))
    port_file = folder / "port"
    server = _pinned(1, [__file__, "--serve", str(port_file)], talks=True)
    while not port_file.is_file() or not port_file.read_text():
        time.sleep(0.05)
    host = ["--host", f"http://127.0.0.1:{port_file.read_text()}", "--headless", "--only-summary"]
    ours = ["-f", "loadtests/scenarios/smoke.py", "--plan", str(folder / "plan.json"), *host]
    ours += ["--run-dir", str(folder)]
    stock = ["-f", str(folder / "stock.py"), "-u", "32", "-r", "32", *host]
    rates: dict[str, list[float]] = {"open-model user": [], "FastHttpUser": []}
    try:
        for number in range(1, rounds + 1):
            rates["open-model user"].append(measure(server, ours, seconds, warm_up))
            rates["FastHttpUser"].append(measure(server, stock, seconds, warm_up))
            print(f"round {number}: " + ", ".join(f"{k} {v[-1]:,.0f}/s" for k, v in rates.items()))
    finally:
        server.terminate()
        server.wait(10)
    median = {name: statistics.median(values) for name, values in rates.items()}
    ratio = median["open-model user"] / median["FastHttpUser"]
    print(
        f"medians: {', '.join(f'{k} {v:,.0f}/s' for k, v in median.items())}; ratio {ratio:.2f}, goal {GOAL}"
    )
    return ratio


if __name__ == "__main__":
    sys.exit(main())
