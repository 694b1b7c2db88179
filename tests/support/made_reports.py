"""Reports made by hand: one good part, and what a test changes of it."""

from __future__ import annotations

from typing import Any

import msgspec

from analysis.findings import (
    Bottleneck,
    ComparedClass,
    ComparedTail,
    Comparison,
    DelaySplit,
    Difference,
    Handsets,
    Hint,
    Share,
    ShareName,
)
from analysis.first_screen.screen import headline
from analysis.judge.levels import levels
from analysis.judge.verdict import deciding_parts
from analysis.measure.totals import totals
from analysis.model import (
    Accounting,
    BestRate,
    BurstResult,
    Check,
    Cost,
    Distribution,
    Objective,
    PartIdentity,
    PartReport,
    RunReport,
    Series,
    Throughput,
    Timeline,
    Verdict,
)
from analysis.objectives.grammar import Measure
from analysis.quantile import Curve, Quantile
from analysis.stage_times import StageBreakdown, StageTimes, TimestampOrder

LIMITS_S = {"otp": 10.0, "transactional": 30.0, "marketing": 600.0}


def quantile(percentile: float, value_s: float | None, spread: float = 0.05) -> Quantile:
    if value_s is None:
        return Quantile(percentile, "withheld", None, None, None, 72)
    return Quantile(percentile, "exact", value_s, value_s * (1 - spread), value_s * (1 + spread), 72)


def distribution(name: str, p95_s: float | None, count: int = 1_000) -> Distribution:
    half_s = None if p95_s is None else p95_s / 2
    return Distribution(
        message_class=name,
        measure="delivery_time",
        count=count,
        open_count=0,
        never_count=0,
        mean_s=half_s,
        min_s=0.1,
        max_s=None if p95_s is None else 2 * p95_s,
        lag_one_correlation=0.0,
        effective_count=float(count),
        quantiles=(quantile(50.0, half_s), quantile(95.0, p95_s)),
        curve=Curve((), (), (), ()),
    )


def timed(name: str, p95_s: float | None, limit_s: float, spread: float = 0.05) -> Objective:
    found = quantile(95.0, p95_s, spread)
    verdict: Verdict = "undecided"
    if found.low_s is not None and found.high_s is not None:
        verdict = "met" if found.high_s <= limit_s else "missed" if found.low_s > limit_s else "undecided"
    return Objective(
        objective=f"{name}.p95<{limit_s:g}s",
        measure="delivery_time",
        name=f"{name} p95 delivery time",
        message_class=name,
        limit=f"< {limit_s:g} s",
        measured="too few messages" if p95_s is None else f"{p95_s:g} s",
        interval="",
        verdict=verdict,
        why="95 % interval of 1,000 messages",
        needs="about 400 more messages, as in 90 s more of this load" if verdict == "undecided" else "",
        limit_s=limit_s,
        percentile=95.0,
        quantile=found,
        count=1_000,
    )


def counted(measure: Measure, name: str, count: int) -> Objective:
    return Objective(
        objective=f"{measure}=0",
        measure=measure,
        name=name,
        message_class="all",
        limit="0",
        measured=str(count),
        interval="",
        verdict="missed" if count else "met",
        why="of 3,000 accepted",
        count=count,
    )


def accounting(**changed: int) -> Accounting:
    fields: dict[str, int] = dict.fromkeys(Accounting.__struct_fields__, 0)
    fields |= dict.fromkeys(("planned", "rows", "sent", "answered", "accepted", "delivered", "found"), 3_000)
    return Accounting(**{**fields, "submits": 3_000, **changed})


def split(name: str, p95_s: float, sender_s: float = 0.1) -> DelaySplit:
    """Network and sender share the time; the contract and the bench have none of it."""

    def of(value_s: float) -> tuple[Quantile, ...]:
        return (quantile(50.0, value_s / 2), quantile(95.0, value_s), quantile(99.0, value_s * 1.5))

    total = of(p95_s)
    means: dict[ShareName, float] = {
        "network": p95_s / 2 - sender_s,
        "contract": 0.0,
        "sender": sender_s,
        "bench": 0.0,
    }
    shares = tuple(
        Share(name=each, mean_s=mean_s, p50_s=mean_s, p95_s=mean_s, p99_s=mean_s, without=of(p95_s - mean_s))
        for each, mean_s in means.items()
    )
    return DelaySplit(
        message_class=name,
        count=1_000,
        left_out=0,
        total_mean_s=p95_s / 2,
        total=total,
        shares=shares,
        network_only=of(p95_s - sender_s),
    )


