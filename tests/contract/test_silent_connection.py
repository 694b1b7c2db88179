"""Connections to PostgreSQL that become silent, and sessions that still work for a call that was given up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from messages import made_message
from postgres_server import PostgresServer
from silent_proxy import SilentProxy, silent_proxy
from store_nodes import LONG
from waiting import eventually

from reference_sender.dispatch.values import Message
from reference_sender.store import StoreError, Work
from reference_sender.store import postgres as module
from reference_sender.store.postgres import PostgresStore, controls, link
from reference_sender.store.postgres.link import LoopThread, PostgresLink, Unanswered
from reference_sender.store.rule_purge import OldRules, RulePlace

# The limits of these tests. They must be longer than a call that works, also on a machine with other work.
SHORT_S = 1.0
# A call that is not given up, or a stop that waits without a limit, ends the test here.
HANGS_S = 60


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[SilentProxy]:
    postgres.without_store()
    with silent_proxy(postgres.socket_path()) as proxy:
        yield proxy


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_S", "RENEW_S"):
        monkeypatch.setattr(module, name, SHORT_S)
    monkeypatch.setattr(link, "CHECK_S", SHORT_S)
    monkeypatch.setattr(module, "READ_S", 2 * HANGS_S)


def message(message_id: int, key: str = "") -> Message:
    return made_message(message_id, key=key, created_ns=1_000)


def stored(store: PostgresStore) -> list[int]:
    return [record.message.message_id for record in store.records(0, 10)]


CALLS: dict[str, Callable[[PostgresStore], object]] = {
    "commit": lambda store: store.commit(Work([message(1)])),
    "several statements": lambda store: store.commit(Work([message(1)], refused=[2])),
    "probe": lambda store: store.probe(),
    "purge": lambda store: store.purge(1, 0, 10),
    "purge of campaigns": lambda store: store.purge_rules(OldRules(1, 1), RulePlace(), 10),
    "renewal": lambda store: store.renew(0),
    "claim": lambda store: store.unfinished(10),
    "page": lambda store: store.records(0, 10),
    "count": lambda store: store.counts(None),
}


@pytest.mark.timeout(HANGS_S)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("short")
def test_a_call_on_a_silent_connection_fails_and_the_next_one_has_a_new_connection(
    proxy: SilentProxy, call: str
) -> None:
    store = PostgresStore(proxy.url(), LONG)
    CALLS[call](store)
    proxy.silence()
    before = proxy.accepted
    with pytest.raises(Unanswered, match=r"^PostgreSQL: no answer in time$"):
        CALLS[call](store)
    CALLS[call](store)
    assert proxy.accepted > before
    store.close()


@pytest.mark.timeout(HANGS_S)
@pytest.mark.usefixtures("short")
def test_a_store_on_silent_connections_is_closed(proxy: SilentProxy) -> None:
    store = PostgresStore(proxy.url(), LONG)
    store.commit(Work([message(1)]))
    assert stored(store) == [1]
    proxy.silence()
    with ThreadPoolExecutor(1) as thread:
        waits = thread.submit(store.probe)
        eventually(lambda: proxy.swallowed)
        store.close()
        with pytest.raises(Unanswered):
            waits.result()


@pytest.mark.timeout(HANGS_S)
def test_a_commit_that_was_given_up_is_over_before_the_next_one_begins(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its message, which was refused, would be stored after the commit that removes it."""
    monkeypatch.setattr(module, "WRITE_S", 4 * SHORT_S)  # the second commit must not be given up
    store = PostgresStore(postgres.without_store(), LONG)
    store.commit(Work([message(1)]))
    with ThreadPoolExecutor(1) as thread:
        with postgres.holding("LOCK TABLE smsbench.progress IN EXCLUSIVE MODE"):
            with pytest.raises(Unanswered):
                store.commit(Work([message(2)]))
            given_up = waiting_sessions(postgres)
            following = thread.submit(store.commit, Work([message(3, "k-2")], refused=[2]))
            eventually(lambda: waiting_sessions(postgres) - given_up)
        assert following.result() == {}
    assert stored(store) == [1, 3]
    store.close()


def waiting_sessions(postgres: PostgresServer) -> set[str]:
    return set(postgres.sql("SELECT pid FROM pg_locks WHERE NOT granted"))


@pytest.mark.timeout(HANGS_S)
def test_a_session_that_cannot_be_ended_does_not_gather_others(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while it waits for a disk that hangs: another session has the lock of the link."""
    monkeypatch.setattr(link, "CONNECT_S", 0.5)
    monkeypatch.setattr(link, "END_EARLIER", "SELECT $1::bigint")
    url = postgres.without_store()
    loop, sessions = LoopThread(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with postgres.holding("DO 'BEGIN PERFORM pg_advisory_xact_lock(4711); END'"):
        with monkeypatch.context() as patched:
            patched.setattr(secrets, "randbits", lambda bits: 4711)
            blocked = PostgresLink(loop, url, SHORT_S)
        for _ in range(3):
            with pytest.raises(StoreError, match=r"^PostgreSQL cannot be reached: no answer in time$"):
                blocked.call(lambda connection: connection.fetchval("SELECT 1"))
        assert postgres.sql(sessions) == ["1"]
    assert blocked.call(lambda connection: connection.fetchval("SELECT 1")) == 1
    blocked.close()
    loop.close()


@pytest.mark.timeout(HANGS_S)
def test_a_reading_may_take_longer_than_the_check_of_its_connection(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CHECK_S", SHORT_S)

    async def slow(connection: asyncpg.Connection[Any]) -> list[Any]:
        began_s = time.monotonic()
        await connection.execute("SELECT pg_sleep($1)", 1.5 * SHORT_S)
        assert time.monotonic() - began_s > SHORT_S
        return []

    store = PostgresStore(postgres.without_store(), LONG)
    with monkeypatch.context() as patched:
        patched.setattr(controls, "spending", slow)
        assert store.spending() == []
    store.close()
