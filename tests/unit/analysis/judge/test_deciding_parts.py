"""Which parts of a suite decide its verdict, as ``summary.json`` has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_reports import part
from run_builder import Build, Suite

from analysis import records
from analysis.judge.verdict import deciding_parts
from analysis.render.data import write_json
from analysis.report import build_report

ORDINARY: dict[str, Any] = {}
HEADROOM_PROBE: dict[str, Any] = {"role": "compressed_day", "speedup": 60.0}
AT_TRUE_SPEED: dict[str, Any] = {"role": "compressed_day"}
COUNTERPART: dict[str, Any] = {"decides": False, "counterpart": "a"}
WHAT_IF: dict[str, Any] = {"decides": False, "what_if": "no priorities"}


@pytest.mark.parametrize(
    ("kind", "decides"),
    [
        (ORDINARY, True),
        (AT_TRUE_SPEED, True),
        (HEADROOM_PROBE, False),
        (COUNTERPART, False),
        (WHAT_IF, False),
    ],
)
def test_a_part_that_only_answers_a_question_decides_no_verdict(
    new_run: Build, write_suite: Suite, tmp_path: Path, kind: dict[str, Any], decides: bool
) -> None:
    for name, fields in (("a", ORDINARY), ("b", dict(kind))):
        run = new_run(name)
        for number in range(200):
            run.journey(f"m-{number}", number / 10, 2.0)
        speedup = fields.pop("speedup", 1.0)
        run.write(
            load_s=20.0,
            end_s=60.0,
            scenario=records.RecordedScenario(name=name, title=name, **fields),
            timing=records.Timing(speedup=speedup),
        )
    report = build_report(write_suite("a", "b"))
    write_json(report, tmp_path / "summary.json")
    parts = json.loads((tmp_path / "summary.json").read_bytes())["parts"]
    assert [each["decides_verdict"] for each in parts] == [True, decides]
    assert [each.slug for each in deciding_parts(report.parts)] == (["a", "b"] if decides else ["a"])


def test_if_no_part_decides_all_do() -> None:
    questions = part("a", decides_verdict=False), part("b", decides_verdict=False)
    assert deciding_parts(questions) == questions
