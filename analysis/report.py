"""Builds the ``RunReport`` of a run or a suite, which the renderers draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from analysis.capacity_record import SEARCH_ITSELF, CapacityResult, read_capacity
from analysis.classes import CLASS_ORDER, in_class_order
from analysis.exit_codes import ExitCode
from analysis.first_screen.screen import headline
from analysis.formatting import TIMES
from analysis.judge import interruption
from analysis.judge.checks_environment import instrument
from analysis.judge.levels import levels
from analysis.judge.objectives import not_in_any
from analysis.judge.options import command_of
from analysis.judge.search import search_verdict
from analysis.judge.validity import invalidating, worst
from analysis.judge.verdict import ALWAYS_DECISIVE, deciding_parts, overall
from analysis.measure import faults
from analysis.measure.comparison.suite import comparisons, with_campaign_alone
from analysis.measure.totals import totals
from analysis.model import Check, CheckState, Objective, PartIdentity, PartReport, RunReport, Verdict
from analysis.objectives.defaults import with_defaults
from analysis.objectives.grammar import ObjectiveError, Spec, parse_all
from analysis.part import analyse_part
from analysis.processes import spread
from analysis.read.journeys import MalformedRunError, class_names, load_rows
from analysis.records import Manifest, read_manifest

REPORT_SCHEMA_VERSION = 6
PARTS_PER_PROCESS = (
    3  # of a bench, one takes half of the time; with fewer, it is as fast to analyse them here
)


def build_report(
    run_dir: Path,
    progress: Callable[[str], None] = lambda line: None,
    objectives: tuple[str, ...] = (),
    allow_undecided: bool = False,
) -> RunReport:
    """Raises ``MalformedRunError`` if ``run_dir`` is not a run directory or has a malformed file.

    ``objectives`` are objectives that replace the manifest's. Raises ``ObjectiveError``.
    """
    manifest = _manifest(run_dir)
    parts, given = [], parse_all(with_defaults(objectives)) if objectives else ()
    places = _parts(run_dir, manifest)
    asked = [(part_dir, each, slug, given or _specs(part_dir, each)) for slug, part_dir, each in places]
    progress(f"analysing {len(asked)} part{'s' * (len(asked) > 1)}")
    for number, part in enumerate(spread(_analysed, asked, PARTS_PER_PROCESS), start=1):
        progress(f"analysed {part.slug} ({number} of {len(asked)})")
        parts.append(part)
    with_alone = with_campaign_alone(with_distinct_titles(parts), places)
    if manifest.capacity == SEARCH_ITSELF:
        with_alone = interruption.without_interrupted_trial(with_alone)
    found = _capacity(run_dir, manifest)
    specs = given or _specs(run_dir, manifest)
    report = _assemble(manifest, with_alone, specs, allow_undecided, found)
    report = replace(report, comparisons=comparisons(places))
    return replace(report, headline=headline(report))


def _analysed(arguments: tuple[Path, Manifest, str, tuple[Spec, ...]]) -> PartReport:
    return analyse_part(*arguments)


def possible_classes(run_dir: Path) -> tuple[str, ...]:
    """The classes that an objective of the run may name: the usual ones, and those of its load. Empty if the
    run has no message, since its classes are not known then. Raises ``MalformedRunError``.
    """
    places = _parts(run_dir, _manifest(run_dir))
    found = {name for _, part_dir, _ in places for name in class_names(load_rows(part_dir))}
    return in_class_order({*CLASS_ORDER, *found}) if found else ()


def with_distinct_titles(parts: Sequence[PartReport]) -> tuple[PartReport, ...]:
    """Parts with the same messages may have the same title, and the first screen names parts by title. The
    title of a counterpart and of a part without priorities says so; if that is not enough, it has the slug.
    """
    marked = _marked(parts, [_mark(part.identity) for part in parts])
    return _marked(marked, [f" ({part.slug})" for part in marked])


def _mark(identity: PartIdentity) -> str:
    if identity.parameters.get("fifo"):
        return " (without priorities)"
    return " (simulated)" if identity.mode == "simulated" else ""


def _marked(parts: Sequence[PartReport], marks: Sequence[str]) -> tuple[PartReport, ...]:
    """The parts, with their marks after titles that occur more than once."""
    counts = Counter(part.identity.title for part in parts)
    return tuple(
        part
        if counts[part.identity.title] == 1
        else replace(part, identity=replace(part.identity, title=f"{part.identity.title}{mark}"))
        for part, mark in zip(parts, marks, strict=True)
    )


def _capacity(run_dir: Path, manifest: Manifest) -> CapacityResult | None:
    """The result of the suite's capacity search; None without one."""
    if not manifest.capacity:
        return None
    directory = run_dir / manifest.capacity
    if not directory.resolve().is_relative_to(run_dir.resolve()):
        raise MalformedRunError(
            f"{run_dir / 'run.json'}: capacity {manifest.capacity!r} is outside the run directory"
        )
    try:
        return read_capacity(directory)
    except ValueError as error:
        raise MalformedRunError(str(error)) from error


def _specs(run_dir: Path, manifest: Manifest) -> tuple[Spec, ...]:
    """The objectives of a run directory."""
    try:
        return parse_all(with_defaults(manifest.objectives))
    except ObjectiveError as error:
        raise MalformedRunError(f"{run_dir / 'run.json'}: objectives:\n{error}") from error


def _manifest(run_dir: Path) -> Manifest:
    try:
        return read_manifest(run_dir)
    except ValueError as error:
        raise MalformedRunError(str(error)) from error


