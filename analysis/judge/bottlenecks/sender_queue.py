"""Waits in the sender's queue: its own rate limits below the contract's, too few concurrent requests, a lower
rate than that of the arrivals, or a delay whose cause is not visible from outside.
"""

from __future__ import annotations

import re

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.capacity_record import OWN_LIMIT
from analysis.findings import OWN_PACING
from analysis.formatting import (
    count_text,
    counted_text,
    rate_text,
    round_seconds_text,
    seconds_text,
    significant,
)
from analysis.judge.bottlenecks import submits
from analysis.judge.bottlenecks.after_refusal import WAITED_SHARE, pace_text, slow_after_refusal
from analysis.judge.bottlenecks.catching_up import catches_up, refusals_text
from analysis.judge.bottlenecks.contract import contract_of
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.lowered_limit import lowered
from analysis.judge.bottlenecks.machine import without_core
from analysis.judge.bottlenecks.sender_api import median_answer
from analysis.judge.bottlenecks.sender_process import PROCESSES
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import in_sender, median, median_text, waits_for_their_time
from analysis.measure.quota import Quota

_LIMIT_NAME = r"(_(?:requests|segments)_per_s)$"
_FEW_IN_FLIGHT = 0.5  # share of the time with a request in flight
OF_CONTRACT = 0.9  # of the provider's limit; a sender's limit above it counts as the provider's


def waited_share(view: View, what: str) -> Floats:
    """Share of each window in which ready messages waited for this, as the sender reports."""
    return view.gauges.rise("sender", f"waited_{what}_s") / view.windows.lengths_s


def own_limits(view: View) -> tuple[float | None, float | None]:
    """The sender's own limits, requests/s and segments/s, summed over its routes; None: not reported.

    A route reports the rate that it learned below its limit too (``route_a_paced_requests_per_s``).
    """
    reported = view.gauges.gauges.names("sender", "route_")
    learned = {re.sub(_LIMIT_NAME, r"_paced\1", name) for name in reported}
    names = [name for name in reported if name not in learned]
    sums: list[float | None] = []
    for suffix in ("_requests_per_s", "_segments_per_s"):
        values = [view.gauges.gauges.series("sender", name)[1][-1] for name in names if name.endswith(suffix)]
        sums.append(float(sum(values)) if values else None)
    return sums[0], sums[1]


def pacing(view: View) -> KindFinding:
    share = waited_share(view, "pacing")
    reported = over(share, WAITED_SHARE)
    own_way = binds_below_contract(view)
    inferred = _inferred_pacing(view)
    slow = slow_after_refusal(view)
    by_quota = np.logical_or(*_pause_windows(view)) if view.quota else np.zeros_like(slow)
    requests, segments = submits.requests_per_s(view), submits.segments_per_s(view)

    def describe(windows: Bools) -> Description:
        if 2 * np.count_nonzero(slow & windows) > np.count_nonzero(windows):
            text = f"after a refusal {view.sender_name} sends {pace_text(view, slow & windows)} {OWN_PACING}"
            waited = f"the median message waited {in_sender(view, slow & windows)} in it"
            none = "the provider refused none in these windows, and no fault delayed requests"
            return Description(text, (waited, none), ("slow_after_refusal",))
        if view.quota and 2 * np.count_nonzero(by_quota & windows) > np.count_nonzero(windows):
            return _by_quota(view, view.quota, windows)
        sent = (
            f"it submitted {significant(typical(requests, windows))} requests/s with "
            f"{significant(typical(segments, windows))} segments/s"
        )
        limits = own_limits(view)
        evidence = [sent + ", and the provider refused none because of a rate limit"]
        if reported[windows].any():
            percent = 100 * typical(share, windows)
            evidence.append(f"ready messages waited for its own limits {percent:.0f} % of the time")
            evidence.append(f"its limits: {_limits_text(limits)}; the contract: {_contract_text(view)}")
        if reported[windows].any():
            text = f"{view.sender_name} delays messages because of its own rate limits"
            return Description(text, tuple(evidence))
        forwarded = _forwarded_text(submits.messages_per_s(view, inferred & windows))
        return Description(_constant_text(view), (forwarded, *evidence), ("rate_from_outside",))

    own = (reported & own_way & ~lowered(view)) | inferred | slow | by_quota
    return KindFinding(strength(own, np.maximum(share, 0.85)), describe)


