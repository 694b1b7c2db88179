"""The settings of the policy, as the TOML file of ``--policy`` has them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reference_sender.dispatch.campaign_figures import UNIT
from reference_sender.dispatch.values import NS_PER_S, Lane, RouteLimits
from reference_sender.policy.countries import Country, Prefixes, TimeZoneName, default_countries
from reference_sender.policy.recipients import RecipientLimit
from user_input.plain_errors import boolean_errors, settings_errors
from user_input.text_file import decoded

_DAY_NS = 86_400_000_000_000
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class PolicyError(ValueError):
    """A policy that cannot be used. The text names the file, each field, and what is allowed; or what the
    store holds that needs another policy.
    """


class _PolicyTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QuietHours(_PolicyTable):
    """Whose messages keep to the opening hours; a request may say otherwise."""

    classes: frozenset[Lane] = frozenset({Lane.MARKETING})


class OptOutList(_PolicyTable):
    """Whose messages the opt-out list refuses."""

    classes: frozenset[Lane] = frozenset({Lane.MARKETING})


class Recipients(_PolicyTable):
    """The limits on messages to one number. 0 messages: no limit."""

    messages: Annotated[int, Field(ge=0, le=100_000)] = 10
    window_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    otp_messages: Annotated[int, Field(ge=0, le=100_000)] = 5
    otp_window_s: Annotated[float, Field(ge=1, le=86_400)] = 600.0


class RoutePrices(_PolicyTable):
    """Prices of a segment on one route."""

    cost_per_segment: Amount  # of countries that are not in the table below
    cost_per_segment_by_country: dict[str, Amount] = Field(default_factory=dict)


class SpendingLimits(_PolicyTable):
    """Prices of a segment, and the limit of a day. Amounts are in the currency of the prices."""

    cost_per_segment: Amount | None = None  # of countries that are not in the table below
    cost_per_segment_by_country: dict[str, Amount] = Field(default_factory=dict)
    routes: dict[str, RoutePrices] = Field(default_factory=dict)  # by name; the others have the prices above
    daily_limit: Amount | None = None
    time_zone: TimeZoneName = "UTC"  # of the days

    @model_validator(mode="after")
    def _limit_needs_prices(self) -> SpendingLimits:
        if self.daily_limit is not None and not self.has_prices:
            raise ValueError("daily_limit needs cost_per_segment")
        if self.cost_per_segment_by_country and self.cost_per_segment is None:
            raise ValueError("cost_per_segment_by_country needs cost_per_segment, for the other countries")
        if self.routes and self.cost_per_segment is None:
            raise ValueError("routes needs cost_per_segment, for the other routes")
        return self

    def route_price(self, route: str) -> float:
        """What a segment costs on ``route`` in most countries; 0 without prices."""
        own = self.routes.get(route)
        return (self.cost_per_segment or 0.0) if own is None else own.cost_per_segment

    def route_prices(self, route: str) -> dict[str, float]:
        """The prices of a segment on ``route`` by country, without those of other countries."""
        own = self.routes.get(route)
        return (self if own is None else own).cost_per_segment_by_country

    def highest(self, country: str) -> float:
        """The highest price of a segment in a country, whichever route it goes. "" is any other country."""
        tables = [(self.cost_per_segment or 0.0, self.cost_per_segment_by_country)]
        tables += [(own.cost_per_segment, own.cost_per_segment_by_country) for own in self.routes.values()]
        return max(by_country.get(country, usual) for usual, by_country in tables)

    def countries(self) -> set[str]:
        """Countries with a price of their own."""
        found = set(self.cost_per_segment_by_country)
        return found.union(*(own.cost_per_segment_by_country for own in self.routes.values()))

    @property
    def has_prices(self) -> bool:
        """Whether costs are counted."""
        return self.cost_per_segment is not None


class PolicySettings(_PolicyTable):
    """All rules. The defaults are what an empty file means."""

    quiet_hours: QuietHours = QuietHours()
    opt_out: OptOutList = OptOutList()
    recipients: Recipients = Recipients()
    spending: SpendingLimits = SpendingLimits()
    # How long final messages are kept; None: permanently.
    keep_days: Annotated[float, Field(gt=0, le=3650)] | None = None
    countries: dict[str, Country] = Field(default_factory=lambda: dict(default_countries()))

    @model_validator(mode="after")
    def _countries_are_known(self) -> PolicySettings:
        Prefixes(self.countries.items())
        unknown = sorted(self.spending.countries() - set(self.countries))
        if unknown:
            known = ", ".join(sorted(self.countries))
            raise ValueError(
                f"cost_per_segment_by_country: {', '.join(unknown)} not in the table; known: {known}"
            )
        return self

    def priced(self, limits: RouteLimits) -> RouteLimits:
        """``limits`` with the prices of that route. If they differ by country, each prefix of every country
        has one, since a longer prefix may be that of a country without a price of its own.
        """
        usual, by_country = self.spending.route_price(limits.name), self.spending.route_prices(limits.name)
        by_prefix = (
            (prefix, by_country.get(code, usual))
            for code, country in self.countries.items()
            for prefix in country.prefixes
        )
        return replace(limits, cost_per_segment=usual, cost_by_prefix=tuple(by_prefix) if by_country else ())

    def recipient_limits(self) -> tuple[RecipientLimit | None, RecipientLimit | None]:
        """For all messages, and for OTPs."""
        each = self.recipients
        return _limit(each.messages, each.window_s), _limit(each.otp_messages, each.otp_window_s)

    @property
    def keep_ns(self) -> int | None:
        """How long final messages are kept."""
        return None if self.keep_days is None else int(self.keep_days * _DAY_NS)


# Without a policy file. The opt-out list, pause and schedules work; what needs a decision does not.
NO_POLICY = PolicySettings(
    quiet_hours=QuietHours(classes=frozenset()), recipients=Recipients(messages=0, otp_messages=0)
)


def read_policy(path: Path) -> PolicySettings:
    """Raises ``PolicyError``."""
    try:
        fields = tomllib.loads(decoded(path.read_bytes()))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PolicyError(f"--policy: {path}: {reason}") from error
    try:
        settings = PolicySettings.model_validate(fields)
    except ValidationError as error:
        raise PolicyError(f"--policy: {path}: {'; '.join(settings_errors(error, PolicySettings))}") from error
    if wrong := boolean_errors(fields, settings):
        raise PolicyError(f"--policy: {path}: {'; '.join(wrong)}")
    return settings


def amount(units: float) -> int:
    """``units`` of the currency in millionths."""
    return round(units * UNIT)


def _limit(messages: int, window_s: float) -> RecipientLimit | None:
    return RecipientLimit(messages, int(window_s * NS_PER_S)) if messages else None
