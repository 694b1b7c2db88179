"""Form escapes (WHATWG URL §1.3, §5.1), decoded by C code and within limits.

One event loop serves every client: a body of 15 MB that consists of escapes or separators must not delay the
others for seconds.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from functools import lru_cache

# 10,000 recipients with a reference and four parameters each, one field per value, and the other
# fields of a send.
MOST_FIELDS = 65_000
_MOST_STRAY = 65_000
_CACHED_CHARACTERS = 2_000  # a longer text is not repeated, so a cache entry would be useless

_stray = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class FormTooLargeError(Exception):
    """A form has too many fields or stray percent signs; the text says which."""


def require_few_fields(form: bytes) -> None:
    """Raises ``FormTooLargeError`` for a form of more than ``MOST_FIELDS`` fields."""
    if len(form) >= MOST_FIELDS and form.count(b"&") >= MOST_FIELDS:
        raise FormTooLargeError(f"a form may have at most {MOST_FIELDS} fields")


def unescaped(octets: bytes) -> bytes:
    """``octets`` with each escape (``%41``) decoded. A percent sign that does not begin an escape stays.

    Raises ``FormTooLargeError`` for tens of thousands of such signs.
    """
    if b"%" not in octets:
        return octets
    octets, stray = _stray.subn(b"%25", octets, _MOST_STRAY)
    if stray == _MOST_STRAY:
        raise FormTooLargeError(f"a value may have fewer than {_MOST_STRAY} percent signs outside escapes")
    # Quoted-printable differs only in its sign, if each sign begins an escape.
    return a2b_qp(octets.replace(b"=", b"=3D").replace(b"%", b"="))


def unescaped_text(text: str, charset: str = "utf-8") -> str:
    """As ``unescaped``, then decoded. Raises ``UnicodeDecodeError`` also."""
    return _shared(text, charset) if len(text) <= _CACHED_CHARACTERS else _text(text, charset)


def _text(text: str, charset: str) -> str:
    return unescaped(text.encode(charset)).decode(charset)


# The report URL, the same in every request, is most of what is escaped.
_shared = lru_cache(maxsize=512)(_text)
