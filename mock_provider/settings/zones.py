"""Time zones as plain tables, from which the engine (without clock and calendar) calculates local time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

UtcOffsets = tuple[tuple[int, ...], tuple[int, ...]]
"""Unix seconds from which an offset is valid (the first also before it), and the offsets in seconds."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2060  # a simulated day begins in the first
_STEP = timedelta(days=7)  # no zone changes twice within this time and back


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a directory of zones, such as "Europe"
        raise ValueError("not a time zone of the IANA database, such as Europe/Warsaw") from None
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]


@cache
def utc_offsets(zone: str) -> UtcOffsets:
    """The zone's offsets from 1970 to 2060; the last one does not end."""
    place = ZoneInfo(zone)
    at = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(_LAST_YEAR, 1, 1, tzinfo=UTC)
    offset_s = _offset_s(at, place)
    instants, offsets = [int(at.timestamp())], [offset_s]
    while at < end:
        following = at + _STEP
        if _offset_s(following, place) != offset_s:
            changed = _change(at, following, place)
            offset_s = _offset_s(changed, place)
            instants.append(int(changed.timestamp()))
            offsets.append(offset_s)
        at = following
    return tuple(instants), tuple(offsets)


def _change(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    """The second at which the offset at ``before`` ends."""
    offset_s = _offset_s(before, place)
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(before + timedelta(seconds=middle), place) == offset_s:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset_s(instant: datetime, place: ZoneInfo) -> int:
    offset = instant.astimezone(place).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
