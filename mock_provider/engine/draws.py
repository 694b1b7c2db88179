"""Chance as a hash: a draw depends on the seed and the key, never on the order of the draws."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Literal

IdStyle = Literal["digits", "hex", "sid", "uuid"]
Uniforms = tuple[float, float, float, float]

_words = struct.Struct("<4I").unpack
_SCALE = 2.0**-32
_NINETEEN_DIGITS = 10**18


class Draws:
    """Four independent uniforms, each in (0, 1), for a key in one of several domains."""

    __slots__ = ("_attempt", "_fate", "_fault", "_id", "_number", "_report")

    def __init__(self, seed: int) -> None:
        def domain(name: bytes) -> blake2b:
            started = blake2b(digest_size=16, person=name)
            started.update(b"%d " % seed)
            return started

        self._attempt = domain(b"attempt")
        self._fate = domain(b"fate")
        self._report = domain(b"report")
        self._number = domain(b"number")
        self._fault = domain(b"fault")
        self._id = domain(b"id")

    def attempt(self, key: str, attempt: int) -> Uniforms:
        """Of one submit: reply latency (two), reply error, and one spare."""
        return _uniforms(self._attempt.copy(), f"{attempt} {key}")

    def fate(self, key: str, ordinal: int) -> Uniforms:
        """Of one accepted message: carrier latency (two), failure, and one spare."""
        return _uniforms(self._fate.copy(), f"{ordinal} {key}")

    def report(self, key: str, ordinal: int) -> Uniforms:
        """Of one message's report: delay (two), loss, and one spare."""
        return _uniforms(self._report.copy(), f"{ordinal} {key}")

    def number(self, msisdn: str) -> Uniforms:
        """Of a number, for good: its carrier, whether it is valid, and two spare."""
        return _uniforms(self._number.copy(), msisdn)

    def fault(self, name: str, key: str, attempt: int) -> float:
        """Of one attempt, for one fault."""
        return _uniforms(self._fault.copy(), f"{name} {attempt} {key}")[0]

    def provider_id(self, key: str, ordinal: int, style: IdStyle = "digits") -> str:
        """Nineteen digits or 24 hexadecimal ones (SMSAPI has both), ``SM`` and 32 (Twilio), a UUID."""
        hashed = self._id.copy()
        hashed.update(f"{ordinal} {key}".encode("utf-8", "surrogatepass"))
        digest = hashed.digest()
        if style == "hex":
            return digest[:12].hex()
        if style == "sid":
            return "SM" + digest.hex()
        if style == "uuid":
            h = digest.hex()
            return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
        return str(_NINETEEN_DIGITS + int.from_bytes(digest[:8], "little") % (9 * _NINETEEN_DIGITS))


def _uniforms(hashed: blake2b, text: str) -> Uniforms:
    hashed.update(text.encode("utf-8", "surrogatepass"))
    a, b, c, d = _words(hashed.digest())
    # 32 bits and a half: each value is exact, and lies strictly between 0 and 1.
    return (a + 0.5) * _SCALE, (b + 0.5) * _SCALE, (c + 0.5) * _SCALE, (d + 0.5) * _SCALE