def _parts(run_dir: Path, manifest: Manifest) -> list[tuple[str, Path, Manifest]]:
    if manifest.kind == "run":
        return [(manifest.scenario.name, run_dir, manifest)]
    if not manifest.parts:
        raise MalformedRunError(f"{run_dir / 'run.json'}: a suite without parts")
    found = []
    for part in manifest.parts:
        part_dir = run_dir / part
        if not part_dir.resolve().is_relative_to(run_dir.resolve()):
            raise MalformedRunError(f"{run_dir / 'run.json'}: part {part!r} is outside the run directory")
        part_manifest = _manifest(part_dir)
        if part_manifest.kind != "run":
            raise MalformedRunError(f"{part_dir / 'run.json'}: a part of a suite must be an ordinary run")
        found.append((part_dir.name, part_dir, part_manifest))
    return found


def _assemble(
    manifest: Manifest,
    parts: tuple[PartReport, ...],
    specs: tuple[Spec, ...],
    allow_undecided: bool,
    found: CapacityResult | None,
) -> RunReport:
    suite = manifest.kind == "suite"
    # A headroom probe tests a higher volume. Slow or refused messages are an answer to that question and fail
    # nothing. Lost, duplicated or unaccounted messages decide in every part.
    decisive = deciding_parts(parts)
    objectives = _objectives(parts, decisive, specs, suite)
    checks = tuple(replace(each, part=part.slug if suite else "") for part in parts for each in part.checks)
    if suite and manifest.instrument_failures:
        checks = (*checks, instrument(manifest.instrument_failures))
    validity = _validity(checks, invalidating(checks, parts))
    no_rate = search_verdict(found) if manifest.capacity == SEARCH_ITSELF else None
    verdict = no_rate or overall(objectives)
    interrupted = interruption.interruption(manifest, parts, found)
    note = interruption.interruption_note(interrupted, manifest, parts) if interrupted else ""
    in_virtual_time = [part.slug for part in parts if part.identity.mode == "simulated"]
    simulated = len(in_virtual_time) == len(parts)
    return RunReport(
        schema_version=REPORT_SCHEMA_VERSION,
        title=manifest.scenario.title or manifest.scenario.name,
        seeds=manifest.seeds,
        kind=manifest.kind,
        simulated=simulated,
        faults_injected=bool(faults.injected_fault_notes(parts, suite)),
        validity=validity,
        verdict=verdict,
        exit_code=ExitCode.INTERRUPTED if interrupted else _exit_code(validity, verdict, allow_undecided),
        allow_undecided=allow_undecided,
        headline="",
        interrupted=interrupted,
        notes=(*_notes(parts, tuple(in_virtual_time), note, suite), *_of_a_search(manifest)),
        objectives=objectives,
        checks=checks,
        levels=levels(parts),
        capacity=found,
        no_rate=no_rate,
        parts=parts,
        totals=totals(tuple(part for part in decisive if not part.bench_failure)),
    )


def _objectives(
    parts: tuple[PartReport, ...], decisive: tuple[PartReport, ...], specs: tuple[Spec, ...], suite: bool
) -> tuple[Objective, ...]:
    """The deciding objectives with their parts; then those that no part could test."""
    found = tuple(
        replace(each, part=part.slug if suite else "")
        for part in parts
        for each in part.objectives
        if part in decisive or each.measure in ALWAYS_DECISIVE
    )
    every = tuple(each for part in parts for each in part.objectives)
    return (*found, *not_in_any(specs, every))


def _validity(checks: tuple[Check, ...], invalidates: tuple[Check, ...]) -> CheckState:
    if invalidates:
        return "invalid"
    return "ok" if worst(checks) == "ok" else "warn"


def _exit_code(validity: CheckState, verdict: Verdict, allow_undecided: bool) -> int:
    if validity == "invalid":
        return ExitCode.INVALID
    if verdict == "missed":
        return ExitCode.MISSED
    return ExitCode.MET if verdict == "met" or allow_undecided else ExitCode.UNDECIDED


def _of_a_search(manifest: Manifest) -> tuple[str, ...]:
    """For a trial of a capacity search that is reported alone: the search has a verdict of its own."""
    if manifest.kind == "suite" or command_of(manifest) != "capacity":
        return ()
    return (
        "This run is one trial of a capacity search. The search's verdict on it is in the report of the "
        "whole search (table Capacity), and can differ: the search also asks whether the backlog grew, and "
        "leaves out a percentile for which the trial has too few messages.",
    )


def _notes(
    parts: tuple[PartReport, ...], in_virtual_time: tuple[str, ...], interruption_note: str, suite: bool
) -> tuple[str, ...]:
    """Notes that a reader must know before the figures."""
    notes = [interruption_note] if interruption_note else []
    if in_virtual_time:
        all_of_it = len(in_virtual_time) == len(parts)
        some = f"{len(in_virtual_time)} of {len(parts)} parts are simulated (each is marked below)"
        which = "SIMULATED" if all_of_it else some
        notes.append(
            f"{which}: virtual time, without sockets and processes. The figures show how the rules of sender "
            "and provider work together, and not how fast this machine is."
        )
    notes += faults.injected_fault_notes(parts, suite)
    by_speed: dict[tuple[float, float], list[str]] = {}
    for part in parts:
        speed_and_scale = (part.identity.speedup, part.identity.provider_scale)
        by_speed.setdefault(speed_and_scale, []).append(part.identity.title)
    for (speedup, scale), titles in by_speed.items():
        if scale != 1.0:
            notes.append(
                f"{'; '.join(titles)}: the provider was scaled {TIMES} {scale:g} with the day; the times are "
                "compressed seconds and not real times, so they decide no verdict."
            )
        elif speedup != 1.0:
            notes.append(
                f"{'; '.join(titles)}: run at {speedup:g} times the day's rate, with the "
                f"provider unchanged. Rates and times are those of this load; "
                f"the day's own rates are {speedup:g} times lower."
            )
    return tuple(notes)
