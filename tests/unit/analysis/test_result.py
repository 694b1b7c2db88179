"""What programs read in result.json: of a suite each finding names its part."""

from __future__ import annotations

from pathlib import Path

import msgspec
from run_builder import Build, RunBuilder, Suite

from analysis import result
from analysis.records import AnalysisResult, FailedCheck, NamedBottleneck
from analysis.report import build_report


def late_bench(run: RunBuilder) -> None:
    for slot in range(200):
        run.journey(f"l-{slot}", slot / 5, 3.0, lag_s=0.5)
    run.write(load_s=40.0, end_s=60.0)


def refusing_sender(run: RunBuilder) -> None:
    for slot in range(200):
        if slot % 2:
            run.due(f"r-{slot}", slot / 5, "refused")
        else:
            run.journey(f"r-{slot}", slot / 5, 3.0)
    run.write(load_s=40.0, end_s=60.0)


def result_of(run_dir: Path) -> AnalysisResult:
    return result.result_of(build_report(run_dir), "run", "call")


def test_the_findings_of_a_suite_name_their_part(new_run: Build, write_suite: Suite) -> None:
    late_bench(new_run("a"))
    refusing_sender(new_run("b"))
    found = result_of(write_suite("a", "b"))
    assert not found.valid
    assert FailedCheck("schedule lag", "p99 500 ms", "a") in found.invalid_because
    assert {each.part for each in found.invalid_because} == {"a"}
    assert [each.part for each in found.bottlenecks] == ["a", "b"]
    assert found.bottlenecks[1] == NamedBottleneck(
        "the sender's API refuses messages with HTTP 429", "b", "sender_refuses"
    )
    plain = msgspec.to_builtins(found)
    assert set(plain["invalid_because"][0]) == {"check", "found", "part"}
    assert set(plain["bottlenecks"][0]) == {"text", "part", "kind"}


def test_the_findings_of_a_run_have_no_part(new_run: Build) -> None:
    run = new_run("run")
    late_bench(run)
    found = result_of(run.run_dir)
    assert {each.part for each in found.invalid_because} == {""}
    assert {each.part for each in found.bottlenecks} == {""}
