"""Messages that have another message's id for the client.

The messages of a submit_multi share the id in its response, which is that of the first (§4.5.2); the
message of a replace_sm keeps the id of the one it replaced.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


class GroupIds:
    """At most ``capacity`` messages; older ones then have their own ids again."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._known_as: OrderedDict[str, str] = OrderedDict()
        self._members: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._known_as)

    def keep(self, known_as: str, provider_ids: Sequence[str]) -> None:
        """The client knows these messages by ``known_as``, which may be the id of one of them."""
        members = self._members.setdefault(known_as, {})
        for provider_id in provider_ids:
            self._known_as[provider_id] = known_as
            members[provider_id] = None
        while len(self._known_as) > self._capacity:
            self._drop(*self._known_as.popitem(last=False))

    def known_as(self, provider_id: str) -> str:
        """The client's id of a message."""
        return self._known_as.get(provider_id, provider_id)

    def members(self, message_id: str) -> Sequence[str]:
        """The messages that have this id for the client."""
        members = self._members.get(message_id)
        return (message_id,) if members is None else tuple(members)

    def replace(self, known_as: str, replaced: str, by: str) -> None:
        """The client's id ``known_as`` now means the message ``by`` instead of ``replaced``."""
        if self._known_as.pop(replaced, None) is not None:
            self._drop(replaced, known_as)
        self.keep(known_as, (by,))

    def clear(self) -> None:
        self._known_as.clear()
        self._members.clear()

    def _drop(self, provider_id: str, known_as: str) -> None:
        members = self._members.get(known_as, {})
        members.pop(provider_id, None)
        if not members:
            self._members.pop(known_as, None)
