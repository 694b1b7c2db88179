"""The contract: the provider refuses requests, its accept queue grows, or the sender obeys the limits."""

from __future__ import annotations

import math
from collections.abc import Container

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.findings import ACCEPT_QUEUE, LIMIT_SIGNS, BottleneckSign, LimitName
from analysis.formatting import (
    count_text,
    counted_text,
    quantity_text,
    rate_text,
    round_number_text,
    seconds_text,
    significant,
)
from analysis.judge.bottlenecks import lowered_limit, submits
from analysis.judge.bottlenecks.after_refusal import WAITED_SHARE, far_below_contract, slow_after_refusal
from analysis.judge.bottlenecks.catching_up import AT_CONTRACT, catches_up, needs_limit
from analysis.judge.bottlenecks.contract import Contract, contract_of, says_how_long
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.lowered_limit import THROTTLED_SHARE, lowered
from analysis.judge.bottlenecks.sender_queue import binds_below_contract, waited_share
from analysis.judge.bottlenecks.symptoms import shared_wait_s
from analysis.judge.bottlenecks.view import View
from analysis.measure.throughput import QUEUED_S

_FEWEST_ALLOWED = 10.0  # requests or segments in the time over which a rate is compared with its limit
_OFTEN = 0.25  # of the windows of the bottleneck; a limit that was reached in fewer is not named
_QUEUE: LimitName = "accept_queue"
_REFUSALS = (
    "throttled_requests",
    "throttled_segments",
    "throttled_concurrency",
    "queue_full",
    "sender_queue_full",
)


def refused_for_limits(view: View) -> Floats:
    """Requests that the provider refused because of a limit, in each window, without the time of a fault that
    lowered it.
    """
    refused: Floats = np.sum([_refused(view, name) for name in _REFUSALS], axis=0)
    return refused


def _refused(view: View, name: str) -> Floats:
    return view.gauges.rise("provider", f"count_refused_{name}", lowered_limit.counter_spans(view))


def accept_wait_s(view: View) -> Floats:
    """Seconds that the accept queue needs to drain, in each window; 0 if unknown."""
    drain = contract_of(view.given.profile).drain_segments_per_s
    waiting = view.gauges.high("provider", "queue_accept_segments", 50.0)
    wait_s: Floats = np.nan_to_num(waiting) / (drain or np.inf)
    return wait_s


def find_provider_limit(view: View) -> KindFinding:
    contract = contract_of(view.given.profile)
    refused = refused_for_limits(view)
    met_limit = lowered_limit.throttled_messages(view)
    throttled = view.windows.share(view.provider.forwarded_s, met_limit, view.provider.accepted)
    requests = view.gauges.rise("provider", "count_requests")
    refused_share = np.maximum(refused / np.maximum(requests, 1.0), throttled)
    queue_s = accept_wait_s(view)
    waiting = submits.backlog(view) | over(waited_share(view, "pause"), WAITED_SHARE)
    at_contract = _at_contract(view, contract) & waiting
    paced = over(waited_share(view, "pacing"), WAITED_SHARE) & ~binds_below_contract(view)
    paced &= ~slow_after_refusal(view) & ~(lowered(view) & far_below_contract(view))
    full = _accept_queue_full(view, contract)
    shared = over(before_all_s := shared_queue_wait_s(view), QUEUED_S)
    refuses = over(refused_share, THROTTLED_SHARE)
    in_queue = over(queue_s, QUEUED_S) | full | shared
    # At these rates the limit binds the sender, unless the sender itself made them so high.
    by_rate = (refuses | at_contract | paced) & ~catches_up(view)
    unneeded = refuses & ~needs_limit(view) & ~(at_contract | paced | in_queue)

    def describe(windows: Bools) -> Description:
        evidence: list[str] = []
        signs: list[BottleneckSign] = []
        reached = _reached(view, contract, in_queue, waiting | paced | refuses)
        named = _named(contract, reached, windows)
        if (refused_share[windows] > THROTTLED_SHARE).any():
            refusals = _refusals(view, windows)
            evidence.append(_refused_text(view, *refusals))
            signs += _refusal_signs(view, *refusals[1:])
        evidence += _empty_buckets(view, named, windows)
        if (queue_s[windows] > QUEUED_S).any() and _QUEUE in named:
            evidence.append(f"its {ACCEPT_QUEUE} had {typical(queue_s, windows):.1f} s of work")
        if (at_contract | paced)[windows].any():
            sent = requests[windows].sum() / view.windows.lengths_s[windows].sum()
            beyond = ""
            if sent and refused[windows].any():
                beyond = f"; the sender submitted {significant(sent)} requests/s"
            evidence.append(f"{_accepted_text(view, contract, named, windows)}{beyond}")
        if full[windows].any() and _QUEUE in named:
            evidence.append(
                f"messages left the {ACCEPT_QUEUE} at the contract's rate while others waited in it"
            )
        if shared[windows].any() and _QUEUE in named:
            wait = seconds_text(typical(np.where(shared, before_all_s, np.nan), windows))
            evidence.append(
                f"messages to every carrier waited in the {ACCEPT_QUEUE}: {wait} or more (median)"
            )
        if len(evidence) == 1 and (at_contract | paced)[windows].any():
            signs.append("contract_obeyed")
        if unneeded[windows].all():
            evidence.append(_unneeded_text(view, windows))
        text = f"the provider's limit: {', '.join(named.values()) or 'it refuses requests above its rate'}"
        return Description(text, tuple(evidence), (*(LIMIT_SIGNS[name] for name in named), *signs))

    return KindFinding(strength(by_rate | in_queue), describe)