def breakdown(name: str, p95_s: float) -> StageBreakdown:
    whole = StageTimes(
        name="end to end", count=1_000, mean_s=p95_s / 2, p50_s=p95_s / 2, p95_s=p95_s, p99_s=None
    )
    radio = msgspec.structs.replace(whole, name="radio")
    return StageBreakdown(message_class=name, count=1_000, stages=(radio,), end_to_end=whole)


def throughput(**changed: Any) -> Throughput:
    fields: dict[str, Any] = {
        "offered_mean_per_s": 50.0,
        "offered_peak": BestRate(56.0, 10.0, 3.0),
        "accepted_best": BestRate(55.0, 10.0, 3.0),
        "delivered_best": BestRate(54.0, 10.0, 5.0),
        "limit": "",
        "queue_wait_at_peak_s": 0.01,
        "shortfall_share": 0.0,
    }
    return Throughput(**{**fields, **changed})


def identity(**changed: Any) -> PartIdentity:
    fields: dict[str, Any] = {
        "name": "day-500k",
        "title": "the peak of a day",
        "role": "peak_slice",
        "mode": "real",
        "started": "2026-11-28T10:12:00Z",
        "ended": "2026-11-28T10:14:00Z",
        "exit_reason": "finished",
        "profile": "smsapi",
        "profile_limits": "100 requests/s, 500 segments/s",
        "messages_per_day": 500_000,
        "speedup": 1.0,
        "provider_scale": 1.0,
        "window": "peak",
        "load_s": 60.0,
        "planned_s": 60.0,
        "drained_s": 12.0,
        "target": {"name": "my-sender", "kind": "http"},
        "seeds": {"plan": 1},
        "versions": {},
        "machine": {},
        "parameters": {},
    }
    return PartIdentity(**{**fields, **changed})


def lag_check(**changed: Any) -> Check:
    fields: dict[str, Any] = {
        "name": "schedule lag",
        "state": "ok",
        "value": "p99 1.20 ms",
        "limit": "warn > 10 ms",
        "meaning": "how late the load generator sent",
        "advice": "use more workers",
        "value_number": 0.0012,
    }
    return Check(**{**fields, **changed})


def part(
    slug: str = "05-day-500k", p95_s: dict[str, float | None] | None = None, **changed: Any
) -> PartReport:
    """Met in every class unless ``p95_s`` says otherwise; fields of the identity go there."""
    times_s = {"otp": 8.0, "transactional": 12.0, "marketing": 14.0, **(p95_s or {})}
    of_identity = {
        name: changed.pop(name) for name in list(changed) if name in PartIdentity.__struct_fields__
    }
    who = identity(**of_identity)
    counts = changed.pop("accounting", accounting())
    known = {name: value_s for name, value_s in times_s.items() if value_s is not None}
    fields: dict[str, Any] = {
        "slug": slug,
        "identity": who,
        "accounting": counts,
        "reasons": (),
        "delivery": tuple(distribution(name, value_s) for name, value_s in times_s.items()),
        "api": (),
        "stages": tuple(breakdown(name, value_s) for name, value_s in known.items()),
        "stages_merged": (),
        "stage_coverage": (),
        "timestamp_order": TimestampOrder(3_000, 0, ()),
        "throughput": throughput(),
        "timeline": Timeline(
            bin_s=1.0,
            load_end_s=60.0,
            end_s=72.0,
            rates=(),
            latency_p50=(),
            latency_p95=(),
            points=(),
            backlog=(),
            peak_unsubmitted=0,
            peak_unsubmitted_at_s=0.0,
            peak_undelivered=0,
            peak_undelivered_at_s=0.0,
        ),
        "burst": None,
        "cost": Cost(
            points=500.0,
            per_1000_delivered_points=166.7,
            duplicates_points=0.0,
            undelivered_points=5.0,
            segments=3_100,
            segments_per_message=1.03,
            currency="PLN",
        ),
        "objectives": (
            *(timed(name, value_s, LIMITS_S[name]) for name, value_s in times_s.items()),
            counted("loss", "lost messages", counts.lost),
            counted("duplicates", "duplicate deliveries", counts.duplicates),
            counted("unaccounted", "messages unaccounted for", counts.unaccounted),
        ),
        "checks": (lag_check(),),
        "backlog_grew": None
        if changed.get("sustained", True) is None
        else not changed.get("sustained", True),
        "validity": "ok",
        "decides_verdict": True,
        "equivalent_per_day": float(who.messages_per_day * who.speedup) if who.messages_per_day else None,
        "delay_splits": tuple(split(name, value_s) for name, value_s in known.items()),
        "handsets": tuple(
            Handsets(
                message_class=name,
                accepted=1_000,
                unreachable=48,
                came_later=40,
                given_up_by_network=6,
                still_waiting=2,
            )
            for name in times_s
        ),
        "sustained": True,
    }
    return PartReport(**{**fields, **changed})


