"""What every store must hold to (reference_sender/store/protocol.py), run against each store we have."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from messages import made_message
from msgspec.structs import replace
from store_nodes import OpenStore

from loadtests.storm.disk import Disk
from loadtests.storm.store import ModelStore
from reference_sender.dispatch.values import Change, Lane, Message, Recovered, Report, State, SubmitAttempt
from reference_sender.store import CampaignEnd, Place, Store, StoreError, Work, open_store


def message(message_id: int, key: str | None = None, text: str = "hello", campaign: str = "") -> Message:
    return made_message(
        message_id,
        key=key,
        text=text,
        lane=Lane.TRANSACTIONAL,
        campaign=campaign,
        created_ns=1_000 + message_id,
        expires_ns=9_000,
    )


def change(
    message_id: int,
    state: State,
    provider_id: str | None = None,
    at_ns: int = 5_000,
    route: str | None = None,
) -> Change:
    return Change(message_id, f"k-{message_id}", state, "why", provider_id, 2, at_ns, route)


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
    assert again.last_message_id >= 2, "the next ids are free"


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


def left_open(store: Store) -> list[Recovered]:
    """All open messages, in the order of their ids."""
    found = [*store.unfinished(), *store.sent(store.sent_ids())]
    return sorted(found, key=lambda each: each.message.message_id)


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

    recovered = left_open(open_it())
    seen = [(r.message.message_id, r.state, r.attempts, r.provider_id, r.sent_ns) for r in recovered]
    assert seen == [
        (1, State.QUEUED, 2, "p1", None),
        (2, State.QUEUED, 2, "p2", None),  # an attempt cut short is repeated
        (3, State.SENT, 2, "p3", 7_000),
        (7, State.QUEUED, 0, None, None),  # never tried
    ]
    assert [each.message for each in recovered] == [
        message(1),
        message(2),
        replace(message(3), text=""),  # it is not sent again
        message(7),
    ]


def test_sent_messages_are_read_in_the_order_in_which_they_were_sent(open_it: OpenStore) -> None:
    if (store := open_it()).leases is not None:
        assert not store.sent_ids(), "a node claims them instead"
        return
    sent = [change(n, State.SENT, f"p{n}", at_ns=at_ns) for n, at_ns in ((1, 9), (2, 7), (3, 8), (5, 7))]
    store.commit(Work([message(n) for n in range(1, 6)], [*sent, change(4, State.DELIVERED, "p4")]))
    store = open_it()
    ids = store.sent_ids()
    assert list(ids) == [2, 5, 3, 1]
    store.commit(Work(changes=[change(5, State.DELIVERED, "p5")]))
    pages = [store.sent(ids[:3]), store.sent(ids[3:])]
    seen = [[(r.message.message_id, r.state, r.sent_ns) for r in page] for page in pages]
    assert seen == [[(2, State.SENT, 7), (3, State.SENT, 8)], [(1, State.SENT, 9)]]
    assert store.sent([]) == []


def test_an_open_message_is_read_with_every_character(open_it: OpenStore) -> None:
    text = "".join(map(chr, range(1, 128))) + "\\ \u2028 \x85 ąć 🎉"
    made = replace(message(1), text=text, sender_id='"', campaign="a,[b]", not_before_ns=7, keeps_hours=True)
    store = open_it()
    store.commit(Work([made]))
    (found,) = open_it().unfinished()
    assert found.message == made


# Not PostgreSQL: a node claims messages instead.
@pytest.mark.parametrize("open_one", ["sqlite", "storm"], indirect=True)
def test_untried_messages_are_read_in_pages_and_what_was_tried_comes_first(open_it: OpenStore) -> None:
    store = open_it()
    lanes = (Lane.MARKETING, Lane.OTP, Lane.TRANSACTIONAL)
    made = [replace(message(n), lane=lanes[n % 3]) for n in range(1, 12)]
    tried = [change(6, State.SENT, "p6"), replace(change(2, State.QUEUED), route="a", tried_ns=1)]
    store.commit(Work(made, [*tried, change(9, State.DELIVERED)]))
    store = open_it()
    last_id = store.identity().last_message_id
    store.commit(Work([replace(message(12), lane=Lane.OTP)]))
    store.commit(Work([], [change(8, State.SENT)]))  # by this process, which had it read: an exact place

    pages = [store.unfinished(3)]
    while len(pages[-1]) >= 3:
        last = pages[-1][-1].message
        pages.append(store.unfinished(3, Place(last.lane, last.message_id, last_id)))
    assert [[r.message.message_id for r in page] for page in pages] == [[2, 1, 4, 7], [10, 5, 11], [3]]
    assert [r.untried for r in pages[0]] == [False, True, True, True]
    assert all(r.untried and r.message in made for page in pages[1:] for r in page)


def test_ended_messages_are_found_by_key_and_by_provider_id(open_it: OpenStore) -> None:
    store = open_it()
    states = [State.EXPIRED, State.FAILED, State.DELIVERED, State.SENT, State.EXPIRED]
    changes = [change(n, state, f"p{n}") for n, state in enumerate(states, start=1)]
    changes[4] = replace(changes[4], attempts=0, provider_id=None)  # it expired before a provider saw it
    store.commit(Work([message(n) for n in range(1, 7)], changes))

    def found(key: str | None, provider_id: str) -> list[tuple[int, State, int, str | None]]:
        ended = store.ended([Report(provider_id, key, State.DELIVERED, "")])
        assert all(each.message == message(each.message.message_id) for each in ended)
        return [(e.message.message_id, e.state, e.attempts, e.provider_id) for e in ended]

    assert found("k-1", "another id") == [(1, State.EXPIRED, 2, "p1")]
    assert found(None, "p2") == [(2, State.FAILED, 2, "p2")]
    assert found("no message", "p2") == [], "a report that names a key is about that one only"
    assert found("k-3", "p3") == [(3, State.DELIVERED, 2, "p3")], "a duplicate"
    assert found(None, "p3") == []
    for number in (4, 5, 6):
        assert found(f"k-{number}", f"p{number}") == [], number
    assert found(None, "") == []
    assert store.ended([]) == []


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


def test_a_campaign_counts_an_otp_and_its_second_message_once_but_the_cost_of_both(
    open_it: OpenStore,
) -> None:
    store = open_it()
    first = replace(message(1, campaign="may"), key="k1")
    other = replace(message(2, campaign="may"), key="k2")
    seconds = [replace(first, message_id=3, key="k1~2"), replace(other, message_id=4, key="k2~2")]
    store.commit(Work([first, other, *seconds], []))
    ends = [change(1, State.DELIVERED, "p1", route="a"), change(3, State.DELIVERED, "p3", route="b")]
    store.commit(Work([], [*ends, change(4, State.EXPIRED)]))
    store = open_it()
    assert store.counts("may") == {State.QUEUED: 1, State.DELIVERED: 1}
    assert sum(store.counts(None).values()) == 4
    assert sorted(store.campaign_ends("may", 99), key=lambda each: str(each.route)) == [
        CampaignEnd(State.EXPIRED, None, False, 0, first.segments),
        CampaignEnd(State.DELIVERED, "a", True, 1, first.segments),
        CampaignEnd(State.DELIVERED, "b", True, 0, first.segments),
    ]


def test_the_ended_messages_of_a_campaign_by_kind(open_it: OpenStore) -> None:
    store = open_it()
    may = [replace(message(n, campaign="may"), segments=n) for n in range(1, 7)]
    store.commit(Work([*may, message(7), message(8, campaign="june")], []))
    store.commit(
        Work(
            [],
            [
                change(1, State.DELIVERED, "p1", route="a"),
                change(2, State.DELIVERED, "p2", route="a"),
                change(3, State.FAILED, "p3", route="b"),
                change(4, State.FAILED, route="a"),
                change(5, State.SENT, "p5", route="a"),
                change(7, State.DELIVERED, "p7", route="a"),
                change(8, State.EXPIRED),
            ],
        )
    )
    store = open_it()
    assert sorted(store.campaign_ends("may", 99), key=lambda each: each.segments) == [
        CampaignEnd(State.DELIVERED, "a", True, 2, 3),
        CampaignEnd(State.FAILED, "b", True, 1, 3),
        CampaignEnd(State.FAILED, "a", False, 1, 4),
    ]
    assert store.campaign_ends("june", 99) == [CampaignEnd(State.EXPIRED, None, False, 1, 1)]
    assert store.campaign_ends("", 99) == store.campaign_ends("july", 99) == []
    assert store.campaign_ends("may", 1) == [CampaignEnd(State.DELIVERED, "a", True, 1, 1)]


@pytest.mark.parametrize("is_once", [False, True])
def test_a_commit_that_fails_keeps_nothing(open_it: OpenStore, is_once: bool) -> None:
    store = open_it()
    store.commit(Work([message(1)], []))
    same_id = replace(message(1, key="another key, same id"), once=is_once)
    with pytest.raises(StoreError):
        store.commit(Work([message(2), same_id], [change(1, State.SENT)]))
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


def attempt(attempt_id: int, route: str, *ids: int, at_ns: int = 3_000) -> SubmitAttempt:
    return SubmitAttempt(attempt_id, route, at_ns, ids)


def bound(store: Store) -> dict[int, tuple[str | None, int | None, int]]:
    return {r.message.message_id: (r.route, r.tried_ns, r.attempts) for r in left_open(store)}


def test_an_unfinished_attempt_binds_its_messages_to_the_route_after_a_restart(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(
        Work([message(n) for n in range(1, 6)], attempts=[attempt(1, "a", 1, 2), attempt(2, "b", 3, 4)])
    )
    # One answered with SENT, one refused: the second attempt is over, the first is not.
    store.commit(Work(changes=[change(3, State.SENT, "p3")], ended=[2]))
    store = open_it()
    assert bound(store) == {
        1: ("a", 3_000, 1),
        2: ("a", 3_000, 1),
        3: (None, None, 2),
        4: (None, None, 0),
        5: (None, None, 0),
    }
    assert bound(open_it())[1] == ("a", 3_000, 1), "it stays bound after a second start"


def test_an_answer_or_report_takes_precedence_over_an_unfinished_attempt(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1), message(2), message(3)], attempts=[attempt(7, "b", 1, 2, 3)]))
    store.commit(Work(changes=[change(1, State.SENT, "p1"), change(2, State.DELIVERED, "p2")]))
    store = open_it()
    assert {r.message.message_id: r.state for r in left_open(store)} == {1: State.SENT, 3: State.QUEUED}
    sent, delivered = store.records(0, 2)
    assert (sent.attempts, sent.changed_ns, sent.reason) == (2, 5_000, "why")
    assert (delivered.state, delivered.attempts, delivered.reason) == (State.DELIVERED, 2, "why")
    assert bound(open_it())[3] == ("b", 3_000, 1)


def test_a_bound_message_keeps_the_instant_of_its_first_unanswered_attempt(open_it: OpenStore) -> None:
    store = open_it()
    binding = replace(change(1, State.QUEUED), route="a", tried_ns=2_500)
    store.commit(Work([message(1)], [binding], attempts=[attempt(4, "a", 1, at_ns=8_000)]))
    store = open_it()
    assert bound(store) == {1: ("a", 2_500, 3)}


def test_an_attempt_does_not_touch_the_next_message_with_the_id_of_one_that_was_not_kept(
    open_it: OpenStore,
) -> None:
    store = open_it()
    store.commit(Work([message(1), message(2, key="k-1")], attempts=[attempt(1, "a", 1, 2)]))
    store = open_it()
    store.commit(Work([message(2)]))
    assert bound(open_it()) == {1: ("a", 3_000, 1), 2: (None, None, 0)}


def test_the_route_of_the_last_attempt_is_kept_with_the_end(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)], [replace(change(1, State.DELIVERED, "p"), route="b")]))
    assert open_it().records(0, 1)[0].route == "b"


@pytest.mark.parametrize("count", [1, 5, 700])
def test_attempts_of_many_batches_and_of_large_ones_are_kept_and_ended(
    open_it: OpenStore, count: int
) -> None:
    store = open_it()
    ids = range(1, count + 1)
    store.commit(Work([message(n) for n in ids], attempts=[attempt(n, f"r{n}", n) for n in ids]))
    store.commit(Work(ended=[n for n in ids if n % 2]))
    store = open_it()
    assert {n: route for n, (route, _, _) in bound(store).items()} == {
        n: None if n % 2 else f"r{n}" for n in ids
    }
    store.commit(Work(attempts=[attempt(1, "whole", *ids)]))
    assert {route for route, _, _ in bound(open_it()).values()} <= {"whole"}


def test_a_commit_that_fails_keeps_no_attempt(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)]))
    with pytest.raises(StoreError):
        store.commit(Work([message(1, key="another key, same id")], attempts=[attempt(1, "a", 1)]))
    assert bound(open_it()) == {1: (None, None, 0)}


def test_a_refused_message_is_removed_before_its_key_is_used_again(open_it: OpenStore) -> None:
    """The commit with it was on disk, and its answer was lost."""
    store = open_it()
    store.commit(Work([message(1), message(2), message(3)], attempts=[attempt(1, "a", 1)]))
    again = message(4, key="k-1")
    assert store.commit(Work([again], ended=[1], refused=[1, 2, 99])) == {}
    assert [record.message for record in open_it().records(0, 10)] == [message(3), again]


def test_a_commit_that_fails_removes_no_refused_message(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1), message(2)]))
    with pytest.raises(StoreError):
        store.commit(Work([message(2, key="another key, same id")], refused=[1]))
    assert [record.message for record in store.records(0, 10)] == [message(1), message(2)]


def test_a_probe_leaves_nothing_behind(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work([message(1)]))
    store.probe()
    assert bound(open_it()) == {1: (None, None, 0)}


def test_a_store_of_one_process_is_refused_while_in_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/messages.db"
    with closing(open_store(url)), pytest.raises(StoreError, match="in use"):
        open_store(url)
    disk = Disk()
    with closing(ModelStore(disk)), pytest.raises(StoreError, match="in use"):
        ModelStore(disk)


@pytest.mark.parametrize("url", ["sqlite://file", "mysql://x", "sqlite:///", "messages.db"])
def test_a_store_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///FILE or postgresql://"):
        open_store(url)
