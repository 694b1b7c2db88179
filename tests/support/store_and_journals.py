"""The messages of a sender's store and of its providers' journals, compared one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from provider_process import rows


class Stored(NamedTuple):
    """A message as the store has it when the sender has ended."""

    state: str
    provider_id: str | None
    attempts: int


class Journaled(NamedTuple):
    """The last row of a message in the journals of its provider. ``accepts`` is of its key."""

    state: str
    accepts: int


AcceptedMessages = Mapping[str, Mapping[str, Journaled]]  # by key, then by provider id


def stored_messages(store: Path) -> dict[str, Stored]:
    """By key. A message without progress is queued and untried."""
    with closing(sqlite3.connect(store)) as connection:
        found = connection.execute(
            "SELECT m.key, coalesce(p.state, 'queued'), p.provider_id, coalesce(p.attempts, 0)"
            " FROM message m LEFT JOIN progress p ON p.id = m.id"
        )
        return {key: Stored(*values) for key, *values in found}


def accepted_messages(journals: Iterable[Path]) -> dict[str, dict[str, Journaled]]:
    """Of one provider, in the order in which it was started, or of several, whose ids differ."""
    found: dict[str, dict[str, Journaled]] = {}
    for row in (row for path in journals for row in rows(path) if row["provider_id"]):
        found.setdefault(row["key"], {})[row["provider_id"]] = _journaled(row)
    return found


def differences(
    keys: Iterable[str], stored: Mapping[str, Stored], accepted: AcceptedMessages
) -> Iterator[str]:
    """What is not as it is after every message of ``keys``, and no other, was delivered exactly once."""
    wanted = set(keys)
    for key in sorted(wanted | stored.keys() | accepted.keys()):
        if key not in wanted:
            yield f"{key}: was not acknowledged"
        here, there = stored.get(key), accepted.get(key, {})
        if here is None:
            yield f"{key}: not in the store"
        elif here.state != "delivered" or here.attempts < 1:
            yield f"{key}: the store has {here}"
        if len(there) != 1:
            yield f"{key}: the journals have the provider ids {sorted(there)}"
        for provider_id, row in there.items():
            if row != Journaled("delivered", 1):
                yield f"{key}: the journals have {row} for {provider_id}"
            if here is not None and here.provider_id != provider_id:
                yield f"{key}: provider id {here.provider_id} in the store, {provider_id} in the journals"


def _journaled(row: Mapping[str, Any]) -> Journaled:
    return Journaled(row["state"], row["accepts"])
