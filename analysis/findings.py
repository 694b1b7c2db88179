"""Conclusions of the analysis as frozen values. The report shows them and computes none.

They are fields of ``model.PartReport`` and ``model.RunReport``. Times of a run are seconds after the load's
start.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from analysis.classes import GUARDED_CLASS
from analysis.quantile import Quantile

SUFFICIENT = "The contract is sufficient"  # begins the sentence that an ideal sender needs no other
OUT_OF_ORDER = "among messages of other classes"  # in the sentence that the send order caused the wait
MOST_OF_THEM = "most of them"  # of the requests, refused for a limit
REFUSED_PERMANENTLY = "the provider refused"  # begins the text of refusals that a repeat would meet again
SAID_HOW_LONG = "with Retry-After"  # in the evidence of refusals that have this header
NOTHING_LISTENS = "nothing listens at"  # in the text of an API whose connections are refused
POINTS = "points"  # the provider's unit of charge, if the profile names no currency
NOT_ANSWERING = "does not answer"  # in the text of an API that answered no request
TARGETS_LIMIT = "the timeout_s of the target"  # in the text of an API of which each request timed out
NOT_REACHED = "could not be reached from"  # in the text of a sender that was gone for some time
CONNECTION_REFUSED = "connection refused"  # an error of the load, in the text of an API that fails messages
BEFORE_REFUSED = "accepted before its connections were refused"  # in the evidence of unforwarded messages
ANSWERED_NOTHING = "answered nothing for"  # in the text of an API that was silent for some time
FORWARDED_NOTHING = "forwarded nothing for"  # in the text of a sender that paused, with messages in it
ANSWERED_FIRST = "answered before the sender submitted them"  # in the evidence of an API that is slow
STILL_FORWARDED = "the sender still forwarded messages"  # in the text of an API that was silent
AS_ALLOWED = "which is what the contract allows"  # in the evidence of a sender at the limits of the text
OTHER_PROGRAMS = "other programs"  # in the text of the machine, if they compete for its cores
HELD_FOR_LIMITS = (
    "the sender held ready messages because of the contract's limits"  # and is mostly below them
)
ON_REPORTS = "report_"  # begins the kinds of faults that change delivery reports only
OWN_PACING = "that are allowed: its own pacing"  # ends the text of a sender that is slow after a refusal
A_FAULT = "a fault of the provider: "  # begins the text of a fault as a bottleneck, before its faults
MOST_REASONS = 12  # in the table of why messages did not arrive
GREW = "the backlog grew and did not return to its level"  # why windows were not available
ACCEPT_QUEUE = "accept queue"  # in the evidence of waits there, and in the limit's text
# The texts of the network as a bottleneck. With the flag or on another route it may be faster.
NETWORK_ALONE = "the network alone takes"  # in the sentence that no sender can meet an objective
THE_NETWORK, NETWORK_LOSES = "the network", "many messages fail on their way to the phone"
PROVIDER_ERRORS = "the provider answers with errors"
NETWORK_WITHOUT_FLAG = "the network without the provider's priority flag"
NETWORK_ON_ROUTES = "the network of the routes that the messages took"
WITHOUT_FLAG = "without the priority flag"  # in the evidence, after the class
ShareName = Literal["network", "contract", "sender", "bench"]
BottleneckKind = Literal[
    "sender_cpu",
    "sender_loop",
    "sender_pacing",
    "sender_rate",
    "sender_concurrency",
    "sender_store",
    "sender_stopped",
    "sender_api",
    "sender_refuses",
    "sender_hold",
    "sender_unforwarded",
    "sender_gave_up",
    "provider_fault",
    "provider_limit",
    "carrier_queue",
    "network",
    "generator",
    "mock",
    "machine",
    "unknown",
]


# A loss of the sender, and no limit of its rate: the screen calls them a cause, and no bottleneck.
NOT_FORWARDED: tuple[BottleneckKind, ...] = ("sender_unforwarded", "sender_gave_up")


class Share(Struct, frozen=True, kw_only=True):
    """One share of a class's delivery time. ``without`` are p50, p95, p99 of the total minus this share."""

    name: ShareName
    mean_s: float
    p50_s: float | None  # of the share itself; None: too few messages
    p95_s: float | None
    p99_s: float | None
    without: tuple[Quantile, ...]


