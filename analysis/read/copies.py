"""The acceptances of a message after its first one: how long after the earlier submit, and its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Floats, Ints


@dataclass(frozen=True)
class Copies:
    """One entry for each of these rows. A journal may have fewer rows than acceptances (``accepts``)."""

    key: Ints  # position among the load's rows
    after_s: Floats  # from the submit that was accepted before it; NaN: unknown
    answer_s: Floats  # of that submit; NaN: it has had no answer


def copies_of(key: Ints, accepted_s: Floats, answered_s: Floats) -> Copies:
    """Of accepted rows, one of each provider id; ``key`` is the position of the message."""
    order = np.lexsort((accepted_s, key))
    places = np.flatnonzero(np.diff(key[order]) == 0)
    earlier, again = order[places], order[places + 1]
    return Copies(
        key=key[again],
        after_s=accepted_s[again] - accepted_s[earlier],
        answer_s=answered_s[earlier] - accepted_s[earlier],
    )
