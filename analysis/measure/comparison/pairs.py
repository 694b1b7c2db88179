"""Compares two parts with the same messages, paired by key.

Both parts have the same plan, seeds and key tag. So a message has the same recipient, text, class and
intended start in both, and the same outcome and radio delay at the provider, which follow from its key. The
provider draws the delay of a reply for each request, from its first message and the attempt: messages that
are sent in other requests get other replies. Sender, sockets, queues and these replies cause the differences.
A message counts if both parts delivered it to a reachable phone. A message that only one of them delivered is
unpaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis import records
from analysis.arrays import Bools, Floats, Ints
from analysis.findings import REPLY_AS_DRAWN, ComparedClass, ComparedTail
from analysis.measure.comparison.differences import paired_difference
from analysis.measure.outcomes import DELIVERED, judge
from analysis.measure.percentiles import ranks
from analysis.measure.stages import DELIVERY_STAGES, delivery_timestamps
from analysis.quantile import needed
from analysis.read.columns import positions
from analysis.read.journeys import Journeys, read_journeys

PERCENTILE = 95.0
TAIL_PERCENTILE = 99.0


@dataclass(frozen=True)
class ComparedPart:
    """The data of one part that a comparison needs."""

    journeys: Journeys
    keys: pa.ChunkedArray
    delivered: Bools  # to a reachable phone, with a known time


def read_compared_part(run_dir: Path, manifest: records.Manifest) -> ComparedPart:
    """Raises ``MalformedRunError``."""
    journeys = read_journeys(run_dir, manifest)
    keys = records.read_rows(run_dir / "load.arrow", records.LOAD_SCHEMA)["key"]
    outcomes = judge(journeys)
    known = np.isfinite(journeys.provider.final_s)
    return ComparedPart(
        journeys, keys, (outcomes.outcome == DELIVERED) & known & ~journeys.provider.unreachable
    )


def compare(part: ComparedPart, counterpart: ComparedPart) -> tuple[ComparedClass, ...]:
    """One for each class with a message that both delivered; empty if they have no common key."""
    where = positions(part.keys, counterpart.keys)
    both = where >= 0
    found = []
    for name in part.journeys.load.class_names:
        among = part.journeys.of_class(name) & both
        compared = _compared(name, part, counterpart, (np.flatnonzero(among), where[among]))
        if compared is not None:
            found.append(compared)
    return tuple(found)


def _compared(
    name: str, part: ComparedPart, counterpart: ComparedPart, rows: tuple[Ints, Ints]
) -> ComparedClass | None:
    """``rows`` are the rows of the same messages in each part."""
    a, b = rows
    arrived_a, arrived_b = part.delivered[a], counterpart.delivered[b]
    paired = arrived_a & arrived_b
    if not paired.any():
        return None
    a, b = a[paired], b[paired]
    order = np.argsort(part.journeys.load.intended_s[a], kind="stable")
    a, b = a[order], b[order]
    part_s, counterpart_s = _delivery_s(part, a), _delivery_s(counterpart, b)
    difference = part_s - counterpart_s
    by_size = np.argsort(np.abs(difference), kind="stable")
    tail = by_size[ranks(len(by_size), (TAIL_PERCENTILE,))[0] - 1 :]
    stages = _stage_differences(part.journeys, counterpart.journeys, (a, b))
    reply = part.journeys.provider.reply_s[a] - counterpart.journeys.provider.reply_s[b]
    p95 = paired_difference(part_s, counterpart_s, PERCENTILE)
    return ComparedClass(
        message_class=name,
        pairs=len(a),
        unpaired=int(np.count_nonzero(arrived_a != arrived_b)),
        median_s=_ranked(difference, 50.0),
        p99_abs_s=float(abs(difference[tail[0]])),
        mean_s=float(difference.mean()),
        p95_difference_s=_ranked(part_s, PERCENTILE) - _ranked(counterpart_s, PERCENTILE),
        p95_low_s=p95.low_s,
        p95_high_s=p95.high_s,
        p95_claimed=p95.claimed,
        part_p95_s=_p95(part_s),
        counterpart_p95_s=_p95(counterpart_s),
        by_stage_s=_means(stages, _complete(stages)),
        tail=_tail(difference[tail], {stage: each[tail] for stage, each in stages.items()}, reply[tail]),
    )


def _delivery_s(part: ComparedPart, rows: Ints) -> Floats:
    delivery_s: Floats = part.journeys.provider.final_s[rows] - part.journeys.load.intended_s[rows]
    return delivery_s


def _ranked(values: Floats, percentile: float) -> float:
    return float(np.sort(values)[ranks(len(values), (percentile,))[0] - 1])


def _p95(times_s: Floats) -> float | None:
    return _ranked(times_s, PERCENTILE) if len(times_s) >= needed(PERCENTILE) else None


def _stage_differences(part: Journeys, counterpart: Journeys, rows: tuple[Ints, Ints]) -> dict[str, Floats]:
    """The difference of each stage for each pair; NaN without one of its timestamps."""
    a, b = rows
    timestamps = [
        one[a] - other[b]
        for one, other in zip(delivery_timestamps(part), delivery_timestamps(counterpart), strict=True)
    ]
    return {
        stage: ended - begun
        for stage, begun, ended in zip(DELIVERY_STAGES, timestamps, timestamps[1:], strict=False)
    }


def _complete(stages: Mapping[str, Floats]) -> Bools:
    """The pairs with every stage. They add up to the difference of their delivery times."""
    complete: Bools = np.logical_and.reduce([np.isfinite(each) for each in stages.values()])
    return complete


def _means(stages: Mapping[str, Floats], among: Bools) -> tuple[tuple[str, float], ...]:
    if not among.any():
        return ()
    return tuple((stage, float(each[among].mean())) for stage, each in stages.items())


def _tail(difference: Floats, stages: dict[str, Floats], reply: Floats) -> ComparedTail:
    """What makes up the differences of these pairs.

    A stage that makes one message slower and another one faster would cancel out in a plain mean. So each
    stage counts in the direction of its message's difference: the means add up to the mean size.
    """
    direction = np.sign(difference)
    parts: dict[str, Floats] = {}
    for stage, each in stages.items():
        if stage == "provider":
            parts[REPLY_AS_DRAWN] = reply * direction
            parts[stage] = (each - reply) * direction
        else:
            parts[stage] = each * direction
    split = _complete(parts)
    return ComparedTail(
        pairs=len(difference),
        later=int(np.count_nonzero(difference > 0)),
        split=int(np.count_nonzero(split)),
        size_s=float(np.abs(difference[split]).mean()) if split.any() else None,
        by_stage_s=_means(parts, split),
        other_reply=int(np.count_nonzero(reply[split])),
    )
