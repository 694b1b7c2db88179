"""Messages that the sender submitted again, although the provider refused them permanently."""

from __future__ import annotations

import numpy as np

from analysis.findings import Hint
from analysis.formatting import count_text, counted_text
from analysis.read.journeys import Journeys
from analysis.refusals import reason_text

_FEWEST = 5  # submits beyond the first of each message
_MOST_REASONS = 3


def repeats_hint(journeys: Journeys) -> Hint | None:
    """A message that was first refused for a limit was not repeated after the permanent refusal."""
    provider = journeys.provider
    found = provider.refused_permanently & ~provider.accepted & (provider.submits - provider.throttled > 1)
    count, submits = int(np.count_nonzero(found)), int(provider.submits[found].sum())
    if submits - int(provider.throttled[found].sum()) - count < _FEWEST:
        return None
    places, counts = np.unique(provider.reason.index[found], return_counts=True)
    ordered = places[np.argsort(-counts, kind="stable")][:_MOST_REASONS].tolist()
    names = ", ".join(reason_text(provider.reason.names[place]) for place in ordered)
    text = (
        f"{counted_text(count)} that the provider refuses permanently ({names}) "
        f"{'was' if count == 1 else 'were'} submitted {count_text(submits)} times. Do not repeat a permanent "
        "refusal: it uses the contract's limits and changes nothing."
    )
    return Hint("repeated_refusals", text, count)
