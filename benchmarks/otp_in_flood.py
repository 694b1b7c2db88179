"""How long an OTP takes from the sender's intake to the provider: alone, in a flood of single messages,
and in a flood of campaigns, far above what the provider accepts.

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/otp_in_flood.py [--capacity N] [--times N]

The route's limit is the ``--capacity``, in segments per second. A flood of marketing messages is offered at
``--times`` the capacity by a schedule: as single messages over ``--connections`` connections, then as
campaigns of ``--rows`` messages. By default that is 14,700 messages per second, more single messages than one
sender can read. OTPs are offered at the same time on separate connections. An OTP's time is from its request
(the load begins to write it) until the provider gets it (its journal). All times share one clock. The
sender has core 0; the load and the provider (profile fast) share core 1.

The OTPs come from a process of their own, so that the flood's load does not delay them. ``lag p99`` is the
time between an OTP's due instant and its request: the load's own delay, in no figure. Exit code 1 if p99 in
a flood exceeds ``--limit-ms``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import uvloop
from processes import ServerProcess
from sender_load import OpenLoad, Pool, campaign, percentile, submitted_ns
from sender_processes import OTHERS_CORE, TOKEN, provider_and_sender

PHASES = ("quiet", "flood of singles", "flood of campaigns")


class Otps(NamedTuple):
    """What one process of OTPs did."""

    sent_ns: dict[str, int]  # of the acknowledged ones, by key
    offered: int
    late_ns: list[int]


class FloodPhase(NamedTuple):
    """One phase: its OTPs, what was offered at the same time, and the sender's load."""

    name: str
    otps: Otps
    offered_per_s: float
    accepted_per_s: float
    cores: float  # used by the sender
    worst: Mapping[str, float]  # of the sender's gauges


async def flood_of_campaigns(pool: Pool, name: str, per_s: float, rows: int, seconds: float) -> int:
    """Campaigns at a fixed rate; gives the number of accepted messages."""
    loop = asyncio.get_running_loop()
    began, every_s, accepted, answers = loop.time(), rows / per_s, 0, []
    for n in range(max(1, int(seconds / every_s))):
        await asyncio.sleep(max(0.0, began + n * every_s - loop.time()))
        answers.append(pool.ask(campaign(f"{name}{n}", n * rows, rows)))
    for answer in answers:
        reply = await answer
        accepted += int(reply.body.partition(b'"accepted":')[2].partition(b",")[0] or b"0")
    return accepted


async def offer_otps(port: int, name: str, per_s: float, seconds: float) -> None:
    """Offer OTPs, and print what became of them."""
    load = OpenLoad(Pool(port, 16), name, "otp")
    await load.run(per_s, seconds)
    sent_ns = {key: load.sent_ns[key] for key in load.acknowledged}
    print(json.dumps(Otps(sent_ns, load.offered, load.late_ns)))


async def otps_of_a_process(port: int, name: str, per_s: float, seconds: float) -> Otps:
    """As ``offer_otps``, in a process."""
    arguments = [__file__, "--offer-otps", str(port), name, str(per_s), str(seconds)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return Otps(*json.loads(output))


GAUGES = ("commit_ms", "loop_lag_ms", "loop_core_wait_ms")


async def worst_gauges(pool: Pool) -> dict[str, float]:
    """The highest values of some gauges of the sender until it is cancelled. A gauge covers a second."""
    worst = dict.fromkeys(GAUGES, 0.0)
    request = f"GET /v1/state HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    try:
        while True:
            await asyncio.sleep(0.9)
            gauges = json.loads((await pool.ask(request)).body)["gauges"]
            worst = {name: max(value, gauges[name]) for name, value in worst.items()}
    except asyncio.CancelledError:
        return worst


async def measure(sender: ServerProcess, options: argparse.Namespace) -> list[FloodPhase]:
    found = []
    flood_per_s = options.capacity * options.times
    gauge_pool = Pool(sender.port, 1)
    flood_pool = Pool(sender.port, options.connections)
    for number, name in enumerate(PHASES):
        loop = asyncio.get_running_loop()
        began_s, cpu_s = loop.time(), sender.cpu_s()
        gauging = loop.create_task(worst_gauges(gauge_pool))
        offered = accepted = 0
        offering = loop.create_task(
            otps_of_a_process(sender.port, f"otp{number}", options.otps_per_s, options.seconds)
        )
        if name == "flood of singles":
            bulk = OpenLoad(flood_pool, "bulk", "marketing")
            await bulk.run(flood_per_s, options.seconds)
            offered, accepted = bulk.offered, len(bulk.acknowledged)
        elif name == "flood of campaigns":
            accepted = await flood_of_campaigns(flood_pool, "c", flood_per_s, options.rows, options.seconds)
            offered = int(flood_per_s * options.seconds)
        otps = await offering
        spent_s = loop.time() - began_s
        gauging.cancel()
        cores = (sender.cpu_s() - cpu_s) / spent_s
        found.append(
            FloodPhase(name, otps, offered / options.seconds, accepted / spent_s, cores, await gauging)
        )
        await asyncio.sleep(0.5)
    flood_pool.close()
    return found


def show(phases: list[FloodPhase], arrived_ns: dict[str, int], limit_ms: float) -> bool:
    """Print the figures. True if p99 is within the limit in all phases."""
    within = True
    print(
        "OTPs: intake to provider   p50 ms   p99 ms   max ms      n  bulk/s offered  accepted  cores  lag p99"
    )
    for phase in phases:
        otps = phase.otps
        arrived = sum(key in arrived_ns for key in otps.sent_ns)
        if not otps.offered == len(otps.sent_ns) == arrived:
            raise SystemExit(
                f"{phase.name}: of {otps.offered} OTPs {len(otps.sent_ns)} acknowledged, {arrived} arrived"
            )
        ms = [(arrived_ns[key] - sent_ns) / 1e6 for key, sent_ns in otps.sent_ns.items()]
        p50, p99 = percentile(ms, 0.5), percentile(ms, 0.99)
        lag = percentile(otps.late_ns, 0.99) / 1e6
        print(
            f"{phase.name:24} {p50:8.1f} {p99:8.1f} {max(ms):8.1f} {len(ms):6} {phase.offered_per_s:15,.0f}"
            f" {phase.accepted_per_s:9,.0f} {phase.cores:6.2f} {lag:8.1f}"
        )
        print("   sender's worst:", ", ".join(f"{name} {value:,.0f}" for name, value in phase.worst.items()))
        within = within and p99 <= limit_ms
    return within


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--capacity", type=float, default=60.0, help="segments per second of the route")
    parser.add_argument("--times", type=float, default=245.0, help="of the capacity: the flood")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each phase")
    parser.add_argument("--otps-per-s", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=3_000, help="of the flood")
    parser.add_argument("--rows", type=int, default=10_000, help="of each campaign")
    parser.add_argument("--limit-ms", type=float, default=100.0)
    parser.add_argument("--offer-otps", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.offer_otps:
        port, name, per_s, seconds = options.offer_otps
        uvloop.run(offer_otps(int(port), name, float(per_s), float(seconds)))
        return
    os.sched_setaffinity(0, {OTHERS_CORE})
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        journal = directory / "provider.arrow"
        limits = f"segments_per_s={options.capacity}&requests_per_s=100"
        with provider_and_sender(directory, limits=limits, journal=journal) as (_, sender):
            phases = uvloop.run(measure(sender, options))
        within = show(phases, submitted_ns(journal), options.limit_ms)
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
