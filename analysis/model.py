"""What a report shows, as plain frozen values: the analysis fills them, the renderers only draw them.

Field names are the names in ``summary.json`` and carry their units. An infinite or absent number is ``null``
there; the ``state`` beside it says which. Times of a run are seconds after the load's start.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from analysis.capacity_record import CapacityResult
from analysis.findings import (
    Availability,
    Comparison,
    Culprit,
    DelaySplit,
    Difference,
    Fairness,
    Handsets,
    Hint,
    ReportTotals,
)
from analysis.objectives.grammar import Measure
from analysis.quantile import Quantile

State = Literal["good", "bad", "warn", "unknown", "untrusted"]
Verdict = Literal["met", "missed", "undecided"]
CheckState = Literal["ok", "warn", "invalid", "not_checked"]


class Curve(Struct, frozen=True):
    """A percentile curve with its band, as far up as the sample carries."""

    percentiles: tuple[float, ...]
    value_s: tuple[float, ...]
    low_s: tuple[float, ...]
    high_s: tuple[float, ...]


class Distribution(Struct, frozen=True, kw_only=True):
    """Times of one class, or of all (``message_class`` "all")."""

    message_class: str
    measure: str  # delivery_time, api_response, api_service
    count: int
    open_count: int  # known only as "at least its age"
    never_count: int  # will never arrive
    mean_s: float | None  # of the known ones
    min_s: float | None
    max_s: float | None
    lag_one_correlation: float  # of the ranks, in the order in which the messages were due
    effective_count: float  # of the known ones, as many as the intervals take for independent
    quantiles: tuple[Quantile, ...]
    curve: Curve


class Accounting(Struct, frozen=True, kw_only=True):
    """Every message, once. The three sums are checked by ``validity``."""

    planned: int
    rows: int
    sent: int
    dropped: int
    answered: int
    unfinished: int
    accepted: int
    refused: int
    failed_at_api: int
    delivered: int
    failed: int
    expired: int
    open: int
    lost: int
    duplicates: int
    delivered_unacknowledged: int  # delivered, though the load never read an acceptance
    resubmitted: int  # messages the provider saw more than once
    submits: int
    found: int  # accepted messages of which the provider has a row
    unknown_messages: int  # provider rows with a key that the load did not send
    repeated_keys: int
    unclaimed: int  # accepted, unknown to provider and sender: open where there are no sender rows
    unaccounted: int = 0  # accepted, never seen by the provider, and nobody answers for it (``fates``)


class Reasons(Struct, frozen=True):
    """Why messages were not delivered: who said so, in which words, how often."""

    source: str
    reason: str
    count: int


class StageTimes(Struct, frozen=True, kw_only=True):
    name: str
    count: int
    mean_s: float
    p50_s: float | None  # None: too few messages for its 95 % interval, as of every percentile
    p95_s: float | None
    p99_s: float | None


class StageBreakdown(Struct, frozen=True, kw_only=True):
    """Stages of the delivered messages with the same marks; the means add up to ``end_to_end``'s mean.

    A stage named ``a + b`` is both as one: the mark between them is missing.
    """

    message_class: str
    count: int
    stages: tuple[StageTimes, ...]
    end_to_end: StageTimes


class StageCoverage(Struct, frozen=True, kw_only=True):
    """Which of a class's delivered messages the stages speak of."""

    message_class: str
    delivered: int
    covered: int  # in ``stages``
    elsewhere: int  # in ``stages_merged``, with two stages or more as one
    left_out: int  # in neither: its first or last mark is missing
    unreachable: int = 0  # in neither: it waited for its phone


class Marks(Struct, frozen=True):
    """Messages whose marks are out of order, or that have a later mark without an earlier one."""

    checked: int
    wrong: int
    examples: tuple[str, ...]


class Pace(Struct, frozen=True):
    """A rate over ``window_s``, the best such window beginning at ``from_s``."""

    per_s: float
    window_s: float
    from_s: float


