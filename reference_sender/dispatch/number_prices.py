"""What a segment costs on each route, by the number of its recipient."""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch.values import RouteLimits


class NumberPrices:
    """The prices of all routes. The longest prefix of a number counts."""

    def __init__(self, routes: Sequence[RouteLimits]) -> None:
        self._usual = [limits.cost_per_segment for limits in routes]
        self._by_prefix = [dict(limits.cost_by_prefix) for limits in routes]
        lengths = {len(prefix) for prices in self._by_prefix for prefix in prices}
        self._lengths = sorted(lengths, reverse=True)

    @property
    def differ_by_number(self) -> bool:
        """Whether any route has a price that is not the same for all numbers."""
        return bool(self._lengths)

    def of(self, index: int, number: str | None) -> float:
        """The price of a segment to ``number`` on the route of that index; None: to most numbers."""
        prices = self._by_prefix[index]
        if number is not None and prices:
            for length in self._lengths:
                price = prices.get(number[:length])
                if price is not None:
                    return price
        return self._usual[index]

    def of_all(self, number: str) -> list[float]:
        """The prices of a segment to ``number``, by route."""
        return [self.of(index, number) for index in range(len(self._usual))]
