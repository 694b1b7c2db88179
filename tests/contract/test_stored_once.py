"""Messages that a store keeps once in a campaign: every store is tested."""

from __future__ import annotations

from messages import made_message
from msgspec.structs import replace
from store_nodes import OpenStore

from reference_sender.dispatch.values import Change, Lane, Message, State
from reference_sender.store import Work


def once(message_id: int, key: str | None = None, text: str = "hello", campaign: str = "may") -> Message:
    to, key = "48500100200", key or f"k-{message_id}"
    return made_message(
        message_id,
        key=key,
        to=to,
        text=text,
        lane=Lane.OTP,
        sender_id="",
        campaign=campaign,
        created_ns=1_000 + message_id,
        once=True,
    )


def change(message_id: int, state: State) -> Change:
    return Change(message_id, f"k-{message_id}", state, "why", None, 2, 5_000)


def test_a_message_that_is_stored_once_keeps_out_its_duplicates(open_it: OpenStore) -> None:
    store = open_it()
    taken = store.commit(Work([once(1), once(2), once(3, text="Hi"), once(4, campaign="june")]))
    assert {number: (each.message_id, each.is_duplicate) for number, each in taken.items()} == {2: (1, True)}

    store = open_it()
    store.commit(Work(changes=[change(1, State.DELIVERED)]))
    rows = [once(5), once(6, "k-1"), once(7, "k-1", "Hi"), replace(once(8), once=False), once(9, text="New")]
    taken = store.commit(Work([*rows, once(10)]))
    found = {number: (each.message_id, each.is_duplicate, each.state) for number, each in taken.items()}
    assert found == {
        5: (1, True, State.DELIVERED),
        6: (1, False, State.DELIVERED),  # its key says that it is the same message
        7: (1, False, State.DELIVERED),
        10: (1, True, State.DELIVERED),
    }
    assert taken[6].is_repeated_by(rows[1])
    assert [each.message.message_id for each in store.records(0, 99)] == [1, 3, 4, 8, 9]
    assert store.records(0, 1) == [replace(store.records(0, 1)[0], message=replace(once(1), once=False))]


def test_a_refused_or_purged_message_does_not_keep_out_duplicates(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([once(1), once(2, text="Hi")]))
    assert store.commit(Work([once(3)], refused=[1])) == {}
    store.commit(Work([once(4, text="New")], changes=[change(2, State.DELIVERED), change(3, State.FAILED)]))
    assert store.purge(6_000, 0, 10).count == 2
    assert store.commit(Work([once(5), once(6, text="Hi")])) == {}
    assert store.commit(Work([once(7, text="New")])).keys() == {7}
