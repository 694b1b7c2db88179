"""The p99 of OTPs while a burst of marketing messages waits: with priorities, and with one queue in order of
arrival (``smsbench sender --order arrival``).

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/otp_in_burst.py [--burst 20000]

Two senders get the same, one after the other: the burst as one campaign, and from then on OTPs at a fixed
rate until the burst is sent. The route takes ``--capacity`` segments per second. An OTP's time is from its
request until the provider gets it (the provider's journal). Printed is the ratio of the two p99. Exit code 1
if it exceeds ``--limit``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import uvloop
from processes import ServerProcess
from sender_load import OpenLoad, Pool, campaign, percentile, submitted_ns
from sender_processes import OTHERS_CORE, provider_and_sender


async def offer(sender: ServerProcess, options: argparse.Namespace) -> dict[str, int]:
    """The burst and the OTPs; gives when each OTP was sent, by key."""
    bulk, otps = Pool(sender.port, 1), OpenLoad(Pool(sender.port, 16), "otp", "otp")
    taken = await bulk.ask(campaign("burst", 0, options.burst))
    if taken.status != 202:
        raise SystemExit(f"the burst was answered with {taken.status}")
    await otps.run(options.otps_per_s, options.burst / options.capacity)
    if len(otps.acknowledged) != otps.offered:
        raise SystemExit(f"OTPs were answered with {dict(otps.statuses)}")
    await asyncio.sleep(options.otps_per_s / options.capacity * options.burst / options.capacity + 1.0)
    return {key: otps.sent_ns[key] for key in otps.acknowledged}


def times_ms(order: str, options: argparse.Namespace) -> list[float]:
    with tempfile.TemporaryDirectory() as name:
        journal = Path(name) / "provider.arrow"
        limits = f"segments_per_s={options.capacity}&requests_per_s=1000"
        pair = provider_and_sender(Path(name), "--order", order, limits=limits, journal=journal)
        with pair as (_, sender):
            sent_ns = uvloop.run(offer(sender, options))
        arrived_ns = submitted_ns(journal)
    missing = sent_ns.keys() - arrived_ns.keys()
    if missing:
        raise SystemExit(f"{order}: {len(missing)} OTPs did not reach the provider")
    return [(arrived_ns[key] - sent) / 1e6 for key, sent in sent_ns.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--burst", type=int, default=20_000, help="marketing messages")
    parser.add_argument("--capacity", type=float, default=1_000.0, help="segments per second of the route")
    parser.add_argument("--otps-per-s", type=float, default=20.0)
    parser.add_argument("--limit", type=float, default=0.05, help="highest ratio")
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHERS_CORE})
    p99 = {}
    for order in ("priority", "arrival"):
        ms = times_ms(order, options)
        p99[order] = percentile(ms, 0.99)
        print(f"{order:9} p50 {percentile(ms, 0.5):10.1f} ms   p99 {p99[order]:10.1f} ms   {len(ms)} OTPs")
    ratio = p99["priority"] / p99["arrival"]
    print(f"p99, priorities / order of arrival: {ratio:.4f} (at most {options.limit})")
    sys.exit(0 if ratio <= options.limit else 1)


if __name__ == "__main__":
    main()
