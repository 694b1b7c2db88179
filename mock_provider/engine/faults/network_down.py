"""A carrier, or a whole country, is out of reach."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from mock_provider.settings.values import Refusal

Behaviour = Literal["hold", "fail", "refuse"]


class NetworkDown(Struct, frozen=True):
    """Per time: meets every message of these carriers or countries.

    ``hold``: it waits for the window's end; ``fail``: it fails when its turn at the carrier comes;
    ``refuse``: it is not accepted in the window, and what was accepted before goes on.
    """

    name: str
    carriers: frozenset[str]
    countries: frozenset[str]
    behaviour: Behaviour
    reason: str  # of the messages that fail
    refusal: Refusal

    def meets(self, country: str, carrier: str) -> bool:
        return carrier in self.carriers or country in self.countries
