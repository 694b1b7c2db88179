"""What one message costs the provider's engine, from its submit to its confirmed report, in virtual time.

    .venv/bin/python benchmarks/engine_cost.py [--messages N]

The same run measures the time to push and pop one heap entry. Compare the ratio between machines.
"""

from __future__ import annotations

import argparse
import heapq
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mock_provider.engine import Engine
from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.values import Effect, Outbound, ReportsWanted, SendReports, Submit, SubmitOptions
from mock_provider.profiles import Profile, load_profile, with_token

OPTIONS = SubmitOptions(refuse_duplicates=True)
REPORTS = ReportsWanted("http://127.0.0.1/dlr")
RATE_PER_S = 80  # below the limits of the profiles, so that every message becomes final


def requests(count: int) -> list[tuple[int, Submit]]:
    """Instants and submits, one message each, with client reference and report URL."""
    made = []
    for n in range(count):
        key = f"4f2a-{n:07d}"
        outbound = Outbound(f"48600{n:06d}", f"48600{n:06d}", f"Your code is {n:06d}", 1, key, key)
        submit = Submit(n, "smsapi", "t", "Test", (outbound,), options=OPTIONS, reports=REPORTS)
        made.append((n * NS_PER_S // RATE_PER_S, submit))
    return made


def confirm(engine: Engine, now_ns: int, effects: Sequence[Effect]) -> None:
    for effect in effects:
        if type(effect) is SendReports:
            engine.reports_answered(now_ns, effect.batch_id, True)


def run(profile: Profile, count: int) -> tuple[float, int]:
    """Seconds of CPU for all messages, and how many were closed.

    Drives the engine itself: ``VirtualDriver`` makes ten more calls for each message.
    """
    made = requests(count)
    engine = Engine(profile, seed=1)
    started = time.process_time()
    for now_ns, submit in made:
        while (due_ns := engine.next_due()) is not None and due_ns <= now_ns:
            confirm(engine, due_ns, engine.advance(due_ns))
        confirm(engine, now_ns, engine.submit(now_ns, submit))
        if submit.request_id % 4096 == 0:
            engine.take_rows()
    while (due_ns := engine.next_due()) is not None:
        confirm(engine, due_ns, engine.advance(due_ns))
    engine.take_rows()
    return time.process_time() - started, engine.state().counters["closed"]


def heap_baseline(count: int, depth: int) -> float:
    heap = [(n * 7919 % 1_000_003, n) for n in range(depth)]
    heapq.heapify(heap)
    started = time.process_time()
    for n in range(count):
        heapq.heappush(heap, (n * 7919 % 1_000_003, depth + n))
        heapq.heappop(heap)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    count = parser.parse_args().messages
    baseline_us = heap_baseline(count, 1_000) / count * 1e6
    print(f"heap push and pop: {baseline_us:.2f} us")
    for name in ("fast", "smsapi"):
        seconds, closed = run(with_token(load_profile(name), "t"), count)
        cost_us = seconds / count * 1e6
        print(
            f"{name}: {cost_us:.1f} us a message ({cost_us / baseline_us:.0f} heap steps), "
            f"{closed} of {count} closed"
        )
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
