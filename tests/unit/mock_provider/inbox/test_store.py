"""The inbox: what it keeps, and how it is searched, followed and indexed."""

from __future__ import annotations

import pytest

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, AcceptedMessage, MessageState, Outbound, Submit
from mock_provider.inbox.store import Inbox, InboxFilter


class StatedInbox:
    """An inbox of messages ``m0``, ``m1``, … and the states that were asked for."""

    def __init__(self, capacity: int = 100) -> None:
        self.states: dict[str, MessageState] = {}
        self.asked: list[str] = []
        self.inbox = Inbox(capacity, self._view, lambda: 0)
        self._made = 0

    def _view(self, provider_id: str) -> MessageView | None:
        self.asked.append(provider_id)
        state = self.states.get(provider_id, MessageState.OPEN)
        return MessageView(provider_id, None, "1", state, "", "ON_AIR", 1, 0.1, 0, None, None, "PL", "Plus")

    def take(self, *texts: str, sender: str = "Shop") -> list[str]:
        """One request with a message for each text, to numbers 48500000, 48500001, …; the ids."""
        outbound, answered = [], []
        for text in texts:
            number, provider_id = f"4850{self._made:04d}", f"m{self._made}"
            self._made += 1
            outbound.append(Outbound(number, f"+{number}", text, 1, f"key-{provider_id}"))
            answered.append(AcceptedMessage(provider_id, number, f"+{number}", None, 1, 0.1))
        self.inbox.remember(
            Submit(1, "smsapi", "t", sender, tuple(outbound)), Accepted(tuple(answered)), 1_000.0
        )
        return [m.provider_id for m in answered]

    def found(self, limit: int = 100, **wanted: str) -> list[str]:
        return [m.provider_id for m in self.inbox.search(InboxFilter(**wanted), limit)]


@pytest.fixture
def told() -> StatedInbox:
    return StatedInbox()


def test_newest_first_by_part_of_number_text_sender_and_key(told: StatedInbox) -> None:
    told.take("Code 11", "Łódź")
    told.take("sale", sender="OUTLET")
    assert told.found() == ["m2", "m1", "m0"]
    assert told.found(limit=2) == ["m2", "m1"]
    assert told.found(text="łÓDŹ") == ["m1"]
    assert told.found(text="outlet") == ["m2"]
    assert told.found(text="KEY-m0") == told.found(number="48500000") == ["m0"]
    assert told.found(text="m") == ["m2", "m1", "m0"]
    assert told.found(limit=0) == []


def test_the_state_filter_combines_with_the_other_filters(told: StatedInbox) -> None:
    told.take("a", "b", "a")
    told.states["m0"] = MessageState.DELIVERED
    assert told.found(state="delivered") == ["m0"]
    told.asked.clear()
    assert told.found(text="a", state="open") == ["m2"]
    assert told.asked == ["m2", "m0"]  # the state of m1 is not needed


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (4,), (2, 2), (3, 1)])
def test_pages_continue_where_the_last_ended_within_a_request_and_across(
    told: StatedInbox, sizes: tuple[int, ...]
) -> None:
    for size in sizes:
        told.take(*["x"] * size)
    pages, before = [], ""
    while page := told.found(limit=1, before=before):
        pages += page
        before = page[-1]
    assert pages == ["m3", "m2", "m1", "m0"]
    assert told.found(before="unknown") == []


def test_the_oldest_requests_go_and_are_found_no_more() -> None:
    told = StatedInbox(capacity=3)
    told.take("a", "b")
    assert told.inbox.find("m0") is not None  # indexed while it was there
    told.take("c")
    told.take("d")
    assert told.found() == ["m3", "m2"]
    assert told.inbox.find("m0") is None
    assert told.found(before="m0") == []
    assert [told.inbox.find(each).text for each in ("m2", "m3")] == ["c", "d"]
    told.take(*"efghij")  # a request above the capacity is kept whole
    assert len(told.found()) == len(told.inbox) == 6


def test_the_index_stays_within_bounds_however_much_passes() -> None:
    told = StatedInbox(capacity=10)
    for _ in range(200):
        newest = told.take("x")[0]
        assert told.inbox.find(newest) is not None
    assert told.inbox.indexed <= 21


def test_new_messages_since_a_position_and_the_number_of_skipped_ones(told: StatedInbox) -> None:
    told.take("a", "b")
    seen = told.inbox.end
    assert told.inbox.since(seen, 10) == ([], 0)
    told.take("c", "d", "e")
    told.take("f")
    messages, skipped = told.inbox.since(seen, 3)
    assert ([m.text for m in messages], skipped) == (["f", "e", "d"], 1)


def test_after_clearing_nothing_is_there_and_counting_continues(told: StatedInbox) -> None:
    told.take("a")
    told.inbox.find("m0")
    end = told.inbox.end
    told.inbox.clear()
    assert (told.found(), told.inbox.find("m0"), len(told.inbox)) == ([], None, 0)
    told.take("b")
    assert told.inbox.end == end + 1
    assert told.found() == ["m1"]
    assert told.inbox.find("m1") is not None
