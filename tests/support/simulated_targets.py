"""Simulated targets of known capacity, and a whole capacity search of one in virtual time.

A target takes the instants of the arrivals and gives those at which the messages are through. A trial is
judged as a real one is: by ``analysis.measure.steady`` and by an objective on the delay.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable

import numpy as np

from analysis.arrays import Floats
from analysis.measure.steady import steady
from loadtests.arrivals import instants_ns
from loadtests.capacity.bracket import SearchSettings, TrialResult
from loadtests.capacity.search import NextTrial, SearchEnd, next_step
from loadtests.capacity.trial_load import trial_process

ModelTarget = Callable[[Floats, np.random.Generator], Floats]


def token_bucket(rate_per_s: float, burst: float) -> ModelTarget:
    """First come, first served, through a bucket that is full at first."""

    def serve(due_s: Floats, chance: np.random.Generator) -> Floats:
        # GCRA: each message moves the theoretical arrival time on by 1 / rate.
        place = np.arange(len(due_s)) / rate_per_s
        theoretical_s = np.maximum.accumulate(due_s - place) + place
        through: Floats = np.maximum(due_s, theoretical_s - (burst - 1) / rate_per_s)
        return through

    return serve


def servers(count: int, each_per_s: float) -> ModelTarget:
    """M/M/c: exponential times of service."""

    def serve(due_s: Floats, chance: np.random.Generator) -> Floats:
        free_s = [0.0] * count
        took_s = chance.exponential(1.0 / each_per_s, len(due_s))
        through = []
        for arrival_s, each_s in zip(due_s.tolist(), took_s.tolist(), strict=True):
            done_s = max(arrival_s, heapq.heappop(free_s)) + each_s
            heapq.heappush(free_s, done_s)
            through.append(done_s)
        return np.array(through)

    return serve


def collapsing(rate_per_s: float, queue: int, collapsed_per_s: float) -> ModelTarget:
    """Beyond ``queue`` waiting messages it does no more than ``collapsed_per_s``."""

    def serve(due_s: Floats, chance: np.random.Generator) -> Floats:
        arrivals_s, through = due_s.tolist(), []  # numbers of Python: it takes one at a time
        at_s = 0.0
        for index, arrival_s in enumerate(arrivals_s):
            begins_s = max(arrival_s, at_s)
            waiting = bisect_left(arrivals_s, begins_s) - index
            at_s = begins_s + 1.0 / (collapsed_per_s if waiting > queue else rate_per_s)
            through.append(at_s)
        return np.array(through)

    return serve


def noisy(rate_per_s: float, share: float) -> ModelTarget:
    """Its capacity is another one in each trial: normal, with a standard deviation of ``share``."""

    def serve(due_s: Floats, chance: np.random.Generator) -> Floats:
        return token_bucket(rate_per_s * (1 + share * chance.normal()), 10)(due_s, chance)

    return serve


def slow_above(rate_per_s: float, delay_s: float = 2.0) -> ModelTarget:
    """Its limit is a delay: it sends every message on, after ``delay_s`` if more than the rate comes in."""

    def serve(due_s: Floats, chance: np.random.Generator) -> Floats:
        offered_per_s = len(due_s) / float(due_s[-1])
        through: Floats = due_s + (delay_s if offered_per_s > rate_per_s else 0.02)
        return through

    return serve


def unlimited(due_s: Floats, chance: np.random.Generator) -> Floats:
    through: Floats = due_s + 0.02
    return through


def takes_nothing(due_s: Floats, chance: np.random.Generator) -> Floats:
    return np.full_like(due_s, np.nan)


def search(
    target: ModelTarget,
    settings: SearchSettings,
    seed: int = 1,
    limit_s: float = 0.5,
    percentile: float = 95.0,
) -> tuple[list[TrialResult], SearchEnd]:
    """A whole search. The objective: ``percentile`` % within ``limit_s``."""
    trials: list[TrialResult] = []
    while True:
        step = next_step(settings, trials)
        if isinstance(step, SearchEnd):
            return trials, step
        trials.append(trial(target, step, seed + len(trials), limit_s, percentile))
        assert len(trials) <= 50, "the search does not end"


def trial(target: ModelTarget, step: NextTrial, seed: int, limit_s: float, percentile: float) -> TrialResult:
    due_ns = instants_ns(trial_process(step.rate_per_s, step.load_s, "poisson"), seed)
    due_s: Floats = (due_ns * 1e-9).astype(np.float64)
    through_s = target(due_s, np.random.default_rng(seed))
    found = steady(due_s, through_s, step.load_s)
    wait_s = np.where(np.isfinite(through_s), through_s - due_s, np.inf)
    late = bool(np.percentile(wait_s, percentile, method="higher") > limit_s)
    sustained = None if found is None else found.sustained
    missed = late or sustained is False
    undecided = not missed and sustained is None
    through = (0.0, 0.0, 0.0, 0.0)
    if found is not None:
        through = (found.through_per_s, found.through_low_per_s, found.through_high_per_s, found.reserve)
    return TrialResult(
        rate_per_s=step.rate_per_s,
        load_s=step.load_s,
        verdict="missed" if missed else "undecided" if undecided else "met",
        sustained=sustained,
        through_per_s=through[0],
        through_low_per_s=through[1],
        through_high_per_s=through[2],
        through_error_per_s=found.through_error_per_s if found is not None else 0.0,
        reserve=through[3],
    )
