"""A dead letter as a new message, and the reasons for which that may be a duplicate."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from msgspec import structs

from reference_sender.dispatch.message_states import UNCERTAIN_REASONS
from reference_sender.dispatch.values import Lane, Message, State, is_hedge, key_of_second
from reference_sender.store.protocol import Record


def keys_of_seconds(records: Iterable[Record]) -> list[str]:
    """The keys that the second messages of ``records`` have, if there are any."""
    messages = [record.message for record in records]
    return [key_of_second(each.key) for each in messages if each.lane is Lane.OTP and not is_hedge(each.key)]


def second_may_arrive(second: Record | None) -> bool:
    """Whether the provider of ``second`` has delivered it, or may do so."""
    if second is None:
        return False
    return second.state not in (State.FAILED, State.EXPIRED) or second.reason in UNCERTAIN_REASONS


def replayed(message: Message, message_id: int, tag: str, now_ns: int, valid_ns: int) -> Message:
    """``message`` again. Its key depends on the old id and key alone, so the store keeps it once. The old id
    may be that of another message after the store was restored from a backup, the old key is not.
    """
    old_key = blake2b(message.key.encode(), digest_size=4).hexdigest()
    return structs.replace(
        message,
        message_id=message_id,
        key=f"r{tag}-{message.message_id}-{old_key}",
        created_ns=now_ns,
        expires_ns=now_ns + valid_ns,
        not_before_ns=0,
    )
