"""A carrier, or all carriers of a country, cannot be reached."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mock_provider.engine.faults.hooks import ActingFault, AirTime, AtAdmission, AtCarrier, AtQueue
from mock_provider.engine.faults.settings import FaultSettings
from mock_provider.engine.outcome import final_outcome
from mock_provider.engine.values import MessageState
from mock_provider.settings.network import CountryCode
from mock_provider.settings.values import Refusal

CarrierName = Annotated[str, Field(pattern="^[A-Za-z0-9._ -]{1,64}$")]
Behaviour = Literal["hold", "fail", "refuse"]

_DESCRIPTIONS = {
    "hold": "their messages wait",
    "fail": "their messages fail",
    "refuse": "their messages refused",
}


class CarrierDown(FaultSettings):
    """Messages of these carriers wait (``hold``), fail, or are refused when they are submitted."""

    kind: Literal["carrier_down"]
    carriers: Annotated[tuple[CarrierName, ...], Field(min_length=1)]
    behaviour: Behaviour = "hold"
    refusal: Refusal = Refusal.UNAVAILABLE

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "carrier_down_hold": {"carriers": ["any"], "behaviour": "hold"},
        "carrier_down_fail": {"carriers": ["any"], "behaviour": "fail"},
        "carrier_down_refuse": {"carriers": ["any"], "behaviour": "refuse"},
    }

    def misfits(self, carriers: Collection[str], limits: Mapping[str, object]) -> Iterator[str]:
        unknown = sorted(set(self.carriers) - set(carriers))
        if unknown:
            yield f"carriers: no carrier {', '.join(unknown)} (allowed: {', '.join(sorted(carriers))})"

    def description(self) -> str:
        return f"carrier down: {', '.join(self.carriers)}, {_DESCRIPTIONS[self.behaviour]}"

    def acting(self, start_ns: int, end_ns: int) -> ActingFault:
        return _acting(self, Networks(carriers=frozenset(self.carriers)))


class CountryDown(FaultSettings):
    """Messages to these countries wait (``hold``), fail, or are refused when they are submitted."""

    kind: Literal["country_down"]
    countries: Annotated[tuple[CountryCode, ...], Field(min_length=1)]
    behaviour: Behaviour = "hold"
    refusal: Refusal = Refusal.UNAVAILABLE

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "country_down_hold": {"countries": ["PL"], "behaviour": "hold"},
        "country_down_fail": {"countries": ["PL"], "behaviour": "fail"},
        "country_down_refuse": {"countries": ["PL"], "behaviour": "refuse"},
    }

    def description(self) -> str:
        return f"country down: {', '.join(self.countries)}, {_DESCRIPTIONS[self.behaviour]}"

    def acting(self, start_ns: int, end_ns: int) -> ActingFault:
        return _acting(self, Networks(countries=frozenset(self.countries)))


@dataclass(frozen=True, slots=True)
class Networks:
    """The carriers, or the countries with all their carriers, that are down."""

    carriers: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    def include(self, country: str, carrier: str) -> bool:
        return carrier in self.carriers or country in self.countries


def _acting(settings: CarrierDown | CountryDown, down: Networks) -> ActingFault:
    """Per time: every message of these networks."""
    if settings.behaviour == "hold":
        return AtQueue(settings.name, down.carriers, down.countries)
    if settings.behaviour == "fail":
        return FailingNetwork(settings.name, down, settings.kind)
    return ClosedNetwork(settings.name, settings.refusal, down)


@dataclass(frozen=True, slots=True)
class ClosedNetwork(AtAdmission):
    """Messages are not accepted in the window. Those that were accepted before are delivered."""

    down: Networks

    def meets(self, country: str, carrier: str) -> bool:
        return self.down.include(country, carrier)


@dataclass(frozen=True, slots=True)
class FailingNetwork(AtCarrier):
    """A message fails when its turn at the carrier comes, for ``reason``."""

    down: Networks
    reason: str

    order: ClassVar[int] = 1  # after a brown-out in order: a failed message has no radio delay

    def change(self, air: AirTime, country: str, carrier: str, at_ns: int) -> AirTime | None:
        if not self.down.include(country, carrier):
            return None
        return AirTime(0, 0, final_outcome(MessageState.UNDELIVERED, self.reason), is_final=True)
