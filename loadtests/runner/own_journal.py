"""The journal of a mock provider that the user runs: the rows of one run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc


def copy_journal(journal: Path, to: Path, since_ns: int, key_tag: str) -> int:
    """Copy the rows of this run; returns the number of rows that were left out.

    A provider that serves several runs writes one journal. A row is of an earlier run if its message was
    first submitted before ``since_ns`` and its key does not begin with ``key_tag``. A file without these
    columns is copied as it is: the analysis names what is missing. Raises ``OSError``.
    """
    with pa.OSFile(str(journal), "rb") as source:
        try:
            reader = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:  # empty, or no Arrow file
            reader = None
        if reader is not None and {"key", "t_submitted_ns"} <= set(reader.schema.names):
            return _copy_rows(reader, to, since_ns, key_tag)
    shutil.copyfile(journal, to)
    return 0


def _copy_rows(reader: pa.RecordBatchStreamReader, to: Path, since_ns: int, key_tag: str) -> int:
    left_out = 0
    with pa.OSFile(str(to), "wb") as sink, pa.ipc.new_stream(sink, reader.schema) as stream:
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return left_out
            except (pa.ArrowInvalid, OSError):  # the provider is about to write the rest
                return left_out
            early = pc.fill_null(pc.less(batch["t_submitted_ns"], since_ns), False)
            own = pc.starts_with(pc.fill_null(batch["key"], ""), key_tag)
            mine = batch.filter(pc.or_(pc.invert(early), own))
            left_out += len(batch) - len(mine)
            stream.write_batch(mine)
