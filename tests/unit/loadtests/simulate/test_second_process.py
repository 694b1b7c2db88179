"""Ends of a simulation in two processes: a failed second process, a full disk, Ctrl-C."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from rich.console import Console
from second_processes import second_processes

from analysis.exit_codes import ExitCode
from analysis.records import PROVIDER_SCHEMA, read_manifest, read_rows
from loadtests import catalogue
from loadtests.arrivals import Mix, Plan, Poisson, Stream
from loadtests.simulate import run, two_processes
from loadtests.simulate.frames import HalfOrder
from loadtests.simulate.part import Choices
from loadtests.simulate.simulation import Settings
from loadtests.simulate.two_processes import SecondProcess, SecondProcessError
from mock_provider.profiles import load_profile
from reference_sender.dispatch.values import RouteLimits

LONGEST_S = 60.0
NO_MESSAGE_PACK = b"\xc1"


class Noted(SecondProcess):
    """Raises SIGINT with the frame of number ``interrupts_at``."""

    begun = 0
    sent = 0
    interrupts_at = 0

    def __init__(self, order: HalfOrder) -> None:
        Noted.begun += 1
        super().__init__(order)

    def send(self, value: Any) -> None:
        Noted.sent += 1
        if Noted.sent == Noted.interrupts_at:
            signal.raise_signal(signal.SIGINT)
        super().send(value)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> type[Noted]:
    for name in ("begun", "sent", "interrupts_at"):
        monkeypatch.setattr(Noted, name, 0)
    monkeypatch.setattr(two_processes, "SecondProcess", Noted)
    monkeypatch.setattr(run, "report", lambda *_, **__: 0)
    return Noted


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """A process that hangs is killed, and the test then fails with SIGKILL."""

    def kill() -> None:
        for process in second_processes():
            process.kill()

    timer = Timer(LONGEST_S, kill)
    timer.start()
    yield
    timer.cancel()
    assert not second_processes()


def simulated(folder: Path, in_two: bool, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(run, "is_worth_it", lambda _: in_two)
    scenario = catalogue.scenario("smoke")
    return run.simulate_scenario(scenario, Choices(profile="smsapi"), 1, folder, Console(file=io.StringIO()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
@pytest.mark.parametrize("name", ["provider", "sender", "samples"])
@pytest.mark.parametrize("target", ["/dev/full", "/no/such/directory/file"])
def test_a_file_that_cannot_be_written_ends_both_ways_alike(
    name: str,
    target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    noted: type[Noted],
    capsys: pytest.CaptureFixture[str],
) -> None:
    errors = []
    for in_two in (False, True):
        folder = tmp_path / str(in_two)
        folder.mkdir()
        (folder / f"{name}.arrow").symlink_to(target)
        assert simulated(folder, in_two, monkeypatch) == ExitCode.INVALID
        assert noted.begun == in_two
        errors.append(" ".join(capsys.readouterr().err.split()).replace(str(folder), "DIR"))
    assert "make room, or use another disk" in errors[0]
    assert errors[0] == errors[1]


def test_an_error_of_the_thread_that_reads_is_named(tmp_path: Path) -> None:
    plan = Plan(streams=(Stream(Poisson(5.0, 10.0), mix=Mix(otp=1.0)),), seed=4, key_tag="t")
    settings = Settings(seed=3, route=RouteLimits("r", 100.0, 5, 1000.0, 600, 100, 40, 86_400.0))
    second = SecondProcess(HalfOrder(plan, load_profile("smsapi"), settings, str(tmp_path)))
    try:
        second.send(NO_MESSAGE_PACK)
        with pytest.raises(SecondProcessError, match=r"ended with code 1: msgspec\.DecodeError: .*malformed"):
            second.status()
    finally:
        second.stop()


def test_ctrl_c_keeps_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noted: type[Noted]
) -> None:
    noted.interrupts_at = 6
    assert simulated(tmp_path, True, monkeypatch) == 0  # that of the report
    assert noted.begun == 1
    manifest = read_manifest(tmp_path)
    assert manifest.exit_reason == "interrupted"
    rows = read_rows(tmp_path / "provider.arrow", PROVIDER_SCHEMA)
    assert 0 < rows.num_rows <= manifest.planned < 10_000
