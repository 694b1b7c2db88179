"""Held messages that may fit the spending limits they have now, and are not fitted yet.

A higher limit may concern 200,000 of them. It only lists their ids, and they are fitted a few at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush


class ToFit:
    """Ids by campaign, which are taken in their order, whatever their campaign."""

    def __init__(self) -> None:
        self._ids: dict[str, list[int]] = {}  # heaps
        self._lowest: list[tuple[int, str]] = []  # a heap; an entry whose id is not the lowest one is old

    def __len__(self) -> int:
        """Campaigns with messages to fit."""
        return len(self._ids)

    def __contains__(self, campaign: str) -> bool:
        return campaign in self._ids

    def replace(self, campaign: str, ids: Sequence[int]) -> None:
        """The messages of ``campaign`` to fit are ``ids``, which are sorted."""
        self.drop(campaign)
        if ids:
            self._ids[campaign] = list(ids)
            self._note(campaign)

    def add(self, campaign: str, number: int) -> None:
        """One more message to fit."""
        ids = self._ids.setdefault(campaign, [])
        is_lowest = not ids or number < ids[0]
        heappush(ids, number)
        if is_lowest:  # otherwise the lowest one has its entry
            self._note(campaign)

    def drop(self, campaign: str) -> None:
        """No message of ``campaign`` fits."""
        self._ids.pop(campaign, None)

    def pop(self) -> int | None:
        """The lowest id, which is no longer to fit; None: there is none."""
        while self._lowest:
            number, campaign = heappop(self._lowest)
            ids = self._ids.get(campaign)
            if ids is None or ids[0] != number:
                continue
            while ids and ids[0] == number:
                heappop(ids)
            if ids:
                self._note(campaign)
            else:
                del self._ids[campaign]
            return number
        return None

    def _note(self, campaign: str) -> None:
        lowest = self._ids[campaign][0], campaign
        if not self._lowest or self._lowest[0] != lowest:
            heappush(self._lowest, lowest)
