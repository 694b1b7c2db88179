from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import asdict

from mock_provider.engine.values import JournalRow
from mock_provider.runtime.journal import JOURNAL_SCHEMA, Journal


def row(key: str, **changes: Any) -> JournalRow:
    values: dict[str, Any] = {
        "key": key,
        "provider_id": "1",
        "account": "demo",
        "protocol": "smsapi",
        "country": "PL",
        "carrier": "Play",
        "segments": 1,
        "submits": 1,
        "accepts": 1,
        "t_submitted_ns": 1,
        "t_answered_ns": None,
        "t_carrier_ns": None,
        "t_final_ns": None,
        "t_reported_ns": None,
        "t_confirmed_ns": None,
        "state": "open",
        "reason": "",
        "price": 0.165,
    }
    return JournalRow(**(values | changes))


def keys(path: Path) -> list[str]:
    with pa.OSFile(str(path), "rb") as source:
        found = []
        try:
            for batch in pa.ipc.open_stream(source):
                found += batch.column("key").to_pylist()
        except pa.ArrowInvalid:
            pass
        return found


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "provider.arrow"
    rows = [row("a", t_confirmed_ns=2**62), row("zażółć 😀", price=0.0)]
    with Journal(path) as journal:
        journal.write(rows)
    with pa.OSFile(str(path), "rb") as source:
        table = pa.ipc.open_stream(source).read_all()
    assert table.schema == JOURNAL_SCHEMA
    assert [JournalRow(**values) for values in table.to_pylist()] == rows


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_file_is_the_stream_that_pyarrow_writes(count: int, tmp_path: Path) -> None:
    rows = [row(f"k-{n}", t_answered_ns=1 if n % 2 else None, t_final_ns=n) for n in range(count)]
    with Journal(tmp_path / "ours.arrow") as journal:
        journal.write(rows)
    given = pa.Table.from_pylist([asdict(each) for each in rows], schema=JOURNAL_SCHEMA)
    with pa.OSFile(str(tmp_path / "theirs.arrow"), "wb") as sink, pa.ipc.new_stream(sink, JOURNAL_SCHEMA):
        pass
    empty = (tmp_path / "theirs.arrow").read_bytes()
    written = (tmp_path / "ours.arrow").read_bytes()
    schema, end = empty[:-8], empty[-8:]
    assert written.startswith(schema)
    assert written.endswith(end)
    assert pa.ipc.open_stream(written).read_all().equals(given)


def test_instants_that_are_one_object_or_equal_keep_their_columns(tmp_path: Path) -> None:
    one, other = 10**18, 10**18 + 1
    first = {"t_submitted_ns": one, "t_answered_ns": one, "t_carrier_ns": one, "t_accepted_ns": one}
    rows = [row("a", **first, t_final_ns=None), row("b", **(first | {"t_answered_ns": other}), t_final_ns=3)]
    path = tmp_path / "provider.arrow"
    with Journal(path) as journal:
        journal.write(rows)
    found = pa.ipc.open_stream(path.read_bytes()).read_all().to_pylist()
    assert [JournalRow(**values) for values in found] == rows


def test_whole_batches_and_what_was_flushed_survive_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    journal = Journal(path, batch_rows=2)
    journal.write([row("a"), row("b"), row("c")])
    assert keys(path) == ["a", "b"]
    journal.flush()
    assert keys(path) == ["a", "b", "c"]
    journal.write([row("d")])
    assert keys(path) == ["a", "b", "c"]
    journal.close()
    journal.close()
    assert keys(path) == ["a", "b", "c", "d"]


def test_text_that_is_not_unicode_does_not_stop_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    with Journal(path) as journal:
        journal.write([row("good"), row("lone \ud800 surrogate")])
    assert keys(path) == ["good", "lone ? surrogate"]


def test_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Journal(tmp_path)


def test_a_file_that_is_being_written_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    with Journal(path, batch_rows=1) as journal:
        journal.write([row("a")])
        with pytest.raises(OSError, match="in use by another provider"):
            Journal(path)
        journal.write([row("b")])
    assert keys(path) == ["a", "b"]


def test_a_journal_that_holds_rows_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    with Journal(path) as journal:
        journal.write([row("a")])
    before = path.read_bytes()
    with pytest.raises(OSError, match="give another file, or move it away"):
        Journal(path)
    assert path.read_bytes() == before


def test_an_empty_file_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    path.touch()
    with Journal(path) as journal:
        journal.write([row("a")])
    assert keys(path) == ["a"]


def test_a_file_that_is_removed_or_replaced_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    journal = Journal(path)
    journal.write([row("a")])
    journal.flush()
    path.unlink()
    with pytest.raises(OSError, match="was removed"):
        journal.flush()
    path.touch()
    with pytest.raises(OSError, match="was replaced"):
        journal.flush()
    journal.abandon()


def test_a_device_that_is_full_is_named(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    path.symlink_to("/dev/full")
    journal = Journal(path)
    journal.write([row("a")])
    with pytest.raises(OSError, match=r"provider\.arrow cannot be written: No space left on device"):
        journal.flush()
    journal.abandon()
