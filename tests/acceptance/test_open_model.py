"""The open-model user on real sockets: every arrival is accounted for. It measures no time."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import StartLocust
from locust_loads import SMOKE, finish, load_rows, statistics, write_plan
from stub_sender import StubSender
from waiting import eventually

from loadtests.recording import EXIT_ROWS_LOST, EXIT_WORKER_LOST, WEB_UI_FILE, read_status


@pytest.mark.parametrize("processes", [(), ("--processes", "2")])
def test_a_run_directory_that_is_not_there_ends_the_load_at_once(
    sender: StubSender, locust: StartLocust, tmp_path: Path, processes: tuple[str, ...]
) -> None:
    absent = tmp_path / "absent"
    load = locust("-f", SMOKE, "--host", sender.url, "--headless", "--run-dir", str(absent), *processes)
    output, _ = load.communicate(timeout=30)  # workers that live on would keep the pipe open
    assert load.returncode != 0
    assert f"--run-dir {absent}: there is no such directory; create it first" in output


@pytest.mark.parametrize("processes", [(), ("--processes", "2")])
def test_a_load_whose_rows_cannot_be_written_ends_at_once_and_says_so(
    sender: StubSender, locust: StartLocust, tmp_path: Path, processes: tuple[str, ...]
) -> None:
    plan = write_plan(tmp_path, 100.0, 600.0)
    port = str(free_port())
    arguments = ["--headless", "--plan", plan, "--run-dir", str(tmp_path), "--only-summary", *processes]
    if processes:
        arguments += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    load = locust("-f", SMOKE, "--host", sender.url, *arguments, most_bytes=16 * 1024)
    output, _ = load.communicate(timeout=60)
    assert load.returncode == EXIT_ROWS_LOST, output
    assert "the rows cannot be written: File too large: ending the test" in output
    assert "Traceback" not in output


def test_arrivals_beyond_the_in_flight_limit_are_dropped_and_counted(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    sender.silent_after = 100
    plan = write_plan(tmp_path, 100.0, 4.0, in_flight_limit=40)
    process = locust(
        *("-f", SMOKE, "--host", sender.url, "--headless", "--plan", plan, "--run-dir", str(tmp_path))
    )
    eventually(lambda: read_status(tmp_path).due == 400)
    sender.answer_the_rest()
    finish(process)
    status = read_status(tmp_path)
    outcomes = Counter(load_rows(tmp_path).column("outcome").to_pylist())
    assert status.planned == status.due == 400 == sum(outcomes.values())
    assert outcomes["dropped"] == status.dropped
    assert status.dropped == 400 - 100 - 40  # without those answered and those in flight
    assert status.sent == status.accepted == len(sender.bodies) == 140


def test_what_has_no_answer_when_the_load_is_stopped_is_unfinished(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    sender.silent_after = 50
    plan = write_plan(tmp_path, 100.0, 60.0)
    process = locust(
        *("-f", SMOKE, "--host", sender.url, "--headless", "--plan", plan, "--run-dir", str(tmp_path)),
        *("--stop-timeout", "1"),
    )
    eventually(lambda: len(sender.bodies) >= 100)
    process.terminate()
    output = finish(process)
    status = read_status(tmp_path)
    table = load_rows(tmp_path)
    outcomes = Counter(table.column("outcome").to_pylist())
    assert status.closed and status.due == status.sent + status.dropped < status.planned == 6_000
    # An arrival due in the very moment of the stop is not sent any more: dropped, and counted as such.
    assert status.dropped <= 10
    assert outcomes == Counter(accepted=50, unfinished=status.unfinished, dropped=status.dropped)
    assert status.sent == 50 + status.unfinished == table.num_rows - status.dropped
    errors = Counter(zip(*(table.column(name).to_pylist() for name in ("outcome", "error")), strict=True))
    assert {outcome: error for outcome, error in errors if outcome != "dropped"} == {
        "accepted": "",
        "unfinished": "stopped before an answer",
    }
    assert "unfinished: stopped before an answer" in output  # and Locust's own report says so too


def test_the_rows_of_a_load_that_nothing_listens_to_have_the_error(
    locust: StartLocust, tmp_path: Path
) -> None:
    """``load.arrow`` says what failed; the report's bottleneck is named by it."""
    with socket.socket() as unused:  # bound, and never listening
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        plan = write_plan(tmp_path, 50.0, 1.0)
        process = locust(
            *("-f", SMOKE, "--host", url, "--headless", "--plan", plan, "--run-dir", str(tmp_path))
        )
        process.communicate(timeout=60)
    table = load_rows(tmp_path)
    assert set(table.column("outcome").to_pylist()) == {"failed"}
    assert table.column("error").to_pylist() == ["connection refused"] * 50


