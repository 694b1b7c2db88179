"""Conclusions of the analysis as frozen values. The report shows them and computes none.

They are fields of ``model.PartReport`` and ``model.RunReport``. Times of a run are seconds after the load's
start.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from analysis.classes import GUARDED_CLASS
from analysis.fault_effects import RecordedEffect
from analysis.quantile import Quantile

POINTS = "points"  # the provider's unit of charge, if the profile names no currency
OTHER_PROGRAMS = "other programs"  # in the text of the machine, if they compete for its cores
OWN_PACING = "that are allowed: its own pacing"  # ends the text of a sender that is slow after a refusal
MOST_REASONS = 12  # in the table of why messages did not arrive
GREW = "the backlog grew and did not return to its level"  # why windows were not available
ACCEPT_QUEUE = "accept queue"  # in the evidence of waits there, and in the limit's text
# The texts of the network as a bottleneck. With the flag or on another route it may be faster.
THE_NETWORK, NETWORK_LOSES = "the network", "many messages fail on their way to the phone"
NETWORK_EXPIRES = "many messages expire before they arrive"
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
    "sender_repeats",
    "provider_fault",
    "provider_limit",
    "carrier_queue",
    "network",
    "generator",
    "mock",
    "machine",
    "unknown",
]


# By what the advice on bottlenecks of one kind differs.
BottleneckSign = Literal[
    "nothing_listens",  # of an API: no process listens at the address of the target
    "target_timeout",  # each request timed out after the ``timeout_s`` of the target
    "answers_nothing",  # no request was answered
    "silent",  # none for some time
    "answered_first",  # most messages were answered before the sender submitted them
    "connections_refused",  # messages failed because connections were refused
    "not_reached",  # of a sender that was absent for some time: its connections failed
    "scheduled",  # messages wait at the provider for a time that the sender set
    "paused",  # the sender forwarded nothing for some time, while messages waited in it
    "slow_after_refusal",  # of the sender's pacing
    "quota",  # of the sender's pacing: a number of messages in each period
    "rate_from_outside",  # of the sender's pacing: it could also be a fixed number of workers
    "held_by_an_ended_process",  # of messages that were not forwarded
    "forwarding_stopped",  # none was forwarded from some instant on, although the sender accepted messages
    "stopped_at_refusal",  # the same, and the provider had refused or not answered the last submit
    "waits_for_repeats",  # of messages that the provider refused for the time being
    "refused_permanently",  # of messages that were not repeated: a repeat meets the same refusal
    "accepted_before",  # the provider accepted this sender's messages until some time
    "refused_for_limits",  # of messages that were not repeated: most of them
    "retry_after",  # the provider's refusals say how long to wait
    "most_refused",  # most requests were refused for a limit
    "contract_obeyed",  # the evidence of the limit is only that the sender stays within it
    "limit_of_requests",
    "limit_of_segments",
    "limit_of_accept_queue",
    "limit_of_concurrency",
    "network_loses",  # messages
    "validity_passed",  # most messages that did not arrive expired before the network had delivered them
    "provider_errors",
    "all_without_flag",  # every class that is late would be faster with the provider's priority flag
    "otp_without_flag",
    "several_routes",  # of the sender
    "other_programs",  # use the machine's cores
    "busy_bench",  # load or mock provider compete for the machine's cores
]

# A limit of the contract.
LimitName = Literal["requests", "segments", "concurrency", "accept_queue", "carrier"]
# The sign of a bottleneck at this limit. A carrier's limit is a kind of its own.
LIMIT_SIGNS: dict[LimitName, BottleneckSign] = {
    "requests": "limit_of_requests",
    "segments": "limit_of_segments",
    "concurrency": "limit_of_concurrency",
    "accept_queue": "limit_of_accept_queue",
}

# What a missed delivery time says about sender and contract: the network alone takes longer than the limit;
# an ideal sender needs no other contract; the send order caused the wait; a limit to negotiate.
ReachKind = Literal["", "network_alone", "sufficient", "send_order", "negotiate"]
# Another send order would meet the limit.
BY_ORDER: tuple[ReachKind, ...] = ("sufficient", "send_order")


class Reach(Struct, frozen=True):
    """Who can meet a missed delivery time. ``text`` is one sentence; both are "" if nothing is known."""

    kind: ReachKind = ""
    text: str = ""


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
    ideal sender within the contract's limits; messages of one queue count as fewer, so their interval is that
    of another load. ``left_out`` messages were delivered and lack a timestamp, so
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
    ideal_of_run_s: tuple[float | None, ...] = ()  # for the messages of this run; None: too few of them
    without_flag: int = 0  # messages without the provider's priority flag, where the flag makes them faster
    routes: int = 1  # of the sender; a message has the network of the route that it took
    limit: str = ""  # the limits of the contract with the longest waits, as text; "" without waits
    limit_names: tuple[LimitName, ...] = ()  # of ``limit``


def lacks_flag(split: DelaySplit) -> bool:
    """Whether messages went without the priority flag that an ideal sender sets: it sets it only on OTPs."""
    return split.message_class == GUARDED_CLASS and split.without_flag > 0


NO_TURN = "no_turn"  # name of the hint that a class waited for the end of the load
NO_PRIORITY = "no_priority"  # name of the hint that OTPs wait in the sender as long as other messages
REPORTS_NOT_CONFIRMED = "reports_not_confirmed"  # name of the hint
SINGLE = "one_message_per_request"  # name of the hint
UCS2 = "ucs2_for_one_character"  # name of the hint
# Hints on what the contract's limits did.
ON_LIMITS = ("throttled", "queued_at_provider", SINGLE)


class Hint(Struct, frozen=True):
    """Something that the user can change, found in the journal. ``text``: sentences with numbers."""

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
    """Windows of 10 s in which the API accepted every message and the backlog did not grow without bound.

    Each of the ``windows`` is available, unavailable or unknown.
    """

    windows: int
    available: int
    unavailable: int
    window_s: float
    first_bad_at_s: float | None  # start of the first unavailable window, after the load's start
    why: str  # why windows were unavailable or unknown; "" if all were available
    only_grew: bool = False  # the growth of the backlog is the only reason
    unknown: int = 0  # windows of a load that is too short to distinguish growth from a hold
    load_needed_s: float = 0.0  # the shortest load that would decide it; 0 if no window is unknown


class OutageBacklog(Struct, frozen=True, kw_only=True):
    """The messages that waited in the sender after an outage of the provider, from the rows."""

    level: int  # the most in the 10 s before the outage
    gone_s: float | None  # from the outage's end until no more than that waited; None: that did not happen
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
    effect: RecordedEffect = "other"
    backlog: OutageBacklog | None = None  # of an outage that ended, with the provider's rows


class Bottleneck(Struct, frozen=True, kw_only=True):
    """A bottleneck. ``text`` names it, ``evidence`` are sentences with numbers.

    ``kind`` and ``signs`` decide the advice.
    """

    kind: BottleneckKind
    text: str
    evidence: tuple[str, ...]
    from_s: float
    to_s: float
    share_of_load: float  # of the load's 10-s windows in which it was seen
    signs: tuple[BottleneckSign, ...] = ()
    refusal: str = ""  # the provider's reason, with the sign ``refused_permanently``
    counts: str = ""  # the evidence with the counts of messages that were not taken; "" without it
    subject: str = ""  # the faults or carriers that the text names


def acts_after_acceptance(found: Bottleneck) -> bool:
    """Whether it is a network that is slow or loses messages: it acts after the provider's acceptance.

    It keeps no message from being taken, and limits no rate.
    """
    return found.kind == "network" and "provider_errors" not in found.signs


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
    part_p95_s: float | None  # of the pairs; None: fewer than a p95 needs
    counterpart_p95_s: float | None
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
    """One campaign of several at the same time: messages, rate, delivery time."""

    name: str
    messages: int
    delivered: int
    per_s: float  # delivered, from its first arrival to the instant at which 95 % are delivered
    p95: Quantile | None
    alone: Difference | None = None  # its p95 minus that of the campaign that ran alone in another part


class RepeatTimes(Struct, frozen=True, kw_only=True):
    """When the sender submitted messages again that the provider had accepted.

    ``late``: before the answer to the earlier submit. ``unanswered``: that submit never had one.
    """

    known: int  # copies whose instant is known
    late: int
    unanswered: int
    after_s: float | None  # of the late ones, median time since the earlier submit
    longest_s: float | None  # and the longest time that its answer took


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
    copies: int = 0  # further acceptances of the duplicates
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
    paid_for_other_keys: float = 0.0  # for ``with_other_keys``
    paid_for_undelivered: float
    paid_per_delivered: float | None
    # If all messages that were still open arrive, and those with other keys are no copies.
    paid_per_delivered_low: float | None = None
    currency: str  # "points" if the profile names none, or if the parts' currencies differ
