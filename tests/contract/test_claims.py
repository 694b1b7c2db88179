"""Which messages without an owner a node claims, and in which order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from messages import made_message
from msgspec.structs import replace
from store_nodes import LONG, Join

from reference_sender.dispatch.values import Lane, Message, Recovered, Report, State, SubmitAttempt
from reference_sender.store import Work
from reference_sender.store.postgres import PostgresStore


def message(message_id: int, lane: Lane = Lane.MARKETING) -> Message:
    return made_message(message_id, lane=lane, created_ns=1_000)


def ids(recovered: list[Recovered]) -> list[int]:
    return [each.message.message_id for each in recovered]


def test_two_nodes_that_claim_at_a_time_never_get_the_same_message(join: Join) -> None:
    nodes = [join(LONG) for _ in range(3)]
    numbers = range(1, 3_001)
    nodes[0].commit(Work([message(n) for n in numbers], unclaimed=dict.fromkeys(numbers, 0)))

    def claim_all(node: PostgresStore) -> list[int]:
        claimed: list[int] = []
        while found := ids(node.unfinished(40)):
            claimed += found
        return claimed

    with ThreadPoolExecutor(3) as threads:
        claimed = list(threads.map(claim_all, nodes))
    assert sorted(chain.from_iterable(claimed)) == list(numbers)
    assert all(claimed), "each node got some"


def test_messages_of_a_class_are_claimed_in_the_order_of_their_turns(join: Join) -> None:
    node, other = join(LONG), join(LONG)
    turns = {1: 0, 2: 5, 3: 9, 4: 5, 5: 6, 6: 1}
    lanes = [*[Lane.MARKETING] * 5, Lane.TRANSACTIONAL]
    node.commit(Work([message(n, lane=lane) for n, lane in enumerate(lanes, start=1)], unclaimed=turns))
    assert other.renew(0).turns == {Lane.MARKETING: 0, Lane.TRANSACTIONAL: 1}
    assert ids(node.unfinished(4)) == [1, 2, 4, 6]
    assert node.renew(0).turns == {Lane.MARKETING: 6}
    assert ids(other.unfinished(4)) == [3, 5]
    assert node.renew(0).turns == {}
    node.commit(Work([message(7)], unclaimed={7: 0}))
    assert node.renew(0).turns == {Lane.MARKETING: 0}, "what was claimed before does not count"


def test_a_node_that_is_full_of_less_urgent_messages_claims_the_more_urgent_ones(join: Join) -> None:
    node = join(LONG)
    lanes = [Lane.MARKETING, Lane.OTP, Lane.TRANSACTIONAL, Lane.OTP, Lane.MARKETING]
    messages = [message(n, lane=lane) for n, lane in enumerate(lanes, start=1)]
    node.commit(Work(messages, unclaimed=dict.fromkeys(range(1, 6), 0)))
    assert ids(node.unfinished(1, lane=Lane.OTP)) == [2]
    assert ids(node.unfinished(10, lane=Lane.OTP)) == [4]
    assert ids(node.unfinished(10, lane=Lane.TRANSACTIONAL)) == [3]
    assert ids(node.unfinished(10)) == [1, 5]


def test_a_message_that_its_node_gives_back_is_claimed_by_another_one(join: Join) -> None:
    node, other = join(LONG), join(LONG)
    node.commit(Work([message(1), message(2)], attempts=[SubmitAttempt(1, "a", 3_000, (2,))]))
    other.commit(Work([message(3)]))
    node.commit(Work(ended=[1], given_back=[2, 3]))
    assert [(each.message.message_id, each.route) for each in other.unfinished(10)] == [(2, None)]
    node.commit(Work(given_back=[2]))
    assert node.unfinished(10) == [], "a repeat takes nothing from the node that has it now"


def test_a_turn_that_is_left_to_another_node_does_not_hold_the_others_back(join: Join, url: str) -> None:
    """It would be claimed by a node that has its route; the turns of later messages continue."""
    leaving = PostgresStore(url, LONG)
    leaving.commit(Work([message(1)], attempts=[SubmitAttempt(1, "b", 3_000, (1,))]))
    without = join(replace(LONG, routes=("a",)))
    join(LONG)
    leaving.close()
    without.commit(Work([message(n) for n in (2, 3, 4)], unclaimed={2: 7, 3: 8, 4: 9}))
    assert ids(without.unfinished(2)) == [2, 3]
    assert without.renew(0).turns == {Lane.MARKETING: 8}


def test_a_node_without_room_claims_what_has_expired_or_has_a_report_and_nothing_else(join: Join) -> None:
    node = join(LONG)
    numbers = range(1, 6)
    made = {n: message(n, lane=Lane.OTP if n < 3 else Lane.MARKETING) for n in numbers}
    made |= {n: replace(made[n], expires_ns=2_000) for n in (2, 4)}
    node.commit(Work(list(made.values()), unclaimed=dict.fromkeys(numbers, 0)))
    node.commit(Work(handed_over=[Report("p5", "k-5", State.DELIVERED, "")]))
    assert ids(node.unfinished(0)) == [2, 4, 5]
    assert node.unfinished(0) == []
    assert ids(node.unfinished(10)) == [1, 3]


def test_an_expired_message_bound_to_a_route_is_left_to_a_node_that_has_the_route(
    join: Join, url: str
) -> None:
    leaving = PostgresStore(url, LONG)
    bound = replace(message(1), expires_ns=2_000)
    leaving.commit(Work([bound], attempts=[SubmitAttempt(1, "b", 3_000, (1,))]))
    without, having = join(replace(LONG, routes=("a",))), join(LONG)
    leaving.close()
    assert without.unfinished(0) == []
    assert ids(having.unfinished(0)) == [1]


def test_a_message_bound_to_a_route_is_left_to_a_node_that_has_the_route(join: Join, url: str) -> None:
    leaving = PostgresStore(url, LONG)
    leaving.commit(Work([message(1)], attempts=[SubmitAttempt(1, "b", 3_000, (1,))]))
    without, having = join(replace(LONG, routes=("a",))), PostgresStore(url, LONG)
    leaving.close()
    assert without.unfinished(10) == []
    having.close()
    assert ids(without.unfinished(10)) == [1], "no living node has the route"


def test_a_message_without_an_owner_is_claimed_for_its_report(join: Join) -> None:
    node = join(LONG)
    numbers = range(1, 51)
    node.commit(Work([message(n) for n in numbers], unclaimed=dict.fromkeys(numbers, 0)))
    node.commit(Work(handed_over=[Report("p50", "k-50", State.DELIVERED, "")]))
    assert ids(node.unfinished(1)) == [1, 50]
    assert len(node.reports(10)) == 1