class DelaySplit(Struct, frozen=True, kw_only=True):
    """The delay of one class, split into shares. The shares' means add up to the total's mean.

    ``network_only`` are p50, p95, p99 with an ideal sender on this profile without limits, ``ideal`` with an
    ideal sender within the contract's limits. ``left_out`` messages were delivered and lack a timestamp, so
    that they cannot be split.
    """

    message_class: str
    count: int
    left_out: int
    still_open: int = 0  # to reachable phones, not yet delivered at the end: in none of the figures
    total_mean_s: float
    total: tuple[Quantile, ...]
    shares: tuple[Share, ...]  # network, contract, sender, bench
    network_only: tuple[Quantile, ...]
    ideal: tuple[Quantile, ...] = ()
    without_flag: int = 0  # messages without the provider's priority flag, where the flag makes them faster
    routes: int = 1  # of the sender; a message has the network of the route that it took
    limit: str = ""  # the limit of the contract with the longest waits, as text; "" without waits


def lacks_flag(split: DelaySplit) -> bool:
    """Whether messages went without the priority flag that an ideal sender sets: it sets it only on OTPs."""
    return split.message_class == GUARDED_CLASS and split.without_flag > 0


NO_TURN = "no_turn"  # name of the hint that a class waited for the end of the load
REPORTS_NOT_CONFIRMED = "reports_not_confirmed"  # name of the hint
SINGLE = "one_message_per_request"  # name of the hint
# Hints on what the contract's limits did.
ON_LIMITS = ("throttled", "queued_at_provider", SINGLE)


class Hint(Struct, frozen=True):
    """Something that the user can change, found in the journal. ``text`` is one sentence with numbers."""

    name: str
    text: str
    count: int


class Handsets(Struct, frozen=True, kw_only=True):
    """Messages of one class whose phone was off or out of coverage: they waited for the phone."""

    message_class: str
    accepted: int
    unreachable: int  # waited for the handset at all
    came_later: int
    given_up_by_network: int  # expired or failed, at the network or at the provider
    still_waiting: int


class Availability(Struct, frozen=True, kw_only=True):
    """Windows of 10 s in which the API accepted every message and the backlog did not grow without bound."""

    windows: int
    available: int
    unavailable: int
    window_s: float
    first_bad_at_s: float | None
    why: str  # why windows were not available, or not known to be; "" if all were
    unknown: int = 0  # windows of a load that is too short to distinguish growth from a hold
    load_needed_s: float = 0.0  # the shortest load that would decide it; 0 if no window is unknown


class OutageBacklog(Struct, frozen=True, kw_only=True):
    """The messages that waited in the sender after an outage of the provider, from the rows."""

    level: int  # the most in the 10 s before the outage
    gone_s: float | None  # from the outage's end until no more than that waited; None: not so far
    left: int  # when the observation ended, or the next outage began
    watched_s: float  # from the outage's end until then


class FaultBand(Struct, frozen=True, kw_only=True):
    """One fault of the provider. ``from_s`` None: only the journal names it. ``to_s`` None: without end."""

    name: str
    kind: str
    title: str
    from_s: float | None
    to_s: float | None
    messages: int  # messages whose row names it
    backlog: OutageBacklog | None = None  # of an outage that ended, with the provider's rows


class Bottleneck(Struct, frozen=True, kw_only=True):
    """A bottleneck. ``text`` names it, ``evidence`` are sentences with numbers."""

    kind: BottleneckKind
    text: str
    evidence: tuple[str, ...]
    from_s: float
    to_s: float
    share_of_load: float  # of the load's 10-s windows in which it was seen


def on_the_way(found: Bottleneck) -> bool:
    """Whether it is a network that is slow or loses messages: it acts after the provider's acceptance.

    It keeps no message from being taken, and limits no rate.
    """
    return found.kind == "network" and not found.text.endswith(PROVIDER_ERRORS)


