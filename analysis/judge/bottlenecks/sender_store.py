"""The sender's store: a message is answered when it is on disk, so slow commits delay answers."""

from __future__ import annotations

from analysis.arrays import Bools
from analysis.formatting import seconds_text
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.view import View

SLOW_MS = 100.0


def find_sender_store(view: View) -> KindFinding:
    commit = view.gauges.high("sender", "commit_ms")
    waiting = view.gauges.high("sender", "waiting_for_commit")

    def describe(windows: Bools) -> Description:
        took = seconds_text(typical(commit, windows) / 1000.0)
        evidence = (
            f"in a quarter of the seconds a commit took {took} or longer",
            f"{typical(waiting, windows):,.0f} messages waited for a commit",
        )
        return Description(f"{view.sender_name}'s store took {took} for a commit", evidence)

    return KindFinding(strength(over(commit, SLOW_MS), 0.9 + 0.1 * (commit > 5 * SLOW_MS)), describe)


STORE = Kind(
    "sender_store",
    find_sender_store,
    frozenset(
        ("sender_api", "sender_refuses", "sender_concurrency", "sender_pacing", "sender_rate", "sender_hold")
    ),
)
