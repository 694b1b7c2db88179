"""What a message costs in the sender's core, and what it holds in memory while its report is awaited.

Run: ``python -m benchmarks.dispatch_cost [--messages N] [--awaiting N]``. Each message is offered, submitted,
answered and reported delivered. The ratio is to a baseline in the same run that does the minimum of any
dispatcher for each message: queue it, take it, store it by its key, and delete it when its report comes.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import tracemalloc
from collections import deque
from collections.abc import Sequence

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    NS_PER_S,
    Effect,
    Lane,
    Message,
    Outcome,
    Report,
    Result,
    RouteLimits,
    State,
    SubmitBatch,
)

ROUNDS = 3
UNLIMITED = RouteLimits(
    "a", 1e9, 1e9, 1e9, 1e9, max_batch=100, max_in_flight=64, idempotency_window_s=86_400.0
)


def messages(count: int) -> list[Message]:
    return [
        Message(
            number,
            f"4f2a-{number:07d}",
            "48100200300",
            "Your parcel is on its way",
            Lane.TRANSACTIONAL,
            "Shop",
            "parcels",
            1,
            NS_PER_S,
            NS_PER_S * 86_400,
        )
        for number in range(count)
    ]


def answers(batch: Sequence[Message]) -> list[Result]:
    return [Result(Outcome.ACCEPTED, provider_id=f"1{each.message_id:018d}") for each in batch]


def reports(batch: Sequence[Message]) -> list[Report]:
    return [Report(f"1{each.message_id:018d}", each.key, State.DELIVERED, "") for each in batch]


def through_dispatcher(batches: list[tuple[list[Message], list[Result], list[Report]]]) -> float:
    """Seconds for all ``batches``, one after the other."""
    core = Dispatcher(DispatchSettings(), (UNLIMITED,), seed=1)
    ended = 0
    now_ns = NS_PER_S
    begun = time.perf_counter()
    for offered, answer, report in batches:
        now_ns += 1_000_000
        effects: Sequence[Effect] = core.offer(now_ns, offered)
        for effect in effects:
            if isinstance(effect, SubmitBatch):
                core.answered(now_ns, effect.batch_id, answer)
        ended += len(core.reported(now_ns, report))
        core.next_deadline()
    seconds = time.perf_counter() - begun
    assert ended == sum(len(offered) for offered, _, _ in batches)
    return seconds


def through_baseline(batches: list[tuple[list[Message], list[Result], list[Report]]]) -> float:
    """Seconds for the least a dispatcher must do."""
    queue: deque[Message] = deque()
    awaited: dict[str, str | None] = {}
    begun = time.perf_counter()
    for offered, answer, report in batches:
        queue.extend(offered)
        for result in answer:
            awaited[queue.popleft().key] = result.provider_id
        for each in report:
            if each.key is not None:
                del awaited[each.key]
    return time.perf_counter() - begun


def cost(count: int, batch_size: int) -> dict[str, float]:
    """Microseconds a message, the best of a few rounds, and the ratio to the baseline."""
    made = messages(count)
    cut = [made[start : start + batch_size] for start in range(0, count, batch_size)]
    batches = [(each, answers(each), reports(each)) for each in cut]
    ours = min(through_dispatcher(batches) for _ in range(ROUNDS)) / count * 1e6
    least = min(through_baseline(batches) for _ in range(ROUNDS)) / count * 1e6
    return {
        "batch": batch_size,
        "us_a_message": round(ours, 2),
        "baseline_us": round(least, 3),
        "ratio": round(ours / least, 1),
    }


def memory(count: int) -> dict[str, float]:
    """Bytes a message that awaits its report, its key and provider id included."""
    core = Dispatcher(DispatchSettings(), (UNLIMITED,), seed=1)
    gc.collect()
    tracemalloc.start()
    now_ns = NS_PER_S
    for start in range(0, count, 100):
        now_ns += 1_000_000
        batch = [
            Message(
                number + 10**6,
                f"4f2a-{number:07d}",
                "481",
                "Hi",
                Lane.MARKETING,
                "Shop",
                "c",
                1,
                now_ns,
                10**15,
            )
            for number in range(start, start + 100)
        ]
        for effect in core.offer(now_ns, batch):
            if isinstance(effect, SubmitBatch):
                core.answered(now_ns, effect.batch_id, answers(effect.messages))
    del batch, effect
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert core.state(now_ns).awaiting_report == count
    return {
        "awaiting": count,
        "bytes_a_message": round(held / count, 1),
        "held_mb": round(held / 1e6, 1),
        "peak_mb": round(peak / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--awaiting", type=int, default=500_000)
    arguments = parser.parse_args()
    for batch_size in (1, 10, 100):
        print(json.dumps(cost(arguments.messages, batch_size)))
    print(json.dumps(memory(arguments.awaiting)))


if __name__ == "__main__":
    main()
