"""What a store for several nodes must hold to beside the contract of every store (``Leases`` in
reference_sender/store/protocol.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from typing import Any

import asyncpg
import pytest
from messages import made_message
from msgspec.structs import replace
from postgres_server import PostgresServer
from store_nodes import LONG, Join

from reference_sender.dispatch.values import Change, Lane, Message, Recovered, Report, State, SubmitAttempt
from reference_sender.store import (
    Existing,
    LeaseLost,
    Membership,
    Record,
    StoreError,
    Work,
)
from reference_sender.store.postgres import PostgresStore, leases, writing
from reference_sender.store.postgres.link import Unanswered
from reference_sender.store.sharing import WHOLE


def message(message_id: int, key: str = "", lane: Lane = Lane.MARKETING) -> Message:
    return made_message(message_id, key=key, lane=lane, created_ns=1_000)


def change(message_id: int, state: State, provider_id: str | None = None) -> Change:
    return Change(message_id, f"k-{message_id}", state, "why", provider_id, 1, 5_000, "a")


def ids(recovered: list[Recovered]) -> list[int]:
    return [each.message.message_id for each in recovered]


def test_a_node_owns_what_it_stored_and_the_most_urgent_is_claimed_first(join: Join) -> None:
    first, second = join(LONG), join(LONG)
    lanes = [Lane.MARKETING, Lane.TRANSACTIONAL, Lane.OTP, Lane.MARKETING]
    messages = [message(n, lane=lane) for n, lane in enumerate(lanes, start=1)]
    first.commit(Work(messages, unclaimed={1: 0, 2: 0, 3: 0}))
    assert first.renew(0).unclaimed == 3
    assert ids(second.unfinished(2)) == [2, 3]
    assert ids(second.unfinished(10)) == [1]
    assert second.unfinished(10) == []
    assert second.renew(0).unclaimed == 0


def test_the_work_of_a_dead_node_is_taken_over_bound_to_the_route_of_its_attempt(
    join: Join, first_dies: Callable[[], None]
) -> None:
    dead, heir = join(LONG), join(LONG)
    dead.commit(Work([message(n) for n in range(1, 6)], attempts=[SubmitAttempt(1, "b", 3_000, (1, 2))]))
    dead.commit(Work(changes=[change(3, State.SENT, "p3"), change(4, State.DELIVERED, "p4")]))
    heir.renew(0)
    assert heir.unfinished(10) == []
    first_dies()
    assert heir.renew(0).nodes == 1
    found = {each.message.message_id: each for each in heir.unfinished(10)}
    assert sorted(found) == [1, 2, 3, 5]
    assert (found[1].route, found[1].tried_ns, found[1].attempts) == ("b", 3_000, 1)
    assert (found[3].state, found[3].provider_id) == (State.SENT, "p3")
    assert (found[5].route, found[5].attempts) == (None, 0)


def test_a_node_whose_work_was_taken_over_can_store_nothing(
    join: Join, first_dies: Callable[[], None]
) -> None:
    dead, heir = join(LONG), join(LONG)
    dead.commit(Work([message(1)]))
    first_dies()
    heir.renew(0)
    assert ids(heir.unfinished(10)) == [1]
    for work in (
        Work(attempts=[SubmitAttempt(1, "a", 3_000, (1,))]),
        Work(changes=[change(1, State.SENT, "p1")]),
        Work([message(2)]),
        Work(handed_over=[Report("p1", "k-1", State.DELIVERED, "")]),
    ):
        with pytest.raises(StoreError, match="lease"):
            dead.commit(work)
    with pytest.raises(StoreError, match="lease"):
        dead.probe()
    with pytest.raises(LeaseLost):
        dead.renew(0)
    assert [(r.message.message_id, r.state) for r in heir.records(0, 10)] == [(1, State.QUEUED)]
    assert heir.reports(10) == []
    heir.commit(Work(attempts=[SubmitAttempt(1, "a", 3_000, (1,))]))
    assert dead.unfinished(10) == [], "it cannot claim the work back"


def test_a_node_whose_lease_ended_unnoticed_stores_nothing_until_it_is_renewed(
    join: Join, first_dies: Callable[[], None]
) -> None:
    node = join(LONG)
    node.commit(Work([message(1)]))
    first_dies()
    begin = Work(attempts=[SubmitAttempt(1, "a", 3_000, (1,))])
    with pytest.raises(StoreError, match="lease"):
        node.commit(begin)
    with pytest.raises(StoreError, match="lease"):
        node.probe()
    node.renew(0)
    node.commit(begin)


def test_after_an_outage_of_the_server_no_node_takes_the_others_for_dead(
    join: Join, postgres: PostgresServer
) -> None:
    first, second = join(LONG), join(LONG)
    first.commit(Work([message(1)]))
    postgres.stop()
    with pytest.raises(StoreError):
        first.renew(0)
    postgres.start()
    old = "alive_until = clock_timestamp() - interval '1 second', steady_since = '-infinity'"
    postgres.sql(f"UPDATE smsbench.node SET {old}")  # the outage was longer than a lease
    with suppress(StoreError):  # its connection has broken
        second.renew(0)
    assert first.renew(0).nodes == second.renew(0).nodes == 2
    assert second.unfinished(10) == []
    assert [r.message.message_id for r in first.records(0, 10)] == [1], "what was committed is there"


def test_the_same_keys_at_two_nodes_at_a_time_are_kept_once(join: Join) -> None:
    nodes = [join(LONG), join(LONG)]
    keys = [f"same-{n}" for n in range(300)]

    def commit_one(number: int) -> tuple[list[Message], Mapping[int, Existing]]:
        ordered = keys if number == 0 else keys[::-1]
        messages = [message(1_000 * (1 + number) + n, key) for n, key in enumerate(ordered)]
        taken: dict[int, Existing] = {}
        for start in range(0, len(messages), 100):
            taken |= nodes[number].commit(Work(messages[start : start + 100]))
        return messages, taken

    with ThreadPoolExecutor(2) as threads:
        committed = list(threads.map(commit_one, range(2)))
    stored = nodes[0].records(0, 1_000)
    assert sorted(each.message.key for each in stored) == sorted(keys)
    kept = {each.message.message_id for each in stored}
    for messages, taken in committed:
        assert {m.message_id for m in messages} - kept == set(taken)
        assert all(existing.message_id in kept for existing in taken.values())
    assert len(committed[0][1]) + len(committed[1][1]) == len(keys)


def test_a_refused_message_of_a_commit_whose_answer_is_lost_is_removed(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = join(LONG)
    commit = writing.commit

    async def lost(*arguments: Any) -> Mapping[int, Existing]:
        await commit(*arguments)
        raise Unanswered("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(writing, "commit", lost)
        with pytest.raises(StoreError):
            node.commit(Work([message(1)]))
    assert node.commit(Work([message(2, "k-1")], refused=[1])) == {}
    assert [each.message.message_id for each in node.records(0, 10)] == [2]


def test_a_refused_message_that_another_node_has_claimed_stays(join: Join) -> None:
    node, other = join(LONG), join(LONG)
    node.commit(Work([message(1), message(2)], unclaimed={1: 0, 2: 0}))
    assert ids(other.unfinished(1)) == [1]
    node.commit(Work(refused=[1, 2]))
    assert [each.message.message_id for each in node.records(0, 10)] == [1]
    assert other.unfinished(10) == []


def test_a_refused_message_that_another_node_has_confirmed_stays_and_is_free(join: Join) -> None:
    """The client of a commit whose answer was lost repeats its request at another node."""
    node, other = join(LONG), join(LONG)
    node.commit(Work([message(1), message(2), message(3)], unclaimed={2: 0}))
    taken = other.commit(Work([message(11, "k-1"), message(12, "k-2")]))
    assert [existing.message_id for existing in taken.values()] == [1, 2]
    node.commit(Work(refused=[1, 2, 3]))
    assert [each.message.message_id for each in node.records(0, 10)] == [1, 2]
    assert ids(node.unfinished(1)) == [1]
    assert ids(other.unfinished(10)) == [2]


def test_a_message_whose_key_becomes_free_meanwhile_is_stored(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two statements of a commit another node removes the refused message that had the key."""
    node, other = join(LONG), join(LONG)
    node.commit(Work([message(1), message(2)]))
    execute = asyncpg.Connection.execute
    removals: list[int] = []

    async def after_removal(connection: Any, query: str, *arguments: Any) -> Any:
        if "SET confirmed" in query and not removals:
            removals.append(1)
            await asyncio.to_thread(node.commit, Work(refused=[1]))
        return await execute(connection, query, *arguments)

    monkeypatch.setattr(asyncpg.Connection, "execute", after_removal)
    taken = other.commit(Work([message(11, "k-1"), message(12, "k-2")]))
    assert list(taken) == [12]
    assert [each.message.message_id for each in node.records(0, 20)] == [2, 11]


