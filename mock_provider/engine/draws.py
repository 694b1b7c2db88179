"""Chance as a hash: what is drawn for a key depends on the seed and the key, never on the order of the draws."""

from __future__ import annotations

import struct
from hashlib import blake2b

Uniforms = tuple[float, float, float, float]

_words = struct.Struct("<4Q").unpack
# 52 bits and a half: every value is exact and lies strictly between 0 and 1.
_SCALE = 2.0**-52
_HALF = 2.0**-53
_NINETEEN_DIGITS = 10**18


class Draws:
    """Four independent uniforms, each in (0, 1), for a key in one of several domains."""

    __slots__ = ("_attempt", "_fate", "_fault", "_id", "_number", "_report")

    def __init__(self, seed: int) -> None:
        def domain(name: bytes) -> blake2b:
            started = blake2b(digest_size=32, person=name)
            started.update(b"%d\0" % seed)
            return started

        self._attempt = domain(b"attempt")
        self._fate = domain(b"fate")
        self._report = domain(b"report")
        self._number = domain(b"number")
        self._fault = domain(b"fault")
        self._id = domain(b"id")

    def attempt(self, key: str, attempt: int) -> Uniforms:
        """Of one submit: reply latency (two), reply error, and one spare."""
        return _uniforms(self._attempt.copy(), f"{attempt}\0{key}")

    def fate(self, key: str, ordinal: int) -> Uniforms:
        """Of one accepted message: carrier latency (two), failure, and one spare."""
        return _uniforms(self._fate.copy(), f"{ordinal}\0{key}")

    def report(self, key: str, ordinal: int) -> Uniforms:
        """Of one message's report: delay (two), loss, and one spare."""
        return _uniforms(self._report.copy(), f"{ordinal}\0{key}")

    def number(self, msisdn: str) -> Uniforms:
        """Of a number, for good: its carrier, whether it is valid, and two spare."""
        return _uniforms(self._number.copy(), msisdn)

    def fault(self, name: str, key: str, attempt: int) -> float:
        """Of one attempt, for one fault."""
        return _uniforms(self._fault.copy(), f"{name}\0{attempt}\0{key}")[0]

    def provider_id(self, key: str, ordinal: int, *, hexadecimal: bool) -> str:
        """Nineteen digits, or 24 hexadecimal digits (both forms exist at SMSAPI)."""
        hashed = self._id.copy()
        hashed.update(f"{ordinal}\0{key}".encode("utf-8", "surrogatepass"))
        digest = hashed.digest()
        if hexadecimal:
            return digest[:12].hex()
        return str(_NINETEEN_DIGITS + int.from_bytes(digest[:8], "little") % (9 * _NINETEEN_DIGITS))


def _uniforms(hashed: blake2b, text: str) -> Uniforms:
    hashed.update(text.encode("utf-8", "surrogatepass"))
    a, b, c, d = _words(hashed.digest())
    return (
        (a >> 12) * _SCALE + _HALF,
        (b >> 12) * _SCALE + _HALF,
        (c >> 12) * _SCALE + _HALF,
        (d >> 12) * _SCALE + _HALF,
    )
