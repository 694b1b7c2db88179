"""``date`` and ``expiration_date``: unix seconds or ISO 8601, and the ranges SMSAPI allows them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smsapi.errors import SmsapiError
from mock_provider.settings.protocols import SmsapiSettings

_DAY_S = 86_400
_SCHEDULE_LIMIT_S = 92 * _DAY_S  # "3 months" (error 50): the longest three months of a year
_EXPIRY_MIN_S = 15 * 60
_EXPIRY_MAX_S = 72 * 3600
_EXPIRY_TOLERANCE_S = 5 * 60
_MAX_UNIX_S = 253_402_300_799  # the year 9999, the last that a date can have


def engine_time(unix_s: float, at: Instants) -> int:
    """A time of the wall clock, as a time of the engine's clock in nanoseconds."""
    return at.now_ns + int((unix_s - at.wall_s) * NS_PER_S)


def read_date(text: str, settings: SmsapiSettings) -> float | None:
    """Unix seconds of a date of SMSAPI, or None if it is neither unix time nor ISO 8601."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text) if len(text) < 13 else _MAX_UNIX_S + 1
        return float(seconds) if seconds <= _MAX_UNIX_S else None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(settings.timezone))
        return moment.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def scheduled_at(text: str, validate: bool, wall_s: float, settings: SmsapiSettings) -> float | None:
    """When to send (unix seconds), or None for now.

    A date in the past means now. An unreadable date also means now; with ``date_validate=1`` it is error 54.
    More than three months ahead is error 50. Raises ``SmsapiError``.
    """
    date_s = read_date(text, settings)
    if date_s is None or date_s < wall_s - 1:
        if validate:
            raise SmsapiError(54)
        return None
    if date_s > wall_s + _SCHEDULE_LIMIT_S:
        raise SmsapiError(50)
    return date_s if date_s > wall_s else None


def expires_at(text: str, sent_s: float, settings: SmsapiSettings) -> float:
    """Expiry (unix seconds): 15 minutes to 72 hours after sending, with a tolerance of five minutes.

    Raises ``SmsapiError`` (56).
    """
    expiry_s = read_date(text, settings)
    if expiry_s is None:
        raise SmsapiError(56)
    validity_s = expiry_s - sent_s
    if not _EXPIRY_MIN_S - _EXPIRY_TOLERANCE_S <= validity_s <= _EXPIRY_MAX_S + _EXPIRY_TOLERANCE_S:
        raise SmsapiError(56)
    return expiry_s