def test_messages_of_a_claim_whose_answer_is_lost_are_claimed_again(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = join(LONG)
    node.commit(Work([message(1), message(2)], unclaimed={1: 0, 2: 0}))
    claim = leases.claim

    async def lost(*arguments: Any) -> list[Record]:
        await claim(*arguments)
        raise Unanswered("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(leases, "claim", lost)
        with pytest.raises(StoreError):
            node.unfinished(10)
    assert ids(node.unfinished(10)) == [1, 2]
    assert node.unfinished(10) == []


def test_nodes_that_free_the_same_work_at_a_time_get_each_message_once(join: Join, url: str) -> None:
    heirs = [join(LONG) for _ in range(3)]
    numbers = range(1, 2_001)
    leaving = PostgresStore(url, LONG)
    leaving.commit(Work([message(n) for n in numbers]))

    def renew_and_claim(node: PostgresStore) -> list[int]:
        claimed: list[int] = []
        for _ in range(60):
            node.renew(0)
            claimed += ids(node.unfinished(20))
        return claimed

    with ThreadPoolExecutor(4) as threads:
        closed = threads.submit(leaving.close)
        claimed = list(threads.map(renew_and_claim, heirs))
    closed.result()
    found = [*chain.from_iterable(claimed), *ids(heirs[0].unfinished())]
    assert sorted(found) == list(numbers)


def test_a_node_that_leaves_frees_its_work_at_once(join: Join, url: str) -> None:
    leaving, staying = PostgresStore(url, LONG), join(LONG)
    leaving.commit(Work([message(1), message(2)], attempts=[SubmitAttempt(1, "a", 3_000, (1,))]))
    leaving.close()
    assert [(e.message.message_id, e.route) for e in staying.unfinished(10)] == [(1, "a"), (2, None)]
    assert staying.renew(0).share == WHOLE


def test_a_report_is_read_by_the_node_that_owns_its_message(join: Join) -> None:
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1), message(2)], [change(1, State.SENT, "p1")]))
    reports = [Report("p1", "k-1", State.DELIVERED, "here"), Report("p2", "k-2", State.FAILED, "")]
    other.commit(Work(handed_over=[*reports, Report("p9", "k-9", State.DELIVERED, "of no message")]))
    assert other.reports(10) == []
    found = owner.reports(10)
    assert [each.report for each in found] == reports
    owner.commit(Work(changes=[change(1, State.DELIVERED, "p1")], read=[found[0].report_id]))
    assert [each.report for each in owner.reports(10)] == reports[1:]
    other.commit(Work(handed_over=reports[:1]))
    assert len(owner.reports(10)) == 1, "the message has ended"


