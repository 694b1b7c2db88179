"""When the next held messages of each campaign are released, and one message of them.

A campaign may have 200,000 held messages, and most share few instants: a schedule, or the opening hours of a
country. So the instants are counted as messages come and go, and a question reads a few of them.
"""

from __future__ import annotations

from reference_sender.dispatch.values import Message, is_hedge
from reference_sender.policy.quiet_hours import FOREVER


class NextReleases:
    """Each held message has one instant. Those without a known release are not counted: they wait for a
    higher spending limit, or expire before. Second messages of OTPs are not counted either, since a campaign
    does not count them.
    """

    def __init__(self) -> None:
        self._counts: dict[str, dict[int, int]] = {}
        self._examples: dict[str, dict[int, Message]] = {}

    def add(self, message: Message, due_ns: int) -> None:
        """``message`` is held until ``due_ns``."""
        if not _counts(message, due_ns):
            return
        counts = self._counts.setdefault(message.campaign, {})
        counts[due_ns] = counts.get(due_ns, 0) + 1
        self._examples.setdefault(message.campaign, {})[due_ns] = message

    def drop(self, message: Message, due_ns: int) -> None:
        """``message`` is no longer held until ``due_ns``."""
        if not _counts(message, due_ns):
            return
        counts = self._counts[message.campaign]
        counts[due_ns] -= 1
        if not counts[due_ns]:
            del counts[due_ns], self._examples[message.campaign][due_ns]
            if not counts:
                del self._counts[message.campaign], self._examples[message.campaign]

    def first(self, campaign: str) -> Message | None:
        """A message of those that are released next."""
        counts = self._counts.get(campaign)
        return self._examples[campaign][min(counts)] if counts else None


def _counts(message: Message, due_ns: int) -> bool:
    return due_ns < message.expires_ns and message.not_before_ns < FOREVER and not is_hedge(message.key)
