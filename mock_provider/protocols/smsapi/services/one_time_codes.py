"""One-time codes a provider makes, sends and verifies on a sender's behalf (SMSAPI's ``mfa/codes``)."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

from msgspec import Struct

from mock_provider.engine.draws import Draws

_DOMAIN = "one-time code"  # among the draws for faults, whose names have no space


class CodeVerdict(Enum):
    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"


class _Entry(Struct, gc=False):
    drawn: int  # codes drawn for the number so far
    code: str = ""
    expires_ns: int = 0


class OneTimeCodes:
    """The codes of the last ``capacity`` numbers. The code is a hash of seed, number and count.

    Time is the caller's monotonic scale. Of several codes for a number only the last one counts, once.
    """

    def __init__(self, draws: Draws, capacity: int = 100_000) -> None:
        self._draws = draws
        self._capacity = capacity
        self._of_number: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of_number)

    def draw(self, msisdn: str, digits: int) -> str:
        """The next code for a number, with this number of digits. It is not valid before ``issue``."""
        entry = self._of_number.pop(msisdn, None) or _Entry(0)
        self._of_number[msisdn] = entry  # moved to the end, in order of last use
        entry.drawn += 1
        if len(self._of_number) > self._capacity:
            self._of_number.popitem(last=False)
        uniform = self._draws.fault(_DOMAIN, msisdn, entry.drawn)
        return str(int(uniform * 10**digits)).zfill(digits)

    def issue(self, msisdn: str, code: str, expires_ns: int) -> None:
        """Store a sent code. It replaces the earlier code and is valid before ``expires_ns``."""
        entry = self._of_number.get(msisdn)
        if entry is not None:
            entry.code, entry.expires_ns = code, expires_ns

    def verify(self, msisdn: str, code: str, now_ns: int) -> CodeVerdict:
        """A correct code is valid once. A wrong code changes nothing."""
        entry = self._of_number.get(msisdn)
        if entry is None or not code or entry.code != code:
            return CodeVerdict.WRONG
        if now_ns >= entry.expires_ns:
            return CodeVerdict.EXPIRED
        entry.code = ""
        return CodeVerdict.RIGHT
