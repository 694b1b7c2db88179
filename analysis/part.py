"""Analyses one ordinary run directory: one ``PartReport``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from analysis.classes import ALL
from analysis.findings import Availability, Bottleneck, DelaySplit, FaultBand, Hint, Reach, RepeatTimes
from analysis.judge import checks, checks_environment
from analysis.judge.bottlenecks import BottleneckInputs, find_bottlenecks
from analysis.judge.handsets import class_outcomes, handsets
from analysis.judge.objective_inputs import ObjectiveInputs
from analysis.judge.objectives import judge_all
from analysis.judge.options import MadeBy, command_of, for_command
from analysis.judge.sustained import sustained
from analysis.judge.validity import worst
from analysis.judge.verdict import withheld
from analysis.measure import stages
from analysis.measure.backlog import availability_and_growth, class_grew
from analysis.measure.burst import find_burst
from analysis.measure.comparison.campaigns import fairness
from analysis.measure.contract_limits import has_fast_lane
from analysis.measure.copies import repeat_times
from analysis.measure.cost import cost
from analysis.measure.distributions import api_ages, api_distributions, class_ages, delivery_distributions
from analysis.measure.faults import fault_bands
from analysis.measure.forwarding import forwarding_stop
from analysis.measure.late_generator import lateness, with_bench_drops
from analysis.measure.load_and_contract import with_contract
from analysis.measure.outcomes import MessageOutcomes, accounting, judge
from analysis.measure.percentiles import SHOWN_PERCENTILES
from analysis.measure.provider_limits import currency_of, limits_text
from analysis.measure.reasons import reasons
from analysis.measure.repeats import repeats_hint
from analysis.measure.send_order import otps_wait_like_others
from analysis.measure.shares.delays import delay_splits, route_count
from analysis.measure.shares.hints import hints
from analysis.measure.shares.why_missed import why_missed
from analysis.measure.silence import accepts_to_the_end
from analysis.measure.steady import steady_of
from analysis.measure.throughput import backlog_gone_s, throughput
from analysis.measure.timeline import timeline
from analysis.measure.without_key import what_is_known
from analysis.model import (
    Accounting,
    Check,
    Cost,
    Distribution,
    Objective,
    PartIdentity,
    PartReport,
    Throughput,
)
from analysis.objectives.defaults import DEFAULT_OBJECTIVES
from analysis.objectives.grammar import Measure, Spec, parse_all
from analysis.read.journeys import Journeys, read_journeys
from analysis.read.wait_after_load import ended_early, waited_out
from analysis.records import Manifest
from analysis.stage_times import TimestampOrder

DEFAULT_SPECS = parse_all(DEFAULT_OBJECTIVES)

SCALED_WHY = "compressed seconds: the provider's delays were scaled with the day, so they are not real times"
_WHOLE = ("finished", "drain_timeout", "drain_ended")  # exit reasons after a complete load
_CAMPAIGNS = ("burst", "campaigns")  # roles with concurrent campaigns
NO_JOURNAL_WHY = "no provider rows: deliveries were not observed"


def analyse_part(
    run_dir: Path, manifest: Manifest, slug: str, specs: tuple[Spec, ...] = DEFAULT_SPECS
) -> PartReport:
    """Raises ``MalformedRunError`` if a file of the run directory is malformed."""
    tightest = _tightest(specs)
    limits = manifest.in_flight_limit, manifest.in_flight_needed
    journeys = with_bench_drops(read_journeys(run_dir, manifest), limits, tightest.lag_limit_s)
    outcomes = judge(journeys)
    counted = accounting(journeys, outcomes, manifest.planned)
    instrument = checks_environment.instrument(manifest.instrument_failures, journeys.origin_ns)
    failed = instrument.value if instrument.state == "invalid" else ""
    delivery, api = times = _times(journeys, outcomes, manifest, specs)
    paid = cost(journeys, outcomes, currency_of(manifest.profile))
    available, grew = availability_and_growth(journeys, outcomes)
    bands = fault_bands(manifest, journeys, outcomes)
    stopped = forwarding_stop(journeys, outcomes.unaccounted, bands) is not None
    objectives = judge_all(
        specs, _facts(manifest, journeys, outcomes, counted, times, (paid, available, grew), stopped)
    )
    splits = _delay_splits(journeys, outcomes, manifest, specs)
    objectives = _with_reach(objectives, splits, grew is True, bool(manifest.faults))
    objectives = _without_verdict(objectives, failed) if failed else objectives
    order = stages.timestamp_order(journeys)
    groups = stages.breakdowns(journeys, outcomes)
    found = _checks(journeys, manifest, counted, order, tightest, stopped)
    sizes = checks.sample_sizes(delivery, objectives), checks.effective_sizes(delivery)
    made = _advised((instrument, *found, *sizes), command_of(manifest))
    through = _throughput(manifest, journeys, outcomes, counted, paid, specs)
    asked = _bottleneck_inputs(journeys, outcomes, objectives, manifest, bands, tightest, grew is True)
    named, repeated = () if failed else find_bottlenecks(asked), repeat_times(journeys)
    return PartReport(
        slug=slug,
        identity=_identity(manifest, journeys),
        accounting=counted,
        reasons=reasons(journeys),
        delivery=delivery if journeys.journal else (),
        api=api,
        stages=groups[0] if groups else (),
        stages_merged=groups[1:],
        stage_coverage=stages.coverage(journeys, outcomes, groups),
        timestamp_order=order,
        throughput=through,
        timeline=timeline(journeys, outcomes),
        burst=find_burst(journeys, outcomes) if manifest.scenario.role == "burst" else None,
        cost=paid,
        objectives=objectives,
        checks=made,
        validity=worst(made),
        decides_verdict=decides_verdict(manifest),
        equivalent_per_day=equivalent_per_day(manifest),
        faults=bands,
        bench_failure=failed,
        backlog_gone_s=backlog_gone_s(journeys, outcomes),
        fairness=fairness(journeys, outcomes, run_dir) if manifest.scenario.role in _CAMPAIGNS else None,
        handsets=handsets(journeys, outcomes) if journeys.journal else (),
        availability=available,
        backlog_grew=grew,
        sustained=sustained(counted, grew, journeys, outcomes, waited_out(manifest, journeys.waited_s)),
        delay_splits=splits,
        hints=_hints(journeys, outcomes, manifest, named, repeated, through.above_contract),
        repeat_times=repeated,
        without_key_evidence=what_is_known(journeys, outcomes),
        bottlenecks=named,
    )


def _without_verdict(objectives: tuple[Objective, ...], failed: str) -> tuple[Objective, ...]:
    return withheld(objectives, f"the bench failed: {failed}", "a run in which the bench does not fail")


def _times(
    journeys: Journeys, outcomes: MessageOutcomes, manifest: Manifest, specs: tuple[Spec, ...]
) -> tuple[tuple[Distribution, ...], tuple[Distribution, ...]]:
    """The distributions of the delivery times and of the sender's answers."""
    faults = bool(manifest.faults)
    return (
        delivery_distributions(journeys, outcomes, _percentiles(specs, "delivery_time"), faults),
        api_distributions(journeys, _percentiles(specs, "api_response"), faults),
    )


