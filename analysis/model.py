"""The content of a report as frozen values. The analysis fills them, the renderers only draw them.

Field names are the names in ``summary.json`` and include the units. An infinite or absent number is ``null``
there; the neighbouring ``state`` says which. Times of a run are seconds after the load's start.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from analysis.capacity_record import CapacityResult
from analysis.findings import (
    Availability,
    Bottleneck,
    Comparison,
    DelaySplit,
    Difference,
    Fairness,
    FaultBand,
    Handsets,
    Hint,
    ReachKind,
    RepeatTimes,
    ReportTotals,
)
from analysis.objectives.grammar import Measure
from analysis.quantile import Curve, Quantile
from analysis.stage_times import StageBreakdown, StageCoverage, TimestampOrder

AnswerState = Literal["good", "bad", "warn", "unknown", "untrusted"]
Verdict = Literal["met", "missed", "undecided"]
CheckState = Literal["ok", "warn", "invalid", "not_checked"]


class Distribution(Struct, frozen=True, kw_only=True):
    """Times of one class, or of all (``message_class`` "all")."""

    message_class: str
    measure: str  # delivery_time, api_response, api_service
    count: int
    open_count: int  # only their age is known
    never_count: int  # will never arrive
    mean_s: float | None  # of the known ones
    min_s: float | None
    max_s: float | None
    lag_one_correlation: float  # correlation of the ranks, in the order in which the messages were due
    effective_count: float  # number of independent messages that the intervals are based on
    quantiles: tuple[Quantile, ...]
    curve: Curve


class Accounting(Struct, frozen=True, kw_only=True):
    """Every message, counted once. A validity check tests the three sums."""

    planned: int  # arrivals of the schedule, by its own count
    rows: int  # rows of the load
    sent: int
    dropped: int
    answered: int  # reply read, or connection failed
    unfinished: int  # no reply when the load stopped
    accepted: int
    refused: int
    failed_at_api: int
    delivered: int
    failed: int
    expired: int
    open: int
    lost: int
    duplicates: int
    copies: int = 0  # acceptances of the duplicates after their first one
    delivered_unacknowledged: int  # delivered, although the load did not read an acceptance
    resubmitted: int  # messages that were submitted more than once
    submits: int
    found: int  # accepted messages of which the provider has a row
    unknown_messages: int  # at the provider with a key that the load did not send, also refused ones
    unknown_refused: int = 0  # of these, not accepted by the provider
    repeated_keys: int  # rows of the load with a key that an earlier row has
    unknown_to_both: int  # accepted, unknown to provider and sender; open if there are no sender rows
    unaccounted: int = 0  # accepted, never seen by the provider, not held by the sender (measure.outcomes)
    still_held: int = 0  # of these, may be in the sender: it was submitting until the run ended
    without_key: int = 0  # probably at the provider with a key that the load did not send
    given_up: int = 0  # accepted, refused by the provider, and not submitted again
    given_up_for_a_limit: int = 0  # of these, refused for a limit of the contract
    given_up_permanently: int = 0  # of these, refused for a reason that a repeat would meet again
    to_repeat: int = 0  # refused like these, but the run ended while a repeat could follow
    refused_recipients: int = 0  # the provider had refused the phone number: they do not count as not taken
    # Of the dropped ones, and not counted as not taken:
    dropped_by_bench: int = 0  # the bench was late
    dropped_at_machine_limit: int = 0  # no room for more requests: the sender may have taken them

    @property
    def not_taken(self) -> int:
        """Messages that the sender did not take, without those that had no answer when the load stopped."""
        return self.refused - self.refused_recipients + self.failed_at_api + self.dropped_at_limit

    @property
    def dropped_at_limit(self) -> int:
        """Arrivals that were not sent because unanswered requests reached the in-flight limit."""
        return self.dropped - self.dropped_by_bench - self.dropped_at_machine_limit


class Reasons(Struct, frozen=True):
    """Why messages did not arrive: source, reason, count, and how many of them the sender accepted."""

    source: str
    reason: str
    count: int
    accepted: int


class BestRate(Struct, frozen=True):
    """A rate over ``window_s``, the best such window beginning at ``from_s``."""

    per_s: float
    window_s: float
    from_s: float


class Throughput(Struct, frozen=True, kw_only=True):
    """Rates of a part in messages per second, and the limit that they reached. None: not measured."""

    offered_mean_per_s: float
    offered_peak: BestRate | None
    accepted_best: BestRate | None
    delivered_best: BestRate | None
    limit: str  # how the limit was reached, as text; "" if it was not
    queue_wait_at_peak_s: float | None
    # Growth of the wait for a carrier in the second half of the load, seconds per second.
    shortfall_share: float | None
    # The contract's limit in segments and in this part's messages; None: no such limit, or another one allows
    # less and the load is below this one.
    contract_segments_per_s: float | None = None
    contract_per_s: float | None = None
    # What the contract allows with full requests, and whether the load is above it.
    contract_most_per_s: float | None = None
    above_contract: bool = False
    # Messages were refused or failed while the sender continued to accept others at ``accepted_best``.
    accepts_at_most: bool = False


class Series(Struct, frozen=True):
    """One line of a chart over time; ``None`` is a gap."""

    name: str
    at_s: tuple[float, ...]
    value: tuple[float | None, ...]


class Points(Struct, frozen=True):
    """Single messages: intended start and delivery time of each."""

    name: str
    at_s: tuple[float, ...]
    value_s: tuple[float, ...]


class Timeline(Struct, frozen=True, kw_only=True):
    """The data of the charts over time: one value per bin of ``bin_s``. Times are from the load's start."""

    bin_s: float
    load_end_s: float
    end_s: float
    rates: tuple[Series, ...]  # offered, accepted, delivered, per second
    latency_p50: tuple[Series, ...]  # one line per class, seconds
    latency_p95: tuple[Series, ...]
    points: tuple[Points, ...]  # instead of lines if there are few messages
    backlog: tuple[Series, ...]  # messages
    peak_unsubmitted: int
    peak_unsubmitted_at_s: float
    peak_undelivered: int
    peak_undelivered_at_s: float


