"""Which node gets the first and which the second message of an OTP, when several nodes take them over."""

from __future__ import annotations

from messages import made_message
from msgspec.structs import replace
from store_nodes import LONG, Join

from reference_sender.dispatch.values import Change, Lane, Message, Recovered, Report, State, SubmitAttempt
from reference_sender.store import Work
from reference_sender.store.postgres import PostgresStore


def message(message_id: int, key: str = "") -> Message:
    return made_message(message_id, key=key, lane=Lane.OTP, sender_id="", created_ns=1_000)


def change(message_id: int, state: State, provider_id: str | None = None) -> Change:
    return Change(message_id, f"k-{message_id}", state, "why", provider_id, 1, 5_000, "a")


def ids(recovered: list[Recovered]) -> list[int]:
    return [each.message.message_id for each in recovered]


def pair(number: int) -> list[Message]:
    """An OTP and its second message."""
    return [message(number), message(number + 100, f"k-{number}~2")]


def test_an_untried_second_message_goes_to_the_node_that_has_its_first_one(join: Join, url: str) -> None:
    """Another node would not know whether the first message was delivered."""
    leaving, one, other = PostgresStore(url, LONG), join(LONG), join(LONG)
    leaving.commit(Work([each for number in (1, 2, 3) for each in pair(number)]))
    leaving.commit(Work(changes=[change(number, State.SENT, f"p{number}") for number in (1, 2, 3)]))
    leaving.close()
    assert ids(one.unfinished(2)) == [1, 2]
    assert ids(other.unfinished(10)) == [3]
    assert ids(other.unfinished(10)) == [103]
    assert ids(one.unfinished(10)) == [101, 102]
    assert one.renew(0).unclaimed == 0


def test_a_second_message_whose_first_one_has_ended_goes_to_any_node(join: Join, url: str) -> None:
    leaving, one, other = PostgresStore(url, LONG), join(LONG), join(LONG)
    leaving.commit(Work([*pair(1), *pair(2)]))
    leaving.commit(Work(changes=[change(1, State.FAILED, "p1"), change(2, State.SENT, "p2")]))
    leaving.close()
    assert ids(one.unfinished(10)) == [2, 101]
    one.commit(Work(changes=[change(2, State.DELIVERED, "p2")]))
    assert ids(other.unfinished(10)) == [102]


def test_a_second_message_that_a_provider_may_have_goes_to_any_node(join: Join, url: str) -> None:
    leaving, one, other = PostgresStore(url, LONG), join(LONG), join(LONG)
    leaving.commit(Work([*pair(1), *pair(2)], attempts=[SubmitAttempt(1, "b", 3_000, (102,))]))
    second = replace(change(101, State.SENT, "q1"), key="k-1~2")
    leaving.commit(Work(changes=[change(1, State.SENT, "p1"), change(2, State.SENT, "p2"), second]))
    leaving.close()
    assert ids(one.unfinished(2)) == [1, 2]
    assert ids(other.unfinished(10)) == [101, 102]


def test_the_end_of_a_first_message_by_its_second_one_reaches_the_node_that_has_it(join: Join) -> None:
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1), message(2)], [change(1, State.SENT, "p1"), change(2, State.EXPIRED)]))
    firsts = [Report("", f"k-{number}", State.DELIVERED, "delivered_by_second") for number in (1, 2)]
    other.commit(Work(handed_over=firsts))
    assert [each.report for each in owner.reports(10)] == firsts
