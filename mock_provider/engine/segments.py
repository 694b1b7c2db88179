"""How many segments a text is sent in (3GPP TS 23.038 for the alphabet, 23.040 for concatenation)."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Encoding = Literal["gsm7", "ucs2"]

GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = "\f^{}\\[~]|€"

GSM7_SINGLE = 160  # septets of a message of one segment
GSM7_JOINED = 153  # septets of one segment of several
UCS2_SINGLE = 70  # UTF-16 code units
UCS2_JOINED = 67
MOST_SEGMENTS = 255

_is_basic = re.compile(f"[{re.escape(GSM7_BASIC)}]*").fullmatch
_is_gsm7 = re.compile(f"[{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]*").fullmatch
_foreign_in = re.compile(f"[^{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]").search
_extension = re.compile(f"[{re.escape(GSM7_EXTENSION)}]")
_pair = re.compile("[\U00010000-\U0010ffff]")


class SegmentCount(Struct, frozen=True, gc=False):
    """``units`` are septets (gsm7) or UTF-16 code units (ucs2) of the whole text."""

    encoding: Encoding
    units: int
    segments: int


def count_segments(text: str) -> SegmentCount:
    """The text's alphabet, its length in that alphabet's units, and how many segments it is cut into.

    A character of two units (GSM-7 extension, or outside the BMP) is never split between segments, so a
    segment may stay one unit short: dividing the units by 153 or 67 would undercount. The division is used
    only above 255, which is more than a header can number (TS 23.040 §9.2.3.24.1).
    """
    if _is_basic(text):  # most texts: no character takes two units
        units = len(text)
        return SegmentCount("gsm7", units, 1 if units <= GSM7_SINGLE else -(-units // GSM7_JOINED))
    if _is_gsm7(text):
        return _count(text, "gsm7", GSM7_SINGLE, GSM7_JOINED)
    return _count(text, "ucs2", UCS2_SINGLE, UCS2_JOINED)


def ucs2_for(text: str) -> str:
    """The only character of the text that is not GSM-7; "" if there is none.

    "" also if two different characters are not GSM-7: the text needs UCS-2 for more than one.
    """
    # Printable ASCII except the grave accent is GSM-7. This test is much faster than one of each character.
    if text.isascii() and "`" not in text and text.isprintable():
        return ""
    first = _foreign_in(text)
    if first is None:
        return ""
    character = first.group()
    return "" if _foreign_in(text.replace(character, "")) else character


def _count(text: str, encoding: Encoding, single: int, joined: int) -> SegmentCount:
    if len(text) > MOST_SEGMENTS * joined:
        units = _units(text, encoding)
        return SegmentCount(encoding, units, -(-units // joined))
    double = _extension if encoding == "gsm7" else _pair
    # Most texts have none.
    doubles = [m.start() for m in double.finditer(text)] if double.search(text) is not None else []
    units = len(text) + len(doubles)
    if units <= single:
        return SegmentCount(encoding, units, 1)
    # A double at a segment boundary moves to the next segment, and everything after it by one unit.
    lost = 0
    for before, index in enumerate(doubles):
        if (index + before + lost) % joined == joined - 1:
            lost += 1
    return SegmentCount(encoding, units, -(-(units + lost) // joined))


def _units(text: str, encoding: Encoding) -> int:
    if encoding == "gsm7":
        return len(text) + sum(text.count(character) for character in GSM7_EXTENSION)
    return len(text.encode("utf-16-be", "surrogatepass")) // 2