def binds_below_contract(view: View) -> Bools:
    """Windows in which the sender's own limit binds: it is lower than the contract's, and the submits stay
    below the contract. Of the sender's two limits, the one with the higher utilization binds.
    """
    contract = contract_of(view.given.profile)
    rates = submits.requests_per_s(view), submits.segments_per_s(view)
    allowed = contract.requests_per_s, contract.lowest_segments_per_s
    near: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    used, lower = [], []
    for rate, own, most in zip(rates, own_limits(view), allowed, strict=True):
        if most is not None:
            near |= over(rate, OF_CONTRACT * most)
        if own is not None:
            used.append(rate / own)
            lower.append(most is None or own < OF_CONTRACT * most)
    if not used:
        return ~near
    binding = np.array(used).argmax(axis=0)
    own_way: Bools = ~near & np.array(lower)[binding]
    return own_way


def _inferred_pacing(view: View) -> Bools:
    """For a sender without gauges: it submits at a constant rate while messages wait for different times.

    Messages that all wait equally long are delayed and not limited in their rate.
    """
    idle = _idle_backlog(view)
    throttled = view.windows.counts(view.provider.forwarded_s, view.provider.throttled > 0) > 0
    constant = submits.at_constant_rate(view) & ~submits.waits_alike(view)
    return idle & constant & ~throttled & binds_below_contract(view)


def _idle_backlog(view: View) -> Bools:
    """For a sender without gauges: windows in which messages wait and few requests are in flight."""
    _, _, share = submits.unanswered(view)
    return _backlog(view) & (share < _FEW_IN_FLIGHT)


def _backlog(view: View) -> Bools:
    """For a sender without gauges: windows in which messages wait, although it has a core."""
    if view.gauges.gauges.names("sender", "waited_") or not view.journeys.journal:
        return np.zeros(view.windows.count, dtype=np.bool_)
    return submits.backlog(view) & ~without_core(view, *PROCESSES)


def rate(view: View) -> KindFinding:
    """For a sender without gauges: its backlog grows, and it forwards the same number all the time.

    A limit of its rate and a fixed number of busy workers are the same from outside.
    """
    flat = view.given.backlog_grew and submits.flat(view)
    throttled = view.windows.counts(view.provider.forwarded_s, view.provider.throttled > 0) > 0
    # Requests that are always at their maximum are the cause, also in a window of which that is a part.
    concurrent = bool((submits.at_their_maximum(view) & submits.backlog(view)).any())
    waiting = _idle_backlog(view) if concurrent else _backlog(view)
    allowed = ~throttled & binds_below_contract(view)
    over_all = waiting & allowed & flat
    paused, _ = _pause_windows(view)
    if 2 * np.count_nonzero(over_all & paused) > np.count_nonzero(over_all):
        over_all = np.zeros_like(over_all)  # ``hold`` names the pauses
    constant = _waits_at_constant_rate(view) & allowed
    if not (constant & ~_idle_backlog(view)).any():  # with few requests in flight it is its pacing
        constant = np.zeros_like(constant)

    def describe(windows: Bools) -> Description:
        waited = f"the median message waited {in_sender(view, windows)} in it"
        if not over_all[windows].any():
            forwarded = _forwarded_text(submits.messages_per_s(view, constant & windows))
            return Description(_constant_text(view), (forwarded, waited))
        came = int(np.count_nonzero(view.journeys.accepted)) / view.journeys.load_end_s
        rates = (
            f"it forwarded {rate_text(submits.steady_per_s(view))} in the last part of the load; "
            f"{rate_text(came)} came in"
        )
        evidence = (rates, "its backlog grew while its rate stayed the same", waited)
        return Description(_constant_text(view), evidence)

    return KindFinding(strength(over_all | constant, 0.85), describe)


def _constant_text(view: View) -> str:
    return f"{view.sender_name} forwards messages at a constant rate: {OWN_LIMIT}"


