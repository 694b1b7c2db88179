"""The stages of delivered messages, as frozen values of the report."""

from __future__ import annotations

from msgspec import Struct


class StageTimes(Struct, frozen=True, kw_only=True):
    name: str
    count: int
    mean_s: float
    p50_s: float | None  # None: too few messages for its 95 % interval; the same for every percentile
    p95_s: float | None
    p99_s: float | None


class StageBreakdown(Struct, frozen=True, kw_only=True):
    """Stages of the delivered messages with the same timestamps; the means add up to ``end_to_end``'s mean.

    ``a + b`` is two stages as one, since the timestamp between them is missing.
    """

    message_class: str
    count: int
    stages: tuple[StageTimes, ...]
    end_to_end: StageTimes


class StageCoverage(Struct, frozen=True, kw_only=True):
    """How many of a class's delivered messages the stages cover."""

    message_class: str
    delivered: int
    covered: int  # in ``stages``
    elsewhere: int  # in ``stages_merged``, with two stages or more as one
    left_out: int  # in neither: its first or last timestamp is missing
    unreachable: int = 0  # in neither: it waited for its phone


class TimestampOrder(Struct, frozen=True):
    """Messages whose timestamps are out of order, or that lack an earlier timestamp."""

    checked: int
    wrong: int
    examples: tuple[str, ...]
