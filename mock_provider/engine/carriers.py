"""The carrier of a number, and the delays and failures of each carrier."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.distributions import Radio, radio_of
from mock_provider.engine.magic import BY_MSISDN, Magic
from mock_provider.engine.money import MICRO
from mock_provider.engine.numbers import country_of, is_mobile
from mock_provider.engine.outcome import DELIVERED, FinalOutcome, final_outcome
from mock_provider.engine.prefixes import PrefixTable
from mock_provider.engine.values import MessageState

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws, Uniforms
    from mock_provider.engine.settings import EngineSettings
    from mock_provider.settings import sections

ANY_COUNTRY = "*"


class Carrier(Struct, frozen=True, gc=False):
    """``failure_limits`` are the running sums of the shares of ``failures``."""

    name: str
    mcc: str
    mnc: str
    radio: Radio
    priority_radio: Radio
    failure_limits: tuple[float, ...]
    failures: tuple[FinalOutcome, ...]

    def draw(self, uniforms: Uniforms, priority: bool) -> tuple[int, int, FinalOutcome]:
        """From the uniforms of one message: radio in ns, wait for its phone in ns, outcome."""
        u, v, w = uniforms
        radio = self.priority_radio if priority else self.radio
        if v >= radio.absent_share:
            radio_ns, wait_ns = radio.body(u, v), 0
        else:
            radio_ns, wait_ns = radio.absent(u, v)
        if not self.failures or w >= self.failure_limits[-1]:
            return radio_ns, wait_ns, DELIVERED
        return radio_ns, wait_ns, self.failures[bisect_right(self.failure_limits, w)]


class _Serving(Struct, frozen=True, gc=False):
    """The carriers of one country: running sums of their shares, share of ported numbers, prefixes."""

    limits: list[float]
    names: list[str]
    ported_share: float
    prefixes: PrefixTable | None


class CarrierLookup:
    """A number always has the same carrier. Its prefix does not decide it, since numbers are ported
    (docs/sources.md).
    """

    __slots__ = (
        "_by_country",
        "_closely",
        "_draws",
        "_invalid_share",
        "_price_of_carrier",
        "_price_of_country",
        "_strict",
        "carriers",
        "magic",
        "priced",
    )

    def __init__(self, profile: EngineSettings, draws: Draws) -> None:
        self._draws = draws
        numbers = profile.numbers
        self._invalid_share = numbers.invalid_share
        self._strict = numbers.validity == "strict"
        self.magic: dict[str, Magic] = BY_MSISDN if numbers.magic else {}
        self._closely = self._strict or numbers.carrier_assignment == "prefix" or numbers.magic
        self.carriers: dict[str, Carrier] = {}
        by_country: dict[str, list[sections.CarrierSettings]] = {}
        for section in profile.carriers:
            self.carriers[section.name] = _carrier(section, profile.delivery)
            by_country.setdefault(section.country, []).append(section)
        ported = {rules.country: rules.ported_share for rules in profile.rules}
        self._by_country = {
            country: _serving(country, carriers, numbers, ported.get(country))
            for country, carriers in by_country.items()
        }
        self._price_of_carrier = _micro({c.name: c.price_per_segment for c in profile.carriers})
        self._price_of_country = _micro({r.country: r.price_per_segment for r in profile.rules})
        self.priced = bool(self._price_of_carrier or self._price_of_country)

    def route(self, msisdn: str) -> tuple[str, str] | None:
        """Country and carrier of a number. None: no carrier serves it, or it does not exist."""
        country = country_of(msisdn)
        serving = self._by_country.get(country) or self._by_country.get(ANY_COUNTRY)
        if serving is None:
            return None
        if self._closely:
            return self._route_closely(country, serving, msisdn)
        names = serving.names
        if not self._invalid_share:
            if len(names) == 1:
                return country, names[0]
            return country, names[bisect_right(serving.limits, self._draws.carrier(msisdn))]
        place, existence, _, _ = self._draws.number(msisdn)
        if existence < self._invalid_share:
            return None
        return country, names[bisect_right(serving.limits, place)]

    def ported_from(self, msisdn: str) -> str:
        """The carrier that a ported number was assigned to first; empty: not ported."""
        route = self.route(msisdn)
        if route is None:
            return ""
        serving = self._by_country.get(route[0]) or self._by_country[ANY_COUNTRY]
        _, _, porting, other = self._draws.number(msisdn)
        if porting >= serving.ported_share or len(serving.names) == 1:
            return ""
        first = None if serving.prefixes is None else serving.prefixes.carrier_of(msisdn)
        return _another(serving, route[1], other) if first is None else first

    def price_micro(self, country: str, carrier: str) -> int | None:
        """The price of a segment in millionths of a point. None: the price of the account."""
        price = self._price_of_carrier.get(carrier)
        return self._price_of_country.get(country) if price is None else price

    def _route_closely(self, country: str, serving: _Serving, msisdn: str) -> tuple[str, str] | None:
        place, existence, porting, other = self._draws.number(msisdn)
        if msisdn not in self.magic:
            if self._strict and not is_mobile(msisdn):
                return None
            if existence < self._invalid_share:
                return None
        first = None if serving.prefixes is None else serving.prefixes.carrier_of(msisdn)
        if first is None:
            return country, serving.names[bisect_right(serving.limits, place)]
        if porting < serving.ported_share and len(serving.names) > 1:
            return country, _another(serving, first, other)
        return country, first


def _serving(
    country: str,
    carriers: list[sections.CarrierSettings],
    numbers: sections.Numbers,
    ported_share: float | None,
) -> _Serving:
    total = sum(section.share for section in carriers)
    limits = list(accumulate(section.share / total for section in carriers))
    limits[-1] = 1.0
    prefixes = None
    if numbers.carrier_assignment == "prefix" and country != ANY_COUNTRY:
        carrier_of_name = {name: section.name for section in carriers for name in section.prefix_names}
        prefixes = PrefixTable(country, carrier_of_name)
    share = numbers.ported_share if ported_share is None else ported_share
    return _Serving(limits, [section.name for section in carriers], share, prefixes)


def _another(serving: _Serving, name: str, u: float) -> str:
    """One of the other carriers, by their shares."""
    place = serving.names.index(name)
    start = serving.limits[place - 1] if place else 0.0
    own = serving.limits[place] - start
    at = u * (1.0 - own)
    found = min(bisect_right(serving.limits, at if at < start else at + own), len(serving.names) - 1)
    # If rounding selects the carrier itself, use its neighbour.
    return serving.names[found if found != place else place - 1 if place else 1]


def _micro(prices: dict[str, float | None]) -> dict[str, int]:
    return {name: round(price * MICRO) for name, price in prices.items() if price is not None}


def _carrier(section: sections.CarrierSettings, default: sections.Delivery) -> Carrier:
    latency = section.latency or default.latency
    # A setting of a carrier takes precedence over the setting for all carriers.
    priority_latency = (
        section.priority_latency or section.latency or default.priority_latency or default.latency
    )
    failures = default.failures if section.failures is None else section.failures
    return Carrier(
        section.name,
        section.mcc,
        section.mnc,
        radio_of(latency),
        radio_of(priority_latency),
        tuple(accumulate(failure.share for failure in failures)),
        tuple(final_outcome(MessageState(failure.state), failure.reason) for failure in failures),
    )
