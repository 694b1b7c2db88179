"""A difference of two percentiles as words, if it may be claimed."""

from __future__ import annotations

import math

from analysis.findings import Difference
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Sentence


def difference_sentence(quote: Quote, path: str) -> Sentence:
    """``a difference of 2.1 s (1.3 s to 2.9 s)``, or ``no difference shown``."""
    found: Difference | None = quote.value(path)
    if found is None or found.value_s is None or not (found.claimed and ends_known(found)):
        return ("no difference shown",)
    interval: Sentence = (" (", quote.seconds(f"{path}.low_s"), " to ", quote.seconds(f"{path}.high_s"), ")")
    return ("a difference of ", quote.seconds(f"{path}.value_s", subject="difference"), *interval)


def ends_known(found: Difference) -> bool:
    return math.isfinite(found.low_s) and math.isfinite(found.high_s)
