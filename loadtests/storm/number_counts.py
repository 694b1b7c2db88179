"""The limit for one number, as the sender's API applies it to messages that come one by one."""

from __future__ import annotations

from reference_sender.dispatch.values import Message
from reference_sender.node.effects import Waiter
from reference_sender.policy.recipients import RecipientLimits


class NumberCounts:
    """Counts the messages of one process: also those on their way to the store."""

    def __init__(self, limits: RecipientLimits) -> None:
        self._limits = limits
        self._waiting: dict[Waiter, Message] = {}

    def take(self, now_ns: int, message: Message) -> bool:
        """Whether the number may get ``message``. It then counts."""
        return not self._limits.take(now_ns, message.to, message.lane)

    def wait(self, waiter: Waiter, message: Message) -> None:
        """The counted message is on its way to the store."""
        self._waiting[waiter] = message

    def answered(self, waiter: Waiter, is_new: bool) -> Message | None:
        """The store has the message, ``is_new``, or it has its key already or failed. The message if it
        counts.
        """
        message = self._waiting.pop(waiter, None)
        if message is not None and not is_new:
            self._limits.undo(message.to, message.lane, message.created_ns)
            return None
        return message
