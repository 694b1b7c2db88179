"""A scenario: parts to run, each a flow of arrivals against a provider profile. Values only.

``loadtests/scenarios/`` has one file for each scenario; ``loadtests/parts.py`` builds common parts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from loadtests.arrivals import NS_PER_S, Plan, Stream, duration_ns
from loadtests.scenario_errors import error_text

Role = Literal["plain", "whole_day", "peak_slice", "compressed_day", "burst", "campaigns"]
DayWindow = Literal["day", "peak", "none"]
Mode = Literal["live", "simulated"]
# A directory has this name, and files of the report begin with it.
Slug = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class ScenarioError(ValueError):
    """A scenario that does not exist, or cannot be run as requested. The text says what to do instead."""


class Part(Struct, frozen=True, kw_only=True):
    """One run: its arrivals and its provider profile.

    A ``live`` part runs on real sockets, a ``simulated`` one in virtual time. ``counterpart`` is the slug of
    the part of the same scenario that this one is compared with, message by message; both must have the same
    streams. With ``fifo`` the sender has no priorities (simulated parts only).
    With ``second_profile`` the sender has a second route of equal weight, to a provider of that profile
    (simulated parts only). ``decides`` is false for a part whose objectives do not affect the exit code.
    """

    slug: Slug
    title: str
    role: Role
    profile: str
    streams: Annotated[tuple[Stream, ...], Meta(min_length=1)]
    messages_per_day: int | None = None
    window: DayWindow = "none"
    speedup: float = 1.0
    drain_timeout_s: float = 60.0
    in_flight_limit: int | None = None  # None: calculated from the arrivals and the target's timeout
    mode: Mode = "live"
    counterpart: str = ""
    fifo: bool = False
    decides: bool = True
    second_profile: str = ""

    @property
    def duration_s(self) -> float:
        """From the load's start to the end of the last stream, in seconds of the run."""
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
    """A search for the highest rate that this machine's sender sustains, at the end of a suite.

    ``precision``: it ends when the interval is narrower than this share of its lower end.
    """

    profile: str
    from_per_s: float
    to_per_s: float  # no higher rate is tried
    precision: float
    most_trials: int
    trial_s: float  # load of a trial, seconds
    takes_s: float  # time limit of the search: a trial that would exceed it does not begin


class Scenario(Struct, frozen=True, kw_only=True):
    """A scenario of several parts is a suite.

    ``messages_per_day`` is set for a day that options can adjust (``loadtests.parts.adjusted``). ``takes``
    is the total duration of a suite, as text for ``smsbench list``.
    """

    name: Slug
    title: str
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)]
    capacity: Capacity | None = None
    messages_per_day: int | None = None
    takes: str = ""

    def __post_init__(self) -> None:
        """Raises ``ScenarioError`` if a part's counterpart is not one of the parts, or has other streams, and
        for a live part with a second route.
        """
        by_slug = {part.slug: part for part in self.parts}
        if len(by_slug) < len(self.parts):
            raise ScenarioError(f"{self.name}: two parts have the same slug")
        for part in self.parts:
            if part.second_profile and part.mode != "simulated":
                raise ScenarioError(
                    f"{self.name}: {part.slug} has a second_profile, so its mode must be simulated"
                )
            other = by_slug.get(part.counterpart, part)
            if part.counterpart and (other is part or other.streams != part.streams):
                raise ScenarioError(
                    f"{self.name}: {part.slug} cannot be compared with {part.counterpart!r}: its counterpart "
                    "must be another part with the same streams"
                )

    def check(self) -> None:
        """Raises ``ScenarioError`` for a value that no run can have. Constructors do not check types."""
        try:
            msgspec.json.decode(msgspec.json.encode(self), type=Scenario)
        except (msgspec.ValidationError, TypeError) as error:
            raise ScenarioError(error_text(self, error)) from None
        for part in self.parts:
            if not all(any(msgspec.structs.astuple(stream.mix)) for stream in part.streams):
                raise ScenarioError(f"part {part.slug}: a mix needs a class with a share above 0")

    @property
    def is_suite(self) -> bool:
        """Whether it has several parts."""
        return len(self.parts) > 1

    def places(self) -> dict[str, str]:
        """The directory of each part by its slug, relative to the run's."""
        if not self.is_suite:
            return {self.parts[0].slug: "."}
        return {part.slug: f"parts/{part.place(number)}" for number, part in enumerate(self.parts, start=1)}

    def with_counterpart_place(self, part: Part) -> Part:
        """The part, with its counterpart named by its directory, as in the report."""
        if not part.counterpart:
            return part
        return msgspec.structs.replace(part, counterpart=Path(self.places()[part.counterpart]).name)

    def in_virtual_time(self) -> Scenario:
        """All parts simulated. A simulated part that is the counterpart of a live one would be an identical
        run. It is left out; parts compared with it are compared with the live one.
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
