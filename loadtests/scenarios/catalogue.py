"""The scenarios that come with smsbench. Imports no Locust, so that listing them is quick."""

from __future__ import annotations

import math
import re
from difflib import get_close_matches

import msgspec

from loadtests.arrivals import Burst, Mix, Poisson, Stream
from loadtests.scenarios.scenario import (
    Adjustment,
    Capacity,
    Part,
    Scenario,
    ScenarioError,
    day,
    simulated,
    whole_day,
)

LEVELS = {"day-5k": 5_000, "day-50k": 50_000, "day-500k": 500_000}
# Ten times the highest level: 125 messages a second at its peak.
TEN_TIMES = ("day-5m", 5_000_000)

_OTPS_PER_S = 40.0
_VOLUME = re.compile(r"(?:day[-_ ]?)?([0-9]{1,12}(?:\.[0-9]{1,3})?)(k|m|)").fullmatch  # day-1m, day-20000, 6k
_CLOSE = 0.75  # one wrong letter of four; less alike names mean something else


def _burst_part(
    slug: str, count: int, over_s: float, lead_s: float, tail_s: float, drain_timeout_s: float
) -> Part:
    """OTPs ``lead_s`` before the burst, to compare with: at least the 72 that a p95 needs; and ``tail_s``
    after it, to see what they wait while its backlog drains.
    """
    return Part(
        slug=slug,
        title=f"{count:,} marketing messages in {over_s:g} s, one-time passwords underneath",
        role="burst",
        profile="smsapi",
        streams=(
            Stream(Poisson(_OTPS_PER_S, lead_s + over_s + tail_s), mix=Mix(otp=1.0)),
            Stream(Burst(count, over_s), mix=Mix(marketing=1.0), campaign="burst", start_s=lead_s),
        ),
        drain_timeout_s=drain_timeout_s,
    )


def _peak(name: str, messages_per_day: int, duration_s: float, drain_timeout_s: float) -> Part:
    """The peak of a day at true speed."""
    part = day(name, messages_per_day, Adjustment(window="peak", duration_s=duration_s))
    return msgspec.structs.replace(part, drain_timeout_s=drain_timeout_s)


def _ladder_parts() -> tuple[Part, ...]:
    """For each level: is it fast enough (its peak at true speed), and how much more would the sender carry
    (its whole day compressed, against a provider that is never the bottleneck)? Last ten times the highest.
    """
    parts: list[Part] = []
    for name, messages_per_day in LEVELS.items():
        parts.append(_peak(name, messages_per_day, 60.0, 90.0))
        parts.append(day(name, messages_per_day, Adjustment(speedup=288.0)))
    return (*parts, _peak(*TEN_TIMES, 60.0, 90.0))


def _beside(part: Part) -> tuple[Part, Part]:
    """A live part and the same messages in virtual time, each message compared with itself."""
    counterpart = simulated(part)
    return msgspec.structs.replace(part, counterpart=counterpart.slug), counterpart


def _bench_parts() -> tuple[Part, ...]:
    # 1,066 messages: about 160 one-time passwords, so that three of them may be slow by chance and the upper
    # end of a 95th percentile's interval still lies below its limit.
    peak, peak_simulated = _beside(_peak("day-500k", LEVELS["day-500k"], 85.0, 20.0))
    ten_times, ten_times_simulated = _beside(_peak(*TEN_TIMES, 24.0, 20.0))
    # More than the provider takes (500 segments a second), so that a backlog builds and drains.
    burst, burst_simulated = _beside(_burst_part("burst", 6_000, 10.0, 5.0, 8.0, 20.0))
    fifo = simulated(
        burst,
        slug="burst-fifo",
        counterpart=burst_simulated.slug,
        fifo=True,
    )
    return (
        *(whole_day(name, messages_per_day) for name, messages_per_day in LEVELS.items()),
        *(peak, peak_simulated),
        *(ten_times, ten_times_simulated),
        *(burst, burst_simulated, fifo),
        _campaigns(burst_simulated, 4),
    )


