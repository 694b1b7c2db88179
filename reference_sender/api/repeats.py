"""A dead letter as a new message, and the reasons for which that may be a duplicate."""

from __future__ import annotations

from msgspec import structs

from reference_sender.dispatch.message_states import EXPIRED_NOWHERE, EXPIRED_UNCERTAIN, EXPIRED_UNREPORTED
from reference_sender.dispatch.values import Message

# The provider may have delivered a message that ended for one of these reasons.
UNCERTAIN_REASONS = frozenset({EXPIRED_UNCERTAIN, EXPIRED_UNREPORTED, EXPIRED_NOWHERE})


def repeat_of(message: Message, message_id: int, tag: str, now_ns: int, valid_ns: int) -> Message:
    """``message`` again. Its key depends on the old id alone, so the store keeps it once."""
    return structs.replace(
        message,
        message_id=message_id,
        key=f"r{tag}-{message.message_id}",
        created_ns=now_ns,
        expires_ns=now_ns + valid_ns,
        not_before_ns=0,
    )
