"""Common parts of scenarios: days and their peaks, bursts, campaigns, and parts in virtual time."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec
from msgspec import Struct

from loadtests.arrivals import DAY_S, Burst, DayCurve, Mix, Poisson, Stream, peak_window
from loadtests.scenario import Part, Scenario, ScenarioError

LEVELS = {"day-5k": 5_000, "day-50k": 50_000, "day-500k": 500_000}
# Ten times the highest level: 125 messages per second at its peak.
TEN_TIMES = ("day-5m", 5_000_000)

_OTPS_PER_S = 40.0
_USUAL_SPEEDUP = 288.0  # a day takes 5 minutes


class Adjustment(Struct, frozen=True):
    """A user's adjustments: factor on the rates, window of the day, duration (seconds of run time), factor on
    the level's messages.
    """

    speedup: float | None = None
    window: Literal["day", "peak"] | None = None
    duration_s: float | None = None
    scale: float | None = None


def day(name: str, messages_per_day: int, adjustment: Adjustment) -> Part:
    """The day of ``messages_per_day``, whole and at 288 times its rates unless adjusted.

    A slice of its peak runs at true speed unless ``speedup`` says otherwise. Raises ``ScenarioError``.
    """
    window = adjustment.window or ("peak" if adjustment.duration_s is not None else "day")
    usual = 1.0 if window == "peak" else _USUAL_SPEEDUP
    speedup = usual if adjustment.speedup is None else adjustment.speedup
    duration_s = 60.0 if adjustment.duration_s is None else adjustment.duration_s
    for option, number in (("--speedup", speedup), ("--duration", duration_s)):
        if not (math.isfinite(number) and number > 0):
            raise ScenarioError(f"{option} must be a number above 0, not {number:g}")
    if window == "day" and adjustment.duration_s is not None:
        raise ScenarioError(
            f"the whole day takes {DAY_S / speedup:g} s at --speedup {speedup:g}; to set the duration, "
            "use --window peak --duration S, or change --speedup"
        )
    if window == "peak":
        try:
            process = peak_window(messages_per_day, duration_s, speedup)
        except ValueError as error:
            raise ScenarioError(str(error)) from error
        title = f"the peak of a day of {messages_per_day:,}"
    else:
        process = DayCurve(messages_per_day, speedup=speedup)
        title = f"a day of {messages_per_day:,}"
    true_speed = speedup == 1.0
    return Part(
        slug=f"{name}-{f'{speedup:g}x' if not true_speed else 'peak' if window == 'peak' else 'whole'}",
        title=f"{title}, at true speed" if true_speed else f"{title}, at {speedup:g} times the rate",
        role="compressed_day" if not true_speed else "peak_slice" if window == "peak" else "whole_day",
        # At true speed the part shows whether delivery is fast enough: delays must be real. With a speedup it
        # shows how much more is sustained: the provider must not be the limit.
        profile="smsapi" if true_speed else "fast",
        streams=(Stream(process, campaign="newsletter"),),
        messages_per_day=messages_per_day,
        window=window,
        speedup=speedup,
    )


def whole_day(name: str, messages_per_day: int) -> Part:
    """The 24 hours of a day in virtual time. Every class has messages."""
    part = day(name, messages_per_day, Adjustment(speedup=1.0, window="day"))
    title = f"a day of {messages_per_day:,}, all 24 hours"
    return msgspec.structs.replace(part, slug=name, title=title, mode="simulated")


def simulated(part: Part, **changes: Any) -> Part:
    """The same part in virtual time, with the same streams, so that messages pair by key. It decides no
    verdict.
    """
    settings = {"slug": f"{part.slug}-simulated", "mode": "simulated", "decides": False, "counterpart": ""}
    return msgspec.structs.replace(part, **{**settings, **changes})


def peak(name: str, messages_per_day: int, duration_s: float, drain_timeout_s: float) -> Part:
    """The peak of a day at true speed."""
    part = day(name, messages_per_day, Adjustment(window="peak", duration_s=duration_s))
    return msgspec.structs.replace(part, drain_timeout_s=drain_timeout_s)


def with_faults(name: str, messages_per_day: int, profile: str, duration_s: float) -> Part:
    """The peak of a day in virtual time, with a provider that has faults. It tests the faults, not the
    day.
    """
    process = peak_window(messages_per_day, duration_s, 1.0)
    return Part(
        slug=name,
        title=f"{duration_s / 60:g} min of the peak of {messages_per_day:,} a day, with provider faults",
        role="plain",
        profile=profile,
        streams=(Stream(process, campaign="newsletter"),),
        mode="simulated",
    )


def burst(slug: str, count: int, over_s: float, lead_s: float, tail_s: float, drain_timeout_s: float) -> Part:
    """One-time passwords begin ``lead_s`` before the burst, for comparison: a p95 needs at least 72 of them.
    They continue for ``tail_s`` after it, to show their delay while its backlog drains.
    """
    return Part(
        slug=slug,
        title=f"{count:,} marketing messages in {over_s:g} s, one-time passwords at the same time",
        role="burst",
        profile="smsapi",
        streams=(
            Stream(Poisson(_OTPS_PER_S, lead_s + over_s + tail_s), mix=Mix(otp=1.0)),
            Stream(Burst(count, over_s), mix=Mix(marketing=1.0), campaign="burst", start_s=lead_s),
        ),
        drain_timeout_s=drain_timeout_s,
    )


def with_simulated(part: Part) -> tuple[Part, Part]:
    """A live part and the same messages in virtual time, compared message by message."""
    counterpart = simulated(part)
    return msgspec.structs.replace(part, counterpart=counterpart.slug), counterpart


def campaigns(one: Part, count: int) -> Part:
    """The messages of burst ``one`` as ``count`` campaigns of equal size, released at the same time."""
    otps, campaign = one.streams
    assert isinstance(campaign.process, Burst)
    each = Burst(campaign.process.count // count, campaign.process.over_s)
    several = [
        msgspec.structs.replace(campaign, process=each, campaign=f"campaign-{number}")
        for number in range(1, count + 1)
    ]
    return msgspec.structs.replace(
        one,
        slug=f"campaigns-{count}",
        title=f"{count} campaigns of {each.count:,} marketing messages at once, each in {each.over_s:g} s",
        role="campaigns",
        streams=(otps, *several),
        counterpart="",
        decides=True,
    )


def day_scenario(name: str, messages_per_day: int, adjustment: Adjustment | None = None) -> Scenario:
    """A day as a scenario that options can adjust. Raises ``ScenarioError`` for an invalid adjustment."""
    asked = adjustment or Adjustment()
    scale = 1.0 if asked.scale is None else asked.scale
    messages = round(messages_per_day * scale) if 0 < scale < math.inf else 0
    if messages < 1:
        raise ScenarioError(f"--scale {scale:g} leaves no message of the day's {messages_per_day:,}")
    return Scenario(
        name=name,
        title=f"a day of {messages:,} messages on the business day's curve",
        parts=(day(name, messages, asked),),
        messages_per_day=messages_per_day,
    )


def adjusted(scenario: Scenario, adjustment: Adjustment) -> Scenario:
    """The adjusted scenario. Raises ``ScenarioError`` if it has no day to adjust."""
    if adjustment == Adjustment():
        return scenario
    if scenario.messages_per_day is None:
        given = [
            option
            for option, value in (
                ("--speedup", adjustment.speedup),
                ("--window", adjustment.window),
                ("--duration", adjustment.duration_s),
                ("--scale", adjustment.scale),
            )
            if value is not None
        ]
        verb = "belongs" if len(given) == 1 else "belong"
        raise ScenarioError(
            f"{scenario.name} has a fixed length: {' and '.join(given)} {verb} to {', '.join(LEVELS)}"
        )
    return day_scenario(scenario.name, scenario.messages_per_day, adjustment)
