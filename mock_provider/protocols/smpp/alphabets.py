"""Octets of short messages to text. GSM 03.38 is unpacked, one septet per octet, as in SMPP."""

from __future__ import annotations

import codecs
import re
from typing import Literal

from mock_provider.engine.segments import GSM7_BASIC

Alphabet = Literal["gsm7", "latin1"]

_ESCAPE = 0x1B
_UNKNOWN = "?"
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
# The engine's table has no escape. With it, each character is at the index of its septet.
_BASIC = GSM7_BASIC[:_ESCAPE] + "\x1b" + GSM7_BASIC[_ESCAPE:]
_DECODED = _BASIC + _UNKNOWN * (256 - len(_BASIC))
_escaped = re.compile("\x1b(.)?", re.DOTALL).sub
_AFTER_ESCAPE = {_BASIC[septet]: character for septet, character in _EXTENSION.items()}
_ENCODED = {character: bytes((septet,)) for septet, character in enumerate(_BASIC)} | {
    character: bytes((_ESCAPE, septet)) for septet, character in _EXTENSION.items()
}
del _ENCODED["\x1b"]


def decode_gsm7(septets: bytes) -> str:
    """Octets above 0x7F become ``?``. An unknown extension is read without its escape, an escape of an
    escape or of nothing as a space (3GPP TS 23.038 §6.2.1.1)."""
    text = codecs.charmap_decode(septets, "strict", _DECODED)[0]
    if _ESCAPE in septets:
        return _escaped(_extension, text)
    return text


def encode_gsm7(text: str) -> bytes:
    """Characters that are not in the alphabet become ``?``."""
    return b"".join([_ENCODED.get(character, b"?") for character in text])


def decode_default(octets: bytes, alphabet: Alphabet) -> str:
    """Text of data_coding 0."""
    return decode_gsm7(octets) if alphabet == "gsm7" else octets.decode("latin-1")


def encode_default(text: str, alphabet: Alphabet) -> bytes:
    """Text for data_coding 0; characters that are not in the alphabet become ``?``."""
    return encode_gsm7(text) if alphabet == "gsm7" else text.encode("latin-1", "replace")


def _extension(found: re.Match[str]) -> str:
    character = found.group(1)
    return " " if character in (None, "\x1b") else _AFTER_ESCAPE.get(character, character)
