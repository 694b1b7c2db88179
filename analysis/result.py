"""The verdict for programs: ``result.json`` and the step summary of a build server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.judge.validity import invalidating
from analysis.judge.verdict import deciding_parts
from analysis.model import PartReport, RunReport
from analysis.records import AnalysisResult, FailedCheck, JudgedObjective, NamedBottleneck

WARNING = "warning: "  # begins a line of the analysis that a calling command shows
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"  # path of a file whose Markdown GitHub shows with the step


def result_of(report: RunReport, run: str, call: str) -> AnalysisResult:
    """The result. Its rates are those of the only deciding part, or of the busiest one."""
    deciding = deciding_parts(report.parts)
    busiest = max(deciding, key=lambda part: part.throughput.offered_mean_per_s)
    judged = [each for each in report.objectives if each.decides]
    suite = report.kind == "suite"
    return AnalysisResult(
        run=run,
        call=call,
        exit_code=report.exit_code,
        valid=report.validity != "invalid",
        invalid_because=tuple(
            FailedCheck(each.name, each.value, each.part)
            for each in invalidating(report.checks, report.parts)
        ),
        objectives=tuple(JudgedObjective(each.objective, each.verdict, each.part) for each in judged),
        bottlenecks=tuple(
            NamedBottleneck(each.text, part.slug if suite else "", each.kind)
            for part in deciding
            for each in part.bottlenecks
        ),
        sustained=_sustained(deciding),
        offered_per_s=busiest.throughput.offered_mean_per_s,
        delivered_per_s=_delivered_per_s(busiest),
        profile_limits=busiest.identity.profile_limits,
    )


def _sustained(parts: Sequence[PartReport]) -> bool | None:
    """False if a part did not sustain its load, None if that is unknown of one."""
    known = {part.sustained for part in parts}
    return False if False in known else None if None in known else True


def _delivered_per_s(part: PartReport) -> float:
    """Deliveries over load and drain, so that draining a queue does not count as throughput."""
    load_s = part.identity.load_s
    best = part.throughput.delivered_best
    if load_s <= 0 or best is None:
        return 0.0
    return min(best.per_s, part.accounting.delivered / load_s)


def write_step_summary(report_dir: Path, environment: Mapping[str, str]) -> str:
    """Append first screen and objectives to the file of ``GITHUB_STEP_SUMMARY``. The answer is a warning if
    that file cannot be written, else "": the report is complete, and its verdict counts.
    """
    place = environment.get(STEP_SUMMARY, "")
    if not place:
        return ""
    summary = (report_dir / "summary.md").read_text(encoding="utf-8")
    head, title, rest = summary.partition("\n## Objectives\n")
    shown = head + title + rest.partition("\n## ")[0] if title else head
    try:
        with Path(place).open("a", encoding="utf-8") as sink:
            sink.write(shown.strip() + "\n\n")
    except OSError as error:
        return f"{WARNING}{STEP_SUMMARY}: {place} cannot be written: {error.strerror or error}"
    return ""
