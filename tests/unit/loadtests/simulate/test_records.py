"""Rows of a simulated run: each once, as its message ended, whatever came late or never."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.records import LOAD_SCHEMA, SENDER_SCHEMA, RowWriter, read_rows
from loadtests.arrivals import Mix, Plan, Poisson, Schedule, Stream
from loadtests.simulate import records as simulated
from loadtests.simulate.arrivals import Arrivals
from mock_provider.engine import Engine
from mock_provider.profiles import load_profile
from reference_sender.dispatch.values import Change, Message, State


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(Plan(streams=(Stream(Poisson(5.0, 4.0), mix=Mix(1.0, 1.0, 1.0)),), seed=1, key_tag="t"))


def change(message: Message, state: State, reason: str = "", attempts: int = 1) -> Change:
    return Change(message.message_id, message.key, state, reason, None, attempts, 0)


def test_each_message_has_one_row_with_its_last_state(
    tmp_path: Path, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated, "ROWS_PER_WRITE", 1)  # write at every chance
    engine = Engine(load_profile("fast"), 1)
    (piece,) = Arrivals(schedule, 0, 6).pieces()
    a, b, c, d, e, f, *_ = piece.messages
    records = simulated.RunRecords(tmp_path, schedule)
    for message in (a, b, c, d):
        records.changed(change(message, State.SENT))
    records.changed(change(a, State.DELIVERED))
    records.changed(change(b, State.FAILED, "absent", 2))
    records.final_rows(engine)
    records.arrived(piece.messages[:6], {f.message_id})
    records.changed(change(b, State.DELIVERED, attempts=2))  # a late report
    records.changed(change(c, State.EXPIRED, "no_report"))
    records.final_rows(engine)
    records.close(engine)
    rows = read_rows(tmp_path / "sender.arrow", SENDER_SCHEMA).to_pylist()
    found = {row["key"]: (row["message_class"], row["state"], row["reason"], row["attempts"]) for row in rows}
    assert len(rows) == len(found) == 5  # the sixth was refused, the others never came
    assert found == {
        a.key: (a.lane.value, "delivered", "", 1),
        b.key: (b.lane.value, "delivered", "", 2),
        c.key: (c.lane.value, "expired", "no_report", 1),
        d.key: (d.lane.value, "sent", "", 1),
        e.key: (e.lane.value, "queued", "", 0),
    }
    load = read_rows(tmp_path / "load.arrow", LOAD_SCHEMA).to_pylist()
    assert [(row["key"], row["outcome"], row["status"], row["error"]) for row in load[-2:]] == [
        (e.key, "accepted", 202, ""),
        (f.key, "refused", 429, ""),
    ]


def test_messages_that_ended_long_ago_are_written_and_forgotten(
    tmp_path: Path, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated, "ROWS_PER_WRITE", 1)
    monkeypatch.setattr(simulated, "LATE_KEPT", 4)
    engine = Engine(load_profile("fast"), 1)
    (piece,) = Arrivals(schedule, 0, 6).pieces()
    records = simulated.RunRecords(tmp_path, schedule)
    records.arrived(piece.messages, set())
    for message in piece.messages:
        records.changed(change(message, State.FAILED, "absent"))
        records.changed(change(message, State.FAILED, "absent"))
        records.final_rows(engine)
        assert records.kept <= 4
    records.close(engine)
    rows = read_rows(tmp_path / "sender.arrow", SENDER_SCHEMA).to_pylist()
    assert sorted(row["key"] for row in rows) == sorted(message.key for message in piece.messages)


def test_columns_and_rows_are_the_same_file(tmp_path: Path) -> None:
    rows = [("k", "otp", "delivered", "", 1), ("l", "otp", "failed", "absent", 1)]
    by_row = RowWriter(tmp_path / "rows.arrow", SENDER_SCHEMA)
    by_column = RowWriter(tmp_path / "columns.arrow", SENDER_SCHEMA)
    for row in rows:
        by_row.append(row)
    by_column.append(rows[0])
    by_column.append_columns(list(zip(*rows[1:], strict=True)))
    by_column.append_columns([[] for _ in SENDER_SCHEMA])
    for writer in (by_row, by_column):
        writer.close()
    first, second = (read_rows(tmp_path / f"{name}.arrow", SENDER_SCHEMA) for name in ("rows", "columns"))
    assert first.to_pylist() == second.to_pylist()
    assert first.to_pylist() == [dict(zip(SENDER_SCHEMA.names, row, strict=True)) for row in rows]