class BurstResult(Struct, frozen=True, kw_only=True):
    """A burst of one class, and its effect on the guarded class. Counts are messages.

    ``from_s`` and ``to_s`` are seconds after the load's start, ``*_after_s`` seconds after ``to_s``; None: it
    did not happen.
    """

    message_class: str
    from_s: float
    to_s: float
    messages: int
    rate_per_s: float
    accepted: int  # the figures down to still_open are of these
    peak_unsubmitted: int
    peak_undelivered: int
    submitted_after_s: float | None  # from the burst's end until its last message was submitted
    delivered_after_s: float | None
    mostly_delivered_after_s: float | None  # until 95 % of its messages had arrived or failed
    still_open: int
    observed_after_s: float  # from the burst's end until observation ended
    guarded_class: str
    guarded_before: tuple[Quantile, ...]  # p50 and p95; empty without messages
    guarded_during: tuple[Quantile, ...]
    guarded_before_count: int
    guarded_during_count: int
    guarded_difference: Difference | None  # during minus before, at the highest percentile with both values
    offered: Series  # the burst's own messages, per second
    delivered: Series


class Cost(Struct, frozen=True, kw_only=True):
    """In points, the provider's unit of charge. ``currency``: the currency of a point, "" if unknown."""

    points: float
    per_1000_delivered_points: float | None
    duplicates_points: float  # paid for duplicates
    other_keys_points: float = 0.0  # for messages with keys that the load did not send: may be copies
    undelivered_points: float  # paid for messages that failed or expired; open ones are not counted
    segments: int  # without those of duplicates
    duplicates_segments: int = 0
    segments_per_message: float | None
    currency: str = ""


class Objective(Struct, frozen=True, kw_only=True):
    """One objective with its verdict, which depends on ``low`` and ``high`` alone.

    These are the ends of the 95 % interval in the limit's unit (seconds, messages, a share of one, units of
    cost). Both are equal if everything was counted. None: no such end.
    """

    objective: str  # in the grammar of docs/objectives.md
    measure: Measure
    name: str  # as text
    message_class: str
    limit: str  # as text, like ``measured`` and ``interval``
    measured: str
    interval: str  # "" without an interval, or if both ends are equal
    verdict: Verdict
    why: str
    needs: str = ""  # what would decide an undecided objective, or that nothing would
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit_value: float = 0.0
    limit_s: float | None = None  # of a delivery time
    percentile: float | None = None
    quantile: Quantile | None = None
    count: int = 0  # messages that the verdict is based on
    decides: bool = True  # false: shown, but without effect on verdict and exit code
    reach: str = ""  # for a missed delivery time: no sender can meet it, or the limit to negotiate
    reach_kind: ReachKind = ""
    part: str = ""


