"""Messages that the sender accepted and did not forward: the provider has never seen them, or refused them
for the time being and did not get them again.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.findings import SAID_HOW_LONG
from analysis.formatting import count_text, share_text, times_text
from analysis.judge.bottlenecks.contract import says_how_long
from analysis.judge.bottlenecks.kind import Description, Kind, Seen, strength
from analysis.judge.bottlenecks.view import View

_MANY = 0.05  # of the accepted messages of a window


def look(view: View) -> Seen:
    gone = view.outcomes.unaccounted & ~view.outcomes.still_held
    share = view.windows.share(view.due_s, gone, view.journeys.accepted)

    def describe(windows: Bools) -> Description:
        count, accepted = (int(np.count_nonzero(each)) for each in (gone, view.journeys.accepted))
        did_not = "did not forward them to the provider"
        if not view.given.waited_out:
            did_not = "had not forwarded them to the provider when the wait for them ended"
        of = f"{count_text(count)} of {count_text(accepted)} accepted messages"
        return f"{view.sender_name} accepted messages and {did_not}", (
            f"{of}, {share_text(count, accepted)}",
        )

    # A few messages are a finding, but not the reason why a load was too much.
    return Seen(strength(share > 0, np.where(share > _MANY, 1.0, 0.2)), describe)


def gave_up(view: View) -> Seen:
    gone = view.outcomes.given_up
    share = view.windows.share(view.due_s, gone, view.journeys.accepted)

    def describe(windows: Bools) -> Description:
        count, accepted = (int(np.count_nonzero(each)) for each in (gone, view.journeys.accepted))
        limited = bool((view.provider.throttled[gone] > 0).all())
        refused = "refused for a limit" if limited else "refused for the time being"
        what = f"{times_text(count)} that the provider {refused}"
        text = f"{view.sender_name} did not repeat {what}"
        if not view.journeys.repeats_awaited:
            text = f"when the run ended, {view.sender_name} had not repeated {what}"
        known = limited and says_how_long(view.given.profile, view.provider.protocol)
        with_header = f", refused {SAID_HOW_LONG}" if known else ""
        return text, (f"{share_text(count, accepted)} of the accepted messages{with_header}",)

    return Seen(strength(share > 0, np.where(share > _MANY, 1.0, 0.2)), describe)


UNFORWARDED = Kind("sender_unforwarded", look)
GAVE_UP = Kind("sender_gave_up", gave_up)
