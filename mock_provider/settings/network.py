"""Rules of countries, the class of messages, and the rate of one sender number."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import phonenumbers
from pydantic import AfterValidator, Field, model_validator

from mock_provider.settings.distributions import Section, UnitShare
from mock_provider.settings.zones import UtcOffsets, ZoneName, utc_offsets
from user_input.one_line import OneLine


def known_country(code: str) -> str:
    """Raises ``ValueError`` for a code that is not in the numbering plan."""
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("not a country of the numbering plan (the United Kingdom is GB)")
    return code


CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(known_country)]
# One in eleven days. The time of one unit must fit every clock and timer.
LOWEST_RATE_PER_S = 0.000_001
Rate = Annotated[float, Field(ge=LOWEST_RATE_PER_S, le=10_000_000, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, le=1e6)]
Segments = Annotated[int, Field(ge=1, le=1_000_000_000)]
TimeOfDay = Annotated[str, Field(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE_S = 60


def seconds_of_day(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return (int(hours) * 60 + int(minutes)) * _MINUTE_S


class MarketingHours(Section):
    """When marketing may be sent, in the country's local time. At other times it is refused or waits."""

    timezone: ZoneName
    start: TimeOfDay = "08:00"
    end: TimeOfDay = "20:00"
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS
    outside: Literal["refuse", "delay"] = "refuse"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if seconds_of_day(self.start) >= seconds_of_day(self.end):
            raise ValueError(f"start must be before end ({self.start} >= {self.end})")
        return self

    def span_s(self) -> tuple[int, int]:
        """First and last second of the local day at which marketing may be sent."""
        return seconds_of_day(self.start), seconds_of_day(self.end)

    def weekdays(self) -> frozenset[int]:
        """Days on which marketing may be sent; 0 is Monday."""
        return frozenset(WEEKDAYS.index(day) for day in self.days)

    def utc_offsets(self) -> UtcOffsets:
        return utc_offsets(self.timezone)


class CountryRules(Section):
    """The rules of one country. A message that breaks a rule is refused."""

    country: CountryCode
    sender: Literal["any", "numeric"] = "any"
    registration: Literal["none", "names", "all"] = "none"
    marketing_hours: MarketingHours | None = None
    opt_out_any_of: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()
    max_segments: Annotated[int, Field(ge=1, le=255)] | None = None
    price_per_segment: Price | None = None
    ported_share: UnitShare | None = None


def _once_each(rules: tuple[CountryRules, ...]) -> tuple[CountryRules, ...]:
    countries = [entry.country for entry in rules]
    repeated = sorted({country for country in countries if countries.count(country) > 1})
    if repeated:
        raise ValueError(f"each country may have rules once; repeated: {', '.join(repeated)}")
    return rules


RulesOfCountries = Annotated[tuple[CountryRules, ...], AfterValidator(_once_each)]


class TrafficSettings(Section):
    """The class of messages whose protocol does not state it. A priority message is never marketing."""

    default_message_class: Literal["otp", "transactional", "marketing"] = "transactional"
    marketing_senders: tuple[OneLine, ...] = ()
    on_violation: Literal["reject_request", "skip_message"] = "reject_request"


class SenderLimit(Section):
    """The rate of one sender. Messages above it wait in the sender's queue."""

    segments_per_s: Rate
    queue_segments: Segments | None = None


class PerSender(Section):
    """Rates by the form of the sender. A form that is left out has no rate."""

    long_code: SenderLimit | None = None
    short_code: SenderLimit | None = None
    toll_free: SenderLimit | None = None
    alphanumeric: SenderLimit | None = None