def _grew_in_trial(manifest: Manifest, journeys: Journeys) -> bool:
    """Whether a capacity search calls its trial not sustained: it judges the steady part of the load."""
    if command_of(manifest) != "capacity":
        return False
    steady = steady_of(journeys)
    return steady is not None and steady.sustained is False


def _throughput(
    manifest: Manifest,
    journeys: Journeys,
    outcomes: MessageOutcomes,
    counted: Accounting,
    paid: Cost | None,
    specs: tuple[Spec, ...],
) -> Throughput:
    found = throughput(journeys, outcomes, counted)
    segments = paid.segments_per_message if paid is not None else None
    return with_contract(found, manifest.profile, segments, journeys, _tightest_delivery_s(manifest, specs))


def _bottleneck_inputs(
    journeys: Journeys,
    outcomes: MessageOutcomes,
    objectives: tuple[Objective, ...],
    manifest: Manifest,
    bands: tuple[FaultBand, ...],
    tightest: checks.TightestObjective,
    backlog_grew: bool,
) -> BottleneckInputs:
    return BottleneckInputs(
        journeys=journeys,
        outcomes=outcomes,
        objectives=objectives,
        profile=manifest.profile,
        target=manifest.target,
        in_flight_limit=manifest.in_flight_limit,
        lag_limit_s=tightest.lag_limit_s,
        backlog_grew=backlog_grew or _grew_in_trial(manifest, journeys),
        faults=bands,
        flag_is_faster=has_fast_lane(manifest.profile),
        routes=route_count(manifest.target),
        waited_out=waited_out(manifest, journeys.waited_s),
    )


