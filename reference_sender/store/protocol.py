"""The protocol of a store. All calls block, so the sender makes them from separate threads.

``tests/contract/test_store_contract.py`` tests every store. A store that several processes (nodes) use at a
time also has ``Leases``. To a store without them one process is the only node: it owns every message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from reference_sender.dispatch.values import (
    Change,
    EndedMessage,
    Lane,
    Message,
    Recovered,
    Report,
    State,
    SubmitAttempt,
)
from reference_sender.policy.campaigns import Campaign, CampaignChange, KnownCampaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.recipients import NumberCount
from reference_sender.policy.spending import Spent
from reference_sender.store.campaign_reports import ReportControl, ReportStore
from reference_sender.store.rule_purge import OldRules, RulePlace


class StoreError(Exception):
    """The store could not be opened, read or written. Nothing of the call was stored."""


class LeaseLost(StoreError):
    """Another node took the work of this one over. This process can store nothing more: it must end."""


class Identity(Struct, frozen=True):
    """The identity of a store."""

    tag: str  # in every key that the sender generates
    report_secret: str  # in the address that providers report to
    last_message_id: int  # ids after this one are free


class Existing(Struct, frozen=True, gc=False):
    """The message that keeps another one from being stored: it has its key or, with ``is_duplicate``, its
    campaign, number and text, and both are to be stored once.
    """

    message_id: int
    to: str
    text: str
    lane: Lane
    state: State
    is_duplicate: bool = False

    def is_repeated_by(self, message: Message) -> bool:
        """Whether ``message``, which has the same key, is the same message."""
        return is_same(self, message)


def is_same(one: Message | Existing, other: Message) -> bool:
    """Whether two messages with the same key are the same message."""
    return (one.to, one.text, one.lane) == (other.to, other.text, other.lane)


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


Control = CampaignChange | KnownCampaign | Spent | Hold | OptOut | OptIn | ReportControl


class Work(Struct, frozen=True, gc=False):
    """The content of one transaction."""

    messages: Sequence[Message] = ()
    changes: Sequence[Change] = ()
    attempts: Sequence[SubmitAttempt] = ()  # begin
    ended: Sequence[int] = ()  # ids of attempts whose changes are stored, or whose requests were not sent
    controls: Sequence[Control] = ()  # in their order; a ``Spent`` is the total of this node
    # Ids of the messages of a commit that failed. If only its answer was lost, it is on disk: these messages
    # are removed before ``messages`` are stored.
    refused: Sequence[int] = ()
    # Of a store with leases:
    # Ids of ``messages`` that any node may claim, with the numbers in whose order those of a class are
    # claimed; this node owns the others.
    unclaimed: Mapping[int, int] = {}
    handed_over: Sequence[Report] = ()  # reports of messages that this node does not know
    read: Sequence[int] = ()  # ids of reports that other nodes handed over, and whose changes are kept by now
    # The parts of the totals in ``controls`` that are reserved for ``messages``, by id. That of a message
    # whose key is in use, so that it is not stored, is left out in the transaction (``unstored_costs.py``).
    reserved: Sequence[tuple[int, Spent]] = ()
    given_back: Sequence[int] = ()  # ids of messages of this node that any node may claim from now on


class Place(Struct, frozen=True):
    """A place among the untried messages with ids up to ``last_id``: after a message of ``lane``."""

    lane: Lane
    after_id: int
    last_id: int


class Membership(Struct, frozen=True):
    """How a process joins the nodes of a store."""

    routes: tuple[str, ...] = ()  # names
    most_nodes: int = 1_000_000  # that may share the limits of the routes; more of them stand by
    lease_s: float = 10.0
    limits: tuple[str, ...] = ()  # of each route, as text: all nodes must have the same ones
    looks_up: bool = False  # a route does not refuse repeats, so ``NodeStore.taken_ids`` will be called


class Renewal(Struct, frozen=True):
    """What a renewed lease says."""

    nodes: int  # that are alive, or may still be
    share: int  # millionths of each limit of a route that this node may use from now on
    unclaimed: int  # messages that wait for a node
    turns: Mapping[Lane, int] = {}  # the number of ``Work.unclaimed`` claimed now; left out: none waits
    leads: bool = True  # the node is the first of those that are alive: it does what one node must do for all
    # If the limits are not enough for this node and those that joined before it: for how many they are.
    standby: int | None = None
    differing: tuple[str, ...] = ()  # names of the routes for which another node has other limits
    # Reports that change nothing, of those that this node handed over, or that were removed, since its last
    # renewal: about messages that have ended, and about messages that the store does not have.
    repeated_reports: int = 0
    orphan_reports: int = 0


class HandedOver(Struct, frozen=True):
    """A delivery report that another node took for a message of this node."""

    report_id: int
    report: Report


class RuleChanges(Struct, frozen=True):
    """What nodes changed in the rules that all nodes apply. All of it is state, so it may be read twice."""

    mark: float  # seconds of the store's clock: the next call asks for changes since then
    turn: bool  # whether what a limit leaves is this node's to use, and all that others used is included
    campaigns: Sequence[Campaign] = ()
    opt_outs: Sequence[str] = ()  # numbers
    opt_ins: Sequence[str] = ()
    spent: Sequence[Spent] = ()  # of a campaign and day: the whole amount that the other nodes added
    # Of a number: all that the other nodes shared. Instants are relative to now, so clocks need not agree.
    counted: Sequence[NumberCount] = ()


class Leases(Protocol):
    """What a store has in addition to ``Store`` if several nodes use it.

    A node owns the messages that it stored or got from ``Store.unfinished``, while it renews its lease. The
    work of a node that did not renew its lease is free for the others, and all its later commits raise
    ``StoreError``.
    """

    @property
    def lease_s(self) -> float:
        """How long a renewal lasts."""
        ...

    def renew(self, share: int) -> Renewal:
        """Renew the lease; ``share`` is what the node uses at most. Frees the work of nodes whose lease has
        ended.

        Raises ``LeaseLost`` if this is such a node.
        """
        ...

    def rule_changes(self, since: float) -> RuleChanges:
        """Campaigns, opt-outs, costs and counts that changed since the mark of an earlier call, by this node
        or by others; everything since 0. Changes of the last seconds before the mark are repeated.
        """
        ...

    def share(self, counted: Sequence[NumberCount]) -> None:
        """Tell the other nodes what this one counted for these numbers, at instants relative to now. It
        replaces the earlier counts.
        """
        ...

    def reports(self, limit: int) -> list[HandedOver]:
        """Reports for messages of this node, oldest first. ``Work.read`` removes them. The oldest node also
        gets those of messages that ended meanwhile.
        """
        ...


class DeadLetterFilter(Struct, frozen=True):
    """Which dead letters: messages that ended FAILED or EXPIRED. None matches every value."""

    campaign: str | None = None
    reason: str | None = None  # the provider's error code, or the sender's reason
    lane: Lane | None = None
    route: str | None = None  # of the last attempt
    since_ns: int | None = None  # when it ended: not before
    until_ns: int | None = None  # before


class CampaignEnd(Struct, frozen=True):
    """Messages of a campaign that ended in the same way. ``route``: of the last attempt."""

    state: State
    route: str | None
    accepted: bool  # by a provider
    messages: int  # without second messages of OTPs
    segments: int  # of these too


# A message's id: above these bits the node that made it, below them its number, in the order of creation.
NODE_BITS = 40


class Purged(Struct, frozen=True):
    """One step of a purge."""

    count: int  # messages removed
    last_id: int | None  # the next step begins after it; None: the pass is complete
    is_young: bool = False  # all messages that it looked at were created too late, and there was one


class NodeStore(Protocol):
    """Durable storage of messages: what a node needs."""

    def identity(self) -> Identity:
        """What the store keeps of itself. Raises ``StoreError``."""
        ...

    def commit(self, work: Work) -> Mapping[int, Existing]:
        """Store all of ``work`` in one transaction. It is on disk on return. Raises ``StoreError``: nothing
        is stored.

        A message whose key is in use, by an earlier commit or earlier in ``Work.messages``, is not stored:
        the result has, under its ``message_id``, the message that has the key. The same applies to a
        duplicate of a message that is stored ``once``, until that one is purged. Of several changes of one
        message the last counts.
        """
        ...

    def probe(self) -> None:
        """Write and commit as for a message. Raises ``StoreError`` if a message cannot be stored now."""
        ...

    def unfinished(
        self, limit: int | None = None, place: Place | None = None, lane: Lane = Lane.MARKETING
    ) -> list[Recovered]:
        """Messages that are neither SENT nor final. First every one that was tried, oldest first. Then the
        untried ones, at most ``limit``: the most urgent class first, and the oldest first in each class. With
        ``place`` only untried ones that follow it.

        A store with leases returns messages that no node owns, also SENT ones, at most ``limit`` and the most
        urgent first if there are more, in the order of their numbers; this node owns them from now on. Only
        such a store reads ``lane``: none of them is of a class that is less urgent than this one. In
        addition it returns some that have expired or have a report: they end, so a node takes them whatever
        it has to send.

        Attempts that an earlier process began and did not end bind their messages to the attempt's route,
        unless the message was bound before.
        """
        ...

    def sent_ids(self) -> Sequence[int]:
        """The ids of all SENT messages, in the order in which they were sent. None of a store with leases."""
        ...

    def sent(self, ids: Sequence[int]) -> list[Recovered]:
        """Those with these ids that are SENT, in this order, without their texts."""
        ...

    def ended(self, reports: Sequence[Report]) -> list[EndedMessage]:
        """The messages that ``reports`` are about, of those that were tried and ended: by key or, without it,
        by the provider's id, except DELIVERED ones, which have no index of it. Called from the thread of
        ``commit``. Raises ``StoreError``.
        """
        ...

    def taken_ids(self, provider_ids: Sequence[str], message: Message) -> frozenset[str] | None:
        """Those of ``provider_ids`` that messages of the store have. None: another node has a request in
        flight for a message with the number and text of ``message``, so any of them may become the id of
        that one. Raises ``StoreError``.
        """
        ...

    def close(self) -> None: ...


class MessageArchive(Protocol):
    """The stored messages as records, and the removal of old ones."""

    def records(self, after_id: int, limit: int) -> list[Record]:
        """At most ``limit`` messages with an id above ``after_id``, in the order of their ids."""
        ...

    def with_keys(self, keys: Sequence[str]) -> list[Record]:
        """Those of the messages with these keys that exist, in any order."""
        ...

    def counts(self, campaign: str | None) -> dict[State, int]:
        """Messages by state, of one campaign or (None) of all; states without messages are left out. Those
        of a campaign do not include second messages of OTPs.
        """
        ...

    def campaign_ends(self, campaign: str, last_id: int) -> list[CampaignEnd]:
        """The ended messages of a campaign with ids up to ``last_id``; each kind once, in any order."""
        ...

    def dead_letters(self, wanted: DeadLetterFilter, after_id: int, limit: int) -> list[Record]:
        """As ``records``, of those that ``wanted`` matches and that are no second messages of OTPs."""
        ...

    def count_dead_letters(self, wanted: DeadLetterFilter) -> dict[str, int]:
        """How many ``wanted`` matches, by reason."""
        ...

    def purge(self, before_ns: int, after_id: int, limit: int) -> Purged:
        """Of the ``limit`` next messages after ``after_id``, remove those that were created, and have been
        final, since before ``before_ns``. The message with the highest id stays, since an id is never given
        again.

        It writes, so it is called from the thread of ``commit``. Raises ``StoreError``.
        """
        ...


class CampaignStore(Protocol):
    """Campaigns, costs and opt-outs, as ``Work.controls`` wrote them."""

    def campaigns(self, name: str | None = None) -> list[Campaign]:
        """All that have controls, in the order of their names; or the one of this name, if any."""
        ...

    def controlled(self, names: Sequence[str]) -> frozenset[str]:
        """Those of the campaigns ``names`` that have controls."""
        ...

    def purge_rules(self, old: OldRules, place: RulePlace, limit: int) -> RulePlace | None:
        """Of the next ``limit`` rows after ``place``, remove what is old: the report of a campaign without
        messages, then its controls, if it has no report and no costs of a later day, and then the costs of
        old days, except those of campaigns with a spending limit. Returns where the next step begins; None:
        the pass is complete. It writes, so it is called from the thread of ``commit``.
        """
        ...

    def spending(self) -> list[Spent]:
        """The cost of each campaign and day, of all nodes together."""
        ...

    def spent(self, campaign: str) -> int:
        """The cost of one campaign, of all nodes and days together."""
        ...

    def over_limits(self, at_ns: int) -> dict[str, int]:
        """How many messages wait for a higher spending limit and expire after ``at_ns``, by campaign; without
        those of cancelled campaigns.
        """
        ...

    def opt_outs(self, after: str, limit: int) -> list[OptOut]:
        """At most ``limit`` opt-outs with a number after ``after``, in the order of the numbers as text."""
        ...


class Store(NodeStore, MessageArchive, CampaignStore, ReportStore, Protocol):
    """A whole store. One process uses a store at a time, unless it has ``leases``."""

    @property
    def leases(self) -> Leases | None:
        """None if one process at a time uses the store."""
        ...
