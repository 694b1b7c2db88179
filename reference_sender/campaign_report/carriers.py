"""The carrier of a number by its number range, from the tables of the ``phonenumbers`` library.

A number that was ported to another carrier keeps its range, so it counts for the first one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple


class NumberCarrier(NamedTuple):
    """``name`` is "" for a range without a carrier. ``country``: the ISO code, the calling code (+44) if
    several countries share it, or "".
    """

    name: str
    country: str


@cache
def carrier_finder() -> Callable[[str], NumberCarrier]:
    """A function from a number (digits in international form) to its carrier."""
    # The tables take 25 ms and a few MiB. A part of that time no other thread can run.
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.carrierdata import CARRIER_DATA, CARRIER_LONGEST_PREFIX

    countries = {str(code): _country(code, regions) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
    lengths = range(CARRIER_LONGEST_PREFIX, 1, -1)
    known: dict[tuple[str, str], NumberCarrier] = {}

    def find(number: str) -> NumberCarrier:
        country = countries.get(number[:1]) or countries.get(number[:2]) or countries.get(number[:3]) or ""
        name = ""
        for length in lengths:
            names = CARRIER_DATA.get(number[:length])
            if names is not None:
                name = names.get("en", "")
                break
        found = known.get((name, country))
        if found is None:
            found = known[name, country] = NumberCarrier(name, country)
        return found

    return find


def _country(code: int, regions: tuple[str, ...]) -> str:
    return regions[0] if len(regions) == 1 and regions[0].isalpha() else f"+{code}"
