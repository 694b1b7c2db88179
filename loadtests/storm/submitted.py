"""The messages that clients submitted to one process, until the store says which of them it keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from reference_sender.dispatch.values import Message
from reference_sender.node.effects import Acknowledge, Refuse
from reference_sender.store.protocol import Existing


class MessageWaiter(Protocol):
    """A call that submitted messages and waits for the answer."""

    def refused(self, keys: Collection[str]) -> None:
        """The answer, which follows, says that these are duplicates."""

    def end(self, kept: bool) -> None:
        """The other messages are in the store; or none is, and the call must be repeated."""


class SubmittedMessages:
    """Messages by the call that submitted them."""

    def __init__(self) -> None:
        self._waiting: dict[MessageWaiter, Sequence[Message]] = {}

    def wait(self, waiter: MessageWaiter, messages: Sequence[Message]) -> None:
        """They are on their way to the store."""
        self._waiting[waiter] = messages

    def answered(self, effect: Acknowledge | Refuse) -> list[tuple[Message, int]]:
        """Tell the call, if it submitted messages, which are duplicates. Returns them with the ids of the
        messages that keep them out.
        """
        messages = self._waiting.pop(effect.waiter, ())
        if not messages or isinstance(effect, Refuse):
            return []
        refused = [
            (message, existing.message_id)
            for message in messages
            if (existing := _existing(effect.answer, message)) is not None and existing.is_duplicate
        ]
        if refused:
            effect.waiter.refused([message.key for message, _ in refused])
        return refused


def _existing(answer: Existing | Mapping[int, Existing] | None, message: Message) -> Existing | None:
    return answer.get(message.message_id) if isinstance(answer, Mapping) else answer
