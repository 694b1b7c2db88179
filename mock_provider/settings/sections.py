"""The tables of a profile that the engine reads (docs/profiles.md)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from mock_provider.settings.distributions import (
    DelayDistribution,
    Fixed,
    PositiveSeconds,
    Section,
    UnitShare,
)
from mock_provider.settings.network import (
    CountryCode,
    PerSender,
    Price,
    Rate,
    Segments,
    known_country,
)
from mock_provider.settings.values import Refusal
from mock_provider.settings.zones import UtcOffsets, ZoneName, utc_offsets
from user_input.one_line import OneLine
from user_input.secret_text import read_secret

Name = Annotated[str, Field(pattern="^[A-Za-z0-9._ -]{1,64}$")]
OnViolation = Literal["reject_request", "skip_message"]
_Shared = TypeVar("_Shared", "ReplyError", "FailureSettings")
_NO_DELAY = Fixed(kind="fixed", value_s=0.0)


class AccountSettings(Section):
    name: Name = "demo"
    tokens: tuple[Annotated[str, AfterValidator(read_secret)], ...] = ()
    balance_points: Annotated[float, Field(ge=0, le=1e12)] | None = None
    sender_names: tuple[OneLine, ...] = ()
    suspended: bool = False
    price_per_segment: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""  # the currency of a point; "": none
    priority_price_factor: Annotated[float, Field(ge=0, le=1000)] = 1.5
    report_url: str = ""
    tier: Literal["standard", "priority", "dedicated"] = "standard"
    route_segments_per_s: Rate | None = None
    registered_senders: tuple[OneLine, ...] = ()
    countries: tuple[CountryCode, ...] = ()
    daily_messages: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    timezone: ZoneName = "UTC"
    low_balance_points: Annotated[float, Field(ge=0, le=1e12)] | None = None

    def utc_offsets(self) -> UtcOffsets:
        """Of the clock whose midnight ends a day of ``daily_messages``."""
        return utc_offsets(self.timezone)


class Limit(Section):
    """A token bucket: in any window of w seconds at most ``rate_per_s * w + burst`` pass."""

    rate_per_s: Rate
    burst: int = Field(ge=1, le=100_000_000)


class Throttle(Section):
    requests: Limit | None = None
    segments: Limit | None = None
    concurrent_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    per_sender: PerSender = PerSender()


class AcceptQueue(Section):
    drain_segments_per_s: Rate | None = None
    capacity_segments: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None


class ReplyError(Section):
    """A share of the valid attempts that is refused."""

    refusal: Refusal
    share: UnitShare


def _at_most_one(entries: tuple[_Shared, ...]) -> tuple[_Shared, ...]:
    total = sum(entry.share for entry in entries)
    if total > 1 + 1e-9:
        raise ValueError(f"the shares must not exceed 1 together ({total:g})")
    return entries


ReplyErrors = Annotated[tuple[ReplyError, ...], AfterValidator(_at_most_one)]


class ReplySettings(Section):
    latency: DelayDistribution = _NO_DELAY
    errors: ReplyErrors = ()


class Duplicates(Section):
    window_s: PositiveSeconds = 86_400.0
    on_violation: OnViolation = "reject_request"
    remembered_keys: int = Field(default=1_000_000, ge=1, le=100_000_000)


class Flood(Section):
    limit: int = Field(default=0, ge=0, le=100_000)
    window_s: PositiveSeconds = 60.0
    on_violation: OnViolation = "reject_request"


class Numbers(Section):
    invalid_share: UnitShare = 0.0
    validity: Literal["light", "strict"] = "light"
    carrier_assignment: Literal["share", "prefix"] = "share"
    ported_share: UnitShare = 0.0
    magic: bool = False


class FailureSettings(Section):
    """A share of the messages with this final state: ``expired`` at the end of the validity, others after the
    latency.
    """

    state: Literal["undelivered", "expired", "rejected", "unknown"]
    reason: Name
    share: UnitShare


Failures = Annotated[tuple[FailureSettings, ...], AfterValidator(_at_most_one)]


class Delivery(Section):
    """Defaults for carriers."""

    validity_s: PositiveSeconds = 86_400.0
    latency: DelayDistribution = _NO_DELAY
    priority_latency: DelayDistribution | None = None
    failures: Failures = ()


def _country_or_any(code: str) -> str:
    return code if code == "*" else known_country(code)


class CarrierSettings(Section):
    """``share`` is a weight among the carriers of its country; country ``*`` is for the numbers of all other
    countries.
    """

    name: Name
    country: Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$"), AfterValidator(_country_or_any)]
    mcc: Annotated[str, Field(pattern="^([0-9]{3})?$")] = ""
    mnc: Annotated[str, Field(pattern="^([0-9]{2,3})?$")] = ""
    share: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    prefix_names: tuple[str, ...] = ()
    segments_per_s: Rate | None = None
    queue_segments: Segments | None = None
    price_per_segment: Price | None = None
    latency: DelayDistribution | None = None
    priority_latency: DelayDistribution | None = None
    failures: Failures | None = None


def _of_different_names(carriers: tuple[CarrierSettings, ...]) -> tuple[CarrierSettings, ...]:
    names = [carrier.name for carrier in carriers]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"carriers must have different names; repeated: {', '.join(repeated)}")
    return carriers


Carriers = Annotated[tuple[CarrierSettings, ...], Field(min_length=1), AfterValidator(_of_different_names)]


class ReportSettings(Section):
    delay: DelayDistribution = _NO_DELAY
    max_per_call: int = Field(default=1, ge=1, le=10_000)
    linger_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    retry_after_s: tuple[PositiveSeconds, ...] = Field(
        default=(60.0, 120.0, 300.0, 900.0, 3600.0), min_length=1
    )
    give_up_after_s: PositiveSeconds = 86_400.0
    loss_share: UnitShare = 0.0
