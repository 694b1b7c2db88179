"""Which carrier a number belongs to, and what each carrier does with a message."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.distributions import Sampler, sampler
from mock_provider.engine.message import DELIVERED, Fate, fate
from mock_provider.engine.numbers import country_of
from mock_provider.engine.values import MessageState

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws, Uniforms
    from mock_provider.profiles import schema

ANY_COUNTRY = "*"


class Carrier(Struct, frozen=True, gc=False):
    """``failure_limits`` are the running sums of the shares of ``failures``."""

    name: str
    mcc: str
    mnc: str
    latency: Sampler
    fast_latency: Sampler
    failure_limits: tuple[float, ...]
    failures: tuple[Fate, ...]

    def draw(self, uniforms: Uniforms, fast: bool) -> tuple[int, Fate]:
        """Latency in ns and fate of one message, from its own uniforms."""
        u, v, w, _ = uniforms
        latency_ns = self.fast_latency(u, v) if fast else self.latency(u, v)
        if not self.failures or w >= self.failure_limits[-1]:
            return latency_ns, DELIVERED
        return latency_ns, self.failures[bisect_right(self.failure_limits, w)]


class Router:
    """A number keeps its carrier, whatever its prefix says: numbers are ported (sms-domain.md §5.1)."""

    __slots__ = ("_by_country", "_draws", "_invalid_share", "carriers")

    def __init__(self, profile: schema.Profile, draws: Draws) -> None:
        self._draws = draws
        self._invalid_share = profile.numbers.invalid_share
        self.carriers: dict[str, Carrier] = {}
        by_country: dict[str, list[schema.Carrier]] = {}
        for section in profile.carriers:
            self.carriers[section.name] = _carrier(section, profile.delivery)
            by_country.setdefault(section.country, []).append(section)
        self._by_country = {country: self._table(sections) for country, sections in by_country.items()}

    def route(self, msisdn: str) -> tuple[str, str] | None:
        """Country and carrier of a number; None where no carrier serves it or it does not exist."""
        country = country_of(msisdn)
        table = self._by_country.get(country) or self._by_country.get(ANY_COUNTRY)
        if table is None:
            return None
        limits, names = table
        if len(names) == 1 and not self._invalid_share:
            return country, names[0]
        place, existence, _, _ = self._draws.number(msisdn)
        if existence < self._invalid_share:
            return None
        return country, names[bisect_right(limits, place)]

    def _table(self, sections: list[schema.Carrier]) -> tuple[list[float], list[str]]:
        total = sum(section.share for section in sections)
        limits = list(accumulate(section.share / total for section in sections))
        limits[-1] = 1.0
        return limits, [section.name for section in sections]


def _carrier(section: schema.Carrier, default: schema.Delivery) -> Carrier:
    latency = section.latency or default.latency
    # What a carrier says of itself goes before what the profile says of all.
    fast_latency = section.fast_latency or section.latency or default.fast_latency or default.latency
    failures = default.failures if section.failures is None else section.failures
    return Carrier(
        section.name,
        section.mcc,
        section.mnc,
        sampler(latency),
        sampler(fast_latency),
        tuple(accumulate(failure.share for failure in failures)),
        tuple(fate(MessageState(failure.state), failure.reason) for failure in failures),
    )
