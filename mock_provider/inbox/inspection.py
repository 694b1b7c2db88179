"""A text as a phone gets it: its alphabet, the reason for it, and its segments."""

from __future__ import annotations

import unicodedata

from msgspec import Struct

from mock_provider.engine.segments import (
    GSM7_BASIC,
    GSM7_EXTENSION,
    GSM7_JOINED,
    GSM7_SINGLE,
    UCS2_JOINED,
    UCS2_SINGLE,
    count_segments,
)

_GSM7 = frozenset(GSM7_BASIC + GSM7_EXTENSION)
_LAST_OF_THE_BMP = "\uffff"


class Segment(Struct, frozen=True):
    text: str
    units: int


class ForeignCharacter(Struct, frozen=True):
    """A character that is not in the GSM-7 alphabet; ``position`` is its first place, from 0."""

    character: str
    code_point: str
    name: str
    position: int
    count: int


class Inspected(Struct, frozen=True):
    """``units`` are septets (gsm7) or UTF-16 code units (ucs2); a segment holds ``units_per_segment``."""

    encoding: str
    units: int
    units_per_segment: int
    segments: list[Segment]
    forced_by: list[ForeignCharacter]


def inspect(text: str) -> Inspected:
    """The segments as ``count_segments`` counts them: a character of two units is not split (3GPP TS 23.040
    §9.2.3.24.1).
    """
    counted = count_segments(text)
    gsm7 = counted.encoding == "gsm7"
    if counted.segments == 1:
        room = GSM7_SINGLE if gsm7 else UCS2_SINGLE
    else:
        room = GSM7_JOINED if gsm7 else UCS2_JOINED
    segments: list[Segment] = []
    begun, units = 0, 0
    for position, character in enumerate(text):
        width = 2 if (character in GSM7_EXTENSION if gsm7 else character > _LAST_OF_THE_BMP) else 1
        if units + width > room:
            segments.append(Segment(text[begun:position], units))
            begun, units = position, 0
        units += width
    segments.append(Segment(text[begun:], units))
    return Inspected(counted.encoding, counted.units, room, segments, [] if gsm7 else _foreign(text))


def _foreign(text: str) -> list[ForeignCharacter]:
    """In the order of their first places."""
    return [
        ForeignCharacter(
            each, f"U+{ord(each):04X}", unicodedata.name(each, ""), text.index(each), text.count(each)
        )
        for each in dict.fromkeys(text)
        if each not in _GSM7
    ]
