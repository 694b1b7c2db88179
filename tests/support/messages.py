"""Messages of the sender. A test names only what it is about. A new field of ``Message`` changes one file."""

from __future__ import annotations

from reference_sender.dispatch.values import Lane, Message


def made_message(
    number: int = 1,
    *,
    key: str | None = None,
    to: str = "48500100200",
    text: str = "x",
    lane: Lane = Lane.MARKETING,
    sender_id: str = "Test",
    campaign: str = "",
    segments: int = 1,
    created_ns: int = 0,
    expires_ns: int = 2**62,
    not_before_ns: int = 0,
    keeps_hours: bool = False,
    dated_ns: int = 0,
    once: bool = False,
) -> Message:
    """The message with this number; ``key`` is ``k-NUMBER`` by default."""
    return Message(
        message_id=number,
        key=key or f"k-{number}",
        to=to,
        text=text,
        lane=lane,
        sender_id=sender_id,
        campaign=campaign,
        segments=segments,
        created_ns=created_ns,
        expires_ns=expires_ns,
        not_before_ns=not_before_ns,
        keeps_hours=keeps_hours,
        dated_ns=dated_ns,
        once=once,
    )
