"""Arrival processes: they give the instant at which message i is due, before anything is sent.

A process is a value; ``instants_ns`` turns it into the intended instants of its arrivals, int64 nanoseconds
from the process's own zero, ascending, all in [0, ``duration_ns``). They are computed from the arrival's
index and not from the previous instant, so no rate drifts. The number of arrivals is not random: Poisson
arrivals are drawn *given* their count (a Poisson process with a known count is that many independent draws
from its rate, in order), so that a day of 500,000 messages has 500,000.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from loadtests.arrays import InstantsNs
from loadtests.arrivals.chance import uniforms

NS_PER_S = 1_000_000_000
DAY_S = 86_400
HOUR_S = 3_600

# Percent of a day's messages by hour 0-23: business traffic, peak hour 10 to 11 (docs/load.md).
HOURLY_WEIGHTS: tuple[float, ...] = (
    *(0.3, 0.2, 0.1, 0.1, 0.2, 0.4, 1.2, 3.0, 5.5, 7.5, 9.0, 8.6),
    *(7.4, 7.0, 6.8, 6.9, 7.6, 8.0, 7.2, 5.2, 3.4, 2.1, 1.3, 0.7),
)

Above0 = Annotated[float, Meta(gt=0)]
From0 = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


class Constant(Struct, frozen=True, tag="constant"):
    """Evenly spaced arrivals, the first at zero: one every 1/rate seconds."""

    rate_per_s: Above0
    duration_s: Above0


class Poisson(Struct, frozen=True, tag="poisson"):
    """Independent random arrivals at a steady rate; ``round(rate * duration)`` of them, at least one."""

    rate_per_s: Above0
    duration_s: Above0


class DayCurve(Struct, frozen=True, tag="day_curve"):
    """Random arrivals on a day's curve, or on a window of it, at ``speedup`` times the rates of the day.

    ``window_start_s`` and ``window_s`` are in the day's time; the run takes ``window_s / speedup`` seconds.
    """

    messages_per_day: Count
    window_start_s: From0 = 0.0
    window_s: Above0 = float(DAY_S)
    speedup: Above0 = 1.0
    hourly_weights: tuple[float, ...] = HOURLY_WEIGHTS


class Burst(Struct, frozen=True, tag="burst"):
    """``count`` messages released evenly over ``over_s`` seconds: a campaign."""

    count: Count
    over_s: From0


class RateStep(Struct, frozen=True):
    rate_per_s: From0
    duration_s: Above0


class Steps(Struct, frozen=True, tag="steps"):
    """Steps of steady rate one after another. The phase continues, so arrivals do not bunch."""

    steps: Annotated[tuple[RateStep, ...], Meta(min_length=1)]
    spacing: Literal["even", "poisson"] = "even"


Process = Constant | Poisson | DayCurve | Burst | Steps


def duration_ns(process: Process) -> int:
    """The duration of the process, nanoseconds of run time."""
    match process:
        case DayCurve():
            return max(1, round(process.window_s / process.speedup * NS_PER_S))
        case Burst():
            return max(1, _ns(process.over_s))
        case Steps():
            return sum(_ns(step.duration_s) for step in process.steps)
        case Constant() | Poisson():
            return _ns(process.duration_s)


def arrival_count(process: Process) -> int:
    """The number of arrivals of the process; it is not random."""
    match process:
        case Constant():
            return math.ceil(_exact(process.rate_per_s) * _exact(process.duration_s))
        case Poisson():
            return max(1, round(process.rate_per_s * process.duration_s))
        case Burst():
            return process.count
        case Steps():
            return math.ceil(
                sum(
                    (_exact(step.rate_per_s) * _exact(step.duration_s) for step in process.steps), Fraction(0)
                )
            )
        case DayCurve():
            return max(1, round(process.messages_per_day * _share_of_day(process)))


def mean_rate_per_s(process: Process) -> float:
    return arrival_count(process) * NS_PER_S / duration_ns(process)


def peak_rate_per_s(process: Process) -> float:
    """The highest nominal rate of the process, in run time."""
    match process:
        case DayCurve():
            edges, cumulative = _window_curve(process)
            rates = np.diff(cumulative) / np.diff(edges)
            return float(rates.max()) * process.messages_per_day * process.speedup
        case Steps():
            return max((step.rate_per_s for step in process.steps), default=0.0)
        case Constant() | Poisson():
            return process.rate_per_s
        case Burst():
            return process.count / process.over_s


def instants_ns(process: Process, seed: int) -> InstantsNs:
    """The intended instants, ascending. The seed moves random arrivals but does not change their number."""
    place: dict[type[Any], Callable[[Any, int], InstantsNs]] = {
        Constant: _constant,
        Poisson: _poisson,
        DayCurve: _day_curve,
        Burst: _burst,
        Steps: _steps,
    }
    return place[type(process)](process, seed)


def peak_window(messages_per_day: int, duration_s: float, speedup: float = 1.0) -> DayCurve:
    """The slice of the day around the middle of its busiest hour that lasts ``duration_s`` seconds.

    Raises ``ValueError`` if the slice is longer than the day.
    """
    window_s = duration_s * speedup
    if not 0 < window_s <= DAY_S:
        raise ValueError(
            f"a window of {duration_s:g} s at {speedup:g} times the day's speed covers {window_s:g} s of "
            f"the day; it must cover more than 0 and at most {DAY_S} s"
        )
    middle_s = (HOURLY_WEIGHTS.index(max(HOURLY_WEIGHTS)) + 0.5) * HOUR_S
    start_s = min(max(0.0, middle_s - window_s / 2), DAY_S - window_s)
    return DayCurve(messages_per_day, window_start_s=start_s, window_s=window_s, speedup=speedup)


def _exact(value: float) -> Fraction:
    # By its shortest decimal form: 0.1 means one tenth, not the nearest binary fraction.
    return Fraction(repr(float(value))).limit_denominator(1_000_000)


def _ns(seconds: float) -> int:
    return round(_exact(seconds) * NS_PER_S)


def _evenly(first_ns: Fraction, gap_ns: Fraction, count: int) -> InstantsNs:
    """floor(first + k * gap) for k below count, exact in 64 bits.

    The whole part of the gap is multiplied by k apart from its remainder: their product would not fit.
    """
    denominator = math.lcm(first_ns.denominator, gap_ns.denominator)
    whole_gap, gap_rest = divmod(int(gap_ns * denominator), denominator)
    whole_first, first_rest = divmod(int(first_ns * denominator), denominator)
    index = np.arange(count, dtype=np.int64)
    return whole_first + index * whole_gap + (first_rest + index * gap_rest) // denominator


def _constant(process: Constant, seed: int) -> InstantsNs:
    return _evenly(Fraction(0), NS_PER_S / _exact(process.rate_per_s), arrival_count(process))


def _burst(process: Burst, seed: int) -> InstantsNs:
    if process.count == 0:
        return np.empty(0, dtype=np.int64)
    return _evenly(Fraction(0), Fraction(duration_ns(process), process.count), process.count)


def _poisson(process: Poisson, seed: int) -> InstantsNs:
    return _scattered(duration_ns(process), arrival_count(process), seed)


def _scattered(span_ns: int, count: int, seed: int) -> InstantsNs:
    drawn = np.sort(uniforms(seed, count))
    return (drawn * span_ns).astype(np.int64)


def _steps(process: Steps, seed: int) -> InstantsNs:
    pieces: list[InstantsNs] = []
    start_ns, arrived = 0, Fraction(0)
    for ordinal, step in enumerate(process.steps):
        rate = _exact(step.rate_per_s)
        ends = arrived + rate * _exact(step.duration_s)
        first, after = math.ceil(arrived), math.ceil(ends)
        if after > first:
            if process.spacing == "poisson":
                piece = _scattered(_ns(step.duration_s), after - first, seed + ordinal)
            else:
                gap_ns = NS_PER_S / rate
                piece = _evenly((first - arrived) * gap_ns, gap_ns, after - first)
            pieces.append(start_ns + piece)
        start_ns += _ns(step.duration_s)
        arrived = ends
    return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)


def _window_curve(process: DayCurve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges in seconds of the day within the window, and the share of the day's messages before each."""
    hours = np.arange(len(process.hourly_weights) + 1) * (DAY_S / len(process.hourly_weights))
    before = np.concatenate([[0.0], np.cumsum(process.hourly_weights)])
    before /= before[-1]
    start_s, end_s = process.window_start_s, process.window_start_s + process.window_s
    inside = hours[(hours > start_s) & (hours < end_s)]
    edges = np.concatenate([[start_s], inside, [end_s]])
    return edges, np.interp(edges, hours, before)


def _share_of_day(process: DayCurve) -> float:
    _, cumulative = _window_curve(process)
    return float(cumulative[-1] - cumulative[0])


def _day_curve(process: DayCurve, seed: int) -> InstantsNs:
    edges, cumulative = _window_curve(process)
    drawn = np.sort(uniforms(seed, arrival_count(process)))
    share = cumulative[0] + drawn * (cumulative[-1] - cumulative[0])
    day_s = np.interp(share, cumulative, edges) - process.window_start_s
    instants = (day_s / process.speedup * NS_PER_S).astype(np.int64)
    latest = np.int64(duration_ns(process) - 1)
    clipped: InstantsNs = np.minimum(instants, latest)
    return clipped
