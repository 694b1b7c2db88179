"""Distributions of a delay, as a profile writes them. All values in seconds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mock_provider.settings.kinds import with_misfits

Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
# At least a microsecond: clocks do not show less, and a log-normal with a median near 0 has no finite tail.
PositiveSeconds = Annotated[float, Field(ge=0.000_001, le=31_536_000, allow_inf_nan=False)]
UnitShare = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of a profile: values are fixed, an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _of_their_kinds(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return with_misfits(values, {name: field.annotation for name, field in cls.model_fields.items()})
        return values


class Fixed(Section):
    """A constant."""

    kind: Literal["fixed"]
    value_s: Seconds


class Uniform(Section):
    """Uniform between two bounds."""

    kind: Literal["uniform"]
    low_s: Seconds
    high_s: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low_s > self.high_s:
            raise ValueError(f"low_s must not exceed high_s ({self.low_s} > {self.high_s})")
        return self


class Lognormal(Section):
    """Log-normal, by its median and its 99th percentile."""

    kind: Literal["lognormal"]
    median_s: PositiveSeconds
    p99_s: PositiveSeconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.median_s > self.p99_s:
            raise ValueError(f"median_s must not exceed p99_s ({self.median_s} > {self.p99_s})")
        return self


class Empirical(Section):
    """Measured percentiles, joined by straight lines: ``[[0, 0.5], [50, 2.5], [99, 30], [100, 60]]``.

    The values lie between the lowest and the highest given percentile.
    """

    kind: Literal["empirical"]
    percentiles_s: tuple[tuple[Annotated[float, Field(ge=0, le=100)], Seconds], ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for (p, value), (next_p, next_value) in zip(self.percentiles_s, self.percentiles_s[1:], strict=False):
            if next_p <= p or next_value < value:
                raise ValueError("percentiles must rise and their values must not fall")
        return self


PlainDistribution = Annotated[Fixed | Uniform | Lognormal | Empirical, Field(discriminator="kind")]


class RetrySteps(Section):
    """``times`` further attempts, each ``every_s`` seconds after the previous one."""

    every_s: PositiveSeconds
    times: int = Field(ge=1, le=10_000)


# Every minute five times, every ten minutes for an hour, then hourly until one day has passed
# (docs/sources.md).
OPERATOR_RETRIES = (
    RetrySteps(every_s=60, times=5),
    RetrySteps(every_s=600, times=6),
    RetrySteps(every_s=3600, times=23),
)


class AbsentSubscriber(Section):
    """A distribution for reachable phones, and a share of unreachable subscribers: the carrier tries again
    as ``retries`` says.

    ``absent_share`` counts per message; ``found_share`` per attempt: the chance that the phone is back. A
    phone that no attempt finds never gets the message: it expires.
    """

    kind: Literal["absent_subscriber"]
    body: PlainDistribution
    absent_share: UnitShare
    found_share: Annotated[float, Field(gt=0, le=1)] = 0.12
    retries: tuple[RetrySteps, ...] = Field(default=OPERATOR_RETRIES, min_length=1)


DelayDistribution = Annotated[
    Fixed | Uniform | Lognormal | Empirical | AbsentSubscriber, Field(discriminator="kind")
]
