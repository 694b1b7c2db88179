"""The provider's rate limit is lower for a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from msgspec import Struct
from pydantic import Field, model_validator

from mock_provider.engine.faults.hooks import AtLimit
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.engine.throttle import BucketLimit
from mock_provider.settings.network import Rate


class RateReduction(FaultSettings):
    """The rate of a throttle falls to a share of the profile's, or to ``rate_per_s``.

    The bucket keeps its level: tokens that were taken stay taken. ``burst`` left out: the profile's.
    """

    kind: Literal["rate_reduction"]
    limit: Literal["requests", "segments"] = "requests"
    share: Annotated[float, Field(ge=0.000_001, le=1)] | None = None
    rate_per_s: Rate | None = None
    burst: Annotated[int, Field(ge=1, le=100_000_000)] | None = None

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "rate_reduction": {"rate_per_s": 0.1, "burst": 1}
    }

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.share is not None and self.rate_per_s is not None:
            raise ValueError("give share or rate_per_s, not both")
        if self.share is None and self.rate_per_s is None:
            raise ValueError("share or rate_per_s is missing: give one of them")
        return self

    def misfits(self, carriers: Collection[str], limits: Mapping[str, object]) -> Iterator[str]:
        if self.share is not None and limits.get(self.limit) is None:
            yield (f"share: throttle.{self.limit} sets no limit; set one, or give rate_per_s")

    def description(self) -> str:
        to = f"{percent(self.share)} of the usual rate" if self.share else f"{self.rate_per_s:g}/s"
        burst = "" if self.burst is None else f", burst {self.burst}"
        return f"rate reduction: {self.limit} to {to}{burst}"

    def acting(self, start_ns: int, end_ns: int) -> ReducedRate:
        return ReducedRate(self.name, self.limit, self.share, self.rate_per_s, self.burst)


class LoweredLimit(Struct, frozen=True):
    rate_per_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class ReducedRate(AtLimit):
    """Per time: a bucket fills more slowly in the window. Either ``share`` or ``rate_per_s`` is set."""

    share: float | None
    rate_per_s: float | None
    burst: int | None

    def lowered(self, usual: BucketLimit | None) -> LoweredLimit | None:
        """A share of an absent limit is no limit."""
        if self.share is not None:
            if usual is None:
                return None
            rate_per_s = usual.rate_per_s * self.share
        else:
            assert self.rate_per_s is not None
            rate_per_s = self.rate_per_s
            if usual is not None:
                rate_per_s = min(rate_per_s, usual.rate_per_s)
        usual_burst = usual.burst if usual is not None else max(1, -int(-rate_per_s // 1))
        return LoweredLimit(rate_per_s, self.burst or usual_burst)
