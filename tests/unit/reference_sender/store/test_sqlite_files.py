"""The SQLite store's files: who may read and own them, what is wrong with them, what an older one holds."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from messages import made_message
from nanoseconds import S

from reference_sender.dispatch.values import Change, Lane, Message, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.store import Store, StoreError, Work, open_store
from reference_sender.store.rule_purge import OldRules, RulePlace

# Schema 1, as the version before the routes of attempts were noted wrote it.
SCHEMA_1 = """
CREATE TABLE identity (tag TEXT NOT NULL, report_secret TEXT NOT NULL) STRICT;
CREATE TABLE message (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, recipient TEXT NOT NULL, body TEXT NOT NULL,
    class TEXT NOT NULL, sender_id TEXT NOT NULL, campaign TEXT NOT NULL, segments INTEGER NOT NULL,
    created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX message_campaign ON message (campaign) WHERE campaign <> '';
CREATE TABLE progress (
    id INTEGER PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, provider_id TEXT,
    attempts INTEGER NOT NULL, at_ns INTEGER NOT NULL
) STRICT;
INSERT INTO identity VALUES ('cafe', 'hush');
INSERT INTO message VALUES (1, 'k-1', '48500100200', 'x', 'otp', 'Test', '', 1, 1, 2);
INSERT INTO message VALUES (2, 'k-2', '48500100200', 'x', 'otp', 'Test', '', 1, 1, 2);
INSERT INTO progress VALUES (1, 'delivered', '', 'p1', 1, 5), (2, 'sent', '', 'p2', 1, 6);
PRAGMA user_version = 1;
"""
TO_SCHEMA_2 = """
ALTER TABLE progress ADD COLUMN route TEXT;
ALTER TABLE progress ADD COLUMN tried_ns INTEGER;
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, route TEXT NOT NULL, at_ns INTEGER NOT NULL, messages BLOB NOT NULL
) STRICT;
UPDATE progress SET state = 'queued', route = 'a', tried_ns = 4 WHERE id = 1;
PRAGMA user_version = 2;
"""


def message(number: int) -> Message:
    return made_message(number, lane=Lane.OTP, expires_ns=1)


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


def refused(path: Path) -> str:
    """The one line with which the store is refused."""
    with pytest.raises(StoreError) as caught:
        opened(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_any_file_of_the_store(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        with closing(opened(tmp_path / "s.db")) as store:
            store.commit(Work([message(1)]))
            files = sorted(path.name for path in tmp_path.iterdir())
            assert files == ["s.db", "s.db-shm", "s.db-wal", "s.db.lock"]
            assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    finally:
        os.umask(before)


@pytest.mark.parametrize("others", [0o644, 0o640, 0o602])
def test_an_older_file_that_others_can_use_is_closed_to_them(tmp_path: Path, others: int) -> None:
    path = tmp_path / "s.db"
    opened(path).close()
    path.chmod(others)
    opened(path).close()
    assert mode(path) == 0o600


@pytest.mark.parametrize(
    "link", [lambda to, at: at.symlink_to(to), lambda to, at: at.parent.symlink_to(to.parent)]
)
def test_a_link_to_a_store_in_use_is_refused(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    (tmp_path / "real").mkdir()
    path = tmp_path / "real" / "s.db"
    at = tmp_path / "linked" / "s.db"
    with closing(opened(path)):
        try:
            link(path, at)
        except FileNotFoundError:
            at.parent.mkdir()
            link(path, at)
        assert "in use by another sender" in refused(at)
    with closing(opened(at)):
        assert "in use by another sender" in refused(path)


def test_a_store_with_two_hard_links_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    opened(path).close()
    (tmp_path / "other.db").hardlink_to(path)
    assert "2 names (hard links)" in refused(path)


@pytest.mark.parametrize("damage", ["text", "header", "page", "empty table", "state"])
def test_a_damaged_store_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.db"
    with closing(opened(path)) as store:
        store.commit(Work([message(n) for n in range(1, 500)]))
        store.commit(Work(changes=[Change(1, "k-1", State.SENT, "", "p", 1, 1)]))
    if damage == "text":
        path.write_text("this is no database\n" * 500)
    elif damage == "header":
        path.write_bytes(b"\0" * 200 + path.read_bytes()[200:])
    elif damage == "page":
        whole = path.read_bytes()
        path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "DELETE FROM identity" if damage == "empty table" else "UPDATE progress SET state = 'gone'"
            )
            connection.commit()
    with pytest.raises(StoreError, match=r"damaged|schema") as caught, closing(opened(path)) as store:
        store.identity()
        store.counts(None)
        store.unfinished()
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contacts (name)")
        connection.commit()
    before = path.read_bytes()
    assert "another program" in refused(path)
    assert path.read_bytes() == before


def test_a_file_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    opened(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "schema 99" in refused(path)


def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    opened(tmp_path / "no" / "s.db").close()
    assert (tmp_path / "no").stat().st_mode & 0o777 == 0o700


def test_a_directory_in_its_place_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder" in refused(tmp_path)


def test_a_finished_store_of_schema_1_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_1)
    for _ in range(2):
        with closing(opened(path)) as store:
            assert store.identity().report_secret == "hush"
            assert store.unfinished() == []
            (sent,) = store.sent(store.sent_ids())
            assert (sent.message.key, sent.state, sent.route) == ("k-2", State.SENT, None)
            assert [record.state for record in store.records(0, 9)] == [State.DELIVERED, State.SENT]


def schema_of(path: Path) -> dict[str, str]:
    """Columns of each table and what each index covers."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema ORDER BY name")]
        columns = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        columns |= {
            f"index {name}": connection.execute(f"PRAGMA index_xinfo({name})").fetchall() for name in names
        }
        return {name: repr(found) for name, found in columns.items()}


