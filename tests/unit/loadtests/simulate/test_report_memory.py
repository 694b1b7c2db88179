"""A simulation warns before it begins if its report needs more memory than the machine has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import typer

from loadtests import catalogue
from loadtests.parts import Adjustment, adjusted
from loadtests.simulate import run
from loadtests.simulate.cli import simulate
from loadtests.simulate.memory import most_messages, report_bytes, too_little_memory

GB = 1_000_000_000


def test_the_memory_follows_from_the_messages_of_the_largest_part() -> None:
    day = adjusted(catalogue.scenario("day-500k"), Adjustment(1.0, "day", None, 100.0))
    assert most_messages(day) == 50_000_000
    assert most_messages(catalogue.scenario("bench").in_virtual_time()) == 500_000
    assert too_little_memory(day, report_bytes(50_000_000)) == ""
    assert too_little_memory(day, 16 * GB).startswith(
        "the report of 50,000,000 messages needs about 50 GB of memory, and 16 GB are available."
    )


@pytest.mark.parametrize(("available_gb", "warned"), [(1, True), (64, False)])
def test_the_command_warns_before_it_simulates(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    available_gb: int,
    warned: bool,
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available_gb * GB))
    monkeypatch.setattr(run, "simulate_scenario", lambda *_: 0)
    with pytest.raises(typer.Exit):
        simulate("day-500k", scale=10.0, out=tmp_path / "run")
    text = "warning: the report of 5,000,000 messages needs about 5.2 GB of memory, and 1.0 GB are available"
    assert (text in capsys.readouterr().err) == warned
