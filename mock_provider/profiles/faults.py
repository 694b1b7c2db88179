"""Fault windows, as a profile writes them (docs/faults.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mock_provider.engine.values import Refusal
from mock_provider.profiles.distributions import Distribution, Fixed, PositiveSeconds, Seconds, Section, Share
from mock_provider.profiles.network import CountryCode, Rate

# About 32 years: more than a machine's monotonic clock shows, on which absolute windows are counted.
MAX_INSTANT_S = 1_000_000_000
Instant = Annotated[float, Field(ge=0, le=MAX_INSTANT_S, allow_inf_nan=False)]
FaultName = Annotated[str, Field(pattern="^[A-Za-z0-9._-]{0,48}$")]
CarrierName = Annotated[str, Field(pattern="^[A-Za-z0-9._ -]{1,64}$")]
_Behaviour = Literal["hold", "fail", "refuse"]


class WindowSettings(Section):
    """From ``start_s`` up to ``end_s`` (left out: for ever).

    Counted from the engine's first instant (its first input), or with ``clock = "absolute"`` on the driver's
    own scale, for faults that are set at run time. ``name`` is what the journal and the report call it, and
    what its draws hang on; left out it is named after its kind.
    """

    name: FaultName = ""
    start_s: Instant = 0.0
    end_s: Instant | None = None
    clock: Literal["first_input", "absolute"] = "first_input"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"end_s must be after start_s ({self.end_s} <= {self.start_s})")
        return self


class OutageSettings(WindowSettings):
    """Every request in the window is refused as unavailable, gets no answer, or its connection is reset."""

    kind: Literal["outage"]
    answer: Literal["refuse", "hang", "disconnect"] = "refuse"
    host: Literal["both", "primary", "backup"] = "both"


class CodeShare(Section):
    """One of several codes of an ``error_rate``."""

    refusal: Refusal
    share: Share


class ErrorRateSettings(WindowSettings):
    """A share of the attempts (submits) is refused, whatever they hold: by one code, or by several."""

    kind: Literal["error_rate"]
    share: Share | None = None
    refusal: Refusal = Refusal.INTERNAL_ERROR
    codes: tuple[CodeShare, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.share is not None and self.codes:
            raise ValueError("give share (with refusal) or codes (a list of refusal and share), not both")
        if self.share is None and not self.codes:
            raise ValueError("share or codes is missing: give share (with refusal), from 0 to 1, or codes")
        total = sum(code.share for code in self.codes)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of codes must not exceed 1 together ({total:g})")
        return self


class AddedLatencySettings(WindowSettings):
    """Brown-out. Latency becomes latency * factor + plus: of every reply, or of every message at a carrier.

    With ``ramp_s`` it grows to that over so long, and goes down over as long before the window's end.
    """

    kind: Literal["added_latency"]
    stage: Literal["reply", "carrier"] = "reply"
    factor: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 1.0
    plus_s: Seconds = 0.0
    ramp_s: Seconds = 0.0


class HangSettings(WindowSettings):
    """A share of the attempts gets no reply, ever: lost before the provider took it, or after (``accepted``).

    With ``disconnect`` the connection is reset instead, at once or when the reply would have left.
    """

    kind: Literal["hang"]
    share: Share = 1.0
    accepted: bool = False
    disconnect: bool = False


class LostReplySettings(WindowSettings):
    """A share of the attempts is taken and never answered: the client cannot know."""

    kind: Literal["lost_reply"]
    share: Share = 1.0


class CutAfterAcceptSettings(WindowSettings):
    """A share of the attempts is taken, and the connection reset where the answer would be."""

    kind: Literal["cut_after_accept"]
    share: Share = 1.0


class ThrottleDropSettings(WindowSettings):
    """The rate of a throttle falls to a share of the profile's, or to ``rate_per_s``.

    The bucket stays one bucket: tokens that were taken stay taken. ``burst`` left out: the profile's.
    """

    kind: Literal["throttle_drop"]
    limit: Literal["requests", "segments"] = "requests"
    share: Annotated[float, Field(ge=0.000_001, le=1)] | None = None
    rate_per_s: Rate | None = None
    burst: Annotated[int, Field(ge=1, le=100_000_000)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.share is not None and self.rate_per_s is not None:
            raise ValueError("give share or rate_per_s, not both")
        if self.share is None and self.rate_per_s is None:
            raise ValueError("share or rate_per_s is missing: give one of them")
        return self


class AcceptThenLoseSettings(WindowSettings):
    """A share of the messages is accepted and answered, and never heard of again: no delivery, no report."""

    kind: Literal["accept_then_lose"]
    share: Share = 1.0


class ReportLossSettings(WindowSettings):
    """A share of the reports is never sent."""

    kind: Literal["report_loss"]
    share: Share = 1.0


class ReportDuplicateSettings(WindowSettings):
    """A share of the reports is sent again ``after_s`` later, though it was confirmed."""

    kind: Literal["report_duplicate"]
    share: Share = 1.0
    after_s: Seconds = 1.0


class ReportDelaySettings(WindowSettings):
    """A share of the reports comes due later by a delay of its own."""

    kind: Literal["report_delay"]
    share: Share = 1.0
    delay: Distribution = Fixed(kind="fixed", value_s=30.0)


class ReportReorderSettings(WindowSettings):
    """A share of the reports is shuffled: each is put off by an even chance of 0 to ``within_s``."""

    kind: Literal["report_reorder"]
    share: Share = 1.0
    within_s: PositiveSeconds = 5.0


class ReportStormSettings(WindowSettings):
    """Reports that come due in the window are held, and all let go at its end: at once, or at a rate."""

    kind: Literal["report_storm"]
    release_per_s: Rate | None = None


class CarrierDownSettings(WindowSettings):
    """Messages of these carriers wait (``hold``), fail, or are refused when they are submitted."""

    kind: Literal["carrier_down"]
    carriers: Annotated[tuple[CarrierName, ...], Field(min_length=1)]
    behaviour: _Behaviour = "hold"
    refusal: Refusal = Refusal.UNAVAILABLE


class CountryDownSettings(WindowSettings):
    """Messages to these countries wait (``hold``), fail, or are refused when they are submitted."""

    kind: Literal["country_down"]
    countries: Annotated[tuple[CountryCode, ...], Field(min_length=1)]
    behaviour: _Behaviour = "hold"
    refusal: Refusal = Refusal.UNAVAILABLE


Fault = Annotated[
    OutageSettings
    | ErrorRateSettings
    | AddedLatencySettings
    | HangSettings
    | LostReplySettings
    | CutAfterAcceptSettings
    | ThrottleDropSettings
    | AcceptThenLoseSettings
    | ReportLossSettings
    | ReportDuplicateSettings
    | ReportDelaySettings
    | ReportReorderSettings
    | ReportStormSettings
    | CarrierDownSettings
    | CountryDownSettings,
    Field(discriminator="kind"),
]


def fresh_name(kind: str, taken: Iterable[str]) -> str:
    """The kind itself, or with the first number from 2 that is not taken."""
    used = set(taken)
    name, number = kind, 1
    while name in used:
        number += 1
        name = f"{kind}-{number}"
    return name


def _named(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Each with a name of its own, which it keeps when others come and go."""
    given = [fault.name for fault in faults if fault.name]
    repeated = sorted({name for name in given if given.count(name) > 1})
    if repeated:
        raise ValueError(f"faults must have different names; repeated: {', '.join(repeated)}")
    named = []
    for fault in faults:
        if not fault.name:
            name = fresh_name(fault.kind, given)
            given.append(name)
            fault = fault.model_copy(update={"name": name})
        named.append(fault)
    return tuple(named)


Faults = Annotated[tuple[Fault, ...], AfterValidator(_named)]


def misfits(faults: Iterable[Any], carriers: Iterable[str], limits: Mapping[str, object]) -> list[str]:
    """What of the faults does not fit the profile around them: a line each.

    ``limits`` are those of ``throttle`` by their name, None where there is none.
    """
    known = set(carriers)
    found = []
    for index, fault in enumerate(faults):
        unknown = sorted(set(getattr(fault, "carriers", ())) - known)
        if unknown:
            allowed = ", ".join(sorted(known))
            found.append(f"faults[{index}].carriers: no carrier {', '.join(unknown)} (allowed: {allowed})")
        if fault.kind == "throttle_drop" and fault.share is not None and limits.get(fault.limit) is None:
            found.append(
                f"faults[{index}].share: throttle.{fault.limit} has no limit to take a share of; "
                "set one, or give rate_per_s"
            )
    return found
