"""Server-sent events: their form, what readers get, and what happens to a reader that does not keep up."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, AcceptedMessage, MessageState, Outbound, Submit
from mock_provider.inbox.events import MOST_READERS, EventFeed, event
from mock_provider.inbox.store import Inbox


class EventReader:
    """A stream that takes what it is given, unless it is full."""

    def __init__(self) -> None:
        self.data = b""
        self.full = False
        self.was_cut = False

    @property
    def unsent_bytes(self) -> int:
        return 0

    def write(self, data: bytes) -> bool:
        if not self.full:
            self.data += data
        return not self.full

    def cut(self) -> None:
        self.was_cut = True

    def take(self) -> list[tuple[str, Any]]:
        """Name and value of the events since the last call."""
        *events, rest = self.data.decode().split("\n\n")
        assert rest == ""
        self.data = b""
        lines = [each.split("\n") for each in events]
        return [
            (name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines
        ]


class PublishedInbox:
    """An inbox, its readers, and the stages of its messages."""

    def __init__(self) -> None:
        self.stages: dict[str, str] = {}
        self.inbox = Inbox(1_000, self._view, lambda: 0)
        self.live = EventFeed(self.inbox, self._view)

    def _view(self, provider_id: str) -> MessageView | None:
        stage = self.stages.get(provider_id)
        if stage is None:
            return None
        state = MessageState.DELIVERED if stage == "CLOSED" else MessageState.OPEN
        return MessageView(
            provider_id=provider_id,
            client_ref=None,
            msisdn="48500",
            state=state,
            reason="",
            stage=stage,
            segments=1,
            price=0.1,
            t_accepted_ns=0,
            t_carrier_ns=None,
            t_final_ns=None,
        )

    def take(self, *ids: str) -> None:
        for each in ids:
            self.stages[each] = "ON_AIR"
            submit = Submit(1, "smsapi", "t", "Test", (Outbound("48500", "48500", f"text {each}", 1, ""),))
            self.inbox.remember(
                submit, Accepted((AcceptedMessage(each, "48500", "48500", None, 1, 0.1),)), 1.0
            )

    def reader(self) -> EventReader:
        reader = EventReader()
        streaming = self.live.stream()
        assert streaming is not None
        self.leave = streaming.begin(reader)
        return reader


@pytest.fixture
def provider() -> PublishedInbox:
    return PublishedInbox()


def test_an_event_is_two_lines_and_a_blank_one_whatever_the_text_holds() -> None:
    written = event("messages", {"text": "two\nlines\r\n\n\u2028 and half a pair \ud800"})
    head, data, *rest = written.decode().split("\n")
    assert (head, rest) == ("event: messages", ["", ""])
    assert json.loads(data.removeprefix("data: "))["text"] == "two\nlines\r\n\n\u2028 and half a pair ?"


def test_a_reader_gets_what_comes_after_it_newest_first_and_each_message_once(
    provider: PublishedInbox,
) -> None:
    provider.take("old")
    reader = provider.reader()
    provider.take("a", "b")
    provider.live.publish()
    provider.live.publish()
    hello, messages = reader.take()
    assert hello[0] == "hello"
    assert messages[0] == "messages"
    assert [m["text"] for m in messages[1]["messages"]] == ["text b", "text a"]
    assert messages[1]["skipped"] == 0


def test_more_than_anybody_reads_is_counted_instead(provider: PublishedInbox) -> None:
    reader = provider.reader()
    provider.take(*(str(n) for n in range(250)))
    provider.live.publish()
    (name, value) = reader.take()[-1]
    assert (name, len(value["messages"]), value["skipped"]) == ("messages", 100, 150)


def test_state_changes_of_earlier_messages_are_published_until_they_close(provider: PublishedInbox) -> None:
    provider.take("old")
    reader = provider.reader()
    provider.take("new")
    provider.live.publish()
    reader.take()
    provider.stages |= {"old": "CLOSED", "new": "ENDED"}
    provider.live.publish()
    ((name, value),) = reader.take()
    assert name == "changes"
    assert [(c["provider_id"], c["state"], c["stage"]) for c in value["changes"]] == [
        ("old", "delivered", "CLOSED"),
        ("new", "open", "ENDED"),
    ]
    provider.live.publish()
    del provider.stages["new"]  # forgotten by the engine: nobody asks for it again
    provider.live.publish()
    assert reader.take() == []


def test_a_slow_reader_misses_events_is_notified_and_finally_disconnected(provider: PublishedInbox) -> None:
    slow, other = provider.reader(), provider.reader()
    slow.take()
    slow.full = True
    provider.live.settings_changed()
    slow.full = False
    provider.live.settings_changed()
    assert [name for name, _ in slow.take()] == ["behind", "settings"]
    slow.full = True
    for _ in range(60):
        provider.live.settings_changed()
    assert slow.was_cut
    assert not other.was_cut
    assert slow.data == b""


def test_after_a_reset_what_was_before_is_not_followed(provider: PublishedInbox) -> None:
    reader = provider.reader()
    provider.take("a")
    provider.live.publish()
    provider.inbox.clear()
    provider.live.cleared()
    reader.take()
    provider.stages["a"] = "CLOSED"
    provider.live.publish()
    assert reader.take() == []


def test_the_number_of_readers_is_limited(provider: PublishedInbox) -> None:
    for _ in range(MOST_READERS):
        provider.reader()
    assert provider.live.stream() is None
    provider.leave()
    assert provider.live.stream() is not None


def test_half_a_surrogate_pair_is_the_only_text_changed() -> None:
    assert json.loads(event("x", ["\ud800", "ł"]).split(b"data: ")[1]) == ["?", "ł"]
    with pytest.raises(UnicodeEncodeError):
        msgspec.json.encode("\ud800")  # why it needs a way of its own
