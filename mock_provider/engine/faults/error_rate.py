"""The provider refuses for no reason of the submit's own."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.settings.values import Refusal

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ErrorRate(Struct, frozen=True):
    """Per attempt: each submit of a key is drawn anew, so that a retry may pass.

    ``limits`` are the running sums of the shares of ``refusals``.
    """

    name: str
    limits: tuple[float, ...]
    refusals: tuple[Refusal, ...]

    def refusal(self, draws: Draws, key: str, attempt: int) -> Refusal | None:
        """What this attempt is refused with, or None."""
        drawn = draws.fault(self.name, key, attempt)
        return self.refusals[bisect_right(self.limits, drawn)] if drawn < self.limits[-1] else None
