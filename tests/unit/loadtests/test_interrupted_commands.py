"""A Ctrl-C that ends a command: exit code 130, and one line that says so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from run_builder import RunBuilder

import analysis.cli
import loadtests.cli
from loadtests import catalogue
from loadtests.runner import reporting
from loadtests.storm import report as storm_report


def interrupted(*_given: Any, **_options: Any) -> NoReturn:
    raise KeyboardInterrupt


def ended_by(
    main: Any, *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Any, str]:
    monkeypatch.setattr(sys, "argv", ["smsbench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


def test_a_command_says_that_it_was_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "names", interrupted)
    found = ended_by(loadtests.cli.main, "list", monkeypatch=monkeypatch, capsys=capsys)
    assert found == (130, "smsbench: interrupted\n")


def test_a_command_of_another_module_says_so_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(storm_report, "run_storms", interrupted)
    found = ended_by(loadtests.cli.main, "storm", monkeypatch=monkeypatch, capsys=capsys)
    assert found == (130, "smsbench: interrupted\n")


def test_a_report_that_was_interrupted_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunBuilder(tmp_path / "run")
    run.journey("m", 1.0, 2.0)
    run_dir = run.write()
    monkeypatch.setattr(reporting, "run_child", interrupted)
    found = ended_by(loadtests.cli.main, "report", str(run_dir), monkeypatch=monkeypatch, capsys=capsys)
    words = "smsbench: interrupted before the report was complete; the recorded files are kept\n"
    assert found == (130, words)
    monkeypatch.setattr(analysis.cli, "build_report", interrupted)
    found = ended_by(analysis.cli.main, str(run_dir), monkeypatch=monkeypatch, capsys=capsys)
    assert found == (130, "interrupted before the report was complete\n")


def test_another_end_is_no_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = ended_by(loadtests.cli.main, "report", "nowhere", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 2 and "interrupted" not in said
