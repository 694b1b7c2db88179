"""The journal: the provider's row for every message, as an Arrow IPC stream (docs/run-directory.md).

The schema is also in ``analysis.records``; a contract test compares the two.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
from msgspec.structs import astuple

from arrow_columns import column_array
from mock_provider.engine.values import JournalRow

_NS = pa.int64()
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"  # of an Arrow IPC stream: no further message

JOURNAL_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("provider_id", pa.string()),
        ("account", pa.string()),
        ("protocol", pa.string()),
        ("country", pa.string()),
        ("carrier", pa.string()),
        ("segments", pa.int32()),
        ("submits", pa.int32()),
        ("accepts", pa.int32()),
        ("t_submitted_ns", _NS),
        ("t_answered_ns", _NS),
        ("t_carrier_ns", _NS),
        ("t_final_ns", _NS),
        ("t_reported_ns", _NS),
        ("t_confirmed_ns", _NS),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("price", pa.float64()),
        ("fault", pa.string()),
        ("t_accepted_ns", _NS),
        ("reply_ns", _NS),
        ("radio_ns", _NS),
        ("handset_wait_ns", _NS),
        ("throttled", pa.int32()),
        ("priority", pa.bool_()),
        ("ucs2_for", pa.string()),
        ("t_scheduled_ns", _NS),
    ]
)

_KINDS = tuple(JOURNAL_SCHEMA.types)


class Journal:
    """Gathers rows and writes a record batch for each ``batch_rows``; what is flushed survives a crash."""

    def __init__(self, path: Path, batch_rows: int = 8_192) -> None:
        """Raises ``OSError`` if the file cannot be written, is in use, or is not empty."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._batch_rows = batch_rows
        self._rows: list[JournalRow] = []
        self._lock = _locked(path)
        try:
            self._sink = pa.OSFile(str(path), "wb")
        except BaseException:
            self._lock.close()
            raise
        self._begun = False  # whether the file has the schema: without a row it stays empty
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, rows: Sequence[JournalRow]) -> None:
        """Add rows; complete batches are written at once."""
        self._rows.extend(rows)
        while len(self._rows) >= self._batch_rows:
            self._write_batch(self._rows[: self._batch_rows])
            del self._rows[: self._batch_rows]

    def flush(self) -> None:
        """Write the rows so far. Raises ``OSError`` if they cannot be written, or would be lost."""
        if self._rows:
            self._write_batch(self._rows)
            self._rows = []
        self._require_the_file()

    def abandon(self) -> None:
        """Close the file and write no more rows: a later row would hide that one was lost."""
        self._rows.clear()
        self._closed = True
        for closing in (self._sink.close, self._lock.close):
            with suppress(OSError):
                closing()

    def close(self) -> None:
        """Write the rest and end the stream. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.flush()
        self._add(_END_OF_STREAM)
        self._sink.close()
        self._lock.close()

    def _require_the_file(self) -> None:
        """Rows written to a removed file are lost when the process ends."""
        kept = os.fstat(self._lock.fileno())
        try:
            named = self._path.stat()
        except FileNotFoundError:
            raise FileNotFoundError(f"{self._path} was removed while it was being written") from None
        if (kept.st_dev, kept.st_ino) != (named.st_dev, named.st_ino):
            raise FileNotFoundError(f"{self._path} was replaced by another file while it was being written")

    def _write_batch(self, rows: Sequence[JournalRow]) -> None:
        self._add(pa.RecordBatch.from_arrays(_arrays(rows), schema=JOURNAL_SCHEMA).serialize())

    def _add(self, message: pa.Buffer | bytes) -> None:
        # One write for each batch: the stream writer of pyarrow makes one for each buffer of each column.
        try:
            if not self._begun:
                self._sink.write(JOURNAL_SCHEMA.serialize())
                self._begun = True
            self._sink.write(message)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(f"{self._path} cannot be written: {reason}") from error


def _locked(path: Path) -> BinaryIO:
    """Open the empty file, locked until it is closed or the process ends.

    A file with rows is refused and kept: after a crash they may be the only record of its messages.
    """
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise OSError(f"{path} is in use by another provider") from error
    if os.fstat(lock.fileno()).st_size:
        lock.close()
        raise OSError(
            f"{path} holds the journal of an earlier provider, which is kept: "
            "give another file, or move it away"
        )
    return lock


def _arrays(rows: Sequence[JournalRow]) -> list[pa.Array]:
    arrays: list[pa.Array] = []
    instants: list[tuple[list[Any], pa.Array]] = []
    width = len(_KINDS)
    # Slices of one list take under half the time of ``zip(*rows)``, which visits all rows for each value.
    cells = list(chain.from_iterable(map(astuple, rows)))
    for place, kind in enumerate(_KINDS):
        values = cells[place::width]
        if kind != _NS:
            arrays.append(_column(values, kind))
            continue
        # A message that is taken, answered and handed over in one step has one object for all of these
        # instants. To find that takes a fifth of the time of an array.
        made = next((array for others, array in instants if others == values), None)
        if made is None:
            made = _column(values, kind)
            instants.append((values, made))
        arrays.append(made)
    return arrays


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return column_array(values, kind)
    except UnicodeEncodeError:  # half a surrogate pair in one client's key must not lose the rows of others
        return column_array([value.encode("utf-8", "replace").decode() for value in values], kind)
