"""The state file: SQLite in WAL mode. A transaction that ``write`` committed survives kill -9 and power loss.

An incomplete last transaction is ignored. Each record has a checksum; a damaged file is refused.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from msgspec import Struct

from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.snapshot import AccountSpending, EngineSnapshot, in_another_time
from mock_provider.state.records import FIELDS, CapturedRequest, read

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, record BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE request (
    number INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL, record BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
"""
_PUT_MESSAGE = (
    "INSERT INTO message (id, record, checksum) VALUES (?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET record = excluded.record, checksum = excluded.checksum"
)
_PUT_META = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",
)


class StateError(OSError):
    """The state file cannot be used. The text names the file."""


class StoredChanges(Struct, frozen=True, gc=False):
    """One transaction: messages as (id, record), ids that are forgotten, requests as (messages, record)."""

    messages: Sequence[tuple[str, bytes]]
    forgotten: Sequence[str]
    requests: Sequence[tuple[int, bytes]]
    account: AccountSpending
    reset: bool = False


_OWNER_ONLY = 0o600  # the file holds texts and numbers


class StateClock(Struct, frozen=True):
    """Unix time minus the engine's clock, and the boot in which the engine's clock counts; "": unknown."""

    wall_offset_ns: int
    boot: str


class StoredState(Struct, frozen=True):
    engine: EngineSnapshot
    requests: list[CapturedRequest]


class StateFile:
    """Open it in one thread and write in one thread. A second process is refused."""

    def __init__(self, path: Path, most_requests: int) -> None:
        """``most_requests``: the number of messages whose requests are kept. Raises ``StateError``."""
        self._path = path
        self._most_requests = most_requests
        self._captured = 0  # messages of the stored requests
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY))
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._open()
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise StateError(self._reason(error)) from None
        except OSError as error:
            raise (
                error if isinstance(error, StateError) else StateError(f"{path}: {error.strerror}")
            ) from None
        self._inode = path.stat().st_ino

    def load(self, clock: StateClock) -> StoredState:
        """What earlier providers stored, with times of this clock. Raises ``StateError`` if it is damaged."""
        try:
            meta = dict(self._connection.execute("SELECT name, value FROM meta"))
            records = self._connection.execute("SELECT record, checksum FROM message ORDER BY number")
            messages = [read(self._checked(row), TrackedMessage) for row in records]
            records = self._connection.execute("SELECT record, checksum FROM request ORDER BY number")
            requests = [read(self._checked(row), CapturedRequest) for row in records]
            account = read(meta.get("account", "[]").encode(), list[int | None])
        except (sqlite3.Error, ValueError) as error:
            raise StateError(f"{self._path} is damaged: {error}") from None
        self._captured = sum(len(request.accepted.messages) for request in requests)
        later_ns = 0
        if "wall_offset_ns" in meta and not (clock.boot and clock.boot == meta.get("boot")):
            later_ns = int(meta["wall_offset_ns"]) - clock.wall_offset_ns
        self._transaction(
            [(_PUT_META, [("wall_offset_ns", str(clock.wall_offset_ns)), ("boot", clock.boot)])]
        )
        spent = AccountSpending(*account) if account else AccountSpending(None, None, 0, 0)  # type: ignore[arg-type]
        moved = tuple(in_another_time(message, later_ns) for message in messages)
        return StoredState(EngineSnapshot(moved, spent), requests)

    def write(self, changes: StoredChanges) -> None:
        """Commit, so that it survives. Raises ``StateError``."""
        steps: list[tuple[str, Sequence[Sequence[object]]]] = []
        if changes.reset:
            steps += [("DELETE FROM message", [()]), ("DELETE FROM request", [()])]
            self._captured = 0
        messages = [(name, record, crc32(record)) for name, record in changes.messages]
        requests = [(count, record, crc32(record)) for count, record in changes.requests]
        steps.append((_PUT_MESSAGE, messages))
        steps.append(("DELETE FROM message WHERE id = ?", [(name,) for name in changes.forgotten]))
        steps.append(("INSERT INTO request (messages, record, checksum) VALUES (?, ?, ?)", requests))
        account = changes.account
        spent = [account.configured_micro, account.balance_micro, account.day, account.day_messages]
        steps.append((_PUT_META, [("account", json.dumps(spent))]))
        self._transaction(steps)
        self._captured += sum(count for count, _, _ in requests)
        if self._captured > 2 * self._most_requests:
            self._drop_old_requests()
        self._require_the_file()

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> None:
        connection = self._connection
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.execute("BEGIN IMMEDIATE")  # with the locking mode: nobody else until it is closed
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(_PUT_META, ("fields", FIELDS))
        connection.execute("COMMIT")
        (checked,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if checked != "ok":
            raise StateError(f"{self._path} is damaged: {' '.join(checked.split())}")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        fields = None
        if "meta" in tables:
            fields = connection.execute("SELECT value FROM meta WHERE name = 'fields'").fetchone()
        if fields is None:
            raise StateError(f"{self._path} is not a state file of a provider")
        if fields[0] != FIELDS:
            raise StateError(f"{self._path} was written by another version of smsbench")

    def _transaction(self, steps: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for statement, rows in steps:
                    self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StateError(self._reason(error)) from None

    def _drop_old_requests(self) -> None:
        """Drop the oldest requests above the limit."""
        kept = oldest = 0
        newest_first = self._connection.execute("SELECT number, messages FROM request ORDER BY number DESC")
        for number, messages in newest_first.fetchall():
            kept, oldest = kept + messages, number
            if kept >= self._most_requests:
                break
        self._transaction([("DELETE FROM request WHERE number < ?", [(oldest,)])])
        self._captured = kept

    def _checked(self, row: tuple[bytes, int]) -> bytes:
        record, checksum = row
        if crc32(record) != checksum:
            raise ValueError("the checksum of a record is wrong")
        return record

    def _require_the_file(self) -> None:
        """What is written to a removed file is lost when the process ends."""
        try:
            same = self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            same = False
        if not same:
            raise StateError(f"{self._path} was removed or replaced while it was being written")

    def _reason(self, error: sqlite3.Error) -> str:
        text = str(error)
        if "locked" in text:
            return f"{self._path} is in use by another provider"
        if "malformed" in text or "not a database" in text:
            return f"{self._path} is damaged or not a state file of a provider: {text}"
        return f"{self._path} cannot be written: {text}"


def boot_id() -> str:
    """Names this boot of the machine; "" where the system has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
