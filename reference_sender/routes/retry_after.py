"""``Retry-After`` (RFC 9110 10.2.3): seconds, or a date in one of the three forms a recipient must know
(5.6.7).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from reference_sender.routes.protocol import ProviderReply

# Longer than any provider intends. The dispatcher limits the actual wait.
MAX_RETRY_AFTER_S = 7 * 86_400.0

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_DATES = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT", re.ASCII),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT", re.ASCII),  # RFC 850
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.ASCII),  # asctime
)
_is_seconds = re.compile(r"[0-9]+").fullmatch


def retry_after_s(value: str | None, date: str | None, now_s: float) -> float | None:
    """How long to wait, in seconds; None if the header is absent or cannot be read.

    ``date`` is the same reply's ``Date``. Both dates are on the provider's clock, which may differ from ours,
    so the wait is their difference if ``Date`` is known. ``now_s`` is the sender's time, in Unix seconds.
    """
    if value is None:
        return None
    value = value.strip()
    if _is_seconds(value):
        return MAX_RETRY_AFTER_S if len(value) > 9 else min(float(value), MAX_RETRY_AFTER_S)
    until_s = http_date_s(value, now_s)
    if until_s is None:
        return None
    sent_s = None if date is None else http_date_s(date.strip(), now_s)
    return min(max(0.0, until_s - (now_s if sent_s is None else sent_s)), MAX_RETRY_AFTER_S)


def http_date_s(text: str, now_s: float) -> int | None:
    """An HTTP date in Unix seconds; None if it is not valid.

    A two-digit year that would be more than 50 years ahead of ``now_s`` is in the past (RFC 9110).
    """
    for form in _DATES:
        if (found := form.fullmatch(text)) is not None:
            break
    else:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        this_year = datetime.fromtimestamp(now_s, UTC).year
        year += this_year - this_year % 100
        if year > this_year + 50:
            year -= 100
    second = min(int(found["second"]), 59)  # 60 is a leap second, which Unix time does not count
    if int(found["second"]) > 60:
        return None
    try:
        at = datetime(
            year,
            _MONTHS.index(found["month"]) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            second,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return round(at.timestamp())


def wait_of(reply: ProviderReply) -> float | None:
    """``retry_after_s`` of a reply."""
    return retry_after_s(reply.retry_after, reply.date, reply.received_s)