def _forwarded_text(per_s: float) -> str:
    return (
        f"it forwarded {rate_text(per_s)} while messages waited in it, about the same number in each second"
    )


def _waits_at_constant_rate(view: View) -> Bools:
    """For a sender without gauges: windows in which it forwards the same number in each second, while
    messages wait for different times and more requests could be in flight.

    In a load of a few seconds no message has waited for long yet: then it is enough that some always wait.
    """
    waiting = _backlog(view)
    own = not view.gauges.gauges.names("sender", "waited_")
    if own and view.given.backlog_grew and view.windows.count == 1:
        waiting |= submits.always_waiting(view) & ~without_core(view, *PROCESSES)
    constant = submits.at_constant_rate(view) & ~submits.waits_alike(view)
    return waiting & constant & ~submits.at_their_maximum(view)


def hold(view: View) -> KindFinding:
    """A backlog without requests in flight, and without the constant rate that shows a rate limit; or a delay
    that all messages have, while more requests could be in flight.

    Of the reference sender only pauses and scheduled messages: its inside is known, and it has no timer.
    """
    alike = submits.waits_alike(view)
    held = _idle_backlog(view) | (_backlog(view) & alike & ~submits.at_their_maximum(view))
    held &= ~_inferred_pacing(view)
    scheduled = waits_for_their_time(view)
    paused, caught = _pause_windows(view)
    if view.is_reference_sender or view.gauges.gauges.names("sender", "waited_"):
        held, caught = np.zeros_like(held), np.zeros_like(caught)

    def describe(windows: Bools) -> Description:
        if 2 * np.count_nonzero(scheduled & windows) > np.count_nonzero(windows):
            return _scheduled(view, windows)
        if view.pauses and 2 * np.count_nonzero((paused | caught) & windows) > np.count_nonzero(windows):
            return _pauses(view, windows)
        if not (held & windows).any():
            return _pauses(view, windows) if view.pauses else _scheduled(view, windows)
        mean, most, _ = submits.unanswered_in(view, windows)
        text = (
            f"{view.sender_name} holds messages before it sends them to the provider; the cause is not "
            "visible from outside"
        )
        evidence = [
            f"the median message waited {in_sender(view, windows)} in it",
            f"{significant(mean, 2)} requests to the provider were in flight on average, at most "
            f"{count_text(most)}",
        ]
        if alike[windows].all():
            evidence.append("all messages waited about equally long")
        return Description(text, tuple(evidence))

    # Weak, since it shows where messages wait and not why. A time that the sender set is the reason. A pause
    # is the sender's alone. Where the API was silent, the messages that waited were not in the sender.
    seen = held | scheduled | paused | caught
    return KindFinding(strength(seen, np.where(scheduled, 0.85, np.where(paused, 0.8, 0.4))), describe)


def _pause_windows(view: View) -> tuple[Bools, Bools]:
    """Windows in which the sender forwarded nothing, and in which it was refused when it caught up."""
    has_core = ~without_core(view, *PROCESSES)
    paused = view.windows.overlapping((each.from_s, each.to_s) for each in view.pauses) & has_core
    silent = view.windows.overlapping((each.from_s, each.to_s) for each in view.silences)
    return paused, catches_up(view) & ~silent & has_core


def _scheduled(view: View, windows: Bools) -> Description:
    due = view.windows.inside(view.due_s, windows)
    with_time = due & np.isfinite(view.provider.scheduled_s)
    count, accepted = (int(np.count_nonzero(each)) for each in (with_time, due & view.provider.accepted))
    waited = median_text(view.scheduled_wait_s[with_time], view.before_its_time[with_time])
    evidence = (
        f"{count_text(count)} of {counted_text(accepted, 'message')} at the provider had such a time",
        f"the median of these messages waited {waited} for it",
    )
    text = f"{view.sender_name} asks the provider to send messages at a later time"
    return Description(text, evidence, ("scheduled",))


