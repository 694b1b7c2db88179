"""How many radio segments a text takes: the sender's own count, independent of any provider's.

Rules of 3GPP TS 23.038 and 23.040: GSM-7 carries 160 septets alone and 153 a segment when joined, UCS-2 70
units alone and 67 when joined. A character of the extension table takes two septets, a character beyond the
basic plane two units. A segment border may not cut such a pair: the pair moves to the next segment and leaves
one place empty. A plain ceiling division does not count these places.
"""

from __future__ import annotations

import re

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"

_only_basic = re.compile(f"[{re.escape(_BASIC)}]*").fullmatch
_only_gsm = re.compile(f"[{re.escape(_BASIC + _EXTENSION)}]*").fullmatch
_wide_gsm = re.compile(f"[{re.escape(_EXTENSION)}]")
_wide_ucs = re.compile("[\U00010000-\U0010ffff]")


def count_segments(text: str) -> int:
    """Segments of ``text``; an empty text still takes one."""
    length = len(text)
    if _only_basic(text):
        return 1 if length <= 160 else -(-length // 153)
    if _only_gsm(text):
        return _count(text, _wide_gsm, alone=160, joined=153)
    return _count(text, _wide_ucs, alone=70, joined=67)


def _count(text: str, wide: re.Pattern[str], alone: int, joined: int) -> int:
    """Count with characters that take two places, given by ``wide``, and the rest one."""
    starts = [match.start() for match in wide.finditer(text)]
    places = len(text) + len(starts)
    if places <= alone:
        return 1
    # ``moved`` is how many places lie before a character beyond its index: the second halves of the pairs
    # before it, and the places left empty at borders.
    moved = 0
    for start in starts:
        if (start + moved) % joined == joined - 1:
            moved += 1
        moved += 1
    return -(-(len(text) + moved) // joined)