class Check(Struct, frozen=True, kw_only=True):
    """One validity check and its finding."""

    name: str
    state: CheckState
    value: str
    limit: str
    meaning: str
    advice: str
    value_number: float | None = None
    part: str = ""


class PartIdentity(Struct, frozen=True, kw_only=True):
    """Scenario, target, profile and settings of a run."""

    name: str
    title: str
    role: str
    mode: str
    started: str
    ended: str
    exit_reason: str
    profile: str
    profile_limits: str  # "none", "unknown" or the limits of the profile
    messages_per_day: int | None
    speedup: float
    provider_scale: float
    window: str
    load_s: float  # duration of the load as run
    planned_s: float  # planned length of the load; 0 if unknown
    drained_s: float
    target: dict[str, Any]
    seeds: dict[str, int]
    versions: dict[str, str]
    machine: dict[str, Any]
    parameters: dict[str, Any]
    decides: bool = True  # its objectives count for the verdict
    counterpart: str = ""  # slug of the part it is compared with, message by message
    what_if: str = ""  # the difference from the part's own rules, as text


class PartReport(Struct, frozen=True, kw_only=True):
    """One ordinary run directory."""

    slug: str
    identity: PartIdentity
    accounting: Accounting
    reasons: tuple[Reasons, ...]
    delivery: tuple[Distribution, ...]
    api: tuple[Distribution, ...]
    stages: tuple[StageBreakdown, ...]  # messages with every timestamp, if there are any
    stages_merged: tuple[tuple[StageBreakdown, ...], ...]  # the others: one group per set of timestamps
    stage_coverage: tuple[StageCoverage, ...]
    timestamp_order: TimestampOrder
    throughput: Throughput
    timeline: Timeline
    burst: BurstResult | None
    cost: Cost
    objectives: tuple[Objective, ...]
    checks: tuple[Check, ...]
    validity: CheckState
    # False for a headroom probe, a counterpart and a what-if: a missed limit fails nothing. If it is false
    # for each part of a run, all parts decide (``judge.verdict.deciding_parts``).
    decides_verdict: bool
    equivalent_per_day: float | None  # messages a day
    faults: tuple[FaultBand, ...] = ()
    bench_failure: str = ""  # the failure of the bench that made the part invalid, as text
    delay_splits: tuple[DelaySplit, ...] = ()  # of each class
    hints: tuple[Hint, ...] = ()
    repeat_times: RepeatTimes | None = None  # of duplicates
    without_key_evidence: str = ""  # classes and length of the messages without their key, if known
    handsets: tuple[Handsets, ...] = ()  # of each class
    availability: Availability | None = None
    bottlenecks: tuple[Bottleneck, ...] = ()  # in order of weight; empty: no bottleneck
    backlog_grew: bool | None = None  # None: unknown
    sustained: bool | None = None  # the backlog did not grow; messages taken, none lost; None: unknown
    # From the load's end to the last submit of an accepted message; None: one still waits, or unknown.
    backlog_gone_s: float | None = None
    fairness: Fairness | None = None  # for concurrent campaigns


class Level(Struct, frozen=True, kw_only=True):
    """One level of the ladder, in messages a day."""

    messages_per_day: int
    fast_enough: Verdict
    fast_enough_part: str
    fast_enough_why: str
    profile: str
    highest_sustained_per_day: float | None
    highest_sustained_part: str
    highest_tried_per_day: float | None
    ten_times: Literal["yes", "no", "undecided"]
    ten_times_why: str
    ten_times_part: str = ""  # the part that answers
    ten_times_backlog_gone_s: float | None = None  # of that part


class RunReport(Struct, frozen=True, kw_only=True):
    """The whole content of a report."""

    schema_version: int
    title: str
    kind: str
    simulated: bool
    faults_injected: bool  # a part has injected faults of the provider
    validity: CheckState
    verdict: Verdict
    allow_undecided: bool  # the exit code of an undecided run is 0
    interrupted: str  # when the user ended the run, as text; "" for a complete run
    exit_code: int
    headline: str
    notes: tuple[str, ...]
    objectives: tuple[Objective, ...]
    checks: tuple[Check, ...]
    levels: tuple[Level, ...]
    parts: tuple[PartReport, ...]
    comparisons: tuple[Comparison, ...] = ()
    capacity: CapacityResult | None = None
    no_rate: Verdict | None = None  # of a search alone that found no sustained rate: missed or undecided
    totals: tuple[ReportTotals, ...] = ()  # live parts, then simulated ones
    seeds: dict[str, int] = {}  # of the whole run; the trials of a capacity search have seeds derived from it
