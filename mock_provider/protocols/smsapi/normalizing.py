"""SMSAPI's ``normalize``: removes accents, so that a text stays in the GSM-7 alphabet."""

from __future__ import annotations

import unicodedata

from mock_provider.engine.segments import GSM7_BASIC, GSM7_EXTENSION

_gsm7_characters = frozenset(GSM7_BASIC + GSM7_EXTENSION)

# What Unicode's decomposition leaves as it is: some letters, quotation marks, dashes, an ellipsis, spaces.
_REPLACEMENTS = str.maketrans(
    {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "\u0131": "i", "œ": "oe", "Œ": "OE", "…": "...", "•": "*"}
    | dict.fromkeys("\u2018\u2019\u201a\u0060\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u00a0\u202f\u2009\t", " ")
)


def normalize(text: str) -> str:
    """The text without accents that are not in the GSM-7 alphabet, as by SMSAPI's ``normalize``.

    A character without a known replacement stays. Twilio's Smart Encoding is another table
    (``protocols.twilio.smart_encoding``).
    """
    return "".join(c if c in _gsm7_characters else _plain(c) for c in text)


def _plain(character: str) -> str:
    replaced = character.translate(_REPLACEMENTS)
    bare = "".join(c for c in unicodedata.normalize("NFKD", replaced) if not unicodedata.combining(c))
    return bare if bare and all(c in _gsm7_characters for c in bare) else character
