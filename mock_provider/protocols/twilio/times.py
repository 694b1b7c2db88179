"""The scheduled time of a message, and its validity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from mock_provider.protocols.twilio.errors import TwilioError
from mock_provider.settings.protocols import TwilioSettings

_MOST_VALIDITY_S = 36_000
_MOST_DIGITS = 6  # int() raises for thousands of digits


def read_validity_s(fields: Mapping[str, str], settings: TwilioSettings) -> int:
    """``ValidityPeriod``: 1 to 36,000 whole seconds in Twilio's queue. Raises ``TwilioError`` 90007."""
    asked = fields.get("ValidityPeriod", "")
    if not asked:
        return settings.default_validity_s
    if not (asked.isascii() and asked.isdigit() and len(asked) <= _MOST_DIGITS):
        raise TwilioError(90007)
    validity_s = int(asked)
    if not 1 <= validity_s <= _MOST_VALIDITY_S:
        raise TwilioError(90007)
    return validity_s


def read_send_at_s(
    fields: Mapping[str, str], in_service: bool, wall_s: float, settings: TwilioSettings
) -> float | None:
    """When a message with ``ScheduleType=fixed`` is due, in unix seconds; None: now.

    Raises ``TwilioError`` 35111 (no ``SendAt``), 35114 (out of the range), 35118 (no service) or 35126.
    """
    kind = fields.get("ScheduleType", "")
    if not kind:
        return None
    if kind != "fixed":
        raise TwilioError(35126)
    if not in_service:
        raise TwilioError(35118)
    asked = fields.get("SendAt", "")
    if not asked:
        raise TwilioError(35111)
    due_s = read_instant_s(asked)
    allowed = f"{settings.schedule_min_s} seconds and {settings.schedule_max_s}"
    if due_s is None or not settings.schedule_min_s <= due_s - wall_s <= settings.schedule_max_s:
        raise TwilioError(35114, allowed)
    return due_s


def read_instant_s(text: str) -> float | None:
    """An ISO 8601 date and time as unix seconds, UTC if it names no zone; None if it cannot be read."""
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def read_day_s(text: str) -> tuple[float, float] | None:
    """The beginning of the UTC day of a date or instant, and of the next day; None if it cannot be read."""
    try:
        day = date.fromisoformat(text[:10])
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return begins.timestamp(), (begins + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError):
        return None
