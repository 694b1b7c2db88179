"""The files of a load worker: one row per message, and its counts once a second.

``load-<worker>.arrow`` holds rows of ``analysis.records.LOAD_SCHEMA``; ``load-<worker>.json`` a
``LoadStatus``. The runner reads the status while the load runs and joins the rows when it has ended. If
Locust's web UI starts the load again, ``round-<number>-<worker>.json`` keeps the status of each round before
the last.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
import pyarrow as pa
from msgspec import Struct

from analysis.records import LOAD_SCHEMA, RowWriter, read_rows

# key, class, campaign, worker, t_intended_ns, t_sent_ns, t_replied_ns, outcome, status, error
LoadRow = tuple[str, str, str, int, int, int | None, int | None, str, int, str]

# Exit codes of the load process.
EXIT_ROWS_LOST = os.EX_CANTCREAT  # 73: rows could not be written
EXIT_WORKER_LOST = os.EX_IOERR  # 74
WEB_UI_FILE = "locust-web-ui.url"  # the file with the address of Locust's web UI

StatusPhase = Literal["waiting", "running", "answering", "finished"]


class LoadStatus(Struct, frozen=True, kw_only=True):
    """The status of a worker, or of the whole load. Counts are since its start.

    ``due`` is the number of arrivals so far: due = sent + dropped. sent = accepted + refused + failed +
    unfinished + in flight. Lags are of the last second, in milliseconds: send minus intended. ``resent``
    counts requests that were sent again on a new connection because the target closed an idle one;
    ``closed_idle`` counts connections that the target closed before anything was sent on them.
    """

    phase: StatusPhase = "waiting"
    planned: int = 0
    due: int = 0
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    unfinished: int = 0
    dropped: int = 0
    resent: int = 0
    closed_idle: int = 0
    in_flight: int = 0
    offered_per_s: float = 0.0
    lag_p50_ms: float = 0.0
    lag_p99_ms: float = 0.0
    lag_max_ms: float = 0.0
    lag_own_p99_ms: float = 0.0  # without the time for which the worker's thread was ready and had no core
    in_flight_limit: int = 0
    start_ns: int = 0  # run's clock: the schedule's zero
    at_ns: int = 0  # run's clock: when it was counted
    end_ns: int = 0  # run's clock: the last due arrival, or the stop of the load
    closed: bool = False  # the process has written all its rows
    rows_lost: str = ""  # why rows could not be written; the load then ends


_PHASES: tuple[StatusPhase, ...] = ("waiting", "running", "answering", "finished")


def combine(statuses: Iterable[LoadStatus]) -> LoadStatus:
    """The load's status from that of its workers: counts are added, lags are the worst worker's."""
    all_of = list(statuses)
    if not all_of:
        return LoadStatus()
    sums = (
        *("planned", "due", "sent", "accepted", "refused", "failed", "unfinished", "dropped", "in_flight"),
        *("resent", "closed_idle", "in_flight_limit"),
    )
    worst = ("lag_p50_ms", "lag_p99_ms", "lag_max_ms", "lag_own_p99_ms", "end_ns")
    started = [status.start_ns for status in all_of if status.start_ns]
    return LoadStatus(
        phase=min((status.phase for status in all_of), key=_PHASES.index),
        offered_per_s=sum(status.offered_per_s for status in all_of),
        start_ns=min(started, default=0),
        at_ns=min(status.at_ns for status in all_of),
        closed=all(status.closed for status in all_of),
        rows_lost=next((status.rows_lost for status in all_of if status.rows_lost), ""),
        **{name: sum(getattr(status, name) for status in all_of) for name in sums},
        **{name: max(getattr(status, name) for status in all_of) for name in worst},
    )


class LoadRecorder:
    """Writes one worker's rows and status into the run directory; without one it writes nothing.

    If that fails, ``lost`` has the reason, and nothing is kept or written from then on. It does not raise:
    its callers are callbacks and greenlets, whose errors would be lost.
    """

    def __init__(self, run_dir: Path | None, worker: int) -> None:
        self.lost = ""
        self._status_path = run_dir / f"load-{worker}.json" if run_dir is not None else None
        self._rows = RowWriter(run_dir / f"load-{worker}.arrow", LOAD_SCHEMA) if run_dir is not None else None

    def row(self, row: LoadRow) -> None:
        try:
            if self._rows is not None:
                self._rows.append(row)
        except OSError as error:
            self._fail(error)

    def flush(self) -> None:
        try:
            if self._rows is not None:
                self._rows.flush()
        except OSError as error:
            self._fail(error)

    def status(self, status: LoadStatus) -> None:
        if self._status_path is None:
            return
        partial = self._status_path.with_suffix(".partial")
        try:
            partial.write_bytes(msgspec.json.encode(status))
            partial.replace(self._status_path)
        except OSError as error:
            self._fail(error)

    def keep_status(self, load_round: int) -> None:
        """Keep the last status of the round under a name of its own; the next round writes a new file."""
        if self._status_path is not None and self._status_path.is_file():
            worker = self._status_path.stem.removeprefix("load-")
            self._status_path.replace(self._status_path.with_name(f"round-{load_round}-{worker}.json"))

    def close(self) -> None:
        try:
            if self._rows is not None:
                self._rows.close()
        except OSError as error:
            self._fail(error)
        self._rows = None

    def _fail(self, error: OSError) -> None:
        self.lost = self.lost or f"the rows cannot be written: {os.strerror(error.errno or errno.EIO)}"
        self._rows = self._status_path = None


def read_rounds(run_dir: Path) -> list[dict[int, LoadStatus]]:
    """Each worker's last status in each round that began, in order; most loads are one round."""
    rounds: dict[int, dict[int, LoadStatus]] = {}
    for path in run_dir.glob("round-*.json"):
        _, number, worker = path.stem.split("-")
        rounds.setdefault(int(number), {})[int(worker)] = _read(path)
    found = [rounds[number] for number in sorted(rounds)] + [read_statuses(run_dir)]
    return [load_round for load_round in found if combine(load_round.values()).start_ns]


def _read(path: Path) -> LoadStatus:
    return msgspec.json.decode(path.read_bytes(), type=LoadStatus)


def read_statuses(run_dir: Path) -> dict[int, LoadStatus]:
    """Each worker's last status."""
    found = {int(path.stem.removeprefix("load-")): path for path in sorted(run_dir.glob("load-*.json"))}
    return {worker: _read(path) for worker, path in found.items()}


def read_status(run_dir: Path) -> LoadStatus:
    """The load's last status."""
    return combine(read_statuses(run_dir).values())


def join_rows(run_dir: Path) -> int:
    """Join the workers' rows into ``load.arrow``, remove the pieces, and return the number of rows."""
    pieces = sorted(run_dir.glob("load-*.arrow"))
    count = 0
    with (
        pa.OSFile(str(run_dir / "load.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, LOAD_SCHEMA) as stream,
    ):
        for piece in pieces:
            table = read_rows(piece, LOAD_SCHEMA)
            stream.write_table(table)
            count += table.num_rows
    for piece in pieces:
        piece.unlink()
    return count
