"""Adds the values that a capacity search needs to the result of a trial."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from analysis.judge.sustained import many_lost
from analysis.measure.outcomes import judge
from analysis.measure.steady import steady_of
from analysis.model import RunReport
from analysis.read.journeys import read_journeys
from analysis.read.wait_after_load import waited_out
from analysis.records import AnalysisResult, read_manifest


def of_trial(run_dir: Path, report: RunReport, result: AnalysisResult) -> AnalysisResult:
    """``result`` with the steady part of the run, and whether many messages were lost. A suite has neither.

    Raises ``MalformedRunError``.
    """
    manifest = read_manifest(run_dir)
    if manifest.kind != "run":
        return result
    journeys = read_journeys(run_dir, manifest)
    outcomes = judge(journeys)
    counted = report.parts[0].accounting
    waited = waited_out(manifest, journeys.waited_s)
    return replace(
        result,
        steady=steady_of(journeys),
        many_lost=many_lost(counted, journeys, outcomes, waited) is True,
    )
