"""The inbox: what it keeps, and how it is searched, followed and indexed."""

from __future__ import annotations

import pytest

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, AcceptedMessage, MessageState, Outbound, Submit
from mock_provider.inbox.store import Inbox, InboxFilter


class FilledInbox:
    """An inbox of messages ``m0``, ``m1``, … and the states that were asked for."""

    def __init__(self, capacity: int = 100) -> None:
        self.states: dict[str, MessageState] = {}
        self.asked: list[str] = []
        self.inbox = Inbox(capacity, self._view, lambda: 0)
        self._made = 0

    def _view(self, provider_id: str) -> MessageView | None:
        self.asked.append(provider_id)
        state = self.states.get(provider_id, MessageState.OPEN)
        return MessageView(
            provider_id=provider_id,
            client_ref=None,
            msisdn="1",
            state=state,
            reason="",
            stage="ON_AIR",
            segments=1,
            price=0.1,
            t_accepted_ns=0,
            t_carrier_ns=None,
            t_final_ns=None,
            country="PL",
            carrier="Plus",
        )

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
def filled() -> FilledInbox:
    return FilledInbox()


def test_newest_first_by_part_of_number_text_sender_and_key(filled: FilledInbox) -> None:
    filled.take("Code 11", "Łódź")
    filled.take("sale", sender="OUTLET")
    assert filled.found() == ["m2", "m1", "m0"]
    assert filled.found(limit=2) == ["m2", "m1"]
    assert filled.found(text="łÓDŹ") == ["m1"]
    assert filled.found(text="outlet") == ["m2"]
    assert filled.found(text="KEY-m0") == filled.found(number="48500000") == ["m0"]
    assert filled.found(text="m") == ["m2", "m1", "m0"]
    assert filled.found(limit=0) == []


def test_the_state_filter_combines_with_the_other_filters(filled: FilledInbox) -> None:
    filled.take("a", "b", "a")
    filled.states["m0"] = MessageState.DELIVERED
    assert filled.found(state="delivered") == ["m0"]
    filled.asked.clear()
    assert filled.found(text="a", state="open") == ["m2"]
    assert filled.asked == ["m2", "m0"]  # the state of m1 is not needed


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (4,), (2, 2), (3, 1)])
def test_pages_continue_where_the_last_ended_within_a_request_and_across(
    filled: FilledInbox, sizes: tuple[int, ...]
) -> None:
    for size in sizes:
        filled.take(*["x"] * size)
    pages, before = [], ""
    while page := filled.found(limit=1, before=before):
        pages += page
        before = page[-1]
    assert pages == ["m3", "m2", "m1", "m0"]
    assert filled.found(before="unknown") == []


def test_the_oldest_requests_go_and_are_found_no_more() -> None:
    filled = FilledInbox(capacity=3)
    filled.take("a", "b")
    assert filled.inbox.find("m0") is not None  # indexed while it was there
    filled.take("c")
    filled.take("d")
    assert filled.found() == ["m3", "m2"]
    assert filled.inbox.find("m0") is None
    assert filled.found(before="m0") == []
    assert [filled.inbox.find(each).text for each in ("m2", "m3")] == ["c", "d"]
    filled.take(*"efghij")  # a request above the capacity is kept whole
    assert len(filled.found()) == len(filled.inbox) == 6


def test_the_index_stays_within_bounds_however_much_passes() -> None:
    filled = FilledInbox(capacity=10)
    for _ in range(200):
        newest = filled.take("x")[0]
        assert filled.inbox.find(newest) is not None
    assert filled.inbox.indexed <= 21


def test_new_messages_since_a_position_and_the_number_of_skipped_ones(filled: FilledInbox) -> None:
    filled.take("a", "b")
    seen = filled.inbox.end
    assert filled.inbox.since(seen, 10) == ([], 0)
    filled.take("c", "d", "e")
    filled.take("f")
    messages, skipped = filled.inbox.since(seen, 3)
    assert ([m.text for m in messages], skipped) == (["f", "e", "d"], 1)


def test_after_clearing_nothing_is_there_and_counting_continues(filled: FilledInbox) -> None:
    filled.take("a")
    filled.inbox.find("m0")
    end = filled.inbox.end
    filled.inbox.clear()
    assert (filled.found(), filled.inbox.find("m0"), len(filled.inbox)) == ([], None, 0)
    filled.take("b")
    assert filled.inbox.end == end + 1
    assert filled.found() == ["m1"]
    assert filled.inbox.find("m1") is not None