def _hints(
    journeys: Journeys,
    outcomes: MessageOutcomes,
    manifest: Manifest,
    named: tuple[Bottleneck, ...],
    times: RepeatTimes | None,
    above_contract: bool,
) -> tuple[Hint, ...]:
    order, repeated = otps_wait_like_others(journeys, manifest), repeats_hint(journeys)
    # The bottleneck says it; or the sender repeats messages before it knows the answer.
    if any(each.kind == "sender_repeats" for each in named) or (times is not None and times.late):
        repeated = None
    first = (each for each in (order, repeated) if each is not None)
    return (*first, *hints(journeys, outcomes, manifest, above_contract))


def _with_reach(
    objectives: tuple[Objective, ...], splits: tuple[DelaySplit, ...], backlog_grew: bool, faults: bool
) -> tuple[Objective, ...]:
    """Adds to each missed delivery time whether a sender or the contract can change it."""
    found = []
    for each in objectives:
        reach = Reach(each.reach_kind, each.reach)
        if each.measure == "delivery_time" and each.verdict == "missed":
            of = each.message_class, each.percentile or 0.0, each.limit_s or 0.0
            reach = why_missed(splits, *of, backlog_grew, faults, each.quantile)
        found.append(msgspec.structs.replace(each, reach=reach.text, reach_kind=reach.kind))
    return tuple(found)


def _delay_splits(
    journeys: Journeys, outcomes: MessageOutcomes, manifest: Manifest, specs: tuple[Spec, ...]
) -> tuple[DelaySplit, ...]:
    if _withheld_why(manifest, journeys):
        return ()
    return delay_splits(journeys, outcomes, manifest, _asked(specs, "delivery_time"))


def _facts(
    manifest: Manifest,
    journeys: Journeys,
    outcomes: MessageOutcomes,
    counted: Accounting,
    distributions: tuple[tuple[Distribution, ...], tuple[Distribution, ...]],
    measured: tuple[Cost, Availability | None, bool | None],
    stopped_forwarding: bool,
) -> ObjectiveInputs:
    waited = waited_out(manifest, journeys.waited_s)
    return ObjectiveInputs(
        delivery=distributions[0],
        api=distributions[1],
        delivery_ages=lambda name: class_ages(journeys, outcomes, name),
        api_ages=lambda: api_ages(journeys, journeys.load.intended_s),
        outcomes=class_outcomes(journeys, outcomes, waited),
        accounting=counted,
        availability=measured[1],
        cost=measured[0],
        backlog_grew=lambda name: (
            measured[2] is True and (name == ALL or class_grew(journeys, outcomes, name))
        ),
        load_s=journeys.load_end_s,
        journal=journeys.journal,
        sender_rows=journeys.sender.present,
        waited_out=waited,
        repeats_awaited=journeys.repeats_awaited,
        no_real_times=_withheld_why(manifest, journeys),
        simulated=manifest.mode == "simulated",
        command=command_of(manifest),
        cut_short=ended_early(manifest),
        whole_day=manifest.scenario.role == "whole_day" and manifest.exit_reason in _WHOLE,
        stopped_forwarding=stopped_forwarding,
        accepts_to_the_end=accepts_to_the_end(journeys),
    )


def _withheld_why(manifest: Manifest, journeys: Journeys) -> str:
    """Why the delivery times of this run are not real times; "" if they are."""
    if not journeys.journal:
        return NO_JOURNAL_WHY
    return SCALED_WHY if manifest.timing.provider_scale != 1.0 else ""


def decides_verdict(manifest: Manifest) -> bool:
    """False for a run that only answers a question: a what-if, a counterpart, a headroom probe."""
    headroom_probe = manifest.scenario.role == "compressed_day" and manifest.timing.speedup > 1.0
    return manifest.scenario.decides and not headroom_probe


