"""The split of each class's delivery times, as the report shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from analysis.arrays import Floats, Ints
from analysis.findings import DelaySplit, LimitName, Share
from analysis.formatting import quantity_text, round_number_text
from analysis.measure.contract_limits import CARRIER, NAMES, ContractLimits, has_fast_lane, read_limits
from analysis.measure.dependence import evidence_of
from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes
from analysis.measure.percentiles import known, quantiles, ranks
from analysis.measure.shares.split import SHARES, Split, read_downtime, split_delays
from analysis.quantile import Quantile, needed
from analysis.read.columns import Labels
from analysis.read.journeys import Journeys
from analysis.records import Manifest

SPLIT_PERCENTILES = (50.0, 95.0, 99.0)
_NAMED_FROM = 0.25  # of the waits for the carrier with the longest; carriers with less are not named
_MOST_CARRIERS = 3
_BINDS_FROM = 0.9  # of the longest wait that one limit alone causes; other limits with less are not named


def delay_splits(
    journeys: Journeys, outcomes: MessageOutcomes, manifest: Manifest, also: Iterable[float] = ()
) -> tuple[DelaySplit, ...]:
    """One split per class with a delivered message to a reachable phone.

    ``also`` are percentiles of objectives, shown after p50, p95 and p99.
    """
    percentiles = (*SPLIT_PERCENTILES, *sorted(set(also).difference(SPLIT_PERCENTILES)))
    split = split_run(journeys, outcomes, manifest)
    limits = read_limits(manifest.profile, journeys.provider.protocol)
    reachable = (outcomes.outcome == DELIVERED) & ~journeys.provider.unreachable
    waiting = journeys.accepted & (outcomes.outcome == OPEN) & ~journeys.provider.unreachable
    found = []
    for index, name in enumerate(journeys.load.class_names):
        delivered = int(np.count_nonzero(reachable & (journeys.load.class_index == index)))
        if delivered:
            among = np.flatnonzero(journeys.load.class_index[split.times.place] == index)
            due_s = journeys.load.intended_s[split.times.place[among]]
            among = among[np.argsort(due_s, kind="stable")]
            carrier, faults = journeys.provider.carrier, bool(manifest.faults)
            made = _of_class(name, delivered, split, among, percentiles, limits, carrier, faults)
            slow = ~journeys.provider.priority[split.times.place[among]]
            without = int(np.count_nonzero(slow)) if has_fast_lane(manifest.profile) else 0
            still_open = int(np.count_nonzero(waiting & (journeys.load.class_index == index)))
            more = {"without_flag": without, "routes": route_count(manifest.target), "still_open": still_open}
            found.append(msgspec.structs.replace(made, **more))
    return tuple(found)


def route_count(target: Mapping[str, Any]) -> int:
    """The number of routes of the sender, from its target."""
    listed = target.get("routes")
    return max(len(listed), 1) if isinstance(listed, list | tuple) else 1


def split_run(journeys: Journeys, outcomes: MessageOutcomes, manifest: Manifest) -> Split:
    """Every message's shares, in nanoseconds."""
    end_ns = manifest.ended.clock_ns or journeys.origin_ns + int(journeys.end_s * 1e9)
    downtime = read_downtime(manifest.faults, manifest.profile, journeys.origin_ns, end_ns)
    return split_delays(
        journeys, outcomes, read_limits(manifest.profile, journeys.provider.protocol), downtime
    )


def _of_class(
    name: str,
    delivered: int,
    split: Split,
    among: Ints,
    percentiles: tuple[float, ...],
    limits: ContractLimits,
    carrier: Labels,
    faults: bool,
) -> DelaySplit:
    """``among``: the positions of the class's messages, in the order in which they were due."""
    total, binding = split.total[among], _limits_with_longest_waits(split, among, limits, carrier)
    shares = []
    for share in SHARES:
        own = split.of[share][among]
        p50, p95, p99 = _of_run(own, SPLIT_PERCENTILES)
        shares.append(
            Share(
                name=share,
                mean_s=_mean_s(own),
                p50_s=p50,
                p95_s=p95,
                p99_s=p99,
                without=_quantiles(total - own, percentiles, faults),
            )
        )
    return DelaySplit(
        message_class=name,
        count=len(among),
        left_out=delivered - len(among),
        total_mean_s=_mean_s(total),
        total=_quantiles(total, percentiles, faults),
        shares=tuple(shares),
        network_only=_quantiles(split.of["network"][among], percentiles, faults),
        ideal=_quantiles(split.ideal[among], percentiles, faults),
        ideal_of_run_s=_of_run(split.ideal[among], percentiles),
        limit=" and ".join(binding.values()),
        limit_names=tuple(binding),
    )


