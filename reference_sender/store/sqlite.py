"""The embedded store: SQLite in WAL mode, ``synchronous=FULL``, so that a commit survives a power cut.

Rows are written many to a statement: each step of SQLite gives up the interpreter's lock and must win it back
from the event loop's thread, so the number of steps, not of rows, decides how long a commit takes.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from reference_sender.dispatch.values import FINAL_STATES, Change, Lane, Message, Recovered, State
from reference_sender.store.protocol import Existing, Identity, Record, StoreError

SCHEMA_VERSION = 1

_Row = tuple[Any, ...]
_STATE = {state: state.value for state in State}
_LANE = {lane: lane.value for lane in Lane}
_FINAL = ", ".join(f"'{state.value}'" for state in sorted(FINAL_STATES, key=lambda state: state.value))

# Rows of one statement, largest first. Few sizes, so that every statement stays prepared.
_CHUNKS = (256, 64, 16, 4, 1)
_MESSAGE_COLUMNS = 10
_PROGRESS_COLUMNS = 6
_READ = (
    "SELECT m.id, m.key, m.recipient, m.body, m.class, m.sender_id, m.campaign, m.segments, m.created_ns,"
    " m.expires_ns, coalesce(p.state, 'queued'), coalesce(p.reason, ''), p.provider_id,"
    " coalesce(p.attempts, 0), coalesce(p.at_ns, m.created_ns)"
    " FROM message m LEFT JOIN progress p ON p.id = m.id"
)


def _statements(head: str, columns: int, tail: str = "") -> dict[int, str]:
    row = "(" + ",".join("?" * columns) + ")"
    return {size: f"{head} VALUES {','.join([row] * size)}{tail}" for size in _CHUNKS}


_INSERT = _statements("INSERT INTO message", _MESSAGE_COLUMNS, " ON CONFLICT (key) DO NOTHING")
_PROGRESS = _statements("INSERT OR REPLACE INTO progress", _PROGRESS_COLUMNS)


class SqliteStore:
    """A store in one file. A lock beside it keeps a second process off; the system frees it when we die."""

    def __init__(self, path: Path) -> None:
        self._lock = _take_lock(path)
        try:
            self._writer = _connect(path)
            self._reader = _connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            self._lock.close()
            raise StoreError(f"{path}: {error}") from error
        except StoreError:
            self._lock.close()
            raise

    def identity(self) -> Identity:
        tag, secret = self._reader.execute("SELECT tag, report_secret FROM identity").fetchone()
        last = self._reader.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        return Identity(tag, secret, last)

    def commit(self, messages: Sequence[Message], changes: Iterable[Change]) -> Mapping[int, Existing]:
        writer = self._writer
        latest = {change.message_id: change for change in changes}
        try:
            writer.execute("BEGIN IMMEDIATE")
            taken = self._insert(messages) if messages else {}
            if latest:
                self._write_progress(latest.values())
            writer.execute("COMMIT")
        except (
            Exception
        ) as error:  # sqlite3 also raises what its values raise: UnicodeEncodeError, OverflowError
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise StoreError(str(error)) from error
        return taken

    def unfinished(self) -> list[Recovered]:
        rows = self._reader.execute(f"{_READ} WHERE coalesce(p.state, '') NOT IN ({_FINAL}) ORDER BY m.id")
        return [_recovered(_record(row)) for row in rows]

    def records(self, after_id: int, limit: int) -> list[Record]:
        rows = self._reader.execute(f"{_READ} WHERE m.id > ? ORDER BY m.id LIMIT ?", (after_id, limit))
        return [_record(row) for row in rows]

    def counts(self, campaign: str | None) -> dict[State, int]:
        # The second condition repeats that of the partial index, without which SQLite would not use it.
        where = "WHERE m.campaign = ? AND m.campaign <> ''" if campaign is not None else ""
        rows = self._reader.execute(
            "SELECT coalesce(p.state, 'queued') AS state, count(*) FROM message m"
            f" LEFT JOIN progress p ON p.id = m.id {where} GROUP BY 1",
            () if campaign is None else (campaign,),
        )
        return {State(state): count for state, count in rows}

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
        self._lock.close()

    def _insert(self, messages: Sequence[Message]) -> dict[int, Existing]:
        taken: dict[int, Existing] = {}
        rows = [_message_row(message) for message in messages]
        for chunk in _chunks(rows):
            done = self._writer.execute(_INSERT[len(chunk)], list(chain.from_iterable(chunk)))
            if done.rowcount != len(chunk):
                for row in chunk:
                    existing = self._existing(key=row[1])
                    if existing.message_id != row[0]:
                        taken[row[0]] = existing
        return taken

    def _existing(self, key: str) -> Existing:
        row = self._writer.execute(
            "SELECT m.id, m.recipient, m.body, m.class, coalesce(p.state, 'queued') FROM message m"
            " LEFT JOIN progress p ON p.id = m.id WHERE m.key = ?",
            (key,),
        ).fetchone()
        return Existing(row[0], row[1], row[2], Lane(row[3]), State(row[4]))

    def _write_progress(self, changes: Iterable[Change]) -> None:
        rows = [
            (c.message_id, _STATE[c.state], c.reason, c.provider_id, c.attempts, c.at_ns) for c in changes
        ]
        for chunk in _chunks(rows):
            self._writer.execute(_PROGRESS[len(chunk)], list(chain.from_iterable(chunk)))


def _chunks(rows: list[_Row]) -> Iterable[list[_Row]]:
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _message_row(m: Message) -> _Row:
    return (
        m.message_id,
        m.key,
        m.to,
        m.text,
        _LANE[m.lane],
        m.sender_id,
        m.campaign,
        m.segments,
        m.created_ns,
        m.expires_ns,
    )


def _record(row: _Row) -> Record:
    message = Message(row[0], row[1], row[2], row[3], Lane(row[4]), *row[5:10])
    return Record(message, State(row[10]), *row[11:15])


def _recovered(record: Record) -> Recovered:
    """An attempt under way when the process ended is unknown: the message is queued, and goes out again under
    the same key."""
    sent = record.state is State.SENT
    return Recovered(
        message=record.message,
        state=State.SENT if sent else State.QUEUED,
        attempts=record.attempts,
        provider_id=record.provider_id,
        sent_ns=record.changed_ns if sent else None,
    )


def _take_lock(path: Path) -> TextIO:
    try:
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise StoreError(f"{path}: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StoreError(f"{path} is in use by another sender") from error
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")
    # Four times the default: hot pages are written back to the file less often.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        _create(connection)
    elif version != SCHEMA_VERSION:
        connection.close()
        raise StoreError(f"{path} has schema {version}, this sender knows {SCHEMA_VERSION}")
    return connection


def _create(connection: sqlite3.Connection) -> None:
    schema = files("reference_sender.store").joinpath("schema.sql").read_text(encoding="utf-8")
    tag, secret = secrets.token_hex(4), secrets.token_urlsafe(18)
    connection.executescript(
        f"BEGIN IMMEDIATE; {schema}"
        f"INSERT INTO identity VALUES ('{tag}', '{secret}');"
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )
