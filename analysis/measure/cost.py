"""What it cost, in the provider's points: in all, per delivered thousand, and for nothing."""

from __future__ import annotations

import numpy as np

from analysis.measure.outcomes import DELIVERED, OPEN, Fates, delivered_unacknowledged
from analysis.model import Cost
from analysis.read.journeys import Journeys


def cost(journeys: Journeys, fates: Fates, currency: str = "") -> Cost:
    """Prices are the provider's own, for every copy it took."""
    provider = journeys.provider
    points = float(provider.price.sum())
    # It reached its phone and was paid for, whether or not the sender's answer said so.
    delivered = int(np.count_nonzero(fates.fate == DELIVERED)) + delivered_unacknowledged(journeys)
    in_vain = provider.taken & (fates.fate != DELIVERED) & (fates.fate != OPEN) & journeys.accepted
    taken = int(np.count_nonzero(provider.taken))
    segments = int(provider.segments[provider.taken].sum())
    return Cost(
        points=points,
        per_1000_delivered_points=1000.0 * points / delivered if delivered else None,
        duplicates_points=float(provider.price_of_duplicates.sum()),
        undelivered_points=float((provider.price - provider.price_of_duplicates)[in_vain].sum()),
        segments=segments,
        segments_per_message=segments / taken if taken else None,
        currency=currency,
    )
