"""Cost in the provider's points: total, per 1,000 delivered, for duplicates and undelivered messages."""

from __future__ import annotations

import numpy as np

from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes, delivered_unacknowledged
from analysis.model import Cost
from analysis.read.journeys import Journeys


def cost(journeys: Journeys, outcomes: MessageOutcomes, currency: str = "") -> Cost:
    """Prices are the provider's, for every copy that it accepted."""
    provider = journeys.provider
    points = float(provider.price.sum())
    # Delivered messages count also without the sender's acceptance, since they were paid for.
    delivered = int(np.count_nonzero(outcomes.outcome == DELIVERED)) + delivered_unacknowledged(journeys)
    in_vain = (
        provider.accepted & (outcomes.outcome != DELIVERED) & (outcomes.outcome != OPEN) & journeys.accepted
    )
    accepted = int(np.count_nonzero(provider.accepted))
    segments = int(provider.segments[provider.accepted].sum())
    return Cost(
        points=points,
        per_1000_delivered_points=1000.0 * points / delivered if delivered else None,
        duplicates_points=float(provider.price_of_duplicates.sum()),
        undelivered_points=float((provider.price - provider.price_of_duplicates)[in_vain].sum()),
        segments=segments,
        segments_per_message=segments / accepted if accepted else None,
        currency=currency,
    )
