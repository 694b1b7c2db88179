"""The delay of a message in integer nanoseconds, and the four shares that add up to it.

==========  ==========================================================================
bench       lag of the generator; delay of the mock provider
sender      from the request to the accepted submit, without the shares below; and the wait at the
            provider for the time that the sender set
contract    in the provider's queues, and the wait that an ideal sender would have had too
network     the provider's answer and the radio, as drawn; a provider or network that was down
==========  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.fault_effects import effect_of
from analysis.findings import ShareName
from analysis.measure.contract_limits import CARRIER, DRAIN, ContractLimits
from analysis.measure.outcomes import DELIVERED, MessageOutcomes
from analysis.measure.shares.ideal import IdealWait, OfferedMessages, ideal_wait, waits_alone_ns
from analysis.measure.shares.queueing import busy_until
from analysis.read.journeys import Journeys
from analysis.records import RecordedFault

SHARES: tuple[ShareName, ...] = ("network", "contract", "sender", "bench")


@dataclass(frozen=True)
class DelayTimes:
    """The messages at ``place`` in the load's rows: nanoseconds after the load's start."""

    place: Ints
    intended: Ints
    sent: Ints
    accepted: Ints  # the accepted submit
    entered: Ints  # its answer left or was due to leave; then it is in the provider's queues
    scheduled: Ints  # length: before that it waited for the time that the sender set
    carrier: Ints
    delivered: Ints
    reply: Ints  # lengths, as drawn
    radio: Ints


@dataclass(frozen=True)
class Split:
    """Nanoseconds of each share, in the order of ``times.place``; they add up to ``total``."""

    times: DelayTimes
    total: Ints
    of: Mapping[ShareName, Ints]
    ideal: Ints  # with an ideal sender within the contract: its waits and the network
    contract_ns: Ints  # the contract's share by limit, a column each; they add up to the share
    ideal_wait_ns: Ints
    alone_ns: Ints  # the wait of an ideal sender if the contract had one limit only, a column each


def splittable(journeys: Journeys, outcomes: MessageOutcomes) -> Bools:
    """Delivered to a reachable phone, with every timestamp that the split needs."""
    load, provider = journeys.load, journeys.provider
    chosen: Bools = (outcomes.outcome == DELIVERED) & ~provider.unreachable
    for mark in (
        *(load.intended_s, load.sent_s, provider.accepted_s, provider.reply_s),
        *(provider.carrier_s, provider.final_s, provider.radio_s),
    ):
        chosen &= np.isfinite(mark)
    return chosen


def split_delays(
    journeys: Journeys, outcomes: MessageOutcomes, limits: ContractLimits, faults: Downtime
) -> Split:
    """Split every message's delay."""
    times = _times(journeys, splittable(journeys, outcomes))
    ideal, alone_ns, delayed = _ideal(journeys, limits, faults, times.place)
    sender = times.accepted - times.sent
    queued = times.carrier - times.entered - times.scheduled
    # First the time in which the provider was down for any sender, then the limits' share.
    down = np.minimum(delayed, np.maximum(sender, 0))
    waited = np.clip(ideal.wait_ns - queued, 0, np.maximum(sender - down, 0))
    held = np.minimum(_held(journeys, faults, times), np.maximum(queued, 0))
    contract_ns = _by_limit(waited, ideal)
    draining = np.minimum(_in_accept_queue(journeys, limits)[times.place], np.maximum(queued - held, 0))
    contract_ns[:, DRAIN] += draining
    contract_ns[:, CARRIER] += queued - held - draining
    network = times.reply + times.radio + down + held
    late = times.entered - times.accepted - times.reply + times.delivered - times.carrier - times.radio
    return Split(
        times=times,
        total=times.delivered - times.intended,
        of={
            "network": network,
            "contract": queued - held + waited,
            "sender": sender - down - waited + times.scheduled,
            "bench": times.sent - times.intended + late,
        },
        ideal=network + ideal.wait_ns,
        contract_ns=contract_ns,
        ideal_wait_ns=ideal.wait_ns,
        alone_ns=alone_ns,
    )


def _by_limit(waited: Ints, ideal: IdealWait) -> Ints:
    """``waited`` in proportion to the ideal sender's waits; the rest of the division to the longest one."""
    whole = np.maximum(ideal.wait_ns, 1)
    parts = (ideal.by_limit_ns * (waited / whole)[:, np.newaxis]).astype(np.int64)
    rows = np.arange(len(waited))
    parts[rows, ideal.by_limit_ns.argmax(axis=1)] += waited - parts.sum(axis=1)
    return parts


