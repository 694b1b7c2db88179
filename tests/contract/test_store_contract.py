"""What every store must hold to (reference_sender/store/protocol.py), run against each store we have."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from reference_sender.dispatch.values import Change, Lane, Message, State
from reference_sender.store import Store, StoreError, Work, open_store

OpenStore = Callable[[], Store]


@pytest.fixture(params=["sqlite"])
def open_it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same store each time it is called, as a process would after the one before it ended."""
    assert request.param == "sqlite"
    opened: list[Store] = []

    def open_again() -> Store:
        for store in opened:
            store.close()
        opened[:] = [open_store(f"sqlite:///{tmp_path}/messages.db")]
        return opened[0]

    yield open_again
    for store in opened:
        store.close()


def message(message_id: int, key: str | None = None, text: str = "hello", campaign: str = "") -> Message:
    return Message(
        message_id=message_id,
        key=key or f"k-{message_id}",
        to="48500100200",
        text=text,
        lane=Lane.TRANSACTIONAL,
        sender_id="Test",
        campaign=campaign,
        segments=1,
        created_ns=1_000 + message_id,
        expires_ns=9_000,
    )


def change(message_id: int, state: State, provider_id: str | None = None, at_ns: int = 5_000) -> Change:
    return Change(message_id, f"k-{message_id}", state, "why", provider_id, 2, at_ns)


def test_what_was_committed_is_there_after_opening_again(open_it: OpenStore) -> None:
    store = open_it()
    first = store.identity()
    assert store.commit(Work([message(1), message(2)], [change(1, State.SENT, "p1")])) == {}

    store = open_it()
    assert [record.message for record in store.records(0, 10)] == [message(1), message(2)]
    one, two = store.records(0, 10)
    assert (one.state, one.reason, one.provider_id, one.attempts) == (State.SENT, "why", "p1", 2)
    assert (two.state, two.attempts, two.provider_id) == (State.QUEUED, 0, None)
    again = store.identity()
    assert (again.tag, again.report_secret) == (first.tag, first.report_secret)
    assert (first.last_message_id, again.last_message_id) == (0, 2)


def test_a_key_is_kept_once_within_a_commit_and_across_them(open_it: OpenStore) -> None:
    store = open_it()
    taken = store.commit(Work([message(1, "a", "one"), message(2, "b"), message(3, "a", "three")], []))
    assert set(taken) == {3}
    assert (taken[3].message_id, taken[3].text, taken[3].state) == (1, "one", State.QUEUED)
    assert taken[3].is_repeated_by(message(9, "a", "one"))
    for other in (message(9, "a", "three"), replace(message(9, "a", "one"), lane=Lane.OTP)):
        assert not taken[3].is_repeated_by(other)

    store = open_it()
    store.commit(Work([], [change(1, State.DELIVERED)]))
    taken = store.commit(Work([message(4, "a", "four")], []))
    assert (taken[4].message_id, taken[4].text, taken[4].state) == (1, "one", State.DELIVERED)
    assert [record.message.message_id for record in store.records(0, 10)] == [1, 2]


def test_the_last_of_several_changes_counts(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)], [change(1, State.SENT, "p1"), change(1, State.DELIVERED, "p1")]))
    assert store.records(0, 1)[0].state is State.DELIVERED
    store.commit(Work([], [change(1, State.FAILED, "p1")]))
    assert store.records(0, 1)[0].state is State.FAILED


def test_unfinished_tells_queued_from_sent_and_leaves_out_the_final(open_it: OpenStore) -> None:
    store = open_it()
    states = [State.QUEUED, State.SUBMITTING, State.SENT, State.DELIVERED, State.FAILED, State.EXPIRED]
    changes = [change(n, state, f"p{n}", at_ns=7_000) for n, state in enumerate(states, start=1)]
    store.commit(Work([message(n) for n in range(1, 8)], changes))

    recovered = open_it().unfinished()
    seen = [(r.message.message_id, r.state, r.attempts, r.provider_id, r.sent_ns) for r in recovered]
    assert seen == [
        (1, State.QUEUED, 2, "p1", None),
        (2, State.QUEUED, 2, "p2", None),  # an attempt cut short is repeated
        (3, State.SENT, 2, "p3", 7_000),
        (7, State.QUEUED, 0, None, None),  # never tried
    ]
    assert recovered[3].message == message(7)


@pytest.mark.parametrize("count", [1, 5, 99, 700])
def test_every_row_of_a_large_commit_is_kept(open_it: OpenStore, count: int) -> None:
    store = open_it()
    store.commit(Work([message(n) for n in range(1, count + 1)], []))
    store.commit(Work([], [change(n, State.SENT, f"p{n}") for n in range(1, count + 1)]))
    records = store.records(0, 10_000)
    assert [(r.message.message_id, r.provider_id) for r in records] == [
        (n, f"p{n}") for n in range(1, count + 1)
    ]
    assert [r.message.message_id for r in store.records(count - 1, 5)] == [count]


def test_counts_by_state_of_all_and_of_one_campaign(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1, campaign="may"), message(2, campaign="may"), message(3)], []))
    store.commit(Work([], [change(2, State.DELIVERED), change(3, State.DELIVERED)]))
    assert store.counts("may") == {State.QUEUED: 1, State.DELIVERED: 1}
    assert store.counts(None) == {State.QUEUED: 1, State.DELIVERED: 2}
    assert store.counts("june") == {}


def test_a_commit_that_fails_keeps_nothing(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)], []))
    with pytest.raises(StoreError):
        store.commit(Work([message(2), message(1, key="another key, same id")], [change(1, State.SENT)]))
    assert [(r.message.message_id, r.state) for r in store.records(0, 10)] == [(1, State.QUEUED)]
    store.commit(Work([message(2)], []))
    assert len(store.records(0, 10)) == 2


def test_a_text_that_cannot_be_written_fails_its_commit_and_no_other(open_it: OpenStore) -> None:
    store = open_it()
    with pytest.raises(StoreError):
        store.commit(Work([message(1), message(2, text="half a pair \ud800")], []))
    with pytest.raises(StoreError):
        store.commit(Work([message(2**63)], []))
    store.commit(Work([message(3)], [change(3, State.SENT)]))
    assert [r.message.message_id for r in store.records(0, 10)] == [3]


def test_a_store_in_use_is_refused(open_it: OpenStore, tmp_path: Path) -> None:
    open_it()
    with pytest.raises(StoreError, match="in use"):
        open_store(f"sqlite:///{tmp_path}/messages.db")


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="schema 99"):
        open_store(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["sqlite://file", "postgresql://x", "sqlite:///", "messages.db"])
def test_a_store_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///FILE"):
        open_store(url)
