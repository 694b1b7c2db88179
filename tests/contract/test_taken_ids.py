"""Which of a provider's ids messages have (``NodeStore.taken_ids``), of every store."""

from __future__ import annotations

from messages import made_message
from store_nodes import LONG, Join, OpenStore

from reference_sender.dispatch.values import Change, Lane, Message, State, SubmitAttempt
from reference_sender.node.lookup_results import untaken
from reference_sender.store import Work


def message(message_id: int, text: str = "Server web1 is down") -> Message:
    return made_message(message_id, text=text, lane=Lane.TRANSACTIONAL, sender_id="", created_ns=1_000)


def change(message_id: int, state: State, provider_id: str | None) -> Change:
    return Change(message_id, f"k-{message_id}", state, "", provider_id, 1, 5_000, "a")


def test_the_ids_of_messages_in_any_state_are_taken(open_it: OpenStore) -> None:
    """Also by an earlier process."""
    states = [State.SENT, State.DELIVERED, State.FAILED, State.EXPIRED]
    store = open_it()
    changes = [change(number, state, f"p{number}") for number, state in enumerate(states, start=1)]
    store.commit(Work([message(number) for number in range(1, 7)], [*changes, change(5, State.QUEUED, None)]))
    store = open_it()
    assert store.taken_ids(["p4", "p9", "p2", "p1", "p3", "p5"], message(6)) == {"p1", "p2", "p3", "p4"}
    assert store.taken_ids(["p9"], message(6)) == frozenset()
    assert untaken(store, message(6), []) == []


def test_a_request_of_another_node_in_flight_makes_ids_uncertain(join: Join) -> None:
    """Its provider may have accepted it, so the id that a lookup finds may be the one in its answer."""
    first, second = join(LONG), join(LONG)
    mine, other = message(1), message(2)
    first.commit(Work([mine], attempts=[SubmitAttempt(1, "a", 3_000, (1,))]))
    assert first.taken_ids(["p2"], mine) == frozenset(), "its own attempts are known to the dispatcher"
    second.commit(Work([other], attempts=[SubmitAttempt(1, "a", 3_000, (2,))]))
    assert first.taken_ids(["p2"], mine) is None
    assert first.taken_ids(["p2"], message(3, "another text")) == frozenset()
    second.commit(Work(changes=[change(2, State.SENT, "p2")], ended=[1]))
    assert first.taken_ids(["p2"], mine) == {"p2"}
