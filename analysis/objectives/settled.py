"""Whether messages that are still open can change the verdict on an objective. Nothing heavy is imported: the
runner asks while it drains.

A delivery objective is one on a share: ``otp.p95<20s`` is met if it is shown that over 95 % of the messages
took under 20 s. So a class is four counts, and its verdict is decided by ``within`` of all. The open messages
may end in any way between two ends:

- the best: those that are still younger than the limit arrive now; those older than it turn out to have
  waited for a phone that was off, and do not count;
- the worst: none of them arrives in time, and all of them count.

A message more within the limit, or one less beyond it, never makes a verdict worse. So if both ends have the
same verdict, every end has it.

The interval is the binomial one that the analysis takes, for many messages by its normal approximation: no
verdict rests on it, only when to stop waiting. The analysis widens it where messages share their delay, by an
evidence share that it measures when all have ended. So the ends must agree for the share that is measured now
and, since it may still change, for half of it and for independent messages.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

from msgspec import Struct

_TAIL = 0.025  # the interval is of 95 %
_Z = 1.959964
_EXACT_UP_TO = 2_000  # messages


class ObjectiveTally(Struct, frozen=True):
    """Accepted messages of one class that count in an objective, and those of which it is not known."""

    within: int  # delivered within the limit
    beyond: int  # later, or certain never to arrive in time
    young: int = 0  # open, and younger than the limit
    old: int = 0  # open beyond the limit, or ended so that they count or do not


def settled(share: float, tally: ObjectiveTally, evidence: float = 1.0) -> bool:
    """Whether no end of the open messages changes the verdict on "more than ``share`` within the limit".

    ``evidence``: independent messages per message, as measured among those that have arrived.
    """
    counted = tally.within + tally.beyond + tally.young
    return all(
        _verdict(tally.within + tally.young, counted, share, each)
        == _verdict(tally.within, counted + tally.old, share, each)
        for each in {1.0, evidence, evidence / 2}
    )


def _verdict(within: int, total: int, share: float, evidence: float) -> Literal["met", "missed", "undecided"]:
    if not total:
        return "undecided"
    lower, upper = _ranks(total, share, evidence)
    if upper <= within:
        return "met"
    return "missed" if lower > within else "undecided"


@lru_cache(maxsize=256)
def _ranks(total: int, share: float, evidence: float) -> tuple[int, int]:
    """1-based ranks of the percentile's interval; 0 or ``total + 1`` where it has no such end."""
    if total <= _EXACT_UP_TO and evidence == 1.0:
        return _quantile(total, share, _TAIL), _quantile(total, share, 1.0 - _TAIL) + 1
    spread = _Z * math.sqrt(total * share * (1.0 - share) / evidence)
    middle = total * share
    return max(0, math.floor(middle - spread)), min(total, math.ceil(middle + spread)) + 1


def _quantile(total: int, share: float, probability: float) -> int:
    """The smallest k with P(B <= k) >= ``probability``, B ~ Bin(``total``, ``share``)."""
    log_yes, log_no = math.log(share), math.log1p(-share)
    below = 0.0
    for k in range(total + 1):
        chances = math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        below += math.exp(chances + k * log_yes + (total - k) * log_no)
        if below >= probability:
            return k
    return total
