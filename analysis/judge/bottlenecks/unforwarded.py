"""Messages that the sender accepted and did not forward: the provider has never seen them."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.formatting import count_text, share_text
from analysis.judge.bottlenecks.kind import Description, Kind, Seen, strength
from analysis.judge.bottlenecks.view import View

_MANY = 0.05  # of the accepted messages of a window


def look(view: View) -> Seen:
    gone = view.outcomes.unaccounted
    share = view.windows.share(view.due_s, gone, view.journeys.accepted)

    def describe(windows: Bools) -> Description:
        count, accepted = (int(np.count_nonzero(each)) for each in (gone, view.journeys.accepted))
        did_not = "did not forward them to the provider"
        if not view.given.waited_out:
            did_not = "had not forwarded them to the provider when the wait for them ended"
        of = f"({count_text(count)} of {count_text(accepted)})"
        text = f"{view.sender_name} accepted messages and {did_not} {of}"
        evidence = (f"the provider has never seen {share_text(count, accepted)} of the accepted messages",)
        return text, evidence

    # A few messages are a finding, but not the reason why a load was too much.
    return Seen(strength(share > 0, np.where(share > _MANY, 1.0, 0.2)), describe)


UNFORWARDED = Kind("sender_unforwarded", look)
