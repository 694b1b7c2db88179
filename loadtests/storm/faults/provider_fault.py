"""The provider itself misbehaves, by the faults of its own engine (docs/faults.md)."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct
from pydantic import TypeAdapter

from loadtests.storm.fault import DrawRange, FaultTarget
from loadtests.storm.state import BEGIN_S
from mock_provider.engine.faults import FAULT_EXAMPLES, Faults

_FAULTS: TypeAdapter[Faults] = TypeAdapter(Faults)


class ProviderFault(Struct, frozen=True):
    """A fault of the provider of ``route``, in a window."""

    what: str  # an example of the engine's registry
    route: str
    begin_s: float
    end_s: float

    names: ClassVar[tuple[str, ...]] = tuple(FAULT_EXAMPLES)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls._of(random.choice(cls.names), random, within)

    @classmethod
    def next_of(cls, seed: int, random: Random, within: DrawRange) -> Self:
        """One whose kind follows from ``seed``: consecutive seeds have all kinds in turn."""
        return cls._of(cls.names[seed % len(cls.names)], random, within)

    @classmethod
    def _of(cls, what: str, random: Random, within: DrawRange) -> Self:
        begin_s, end_s = within.span(random, 40.0)
        return cls(what, within.route(random), begin_s, end_s)

    @property
    def kind(self) -> str:
        """That of the engine's registry."""
        return str(FAULT_EXAMPLES[self.what]["kind"])

    def begin(self, target: FaultTarget) -> None:
        window = {
            "name": self.what,
            "start_s": BEGIN_S + self.begin_s,
            "end_s": BEGIN_S + self.end_s,
            "clock": "absolute",
        }
        made = _FAULTS.validate_python([{**FAULT_EXAMPLES[self.what], **window}])
        of_route = target.state.provider_faults[self.route]
        if all(each.name != self.what for each in of_route):
            of_route.extend(made)


KIND = ProviderFault
