"""A message with its progress and its hold, as both stores read it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from reference_sender.dispatch.values import Lane, Message, State, key_of_second
from reference_sender.store.protocol import Record

RECORD_COLUMNS = (
    "SELECT m.id, m.key, m.recipient, m.body, m.class, m.sender_id, m.campaign, m.segments, m.created_ns,"
    " m.expires_ns, coalesce(p.state, 'queued'), coalesce(p.reason, ''), p.provider_id,"
    " coalesce(p.attempts, 0), coalesce(p.at_ns, m.created_ns), p.route, p.tried_ns,"
    " coalesce(h.not_before_ns, 0), coalesce(h.keeps_hours, false)"
)

# The message is not the second one of an OTP.
IS_FIRST = f"m.key NOT LIKE '%{key_of_second('')}'"


def pair_of(message: Message) -> int | None:
    """Of a message that is stored once: what no other one may have, a hash of campaign, number and text. Of a
    hundred million messages two have the same hash with a probability of 0.0003.
    """
    if not message.once:
        return None
    whole = f"{message.campaign}/{message.to}/{message.text}".encode()
    return int.from_bytes(blake2b(whole, digest_size=8).digest(), "little", signed=True)


def unique_of(message: Message) -> list[str | int]:
    """What no other message may have: its key and, if it is stored once, its pair."""
    pair = pair_of(message)
    return [message.key] if pair is None else [message.key, pair]


def record_of(row: Sequence[Any]) -> Record:
    """A row with ``RECORD_COLUMNS``. PostgreSQL keeps texts as bytes, and SQLite true as 1."""
    message_id, key, to, body, lane, *more = row[:10]
    text = body.decode() if isinstance(body, bytes) else body
    hold = {"not_before_ns": row[17], "keeps_hours": bool(row[18])}
    return Record(Message(message_id, key, to, text, Lane(lane), *more, **hold), State(row[10]), *row[11:17])
