"""Messages per second through one, two and four senders on one PostgreSQL, and through one on SQLite: a
campaign from its intake to the last delivery report. Also shown: the CPU of each kind of process for a
message.

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/nodes.py [--messages N]

All processes share the cores. Each sender gets an equal part of the campaign, and the reports of its own
messages. With ``--to-one`` one sender gets the whole campaign and all reports. The last column says what
limits the rate: a process that uses a whole core, or all cores together, or waits of the senders for
commits. A run that takes longer than two minutes ends the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))

from postgres_server import running_server  # noqa: E402
from processes import cpu_s, server  # noqa: E402
from sender_processes import TOKEN, provider_command, sender_command, state  # noqa: E402

LIMITS = "segments_per_s=1000000&requests_per_s=10000&max_in_flight=16"
PATIENCE_S = 120.0
_WHOLE_CORE = 0.9  # a process that uses more of one is limited by it


class NodesRun(NamedTuple):
    """One run."""

    messages_per_s: float
    cpu_us: dict[str, float]  # for a message, by kind of process
    cores: float  # used at a time
    busiest: dict[str, float]  # of each kind of process: the cores that the busiest one used


def ask(url: str, body: bytes) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/csv"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=PATIENCE_S) as answer:
        found = json.load(answer)
    assert isinstance(found, dict)
    return found


def campaign(first: int, count: int) -> bytes:
    rows = (f"48{500_000_000 + number},b-{number:08d}" for number in range(first, first + count))
    return ("to,key\n" + "\n".join(rows) + "\n").encode()


def until_final(urls: Sequence[str], count: int) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while sum(state(url)["counters"]["delivered"] for url in urls) < count:
        if time.monotonic() > give_up:
            raise SystemExit("the messages are not final after two minutes")
        time.sleep(0.05)


def until_shared(urls: Sequence[str]) -> None:
    """Wait until the nodes have equal shares of the limits."""
    give_up = time.monotonic() + PATIENCE_S
    while any(state(url)["gauges"]["share"] < 0.99 / len(urls) for url in urls):
        if time.monotonic() > give_up:
            raise SystemExit("the nodes do not share the limits after two minutes")
        time.sleep(0.1)


def measure(store: str, nodes: int, messages: int, to_one: bool, database: Sequence[int]) -> NodesRun:
    with ExitStack() as stack:
        provider = stack.enter_context(server(None, *provider_command()))
        command = list(sender_command(provider, store, LIMITS))
        first = ["--port", str(free_port())]
        if to_one:
            command += ["--public-url", f"http://127.0.0.1:{first[1]}"]
        senders = [
            stack.enter_context(server(None, *command, *(first if n == 0 else ()))) for n in range(nodes)
        ]
        urls = [each.url for each in senders]
        if database:
            until_shared(urls)
        takers = urls[:1] if to_one else urls
        each = messages // len(takers)
        bodies = [campaign(number * each, each) for number in range(len(takers))]
        pids = {
            "senders": [sender.pid for sender in senders],
            "provider": [provider.pid],
            "PostgreSQL": database,
        }
        began_s, before = time.monotonic(), {kind: [cpu_s(pid) for pid in of] for kind, of in pids.items()}

        def post(url: str, body: bytes) -> None:
            taken = ask(f"{url}/v1/campaigns?message_class=marketing&text=Sale", body)
            assert taken["accepted"] == each, taken

        with ThreadPoolExecutor(len(takers)) as threads:
            list(threads.map(post, takers, bodies))
        until_final(urls, each * len(takers))
        spent_s = time.monotonic() - began_s
        used = {
            kind: [cpu_s(pid) - at for pid, at in zip(of, before[kind], strict=True)]
            for kind, of in pids.items()
        }
    count = each * len(takers)
    return NodesRun(
        count / spent_s,
        {kind: 1e6 * sum(spent) / count for kind, spent in used.items()},
        sum(map(sum, used.values())) / spent_s,
        {kind: max(spent, default=0.0) / spent_s for kind, spent in used.items()},
    )


def limited_by(runs: Sequence[NodesRun]) -> str:
    """What limits the rate. The processes of PostgreSQL are several, and the others use one core each."""
    cores = statistics.median(run.cores for run in runs)
    if cores > 0.9 * (os.cpu_count() or 1):
        return "all cores"
    single = {kind: statistics.median(run.busiest[kind] for run in runs) for kind in ("senders", "provider")}
    busiest = max(single, key=lambda kind: single[kind])
    if single[busiest] > _WHOLE_CORE:
        return f"core of the {busiest.removesuffix('s')} ({single[busiest]:.2f})"
    return f"waits (busiest process: {busiest.removesuffix('s')}, {single[busiest]:.2f} of a core)"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="of each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind, one after another")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], help="senders on PostgreSQL")
    parser.add_argument("--to-one", action="store_true", help="one sender gets the campaign and all reports")
    options = parser.parse_args()
    found: dict[str, list[NodesRun]] = {}
    with tempfile.TemporaryDirectory() as directory, running_server() as database:
        for number in range(options.rounds):
            sqlite = f"sqlite:///{directory}/{number}.db"
            found.setdefault("1 on SQLite", []).append(
                measure(sqlite, 1, options.messages, options.to_one, ())
            )
            for nodes in options.nodes:
                url = database.without_store()
                found.setdefault(f"{nodes} on PostgreSQL", []).append(
                    measure(url, nodes, options.messages, options.to_one, [database.pid])
                )
    print(f"{os.cpu_count()} cores, {options.messages:,} messages, median of {options.rounds}")
    print(
        "senders          messages/s  us CPU/message: senders  provider  PostgreSQL  cores used  limited by"
    )
    for name, runs in found.items():
        rate = statistics.median(run.messages_per_s for run in runs)
        cpu = [statistics.median(run.cpu_us[kind] for run in runs) for kind in runs[0].cpu_us]
        cores = statistics.median(run.cores for run in runs)
        figures = f"{name:16} {rate:10,.0f} {cpu[0]:25.0f} {cpu[1]:9.0f} {cpu[2]:11.0f} {cores:11.2f}"
        print(f"{figures}  {limited_by(runs)}")


if __name__ == "__main__":
    main()