def _in_accept_queue(journeys: Journeys, limits: ContractLimits) -> Ints:
    """For each message of the load, its wait in the accept queue as this sender filled it."""
    provider = journeys.provider
    found = np.zeros(journeys.count, dtype=np.int64)
    through = np.flatnonzero(provider.accepted & np.isfinite(provider.answered_s))
    if limits.drain_ns and len(through):
        entered = whole_ns(np.fmax(provider.answered_s, provider.scheduled_s)[through])
        cost = np.maximum(provider.segments[through], 1) * limits.drain_ns
        order = np.argsort(entered, kind="stable")
        found[through[order]] = busy_until(entered[order], cost[order]) - cost[order] - entered[order]
    return np.maximum(found, 0)


def _times(journeys: Journeys, chosen: Bools) -> DelayTimes:
    load, provider = journeys.load, journeys.provider
    accepted, reply = whole_ns(provider.accepted_s[chosen]), whole_ns(provider.reply_s[chosen])
    answered = provider.answered_s[chosen]
    entered = np.where(np.isfinite(answered), whole_ns(answered), accepted + reply)
    carrier = whole_ns(provider.carrier_s[chosen])
    due = provider.scheduled_s[chosen]
    until = np.where(np.isfinite(due), np.minimum(whole_ns(due), carrier), entered)
    return DelayTimes(
        place=np.flatnonzero(chosen),
        intended=whole_ns(load.intended_s[chosen]),
        sent=whole_ns(load.sent_s[chosen]),
        accepted=accepted,
        entered=entered,
        scheduled=np.maximum(until - entered, 0),
        carrier=carrier,
        delivered=whole_ns(provider.final_s[chosen]),
        reply=reply,
        radio=whole_ns(provider.radio_s[chosen]),
    )


def whole_ns(seconds: Floats) -> Ints:
    """The integers that ``columns.seconds`` got, exact up to 26 days after the start; NaN becomes 0."""
    ns: Ints = np.rint(np.nan_to_num(seconds) * 1e9).astype(np.int64)
    return ns


def _ideal(
    journeys: Journeys, limits: ContractLimits, faults: Downtime, place: Ints
) -> tuple[IdealWait, Ints, Ints]:
    """For the messages at ``place``: the ideal sender's wait, that with each limit alone, and its wait for a
    provider that was down.

    All messages that the provider accepted are simulated, since each uses a part of the limits.
    """
    load, provider = journeys.load, journeys.provider
    passing = np.isfinite(provider.accepted_s) & np.isfinite(load.sent_s)
    sent = whole_ns(load.sent_s[passing])
    at_ns = faults.over(sent)
    offered = OfferedMessages(
        at_ns=at_ns,
        rank=load.class_index[passing],
        turn=whole_ns(provider.accepted_s[passing]),  # the order that this sender chose
        segments=np.maximum(provider.segments[passing], 1),
        reply_ns=whole_ns(provider.reply_s[passing]),
        carrier=provider.carrier.index[passing],
        carrier_names=provider.carrier.names,
    )
    found = ideal_wait(offered, limits)
    where = (np.cumsum(passing) - 1)[place]
    alone_ns = waits_alone_ns(offered, limits, found)
    return IdealWait(found.by_limit_ns[where]), alone_ns[where], (at_ns - sent)[where]


def _held(journeys: Journeys, faults: Downtime, times: DelayTimes) -> Ints:
    """How long each message waited in a queue because its network was down."""
    held = np.zeros(len(times.place), dtype=np.int64)
    for name, start, end in faults.networks:
        touched = journeys.provider.touched(name)[times.place]
        overlap = np.minimum(times.carrier, end) - np.maximum(times.entered + times.scheduled, start)
        held += np.where(touched, np.maximum(overlap, 0), 0)
    return held


@dataclass(frozen=True)
class Downtime:
    """Outages of the provider or of a network behind it by faults, in nanoseconds after the start."""

    outages: tuple[tuple[int, int], ...] = ()
    networks: tuple[tuple[str, int, int], ...] = ()

    def over(self, at_ns: Ints) -> Ints:
        """Each instant, or the end of the outage that contains it."""
        moved = at_ns
        for start, end in sorted(self.outages):
            moved = np.where((moved >= start) & (moved < end), end, moved)
        return moved


def read_downtime(
    spans: Sequence[RecordedFault], profile: Mapping[str, Any], origin_ns: int, end_ns: int
) -> Downtime:
    """Outages of the whole provider: an ideal sender uses the other host if one fails."""
    whole = [
        (
            *(span.name, effect_of(span.effect, span.name, span.kind, profile)),
            *(span.start_ns - origin_ns, (span.end_ns or end_ns) - origin_ns),
        )
        for span in spans
    ]
    return Downtime(
        outages=tuple((a, b) for _, effect, a, b in whole if effect == "outage"),
        networks=tuple((name, a, b) for name, effect, a, b in whole if effect == "held_messages"),
    )
