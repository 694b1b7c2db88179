"""One ordinary run directory in, one ``PartReport`` out."""

from __future__ import annotations

from pathlib import Path

from analysis import stages, surroundings, validity
from analysis.arrays import Bools
from analysis.burst import find_burst
from analysis.cost import cost
from analysis.culprits import CulpritInputs, find_culprits
from analysis.distributions import api_distributions, delivery_distributions
from analysis.fates import Fates, judge, ledger, reasons
from analysis.faults import fault_bands
from analysis.journeys import Journeys, read_journeys
from analysis.late_generator import dropped_by_target, lateness
from analysis.model import Check, Identity, Ledger, Marks, Objective, PartReport
from analysis.percentiles import SHOWN_PERCENTILES
from analysis.provider_limits import limits_text
from analysis.records import Manifest, Slo
from analysis.slo import DEFAULT_SLOS, count_objectives, delivery_objectives, withheld
from analysis.throughput import throughput
from analysis.timeline import timeline

SCALED_WHY = (
    "compressed seconds: the provider's delays were scaled with the day, so no real time was measured"
)
NO_JOURNAL_WHY = "no provider rows: deliveries were not observed"


def analyse_part(run_dir: Path, manifest: Manifest, slug: str) -> PartReport:
    """Raises ``MalformedRunError`` where a file of the run directory is not what its name says."""
    journeys = read_journeys(run_dir, manifest)
    fates = judge(journeys)
    counted = ledger(journeys, fates, manifest.planned)
    slos = manifest.slos or DEFAULT_SLOS
    instrument = surroundings.instrument(manifest.instrument_failures, journeys.origin_ns)
    failed = instrument.value if instrument.state == "invalid" else ""
    delivery = delivery_distributions(journeys, fates, _percentiles(slos))
    objectives = (
        *delivery_objectives(delivery, slos, _withheld_why(manifest, journeys)),
        *count_objectives(counted, journeys.sender.present, journeys.journal),
    )
    if failed:
        objectives = withheld(objectives, f"the bench failed: {failed}")
    marks = stages.check_marks(journeys)
    groups = stages.breakdowns(journeys, fates)
    tightest_s = min(slo.limit_s for slo in slos)
    lag_limit_s = validity.LAG_SHARE_OF_SLO * tightest_s
    left_to_target = dropped_by_target(journeys, manifest.in_flight_limit, lag_limit_s)
    checks = (
        instrument,
        *_checks(journeys, manifest, counted, marks, (tightest_s, left_to_target)),
        validity.sample_sizes(delivery, objectives),
        validity.effective_sizes(delivery),
    )
    return PartReport(
        slug=slug,
        identity=_identity(manifest, journeys),
        ledger=counted,
        reasons=reasons(journeys),
        delivery=delivery if journeys.journal else (),
        api=api_distributions(journeys),
        stages=groups[0] if groups else (),
        stages_merged=groups[1:],
        stage_coverage=stages.coverage(journeys, fates, groups),
        marks=marks,
        throughput=throughput(journeys, fates, counted),
        timeline=timeline(journeys, fates),
        burst=find_burst(journeys, fates) if manifest.scenario.role == "burst" else None,
        cost=cost(journeys, fates),
        objectives=objectives,
        checks=checks,
        validity=validity.worst(checks),
        probe=is_probe(manifest),
        equivalent_per_day=equivalent_per_day(manifest),
        faults=fault_bands(manifest, journeys),
        bench_failure=failed,
        culprits=()
        if failed
        else find_culprits(_culprit_inputs(journeys, fates, objectives, manifest, lag_limit_s)),
    )


def _culprit_inputs(
    journeys: Journeys,
    fates: Fates,
    objectives: tuple[Objective, ...],
    manifest: Manifest,
    lag_limit_s: float,
) -> CulpritInputs:
    return CulpritInputs(
        journeys=journeys,
        fates=fates,
        objectives=objectives,
        profile=manifest.profile,
        target=manifest.target,
        in_flight_limit=manifest.in_flight_limit,
        lag_limit_s=lag_limit_s,
    )


def _withheld_why(manifest: Manifest, journeys: Journeys) -> str:
    """Why no delivery time of this run is a real one; "" if they are."""
    if not journeys.journal:
        return NO_JOURNAL_WHY
    return SCALED_WHY if manifest.timing.provider_scale != 1.0 else ""


def is_probe(manifest: Manifest) -> bool:
    """A day played denser than it is, to see how much more would hold."""
    return manifest.scenario.role == "compressed_day" and manifest.timing.compress > 1.0


def equivalent_per_day(manifest: Manifest) -> float | None:
    """Messages a day that the system was asked to carry: level times compression.

    A provider that was scaled along carries the day's own level, whatever the compression.
    """
    level = manifest.scenario.messages_per_day
    if level is None:
        return None
    return float(level) if manifest.timing.provider_scale != 1.0 else level * manifest.timing.compress


def _percentiles(slos: tuple[Slo, ...]) -> tuple[float, ...]:
    return tuple(sorted({*SHOWN_PERCENTILES, *(slo.percentile for slo in slos)}))


def _checks(
    journeys: Journeys, manifest: Manifest, counted: Ledger, marks: Marks, bench: tuple[float, Bools]
) -> tuple[Check, ...]:
    """The checks that need no verdicts; those that do are added by ``analyse_part``.

    ``bench``: the tightest objective, and the arrivals that the sender's silence kept from being sent.
    """
    tightest_s, left_to_target = bench
    return (
        validity.schedule_lag(lateness(journeys, validity.LAG_SHARE_OF_SLO * tightest_s), tightest_s),
        validity.dropped_arrivals(counted, int(left_to_target.sum())),
        validity.rate_error(journeys, left_to_target),
        validity.ledger_balance(counted),
        validity.marks_add_up(marks),
        surroundings.generator_cpu(journeys),
        surroundings.machine_cpu(journeys),
        surroundings.provider_loop(journeys, tightest_s),
        validity.plateau(journeys),
        *surroundings.closed_connections(journeys),
        surroundings.ending(manifest, counted),
        *surroundings.earlier_load(manifest),
        surroundings.files(journeys, counted),
        validity.strangers(counted),
    )


def _identity(manifest: Manifest, journeys: Journeys) -> Identity:
    scenario, timing = manifest.scenario, manifest.timing
    return Identity(
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
        compress=timing.compress,
        provider_scale=timing.provider_scale,
        window=timing.window,
        load_s=journeys.load_end_s,
        planned_s=timing.duration_s,
        drained_s=max(journeys.end_s - journeys.load_end_s, 0.0),
        target=manifest.target,
        seeds=manifest.seeds,
        versions=manifest.versions,
        machine=manifest.machine,
        parameters=scenario.parameters,
    )
