"""``smsbench storm``: its sum, its trace, the command that repeats a failure, and its exit codes."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import psutil
import pytest
from commands import with_signals
from rich.console import Console
from typer.testing import CliRunner
from waiting import eventually

from loadtests.cli import app
from loadtests.storm import report
from loadtests.storm.faults import NAMES
from loadtests.storm.plan import StormPart, draw_plan, kept
from loadtests.storm.run import storms
from reference_sender.dispatch.values import Recovered
from reference_sender.node.node import Node


def run(seed: int, seeds: int, jobs: int = 1, **more: Any) -> tuple[int, str]:
    """Its exit code and output."""
    console = Console(file=io.StringIO(), width=200)
    if seeds == 1:
        plan = kept(draw_plan(seed), StormPart(**more))
        code = report.run_one(plan, bool(more), console)
    else:
        code = report.run_storms(range(seed, seed + seeds), jobs, console)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_storms_without_a_failure_exit_with_0_and_list_the_faults_that_took_effect() -> None:
    code, output = run(1, 5)
    assert code == 0
    assert output.startswith("5 storms in ")
    assert "0 failed" in output
    assert "sender_crash " in output


def test_two_processes_make_the_same_storms_as_one() -> None:
    one, two = ({each.seed: each for each in storms(range(1, 31), jobs)} for jobs in (1, 2))
    assert one == two


def test_a_single_storm_shows_its_plan_and_its_trace() -> None:
    code, output = run(3, 1)
    assert code == 0
    for part in ("RoutePlan(", "Call(", "process 1 starts", "acknowledged: ", "all invariants hold"):
        assert part in output


def test_a_fault_that_takes_no_effect_in_many_storms_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "NAMES", (*NAMES, "never"))
    assert run(1, 3)[0] == 0
    monkeypatch.setattr(report, "COVERED_FROM", 3)
    code, output = run(1, 3)
    assert code == 1
    assert "never took effect" in output


def test_a_failure_prints_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recover = Node.recover

    def empty(node: Node, now_ns: int, recovered: Iterable[Recovered], unread: int = 0, sent: int = 0) -> Any:
        return recover(node, now_ns, [])

    monkeypatch.setattr(Node, "recover", empty)
    monkeypatch.setattr(Node, "recover_sent", lambda node, now_ns, page, left=0: [])
    code, output = run(1, 30)
    assert code == 1
    assert "storms failed; seeds " in output
    assert re.search(r"seed \d+ failed; 1 of \d+ messages, in 1 of \d+ calls, and \d of \d faults ", output)
    (again, *_) = (line for line in output.splitlines() if line.startswith("repeat it: smsbench storm "))
    words = shlex.split(again)
    options = dict(zip(words[4::2], words[5::2], strict=True))
    messages = tuple(each for each in options["--messages"].split(",") if each != "none")
    faults = tuple(int(each) for each in options["--faults"].split(",") if each != "none")
    code, output = run(int(options["--seed"]), 1, messages=messages, faults=faults)
    assert code == 1
    assert "violated: acknowledged: " in output
    monkeypatch.undo()
    assert run(int(options["--seed"]), 1, messages=messages, faults=faults)[0] == 0


@pytest.mark.parametrize(
    "part",
    [
        StormPart(calls=(0,), faults=(0,)),
        StormPart(calls=(0, 1), faults=()),
        StormPart(calls=()),
        StormPart(messages=("m0-0", "m1-0"), faults=(0,)),
        StormPart(messages=(), faults=()),
        StormPart(calls=(1,), messages=("m0-0", "m1-0")),
    ],
)
def test_the_command_that_repeats_a_failure_is_understood(part: StormPart) -> None:
    program, *words = shlex.split(report.command(3, part))
    assert program == "smsbench"
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    plan = kept(draw_plan(3), part)
    expected = io.StringIO()
    report.run_one(plan, True, Console(file=expected, width=80))
    assert done.output == expected.getvalue()


def test_an_interruption_keeps_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seeds: range, jobs: int) -> Any:
        yield from storms(seeds[:2], jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "storms", interrupted)
    code, output = run(1, 9)
    assert code == 130
    assert "interrupted: 2 of 9 storms ended" in output
    assert "2 storms in " in output

    monkeypatch.setattr(Node, "recover", lambda node, now_ns, recovered, unread=0, sent=0: [])
    seed = next(each.seed for each in storms(range(1, 50), 1) if each.failed)
    code, output = run(seed, 9)
    assert code == 130, "also if a storm failed"
    assert f"storms failed; seeds {seed}" in output
    assert "repeat it" not in output, "a storm that failed is not made smaller: that takes long"


def test_ctrl_c_ends_all_processes_of_the_storms_without_a_traceback() -> None:
    """The signal goes to the whole group, as from a terminal, also while its processes start."""
    command = [sys.executable, "-m", "smsbench", "storm", "--seeds", "1000000", "--jobs", "2"]
    heeding = with_signals(signal.SIG_DFL, [signal.SIGINT], command)  # a background job ignores it
    with subprocess.Popen(
        heeding, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            eventually(psutil.Process(process.pid).children, 60.0)  # the pool starts
            os.killpg(process.pid, signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, output
    assert "interrupted: " in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ["--seeds", "1", "--calls", "1,x"],
            "--calls: must be numbers with commas between them, or none, not '1,x'",
        ),
        (["--seeds", "2", "--faults", "1"], "--calls, --messages and --faults need --seeds 1"),
        (["--seeds", "2", "--messages", "m0-0"], "--calls, --messages and --faults need --seeds 1"),
        (["--seeds", "1", "--messages", "m0"], "--messages: the storm of seed 1 has no message m0"),
        (["--seeds", "0"], "0"),
        (["--seeds", "1", "--faults", "99"], "--faults: the storm of seed 1 has faults 0 to "),
    ],
)
def test_bad_usage_is_refused(options: list[str], expected: str) -> None:
    done = CliRunner().invoke(app, ["storm", *options])
    assert done.exit_code == 2, done.output
    assert expected in done.output