def test_two_workers_share_the_arrivals_from_one_start(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    plan = write_plan(tmp_path, 100.0, 2.0)
    finish(
        locust(
            *("-f", SMOKE, "--host", sender.url, "--headless", "--plan", plan, "--run-dir", str(tmp_path)),
            *two_workers(tmp_path),
        )
    )
    table = load_rows(tmp_path).sort_by("t_intended_ns")
    assert table.column("key").to_pylist() == [f"t-{slot:07d}" for slot in range(200)]
    assert table.column("worker").to_pylist() == [slot % 2 for slot in range(200)]
    intended = table.column("t_intended_ns").to_pylist()
    assert [at - intended[0] for at in intended] == [slot * 10_000_000 for slot in range(200)]
    assert statistics(tmp_path / "all")["Aggregated"]["Request Count"] == "200"


# Workers that report their statistics only when they end, and take longer for it than Locust's master waits.
_LATE_REPORTS = """
import gevent
from locust import events, runners

from loadtests.locustfile import locustfile
from loadtests.scenarios.smoke import SCENARIO

runners.WORKER_REPORT_INTERVAL = 3600.0
User, Shape = locustfile(SCENARIO, __name__)


@events.report_to_master.add_listener
def take_long(**_):
    gevent.sleep(1.5)
"""


# The load ends between two writes of the CSV files.
_RARE_CSV = """
from locust import stats

from loadtests.locustfile import locustfile
from loadtests.scenarios.smoke import SCENARIO

stats.CSV_STATS_INTERVAL_SEC = 5
User, Shape = locustfile(SCENARIO, __name__)
"""


def two_workers(folder: Path) -> tuple[str, ...]:
    """Arguments of Locust: two workers on this machine, statistics in ``folder``."""
    port = str(free_port())
    arguments = ("--processes", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    return (*arguments, "--master-port", port, "--csv", str(folder / "all"))


def test_the_master_waits_for_the_last_statistics_of_its_workers(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    (tmp_path / "late_reports.py").write_text(_LATE_REPORTS)
    plan = write_plan(tmp_path, 100.0, 2.0)
    process = locust(
        *("-f", str(tmp_path / "late_reports.py"), "--host", sender.url, "--headless"),
        *("--plan", plan, "--run-dir", str(tmp_path), *two_workers(tmp_path)),
    )
    finish(process)
    assert statistics(tmp_path / "all")["Aggregated"]["Request Count"] == "200"


def test_the_last_requests_of_a_load_in_one_process_are_in_the_csv_file(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    scenario = tmp_path / "rare_csv.py"
    scenario.write_text(_RARE_CSV)
    plan = write_plan(tmp_path, 100.0, 2.0)
    process = locust(
        *("-f", str(scenario), "--host", sender.url, "--headless", "--plan", plan),
        *("--run-dir", str(tmp_path), "--csv", str(tmp_path / "all")),
    )
    finish(process)
    assert statistics(tmp_path / "all")["Aggregated"]["Request Count"] == "200"


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_statistics_of_a_stopped_load_have_what_its_workers_left_unfinished(
    sender: StubSender, locust: StartLocust, tmp_path: Path, stop_signal: signal.Signals
) -> None:
    """Ctrl-C tells the workers to end, too; SIGTERM only the master."""
    sender.silent_after = 50
    plan = write_plan(tmp_path, 100.0, 60.0)
    process = locust(
        *("-f", SMOKE, "--host", sender.url, "--headless", "--plan", plan, "--run-dir", str(tmp_path)),
        *("--stop-timeout", "2", *two_workers(tmp_path)),
    )
    eventually(lambda: len(sender.bodies) >= 100)
    if stop_signal == signal.SIGTERM:
        process.terminate()
    else:
        os.killpg(process.pid, stop_signal)
    finish(process)
    outcomes = Counter(load_rows(tmp_path).column("outcome").to_pylist())
    assert outcomes["unfinished"] >= 50
    counted = statistics(tmp_path / "all")["Aggregated"]
    assert int(counted["Request Count"]) == outcomes["accepted"] + outcomes["unfinished"]
    assert int(counted["Failure Count"]) == outcomes["unfinished"]


def test_a_load_that_loses_all_its_workers_fails(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    plan = write_plan(tmp_path, 100.0, 60.0)
    port, log = str(free_port()), tmp_path / "log"
    process = locust(
        *("-f", SMOKE, "--host", sender.url, "--headless", "--plan", plan, "--run-dir", str(tmp_path)),
        *("--processes", "2", "--master-bind-host", "127.0.0.1"),
        *("--master-bind-port", port, "--master-port", port, "--logfile", str(log)),
    )
    eventually(lambda: len(sender.bodies) >= 20)
    workers = psutil.Process(process.pid).children()
    for worker in workers:
        worker.suspend()
    try:
        eventually(lambda: "lost worker" in log.read_text())
    finally:
        for worker in workers:
            worker.kill()
    process.communicate(timeout=30)
    assert process.returncode == EXIT_WORKER_LOST


def test_the_web_ui_has_a_tab_with_rate_drops_and_lag(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    plan = write_plan(tmp_path, 50.0, 60.0)
    process = locust(
        *("-f", SMOKE, "--plan", plan, "--run-dir", str(tmp_path), "--stop-timeout", "1"),
        *("--web-host", "127.0.0.1", "--web-port", "0"),
    )
    address = tmp_path / WEB_UI_FILE
    eventually(lambda: address.is_file() and address.read_text() != "")
    url = address.read_text()
    page = ask(url)
    assert "Open model" in page and "Lag p99 (ms)" in page
    assert not sender.bodies  # it waits for Start
    ask(url + "swarm", data=f"user_count=1&spawn_rate=1&host={sender.url}".encode())

    def shown() -> dict[str, Any]:
        (table,) = json.loads(ask(url + "stats/requests"))["extended_stats"]
        assert table["key"] == "open-model"
        return dict(table["data"][0]) if table["data"] else {}

    eventually(lambda: shown().get("accepted", 0) >= 50)
    row = shown()
    assert row["planned"] == 3_000 and row["dropped"] == 0 and row["lag_p99_ms"] > 0
    ask(url + "stop", data=b"")
    eventually(lambda: shown()["phase"] == "finished")
    # Started again its messages have keys of their own, or the sender would take them for repeats.
    before = len(sender.bodies)
    ask(url + "swarm", data=f"user_count=1&spawn_rate=1&host={sender.url}".encode())
    eventually(lambda: len(sender.bodies) > before + 10)
    process.terminate()
    finish(process)
    keys = [str(body["key"]) for body in sender.bodies]
    assert len(set(keys)) == len(keys)
    assert keys[-1].startswith("t.2-")


def test_a_target_file_speaks_another_senders_language(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    target = tmp_path / "target.toml"
    target.write_text(
        f"""
[request]
url = "{sender.url}/v1/messages"
body = '{{"recipient": "+{{to}}", "body": "{{text}}"}}'
headers = {{ Content-Type = "application/json" }}
[accepted]
status = [202]
id_path = "id"
field = {{ path = "state", equals = "queued" }}
"""
    )
    plan = write_plan(tmp_path, 50.0, 1.0)
    finish(
        locust(
            *("-f", SMOKE, "--headless", "--plan", plan, "--run-dir", str(tmp_path)),
            *("--target", str(target)),
        )
    )
    assert read_status(tmp_path).accepted == 50
    keys = [re.findall(r"#K([A-Za-z0-9._-]{1,64})#", str(body["body"])) for body in sender.bodies]
    assert sorted(keys) == [[f"t-{slot:07d}"] for slot in range(50)]


def test_a_scenario_alone_says_what_it_lacks(locust: StartLocust) -> None:
    process = locust("-f", SMOKE, "--headless")
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "give the sender's address: --host" in output


def ask(url: str, data: bytes | None = None) -> str:
    with urllib.request.urlopen(url, data=data, timeout=10) as reply:
        body: bytes = reply.read()
    return body.decode()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