class Throughput(Struct, frozen=True, kw_only=True):
    offered_mean_per_s: float
    offered_peak: Pace | None
    accepted_best: Pace | None
    delivered_best: Pace | None
    limit: str  # "" where nothing showed that the limit was reached, else what did
    queue_wait_at_peak_s: float | None
    # Of the load, what had not reached a carrier in its second half: by how much the wait grew, per second.
    shortfall_share: float | None
    # What the contract lets through at most, in segments and in this part's messages; None: no such limit.
    contract_segments_per_s: float | None = None
    contract_per_s: float | None = None


class Series(Struct, frozen=True):
    """One line of a chart over time; ``None`` where there is nothing to show."""

    name: str
    at_s: tuple[float, ...]
    value: tuple[float | None, ...]


class Points(Struct, frozen=True):
    """Single messages: when each was due, and how long it took."""

    name: str
    at_s: tuple[float, ...]
    value_s: tuple[float, ...]


class Timeline(Struct, frozen=True, kw_only=True):
    bin_s: float
    load_end_s: float
    end_s: float
    rates: tuple[Series, ...]  # offered, accepted, delivered, per second
    latency_p50: tuple[Series, ...]  # a class each, seconds
    latency_p95: tuple[Series, ...]
    points: tuple[Points, ...]  # instead, where messages are few
    backlog: tuple[Series, ...]  # messages
    peak_unsubmitted: int
    peak_unsubmitted_at_s: float
    peak_undelivered: int
    peak_undelivered_at_s: float


class BurstResult(Struct, frozen=True, kw_only=True):
    """A burst of one class against the class that must not suffer."""

    message_class: str
    from_s: float
    to_s: float
    messages: int
    rate_per_s: float
    peak_unsubmitted: int
    peak_undelivered: int
    submitted_after_s: float | None  # from the burst's end until its last message was submitted
    delivered_after_s: float | None
    mostly_delivered_after_s: float | None  # until 95 % of its messages had arrived or failed
    still_open: int
    observed_after_s: float  # from the burst's end until observation ended
    guarded_class: str
    guarded_before: tuple[Quantile, ...]  # p50 and p95; empty where it had no message
    guarded_during: tuple[Quantile, ...]
    guarded_before_count: int
    guarded_during_count: int
    guarded_difference: Difference | None  # p95 during less p95 before; None where either has no message
    offered: Series  # the burst's own messages, per second
    delivered: Series


class Cost(Struct, frozen=True, kw_only=True):
    """In points, the provider's unit of charge. ``currency``: what a point is, "" where that is unknown."""

    points: float
    per_1000_delivered_points: float | None
    duplicates_points: float  # paid for the second and later copies
    undelivered_points: float  # paid for messages that did not arrive
    segments: int
    segments_per_message: float | None
    currency: str = ""


class Objective(Struct, frozen=True, kw_only=True):
    """One objective and what became of it. The verdict follows from ``low`` and ``high`` alone.

    These are the ends of the 95 % interval in the limit's unit (seconds, messages, a share of one, units of
    cost), both the same where all that counts was counted; None: no such end.
    """

    objective: str  # in the grammar of docs/objectives.md
    measure: Measure
    name: str  # in words
    message_class: str
    limit: str  # in words, as are ``measured`` and ``interval``
    measured: str
    interval: str  # "" where there is none, or both ends are the same
    verdict: Verdict
    why: str
    needs: str = ""  # of an undecided one: what would decide it, or that nothing would
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit_value: float = 0.0
    limit_s: float | None = None  # of a delivery time
    percentile: float | None = None
    quantile: Quantile | None = None
    count: int = 0  # messages that it is judged by
    decides: bool = True  # false: shown, but without a say in the verdict and the exit code
    reach: str = ""  # of a missed delivery time: out of any sender's reach here, or the limit to negotiate
    part: str = ""


class Check(Struct, frozen=True, kw_only=True):
    """One question about the run itself."""

    name: str
    state: CheckState
    value: str
    limit: str
    meaning: str
    advice: str
    value_number: float | None = None
    part: str = ""