def equivalent_per_day(manifest: Manifest) -> float | None:
    """Messages a day that the load is equivalent to: level times compression.

    If the provider was scaled too, the compression cancels out.
    """
    level = manifest.scenario.messages_per_day
    if level is None:
        return None
    return float(level) if manifest.timing.provider_scale != 1.0 else level * manifest.timing.speedup


def _percentiles(specs: tuple[Spec, ...], measure: Measure) -> tuple[float, ...]:
    return tuple(sorted({*SHOWN_PERCENTILES, *_asked(specs, measure)}))


def _asked(specs: tuple[Spec, ...], measure: Measure) -> set[float]:
    return {spec.percentile for spec in specs if spec.measure == measure and spec.percentile is not None}


def _tightest(specs: tuple[Spec, ...]) -> checks.TightestObjective:
    """The bench may be late by 1 % of a limit on a delivery time, or 10 % of one on the sender's answer."""
    shares = {"delivery_time": checks.LAG_SHARE_OF_OBJECTIVE, "api_response": checks.LAG_SHARE_OF_ANSWER}
    found = [
        checks.TightestObjective(spec.limit, shares[spec.measure]) for spec in specs if spec.measure in shares
    ]
    return min(found, key=lambda each: each.lag_limit_s, default=checks.TightestObjective())


def _tightest_delivery_s(manifest: Manifest, specs: tuple[Spec, ...]) -> float:
    """The lowest limit on a delivery time. For a trial of a capacity search 0: it must sustain its rate."""
    if command_of(manifest) == "capacity":
        return 0.0
    return min((spec.limit for spec in specs if spec.measure == "delivery_time"), default=0.0)


def _checks(
    journeys: Journeys,
    manifest: Manifest,
    counted: Accounting,
    order: TimestampOrder,
    tightest: checks.TightestObjective,
    stopped_forwarding: bool,
) -> tuple[Check, ...]:
    """The checks that do not need verdicts. ``analyse_part`` adds the others."""
    return (
        checks.schedule_lag(lateness(journeys, tightest.lag_limit_s), tightest),
        checks.dropped_arrivals(counted, manifest.in_flight_limit, manifest.in_flight_needed),
        checks.rate_error(journeys),
        checks.accounting_balance(counted),
        checks.timestamp_order(order),
        checks_environment.generator_cpu(journeys),
        checks_environment.machine_cpu(journeys),
        checks_environment.provider_loop(journeys, tightest.lag_limit_s),
        checks.nagle_delay(journeys),
        *checks_environment.closed_connections(journeys),
        checks_environment.ending(manifest, counted, stopped_forwarding),
        *checks_environment.earlier_load(manifest),
        checks_environment.files(manifest, journeys, counted),
        checks.unknown_messages(counted),
    )


def _advised(made: tuple[Check, ...], command: MadeBy) -> tuple[Check, ...]:
    """The checks, with the options that the run's command has."""
    return tuple(msgspec.structs.replace(each, advice=for_command(each.advice, command)) for each in made)


def _identity(manifest: Manifest, journeys: Journeys) -> PartIdentity:
    scenario, timing = manifest.scenario, manifest.timing
    return PartIdentity(
        name=scenario.name,
        title=scenario.title or scenario.name,
        role=scenario.role,
        mode=manifest.mode,
        started=manifest.started.wall,
        ended=manifest.ended.wall,
        exit_reason=manifest.exit_reason,
        profile=manifest.profile_name,
        profile_limits=limits_text(manifest.profile),
        messages_per_day=scenario.messages_per_day,
        speedup=timing.speedup,
        provider_scale=timing.provider_scale,
        window=timing.window,
        load_s=journeys.load_end_s,
        planned_s=timing.duration_s,
        drained_s=max(journeys.waited_s, 0.0),
        target=manifest.target,
        seeds=manifest.seeds,
        versions=manifest.versions,
        machine=manifest.machine,
        parameters=scenario.parameters,
        decides=scenario.decides,
        counterpart=scenario.counterpart,
        what_if=scenario.what_if,
    )
