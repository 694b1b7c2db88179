"""Senders of a user's own with a known fault: one drops messages, one delays each by a constant time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from bottleneck_runs import ALL_CLASSES, FAST, analysed, named_first, part_of
from foreign_sender import foreign_sender
from naive_target import free_port, target_file
from rich.console import Console

from analysis.model import PartReport
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Scenario
from loadtests.targets import load_target

DELAY_S = 3.0
PER_S = 20.0


def measured(tmp_path: Path, delay_s: float = 0.0, drops: bool = False) -> PartReport:
    """20 messages per second for 15 s through that sender."""
    port, provider_port = free_port(), free_port()
    part = part_of(tmp_path, PER_S, FAST, ALL_CLASSES, lasts_s=15.0)
    file = target_file(tmp_path, port, provider_port)
    with foreign_sender(port, provider_port, delay_s, drops):
        settings = RunSettings(
            out=tmp_path / "run", seed=3, target_file=file, target=load_target(file), probe=False
        )
        scenario = Scenario(name="smoke", title="foreign", parts=(part,))
        console = Console(file=io.StringIO())
        with Interruption() as interruption, Progress(console) as progress:
            PartRun(scenario, part, tmp_path / "run", settings, progress, interruption).run()
    return analysed(tmp_path / "run")


def test_a_sender_that_drops_every_second_message(tmp_path: Path) -> None:
    report = measured(tmp_path, drops=True)
    named_first(report, tmp_path / "run", "sender_unforwarded")
    counted = report.accounting
    assert abs(2 * counted.unaccounted - counted.accepted) <= 1
    evidence = report.bottlenecks[0].evidence[0]
    assert evidence.startswith(f"{counted.unaccounted} of {counted.accepted} accepted messages")
    (judged,) = [each for each in report.objectives if each.measure == "unaccounted"]
    assert judged.verdict == "missed"


def test_a_sender_that_delays_each_message_by_a_constant_time(tmp_path: Path) -> None:
    report = measured(tmp_path, DELAY_S)
    # Other tests run at the same time, and the report may truly say that they use the cores.
    assert [each.kind for each in report.bottlenecks if each.kind != "machine"] == ["sender_hold"]
    assert report.accounting.unaccounted == 0


pytestmark = pytest.mark.timeout(180)
