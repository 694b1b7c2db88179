"""Request fields that the provider does not read: each name is logged once, and requests are counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable

log = logging.getLogger(__name__)

_MOST_NAMES = 100
_SHOWN_CHARACTERS = 40
_OTHERS = "(others)"


class UnreadFields:
    """Counts requests by field name, for a bounded number of names. Values are not kept or logged."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, endpoint: str, names: Iterable[str]) -> None:
        """Count the unread names of one request to ``endpoint``."""
        for name in names:
            shown = name[:_SHOWN_CHARACTERS]
            if shown in self._counts:
                self._counts[shown] += 1
            elif len(self._counts) < _MOST_NAMES:
                self._counts[shown] = 1
                log.warning("%s: the field %r is not read; it has no effect", endpoint, shown)
            else:
                self._counts[_OTHERS] = self._counts.get(_OTHERS, 0) + 1

    def counts(self) -> dict[str, int]:
        """Requests by field name."""
        return dict(self._counts)

    def clear(self) -> None:
        self._counts.clear()
