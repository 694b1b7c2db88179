"""Random draws as hashes: a draw depends on the seed and the key, not on the order of the draws."""

from __future__ import annotations

import struct
from hashlib import blake2b

from mock_provider.settings.values import IdStyle

Uniforms = tuple[float, float, float]

_words = struct.Struct("<4I").unpack_from
_three_words = struct.Struct("<3I").unpack_from
_first_word = struct.Struct("<I").unpack_from
_word = struct.Struct("<Q").unpack_from
_SCALE = 2.0**-32
_NINETEEN_DIGITS = 10**18
_SIGNED_64_BITS = 2**63  # ids stay below it: gateways and databases store them in signed 64 bits
_SEVEN_BITS = tuple(f"{octet >> 1:02x}" for octet in range(256))


class Draws:
    """Independent uniforms, each in (0, 1), for a key in one of several domains."""

    __slots__ = ("_attempt", "_fault", "_first_message", "_message", "_number")

    def __init__(self, seed: int) -> None:
        def domain(name: bytes, size: int = 16) -> blake2b:
            started = blake2b(digest_size=size, person=name)
            started.update(b"%d " % seed)
            return started

        self._attempt = domain(b"attempt")
        self._number = domain(b"number")
        self._fault = domain(b"fault")
        self._message = domain(b"message", 48)
        # Nearly every message is the first with its key: the hash has its ordinal already.
        self._first_message = self._message.copy()
        self._first_message.update(b"1 ")

    def attempt(self, key: str, attempt: int) -> Uniforms:
        """For one submit: reply latency (two), reply error."""
        text = f"1 {key}" if attempt == 1 else f"{attempt} {key}"  # a number takes longer to format
        a, b, c = _three_words(_hashed(self._attempt, text))
        return (a + 0.5) * _SCALE, (b + 0.5) * _SCALE, (c + 0.5) * _SCALE

    def message(self, key: str, ordinal: int) -> bytes:
        """All draws of one accepted message, for ``outcome_of``, ``report_of`` and ``id_of``.

        One hash gives all three, which are independent: a hash takes longer than the rest of the calculation.
        """
        if ordinal == 1:
            return _hashed(self._first_message, key)
        return _hashed(self._message, f"{ordinal} {key}")

    def number(self, msisdn: str) -> tuple[float, float, float, float]:
        """For a number, always the same: carrier, validity, whether it was ported, and from which carrier."""
        a, b, c, d = _words(_hashed(self._number, msisdn))
        return (a + 0.5) * _SCALE, (b + 0.5) * _SCALE, (c + 0.5) * _SCALE, (d + 0.5) * _SCALE

    def carrier(self, msisdn: str) -> float:
        """The first of ``number``. Most profiles need no other."""
        carrier: float = (_first_word(_hashed(self._number, msisdn))[0] + 0.5) * _SCALE
        return carrier

    def fault(self, name: str, key: str, attempt: int) -> float:
        """For one fault, and one attempt, message or report."""
        value: float = (_words(_hashed(self._fault, f"{name} {attempt} {key}"))[0] + 0.5) * _SCALE
        return value

    def provider_id(self, key: str, ordinal: int, style: IdStyle = "digits") -> str:
        return id_of(self.message(key, ordinal), style)


def outcome_of(chances: bytes) -> Uniforms:
    """For one accepted message: carrier latency (two), failure."""
    a, b, c = _three_words(chances)
    # 32 bits plus one half: each value is exact, and strictly between 0 and 1. Written out in each place:
    # each runs for every message.
    return (a + 0.5) * _SCALE, (b + 0.5) * _SCALE, (c + 0.5) * _SCALE


def report_of(chances: bytes) -> Uniforms:
    """For the report of one message: delay (two), loss."""
    a, b, c = _three_words(chances, 16)
    return (a + 0.5) * _SCALE, (b + 0.5) * _SCALE, (c + 0.5) * _SCALE


def id_of(chances: bytes, style: IdStyle = "digits") -> str:
    """A provider id: 19 digits, 24 or 16 hexadecimal (SMSAPI), ``SM`` or ``MM`` and 32 (Twilio), a UUID.

    ``digits`` and ``hex16`` are numbers below 2^63.
    """
    if style == "digits":
        return str(_NINETEEN_DIGITS + _word(chances, 32)[0] % (_SIGNED_64_BITS - _NINETEEN_DIGITS))
    if style == "hex16":
        return _SEVEN_BITS[chances[32]] + chances[33:40].hex()
    if style == "hex":
        return chances[32:44].hex()
    h = chances[32:48].hex()
    if style == "sid":
        return "SM" + h
    if style == "media_sid":
        return "MM" + h
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _hashed(domain: blake2b, text: str) -> bytes:
    hashed = domain.copy()
    try:
        hashed.update(text.encode())
    except UnicodeEncodeError:  # a key may hold half a surrogate; the handler takes longer for all others
        hashed.update(text.encode("utf-8", "surrogatepass"))
    return hashed.digest()