def _empty_buckets(view: View, named: Container[LimitName], windows: Bools) -> list[str]:
    empty = (
        name
        for name in ("requests", "segments")
        if name in named and (view.gauges.high("provider", f"tokens_{name}", 50.0)[windows] < 1).any()
    )
    return [f"its token bucket of {name} was empty in {_empty_text(view, name, windows)}" for name in empty]


def _unneeded_text(view: View, windows: Bools) -> str:
    count = view.windows.counts(view.due_s, view.everyone)[windows].sum()
    rate = rate_text(float(count / view.windows.lengths_s[windows].sum()))
    return f"the load of {rate} is below the limits: the sender sent faster than the load at times"


def _refusals(view: View, windows: Bools) -> tuple[str, float, float]:
    """Unit, refused, and all of them. By the provider's counters. Without them by the journal, which has
    messages and not their requests.
    """
    unit, refused = "request", float(refused_for_limits(view)[windows].sum())
    of = float(view.gauges.rise("provider", "count_requests")[windows].sum())
    if not (refused and of):
        unit = "message"
        refused, of = (
            float(view.windows.counts(view.provider.forwarded_s, among)[windows].sum())
            for among in (lowered_limit.throttled_messages(view), view.everyone)
        )
    return unit, refused, of


def _refusal_signs(view: View, refused: float, of: float) -> list[BottleneckSign]:
    signs: list[BottleneckSign] = ["most_refused"] if 2 * refused > of else []
    return [*signs, "retry_after"] if says_how_long(view.given.profile, view.provider.protocol) else signs


def _refused_text(view: View, unit: str, refused: float, of: float) -> str:
    known = says_how_long(view.given.profile, view.provider.protocol)
    return (
        f"in these windows of the load the provider refused {count_text(round(refused))} of "
        f"{counted_text(round(of), unit)} ({100 * refused / max(of, 1.0):.0f} %) because of its limits"
        f"{', with Retry-After' if known else ''}"
    )


def _empty_text(view: View, name: str, windows: Bools) -> str:
    """``22 of 25 samples``."""
    at_s, tokens = view.gauges.gauges.series("provider", f"tokens_{name}")
    chosen = tokens[view.windows.inside(at_s, windows)]
    return f"{count_text(int(np.count_nonzero(chosen < 1)))} of {counted_text(len(chosen), 'sample')}"


def _at_contract(view: View, contract: Contract) -> Bools:
    near: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    allowances = contract.requests_per_s, contract.lowest_segments_per_s
    for rate, allowed in zip(_accepted(view, contract), allowances, strict=True):
        if allowed is not None:
            near |= over(rate, AT_CONTRACT * allowed)
    return near


def _accepted_text(view: View, contract: Contract, named: Container[LimitName], windows: Bools) -> str:
    """The rates that are at a limit of the text. The other rate has room, or no limit."""
    requests, segments = (typical(rate, windows) for rate in _accepted(view, contract))
    of_segments = "segments" in named or _QUEUE in named
    rates = [
        (requests, "requests/s", contract.requests_per_s if "requests" in named else None),
        (segments, "segments/s", contract.lowest_segments_per_s if of_segments else None),
    ]
    at_limit = [
        f"{significant(rate)} {unit}"
        for rate, unit, allowed in rates
        if allowed and rate > AT_CONTRACT * allowed
    ]
    if at_limit:
        return f"the provider accepted {' and '.join(at_limit)}, which is what the contract allows"
    return (
        f"the sender held ready messages because of the contract's limits; the provider accepted "
        f"{significant(requests)} requests/s and "
        f"{significant(segments)} segments/s on average"
    )


