"""Accounts, messages and numbers of a running provider, for the actions of its protocols."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mock_provider.engine import Engine, MessageView, NumberView
from mock_provider.inbox.store import Inbox
from mock_provider.protocols.lookups import AccountView

_UNLIMITED_POINTS = 1_000_000.0  # shown for an account without a balance


class ProviderLookups:
    """The ``Lookups`` of a running provider. ``now_ns`` is the engine's clock.

    ``cancelled`` is called after each ``cancel``: the engine may have effects that are due now.
    """

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        wall_offset_ns: Callable[[], int],
        now_ns: Callable[[], int] = time.monotonic_ns,
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self.inbox = inbox
        self._wall_offset_ns = wall_offset_ns
        self._now_ns = now_ns
        self._cancelled = cancelled

    def account(self, token: str) -> AccountView | None:
        account = self._engine.account(token)
        if account is None:
            return None
        points = account.balance_points
        return AccountView(account.name, _UNLIMITED_POINTS if points is None else points)

    @property
    def wall_offset_ns(self) -> int:
        return self._wall_offset_ns()

    def view(self, provider_id: str) -> MessageView | None:
        return self._engine.message(provider_id)

    def number(self, msisdn: str) -> NumberView:
        return self._engine.number(msisdn)

    def cancel(self, token: str, provider_ids: Sequence[str]) -> Sequence[str]:
        removed = self._engine.cancel(self._now_ns(), token, provider_ids)
        self._cancelled()
        return removed