class Difference(Struct, frozen=True, kw_only=True):
    """A percentile of one group's times minus the same percentile of another's, with its 95 % interval.

    ``claimed``: the interval excludes zero. Only then the report states a difference.
    """

    percentile: float
    value_s: float | None  # None: unknown
    low_s: float  # -inf and inf: too few messages for an interval
    high_s: float
    claimed: bool


# The part of stage *provider* that the provider drew.
REPLY_AS_DRAWN = "reply as drawn"


class ComparedTail(Struct, frozen=True, kw_only=True):
    """The pairs whose delivery times differ most, from the 99 % figure of the class on."""

    pairs: int
    later: int  # slower in this part than in its counterpart
    split: int  # with every timestamp in both parts; only these are in the following figures
    size_s: float | None  # mean size of their differences; None: there are none
    # What each stage adds to that mean, in the direction in which the message differs.
    by_stage_s: tuple[tuple[str, float], ...]
    other_reply: int  # the provider drew another reply delay for them


class ComparedClass(Struct, frozen=True, kw_only=True):
    """Differences of delivery times of one class, this part minus its counterpart, message by message."""

    message_class: str
    pairs: int
    unpaired: int  # delivered in one of the two only
    median_s: float
    p99_abs_s: float
    mean_s: float
    p95_difference_s: float  # p95 of this part minus p95 of the counterpart
    p95_low_s: float  # 95 % interval of that difference, from the pairs
    p95_high_s: float
    p95_claimed: bool  # that interval excludes zero
    ours_p95_s: float | None  # of the pairs; None: fewer than a p95 needs
    theirs_p95_s: float | None
    by_stage_s: tuple[tuple[str, float], ...]  # mean difference of the pairs with every timestamp
    tail: ComparedTail


class Comparison(Struct, frozen=True, kw_only=True):
    """Two parts with the same messages. ``kind``: what differs between them."""

    part: str
    counterpart: str
    kind: Literal["live_vs_simulated", "priorities_vs_fifo", "what_if"]
    title: str
    classes: tuple[ComparedClass, ...]


class CampaignFigures(Struct, frozen=True, kw_only=True):
    name: str
    messages: int
    delivered: int
    per_s: float  # delivered, from its first arrival to its last delivery of 95 %
    p95: Quantile | None
    alone: Difference | None = None  # its p95 minus that of the campaign that ran alone in another part


class Fairness(Struct, frozen=True, kw_only=True):
    """Concurrent campaigns. ``jain`` is Jain's index of their rates relative to their sizes: 1 means equal.

    A single campaign has figures for comparison and no index. ``alone_part`` has one campaign alone, if the
    suite has such a part: each campaign is compared with it.
    """

    campaigns: tuple[CampaignFigures, ...]
    jain: float | None
    alone_part: str = ""


class ReportTotals(Struct, frozen=True, kw_only=True):
    """Sums over the deciding parts of one mode without bench failures."""

    mode: str
    parts: int
    planned: int
    accepted: int
    delivered: int
    failed_or_expired: int
    still_open: int
    lost: int
    duplicates: int
    with_other_keys: int = 0  # at the provider with keys that the load did not send: may be copies
    unaccounted: int
    still_held: int = 0  # of the unaccounted: may be in the sender, which was submitting until the run ended
    without_key: int = 0  # probably at the provider with a key that the load did not send
    given_up: int = 0  # refused by the provider, and not submitted again
    to_repeat: int = 0  # refused like these, but the run ended while a repeat could follow
    delivered_unacknowledged: int  # delivered, although the load did not read an acceptance
    unseen: int  # accepted in parts without provider rows, so that their outcome is unknown
    paid: float
    paid_for_duplicates: float
    paid_in_vain: float
    paid_per_delivered: float | None
    paid_per_delivered_low: float | None = None  # if all messages that were still open arrive
    currency: str  # "points" if the profile names none, or if the parts' currencies differ
