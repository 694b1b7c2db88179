"""``.ci/check_report.py``: it passes the reports of a bench that has an answer, and no other."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from run_builder import Build

from analysis.records import write_result
from analysis.render.report_files import write_report
from analysis.report import build_report
from analysis.result import result_of

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_report", ROOT / ".ci" / "check_report.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reported(run_dir: Path) -> Path:
    found = build_report(run_dir)
    write_report(found, run_dir / "report")
    write_result(run_dir, result_of(found, "run", "call"))
    return run_dir


def test_a_bench_with_an_answer_passes_and_files_that_differ_do_not(
    check: ModuleType, new_run: Build
) -> None:
    run = new_run("run")
    for slot in range(40):  # too few to decide: exit code 4
        run.journey(f"m-{slot}", slot / 4, 3.0 + slot % 7 / 10)
    run_dir = reported(run.write(load_s=10.0, end_s=70.0))
    assert check.faults(run_dir) == []
    result = run_dir / "report" / "result.json"
    of_report = json.loads(result.read_text())
    result.write_text(json.dumps({**of_report, "exit_code": 0}))
    assert check.faults(run_dir) == [
        "exit code 0 in result.json, 4 in summary.json",
        "exit code 0, and the first screen says UNDECIDED",
    ]
    result.unlink()
    assert check.faults(run_dir) == ["report/result.json is missing"]


def test_a_bench_that_was_interrupted_has_no_answer(check: ModuleType, new_run: Build) -> None:
    run = new_run("run")
    for slot in range(40):
        run.journey(f"m-{slot}", slot / 4, 3.0)
    run_dir = reported(run.write(load_s=10.0, end_s=70.0, exit_reason="interrupted"))
    assert check.faults(run_dir) == ["exit code 130, and the first screen says STOPPED"]
