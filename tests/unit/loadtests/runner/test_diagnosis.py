"""Where to look when nothing was accepted."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from load_rows import load_row
from rich.console import Console

from analysis.records import LOAD_SCHEMA, RowWriter
from loadtests import catalogue
from loadtests.runner.diagnosis import why_nothing_was_accepted
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.targets import Target


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (
            {("refused", 500): 15, ("refused", 429): 5, ("failed", 0): 10},
            "20 of 30 refused, most often with HTTP 500; check that your sender reaches the mock provider at "
            "http://127.0.0.1:9500",
        ),
        ({("refused", 404): 30}, "30 of 30 refused, most often with HTTP 404; check that [request]"),
        ({("refused", 200): 30}, "30 of 30 refused, most often with HTTP 200; check that [accepted]"),
        ({("failed", 0): 99, ("accepted", 202): 1}, "99 of 100 failed; check that your sender answers at"),
        ({("refused", 500): 19, ("accepted", 202): 1}, None),
        ({}, None),
    ],
)
def test_a_load_of_which_nothing_was_accepted_says_where_to_look(
    outcomes: dict[tuple[str, int], int], expected: str | None, tmp_path: Path
) -> None:
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, Interruption()).write_manifest(
        "finished", {}
    )
    writer = RowWriter(tmp_path / "load.arrow", LOAD_SCHEMA)
    for (outcome, status), count in outcomes.items():
        for slot in range(count):
            writer.append(load_row(slot, outcome=outcome, status=status))
    writer.close()
    target = Target.model_validate(
        {
            "name": "t",
            "request": {"url": "http://127.0.0.1:1/s?key=hunter2", "body": "{to}{text}"},
            "provider": {"port": 9500},
        }
    )
    text = why_nothing_was_accepted(tmp_path, target)
    assert (text is None) if expected is None else (text or "").startswith(expected)
    assert "hunter2" not in (text or "")
