"""Which parts of a suite have charts of their own, and that the processes that draw them agree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from run_builder import Build, RunBuilder, Suite

from analysis.records import RecordedScenario
from analysis.render import png
from analysis.report import build_report


def run_of(run: RunBuilder, counterpart: str = "") -> None:
    for n in range(80):
        run.journey(f"k{n}", 0.5 * n, 2.0 + 0.01 * n)
    run.write(end_s=90.0, scenario=RecordedScenario(name="p", title="p", counterpart=counterpart))


def test_a_counterpart_has_no_charts(new_run: Build, write_suite: Suite, tmp_path: Path) -> None:
    run_of(new_run("live"), counterpart="simulated")
    run_of(new_run("simulated"))
    drawn = png.draw_all(build_report(write_suite("live", "simulated")), tmp_path, print)
    assert {each.part for each in drawn if each.part} == {"live"}


def test_several_processes_draw_what_one_does(
    new_run: Build, write_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a", "b")
    for name in names:
        run_of(new_run(name))
    report = build_report(write_suite(*names))
    monkeypatch.setattr(png, "PARTS_PER_PROCESS", 1)
    drawn = {}
    for cores in (1, 2):
        out_dir = tmp_path / f"cores-{cores}"
        out_dir.mkdir()
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        drawn[cores] = png.draw_all(report, out_dir, print)
        assert len(list(out_dir.glob("a-*.png"))) == 5
    assert drawn[1] == drawn[2]
