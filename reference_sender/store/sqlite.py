"""The embedded store: SQLite in WAL mode, ``synchronous=FULL``, so that a commit survives a power cut.

One statement writes many rows. Each step of SQLite releases the interpreter lock and must get it back from
the event loop's thread, so the duration of a commit depends on the number of steps, not of rows.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from reference_sender.dispatch.values import (
    Change,
    EndedMessage,
    Lane,
    Message,
    Recovered,
    Report,
    State,
    SubmitAttempt,
)
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.spending import Spent
from reference_sender.store.campaign_reports import CampaignProgress, CampaignRow, StoredReport
from reference_sender.store.files import StoreFiles
from reference_sender.store.message_rows import IS_FIRST, RECORD_COLUMNS, record_of
from reference_sender.store.protocol import (
    CampaignEnd,
    DeadLetterFilter,
    Existing,
    Identity,
    Place,
    Purged,
    Record,
    StoreError,
    Work,
)
from reference_sender.store.rule_purge import OldRules, RulePlace
from reference_sender.store.schema import upgrade
from reference_sender.store.sqlite_connection import connected, set_up
from reference_sender.store.sqlite_controls import (
    read_campaign_ends,
    read_campaigns,
    read_controlled,
    read_opt_outs,
    read_over_limits,
    read_spending,
    read_spent,
    write_control,
    write_holds,
    write_known,
)
from reference_sender.store.sqlite_dead_letters import count_dead_letters, read_dead_letters
from reference_sender.store.sqlite_once import StoredOnce
from reference_sender.store.sqlite_provider_ids import READ_KEY, index_ids, read_ended, read_taken_ids
from reference_sender.store.sqlite_purge import purge_rules_step, purge_step
from reference_sender.store.sqlite_reports import read_progress, read_report, read_reports_waiting, read_rows
from reference_sender.store.sqlite_unfinished import bind_attempts, read_sent, read_sent_ids, read_unfinished
from reference_sender.store.unstored_costs import kept_controls

_Row = tuple[Any, ...]
_STATE = {state: state.value for state in State}
_LANE = {lane: lane.value for lane in Lane}

# Rows of one statement, largest first. Few sizes, so that every statement stays prepared.
_CHUNKS = (256, 128, 64, 32, 16, 8, 4, 2, 1)
_MESSAGE_COLUMNS = 11
_PROGRESS_COLUMNS = 8
_ATTEMPT_COLUMNS = 4
# The most bytes that a message and its changes need: if the probe fits, a message fits.
_PROBE_BYTES = 16_384
_READ = f"{RECORD_COLUMNS} FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"


def _statements(head: str, columns: int, tail: str = "") -> dict[int, str]:
    row = "(" + ",".join("?" * columns) + ")"
    return {size: f"{head} VALUES {','.join([row] * size)}{tail}" for size in _CHUNKS}


_INSERT = _statements("INSERT INTO message", _MESSAGE_COLUMNS, " ON CONFLICT (key) DO NOTHING")
_PROGRESS = _statements("INSERT OR REPLACE INTO progress", _PROGRESS_COLUMNS)
_ATTEMPT = _statements("INSERT OR REPLACE INTO attempt", _ATTEMPT_COLUMNS)


def _by_id(head: str) -> dict[int, str]:
    return {size: f"{head} WHERE id IN ({','.join('?' * size)})" for size in _CHUNKS}


_REFUSE, _REFUSE_HOLD = _by_id("DELETE FROM message"), _by_id("DELETE FROM hold")
_END, _FIND = _by_id("DELETE FROM attempt"), _by_id("SELECT id FROM message")


class SqliteStore:
    """A store in one file, for one process."""

    leases: None = None

    def __init__(self, path: Path, looks_up: bool = False) -> None:
        """``looks_up``: as in ``Membership``."""
        self._files = StoreFiles(path)
        connections: list[sqlite3.Connection] = []
        try:
            with self._reading():
                for _ in range(2):
                    connections.append(connected(self._files.path))
                self._writer, self._reader = connections
                upgrade(self._writer, self._files.path)  # before the file is changed in any way
                for connection in connections:
                    set_up(connection)
                # A statement of many rows copies the pages that it changes, by default to a new file.
                self._writer.execute("PRAGMA temp_store = MEMORY")
                self._reader.execute("PRAGMA query_only = ON")
                bind_attempts(self._writer)
                if looks_up:
                    index_ids(self._writer)
            self._once = StoredOnce(self._writer)
            # No message with a higher id was ever purged: the one with the highest id stays.
            self._purged_to = self.identity().last_message_id
        except StoreError:
            for connection in connections:
                connection.close()
            self._files.close()
            raise

    def identity(self) -> Identity:
        with self._reading():
            row = self._reader.execute("SELECT tag, report_secret FROM identity").fetchone()
            last = self._reader.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
            return Identity(row[0], row[1], last)

    def commit(self, work: Work) -> Mapping[int, Existing]:
        latest = _progress_rows(work.changes)
        with self._transaction():
            write_known(self._writer, work.controls)
            if work.refused:
                refused = [(message_id,) for message_id in work.refused]
                self._write(_REFUSE, refused)
                self._write(_REFUSE_HOLD, refused)
            taken: Mapping[int, Existing] = {}
            if work.messages:
                taken = self._insert(work.messages)
                write_holds(self._writer, work.messages)
            if latest:
                self._write(_PROGRESS, self._without_purged(latest))
            if work.attempts:
                self._write(_ATTEMPT, [_attempt_row(attempt) for attempt in work.attempts])
            if work.ended:
                self._write(_END, [(attempt_id,) for attempt_id in work.ended])
            for control in kept_controls(work, taken):
                write_control(self._writer, control)
        return taken

    def probe(self) -> None:
        with self._transaction():
            self._writer.execute("REPLACE INTO attempt VALUES (0, '', 0, randomblob(?))", (_PROBE_BYTES,))
            self._writer.execute("DELETE FROM attempt WHERE id = 0")

    def unfinished(
        self, limit: int | None = None, place: Place | None = None, lane: Lane = Lane.MARKETING
    ) -> list[Recovered]:
        with self._reading():
            return read_unfinished(self._reader, limit, place)

    def sent_ids(self) -> Sequence[int]:
        with self._reading():
            return read_sent_ids(self._reader)

    def sent(self, ids: Sequence[int]) -> list[Recovered]:
        with self._reading():
            return read_sent(self._reader, ids)

    def ended(self, reports: Sequence[Report]) -> list[EndedMessage]:
        with self._reading():
            return read_ended(self._writer, reports)

    def taken_ids(self, provider_ids: Sequence[str], message: Message) -> frozenset[str] | None:
        with self._reading():
            return read_taken_ids(self._reader, provider_ids)

    def records(self, after_id: int, limit: int) -> list[Record]:
        with self._reading():
            rows = self._reader.execute(f"{_READ} WHERE m.id > ? ORDER BY m.id LIMIT ?", (after_id, limit))
            return [record_of(row) for row in rows]

    def with_keys(self, keys: Sequence[str]) -> list[Record]:
        with self._reading():
            rows = (self._reader.execute(READ_KEY, (key,)).fetchone() for key in keys)
            return [record_of(row) for row in rows if row is not None]

    def counts(self, campaign: str | None) -> dict[State, int]:
        # The second condition repeats that of the partial index, without which SQLite would not use it.
        where = f"WHERE m.campaign = ? AND m.campaign <> '' AND {IS_FIRST}" if campaign is not None else ""
        with self._reading():
            rows = self._reader.execute(
                "SELECT coalesce(p.state, 'queued') AS state, count(*) FROM message m"
                f" LEFT JOIN progress p ON p.id = m.id {where} GROUP BY 1",
                () if campaign is None else (campaign,),
            )
            return {State(state): count for state, count in rows}

    def campaign_ends(self, campaign: str, last_id: int) -> list[CampaignEnd]:
        with self._reading():
            return read_campaign_ends(self._reader, campaign, last_id)

    def dead_letters(self, wanted: DeadLetterFilter, after_id: int, limit: int) -> list[Record]:
        with self._reading():
            return read_dead_letters(self._reader, wanted, after_id, limit)

    def count_dead_letters(self, wanted: DeadLetterFilter) -> dict[str, int]:
        with self._reading():
            return count_dead_letters(self._reader, wanted)

    def purge(self, before_ns: int, after_id: int, limit: int) -> Purged:
        with self._transaction():
            purged, self._purged_to = purge_step(self._writer, before_ns, after_id, limit, self._purged_to)
            return purged

    def purge_rules(self, old: OldRules, place: RulePlace, limit: int) -> RulePlace | None:
        with self._transaction():
            return purge_rules_step(self._writer, old, place, limit)

    def campaigns(self, name: str | None = None) -> list[Campaign]:
        with self._reading():
            return read_campaigns(self._reader, name)

    def controlled(self, names: Sequence[str]) -> frozenset[str]:
        with self._reading():
            return read_controlled(self._reader, names)

    def spending(self) -> list[Spent]:
        with self._reading():
            return read_spending(self._reader)

    def spent(self, campaign: str) -> int:
        with self._reading():
            return read_spent(self._reader, campaign)

    def over_limits(self, at_ns: int) -> dict[str, int]:
        with self._reading():
            return read_over_limits(self._reader, at_ns)

    def opt_outs(self, after: str, limit: int) -> list[OptOut]:
        with self._reading():
            return read_opt_outs(self._reader, after, limit)

    def reports_waiting(self) -> list[StoredReport]:
        with self._reading():
            return read_reports_waiting(self._reader)

    def campaign_report(self, campaign: str) -> StoredReport | None:
        with self._reading():
            return read_report(self._reader, campaign)

    def campaign_progress(self, campaign: str, after_id: int, limit: int) -> CampaignProgress:
        with self._reading():
            return read_progress(self._reader, campaign, after_id, limit)

    def campaign_rows(self, campaign: str, after_id: int, limit: int) -> list[CampaignRow]:
        with self._reading():
            return read_rows(self._reader, campaign, after_id, limit)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
        self._files.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Report rows that cannot be read as a damaged store."""
        try:
            yield
        except StoreError:
            raise
        except sqlite3.OperationalError as error:  # the disk, a lock, a file that is not ours
            raise StoreError(f"{self._files.path}: {error}") from error
        except (sqlite3.Error, ValueError, TypeError, LookupError) as error:
            raise StoreError(
                f"{self._files.path} is damaged or not a store of a sender ({error}): restore it from a"
                " backup, or give another file"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction, with a check that it was written to the file at the store's path."""
        writer = self._writer
        try:
            self._files.check()
            if writer.in_transaction:  # an earlier one that could not be rolled back
                writer.execute("ROLLBACK")
            writer.execute("BEGIN IMMEDIATE")
            yield
            writer.execute("COMMIT")
            self._files.check()
        except StoreError:
            raise
        # sqlite3 also raises what its values raise: UnicodeEncodeError, OverflowError
        except Exception as error:
            if writer.in_transaction:
                with suppress(sqlite3.Error):
                    writer.execute("ROLLBACK")
            raise StoreError(str(error)) from error

    def _insert(self, messages: Sequence[Message]) -> dict[int, Existing]:
        later = self._once.possible_duplicates(messages)
        if not later:
            return self._insert_rows(messages)
        numbers = {message.message_id for message in later}
        taken = self._insert_rows([message for message in messages if message.message_id not in numbers])
        for message in later:
            existing = self._once.existing(message)
            if existing is None:
                self._insert_rows([message])
            elif existing.message_id != message.message_id:
                taken[message.message_id] = existing
        return taken

    def _insert_rows(self, messages: Sequence[Message]) -> dict[int, Existing]:
        taken: dict[int, Existing] = {}
        rows = [_message_row(message) for message in messages]
        for chunk in _chunks(rows):
            done = self._writer.execute(_INSERT[len(chunk)], list(chain.from_iterable(chunk)))
            if done.rowcount != len(chunk):
                for row in chunk:
                    existing = self._once.with_key(row[1])
                    if existing.message_id != row[0]:
                        taken[row[0]] = existing
        return taken

    def _without_purged(self, rows: list[_Row]) -> list[_Row]:
        """Without those of purged messages, of which a report may still come. Most messages have a higher id
        than all purged ones, and need no look.
        """
        purged_to = self._purged_to
        if min(rows)[0] > purged_to:
            return rows
        found: set[int] = set()
        for chunk in _chunks([(row[0],) for row in rows if row[0] <= purged_to]):
            there = self._writer.execute(_FIND[len(chunk)], list(chain.from_iterable(chunk)))
            found.update(chain.from_iterable(there))
        return [row for row in rows if row[0] > purged_to or row[0] in found]

    def _write(self, statements: Mapping[int, str], rows: list[_Row]) -> None:
        for chunk in _chunks(rows):
            self._writer.execute(statements[len(chunk)], list(chain.from_iterable(chunk)))


def _chunks(rows: list[_Row]) -> Iterable[list[_Row]]:
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _progress_rows(changes: Iterable[Change]) -> list[_Row]:
    """Of several changes of a message the last."""
    latest = {
        c.message_id: (
            c.message_id,
            _STATE[c.state],
            c.reason,
            c.provider_id,
            c.attempts,
            c.at_ns,
            c.route,
            c.tried_ns,
        )
        for c in changes
    }
    return list(latest.values())


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
        m.once,
    )


def _attempt_row(attempt: SubmitAttempt) -> _Row:
    ids = array("q", attempt.message_ids)
    if sys.byteorder == "big":
        ids.byteswap()
    return (attempt.attempt_id, attempt.route, attempt.at_ns, ids.tobytes())
