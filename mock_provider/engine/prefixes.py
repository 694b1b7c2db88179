"""The carrier to which the numbering plan first assigned a number, by its prefix.

The table is the ``phonenumbers`` library's; it is read only for a profile that assigns numbers by prefix.
"""

from __future__ import annotations

from functools import cache

from mock_provider.engine.numbers import calling_code


class PrefixTable:
    """The prefixes of one country, with their carriers. A lookup needs one dict access per prefix length."""

    __slots__ = ("_lengths", "carriers")

    def __init__(self, country: str, carrier_of_name: dict[str, str]) -> None:
        self.carriers = {
            prefix: carrier_of_name[name]
            for prefix, name in _names(calling_code(country))
            if name in carrier_of_name
        }
        self._lengths = sorted({len(prefix) for prefix in self.carriers}, reverse=True)

    def carrier_of(self, msisdn: str) -> str | None:
        """The carrier of the longest known prefix. None: the plan has no such prefix."""
        carriers = self.carriers
        for length in self._lengths:
            carrier = carriers.get(msisdn[:length])
            if carrier is not None:
                return carrier
        return None


@cache
def _names(code: str) -> tuple[tuple[str, str], ...]:
    """The prefixes of a calling code, with their holders."""
    # The library's tables of all countries take 2 MiB and 20 ms: load them only here.
    from phonenumbers.carrierdata import CARRIER_DATA

    if not code:
        return ()
    return tuple(
        (prefix, names["en"])
        for prefix, names in CARRIER_DATA.items()
        if prefix.startswith(code) and "en" in names
    )
