"""Taken, answered, gone: the provider's own disk or queue lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class AcceptThenLose(Struct, frozen=True):
    """Per message: one that is sent again has a chance of its own."""

    name: str
    share: float

    def hits(self, draws: Draws, key: str, ordinal: int) -> bool:
        return draws.fault(self.name, key, ordinal) < self.share
