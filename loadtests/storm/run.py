"""Many storms: in one process or several, with their sum and the first that failed."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker

from msgspec import Struct

from loadtests.storm.outcome import StormOutcome, storm
from loadtests.storm.plan import draw_plan

_CHUNK = 20  # seeds of one job


class StormTotals(Struct):
    """What all storms so far did together."""

    seeds: int = 0
    messages: int = 0
    acknowledged: int = 0
    accepted: int = 0
    processes: int = 0
    occurrences: dict[str, int] = {}
    failed: list[StormOutcome] = []

    def add(self, outcome: StormOutcome) -> None:
        """Count one more."""
        self.seeds += 1
        self.messages += outcome.messages
        self.acknowledged += outcome.acknowledged
        self.accepted += outcome.accepted
        self.processes += outcome.processes
        self.occurrences = dict(Counter(self.occurrences) + Counter(outcome.occurrences))
        if outcome.failed:
            self.failed.append(outcome)


def storms(seeds: range, jobs: int) -> Iterator[StormOutcome]:
    """The outcomes of ``seeds``, in any order. Close the iterator to end early."""
    if jobs == 1:
        for seed in seeds:
            yield storm(draw_plan(seed))
        return
    chunks = iter([seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)])
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield from _spread(pool, chunks, 2 * jobs)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _spread(pool: ProcessPoolExecutor, chunks: Iterator[range], most: int) -> Iterator[StormOutcome]:
    running: set[Future[list[StormOutcome]]] = set()
    more = True
    while more or running:
        while more and len(running) < most:
            chunk = next(chunks, None)
            if chunk is None:
                more = False
            else:
                with _interrupts_left_to_this_process():
                    running.add(pool.submit(_of, chunk))
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for each in done:
            yield from each.result()


@contextmanager
def _interrupts_left_to_this_process() -> Iterator[None]:
    """A process that is started here never gets SIGINT, also not while it starts: Ctrl-C goes to the whole
    group of processes. In this process it is raised after the start: a half-started process would report that
    its parent is gone.
    """
    # A start of the tracker within the block would unblock the signal (Python 3.11 to 3.13).
    resource_tracker.ensure_running()
    came: list[int] = []
    # The mask is that of this thread. Another one may get the signal, and Python handles it in this one.
    handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
    if came:
        raise KeyboardInterrupt


def _of(seeds: Iterable[int]) -> list[StormOutcome]:
    return [storm(draw_plan(seed)) for seed in seeds]
