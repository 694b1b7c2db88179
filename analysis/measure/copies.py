"""Why a sender submitted messages again that the provider had accepted."""

from __future__ import annotations

import numpy as np

from analysis.findings import RepeatTimes
from analysis.read.journeys import Journeys


def repeat_times(journeys: Journeys) -> RepeatTimes | None:
    """None without a copy, or if no instant of a copy is known."""
    copies = journeys.provider.copies
    known = np.isfinite(copies.after_s)
    if not known.any():
        return None
    unanswered = known & ~np.isfinite(copies.answer_s)
    late = known & (copies.answer_s > copies.after_s)
    return RepeatTimes(
        known=int(np.count_nonzero(known)),
        late=int(np.count_nonzero(late)),
        unanswered=int(np.count_nonzero(unanswered)),
        after_s=float(np.median(copies.after_s[late])) if late.any() else None,
        longest_s=float(copies.answer_s[late].max()) if late.any() else None,
    )
