"""Delivery reports that are lost, come late, out of order, twice, or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.distributions import Sampler

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ReportLoss(Struct, frozen=True):
    """Per report, of messages that end in the window: it is never sent."""

    name: str
    share: float

    def hits(self, draws: Draws, key: str, ordinal: int) -> bool:
        return draws.fault(self.name, key, ordinal) < self.share


class ReportDuplicate(Struct, frozen=True):
    """Per report, of messages that end in the window: sent again ``after_ns`` later, confirmed or not."""

    name: str
    share: float
    after_ns: int

    def hits(self, draws: Draws, key: str, ordinal: int) -> bool:
        return draws.fault(self.name, key, ordinal) < self.share


class ReportDelay(Struct, frozen=True):
    """Per report, of messages that end in the window: it comes due later."""

    name: str
    share: float
    delay: Sampler

    def added_ns(self, draws: Draws, key: str, ordinal: int) -> int | None:
        """None: this report is not hit."""
        if draws.fault(self.name, key, ordinal) >= self.share:
            return None
        # Each draw hangs on a name of its own, so that who is hit says nothing of how long.
        u, v = draws.fault(f"{self.name}/u", key, ordinal), draws.fault(f"{self.name}/v", key, ordinal)
        return self.delay(u, v)


class ReportReorder(Struct, frozen=True):
    """Per report, of messages that end in the window: put off by an even chance of 0 to ``within_ns``.

    Reports change places between calls, and within a call that gathers several.
    """

    name: str
    share: float
    within_ns: int

    def added_ns(self, draws: Draws, key: str, ordinal: int) -> int | None:
        """None: this report is not hit."""
        if draws.fault(self.name, key, ordinal) >= self.share:
            return None
        return int(draws.fault(f"{self.name}/u", key, ordinal) * self.within_ns)


class ReportStorm(Struct, frozen=True):
    """Per time: reports that come due in the window wait for its end. ``unit_ns`` 0: then all at once."""

    name: str
    unit_ns: int
