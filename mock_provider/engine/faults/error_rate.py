"""The provider refuses for no reason of the submit's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.values import Refusal

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ErrorRate(Struct, frozen=True):
    """Per attempt: each submit of a key is drawn anew, so that a retry may pass."""

    name: str
    share: float
    refusal: Refusal

    def hits(self, draws: Draws, key: str, attempt: int) -> bool:
        return draws.fault(self.name, key, attempt) < self.share
