"""Duplicates of messages that SQLite stores once in a campaign.

One process uses the store, so what it has stored is found in memory. An index would be written at random
places: in ``benchmarks/campaign_journey.py`` the sender then took a fourth more CPU time for a message. The
entries of a campaign are read from its messages when it gets the first row after a start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from reference_sender.dispatch.values import Lane, Message, State
from reference_sender.store.protocol import Existing

MOST = 500_000  # entries of all campaigns together, of some 100 bytes
_EXISTING = (
    "SELECT m.id, m.recipient, m.body, m.class, coalesce(p.state, 'queued'), m.campaign, m.once"
    " FROM message m LEFT JOIN progress p ON p.id = m.id WHERE m."
)
# The second condition repeats that of the partial index, without which SQLite would not use it.
_OF_CAMPAIGN = (
    "SELECT id, recipient, body FROM message WHERE campaign = ? AND campaign <> '' AND once"
    " ORDER BY id DESC LIMIT ?"
)


class StoredOnce:
    """The ids of messages that are stored once, by campaign and by a hash of number and text. A message of an
    entry may be purged or not be stored at all: ``existing`` looks at the store.
    """

    def __init__(self, writer: sqlite3.Connection, most: int = MOST) -> None:
        self._writer = writer
        self._most = most
        self._campaigns: dict[str, dict[int, int]] = {}  # that with the last new row at the end
        self.entries = 0  # of all campaigns together

    def possible_duplicates(self, messages: Sequence[Message]) -> list[Message]:
        """Those of ``messages`` that may be duplicates. The others are to be stored, and have entries now."""
        found: list[Message] = []
        campaign, ids, before = "", dict[int, int](), 0
        for message in messages:
            if not message.once:
                continue
            if message.campaign != campaign:
                self.entries += len(ids) - before
                campaign = message.campaign
                ids = self._ids_of(campaign)
                before = len(ids)
            number = message.message_id
            if ids.setdefault(hash((message.to, message.text)), number) != number:
                found.append(message)
        self.entries += len(ids) - before
        if self.entries > self._most:
            self._forget_oldest()
        return found

    def existing(self, message: Message) -> Existing | None:
        """What keeps a possible duplicate from being stored. None: nothing does, and it has the entry now."""
        if (row := self._row("key = ?", message.key)) is not None:
            return _existing(row)
        ids, entry = self._ids_of(message.campaign), hash((message.to, message.text))
        row = self._row("id = ?", ids.get(entry, 0))
        same = message.to, message.text, message.campaign, 1
        if row is not None and (row[1], row[2], *row[5:]) == same:
            return _existing(row, is_duplicate=True)
        self.entries += entry not in ids
        ids[entry] = message.message_id
        return None

    def with_key(self, key: str) -> Existing:
        """The message that has ``key``, which is in use."""
        row = self._row("key = ?", key)
        assert row is not None
        return _existing(row)

    def _row(self, condition: str, value: str | int) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._writer.execute(_EXISTING + condition, (value,)).fetchone()
        return row

    def _ids_of(self, campaign: str) -> dict[int, int]:
        ids = self._campaigns.pop(campaign, None)
        if ids is None:
            rows = self._writer.execute(_OF_CAMPAIGN, (campaign, self._most)).fetchall()
            ids = {hash((to, text)): number for number, to, text in reversed(rows)}
            self.entries += len(ids)
        self._campaigns[campaign] = ids
        return ids

    def _forget_oldest(self) -> None:
        campaigns = self._campaigns
        while self.entries > self._most and len(campaigns) > 1:
            self.entries -= len(campaigns.pop(next(iter(campaigns))))
        ids = next(iter(campaigns.values()))
        while self.entries > self._most:
            del ids[next(iter(ids))]
            self.entries -= 1


def _existing(row: Sequence[Any], is_duplicate: bool = False) -> Existing:
    return Existing(row[0], row[1], row[2], Lane(row[3]), State(row[4]), is_duplicate)
