"""Whether messages that are still open can change the verdict on an objective.

The runner uses this module while it drains, so it must not import numpy or the like.

A delivery objective is one on a share: ``otp.p95<20s`` is met if it is shown that over 95 % of the messages
took under 20 s. So four counts describe a class, and the share of ``within`` decides its verdict. The open
messages can end between two bounds:

- best case: messages younger than the limit arrive now; older ones waited for a phone that was off and do not
  count;
- worst case: none of them arrives in time, and all of them count.

One more message within the limit, or one fewer beyond it, never makes a verdict worse. So if both bounds have
the same verdict, every case between them has it.

The interval is the binomial interval of the analysis, in its normal approximation for many messages. It only
decides when to stop waiting. The analysis widens it for dependent messages, by an evidence share that it
measures at the end. So the bounds must agree for the share that is measured now, for half of it and for
independent messages.

The cost of 1,000 delivered messages has bounds of the same kind (``cost_verdict_is_final``).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from analysis.objectives.grammar import Spec

_TAIL = 0.025  # two-sided 95 %
_Z = 1.959964
_EXACT_UP_TO = 2_000  # messages


class ObjectiveTally(Struct, frozen=True):
    """Accepted messages of one class by their effect on an objective."""

    within: int  # delivered within the limit
    beyond: int  # later, or certain never to arrive in time
    young: int = 0  # open, and younger than the limit
    old: int = 0  # open beyond the limit, or ended in a way that may or may not count


def verdict_is_final(share: float, tally: ObjectiveTally, evidence: float = 1.0) -> bool:
    """Whether the open messages cannot change the verdict on "more than ``share`` within the limit".

    ``evidence``: independent messages per message, as measured among those that have arrived.
    """
    counted = tally.within + tally.beyond + tally.young
    return all(
        _verdict(tally.within + tally.young, counted, share, each)
        == _verdict(tally.within, counted + tally.old, share, each)
        for each in {1.0, evidence, evidence / 2}
    )


class CostTally(Struct, frozen=True):
    """What a load has cost so far, in the unit of the provider's prices."""

    paid: float  # for every copy that the provider accepted
    delivered: int
    open: int  # may still be delivered
    unpriced: int = 0  # of the open ones, those that the provider has not accepted, as far as its rows show
    highest: float = 0.0  # the most that was paid for one message
    width: float = 0.0  # half of the 95 % interval, as a share of the cost (measure.ratio)
    other_keys: float = 0.0  # paid for messages with keys that the load did not send: they may be copies


def cost_verdict_is_final(spec: Spec, tally: CostTally) -> bool:
    """Whether the open messages cannot change the verdict on the cost of 1,000 delivered messages.

    A message is paid for when the provider accepts it. So an open message whose price is known can only make
    1,000 delivered messages cheaper. The others count at the highest price so far. The worst case has these
    prices and no other delivery; in the best case every open message is delivered, and those without a price
    are free. Both must have the same verdict, with the interval that is measured now and without one.

    Messages with other keys count in the upper end only, as in the analysis. While open messages have no
    price, some of these may be their rows: then the verdict must be the same without them.
    """
    if not tally.unpriced and not (tally.open and tally.paid):
        return True
    if not tally.delivered or not tally.paid:
        return False
    most = tally.paid + tally.unpriced * tally.highest
    worst, best = 1000.0 * most / tally.delivered, 1000.0 * tally.paid / (tally.delivered + tally.open)
    copies = {tally.other_keys, 0.0} if tally.unpriced else {tally.other_keys}
    verdicts = {
        width: {
            _of_cost(spec, (cost, cost + 1000.0 * paid / count), width)
            for cost, count in ((worst, tally.delivered), (best, tally.delivered + tally.open))
            for paid in copies
        }
        for width in (0.0, tally.width)
    }
    return all(len(each) == 1 for each in verdicts.values())


def _of_cost(spec: Spec, ends: tuple[float, float], width: float) -> Literal["met", "missed", "undecided"]:
    """``ends``: the cost without and with the messages with other keys."""
    low, high = ends
    if _keeps(spec, high * (1.0 + width)):
        return "met"
    return "undecided" if _keeps(spec, low * (1.0 - width)) else "missed"


def _keeps(spec: Spec, cost: float) -> bool:
    return cost < spec.limit if spec.relation == "<" else cost <= spec.limit


def _verdict(within: int, total: int, share: float, evidence: float) -> Literal["met", "missed", "undecided"]:
    if not total:
        return "undecided"
    lower, upper = _ranks(total, share, evidence)
    if upper <= within:
        return "met"
    return "missed" if lower > within else "undecided"


@lru_cache(maxsize=256)
def _ranks(total: int, share: float, evidence: float) -> tuple[int, int]:
    """1-based ranks of the percentile's interval; 0 or ``total + 1`` if it has no such end."""
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