def test_a_store_of_schema_2_is_upgraded_with_its_unfinished_messages(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_1 + TO_SCHEMA_2)
    with closing(opened(path)) as store:
        (queued,), (sent,) = store.unfinished(), store.sent(store.sent_ids())
        assert (queued.message.key, queued.state, queued.route) == ("k-1", State.QUEUED, "a")
        assert (sent.message.key, sent.message.not_before_ns, sent.message.keeps_hours) == ("k-2", 0, False)
        assert store.campaigns() == []
    opened(tmp_path / "new.db").close()
    upgraded, created = schema_of(path), schema_of(tmp_path / "new.db")
    assert {name: columns for name, columns in upgraded.items() if name != "attempt"} == {
        name: columns for name, columns in created.items() if name != "attempt"
    }


@pytest.mark.parametrize(
    "progress", ["DELETE FROM progress WHERE id = 2", "UPDATE progress SET state = 'queued'"]
)
def test_a_store_of_schema_1_with_messages_of_unknown_route_is_refused(tmp_path: Path, progress: str) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_1 + progress + ";")
    before = path.read_bytes()
    assert "may have been submitted" in refused(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["s.db", "s.db-wal", "s.db-shm"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_store_that_is_taken_away_keeps_nothing_and_says_so(tmp_path: Path, name: str, how: str) -> None:
    path = tmp_path / "s.db"
    with closing(opened(path)) as store:
        store.commit(Work([message(1)]))
        (tmp_path / name).rename(tmp_path / "away")
        if how == "replaced":
            (tmp_path / name).write_bytes((tmp_path / "away").read_bytes())
        for write in (store.probe, lambda: store.commit(Work([message(2)]))):
            with pytest.raises(StoreError, match="removed or replaced"):
                write()
        (tmp_path / "away").replace(tmp_path / name)  # put back: it is the same file
        store.probe()
        store.commit(Work([message(3)]))
    with closing(opened(path)) as store:
        assert [record.message.message_id for record in store.records(0, 9)] == [1, 3]


@pytest.mark.parametrize("how", ["removed", "replaced", "put back"])
def test_a_store_without_its_lock_is_not_used_again(tmp_path: Path, how: str) -> None:
    """Another sender can start then: the first one must not store the attempt of any further submit."""
    path, lock = tmp_path / "s.db", tmp_path / "s.db.lock"
    with closing(opened(path)) as first:
        first.commit(Work([message(1)]))
        lock.rename(tmp_path / "away")
        if how == "replaced":
            lock.touch()
        for _ in range(2):
            for write in (first.probe, lambda: first.commit(Work([message(2)]))):
                with pytest.raises(StoreError, match=r"\.lock file was removed or replaced.*restart"):
                    write()
            if how == "put back":
                (tmp_path / "away").replace(lock)
                how = "it was put back"
        if not how.endswith("put back"):
            with closing(opened(path)) as second:
                second.commit(Work([message(3)]))
                with pytest.raises(StoreError, match="restart"):
                    first.commit(Work([message(4)]))
    with closing(opened(path)) as store:
        kept = [record.message.message_id for record in store.records(0, 9)]
        assert kept == ([1] if how.endswith("put back") else [1, 3])


def test_campaigns_of_schema_6_are_kept_as_if_they_had_changed_at_the_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(opened(path)) as store:
        store.commit(Work(controls=[CampaignChange("may", CampaignState.PAUSED, 5, at_ns=1)]))
    before_ns = time.time_ns()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("ALTER TABLE campaign DROP COLUMN changed_ns; PRAGMA user_version = 6")
    paused = Campaign("may", CampaignState.PAUSED, 5)
    for limit_ns, left in ((before_ns - 10 * S, [paused]), (time.time_ns() + 10 * S, [])):
        with closing(opened(path)) as store:
            place: RulePlace | None = RulePlace()
            while place is not None:
                place = store.purge_rules(OldRules(limit_ns, 0), place, 10)
            assert store.campaigns() == left


def test_a_torn_last_transaction_is_ignored_as_a_whole(tmp_path: Path) -> None:
    path, torn = tmp_path / "s.db", tmp_path / "torn.db"
    log = tmp_path / "s.db-wal"
    with closing(opened(path)) as store:
        store.commit(Work([message(1)]))
        complete = log.stat().st_size
        store.commit(Work([message(2), message(3)], [sent(1)]))
        written, main = log.read_bytes(), path.read_bytes()
    assert len(written) > complete
    for cut, keys in (
        (complete + 1, ["k-1"]),
        ((complete + len(written)) // 2, ["k-1"]),
        (len(written) - 1, ["k-1"]),
        (len(written), ["k-1", "k-2", "k-3"]),
    ):
        torn.write_bytes(main)
        torn.with_name("torn.db-wal").write_bytes(written[:cut])
        with closing(opened(torn)) as store:
            assert [each.message.key for each in store.records(0, 10)] == keys, cut
            state = store.records(0, 10)[0].state
            assert state is (State.SENT if len(keys) > 1 else State.QUEUED), cut
            store.commit(Work([message(4)]))
            assert [each.message.key for each in store.records(0, 10)] == [*keys, "k-4"], cut


def sent(number: int) -> Change:
    return Change(number, f"k-{number}", State.SENT, "", f"p-{number}", 1, 5)
