"""Brown-out: the provider, or its carriers, are slow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.faults.hooks import AirTime, AtCarrier, AtReply, ReplyPlan
from mock_provider.engine.faults.settings import FaultSettings
from mock_provider.settings.distributions import Seconds

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class AddedLatency(FaultSettings):
    """Brown-out. Latency becomes latency * factor + plus: of every reply, or of every message at a carrier.

    With ``ramp_s`` the latency rises for that time, and falls for as long before the end of the window.
    """

    kind: Literal["added_latency"]
    stage: Literal["reply", "carrier"] = "reply"
    factor: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 1.0
    plus_s: Seconds = 0.0
    ramp_s: Seconds = 0.0

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "slow_replies": {"plus_s": 4},
        "replies_after_time_out": {"plus_s": 15},
    }

    def description(self) -> str:
        parts = [f"x {self.factor:g}"] if self.factor != 1.0 else []
        if self.plus_s:
            parts.append(f"+ {self.plus_s:g} s")
        ramp = f", over a ramp of {self.ramp_s:g} s" if self.ramp_s else ""
        what = "replies" if self.stage == "reply" else "carriers"
        return f"brown-out: {what} {' '.join(parts) or 'as usual'}{ramp}"

    def acting(self, start_ns: int, end_ns: int) -> SlowReplies | SlowCarriers:
        plus_ns, ramp_ns = nanoseconds(self.plus_s), nanoseconds(self.ramp_s)
        slowness = Slowness(self.factor, plus_ns, start_ns, end_ns, ramp_ns)
        acting = SlowReplies if self.stage == "reply" else SlowCarriers
        return acting(self.name, slowness)


class Slowness(Struct, frozen=True):
    """``ramp_ns`` is the time in which it rises to its full size, and falls again before the end."""

    factor: float
    plus_ns: int
    start_ns: int
    end_ns: int
    ramp_ns: int

    def applied(self, latency_ns: int, at_ns: int) -> int:
        if not self.ramp_ns:
            return int(latency_ns * self.factor) + self.plus_ns
        weight = min(1.0, (at_ns - self.start_ns) / self.ramp_ns, (self.end_ns - at_ns) / self.ramp_ns)
        return int(latency_ns * (1.0 + (self.factor - 1.0) * weight) + self.plus_ns * weight)


@dataclass(frozen=True, slots=True)
class SlowReplies(AtReply):
    """Per time: every reply that is decided in the window."""

    slowness: Slowness

    def change(self, plan: ReplyPlan, draws: Draws, key: str, attempt: int, at_ns: int) -> ReplyPlan:
        return replace(plan, latency_ns=self.slowness.applied(plan.latency_ns, at_ns))


@dataclass(frozen=True, slots=True)
class SlowCarriers(AtCarrier):
    """Per time: every message that leaves a carrier's queue in the window. Not the wait for a phone."""

    slowness: Slowness

    def change(self, air: AirTime, country: str, carrier: str, at_ns: int) -> AirTime:
        return replace(air, radio_ns=self.slowness.applied(air.radio_ns, at_ns))
