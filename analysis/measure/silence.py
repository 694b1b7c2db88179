"""When the sender's API answered nothing although requests waited for it, and whether it did to the end.

A silence is the time between two signs of its API in which at least ``FEWEST`` requests had no answer for
over ``SILENT_S``: they waited, or they failed at once. A sign is an answer, or a message that the provider
saw before its request was answered: a sender that calls the provider first works on requests that timed out.
Messages that it had accepted before are no sign: another part of it may forward them. A time in which they
waited is left out if it is no longer than ``USUAL_TIMES`` the usual answer, or if the bench or the machine
explains it: the load generator was late, the mock provider was late, or the sender's process was ready and
had no core. Requests that failed at once are explained by a late load generator only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.read.columns import ABSENT
from analysis.read.gauges import Gauges
from analysis.read.journeys import OUTCOMES, Journeys

SILENT_S = 1.0
FEWEST = 5  # requests that wait
USUAL_TIMES = 2.0  # times the answer that a quarter of the requests get sooner
EXPLAINED_SHARE = 0.5
SEEN_SHARE = 0.1  # a sender that still forwards this share of the messages works, and answers too late
GONE_S = 2.5  # a process without samples for longer, while others are sampled, has ended
_HARDLY = 0.1  # of the share that was accepted in the whole load
_END_S = 10.0
_EDGE_S = 0.5  # around a silence, in which a sender may still forward what it had begun, or forward again
SENDER_PROCESSES = ("sender", "target")
WAITED_ERRORS = ("timeout", "stopped before an answer")  # of ``load.arrow``: the request waited for an answer


@dataclass(frozen=True)
class Silence:
    """``waited``: the requests waited for an answer; otherwise they failed at once. ``gone``: the sender's
    processes that were sampled had ended when the next answer came.
    """

    from_s: float
    to_s: float  # the next answer; if they failed at once, the next request with an answer
    waiting: int  # requests without an answer for over SILENT_S when it came
    waited: bool
    gone: bool
    forwarded: int  # messages that the provider saw meanwhile


@dataclass(frozen=True)
class Stop:
    """From then on the sender answered no message of the load. ``waited``: requests waited for an answer;
    otherwise they failed at once. ``gone``: the sender's processes have ended.
    """

    at_s: float
    messages: int
    waited: bool
    gone: bool
    forwarded: int  # messages that the provider saw until the end of the load: accepted before


def silences(journeys: Journeys) -> tuple[Silence, ...]:
    load = journeys.load
    sent: Bools = np.isfinite(load.sent_s)
    answered: Bools = sent & np.isfinite(load.replied_s)
    answers_s = np.sort(load.replied_s[answered])
    if not len(answers_s):
        return ()
    begun_s, never_s = np.sort(load.sent_s[sent]), np.sort(load.sent_s[sent & ~answered])
    signs_s = np.sort(np.append(answers_s, _works_s(journeys)))
    before_s, after_s = np.append(-np.inf, signs_s[:-1]), signs_s
    long = np.flatnonzero(after_s - before_s > SILENT_S)
    before_s, after_s = before_s[long], after_s[long]
    # Between the two signs there is no answer, so all that were answered by the first were sent before it.
    done: Ints = np.searchsorted(answers_s, before_s, side="right") + np.searchsorted(never_s, before_s)
    waiting = np.searchsorted(begun_s, after_s - SILENT_S, side="right") - done
    usual_s = float(np.quantile((load.replied_s - load.sent_s)[answered], 0.25))
    gauges = Gauges(journeys.samples, journeys.load_end_s)
    found = []
    for place in np.flatnonzero(waiting >= FEWEST).tolist():
        low_s, high_s = float(before_s[place]), float(after_s[place])
        still = sent & (load.sent_s < high_s) & ~(load.replied_s <= low_s)
        still &= answered | (load.sent_s >= low_s)
        from_s = max(low_s, float(load.sent_s[still].min()))
        waited = _waited(journeys, still & (load.sent_s <= high_s - SILENT_S), gauges, from_s, high_s)
        least_s = max(SILENT_S, USUAL_TIMES * usual_s) if waited else SILENT_S
        to_s = high_s
        if not waited:
            from_s, to_s = _absence(journeys, low_s, high_s)
        if to_s - from_s > least_s and not explained(journeys, from_s, to_s, waited):
            gone = _process_is_gone(gauges) and _last_sample_s(gauges) < to_s
            forwarded = _forwarded(journeys, from_s, to_s)
            found.append(Silence(from_s, to_s, int(waiting[place]), waited, gone, forwarded))
    return tuple(found)


def _works_s(journeys: Journeys) -> Floats:
    """The instants in the load at which the provider saw a message whose request had no answer yet, and had
    not failed at once.
    """
    load, seen_s = journeys.load, journeys.provider.submitted_s
    named = [place for place, name in enumerate(load.error_names) if name in WAITED_ERRORS]
    waited: Bools = (load.error == ABSENT) | np.isin(load.error, named)
    open_: Bools = waited & np.isfinite(load.sent_s) & ~(load.replied_s <= seen_s)
    instants: Floats = seen_s[open_ & (seen_s <= journeys.load_end_s)]
    return instants


def _forwarded(journeys: Journeys, from_s: float, to_s: float) -> int:
    seen_s = journeys.provider.submitted_s
    return int(np.count_nonzero((seen_s > from_s + _EDGE_S) & (seen_s < to_s - _EDGE_S)))


def _absence(journeys: Journeys, low_s: float, high_s: float) -> tuple[float, float]:
    """From the first request that failed to the next that did not, around the time between two answers."""
    load = journeys.load
    answered: Bools = np.isfinite(load.replied_s)
    good_s = load.sent_s[answered & (load.replied_s <= low_s)].max(initial=-np.inf)
    failed: Bools = ~answered & (load.sent_s > good_s) & (load.sent_s < high_s)
    from_s = float(load.sent_s[failed].min())
    return from_s, float(load.sent_s[answered & (load.sent_s > from_s)].min(initial=high_s))


def _waited(journeys: Journeys, chosen: Bools, gauges: Gauges, from_s: float, to_s: float) -> bool:
    """Whether most of these messages waited for an answer in this time, and did not fail at once.

    Their errors show it. If those are not known, the samples of the requests in flight do.
    """
    load, most = journeys.load, int(np.count_nonzero(chosen)) / 2
    dropped = chosen & journeys.dropped_at_limit
    failed = chosen & (load.outcome == OUTCOMES.index("failed"))
    timeouts = [place for place, name in enumerate(load.error_names) if name in WAITED_ERRORS]
    timed_out = failed & np.isin(load.error, timeouts)
    if np.count_nonzero(failed & (load.error != ABSENT) & ~timed_out) > most:
        return False
    if np.count_nonzero(timed_out | (chosen & ~failed)) > most:
        return True
    at_s, in_flight = gauges.series("load", "in_flight")
    return bool(dropped.any() or (in_flight[(at_s >= from_s) & (at_s <= to_s)] >= FEWEST).any())


def explained(journeys: Journeys, from_s: float, to_s: float, waited: bool) -> bool:
    """Whether bench or machine stood still for half of this time."""
    load, enough_s = journeys.load, EXPLAINED_SHARE * (to_s - from_s)
    late_s = (load.sent_s - load.intended_s)[(load.sent_s >= from_s) & (load.intended_s <= to_s)]
    if np.nanmax(late_s, initial=0.0) >= enough_s:
        return True
    if not waited:
        return False
    gauges = Gauges(journeys.samples, to_s + SILENT_S)
    lag_ms = np.concatenate(
        [_within(gauges, "provider", name, from_s, to_s) for name in ("loop_lag_ms", "timer_late_ms")]
    )
    if lag_ms.max(initial=0.0) >= 1000.0 * enough_s:
        return True
    waits = [
        _within(gauges, name, "core_wait_percent", from_s, to_s)
        for name in gauges.processes(*SENDER_PROCESSES)
    ]
    return any(len(each) and float(each.mean()) >= 100.0 * EXPLAINED_SHARE for each in waits)


def _within(gauges: Gauges, process: str, name: str, from_s: float, to_s: float) -> Floats:
    """A sample is of the second before it."""
    at_s, values = gauges.series(process, name)
    chosen: Floats = values[(at_s > from_s) & (at_s <= to_s + SILENT_S)]
    return chosen


def stop(journeys: Journeys) -> Stop | None:
    """None if messages were answered until the end of the load, if none was ever answered, or if the provider
    still saw messages of requests that waited.
    """
    load = journeys.load
    answered: Bools = np.isfinite(load.replied_s)
    if not answered.any():
        return None
    last_s = max(float(load.replied_s[answered].max()), float(_works_s(journeys).max(initial=-np.inf)))
    after: Bools = load.intended_s > last_s
    count = int(np.count_nonzero(after))
    if count < FEWEST:
        return None
    at_s = float(load.intended_s[after].min())
    seen = int(np.count_nonzero(after & (journeys.provider.state != ABSENT)))
    if journeys.load_end_s - at_s < SILENT_S or seen > SEEN_SHARE * count:
        return None
    gauges = Gauges(journeys.samples, journeys.load_end_s)
    forwarded = _forwarded(journeys, at_s, journeys.load_end_s)
    return Stop(
        at_s, count, _waited(journeys, after, gauges, at_s, np.inf), _process_is_gone(gauges), forwarded
    )


def _process_is_gone(gauges: Gauges) -> bool:
    others = max((_last_s(gauges, process) for process in ("machine", "provider")), default=-np.inf)
    last_s = _last_sample_s(gauges)
    return bool(np.isfinite(last_s)) and last_s < others - GONE_S


def _last_sample_s(gauges: Gauges) -> float:
    """The instant of the last sample of the sender's processes; minus infinity without one."""
    processes = gauges.processes(*SENDER_PROCESSES)
    return max((_last_s(gauges, process) for process in processes), default=-np.inf)


def _last_s(gauges: Gauges, process: str) -> float:
    at_s, _ = gauges.series(process, "cpu_percent")
    return float(at_s[-1]) if len(at_s) else -np.inf


def accepts_to_the_end(journeys: Journeys) -> bool:
    """False if hardly a message was accepted of those due at the end: in the last 10 s, or in the last
    quarter of a short load. Hardly: a tenth of the share that was accepted in the whole load.
    """
    due_s, end_s, accepted = journeys.load.intended_s, journeys.load_end_s, journeys.accepted
    last: Bools = due_s >= end_s - min(_END_S, end_s / 4)
    if int(np.count_nonzero(last)) < FEWEST:
        return True
    share = float(accepted[last].mean())
    return share > 0.0 and share >= _HARDLY * float(accepted.mean())
