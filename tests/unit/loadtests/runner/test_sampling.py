"""What is sampled of processes, and which they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from core_waits import core_wait, note
from nanoseconds import MS

from loadtests.core_time import MachineUse, waited_s
from loadtests.runner.process_meter import ProcessMeter
from loadtests.runner.target_process import NoProcess, target_processes
from loadtests.targets.target_file import Target, TargetError, load_target
from loadtests.users.lateness import Lateness

LISTENS = (
    "import os, socket, sys, time\n"
    "s = socket.create_server(('127.0.0.1', 0))\n"
    "os.fork() and print(s.getsockname()[1], flush=True)\n"
    "sys.stdin.read()\n"
)


def target_at(port: int, **more: object) -> Target:
    request = {"url": f"http://127.0.0.1:{port}/send", "body": "{to}{text}"}
    return Target.model_validate({"name": "mine", "request": request, **more})


def test_the_process_that_listens_is_found_with_its_workers() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", LISTENS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    try:
        port = int(child.stdout.readline())
        found = target_processes(target_at(port))
        workers = [each.pid for each in psutil.Process(child.pid).children()]
        assert set(found) == {child.pid, *workers} and len(found) == 2
    finally:
        child.communicate()


def test_the_error_names_a_port_on_which_no_process_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(NoProcess, match=f"listens on port {port}.*process = PID"):
            target_processes(target_at(port))


def test_the_target_file_may_name_the_process(tmp_path: Path) -> None:
    holder = tmp_path / "mine.pid"
    holder.write_text(f"{os.getpid()}\n")
    assert target_processes(target_at(9, process=os.getpid()))[0] == os.getpid()
    assert target_processes(target_at(9, process=str(holder)))[0] == os.getpid()
    holder.write_text("none\n")
    with pytest.raises(NoProcess, match="holds no process id"):
        target_processes(target_at(9, process=str(holder)))
    with pytest.raises(NoProcess, match="there is no process"):
        target_processes(target_at(9, process=2**22 + 1))


@pytest.mark.parametrize("value", ["0", "-4", "true", '""', "1.5"])
def test_a_process_that_does_not_exist_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'process = {value}\n[request]\nurl = "http://127.0.0.1:9/"\nbody = "{{to}}{{text}}"\n')
    with pytest.raises(TargetError, match="process: must be a process id, 1 or more, or the path"):
        load_target(path)


def test_a_meter_measures_the_cpu_of_a_busy_process() -> None:
    meter = ProcessMeter(os.getpid())
    before = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - before < 0.1:
        pass
    taken = meter.take()
    assert taken["cpu_percent"] > 1 and taken["busiest_thread_percent"] > 1
    assert taken["core_wait_percent"] >= 0 and taken["stopped"] == 0 and taken["rss_bytes"] > 1e6


def test_a_meter_sees_that_a_process_is_stopped() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        meter = ProcessMeter(child.pid)
        child.send_signal(19)  # SIGSTOP
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        assert meter.take()["stopped"] == 1
    finally:
        child.kill()
        child.communicate()


def test_cpu_of_others_excludes_the_measured_processes() -> None:
    use, none_own = MachineUse([psutil.Process()]), MachineUse([])
    before = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - before < 0.2:
        pass
    as_own = use.others_share()
    nobody_s = none_own.others_share()
    assert nobody_s > as_own >= 0


def test_a_process_that_has_ended_has_waited_for_nothing() -> None:
    assert waited_s(2**22 + 1) == 0.0


def test_lateness_less_the_wait_for_a_core() -> None:
    """Two messages 20 ms late; for one of them the thread stood ready for 15 ms of it."""
    wait = core_wait([0, 99 * MS, 121 * MS, 300 * MS], [0, 0, 15 * MS, 15 * MS])
    late = Lateness(wait)
    late.sent(100 * MS, 120 * MS)
    late.sent(200 * MS, 220 * MS)
    lags = late.since_last()
    assert (lags.max_ms, lags.p99_ms, lags.own_p99_ms) == (20.0, 20.0, 20.0)
    note(wait, [0, 99 * MS, 121 * MS], [0, 0, 15 * MS])
    late.sent(100 * MS, 120 * MS)
    assert late.since_last().own_p99_ms == 5.0
    assert late.since_last().max_ms == 0.0  # a new period


def test_a_wait_between_two_looks_counts_for_the_span_around_it() -> None:
    wait = core_wait([0, 10, 20, 30], [0, 0, 7, 7])
    found = wait.between(np.array([11, 21]), np.array([19, 29]))
    assert found.tolist() == [7, 0]
