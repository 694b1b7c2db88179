"""The numbers to which an account does not send. Times are unix seconds, given by the caller."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class BlockedNumber(Struct, frozen=True, gc=False):
    """``expires_s``: when the block ends; None: never."""

    id: str
    msisdn: str
    created_s: float
    expires_s: float | None = None


class Blacklist:
    """At most ``capacity`` different numbers, in the order of their addition."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._of_number: dict[str, BlockedNumber] = {}
        self._number_of_id: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._of_number)

    def add(self, entry: BlockedNumber) -> bool:
        """Block a number, or replace its earlier entry. False: there are too many."""
        earlier = self._of_number.get(entry.msisdn)
        if earlier is not None:
            del self._number_of_id[earlier.id]
        elif len(self._of_number) >= self._capacity:
            return False
        self._of_number[entry.msisdn] = entry
        self._number_of_id[entry.id] = entry.msisdn
        return True

    def remove(self, entry_id: str) -> bool:
        """False: there is no such entry."""
        msisdn = self._number_of_id.pop(entry_id, None)
        if msisdn is None:
            return False
        del self._of_number[msisdn]
        return True

    def remove_number(self, msisdn: str) -> None:
        entry = self._of_number.get(msisdn)
        if entry is not None:
            self.remove(entry.id)

    def listed(self, now_s: float, part: str = "") -> list[BlockedNumber]:
        """Entries in force whose number contains ``part``."""
        return [e for e in self._of_number.values() if part in e.msisdn and _is_active(e, now_s)]

    def among(self, msisdns: Iterable[str], now_s: float) -> frozenset[str]:
        """Those of ``msisdns`` that are blocked now."""
        entries = self._of_number
        return frozenset(n for n in msisdns if n in entries and _is_active(entries[n], now_s))

    def clear(self) -> None:
        self._of_number.clear()
        self._number_of_id.clear()


def _is_active(entry: BlockedNumber, now_s: float) -> bool:
    return entry.expires_s is None or now_s < entry.expires_s
