"""Whether the load generator was late, and whether other programs caused it.

A generator that waits for a core while other programs run is not at fault. The samples have for each second
the lag of its messages (``lag_p99_ms``), the lag without the wait for a core (``lag_own_p99_ms``), and the
share of the machine that other programs used (``others_percent``). A second is *disturbed* if the wait
explains at least half of the lag and other programs ran.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.read.gauges import Gauges
from analysis.read.journeys import OUTCOMES, Journeys

GENERATOR_PROCESSES = ("load", "locust", "generator", "worker")  # their names begin with these
CPU_NAMES = ("cpu_percent", "cpu")
OTHERS_PERCENT = 10.0  # of all cores; other programs below it do not explain a lag
EXPLAINED_SHARE = 0.5
# Up to this share of a run, the messages of disturbed seconds are excluded.
SHORT_SHARE = 0.10
SHORT_S = 2.0
# Each worker has a part of the in-flight limit and drops arrivals when that part is used, although other
# workers have room. So from this share on the limit counts as reached.
_REACHED_SHARE = 0.5
_FULL_SHARE = 0.9  # the generator's own delay explains only a few requests in flight


@dataclass(frozen=True)
class ScheduleLag:
    """For each message: ``lag_s`` is sent minus intended (NaN: not sent), ``disturbed`` whether its second
    was disturbed. ``late_cpu_percent``: the most of a core that a process of the generator used in a late
    second or the previous one; NaN without a sample.
    """

    lag_s: Floats
    disturbed: Bools
    disturbed_s: float
    load_s: float
    late_cpu_percent: float = math.nan

    @property
    def short(self) -> bool:
        """Whether the disturbance was short enough to exclude its messages."""
        return self.disturbed_s <= max(SHORT_S, SHORT_SHARE * self.load_s)


def lateness(journeys: Journeys, lag_limit_s: float) -> ScheduleLag:
    """``lag_limit_s``: the limit of the validity check. Only seconds beyond it can be disturbed."""
    load, gauges = journeys.load, Gauges(journeys.samples, journeys.load_end_s)
    lag_s = load.sent_s - load.intended_s
    at_s, lag_ms = gauges.series("load", "lag_p99_ms")
    own_ms = gauges.at("load", "lag_own_p99_ms", at_s)
    others = gauges.at("machine", "others_percent", at_s)
    late = lag_ms > 1000 * lag_limit_s
    explained = late & (lag_ms - own_ms >= EXPLAINED_SHARE * lag_ms) & (others >= OTHERS_PERCENT)
    disturbed: Bools = np.zeros(journeys.count, dtype=np.bool_)
    disturbed_s = 0.0
    begins = np.append(0.0, at_s[:-1]) if len(at_s) else at_s
    for begin, end in zip(begins[explained], at_s[explained], strict=True):
        disturbed |= (load.sent_s > begin) & (load.sent_s <= end)
        disturbed_s += end - begin
    cpu_percent = _most_cpu_percent(gauges, at_s[late])
    return ScheduleLag(lag_s, disturbed, float(disturbed_s), journeys.load_end_s, cpu_percent)


def _most_cpu_percent(gauges: Gauges, late_s: Floats) -> float:
    most = math.nan
    for process in gauges.processes(*GENERATOR_PROCESSES):
        for name in CPU_NAMES:
            instants, values = gauges.series(process, name)
            for end_s in late_s.tolist():
                near = values[(instants > end_s - 2.0) & (instants <= end_s + 1.0)]
                most = float(np.fmax(most, near.max())) if len(near) else most
    return most


def dropped_by_target(journeys: Journeys, in_flight_limit: int, lag_limit_s: float) -> Bools:
    """Arrivals that were dropped because requests that waited for the target reached the in-flight limit.

    This applies if the generator was on time, which the previous message shows, and requests of at least half
    of ``in_flight_limit`` were waiting: each worker has a share of it. It also applies to a late generator if
    nearly the whole limit would have been used without its delay: answers that it read late are counted as
    read on time. The bench dropped all other arrivals. A limit of 0 is not known.
    """
    load = journeys.load
    among: Bools = load.outcome == OUTCOMES.index("dropped")
    if not among.any():
        return among
    sent = np.isfinite(load.sent_s)
    due_of_sent = load.intended_s[sent]
    order = np.argsort(due_of_sent, kind="stable")
    due_of_sent, lag_s = due_of_sent[order], (load.sent_s[sent] - load.intended_s[sent])[order]
    after = np.searchsorted(due_of_sent, load.intended_s, side="right")
    padded_s = np.concatenate(([0.0], lag_s, [0.0]))  # none was sent before the first, or after the last
    before_s, after_s = padded_s[after], padded_s[after + 1]
    late_s = np.maximum(0.0, np.maximum(before_s, after_s))
    at_s = load.intended_s
    taken = _in_flight(journeys, at_s, at_s) >= max(1.0, _REACHED_SHARE * in_flight_limit)
    full = in_flight_limit > 0 and (
        _in_flight(journeys, at_s, at_s + late_s) >= _FULL_SHARE * in_flight_limit
    )
    return among & (((before_s <= lag_limit_s) & taken) | full)


def with_bench_drops(journeys: Journeys, limits: tuple[int, int], lag_limit_s: float) -> Journeys:
    """With the arrivals that the bench dropped, so that they do not count as not taken by the sender.

    ``limits``: the in-flight limit, and the one that the load needs. If the limit is lower, the machine can
    hold no more requests, and a message beyond it may be one that the sender would have taken.
    """
    limit, needed = limits
    waited = dropped_by_target(journeys, limit, lag_limit_s)
    beyond = waited if limit < needed else np.zeros_like(waited)
    return replace(
        journeys, dropped_by_bench=journeys.dropped_at_limit & ~waited, dropped_at_machine_limit=beyond
    )


def _in_flight(journeys: Journeys, sent_until_s: Floats, answered_until_s: Floats) -> Floats:
    """Requests sent by one instant without an answer by another; one without an answer stays in flight to the
    end.
    """
    load = journeys.load
    begun = np.sort(load.sent_s[np.isfinite(load.sent_s)])
    ended = np.sort(load.replied_s[np.isfinite(load.replied_s)])
    in_flight = np.searchsorted(begun, sent_until_s, side="right") - np.searchsorted(
        ended, answered_until_s, side="right"
    )
    return np.asarray(in_flight, dtype=np.float64)
