"""Cost in the provider's points: total, per 1,000 delivered, for duplicates and undelivered messages."""

from __future__ import annotations

import numpy as np

from analysis.measure.outcomes import (
    DELIVERED,
    OPEN,
    MessageOutcomes,
    delivered_unacknowledged,
    possible_copies,
)
from analysis.model import Cost
from analysis.read.journeys import Journeys


def cost(journeys: Journeys, outcomes: MessageOutcomes, currency: str = "") -> Cost:
    """Prices are the provider's, for every copy that it accepted, also under another key.

    Messages of the load without their key are not counted: which of them arrived is not known.
    """
    provider = journeys.provider
    unknown, without_key = provider.unknown, int(np.count_nonzero(outcomes.without_key))
    copies = possible_copies(unknown.count, unknown.count - unknown.accepted, without_key)
    others = copies / max(unknown.accepted, 1) * unknown.price
    points = float(provider.price.sum()) + others
    # Delivered messages count also without the sender's acceptance, since they were paid for.
    delivered = int(np.count_nonzero(outcomes.outcome == DELIVERED)) + delivered_unacknowledged(journeys)
    undelivered = (
        provider.accepted & (outcomes.outcome != DELIVERED) & (outcomes.outcome != OPEN) & journeys.accepted
    )
    accepted = int(np.count_nonzero(provider.accepted))
    segments = int(provider.segments[provider.accepted].sum())
    return Cost(
        points=points,
        per_1000_delivered_points=1000.0 * points / delivered if delivered else None,
        duplicates_points=float(provider.price_of_duplicates.sum()),
        other_keys_points=others,
        undelivered_points=float((provider.price - provider.price_of_duplicates)[undelivered].sum()),
        segments=segments,
        duplicates_segments=int(provider.segments_of_duplicates.sum()),
        segments_per_message=segments / accepted if accepted else None,
        currency=currency,
    )
