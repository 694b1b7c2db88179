"""A sender that repeats messages which the provider refuses, and forwards nothing else meanwhile."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.findings import BottleneckSign
from analysis.formatting import counted_text, seconds_text
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, strength
from analysis.judge.bottlenecks.unforwarded import accepted_before, reasons_among, submits_text
from analysis.judge.bottlenecks.view import View
from analysis.measure.forwarding import submits_to_the_end
from analysis.refusals import CAUSED_BY_RECIPIENT, reason_text

_MANY = 0.05  # of the accepted messages of a window
_FEWEST = 3  # submits of a message; two are no sign of more


def repeats(view: View) -> KindFinding:
    """Only if it stopped forwarding others and was submitting until the run ended: these are the repeats."""
    provider = view.provider
    repeated: Bools = np.isfinite(provider.submitted_s) & ~provider.accepted & (provider.submits >= _FEWEST)
    stop = view.forwarding_stop
    waits = view.outcomes.unaccounted
    share = view.windows.share(view.due_s, waits, view.journeys.accepted)
    seen = share > 0
    if stop is None or not repeated.any() or not submits_to_the_end(view.journeys):
        seen = np.zeros_like(seen)

    def describe(windows: Bools) -> Description:
        assert stop is not None
        of_permanent: Bools = repeated & provider.refused_permanently
        permanent = 2 * int(np.count_nonzero(of_permanent)) > int(np.count_nonzero(repeated))
        among = of_permanent if permanent else repeated  # the text is about most of them
        count, submits = int(np.count_nonzero(among)), int(provider.submits[among].sum())
        (reason, _), *others = reasons_among(view, among)
        how = " permanently" if permanent else ""
        why = reason_text(reason or "no reason") + (", and others" if others else "")
        text = (
            f"{view.sender_name} repeats {counted_text(count)} that the provider refuses{how} ({why}), and "
            f"has forwarded nothing else since {seconds_text(stop.at_s)} after the load's start"
        )
        of_one = f"this message was submitted {counted_text(submits, 'time')} until the run ended"
        each = submits_text(provider.submits[among])
        of_these = f"{counted_text(submits, 'submit')} of these messages until the run ended: {each}"
        evidence = (
            of_one if count == 1 else of_these,
            f"{counted_text(int(np.count_nonzero(waits)))} waited in it",
        )
        if not permanent:
            return Description(text, evidence, ("waits_for_repeats",))
        if reason in CAUSED_BY_RECIPIENT:
            return Description(text, evidence, (), reason)
        since = accepted_before(view, among)
        signs: tuple[BottleneckSign, ...] = ("refused_permanently",)
        return Description(text, (*evidence, *since), (*signs, "accepted_before") if since else signs, reason)

    return KindFinding(strength(seen, np.where(share > _MANY, 1.0, 0.2)), describe)


REPEATS = Kind(
    "sender_repeats",
    repeats,
    frozenset(("sender_rate", "sender_pacing", "sender_concurrency", "sender_hold", "sender_store")),
)
