"""Fault windows, as a profile writes them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mock_provider.engine.values import Refusal
from mock_provider.profiles.distributions import Seconds, Section, Share

# About 32 years: more than a machine's monotonic clock shows, on which absolute windows are counted.
MAX_INSTANT_S = 1_000_000_000
Instant = Annotated[float, Field(ge=0, le=MAX_INSTANT_S, allow_inf_nan=False)]


class Window(Section):
    """From ``start_s`` up to ``end_s`` (left out: for ever).

    Counted from the engine's first instant (its first input), or with ``clock = "absolute"`` on the driver's
    own scale, for faults that are set at run time.
    """

    start_s: Instant = 0.0
    end_s: Instant | None = None
    clock: Literal["first_input", "absolute"] = "first_input"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"end_s must be after start_s ({self.end_s} <= {self.start_s})")
        return self


class Outage(Window):
    """Every request in the window meets it: refused as unavailable, or its connection is cut."""

    kind: Literal["outage"]
    answer: Literal["refuse", "disconnect"] = "refuse"


class ErrorRate(Window):
    """A share of the attempts (submits) is refused, whatever they hold."""

    kind: Literal["error_rate"]
    share: Share
    refusal: Refusal = Refusal.INTERNAL_ERROR


class AddedLatency(Window):
    """Latency becomes latency * factor + plus: of every reply, or of every message at a carrier."""

    kind: Literal["added_latency"]
    stage: Literal["reply", "carrier"] = "reply"
    factor: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 1.0
    plus_s: Seconds = 0.0


class Hang(Window):
    """A share of the attempts gets no reply, ever: lost before the provider took it, or after (``accepted``).

    With ``disconnect`` the connection is cut instead, at once or when the reply would have left.
    """

    kind: Literal["hang"]
    share: Share = 1.0
    accepted: bool = False
    disconnect: bool = False


Fault = Annotated[Outage | ErrorRate | AddedLatency | Hang, Field(discriminator="kind")]
