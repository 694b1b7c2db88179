"""Adds the values that a capacity search needs to the result of a trial."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from analysis.measure.steady import steady_of
from analysis.model import RunReport
from analysis.read.journeys import read_journeys
from analysis.records import AnalysisResult, read_manifest


def of_trial(run_dir: Path, report: RunReport, result: AnalysisResult) -> AnalysisResult:
    """``result`` with the steady part of the run. A suite has none. Raises ``MalformedRunError``."""
    manifest = read_manifest(run_dir)
    return replace(
        result,
        steady=steady_of(read_journeys(run_dir, manifest)) if manifest.kind == "run" else None,
    )
