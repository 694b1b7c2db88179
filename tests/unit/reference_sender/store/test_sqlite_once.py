"""The entries in memory for messages that are stored once: bounded, and read again after a start."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from messages import made_message

from reference_sender.dispatch.values import Lane, Message
from reference_sender.store import Work, open_store
from reference_sender.store.sqlite_once import StoredOnce


def once(message_id: int, number: int, campaign: str = "may") -> Message:
    to = str(48_500_000_000 + number)
    return made_message(
        message_id, to=to, text="Hi", lane=Lane.OTP, sender_id="", campaign=campaign, created_ns=1, once=True
    )


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    """Ten messages of two campaigns each."""
    path = tmp_path / "s.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit(Work([once(n, n, "may" if n <= 10 else "june") for n in range(1, 21)]))
    return sqlite3.connect(path)


def found(stored: StoredOnce, *messages: Message) -> list[int]:
    return [each.message_id for each in stored.possible_duplicates(messages)]


def test_entries_are_those_of_the_store_and_the_messages_seen_since(connection: sqlite3.Connection) -> None:
    stored = StoredOnce(connection)
    assert found(stored, once(31, 3), once(32, 33), once(33, 33), once(34, 3, "june")) == [31, 33]
    duplicate = stored.existing(once(31, 3))
    assert duplicate is not None
    assert (duplicate.message_id, duplicate.is_duplicate) == (3, True)
    # Its entry is of message 32, which was not stored after all.
    assert stored.existing(once(33, 33)) is None
    assert found(stored, once(35, 33)) == [35]
    connection.close()


@pytest.mark.parametrize("most", [10, 7])
def test_entries_are_bounded_and_the_campaign_that_was_used_last_keeps_its_own(
    connection: sqlite3.Connection, most: int
) -> None:
    stored = StoredOnce(connection, most)
    for number in range(100, 200):
        assert found(stored, once(number, number, "june")) == []
        assert found(stored, once(1_000 + number, number - 50)) == []
        assert stored.entries <= most
    # The newest rows of the campaign are still known.
    assert found(stored, *(once(2_000 + n, 500 + n) for n in range(5))) == []
    assert found(stored, *(once(3_000 + n, 500 + n) for n in range(5))) == list(range(3_000, 3_005))
    connection.close()
