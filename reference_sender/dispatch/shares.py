"""Which lane sends next: strict priority with guaranteed shares.

OTPs are sent before transactional messages, and those before marketing. With strict priority alone, a flood
in a higher lane would block the lower lanes, so transactional and marketing each have a guaranteed share.
While such a lane has waiting messages, each segment sent adds the lane's share to its credit, and its own
segments use credit up. A lane whose credit covers its next message is owed a turn before the higher lanes, of
at most its credit. Credit from segments of OTPs is counted separately; only this credit goes before an OTP.
So:
- a backlogged lane gets at least its share, whatever the load of the higher lanes;
- if the capacity is sufficient, bulk is served anyway, credit stays near zero, and an OTP does not wait;
- a flood in a bulk lane never delays an OTP; only in a flood of OTPs may one wait for owed turns, of at most
``CREDIT_CAP`` segments per lane.
"""

from __future__ import annotations

from reference_sender.dispatch.ticket import MARKETING, OTP, TRANSACTIONAL

CREDIT_CAP = 50.0  # segments; limits the burst of a lane that was blocked for a long time

# Lane index, the segments it is owed (0: an ordinary turn), and whether the turn goes before OTPs.
Turn = tuple[int, int, bool]

_BULK = (TRANSACTIONAL, MARKETING)
_OTP_TURN: Turn = (OTP, 0, False)
_BULK_TURNS: tuple[Turn, ...] = ((TRANSACTIONAL, 0, False), (MARKETING, 0, False))
_BY_PRIORITY = (_OTP_TURN, *_BULK_TURNS)


class Shares:
    """Credit of the two bulk lanes, in segments."""

    __slots__ = ("_by_otps", "_credit", "_share", "_share_of_otps", "no_credit")

    def __init__(self, transactional_share: float, marketing_share: float) -> None:
        self._share = (0.0, transactional_share, marketing_share)
        # In a flood of OTPs these are the fraction ``left`` of all segments, so this gives the same share.
        left = 1.0 - transactional_share - marketing_share
        self._share_of_otps = (0.0, transactional_share / left, marketing_share / left)
        self._credit = [0.0, 0.0, 0.0]
        self._by_otps = [0.0, 0.0, 0.0]
        self.no_credit = True  # no lane has credit

    def turns(self) -> tuple[Turn, ...]:
        """The lanes in the order in which they may send. A lane that is owed a turn appears twice."""
        credit, by_otps = self._credit, self._by_otps
        if credit[MARKETING] < 1.0 and by_otps[MARKETING] < 1.0 and by_otps[TRANSACTIONAL] < 1.0:
            return _BY_PRIORITY
        before_otps = tuple((lane, int(by_otps[lane]), True) for lane in _BULK if by_otps[lane] >= 1.0)
        after_otps = ((MARKETING, int(credit[MARKETING]), False),) if credit[MARKETING] >= 1.0 else ()
        return (*before_otps, _OTP_TURN, *after_otps, *_BULK_TURNS)

    def owes_before_otps(self) -> bool:
        """Whether a bulk lane has a turn before the OTPs, if it has waiting messages."""
        by_otps = self._by_otps
        return by_otps[TRANSACTIONAL] >= 1.0 or by_otps[MARKETING] >= 1.0

    def sent(self, lane: int, segments: int, waiting: list[int]) -> None:
        """``lane`` sent ``segments``; ``waiting`` counts, by lane, messages that could have gone too."""
        if not (waiting[TRANSACTIONAL] or waiting[MARKETING]):
            if not self.no_credit:
                self._credit = [0.0, 0.0, 0.0]
                self._by_otps = [0.0, 0.0, 0.0]
                self.no_credit = True
            return
        self.no_credit = False
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
