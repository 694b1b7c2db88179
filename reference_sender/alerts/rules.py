"""The alert rules, and the TOML file that changes them."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reference_sender.alerts.addresses import HostName, MailAddress, WebAddress
from reference_sender.dispatch.figures import BOUNDS_S
from user_input.one_line import OneLine
from user_input.plain_errors import boolean_errors, settings_errors

_Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rule(_Table):
    """The alert begins when the value is above ``above`` for ``for_s`` seconds, and ends when it is at most
    ``clear`` for as long."""

    enabled: bool = True
    above: float = Field(ge=0)
    clear: float = Field(ge=0)
    for_s: float = Field(default=60.0, ge=0, le=86_400)

    @model_validator(mode="after")
    def _ordered(self) -> Rule:
        if self.clear > self.above:
            raise ValueError("clear must not be larger than above")
        return self

    @property
    def begin_limit(self) -> float:
        """The limit at which the alert begins."""
        return self.above

    def begins(self, value: float) -> bool:
        """Whether the alert begins at ``value``, after ``for_s``."""
        return value > self.above

    def ends(self, value: float) -> bool:
        """Whether the alert ends at ``value``, after ``for_s``."""
        return value <= self.clear


class FloorRule(_Table):
    """The alert begins when the value is below ``below`` for ``for_s`` seconds, and ends when it is at least
    ``clear`` for as long.
    """

    enabled: bool = True
    below: float
    clear: float
    for_s: float = Field(default=0.0, ge=0, le=86_400)

    @model_validator(mode="after")
    def _ordered(self) -> FloorRule:
        if self.clear < self.below:
            raise ValueError("clear must not be smaller than below")
        return self

    @property
    def begin_limit(self) -> float:
        """The limit at which the alert begins."""
        return self.below

    def begins(self, value: float) -> bool:
        """Whether the alert begins at ``value``, after ``for_s``."""
        return value < self.below

    def ends(self, value: float) -> bool:
        """Whether the alert ends at ``value``, after ``for_s``."""
        return value >= self.clear


class DeliveryRule(Rule):
    """Seconds at the 95th percentile of the delivery time. The histogram shows at most its last bound."""

    above: float = Field(ge=0, lt=BOUNDS_S[-1])


class DeliveryRules(_Table):
    """One rule for each message class."""

    otp: DeliveryRule = DeliveryRule(above=20, clear=15)
    transactional: DeliveryRule = DeliveryRule(above=60, clear=45)
    marketing: DeliveryRule = DeliveryRule(above=3600, clear=2700)


class AlertRules(_Table):
    """Every rule. ``window_s``: the time over which a value is computed; ``every_s``: how often."""

    every_s: _Seconds = 5.0
    window_s: _Seconds = 300.0
    least_messages: int = Field(default=20, ge=1, description="fewer in a window: no rate, no percentile")
    error_rate: Rule = Rule(above=0.1, clear=0.05)  # share of the messages that ended: failed or expired
    delivery_time_s: DeliveryRules = DeliveryRules()
    throttling: Rule = Rule(above=1.0, clear=0.2)  # throttled requests per second, of one route
    unusable_route: Rule = Rule(above=60, clear=0, for_s=0)  # seconds since the breaker opened, or a refusal
    missing_reports: Rule = Rule(above=10, clear=0, for_s=0)  # messages in a window without a report
    backlog_growth: Rule = Rule(above=1000, clear=0)  # messages that the queues grew by in a window
    balance_every_s: _Seconds = 60.0  # how often providers are asked; not at all if balance is not enabled
    balance: FloorRule = FloorRule(below=100, clear=120)  # of a route's account, in its provider's unit
    balance_by_route: dict[str, FloorRule] = Field(default_factory=dict)  # in place of ``balance``, by name
    store_failed: Rule = Rule(above=5, clear=0, for_s=0)  # seconds for which the store has kept nothing
    limits_differ: Rule = Rule(above=0, clear=0, for_s=0)  # routes for which another node has other limits
    spending_near: Rule = Rule(above=0.8, clear=0.7, for_s=0)  # share of a limit that is reserved
    spending_reached: Rule = Rule(above=0, clear=0, for_s=0)  # messages that wait because of a limit

    @model_validator(mode="after")
    def _samples_fit(self) -> AlertRules:
        if self.every_s > self.window_s:
            raise ValueError("every_s must not be larger than window_s")
        return self


class Webhook(_Table):
    """Gets a POST with JSON for each notice."""

    url: WebAddress
    timeout_s: _Seconds = 10.0


class MailServer(_Table):
    """Where mails are handed over, and by whom."""

    host: HostName
    port: int = Field(default=25, ge=1, le=65_535)
    mail_from: MailAddress
    username: OneLine | None = None
    password: OneLine | None = Field(default=None, repr=False)
    tls: bool = False  # from the first byte; otherwise STARTTLS where the server offers it
    timeout_s: _Seconds = 10.0

    @model_validator(mode="after")
    def _whole_credentials(self) -> MailServer:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password, or neither")
        return self


class Email(MailServer):
    """A mail for each notice."""

    recipients: tuple[MailAddress, ...] = Field(min_length=1)


class AlertSettings(_Table):
    """The file: its tables are ``rules``, ``webhook`` and ``email``. The log always gets each notice."""

    rules: AlertRules = AlertRules()
    webhook: Webhook | None = None
    email: Email | None = None


class AlertFileError(ValueError):
    """The file cannot be used; the text names each field."""


def parse_alerts(text: str) -> AlertSettings:
    """Raises ``AlertFileError``."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AlertFileError(str(error)) from None
    try:
        settings = AlertSettings.model_validate(_with_defaults(document))
    except ValidationError as error:
        raise AlertFileError("; ".join(settings_errors(error, AlertSettings))) from None
    if wrong := boolean_errors(document, settings):
        raise AlertFileError("; ".join(wrong))
    return settings


def _with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """A rule that the file changes in part keeps its other defaults."""
    rules = document.get("rules")
    if not isinstance(rules, dict):
        return document
    return document | {"rules": _merged(AlertRules().model_dump(), rules)}


def _merged(default: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    merged = dict(default)
    for name, value in changed.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            value = _merged(before, value)
        merged[name] = value
    return merged
