"""Measured rates, and whether the limit was reached.

A best rate is the highest count of any window of ten seconds, wherever it begins. Deliveries of messages that
the sender held until the load had ended do not count. It is the system's limit only if the sender refused
messages, arrivals were dropped, or the median message of the busiest ten seconds waited over a second in a
queue. Otherwise the figure is a lower bound ("at least").
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.formatting import count_text, seconds_text
from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes
from analysis.model import Accounting, BestRate, Throughput
from analysis.read.journeys import Journeys

WINDOW_S = 10.0
QUEUED_S = 1.0  # a longer median wait in the busiest window shows that the limit was reached
REFUSED_SHARE = 0.001
CLEARLY_FEWER = 0.95  # of the due messages; more can be a defect that some messages meet
_BIN_S = 1.0
_CLEARLY_BETTER = 0.5  # of the other model's sum of squares
SHORTFALL_NOISE_S = 0.05  # less can be a timer or a pause of the machine


def throughput(journeys: Journeys, outcomes: MessageOutcomes, counted: Accounting) -> Throughput:
    """Offered, accepted and delivered rates in messages per second.

    Only accepted messages count as delivered: a caller has to send the others again.
    """
    load = journeys.load
    # A load of nearly ten seconds is a load of ten whose last arrival was before the end.
    short = journeys.load_end_s < 0.9 * WINDOW_S
    window_s = max(journeys.load_end_s, 1.0) if short else WINDOW_S
    offered_peak = best_rate(load.intended_s, window_s)
    wait_s, where = _queue_wait(journeys, offered_peak)
    accepted_best = best_rate(load.replied_s[journeys.accepted], window_s)
    return Throughput(
        offered_mean_per_s=_mean_per_s(journeys, offered_peak),
        offered_peak=offered_peak,
        accepted_best=accepted_best,
        accepts_at_most=_accepts_at_most(journeys, accepted_best),
        delivered_best=best_rate(
            journeys.provider.final_s[(outcomes.outcome == DELIVERED) & _sent_under_load(journeys)], window_s
        ),
        limit=_limit(counted, wait_s, where),
        queue_wait_at_peak_s=wait_s,
        shortfall_share=shortfall_share(journeys, outcomes),
    )


def _sent_under_load(journeys: Journeys) -> Bools:
    """Messages without those that the sender held until the load had ended: what it sends then is no rate
    under this load. A constant delay, which nine of ten messages have, holds no message back.
    """
    forwarded_s = journeys.provider.forwarded_s
    waits_s = np.sort((forwarded_s - journeys.load.replied_s)[journeys.accepted & np.isfinite(forwarded_s)])
    usual_s = max(float(waits_s[len(waits_s) // 10]), 0.0) if len(waits_s) else 0.0
    held: Bools = forwarded_s > journeys.load_end_s + usual_s  # false without an instant
    return ~held


def _mean_per_s(journeys: Journeys, peak: BestRate | None) -> float:
    """At most the peak: the load ends with its last arrival, a little before the end that was planned."""
    if journeys.load_end_s <= 0 or peak is None:
        return 0.0
    return min(journeys.count / journeys.load_end_s, peak.per_s)


def best_rate(instants_s: Floats, window_s: float) -> BestRate | None:
    """The highest count of any window of this length, as a rate; None without instants."""
    ordered = np.sort(instants_s[np.isfinite(instants_s)])
    if len(ordered) == 0:
        return None
    # A nanosecond shorter, so that rounding does not include an event a whole window away.
    within = np.searchsorted(ordered, ordered + (window_s - 1e-9), side="left") - np.arange(len(ordered))
    best = int(within.argmax())
    return BestRate(per_s=int(within[best]) / window_s, window_s=window_s, from_s=float(ordered[best]))


def _accepts_at_most(journeys: Journeys, best: BestRate | None) -> bool:
    """Whether the sender was overloaded at its best accepted rate: it took fewer messages than were due,
    continued to accept in most of the seconds in which it did not take others, and did not lose the same
    share of them at each rate.

    A class that was never accepted shows no rate limit.
    """
    if best is None:
        return False
    accepted, load = journeys.accepted, journeys.load
    mixed: Bools = np.zeros(journeys.count, dtype=np.bool_)
    for name in load.class_names:
        among = journeys.of_class(name)
        if (accepted & among).any():
            mixed |= among
    within = mixed & (load.intended_s >= best.from_s - _BIN_S)
    within &= load.intended_s < best.from_s + best.window_s
    left, taken = _per_bin(journeys, within & journeys.not_taken), _per_bin(journeys, within & accepted)
    busy = left > 0
    going_on = np.count_nonzero(taken[busy])
    few = int(taken.sum()) < CLEARLY_FEWER * int(taken.sum() + left.sum())
    if not few or going_on <= np.count_nonzero(busy) / 2:
        return False
    return not _steady_share(
        _per_bin(journeys, mixed & journeys.not_taken), _per_bin(journeys, mixed & accepted)
    )


def _per_bin(journeys: Journeys, chosen: Bools) -> Ints:
    """The number of these messages in each bin of the load, by the instant at which they were due."""
    bins = (journeys.load.intended_s // _BIN_S).astype(np.int64) + 1  # a due instant can be just below 0
    found: Ints = np.bincount(bins[chosen], minlength=int(bins.max(initial=0)) + 1)
    return found


def _steady_share(left: Ints, taken: Ints) -> bool:
    """Whether one share of the due messages explains ``taken`` clearly better than one highest number a bin:
    a sender that fails one request in ten at each rate has no rate limit.
    """
    due = left + taken
    share = taken.sum() / due.sum()
    highest = np.median(taken[left > 0])
    from_share = float(np.square(taken - share * due).sum())
    from_highest = float(np.square(taken - np.minimum(due, highest)).sum())
    return from_share < _CLEARLY_BETTER * from_highest


def _queue_wait(journeys: Journeys, peak: BestRate | None) -> tuple[float | None, str]:
    """Median wait of the messages due in the busiest window, and where they waited longest."""
    if peak is None or not journeys.journal:
        return None, ""
    due = journeys.load.intended_s
    among: Bools = journeys.accepted & (due >= peak.from_s) & (due < peak.from_s + peak.window_s)
    provider = journeys.provider
    in_sender = provider.submitted_s - journeys.load.replied_s
    # Not submitted: it waited at least until the end.
    in_sender = np.where(np.isfinite(in_sender), in_sender, journeys.end_s - journeys.load.replied_s)
    scheduled = provider.scheduled_wait_s(journeys.end_s)  # at the provider, for a time that the sender set
    at_carrier = provider.carrier_s - provider.answered_s - scheduled
    at_carrier = np.where(np.isfinite(at_carrier), at_carrier, 0.0)
    if not among.any():
        return None, ""
    waits_s = {
        "in the sender's queue": np.maximum(in_sender[among], 0.0),
        "in the carrier's queue": np.maximum(at_carrier[among], 0.0),
        "at the provider for the time that the sender set": scheduled[among],
    }
    where = max(waits_s, key=lambda name: float(np.median(waits_s[name])))
    return float(np.median(np.sum(list(waits_s.values()), axis=0))), where


def shortfall_share(journeys: Journeys, outcomes: MessageOutcomes) -> float | None:
    """The share of the offered load by which the system fell behind, from the middle of the load to its end.

    If r messages per second arrive and c get through, the wait grows by 1 - c/r seconds per second. The wait
    ends when a carrier has the message, since the time to the handset is not a queue. None if nothing can be
    compared.
    """
    due, provider = journeys.load.intended_s, journeys.provider
    # A journal may lack the carrier's timestamp. The submit is always known.
    carrier_s = provider.carrier_s if np.isfinite(provider.carrier_s).any() else provider.submitted_s
    waiting = ~np.isfinite(carrier_s) & (outcomes.outcome == OPEN)
    wait_s = np.where(waiting, journeys.end_s, carrier_s) - due
    known: Bools = journeys.accepted & np.isfinite(wait_s)
    quarter_s = journeys.load_end_s / 4
    middle = known & (due >= quarter_s) & (due < 2 * quarter_s)
    last = known & (due >= 3 * quarter_s)
    if not journeys.journal or not middle.any() or not last.any():
        return None
    grown_s = float(np.median(wait_s[last]) - np.median(wait_s[middle]))
    return grown_s / (2 * quarter_s) if grown_s > SHORTFALL_NOISE_S else 0.0


def backlog_gone_s(journeys: Journeys, outcomes: MessageOutcomes) -> float | None:
    """Time from the load's end to the last submit of an accepted message: then the sender's queue is empty.

    None if a message still waits, or without a journal.
    """
    submitted_s = journeys.provider.submitted_s
    if not journeys.journal or bool((np.isnan(submitted_s) & (outcomes.outcome == OPEN)).any()):
        return None
    known = submitted_s[journeys.accepted & np.isfinite(submitted_s)]
    return max(float(known.max()) - journeys.load_end_s, 0.0) if len(known) else None


def _limit(counted: Accounting, wait_s: float | None, where: str) -> str:
    not_taken = counted.not_taken - counted.dropped_at_limit
    if counted.sent and not_taken / counted.sent > REFUSED_SHARE:
        return f"the sender did not take {count_text(not_taken)} of {count_text(counted.sent)} messages"
    if wait_s is not None and wait_s > QUEUED_S:
        return f"in the busiest {WINDOW_S:.0f} s a message waited {seconds_text(wait_s)} {where} (median)"
    if counted.dropped_at_limit:
        dropped = count_text(counted.dropped_at_limit)
        return f"{dropped} messages were not sent because the in-flight limit was reached"
    return ""
