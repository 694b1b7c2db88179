"""Which lane goes next: strict priority, tempered by guaranteed shares.

An OTP goes before a transactional message, that before marketing. Strict priority alone would let a flood
above starve what is below, so transactional and marketing each have a guaranteed share of the segments sent.
While such a lane has work, every segment sent by any lane earns it its share in credit, and its own segments
use credit up. A lane whose credit covers its next message is owed a turn, and takes it before all others,
with no more than its credit. So:
- a backlogged lane gets at least its share of what is sent, whatever floods the lanes above;
- where capacity suffices, bulk is served anyway, credit stays near zero, and an OTP waits behind nothing;
- in a flood, an OTP waits behind at most ``CREDIT_CAP`` segments of owed turns.
"""

from __future__ import annotations

from reference_sender.dispatch.ticket import MARKETING, OTP, TRANSACTIONAL

CREDIT_CAP = 50.0  # segments; a lane that was long blocked must not make up for it at the expense of OTPs

Turn = tuple[int, bool]  # lane index, and whether the turn is owed

_BY_PRIORITY: tuple[Turn, ...] = ((OTP, False), (TRANSACTIONAL, False), (MARKETING, False))


class Shares:
    """Credit of the two bulk lanes, in segments."""

    __slots__ = ("_credit", "_share")

    def __init__(self, transactional_share: float, marketing_share: float) -> None:
        self._share = (0.0, transactional_share, marketing_share)
        self._credit = [0.0, 0.0, 0.0]

    def turns(self) -> tuple[Turn, ...]:
        """The lanes in the order in which they may send now; one that is owed a turn stands in it twice."""
        owed = tuple((lane, True) for lane in (TRANSACTIONAL, MARKETING) if self._credit[lane] >= 1.0)
        return owed + _BY_PRIORITY if owed else _BY_PRIORITY

    def credit(self, lane: int) -> int:
        """Whole segments ``lane`` is owed."""
        return int(self._credit[lane])

    def sent(self, lane: int, segments: int, waiting: list[int]) -> None:
        """``lane`` sent ``segments``; ``waiting`` counts, by lane, the messages that could have gone too."""
        for other in (TRANSACTIONAL, MARKETING):
            if waiting[other] == 0:
                self._credit[other] = 0.0  # credit is for waiting, not for silence
                continue
            credit = self._credit[other] + self._share[other] * segments
            if other == lane:
                credit = max(0.0, credit - segments)
            self._credit[other] = min(credit, CREDIT_CAP)
