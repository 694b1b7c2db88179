"""A part simulated in a child process beside something else: same records, low priority, an end in order."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from analysis.records import PROVIDER_SCHEMA, read_manifest, read_rows
from loadtests.scenarios import catalogue
from loadtests.scenarios.scenario import Adjustment, Part
from loadtests.simulate.beside import PartProcess, SimulationFailedError
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.what_ifs import WhatIf

FIFO = Choices(profile="smsapi", what_if=WhatIf(fifo=True), counterpart="05-burst", decides=False)


def day(name: str) -> Part:
    (part,) = catalogue.scenario(name, Adjustment(1.0, "day")).parts
    return part


def test_a_child_writes_what_the_function_writes(tmp_path: Path) -> None:
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


def test_one_that_is_stopped_keeps_what_it_lived_and_leaves_the_processor_to_others(tmp_path: Path) -> None:
    process = PartProcess("day-500k", day("day-500k"), 1, tmp_path, Choices())
    try:
        deadline_s = time.monotonic() + 300.0
        while process.share_done() == 0.0 and not process.ended and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert psutil.Process(process.pid).nice() == 19
        assert 0.0 < process.share_done() < 1.0
    finally:
        process.stop()
    manifest = read_manifest(tmp_path)
    assert manifest.exit_reason == "interrupted" and 0 < manifest.planned < 500_000


def test_a_child_that_cannot_says_why(tmp_path: Path) -> None:
    choices = Choices(profile="smsapi", what_if=WhatIf(carriers={"Minus": 1.0}))
    process = PartProcess("day-5k", day("day-5k"), 1, tmp_path, choices)
    with pytest.raises(SimulationFailedError, match="profile smsapi has no carrier 'Minus'"):
        process.wait(300.0)