class FaultBand(Struct, frozen=True, kw_only=True):
    """One fault of the provider. ``from_s`` None: only the journal names it; ``to_s`` None: it had no end."""

    name: str
    kind: str
    title: str
    from_s: float | None
    to_s: float | None
    messages: int  # whose row names it


class PartIdentity(Struct, frozen=True, kw_only=True):
    """What was run, on what, how."""

    name: str
    title: str
    role: str
    mode: str
    started: str
    ended: str
    exit_reason: str
    profile: str
    profile_limits: str  # "none", "unknown" or what the profile holds a sender to
    messages_per_day: int | None
    speedup: float
    provider_scale: float
    window: str
    load_s: float  # played
    planned_s: float  # the load's length had nothing stopped it; 0 where unknown
    drained_s: float
    target: dict[str, Any]
    seeds: dict[str, int]
    versions: dict[str, str]
    machine: dict[str, Any]
    parameters: dict[str, Any]
    decides: bool = True  # its objectives count for the verdict
    counterpart: str = ""  # slug of the part it is compared with, message by message
    what_if: str = ""  # what differs from the part's own rules, in words


class PartReport(Struct, frozen=True, kw_only=True):
    """One ordinary run directory."""

    slug: str
    identity: PartIdentity
    accounting: Accounting
    reasons: tuple[Reasons, ...]
    delivery: tuple[Distribution, ...]
    api: tuple[Distribution, ...]
    stages: tuple[StageBreakdown, ...]  # of the messages with every mark, if there are such
    stages_merged: tuple[tuple[StageBreakdown, ...], ...]  # of the others: a group each set of marks
    stage_coverage: tuple[StageCoverage, ...]
    marks: Marks
    throughput: Throughput
    timeline: Timeline
    burst: BurstResult | None
    cost: Cost
    objectives: tuple[Objective, ...]
    checks: tuple[Check, ...]
    validity: CheckState
    # A headroom probe asks how much more can be carried: a missed limit is an answer, not a failure.
    probe: bool
    equivalent_per_day: float | None  # messages a day that this load stands for
    faults: tuple[FaultBand, ...] = ()
    bench_failure: str = ""  # what of the bench failed and made the part invalid, in words
    delay_splits: tuple[DelaySplit, ...] = ()  # of each class
    hints: tuple[Hint, ...] = ()
    handsets: tuple[Handsets, ...] = ()  # of each class
    availability: Availability | None = None
    culprits: tuple[Culprit, ...] = ()  # in order of weight; empty: nothing gave way
    stable: bool | None = None  # the backlog did not grow; None: unknown
    # From the load's end until its last accepted message had been submitted; None: one waits, or unknown.
    backlog_gone_s: float | None = None
    fairness: Fairness | None = None  # where several campaigns ran at once


class Level(Struct, frozen=True, kw_only=True):
    """One level of the ladder, in messages a day."""

    messages_per_day: int
    fast_enough: Verdict
    fast_enough_part: str
    fast_enough_why: str
    profile: str
    highest_sustained_per_day: float | None
    highest_carried_part: str
    highest_tried_per_day: float | None
    ten_times: Literal["yes", "no", "undecided"]
    ten_times_why: str
    ten_times_part: str = ""  # the part that answers
    ten_times_backlog_gone_s: float | None = None  # of that part


class RunReport(Struct, frozen=True, kw_only=True):
    """All that is shown."""

    schema_version: int
    title: str
    kind: str
    simulated: bool
    faults_staged: bool  # the provider was made to fail in a part of it
    validity: CheckState
    verdict: Verdict
    allow_undecided: bool  # the exit code of an undecided run is 0
    interrupted: str  # after how much of the run the user ended it, in words; "" if it came to its end
    exit_code: int
    headline: str
    notes: tuple[str, ...]
    objectives: tuple[Objective, ...]
    checks: tuple[Check, ...]
    levels: tuple[Level, ...]
    parts: tuple[PartReport, ...]
    comparisons: tuple[Comparison, ...] = ()
    capacity: CapacityResult | None = None
    totals: tuple[ReportTotals, ...] = ()  # live parts, then simulated ones
