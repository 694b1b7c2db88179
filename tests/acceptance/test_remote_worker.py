"""A worker that has none of the master's options, as one on another machine."""

from __future__ import annotations

import socket
from pathlib import Path

from commands import StartLocust
from locust_loads import finish, load_rows, write_plan
from stub_sender import StubSender
from waiting import eventually

from loadtests.recording import read_status
from loadtests.users.start_signal import LEAD_WORKERS_NS

# The load of a scenario. It notes the end of the warm-up.
LOCUSTFILE = """
import time
from pathlib import Path

from loadtests.scenarios.smoke import SCENARIO
from loadtests.users import worker_load
from loadtests.users.open_model import classes_for

rehearse = worker_load.rehearse


def noted(*given):
    answered = rehearse(*given)
    Path({note!r}).write_text(str(time.monotonic_ns()))
    return answered


worker_load.rehearse = noted
OpenModel, OpenModelLoad = classes_for(SCENARIO)
"""


def test_a_remote_worker_warms_up_before_the_start_is_set(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    note, file = tmp_path / "warm", tmp_path / "watched.py"
    file.write_text(LOCUSTFILE.format(note=str(note)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    worker = locust("-f", str(file), "--worker", "--master-host", "127.0.0.1", "--master-port", port)
    master = locust(
        *("-f", str(file), "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port),
        *("--expect-workers", "1", "--headless", "--host", sender.url, "--run-dir", str(tmp_path)),
        *("--plan", write_plan(tmp_path, 50.0, 1.0)),
    )
    eventually(lambda: read_status(tmp_path).start_ns)
    start_ns = read_status(tmp_path).start_ns
    finish(master)
    finish(worker)
    assert len(load_rows(tmp_path)) == 50
    # The master sets the start this long before it.
    assert int(note.read_text()) < start_ns - LEAD_WORKERS_NS
