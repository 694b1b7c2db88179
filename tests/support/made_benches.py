"""Reports of whole benches and of what may be on their first screen."""

from __future__ import annotations

from typing import Any

import msgspec
from made_reports import (
    accounting,
    bottleneck,
    compared,
    comparison,
    hint,
    part,
    report,
    throughput,
)

from analysis.capacity_record import CapacityResult, Trial
from analysis.findings import ComparedTail, Comparison
from analysis.model import RunReport

replace = msgspec.structs.replace


def fifo(low_s: float = 15.0, high_s: float = 17.0) -> Comparison:
    return comparison(compared(low_s, high_s))


def suite(**changed: object) -> RunReport:
    """A good bench: a level, ten times that, a capacity search, a comparison, hints and shares."""
    found = CapacityResult(
        profile="fast",
        target="my-sender",
        objectives=("otp.p95<10s",),
        sustained_per_s=4_900.0,
        low_per_s=4_800.0,
        high_per_s=5_000.0,
        messages_per_day=190_000_000.0,
        bottlenecks=("the sender's process used 99 % of a core",),
        trials=(Trial(rate_per_s=4_800.0, verdict="met", delivered_per_s=4_799.0),),
    )
    fields: dict[str, Any] = {"capacity": found, "comparisons": (fifo(),), **changed}
    return report(
        part("05-day-500k", hints=(hint(),)),
        part("06-day-5m", messages_per_day=5_000_000, backlog_gone_s=0.4, title="ten times that"),
        part("07-day-500k-simulated", mode="simulated", title="the same in virtual time"),
        **fields,
    )


def failing() -> RunReport:
    """A sender that does not take what it is offered, with its bottleneck."""
    few = accounting(accepted=2_000, refused=600, unfinished=400, delivered=2_000)
    return report(part(p95_s={"otp": 14.0}, accounting=few, bottlenecks=(bottleneck(),)))


def live_and_simulated() -> tuple[Comparison, Comparison]:
    """Of a quiet part and of a busy one; marketing differs by more than one-time passwords."""
    stages = (("generator lag", 0.0001), ("sender API", 0.0045), ("sender queue", 0.0013), ("radio", 0.0))
    otp = replace(compared(0.0, 0.0), median_s=0.0056, p99_abs_s=0.066, mean_s=0.0059, by_stage_s=stages)
    tail = ComparedTail(
        pairs=18,
        later=11,
        split=18,
        size_s=0.268,
        by_stage_s=(("sender queue", 0.006), ("reply as drawn", 0.26), ("provider", 0.002), ("radio", 0.0)),
        other_reply=18,
    )
    other = replace(otp, message_class="marketing", p99_abs_s=0.168, tail=tail)
    busy = replace(comparison(otp), kind="live_vs_simulated", part="06-day-5m", classes=(otp, other))
    return replace(busy, part="05-day-500k", classes=(replace(otp, median_s=0.5),)), busy


def limited() -> RunReport:
    """Held by a contract of 500 segments per second."""
    return report(
        part("run", throughput=throughput(contract_segments_per_s=500.0, contract_per_s=500.0 / 2.3))
    )


def searched_low() -> RunReport:
    found = suite()
    assert found.capacity is not None
    return suite(capacity=replace(found.capacity, sustained_per_s=20.0, low_per_s=20.0, high_per_s=None))
