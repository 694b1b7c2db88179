"""The rows and statuses of several workers become those of the load."""

from __future__ import annotations

from pathlib import Path

from load_rows import load_row

from analysis.records import LOAD_SCHEMA, read_rows
from loadtests.recording import (
    LoadRecorder,
    LoadStatus,
    join_rows,
    read_status,
)


def test_workers_rows_and_statuses_become_the_loads(tmp_path: Path) -> None:
    for worker in (0, 1):
        recorder = LoadRecorder(tmp_path, worker)
        for slot in range(worker, 10, 2):
            recorder.row(load_row(slot, worker))
        recorder.status(LoadStatus(phase="running", due=5, sent=5, start_ns=100 + worker, end_ns=worker))
        recorder.flush()
        if worker == 1:  # the other one is killed before it can close: what was flushed stays
            recorder.close()
            recorder.status(LoadStatus(phase="finished", due=5, sent=4, dropped=1, start_ns=101, closed=True))
    status = read_status(tmp_path)
    assert (status.phase, status.due, status.sent, status.dropped) == ("running", 10, 9, 1)
    assert (status.start_ns, status.closed) == (100, False)
    assert join_rows(tmp_path) == 10
    table = read_rows(tmp_path / "load.arrow", LOAD_SCHEMA)
    assert sorted(table.column("t_intended_ns").to_pylist()) == list(range(10))
    assert not list(tmp_path.glob("load-*.arrow"))
