"""The share of each class among some messages, where the classes differ."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.classes import class_text
from analysis.formatting import share_text
from analysis.read.journeys import Journeys

_DIFFER = 10.0  # times the smallest share; the classes differ if the largest one is at least that


def class_shares(journeys: Journeys, found: Bools, among: Bools) -> str:
    """``21 % of class OTP``, of classes that have some; "" if the classes hardly differ."""
    names = journeys.load.class_names
    counts, of = (
        [int(np.count_nonzero(journeys.of_class(name) & chosen)) for name in names]
        for chosen in (found, among)
    )
    shares = [count / max(total, 1) for count, total in zip(counts, of, strict=True)]
    if len(names) < 2 or not any(counts) or _DIFFER * min(shares) > max(shares):
        return ""
    return ", ".join(
        f"{share_text(count, total)} of class {class_text(name)}"
        for name, count, total in zip(names, counts, of, strict=True)
        if count
    )
