"""The rows of one run in the journal of a provider that serves several."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from analysis.records import PROVIDER_SCHEMA, read_rows
from loadtests.runner.own_journal import copy_journal

START_NS = 1_000


def journal(path: Path, rows: list[tuple[str, int | None]]) -> Path:
    columns = [
        pa.array([key for key, _ in rows])
        if field.name == "key"
        else pa.array([at for _, at in rows], field.type)
        if field.name == "t_submitted_ns"
        else pa.nulls(len(rows), field.type)
        for field in PROVIDER_SCHEMA
    ]
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, PROVIDER_SCHEMA) as stream:
        stream.write_batch(pa.record_batch(columns, schema=PROVIDER_SCHEMA))
    return path


def test_rows_of_earlier_runs_are_left_out(tmp_path: Path) -> None:
    source = journal(
        tmp_path / "all.arrow",
        [
            ("abcd.1-0000000", START_NS - 1),  # an earlier run
            ("abcd.2-0000000", START_NS),
            ("abcd.2-0000001", START_NS - 1),  # this run: a provider with another clock
            ("other", START_NS + 1),  # the sender did not pass the key on
            ("unknown", None),
        ],
    )
    assert copy_journal(source, tmp_path / "mine.arrow", START_NS, "abcd.2") == 1
    kept = read_rows(tmp_path / "mine.arrow", PROVIDER_SCHEMA)["key"].to_pylist()
    assert kept == ["abcd.2-0000000", "abcd.2-0000001", "other", "unknown"]


@pytest.mark.parametrize("content", [b"", b"no journal"])
def test_another_file_is_copied_as_it_is(content: bytes, tmp_path: Path) -> None:
    source = tmp_path / "all.arrow"
    source.write_bytes(content)
    assert copy_journal(source, tmp_path / "mine.arrow", START_NS, "abcd") == 0
    assert (tmp_path / "mine.arrow").read_bytes() == content


def test_a_journal_that_is_being_written_is_copied_up_to_its_last_whole_batch(tmp_path: Path) -> None:
    source = journal(tmp_path / "all.arrow", [("abcd-0000000", START_NS)])
    with source.open("ab") as file:
        file.truncate(source.stat().st_size - 8)  # the end of the stream
        file.write(b"\xff\xff\xff\xff\x10")
    assert copy_journal(source, tmp_path / "mine.arrow", START_NS, "abcd") == 0
    assert len(read_rows(tmp_path / "mine.arrow", PROVIDER_SCHEMA)) == 1
