"""Reads open messages of earlier processes, and the ended messages of their campaigns as counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from reference_sender.dispatch.campaign_figures import CampaignCounts, counted_under
from reference_sender.dispatch.values import Message, Recovered, State
from reference_sender.runtime.driver import Driver
from reference_sender.store import CampaignEnd, Place, Store

_MOST = 100  # campaigns; of a further one only the open messages are counted
_Answer = TypeVar("_Answer")


class AskStore(Protocol):
    """Runs a question to the store in the thread that reads it."""

    def __call__(self, question: Callable[[], _Answer]) -> Awaitable[_Answer]: ...


class EarlierCampaigns:
    """Wraps the driver for ``Recovery``: the counts of a campaign include the messages that ended earlier.

    Messages up to ``last_id`` are of earlier processes. The counts of a campaign are read with its first open
    message, so none of its messages has ended in this process yet.
    """

    def __init__(self, ask: AskStore, store: Store, driver: Driver, last_id: int) -> None:
        self._ask = ask
        self._store = store
        self._driver = driver
        self._last_id = last_id
        self._known: set[str] = set()
        self._found: list[CampaignCounts] = []

    async def read(self, limit: int, place: Place | None) -> list[Recovered]:
        """As ``NodeStore.unfinished``. Raises ``StoreError``."""
        return await self._with_ends(lambda: self._store.unfinished(limit, place))

    async def sent_ids(self) -> Sequence[int]:
        """As ``NodeStore.sent_ids``. Raises ``StoreError``."""
        return await self._ask(self._store.sent_ids)

    async def read_sent(self, ids: Sequence[int]) -> list[Recovered]:
        """As ``NodeStore.sent``. Raises ``StoreError``."""
        return await self._with_ends(lambda: self._store.sent(ids))

    def recover(self, page: Sequence[Recovered], left: int, sent: int) -> None:
        """As ``Driver.recover``."""
        self._driver.recover(page, left, sent)
        self._count_ends()

    def recover_sent(self, page: Sequence[Recovered], left: int) -> None:
        """As ``Driver.recover_sent``."""
        self._driver.recover_sent(page, left)
        self._count_ends()

    async def _with_ends(self, read: Callable[[], list[Recovered]]) -> list[Recovered]:
        page = await self._ask(read)
        for message in self._new(page):
            name = message.campaign
            ends = await self._ask(partial(self._store.campaign_ends, name, self._last_id))
            self._known.add(name)
            self._found.append(self._counts(message, ends))
        return page

    def _count_ends(self) -> None:
        for counts in self._found:
            self._driver.campaigns.earlier(counts)
        self._found.clear()

    def _new(self, page: Iterable[Recovered]) -> list[Message]:
        """One message of each campaign that was not read before. The second message of an OTP is left out: it
        creates no counts to which the ended messages could be added.
        """
        of_page = {counted_under(each.message): each.message for each in page}
        room = _MOST - len(self._known)
        return [each for name, each in of_page.items() if name and name not in self._known][:room]

    def _counts(self, message: Message, ends: Iterable[CampaignEnd]) -> CampaignCounts:
        counts = CampaignCounts(message.campaign)
        for end in ends:
            if end.state is State.DELIVERED:
                counts.delivered += end.messages
            elif end.state is State.FAILED:
                counts.failed += end.messages
            else:
                counts.expired += end.messages
            if end.accepted:
                counts.sent_segments += end.segments
                counts.cost += end.segments * self._price(message, end.route)
        return counts

    def _price(self, message: Message, route: str | None) -> int:
        """The price of one segment. A price list needs phone numbers, which are not read for ended messages:
        the price of an open message is used.
        """
        spending = self._driver.gate.spending
        if spending is not None:
            return spending.prices.cost(message) // message.segments
        return self._driver.campaigns.route_prices.get(route or "", 0)
