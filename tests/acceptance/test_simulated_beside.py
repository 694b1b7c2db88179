"""A part simulated in a child process beside something else: same records, low priority, an end in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from waiting import eventually

from analysis.records import PROVIDER_SCHEMA, read_manifest, read_rows
from loadtests import catalogue
from loadtests.parts import Adjustment
from loadtests.runner.interruption import Interruption
from loadtests.scenario import Part
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.part_process import PartProcess, SimulationFailedError
from loadtests.simulate.what_ifs import WhatIf
from loadtests.suites.simulations import SimulationJob, Simulations

FIFO = Choices(profile="smsapi", what_if=WhatIf(fifo=True), counterpart="05-burst", decides=False)


def day(name: str) -> Part:
    (part,) = catalogue.scenario(name, Adjustment(1.0, "day")).parts
    return part


def test_a_child_process_writes_the_same_rows_as_the_function(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    simulate_part("day-5k", day("day-5k"), 1, tmp_path / "here", FIFO)
    process = PartProcess("day-5k", day("day-5k"), 1, tmp_path / "beside", FIFO)
    process.wait(300.0)
    assert process.ended and process.share_done() == 1.0
    manifest = read_manifest(tmp_path / "beside")
    scenario = manifest.scenario
    assert (scenario.role, scenario.counterpart, scenario.decides) == ("whole_day", "05-burst", False)
    assert scenario.what_if.startswith("no priorities (one queue in order of arrival")
    assert (manifest.exit_reason, manifest.planned, manifest.mode) == ("finished", 5_000, "simulated")
    here, beside = (
        read_rows(tmp_path / name / "provider.arrow", PROVIDER_SCHEMA) for name in ("here", "beside")
    )
    assert here.equals(beside) and len(here) == 5_000


def test_a_stopped_simulation_keeps_its_rows_and_has_the_lowest_priority(tmp_path: Path) -> None:
    process = PartProcess("day-500k", day("day-500k"), 1, tmp_path, Choices())
    try:
        eventually(lambda: process.share_done() > 0.0 or process.ended, 300.0)
        assert psutil.Process(process.pid).nice() == 19
        assert 0.0 < process.share_done() < 1.0
    finally:
        process.stop()
    manifest = read_manifest(tmp_path)
    assert manifest.exit_reason == "interrupted" and 0 < manifest.planned < 500_000


def test_a_simulation_that_cannot_start_gives_the_reason(tmp_path: Path) -> None:
    choices = Choices(profile="smsapi", what_if=WhatIf(carriers={"Minus": 1.0}))
    process = PartProcess("day-5k", day("day-5k"), 1, tmp_path, choices)
    with pytest.raises(SimulationFailedError, match="profile smsapi has no carrier 'Minus'"):
        process.wait(300.0)


def test_a_held_simulation_uses_no_cpu_until_the_next_quiet_part(tmp_path: Path) -> None:
    """A live part that needs both cores once waited minutes for a simulated day to end."""
    job = SimulationJob("day", day("day-500k"), Choices())
    interruption, (lines, show) = Interruption(), recorder()
    with Simulations("day-500k", [job], 1, tmp_path) as simulations:
        simulations.run()
        process = begun(simulations)
        held_s = time.monotonic()
        simulations.hold(interruption, show)
        assert time.monotonic() - held_s < 30.0
        assert not process.ended and simulations.left == 1 and lines
        used_s = sum(psutil.Process(process.pid).cpu_times()[:2])
        at_s = process.progress().at_s
        time.sleep(1.5)  # the hold itself: nothing may continue
        assert process.progress().at_s == at_s
        assert sum(psutil.Process(process.pid).cpu_times()[:2]) - used_s < 0.5
        simulations.run()
        eventually(lambda: process.progress().at_s > at_s, 60.0)
        simulations.hold(interruption)  # the end of the suite finds it standing still
    assert process.ended
    assert read_manifest(tmp_path / "day").exit_reason == "interrupted"


def recorder() -> tuple[list[str], Callable[[str], None]]:
    lines: list[str] = []
    return lines, lines.append


def begun(simulations: Simulations) -> PartProcess:
    """The running process, once it has lived some of its day."""
    found: list[PartProcess] = []

    def one_has_begun() -> bool:
        process = simulations.process
        if process is not None and process.share_done() > 0.0:
            found.append(process)
        return bool(found)

    eventually(one_has_begun, 300.0)
    return found[0]
