"""What clients changed of their messages: redacted texts and deleted messages.

Requests to this protocol see the changes. The inbox keeps every message unchanged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from msgspec import structs

from mock_provider.protocols.lookups import CapturedMessage

_MOST_KEPT = 10_000  # ids; as many as the inbox holds messages


class MessageEdits:
    """Redacted and deleted messages, by id. At most ``_MOST_KEPT`` of each; the oldest are dropped first."""

    def __init__(self) -> None:
        self._redacted: OrderedDict[str, None] = OrderedDict()
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def redact(self, provider_id: str) -> None:
        _keep(self._redacted, provider_id)

    def delete(self, provider_id: str) -> None:
        _keep(self._deleted, provider_id)

    def applied_to(self, message: CapturedMessage) -> CapturedMessage | None:
        """The message as clients see it; None if it was deleted."""
        if message.provider_id in self._deleted:
            return None
        return structs.replace(message, text="") if message.provider_id in self._redacted else message

    def applied_to_all(self, messages: Iterable[CapturedMessage]) -> Iterator[CapturedMessage]:
        """The messages that were not deleted, as clients see them."""
        if not self._redacted and not self._deleted:
            yield from messages
            return
        for message in messages:
            edited = self.applied_to(message)
            if edited is not None:
                yield edited


def _keep(ids: OrderedDict[str, None], provider_id: str) -> None:
    ids[provider_id] = None
    if len(ids) > _MOST_KEPT:
        ids.popitem(last=False)
