"""The journal: the provider's row for every message, as an Arrow IPC stream (docs/run-directory.md).

The schema stands here and in ``analysis.records``; a contract test holds the two together.
"""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
from msgspec.structs import astuple

from mock_provider.engine.values import JournalRow

_NS = pa.int64()

JOURNAL_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("provider_id", pa.string()),
        ("account", pa.string()),
        ("wire", pa.string()),
        ("country", pa.string()),
        ("carrier", pa.string()),
        ("segments", pa.int32()),
        ("submits", pa.int32()),
        ("accepts", pa.int32()),
        ("t_submitted_ns", _NS),
        ("t_answered_ns", _NS),
        ("t_carrier_ns", _NS),
        ("t_delivered_ns", _NS),
        ("t_reported_ns", _NS),
        ("t_confirmed_ns", _NS),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("price", pa.float64()),
        ("fault", pa.string()),
    ]
)


class Journal:
    """Gathers rows and writes a record batch for each ``batch_rows``; what is flushed survives a crash."""

    def __init__(self, path: Path, batch_rows: int = 8_192) -> None:
        """An existing file is replaced. Raises ``OSError`` where it cannot be written or is in use."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._batch_rows = batch_rows
        self._rows: list[JournalRow] = []
        self._lock = _locked(path)
        self._sink = pa.OSFile(str(path), "wb")
        self._stream = pa.ipc.new_stream(self._sink, JOURNAL_SCHEMA)
        self._closed = False
        # The first array built from a list makes pyarrow import pandas, a stall of most of a second: not
        # while requests are being served.
        pa.array([], type=_NS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, rows: Sequence[JournalRow]) -> None:
        """Take rows; whole batches go to the file at once."""
        self._rows.extend(rows)
        while len(self._rows) >= self._batch_rows:
            self._write_batch(self._rows[: self._batch_rows])
            del self._rows[: self._batch_rows]

    def flush(self) -> None:
        """Write what was taken so far."""
        if self._rows:
            self._write_batch(self._rows)
            self._rows = []

    def close(self) -> None:
        """Write the rest and end the stream. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.flush()
        self._stream.close()
        self._sink.close()
        self._lock.close()

    def _write_batch(self, rows: Sequence[JournalRow]) -> None:
        columns = map(_column, zip(*map(astuple, rows), strict=True), JOURNAL_SCHEMA)
        self._stream.write_batch(pa.record_batch(list(columns), schema=JOURNAL_SCHEMA))
        self._sink.flush()


def _locked(path: Path) -> BinaryIO:
    """The file opened, as yet unchanged, and locked until it is closed or the process ends."""
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise OSError(f"{path} is in use by another provider") from error
    return lock


def _column(values: tuple[Any, ...], field: pa.Field) -> pa.Array:
    try:
        return pa.array(values, type=field.type)
    except UnicodeEncodeError:  # half a surrogate pair in one client's key costs no other its row
        return pa.array([value.encode("utf-8", "replace").decode() for value in values], type=field.type)
