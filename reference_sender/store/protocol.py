"""The protocol of a store. All calls block, so the sender makes them from separate threads.

``tests/contract/test_store_contract.py`` tests every store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from reference_sender.dispatch.values import Change, Lane, Message, Recovered, State, SubmitAttempt
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.spending import Spent


class StoreError(Exception):
    """The store could not be opened, read or written. Nothing of the call was stored."""


class Identity(Struct, frozen=True):
    """The identity of a store."""

    tag: str  # in every key that the sender generates
    report_secret: str  # in the address that providers report to
    last_message_id: int  # ids after this one are free


class Existing(Struct, frozen=True, gc=False):
    """The message that already has a key."""

    message_id: int
    to: str
    text: str
    lane: Lane
    state: State

    def is_repeated_by(self, message: Message) -> bool:
        """Whether ``message``, which has the same key, is the same message."""
        return (self.to, self.text, self.lane) == (message.to, message.text, message.lane)


class Record(Struct, frozen=True, gc=False):
    """A message as the store knows it."""

    message: Message
    state: State
    reason: str
    provider_id: str | None
    attempts: int
    changed_ns: int
    route: str | None = None  # of the last attempt
    tried_ns: int | None = None  # QUEUED with a route: since when that provider may have it


class Hold(Struct, frozen=True, gc=False):
    """A new ``not_before_ns`` of a stored message."""

    message_id: int
    not_before_ns: int


class OptIn(Struct, frozen=True, gc=False):
    """A number to take off the opt-out list."""

    number: str


Control = Campaign | Spent | Hold | OptOut | OptIn


class Work(Struct, frozen=True, gc=False):
    """The content of one transaction."""

    messages: Sequence[Message] = ()
    changes: Sequence[Change] = ()
    attempts: Sequence[SubmitAttempt] = ()  # begin
    ended: Sequence[int] = ()  # ids of attempts whose changes are stored, or whose requests were not sent
    controls: Sequence[Control] = ()  # in their order
    # Ids of the messages of a commit that failed. If only its answer was lost, it is on disk: these messages
    # are removed before ``messages`` are stored.
    refused: Sequence[int] = ()


class DeadLetterFilter(Struct, frozen=True):
    """Which dead letters: messages that ended FAILED or EXPIRED. None matches every value."""

    campaign: str | None = None
    reason: str | None = None
    lane: Lane | None = None


class Purged(Struct, frozen=True):
    """One step of a purge."""

    count: int  # messages removed
    last_id: int | None  # the next step begins after it; None: the pass is complete


class MessageStore(Protocol):
    """Durable storage of messages: what a node needs."""

    def identity(self) -> Identity: ...

    def commit(self, work: Work) -> Mapping[int, Existing]:
        """Store all of ``work`` in one transaction. It is on disk on return. Raises ``StoreError``: nothing
        is stored.

        A message whose key is in use, by an earlier commit or earlier in ``work.messages``, is not stored:
        the result has, under its ``message_id``, the message that has the key. Of several changes of one
        message the last counts.
        """
        ...

    def probe(self) -> None:
        """Write and commit as for a message. Raises ``StoreError`` if a message cannot be stored now."""
        ...

    def unfinished(self) -> list[Recovered]:
        """Every message not in a final state, oldest first.

        Attempts that an earlier process began and did not end bind their messages to the attempt's route,
        unless the message was bound before.
        """
        ...

    def close(self) -> None: ...


class MessageArchive(Protocol):
    """The stored messages as records, and the removal of old ones."""

    def records(self, after_id: int, limit: int) -> list[Record]:
        """At most ``limit`` messages with an id above ``after_id``, in the order of their ids."""
        ...

    def counts(self, campaign: str | None) -> dict[State, int]:
        """Messages by state, of one campaign or (None) of all; states without messages are left out."""
        ...

    def dead_letters(self, wanted: DeadLetterFilter, after_id: int, limit: int) -> list[Record]:
        """As ``records``, of those that ``wanted`` matches."""
        ...

    def purge(self, before_ns: int, after_id: int, limit: int) -> Purged:
        """Of the ``limit`` next messages after ``after_id`` that were created before ``before_ns``, remove
        those that have been final since before ``before_ns``. The message with the highest id stays, since
        an id is never given again.

        It writes, so it is called from the thread of ``commit``. Raises ``StoreError``.
        """
        ...


class CampaignStore(Protocol):
    """Campaigns, costs and opt-outs, as ``Work.controls`` wrote them."""

    def campaigns(self) -> list[Campaign]:
        """All that have controls, in the order of their names."""
        ...

    def spent(self, campaign: str | None, day: int | None) -> int:
        """The sum of ``Spent.amount`` of one campaign or (None) of all, and of one day or (None) of all."""
        ...

    def opt_outs(self, after: str, limit: int) -> list[OptOut]:
        """At most ``limit`` opt-outs with a number after ``after``, in the order of the numbers as text."""
        ...


class Store(MessageStore, MessageArchive, CampaignStore, Protocol):
    """A whole store. One process uses a store at a time."""