def _accepted(view: View, contract: Contract) -> tuple[Floats, Floats]:
    """Accepted requests/s and segments/s around each window, over a time in which ten or more are allowed.

    A window of 10 s with one request has 0.1 requests/s, also if the limit is 0.05.
    """
    lengths_s = view.windows.lengths_s
    limits = (contract.requests_per_s, contract.lowest_segments_per_s)
    lowest = min((rate for rate in limits if rate), default=math.inf)
    width = min(math.ceil(_FEWEST_ALLOWED / lowest / float(lengths_s.max())), view.windows.count)
    kernel = np.ones(max(width, 1))
    time_s = np.convolve(lengths_s, kernel, "same")

    def around(rate: Floats) -> Floats:
        found: Floats = np.convolve(rate * lengths_s, kernel, "same") / time_s
        return found

    return around(submits.requests_per_s(view)), around(submits.segments_per_s(view))


def _accept_queue_full(view: View, contract: Contract) -> Bools:
    """From the journal: messages of all carriers wait equally long and leave at the accept queue's rate."""
    none: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    drain = contract.drain_segments_per_s
    if drain is None:
        return none
    wait_s = view.windows.percentile(view.due_s, view.carrier_wait_s, view.everyone, 50.0)
    return over(wait_s, QUEUED_S) & _drains_at(view, drain)


def _drains_at(view: View, drain_per_s: float) -> Bools:
    """Windows in which messages left the accept queue at its own rate. Otherwise they waited elsewhere."""
    place = view.windows.of(view.provider.carrier_s)
    chosen = place >= 0
    left = np.bincount(place[chosen], weights=view.provider.segments[chosen], minlength=view.windows.count)
    return over(left / view.windows.lengths_s, AT_CONTRACT * drain_per_s)


def shared_queue_wait_s(view: View) -> Floats:
    """The wait that all carriers have, in the windows in which it is known to be in the accept queue.

    NaN elsewhere. Messages that are due in a window leave the queue in it or in the next one.
    """
    drain = contract_of(view.given.profile).drain_segments_per_s
    if drain is None:
        return np.full(view.windows.count, np.nan)
    at_rate = _drains_at(view, drain)
    at_rate[:-1] |= at_rate[1:].copy()
    return np.where(at_rate, shared_wait_s(view), np.nan)


def _reached(view: View, contract: Contract, queued: Bools, waiting: Bools) -> tuple[Bools, ...]:
    """For each limit, in the order of ``_named``, the windows in which the sender reached it.

    A rate near its limit delays nothing unless messages wait for it, or are refused.
    """
    requests, segments = _accepted(view, contract)
    used = (
        (requests, contract.requests_per_s, "requests"),
        (segments, contract.segments_per_s, "segments"),
        (segments, contract.drain_segments_per_s, ""),
        (requests, None, "concurrency"),
    )
    asked = np.maximum(view.gauges.rise("provider", "count_requests"), 1.0)
    found = []
    for rate, allowed, name in used:
        reached = over(rate, AT_CONTRACT * (allowed or math.inf)) & waiting
        if name:
            refused = _refused(view, f"throttled_{name}")
            reached |= over(refused / asked, THROTTLED_SHARE)
            reached |= view.gauges.high("provider", f"tokens_{name}", 50.0) < 1
        found.append(reached)
    full = _refused(view, "queue_full")
    found[2] |= queued | over(full / asked, THROTTLED_SHARE)
    return tuple(found)


def _named(contract: Contract, reached: tuple[Bools, ...], windows: Bools) -> dict[LimitName, str]:
    """The limits that were reached in enough of the windows, as text by name; all limits if none is known to
    have been reached.
    """
    limits: tuple[tuple[LimitName, float | None, str], ...] = (
        ("requests", contract.requests_per_s, "requests/s"),
        ("segments", contract.segments_per_s, "segments/s"),
        (_QUEUE, contract.drain_segments_per_s, "segments/s out of its accept queue"),
        ("concurrency", contract.concurrent_requests, "concurrent requests"),
    )
    known = {
        name: (quantity_text(round_number_text(rate), unit), float(where[windows].mean()))
        for (name, rate, unit), where in zip(limits, reached, strict=True)
        if rate
    }
    often = {name: text for name, (text, share) in known.items() if share >= _OFTEN}
    return often or {name: text for name, (text, _) in known.items()}


LIMIT = Kind(
    "provider_limit",
    find_provider_limit,
    frozenset(("sender_pacing", "sender_rate", "sender_concurrency", "sender_hold")),
)