def _seconds(values: Ints) -> Floats:
    in_seconds: Floats = values.astype(np.float64) * 1e-9
    return in_seconds


def _quantiles(values: Ints, percentiles: tuple[float, ...], faults: bool) -> tuple[Quantile, ...]:
    """Of times in the order in which the messages were due. Messages in one queue count as fewer, as in an
    objective: otherwise the page had two intervals for the same messages.
    """
    in_order = _seconds(values)
    return quantiles(known(in_order), percentiles, evidence_of(in_order, faults=faults))


def _mean_s(values: Ints) -> float:
    """The mean of integers. The sum is exact, so that the shares' means add up to the total's mean."""
    return int(values.sum()) / len(values) * 1e-9 if len(values) else 0.0


def _of_run(values: Ints, percentiles: tuple[float, ...]) -> tuple[float | None, ...]:
    """Nearest ranks of these messages, without an interval."""
    ordered = _seconds(np.sort(values))
    if not len(ordered):
        return (None,) * len(percentiles)
    return tuple(
        float(ordered[rank - 1]) if len(ordered) >= needed(percentile) else None
        for percentile, rank in zip(percentiles, ranks(len(ordered), percentiles), strict=True)
    )


def _limits_with_longest_waits(
    split: Split, among: Ints, limits: ContractLimits, carrier: Labels
) -> dict[LimitName, str]:
    """The limits that cause the waits, as text by name; those of the carriers with the carriers' names."""
    if not len(among) or split.contract_ns[among].sum() <= 0:
        return {}
    texts = {
        NAMES[at]: _at_carriers(split, among, limits, carrier) if at == CARRIER else limits.texts[at]
        for at in _binding(split, among)
    }
    return {name: text for name, text in texts.items() if text}


def _binding(split: Split, among: Ints) -> list[int]:
    """The limit that alone makes an ideal sender wait longest, and each other one with about that wait.

    If most of the wait is this sender's order in the provider's queues, the limit with the longest waits.
    """
    by_limit, alone = split.contract_ns[among].sum(axis=0), split.alone_ns[among].sum(axis=0)
    if alone.max() <= 0 or 2 * split.ideal_wait_ns[among].sum() < by_limit.sum():
        return [int(by_limit.argmax())]
    return np.flatnonzero(alone >= _BINDS_FROM * alone.max()).tolist()


def _at_carriers(split: Split, among: Ints, limits: ContractLimits, carrier: Labels) -> str:
    of = np.maximum(carrier.index[split.times.place[among]], 0)
    waits = np.maximum(split.contract_ns[among, CARRIER], 0)
    if not waits.any():  # another limit holds the messages first: those that would wait at the carriers alone
        waits = np.maximum(split.alone_ns[among, CARRIER], 0)
    sums = np.bincount(of, weights=waits, minlength=len(carrier.names))
    order = np.argsort(-sums, kind="stable")[:_MOST_CARRIERS].tolist()
    named = [carrier.names[at] for at in order if sums[at] >= _NAMED_FROM * sums.max()]
    return _carrier_limits({name: limits.carrier_ns.get(name, 0) for name in named}) or limits.texts[CARRIER]


def _carrier_limits(unit_ns: Mapping[str, int]) -> str:
    """``10 segments/s at the carriers Orange and Plus``; "" if a limit is unknown."""
    if not all(unit_ns.values()):
        return ""
    by_rate: dict[int, list[str]] = {}
    for name, unit in unit_ns.items():
        by_rate.setdefault(unit, []).append(name)
    return " and ".join(
        quantity_text(round_number_text(1e9 / unit), f"segments/s at the {_carriers(names)}")
        for unit, names in by_rate.items()
    )


def _carriers(names: list[str]) -> str:
    return f"carrier {names[0]}" if len(names) == 1 else f"carriers {', '.join(names[:-1])} and {names[-1]}"
