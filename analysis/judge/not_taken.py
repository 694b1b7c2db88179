"""Whether the sender took the messages of a load."""

from __future__ import annotations

from analysis.model import Accounting

NOT_TAKEN_SHARE = 0.001  # of the planned messages; with more the sender does not sustain the load
LOST_WHY = "over 0.1 % of the messages were given up or lost"  # the same share (judge.sustained)


def many_not_taken(counted: Accounting) -> bool:
    """Whether more than ``NOT_TAKEN_SHARE`` of the messages were refused or not answered."""
    return counted.not_taken + counted.unfinished > NOT_TAKEN_SHARE * counted.planned


def many_without_room(counted: Accounting) -> bool:
    """Whether the bench had no room to send more than ``NOT_TAKEN_SHARE`` of the messages. It is unknown
    whether the sender would have taken them.
    """
    return counted.dropped_at_machine_limit > NOT_TAKEN_SHARE * counted.planned
