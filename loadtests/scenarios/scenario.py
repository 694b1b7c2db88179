"""What a scenario is: parts to run, each a flow of arrivals against a provider profile. Values only."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec
from msgspec import Struct

from loadtests.arrivals import DAY_S, NS_PER_S, DayCurve, Plan, Stream, duration_ns, peak_window

Role = Literal["plain", "whole_day", "peak_slice", "compressed_day", "burst", "campaigns"]
Window = Literal["day", "peak", "none"]
Mode = Literal["live", "simulated"]


class ScenarioError(ValueError):
    """A scenario that does not exist, or cannot be run as asked; the text says what to do instead."""


class Part(Struct, frozen=True, kw_only=True):
    """One run: its arrivals, and the provider profile it is meant for.

    A ``live`` part runs on real sockets, a ``simulated`` one in virtual time. ``counterpart`` is the slug of
    the part of the same scenario that this one is compared with, message by message; both must have the same
    streams. With ``fifo`` the sender has no priorities (simulated parts only): what are they worth?
    ``decides`` is false for a part whose objectives fail nothing.
    """

    slug: str
    title: str
    role: Role
    profile: str
    streams: tuple[Stream, ...]
    messages_per_day: int | None = None
    window: Window = "none"
    speedup: float = 1.0
    drain_timeout_s: float = 60.0
    in_flight_limit: int | None = None  # None: worked out from the arrivals and the target's timeout
    mode: Mode = "live"
    counterpart: str = ""
    fifo: bool = False
    decides: bool = True

    @property
    def duration_s(self) -> float:
        return max(stream.start_s + duration_ns(stream.process) / NS_PER_S for stream in self.streams)

    def place(self, number: int) -> str:
        """Its directory in a suite, which is also its slug in the report."""
        return f"{number:02d}-{self.slug}"

    def plan(self, seed: int, key_tag: str) -> Plan:
        """For a load that waits for answers, size its ``in_flight_limit`` too (``sized_for``)."""
        plan = Plan(streams=self.streams, seed=seed, key_tag=key_tag)
        if self.in_flight_limit is None:
            return plan
        return msgspec.structs.replace(plan, in_flight_limit=self.in_flight_limit)


class Capacity(Struct, frozen=True, kw_only=True):
    """A search for the highest rate that this machine's sender carries, at the end of a suite.

    ``precision``: it ends when the bracket is narrower than this share of its lower end.
    """

    profile: str
    from_per_s: float
    precision: float
    most_trials: int
    trial_s: float  # load of a trial, seconds
    takes_s: float  # seconds for all of it: no trial begins that would take longer


class Scenario(Struct, frozen=True, kw_only=True):
    """``locustfile`` is its module in this package. A scenario of several parts is a suite."""

    name: str
    locustfile: str
    title: str
    parts: tuple[Part, ...]
    capacity: Capacity | None = None

    def __post_init__(self) -> None:
        """Raises ``ScenarioError`` where a part's counterpart is none of the parts, or another flow."""
        by_slug = {part.slug: part for part in self.parts}
        if len(by_slug) < len(self.parts):
            raise ScenarioError(f"{self.name}: two parts have the same slug")
        for part in self.parts:
            other = by_slug.get(part.counterpart, part)
            if part.counterpart and (other is part or other.streams != part.streams):
                raise ScenarioError(
                    f"{self.name}: {part.slug} cannot be compared with {part.counterpart!r}: its counterpart "
                    "must be another part with the same streams"
                )

    @property
    def is_suite(self) -> bool:
        return len(self.parts) > 1

    def in_virtual_time(self) -> Scenario:
        """All parts simulated. A simulated part that only stands beside a live one would be the same run to
        the nanosecond: it is left out, and what was compared with it is compared with the other.
        """
        live = [part for part in self.parts if part.mode == "live" and part.counterpart]
        beside = {part.counterpart: part.slug for part in live}
        parts = tuple(
            msgspec.structs.replace(
                part,
                mode="simulated",
                counterpart="" if part.mode == "live" else beside.get(part.counterpart, part.counterpart),
            )
            for part in self.parts
            if part.slug not in beside
        )
        return msgspec.structs.replace(self, parts=parts, capacity=None)

    def streams(self) -> tuple[Stream, ...]:
        """The live parts one after another, for a Locust run against one target."""
        laid: list[Stream] = []
        start_s = 0.0
        for part in (each for each in self.parts if each.mode == "live"):
            laid += [msgspec.structs.replace(item, start_s=start_s + item.start_s) for item in part.streams]
            start_s += part.duration_s
        return tuple(laid)


class Adjustment(Struct, frozen=True):
    """What a user asked to be different: how dense, which window of the day, how long (seconds of run
    time), how many times the level's messages.
    """

    speedup: float | None = None
    window: Literal["day", "peak"] | None = None
    duration_s: float | None = None
    scale: float | None = None


def day(name: str, messages_per_day: int, adjustment: Adjustment) -> Part:
    """The day of ``messages_per_day``, whole and compressed 288 times unless adjusted.

    A slice of its peak plays at true speed unless compressed. Raises ``ScenarioError``.
    """
    window = adjustment.window or ("peak" if adjustment.duration_s is not None else "day")
    usual = 1.0 if window == "peak" else 288.0
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
        slug=f"{name}-{'compressed' if not true_speed else 'peak' if window == 'peak' else 'whole'}",
        title=f"{title}, at true speed" if true_speed else f"{title}, {speedup:g} times as dense",
        role="compressed_day" if not true_speed else "peak_slice" if window == "peak" else "whole_day",
        # At true speed the question is whether it is fast enough: delays must be real ones. Compressed it is
        # how much more is carried: the provider must not be what ends it.
        profile="smsapi" if true_speed else "fast",
        streams=(Stream(process, campaign="newsletter"),),
        messages_per_day=messages_per_day,
        window=window,
        speedup=speedup,
    )


def whole_day(name: str, messages_per_day: int) -> Part:
    """The 24 hours of a day, lived in virtual time: every class has its messages."""
    part = day(name, messages_per_day, Adjustment(speedup=1.0, window="day"))
    title = f"a day of {messages_per_day:,}, all 24 hours"
    return msgspec.structs.replace(part, slug=name, title=title, mode="simulated")


def simulated(part: Part, **changes: Any) -> Part:
    """The same part in virtual time: same streams, so that messages pair by key. It decides nothing."""
    settings = {"slug": f"{part.slug}-simulated", "mode": "simulated", "decides": False, "counterpart": ""}
    return msgspec.structs.replace(part, **{**settings, **changes})
