"""schedule_delivery_time and validity_period: ``YYMMDDhhmmsstnnp`` (specification §7.1.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_FORM = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([+\-R])", re.ASCII)
_DAYS_OF_YEAR, _DAYS_OF_MONTH = 365, 30  # a relative time depends on the year and month
_QUARTERS = 48  # nn: quarters of an hour from UTC


def seconds_from(time: str, wall_s: float) -> float:
    """How many seconds after ``wall_s`` (unix) this is; before it, a negative number.

    Raises ``ValueError`` for an invalid time.
    """
    relative_s, unix_s = _read(time)
    return unix_s - wall_s if relative_s is None else relative_s


@lru_cache(maxsize=1_024)
def _read(time: str) -> tuple[float | None, float]:
    found = _FORM.fullmatch(time)
    if found is None:
        raise ValueError("a time has the form YYMMDDhhmmsstnnp")
    year, month, day, hour, minute, second, tenth, quarters = map(int, found.groups()[:8])
    sign = found.group(9)
    if sign == "R":
        days = year * _DAYS_OF_YEAR + month * _DAYS_OF_MONTH + day
        return timedelta(days=days, hours=hour, minutes=minute, seconds=second).total_seconds(), 0.0
    if quarters > _QUARTERS:
        raise ValueError("a time is at most 48 quarters of an hour from UTC")
    local = datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, UTC)
    ahead = timedelta(minutes=15 * quarters)
    return None, (local - ahead if sign == "+" else local + ahead).timestamp()


def receipt_date(unix_s: float) -> str:
    """``YYMMDDhhmm`` in UTC, as receipts have it."""
    return _stamp(int(unix_s) // 60)


def final_date(unix_s: float) -> str:
    """``YYMMDDhhmmss000+``, as query_sm_resp has it."""
    return datetime.fromtimestamp(int(unix_s), UTC).strftime("%y%m%d%H%M%S000+")


@lru_cache(maxsize=1_024)
def _stamp(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%y%m%d%H%M")
