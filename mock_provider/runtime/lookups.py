"""What protocols may look up while they answer: accounts, messages, numbers."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from msgspec import structs

from mock_provider.engine import Engine, MessageView, NumberView
from mock_provider.inbox.store import Inbox
from mock_provider.protocols.lookups import (
    AccountView,
    CapturedMessage,
    MessageFilter,
    MessageStatus,
)

_UNLIMITED_POINTS = 1_000_000.0  # what an account without a balance shows
_MOST_NOTED = 10_000  # ids; the inbox holds as many messages by default


class ProviderLookups:
    """The ``Desk`` of a running provider. ``now_ns`` is the engine's clock.

    ``cancelled`` is called after an input to the engine, which may have made something due.
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
        self._inbox = inbox
        self._wall_offset_ns = wall_offset_ns
        self._now_ns = now_ns
        self._cancelled = cancelled
        self._redacted: OrderedDict[str, None] = OrderedDict()
        self._withdrawn: OrderedDict[str, None] = OrderedDict()

    def account(self, token: str) -> AccountView | None:
        account = self._engine.account(token)
        if account is None:
            return None
        points = account.balance_points
        return AccountView(account.name, _UNLIMITED_POINTS if points is None else points)

    def message(self, provider_id: str) -> CapturedMessage | None:
        if provider_id in self._withdrawn:
            return None
        message = self._inbox.find(provider_id)
        return message if message is None or not self._redacted else self._as_shown(message)

    def view(self, provider_id: str) -> MessageView | None:
        """What the engine knows of a message; also of one that the inbox has no more."""
        return self._engine.message(provider_id)

    def messages(self, wanted: MessageFilter) -> Iterator[CapturedMessage]:
        found = (message for message in self._inbox.newest_first() if _meets(message, wanted))
        if not self._redacted and not self._withdrawn:
            return found
        return (self._as_shown(message) for message in found if message.provider_id not in self._withdrawn)

    def number(self, msisdn: str) -> NumberView:
        return self._engine.number(msisdn)

    def cancel(self, token: str, provider_ids: Sequence[str]) -> Sequence[str]:
        removed = self._engine.cancel(self._now_ns(), token, provider_ids)
        self._cancelled()
        return removed

    def redact(self, provider_id: str) -> None:
        _note(self._redacted, provider_id)

    def withdraw(self, provider_id: str) -> None:
        _note(self._withdrawn, provider_id)

    def forget(self) -> None:
        """Forget what was redacted and withdrawn: after a reset the same ids may name other messages."""
        self._redacted.clear()
        self._withdrawn.clear()

    def statuses(self, provider_ids: Sequence[str]) -> list[MessageStatus]:
        """One an id, in order; also of messages that the inbox has no more."""
        return [self._status(self._engine.message(each), each) for each in provider_ids]

    def _as_shown(self, message: CapturedMessage) -> CapturedMessage:
        return structs.replace(message, text="") if message.provider_id in self._redacted else message

    def _status(self, view: MessageView | None, provider_id: str) -> MessageStatus:
        if view is None:
            return MessageStatus(provider_id, "")
        accepted_s = (view.t_accepted_ns + self._wall_offset_ns()) // 1_000_000_000
        return MessageStatus(
            provider_id, view.state.value, view.msisdn, view.client_ref, view.segments, view.price, accepted_s
        )


def _meets(message: CapturedMessage, wanted: MessageFilter) -> bool:
    return (
        wanted.wire in ("", message.wire)
        and wanted.number in ("", message.number)
        and wanted.sender in ("", message.sender)
        and (wanted.from_unix_s is None or message.accepted_unix_s >= wanted.from_unix_s)
        and (wanted.before_unix_s is None or message.accepted_unix_s < wanted.before_unix_s)
    )


def _note(ids: OrderedDict[str, None], provider_id: str) -> None:
    """Keep an id; the oldest goes when there are too many."""
    ids[provider_id] = None
    if len(ids) > _MOST_NOTED:
        ids.popitem(last=False)
