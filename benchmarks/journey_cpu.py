"""The sender's CPU for a message, from intake to delivery report, in this checkout and in another one.

    git worktree add ../before eeb977bc
    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/journey_cpu.py --other ../before \\
        --other-class-field class

Single messages at a fixed rate by a schedule, then a campaign. Each round runs both checkouts, one after the
other, each with a new store, and takes the ratio; the order changes from round to round. Provider (profile
fast) and load are those of this checkout. The sender has core 0, the others core 1. Counted is the CPU time
of the sender's process, user and system, until the last report. Exit code 1: a median ratio is above
``--limit``. Without ``--other`` the figures of this checkout are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from pathlib import Path

import uvloop
from processes import ROOT, ServerProcess
from sender_load import CLASS_FIELD, OpenLoad, Pool, campaign
from sender_processes import OTHERS_CORE, provider_and_sender, state

KINDS = ("single messages", "campaign")


async def until_delivered(url: str, count: int) -> None:
    give_up = asyncio.get_running_loop().time() + 120
    while (await asyncio.to_thread(state, url))["counters"]["delivered"] < count:
        if asyncio.get_running_loop().time() > give_up:
            raise SystemExit(f"{count} messages are not delivered after two minutes")
        await asyncio.sleep(0.2)


async def costs_us(sender: ServerProcess, class_field: str, options: argparse.Namespace) -> list[float]:
    """Microseconds of CPU for a message, by kind."""
    singles = OpenLoad(Pool(sender.port, 64), "s", "transactional", class_field)
    await singles.run(options.per_s, 1.0)  # warm-up
    await until_delivered(sender.url, singles.offered)
    before_s, count = sender.cpu_s(), singles.offered
    await singles.run(options.per_s, options.seconds)
    await until_delivered(sender.url, singles.offered)
    found = [1e6 * (sender.cpu_s() - before_s) / (singles.offered - count)]
    if set(singles.statuses) != {202}:
        raise SystemExit(f"answers: {dict(singles.statuses)}")
    before_s = sender.cpu_s()
    await Pool(sender.port, 1).ask(campaign("c", 0, options.campaign, class_field))
    await until_delivered(sender.url, singles.offered + options.campaign)
    return [*found, 1e6 * (sender.cpu_s() - before_s) / options.campaign]


def measure(root: Path, options: argparse.Namespace) -> list[float]:
    class_field = CLASS_FIELD if root == ROOT else options.other_class_field
    with tempfile.TemporaryDirectory() as name:
        pair = provider_and_sender(Path(name), journal=Path(name) / "provider.arrow", root=root)
        with pair as (_, sender):
            return uvloop.run(costs_us(sender, class_field, options))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--other", type=Path, help="the root of another checkout")
    parser.add_argument("--other-class-field", default=CLASS_FIELD, help="the field's name in the other API")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of single messages")
    parser.add_argument("--per-s", type=float, default=2_000.0, help="single messages per second")
    parser.add_argument("--campaign", type=int, default=50_000, help="messages of the campaign")
    parser.add_argument("--limit", type=float, default=1.0, help="highest ratio, this to the other")
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHERS_CORE})
    roots = {"this": ROOT} | ({} if options.other is None else {"other": options.other.resolve()})
    found: dict[str, list[list[float]]] = {name: [] for name in roots}
    for number in range(options.rounds):
        for name in sorted(roots, reverse=bool(number % 2)):
            found[name].append(measure(roots[name], options))
            print(
                name, " ".join(f"{kind} {us:.1f} us" for kind, us in zip(KINDS, found[name][-1], strict=True))
            )
            sys.stdout.flush()
    above = False
    for index, kind in enumerate(KINDS):
        medians = {name: statistics.median(each[index] for each in rounds) for name, rounds in found.items()}
        costs = ", ".join(f"{name} {us:.1f} us" for name, us in medians.items())
        if options.other is not None:
            pairs = zip(found["this"], found["other"], strict=True)
            ratio = statistics.median(this[index] / other[index] for this, other in pairs)
            above = above or ratio > options.limit
            costs += f", ratio {ratio:.3f} (at most {options.limit:g})"
        print(f"{kind}: {costs}")
    sys.exit(1 if above else 0)


if __name__ == "__main__":
    main()
