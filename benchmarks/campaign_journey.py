"""Messages per second of one campaign, from the first byte of its request to the last delivery report.

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/campaign_journey.py [--messages 100000]

Sender, provider (profile fast) and this client share two cores. Also shown: when the campaign was
acknowledged, the CPU of each process for a message, and the share of the two cores that was used. Each round
has new processes and a new store. The profile delivers within 0.1 to 0.5 s. With ``--one-core`` all processes
share one core. Exit code 1: the median rate is below ``--limit-per-s``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import uvloop
from processes import ServerProcess
from sender_load import Pool, campaign
from sender_processes import provider_and_sender, state

PATIENCE_S = 300.0


class MeasuredCampaign(NamedTuple):
    """One campaign."""

    per_s: float
    acknowledged_per_s: float
    sender_us: float  # CPU for a message
    provider_us: float
    cores: float  # used by both


async def journey(sender: ServerProcess, provider: ServerProcess, messages: int) -> MeasuredCampaign:
    pool = Pool(sender.port, 1)
    body = campaign("c", 0, messages)
    sender_s, provider_s, began_s = sender.cpu_s(), provider.cpu_s(), time.monotonic()
    answer = await pool.ask(body)
    acknowledged_s = time.monotonic() - began_s
    if b'"accepted":%d,' % messages not in answer.body:
        raise SystemExit(f"the campaign was answered with {answer.status}: {answer.body[:200]!r}")
    while (await asyncio.to_thread(state, sender.url))["counters"]["delivered"] < messages:
        if time.monotonic() - began_s > PATIENCE_S:
            raise SystemExit("the campaign does not end")
        await asyncio.sleep(0.05)
    spent_s = time.monotonic() - began_s
    pool.close()
    sender_s, provider_s = sender.cpu_s() - sender_s, provider.cpu_s() - provider_s
    return MeasuredCampaign(
        messages / spent_s,
        messages / acknowledged_s,
        sender_s / messages * 1e6,
        provider_s / messages * 1e6,
        (sender_s + provider_s) / spent_s,
    )


def one_round(messages: int, core: int | None) -> MeasuredCampaign:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        pair = provider_and_sender(directory, journal=directory / "provider.arrow", cores=(core, core))
        with pair as (provider, sender):
            return uvloop.run(journey(sender, provider, messages))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit-per-s", type=float, default=15_000.0, help="lowest median rate")
    parser.add_argument("--one-core", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {0} if options.one_core else {0, 1})
    print("messages/s  acknowledged/s  us CPU/message: sender  provider  cores used")
    rounds = []
    for _ in range(options.rounds):
        rounds.append(one_round(options.messages, 0 if options.one_core else None))
        show(rounds[-1])
    median = MeasuredCampaign(*map(statistics.median, zip(*rounds, strict=True)))
    print(f"median (at least {options.limit_per_s:,.0f}/s):")
    show(median)
    sys.exit(0 if median.per_s >= options.limit_per_s else 1)


def show(found: MeasuredCampaign) -> None:
    print(
        f"{found.per_s:10,.0f} {found.acknowledged_per_s:15,.0f} {found.sender_us:23.1f}"
        f" {found.provider_us:9.1f} {found.cores:11.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
