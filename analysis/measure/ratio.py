"""The interval of a ratio of two sums over the same messages (numpy only): the cost of a delivered message.

Which phones and networks the messages have, and how many segments, is chance. It decides both sums.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats

_Z = 1.959964  # two-sided 95 %


def relative_width(prices: Floats, arrived: Bools) -> float:
    """Half of the 95 % interval of sum(prices) / count(arrived), as a share of it, by the delta method.

    With r the ratio, its variance is that of the sum of price - r (of a message that arrived) or price (of
    another one), over the square of the count (Cochran, *Sampling Techniques*, 1977, section 6.4). 0 if it is
    unknown: no message arrived, or nothing was paid.
    """
    paid, count = float(prices.sum()), int(np.count_nonzero(arrived))
    if not count or paid <= 0.0:
        return 0.0
    rest = prices - paid / count * arrived
    return _Z * math.sqrt(float(np.dot(rest, rest))) / paid
