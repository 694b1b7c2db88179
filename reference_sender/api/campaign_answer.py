"""The answer to a campaign."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.api.answers import json_bytes
from reference_sender.api.turns import Turns
from reference_sender.policy.gate_values import HeldCounts

_ENTRIES_PER_TURN = 2_000


class RefusedRows(Struct, gc=False):
    """Rows refused one after the other for the same reason."""

    row: int  # from 1
    to_row: int  # the last of them; ``row`` where it is one
    reason: str
    field: str
    message: str


class CampaignAnswer(Struct):
    """The answer to a campaign."""

    id: str = ""
    accepted: int = 0
    repeated: int = 0  # rows whose key an earlier request had with the same message
    held: HeldCounts = HeldCounts(0, 0)  # of the campaign's accepted messages
    refused_count: int = 0
    refused: list[RefusedRows] = []  # every refused row is in one of these, in the order of the rows
    error: dict[str, str] | None = None  # why reading ended early; the messages counted above stay accepted


async def encoded(answer: CampaignAnswer, turns: Turns) -> list[bytes]:
    """``answer`` as JSON, in parts, one per turn of the event loop: it may list 100,000 refusals.
    ``answer.refused`` is emptied step by step, so that the refusals are freed in turns too.
    """
    refused, answer.refused = answer.refused, []
    before, opened, after = json_bytes(answer).partition(b'"refused":[')
    parts = [before + opened]
    refused.reverse()
    while refused:
        some = refused[: -_ENTRIES_PER_TURN - 1 : -1]
        del refused[-_ENTRIES_PER_TURN:]
        parts.append(json_bytes(some)[1:-1] + (b"," if refused else b""))
        del some
        await turns.pause()
    return [*parts, after]