def _campaigns(burst: Part, count: int) -> Part:
    """The burst's messages as ``count`` campaigns of equal size that are released together, where the burst
    was: the one campaign beside them.
    """
    otps, campaign = burst.streams
    assert isinstance(campaign.process, Burst)
    each = Burst(campaign.process.count // count, campaign.process.over_s)
    several = [
        msgspec.structs.replace(campaign, process=each, campaign=f"campaign-{number}")
        for number in range(1, count + 1)
    ]
    return msgspec.structs.replace(
        burst,
        slug=f"campaigns-{count}",
        title=f"{count} campaigns of {each.count:,} marketing messages at once, each in {each.over_s:g} s",
        role="campaigns",
        streams=(otps, *several),
        counterpart="",
        decides=True,
    )


SMOKE = Scenario(
    name="smoke",
    locustfile="smoke",
    title="20 seconds of all classes at 20 a second: does everything work?",
    parts=(
        Part(
            slug="smoke",
            title="20 seconds of all classes",
            role="plain",
            profile="fast",
            streams=(Stream(Poisson(20.0, 20.0), mix=Mix(1.0, 1.0, 1.0), campaign="smoke"),),
            drain_timeout_s=20.0,
        ),
    ),
)

BURST = Scenario(
    name="burst",
    locustfile="burst",
    title="20,000 marketing messages in 60 seconds with one-time passwords underneath",
    parts=(_burst_part("burst", 20_000, 60.0, 15.0, 15.0, 300.0),),
)

LADDER = Scenario(
    name="ladder",
    locustfile="ladder",
    title="5k, 50k, 500k a day: each its peak at true speed and its whole day in 5 minutes; 5 million's peak",
    parts=_ladder_parts(),
)

BENCH = Scenario(
    name="bench",
    locustfile="bench",
    title="days of 5k to 500k, 500k and 5 million a day at their peak, a burst, campaigns, capacity",
    parts=_bench_parts(),
    # Coarse, and few trials: what this machine carries is an order of magnitude above what a day asks for.
    capacity=Capacity(
        profile="fast", from_per_s=1_000.0, precision=0.25, most_trials=4, trial_s=8.0, takes_s=60.0
    ),
)


def day_scenario(name: str, adjustment: Adjustment) -> Scenario:
    """A day of one level, or of ``scale`` times its messages. Raises ``ScenarioError`` where the adjustment
    makes no sense.
    """
    scale = 1.0 if adjustment.scale is None else adjustment.scale
    messages = round(LEVELS[name] * scale) if 0 < scale < math.inf else 0
    if messages < 1:
        raise ScenarioError(f"--scale {scale:g} leaves no message of the day's {LEVELS[name]:,}")
    part = day(name, messages, adjustment)
    return Scenario(
        name=name,
        locustfile=name.replace("-", "_"),
        title=f"a day of {messages:,} messages on the business day's curve",
        parts=(part,),
    )


# What `smsbench run bench` takes with starts, drains and the report; README.md and Makefile say the same.
BENCH_TAKES = "about 5 minutes"
_FIXED = {item.name: item for item in (SMOKE, BURST, LADDER, BENCH)}


def names() -> tuple[str, ...]:
    return (*LEVELS, *_FIXED)


def _meant(name: str) -> str:
    """A suggestion for an unknown name: the nearest day by its number of messages, others by spelling."""
    volume = _VOLUME(name.lower())
    if volume is not None:
        messages = float(volume[1]) * {"": 1, "k": 1e3, "m": 1e6}[volume[2]]
        nearest = min(LEVELS, key=lambda level: abs(math.log(max(messages, 1) / LEVELS[level])))
        return f"of the days {nearest} is the nearest; "
    close = get_close_matches(name.lower(), names(), n=1, cutoff=_CLOSE)
    return f"did you mean {close[0]}? " if close else ""


def scenario(name: str, adjustment: Adjustment | None = None) -> Scenario:
    """Raises ``ScenarioError`` that lists the scenarios there are, or says what cannot be adjusted."""
    if name in LEVELS:
        return day_scenario(name, adjustment or Adjustment())
    if name not in _FIXED:
        raise ScenarioError(f"there is no scenario {name!r}; {_meant(name)}there are: {', '.join(names())}")
    if adjustment is not None and adjustment != Adjustment():
        raise ScenarioError(
            f"{name} has a fixed length: --speedup, --window, --duration and --scale belong to "
            f"{', '.join(LEVELS)}"
        )
    return _FIXED[name]
