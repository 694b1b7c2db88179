"""Costs of messages that are not stored, since their keys are in use: they are in no total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from msgspec.structs import replace

from reference_sender.policy.spending import Spent
from reference_sender.store.protocol import Control, Work


def kept_controls(work: Work, taken: Container[int]) -> Sequence[Control]:
    """``Work.controls`` without what is reserved for the messages in ``taken``."""
    if not (work.reserved and taken):
        return work.controls
    too_much: Counter[tuple[str, int]] = Counter()
    for message_id, spent in work.reserved:
        if message_id in taken:
            too_much[spent.campaign, spent.day] += spent.amount
    return [
        replace(each, amount=each.amount - too_much[each.campaign, each.day])
        if isinstance(each, Spent)
        else each
        for each in work.controls
    ]