def test_a_report_without_a_key_waits_for_the_answer_of_its_submit(join: Join) -> None:
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1)]))
    report = Report("p1", None, State.DELIVERED, "")
    other.commit(Work(handed_over=[report]))
    other.renew(0)
    assert owner.reports(10) == []
    owner.commit(Work(changes=[change(1, State.SENT, "p1")]))
    other.renew(0)
    assert [each.report for each in owner.reports(10)] == [report]


def test_a_text_with_any_character_is_kept(join: Join) -> None:
    node = join(LONG)
    text = "zero \0 \u00e9 \U0001f600"
    node.commit(
        Work([replace(message(1), text=text)], [replace(change(1, State.FAILED), reason="a\0b\ud800")])
    )
    record = node.records(0, 1)[0]
    assert (record.message.text, record.reason) == (text, "ab?")


def test_nodes_share_the_limits_and_more_of_them_than_can_stand_by(join: Join, url: str) -> None:
    two_at_most = replace(LONG, most_nodes=2)
    nodes = [PostgresStore(url, two_at_most), join(two_at_most), join(two_at_most)]
    using = [0, 0, 0]
    seen = []
    for _ in range(4):
        for number, node in enumerate(nodes):
            using[number] = node.renew(using[number]).share
            assert sum(using) <= WHOLE
        seen.append(list(using))
    assert seen[0] == [WHOLE // 2, WHOLE // 2, 0]
    renewals = [node.renew(share) for node, share in zip(nodes, using, strict=True)]
    assert [renewal.standby for renewal in renewals] == [None, None, 2]
    nodes[0].close()
    nodes[0] = join(two_at_most)
    for _ in range(3):
        using = [node.renew(share).share for node, share in zip(nodes, (0, *using[1:]), strict=True)]
    assert using == [0, WHOLE // 2, WHOLE // 2]


def test_a_report_of_a_message_that_ended_goes_to_one_node(join: Join) -> None:
    owner, other, third = join(LONG), join(LONG), join(LONG)
    owner.commit(Work([message(1), message(2), message(3)]))
    reports = [Report(f"p{n}", key, State.DELIVERED, "") for n, key in ((1, "k-1"), (2, None), (3, "k-3"))]
    other.commit(Work(handed_over=reports[:2]))
    # They end before their owner reads the reports; the third one had ended before its report came.
    owner.commit(Work(changes=[change(n, State.EXPIRED, f"p{n}") for n in (1, 2, 3)]))
    other.commit(Work(handed_over=[reports[2], Report("p3", "k-3", State.FAILED, "no news")]))
    owner.renew(0)
    found = owner.reports(10)
    assert [each.report for each in found] == reports
    assert third.reports(10) == other.reports(10) == []
    late = [change(n, State.DELIVERED, f"p{n}") for n in (1, 2, 3)]
    owner.commit(Work(changes=late, read=[each.report_id for each in found]))
    other.commit(Work(handed_over=reports[:1]))  # again: there is nothing to tell
    assert owner.reports(10) == []
    assert {each.state for each in owner.records(0, 10)} == {State.DELIVERED}


def test_a_node_knows_when_the_messages_ended_that_it_created(join: Join) -> None:
    """It has counted these. Other ones may have ended at another node."""
    first, second = join(LONG), join(LONG)
    number = first.identity().last_message_id + 1
    first.commit(Work([message(number)], [change(number, State.FAILED, "p")]))
    late = [Report("p", f"k-{number}", State.DELIVERED, "")]
    assert [each.ended_ns for node in (first, second) for each in node.ended(late)] == [5_000, 0]


def test_a_node_knows_the_routes_of_which_another_one_has_other_limits(
    join: Join, postgres: PostgresServer
) -> None:
    first = join(replace(LONG, limits=("100", "20")))
    of_an_earlier_version = join(LONG)
    assert [node.renew(0).differing for node in (first, of_an_earlier_version)] == [(), ()]
    second = join(Membership(routes=("b", "c"), lease_s=600.0, limits=("30", "5")))
    assert [node.renew(0).differing for node in (first, second)] == [("b",), ("b",)]
    assert of_an_earlier_version.renew(0).differing == ()
    postgres.sql("UPDATE smsbench.node SET dead = true WHERE id = (SELECT max(id) FROM smsbench.node)")
    assert first.renew(0).differing == ()