def _by_quota(view: View, found: Quota, windows: Bools) -> Description:
    period, most = round_seconds_text(round(found.period_s, 1)), counted_text(found.messages, "message")
    quota = f"{most} in each {period} ({rate_text(found.per_s)})"
    *others, last = map(count_text, found.counts)
    counts = (
        f"it forwarded {', '.join(others)} and {last} messages before its pauses, which ended every {period}"
    )
    lengths = f"the pauses lasted {_lengths_text(view)}, while messages waited in it"
    waited = f"the median message waited {in_sender(view, windows)} in it"
    text = f"{view.sender_name} forwards at most {quota}: its own quota"
    return Description(text, (counts, lengths, waited, *refusals_text(view)), ("quota",))


def _lengths_text(view: View) -> str:
    """``1.67 s to 15.1 s``."""
    lengths_s = [each.to_s - each.from_s for each in view.pauses]
    shortest, longest = seconds_text(min(lengths_s)), seconds_text(max(lengths_s))
    return longest if shortest == longest else f"{shortest} to {longest}"


def _pauses(view: View, windows: Bools) -> Description:
    longest = max(view.pauses, key=lambda each: each.to_s - each.from_s)
    span, count = _lengths_text(view), len(view.pauses)
    several = f", {count_text(count)} times" if count > 1 else ""
    text = f"{view.sender_name} forwarded nothing for {span}{several}, while messages waited in it"
    of_several = f", the longest of {count_text(count)} such times" if count > 1 else ""
    from_to = f"from {seconds_text(longest.from_s)} to {seconds_text(longest.to_s)} after the load's start"
    messages = counted_text(longest.waiting, "message")
    waited = f"{messages} waited in it and no request to the provider was in flight {from_to}{of_several}"
    evidence = (waited, f"the median message waited {in_sender(view, windows)} in it", *refusals_text(view))
    return Description(text, evidence, ("paused",))


def concurrency(view: View) -> KindFinding:
    share = waited_share(view, "in_flight")
    reported = over(share, WAITED_SHARE)
    silent = view.journeys.journal and not view.gauges.gauges.names("sender", "waited_")
    callers = submits.callers_wait(view)
    inferred = callers | (submits.at_their_maximum(view) & silent & submits.backlog(view))

    def describe(windows: Bools) -> Description:
        mean, most, _ = submits.unanswered_in(view, windows)
        were = "was" if most == 1 else "were"
        among = view.provider.accepted & view.windows.inside(view.provider.forwarded_s, windows)
        answer_s = median((view.provider.answered_s - view.provider.forwarded_s)[among])
        evidence: list[str] = []
        if most:
            evidence.append(
                f"at most {counted_text(most, 'request')} to the provider {were} in flight at the same time, "
                f"{significant(mean, 2)} on average; the provider answered one in "
                f"{seconds_text(answer_s)} (median)"
            )
        if callers[windows].any():
            evidence.append(f"the median request to {view.sender_name} {median_answer(view, windows)}")
        if reported[windows].any():
            evidence.append(
                f"{100 * typical(share, windows):.0f} % of the time ready messages waited, because the "
                "requests in flight were at their maximum"
            )
        # A provider that answers at once has no request in flight in its own rows.
        at_once = f" ({count_text(most)})" if most else ""
        text = f"{view.sender_name} has too few concurrent requests to the provider{at_once}"
        return Description(text, tuple(evidence))

    return KindFinding(
        strength(reported | inferred, np.where(reported, np.maximum(share, 0.85), 0.75)), describe
    )


def _limits_text(limits: tuple[float | None, float | None]) -> str:
    words = [
        f"{significant(rate)} {unit}"
        for rate, unit in zip(limits, ("requests/s", "segments/s"), strict=True)
        if rate is not None
    ]
    return ", ".join(words) or "not known"


def _contract_text(view: View) -> str:
    if not view.given.profile:
        return "not known"
    contract = contract_of(view.given.profile)
    rates = contract.requests_per_s, contract.lowest_segments_per_s
    return _limits_text(rates) if any(rate is not None for rate in rates) else "no limit"


PACING = Kind("sender_pacing", pacing, frozenset(("sender_hold",)))
RATE = Kind("sender_rate", rate, frozenset(("sender_pacing", "sender_hold")))
CONCURRENCY = Kind("sender_concurrency", concurrency, frozenset(("sender_hold",)))
HOLD = Kind("sender_hold", hold)
