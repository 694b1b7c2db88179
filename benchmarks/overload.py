"""Ten times the contract for a minute: what the sender refuses, what it holds in memory, what OTPs take, and
whether every acknowledged message is kept.

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/overload.py [--seconds 60]

The route takes ``--capacity`` segments per second, and the sender holds ``--max-backlog`` messages. Marketing
messages are offered at ``--times`` the capacity by a schedule, whatever the answers. At the same time OTPs
are offered at a tenth of the capacity. Afterwards the sender sends its backlog. Each message that got 202
must be delivered according to the sender's store, and be in the provider's journal once. Memory is the
sender's resident set. The OTPs' objective counts their time from the request until the provider gets them.
Exit code 1 if something is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import uvloop
from processes import ServerProcess
from sender_load import OpenLoad, Pool, percentile, submitted_ns
from sender_processes import OTHERS_CORE, provider_and_sender, state

_REFUSALS = {429, 503}
DRAIN_S = 180.0


class Overload(NamedTuple):
    """What was offered and answered, and the sender's memory once a second."""

    bulk: OpenLoad
    otps: OpenLoad
    rss_mib: list[float]


async def overload(sender: ServerProcess, options: argparse.Namespace) -> Overload:
    loop = asyncio.get_running_loop()
    bulk = OpenLoad(Pool(sender.port, options.connections), "bulk", "marketing")
    otps = OpenLoad(Pool(sender.port, 64), "otp", "otp")
    rss_mib = [sender.rss_mib()]

    async def sample() -> None:
        while True:
            await asyncio.sleep(min(1.0, options.seconds / 10))
            rss_mib.append(sender.rss_mib())

    sampling = loop.create_task(sample())
    await asyncio.gather(
        bulk.run(options.capacity * options.times, options.seconds),
        otps.run(options.capacity / 10, options.seconds),
    )
    sampling.cancel()
    return Overload(bulk, otps, rss_mib)


async def until_drained(url: str) -> None:
    give_up = asyncio.get_running_loop().time() + DRAIN_S
    while (await asyncio.to_thread(state, url))["open"]:
        if asyncio.get_running_loop().time() > give_up:
            raise SystemExit("the backlog is not worked off")
        await asyncio.sleep(0.2)


def stored_states(store: Path) -> dict[str, str]:
    with closing(sqlite3.connect(store)) as connection:
        rows = "SELECT m.key, p.state FROM message m LEFT JOIN progress p ON p.id = m.id"
        return dict(connection.execute(rows).fetchall())


def judge(
    found: Overload, states: dict[str, str], arrived_ns: dict[str, int], options: argparse.Namespace
) -> list[str]:
    """Print the figures; gives what was missed."""
    bulk, otps, rss = found
    missed = []
    for name, load in (("marketing", bulk), ("OTP", otps)):
        answers = ", ".join(f"{count:,} {status}" for status, count in sorted(load.statuses.items(), key=str))
        print(f"{name:10} {load.offered / options.seconds:8,.0f}/s offered; answers: {answers}")
        if set(load.statuses) - _REFUSALS - {202}:
            missed.append(f"{name}: answers other than 202, 429 and 503")
        if load.refusals_without_retry_after:
            missed.append(f"{name}: {load.refusals_without_retry_after} refusals without Retry-After")
    if len(otps.acknowledged) < otps.offered:
        missed.append("OTPs were refused")
    if not _REFUSALS & set(bulk.statuses):
        missed.append("no message was refused: this was no overload")
    acknowledged = [*bulk.acknowledged, *otps.acknowledged]
    lost = [key for key in acknowledged if states.get(key) != "delivered" or key not in arrived_ns]
    print(f"kept       {len(acknowledged) - len(lost):,} of {len(acknowledged):,} acknowledged delivered")
    if lost:
        missed.append(f"{len(lost)} acknowledged messages are not delivered, such as {lost[0]}")
    unasked = len(arrived_ns.keys() - set(acknowledged))
    if unasked:
        missed.append(f"{unasked} messages were submitted and not acknowledged")
    ms = [(arrived_ns[key] - otps.sent_ns[key]) / 1e6 for key in otps.acknowledged if key in arrived_ns]
    p99 = percentile(ms, 0.99)
    print(f"OTPs       p50 {percentile(ms, 0.5):.1f} ms, p99 {p99:.1f} ms (at most {options.limit_ms:g})")
    if p99 > options.limit_ms:
        missed.append("OTP p99")
    half = len(rss) // 2
    growth = max(rss[half:]) - max(rss[:half])
    print(
        f"memory     {rss[0]:.0f} MiB before, {max(rss[:half]):.0f} at most in the first half, "
        f"{max(rss[half:]):.0f} in the second (growth at most {options.growth_mib:g})"
    )
    if growth > options.growth_mib:
        missed.append("memory")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--capacity", type=float, default=500.0, help="segments per second of the route")
    parser.add_argument("--times", type=float, default=10.0, help="of the capacity: the load")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--max-backlog", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=512, help="of the marketing messages")
    parser.add_argument("--limit-ms", type=float, default=1_000.0, help="the OTPs' objective, p99")
    parser.add_argument("--growth-mib", type=float, default=32.0)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHERS_CORE})
    with tempfile.TemporaryDirectory() as name:
        journal = Path(name) / "provider.arrow"
        limits = f"segments_per_s={options.capacity}&requests_per_s=1000"
        backlog = ("--max-backlog", str(options.max_backlog))
        with provider_and_sender(Path(name), *backlog, limits=limits, journal=journal) as (_, sender):
            found = uvloop.run(overload(sender, options))
            uvloop.run(until_drained(sender.url))
        missed = judge(found, stored_states(Path(name) / "sender.db"), submitted_ns(journal), options)
    for each in missed:
        print(f"missed: {each}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
