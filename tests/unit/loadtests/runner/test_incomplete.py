"""A suite that ended before its last part."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from analysis.records import read_manifest
from loadtests import catalogue
from loadtests.runner import manifest as manifests
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings


@pytest.mark.parametrize(("played", "reason"), [(1, "interrupted"), (2, "finished")])
def test_a_suite_of_which_parts_were_not_played_was_interrupted(
    played: int, reason: str, tmp_path: Path
) -> None:
    (part,) = catalogue.scenario("smoke").parts
    parts = tuple(msgspec.structs.replace(part, slug=slug) for slug in ("first", "second"))
    suite = msgspec.structs.replace(catalogue.scenario("smoke"), parts=parts)
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    places = [f"parts/{number}" for number in range(1, played + 1)]
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        run = PartRun(suite, suite.parts[0], tmp_path / place, settings, progress, Interruption())
        run.write_manifest("finished", {})
    whole = played == len(parts)
    manifests.write_suite(tmp_path, suite, 1, manifests.instant(), places, whole=whole)
    assert read_manifest(tmp_path).exit_reason == reason
