"""The processes that analyse the parts of a suite agree with one process."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from multiprocessing import get_context

import psutil
import pytest
from run_builder import Build, RunBuilder, Suite
from waiting import eventually

from analysis import report
from analysis.processes import spread
from analysis.read.journeys import MalformedRunError
from analysis.records import RecordedScenario

NAMES = ("a", "b", "c")


@pytest.fixture(params=(1, 2))
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(report, "PARTS_PER_PROCESS", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: request.param)
    return int(request.param)


def run_of(run: RunBuilder, messages: int) -> None:
    for n in range(messages):
        run.journey(f"k{n}", 0.5 * n, 2.0 + 0.01 * n)
    run.write(end_s=90.0, scenario=RecordedScenario(name="p", title="p"))


def test_several_processes_analyse_what_one_does(
    new_run: Build, write_suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(NAMES):
        run_of(new_run(name), 60 + number)
    run_dir = write_suite(*NAMES)
    monkeypatch.setattr(report, "PARTS_PER_PROCESS", 1)
    built = {}
    for cores in (1, 2):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        lines: list[str] = []
        built[cores] = report.build_report(run_dir, lines.append)
        assert [part.accounting.accepted for part in built[cores].parts] == [60, 61, 62]
        assert lines == ["analysing 3 parts", *(f"analysed {x} ({n} of 3)" for n, x in enumerate(NAMES, 1))]
    assert built[1] == built[2]


def test_a_part_without_its_load_is_named(new_run: Build, write_suite: Suite, cores: int) -> None:
    for name in NAMES:
        run_of(new_run(name), 20)
    run_dir = write_suite(*NAMES)
    (broken,) = run_dir.glob("**/b/load.arrow")
    broken.unlink()
    with pytest.raises(MalformedRunError, match=r"b/load\.arrow does not exist"):
        report.build_report(run_dir)


def test_the_values_are_made_in_other_processes(cores: int) -> None:
    pids = set(spread(_pid, range(3), 1))
    assert (pids == {os.getpid()}) == (cores == 1)


def test_a_worker_of_a_pool_makes_the_values_itself() -> None:
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(_makers_in_a_pool) == 1


def _makers_in_a_pool() -> int:
    os.cpu_count = lambda: 2
    return len(set(spread(_pid, range(3), 1)))


def test_the_processes_end_with_an_analysis_that_is_killed() -> None:
    """They wait for work that no one gives any more, and are in no terminal's session."""
    code = (
        "import os, time\nfrom analysis.processes import spread\nos.cpu_count = lambda: 2\n"
        "list(spread(time.sleep, [600.0, 600.0], 1))"
    )
    analysis = psutil.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        eventually(lambda: len(_workers(analysis)) == 2)
        workers = _workers(analysis)
        analysis.kill()
        analysis.wait(10)
        gone, alive = psutil.wait_procs(workers, timeout=20)
        assert (len(gone), alive) == (2, [])
    finally:
        with suppress(ProcessLookupError):
            os.killpg(analysis.pid, signal.SIGKILL)


def _workers(analysis: psutil.Popen) -> list[psutil.Process]:
    return [each for each in analysis.children() if "spawn_main" in " ".join(each.cmdline())]


def _pid(_number: int) -> int:
    return os.getpid()
