"""Stored instants after a restart, on the clock of today.

The wall clock may have been set back since they were written. An instant that now lies ahead would hold a
message back for as long: its linger or its report's time-out would begin only then. So every age counts from
the stored instant or from now, whichever is earlier.
"""

from __future__ import annotations

import msgspec

from reference_sender.dispatch.awaiting import Sent
from reference_sender.dispatch.values import Message, Recovered


def not_created_after(message: Message, now_ns: int) -> Message:
    """``message``, or, where it would be created in the future, as if created now with the same life span."""
    ahead_ns = message.created_ns - now_ns
    if ahead_ns <= 0:
        return message
    return msgspec.structs.replace(message, created_ns=now_ns, expires_ns=message.expires_ns - ahead_ns)


def tried_at(recovered: Recovered, now_ns: int) -> int:
    """When the provider may first have taken the message; never too late, so that no repeat is."""
    tried_ns = recovered.message.created_ns if recovered.tried_ns is None else recovered.tried_ns
    return min(tried_ns, now_ns)


def recovered_sent(recovered: Recovered, now_ns: int) -> Sent:
    """The message as awaiting its report since it was sent."""
    sent_ns = now_ns if recovered.sent_ns is None else min(recovered.sent_ns, now_ns)
    return Sent(
        recovered.message.message_id,
        recovered.attempts,
        recovered.provider_id,
        sent_ns,
        route=recovered.route,
    )