def bottleneck(**changed: Any) -> Bottleneck:
    fields: dict[str, Any] = {
        "kind": "sender_api",
        "text": "my-sender's API",
        "evidence": ("all 2,000 requests waited for it", "its process used 12 % of a core"),
        "from_s": 0.0,
        "to_s": 60.0,
        "share_of_load": 1.0,
    }
    return Bottleneck(**{**fields, **changed})


def hint(**changed: Any) -> Hint:
    text = "300 texts need UCS-2 for one character: they cost two segments more"
    return Hint(**{"name": "ucs2", "text": text, "count": 300, **changed})


def burst(low_s: float | None, high_s: float | None) -> BurstResult:
    """20,000 marketing messages; ``low_s`` to ``high_s`` is the interval of what it did to the OTPs."""
    found = None
    if low_s is not None and high_s is not None:
        claimed = low_s > 0 or high_s < 0
        found = Difference(
            percentile=95.0, value_s=(low_s + high_s) / 2, low_s=low_s, high_s=high_s, claimed=claimed
        )
    return BurstResult(
        message_class="marketing",
        from_s=15.0,
        to_s=75.0,
        messages=20_000,
        rate_per_s=333.0,
        accepted=1_000,
        peak_unsubmitted=400,
        peak_undelivered=900,
        submitted_after_s=2.0,
        delivered_after_s=60.0,
        mostly_delivered_after_s=20.0,
        still_open=0,
        observed_after_s=90.0,
        guarded_class="otp",
        guarded_before=(quantile(50.0, 4.0), quantile(95.0, 8.0)),
        guarded_during=(quantile(50.0, 4.1), quantile(95.0, 8.8)),
        guarded_before_count=600,
        guarded_during_count=3_000,
        guarded_difference=found,
        offered=Series("offered", (), ()),
        delivered=Series("delivered", (), ()),
    )


def compared(low_s: float, high_s: float) -> ComparedClass:
    return ComparedClass(
        message_class="otp",
        pairs=1_000,
        unpaired=3,
        median_s=16.0,
        p99_abs_s=40.0,
        mean_s=15.0,
        p95_difference_s=(low_s + high_s) / 2,
        p95_low_s=low_s,
        p95_high_s=high_s,
        p95_claimed=low_s > 0 or high_s < 0,
        part_p95_s=24.0,
        counterpart_p95_s=8.0,
        by_stage_s=(),
        tail=ComparedTail(pairs=10, later=6, split=0, size_s=None, by_stage_s=(), other_reply=0),
    )


def comparison(one: ComparedClass) -> Comparison:
    return Comparison(
        part="08-fifo",
        counterpart="07-burst",
        kind="priorities_vs_fifo",
        title="a burst without priorities minus unchanged",
        classes=(one,),
    )


def report(*parts: PartReport, **changed: Any) -> RunReport:
    """Assembled as ``analysis.report`` does."""
    parts = parts or (part(),)
    suite = len(parts) > 1
    deciding = deciding_parts(parts)
    objectives = tuple(
        msgspec.structs.replace(one, part=each.slug if suite else "")
        for each in deciding
        for one in each.objectives
    )
    verdicts = [each.verdict for each in objectives]
    verdict = "missed" if "missed" in verdicts else "met" if set(verdicts) == {"met"} else "undecided"
    fields: dict[str, Any] = {
        "schema_version": 2,
        "title": "a bench made by hand",
        "kind": "suite" if suite else "run",
        "simulated": any(each.identity.mode == "simulated" for each in parts),
        "faults_injected": False,
        "validity": "invalid" if any(each.validity == "invalid" for each in deciding) else "ok",
        "verdict": verdict,
        "interrupted": "",
        "exit_code": 0,
        "allow_undecided": False,
        "headline": "",
        "notes": (),
        "objectives": objectives,
        "checks": tuple(
            msgspec.structs.replace(one, part=each.slug if suite else "")
            for each in parts
            for one in each.checks
        ),
        "levels": levels(parts),
        "parts": parts,
        "totals": totals(deciding),
    }
    made = RunReport(**{**fields, **changed})
    return msgspec.structs.replace(made, headline=headline(made))
