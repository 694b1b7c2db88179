"""Which lane goes next: strict priority, tempered by guaranteed shares.

An OTP goes before a transactional message, that before marketing. Strict priority alone would let a flood
above starve what is below, so transactional and marketing each have a guaranteed share. While such a lane has
work, every segment sent earns it its share in credit, and its own segments use credit up. A lane whose credit
covers its next message is owed a turn before the lanes above, with no more than its credit. Credit that OTPs
have earned it is kept apart, and no other credit passes an OTP. So:
- a backlogged lane gets at least its share, whatever floods the lanes above;
- where capacity suffices bulk is served anyway, credit stays near zero, and an OTP waits behind nothing;
- a flood from one bulk lane never costs an OTP anything; only in a flood of OTPs does one wait behind owed
  turns, and then behind at most ``CREDIT_CAP`` segments a lane.
"""

from __future__ import annotations

from reference_sender.dispatch.ticket import MARKETING, OTP, TRANSACTIONAL

CREDIT_CAP = 50.0  # segments; a lane that was blocked for long must not catch up in one burst

# Lane index, the segments it is owed (0: an ordinary turn), and whether the turn is at the expense of OTPs.
Turn = tuple[int, int, bool]

_BULK = (TRANSACTIONAL, MARKETING)
_OTP_TURN: Turn = (OTP, 0, False)
_BULK_TURNS: tuple[Turn, ...] = ((TRANSACTIONAL, 0, False), (MARKETING, 0, False))
_BY_PRIORITY = (_OTP_TURN, *_BULK_TURNS)


class Shares:
    """Credit of the two bulk lanes, in segments."""

    __slots__ = ("_by_otps", "_credit", "_share", "_share_of_otps")

    def __init__(self, transactional_share: float, marketing_share: float) -> None:
        self._share = (0.0, transactional_share, marketing_share)
        # Earned by OTPs alone it must come to the same: their part of what is sent is what the shares leave.
        left = 1.0 - transactional_share - marketing_share
        self._share_of_otps = (0.0, transactional_share / left, marketing_share / left)
        self._credit = [0.0, 0.0, 0.0]
        self._by_otps = [0.0, 0.0, 0.0]

    def turns(self) -> tuple[Turn, ...]:
        """The lanes in the order in which they may send; a lane that is owed a turn is in it once more."""
        credit, by_otps = self._credit, self._by_otps
        if credit[MARKETING] < 1.0 and by_otps[MARKETING] < 1.0 and by_otps[TRANSACTIONAL] < 1.0:
            return _BY_PRIORITY
        before_otps = tuple((lane, int(by_otps[lane]), True) for lane in _BULK if by_otps[lane] >= 1.0)
        after_otps = ((MARKETING, int(credit[MARKETING]), False),) if credit[MARKETING] >= 1.0 else ()
        return (*before_otps, _OTP_TURN, *after_otps, *_BULK_TURNS)

    def sent(self, lane: int, segments: int, waiting: list[int]) -> None:
        """``lane`` sent ``segments``; ``waiting`` counts, by lane, messages that could have gone too."""
        if not (waiting[TRANSACTIONAL] or waiting[MARKETING]):
            self._credit = [0.0, 0.0, 0.0]
            self._by_otps = [0.0, 0.0, 0.0]
            return
        for other in _BULK:
            if waiting[other] == 0:
                # Only a lane with waiting messages earns credit.
                self._credit[other] = self._by_otps[other] = 0.0
                continue
            used = segments if other == lane else 0
            credit = self._credit[other] + self._share[other] * segments - used
            by_otps = self._by_otps[other] - used
            if lane == OTP:
                by_otps += self._share_of_otps[other] * segments
            self._credit[other] = min(max(0.0, credit), CREDIT_CAP)
            self._by_otps[other] = min(max(0.0, by_otps), CREDIT_CAP)
