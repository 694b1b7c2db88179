"""Converts stored instants to the present clock after a restart.

If the wall clock was set back meanwhile, a stored instant may be in the future, and would delay its message's
linger or report timeout. So every age counts from the stored instant or from now, whichever is earlier.
"""

from __future__ import annotations

import msgspec

from reference_sender.dispatch.awaiting import Sent
from reference_sender.dispatch.campaign_figures import counted_under
from reference_sender.dispatch.figures import begun_ns
from reference_sender.dispatch.ticket import lane_index
from reference_sender.dispatch.values import EndedMessage, Message, Recovered, State


def not_created_after(message: Message, now_ns: int) -> Message:
    """``message``. If it was created in the future: with ``now_ns`` as its creation and the same validity."""
    ahead_ns = message.created_ns - now_ns
    if ahead_ns <= 0:
        return message
    moved_ns = message.expires_ns - ahead_ns
    return msgspec.structs.replace(dated(message), created_ns=now_ns, expires_ns=moved_ns)


def dated(message: Message) -> Message:
    """Copies ``created_ns`` to ``dated_ns`` unless that is done. Call it before ``created_ns`` is changed."""
    if message.dated_ns:
        return message
    return msgspec.structs.replace(message, dated_ns=message.created_ns)


def tried_at(recovered: Recovered, now_ns: int) -> int:
    """The earliest instant at which the provider may have accepted the message: no repeat is too late."""
    tried_ns = recovered.message.created_ns if recovered.tried_ns is None else recovered.tried_ns
    return min(tried_ns, now_ns)


def recovered_sent(recovered: Recovered, now_ns: int, wall_ahead_ns: int = 0) -> Sent:
    """The record of a message that awaits its report since it was sent."""
    sent_ns = recovered.sent_ns
    if sent_ns is None or sent_ns > now_ns:
        sent_ns = now_ns
    message = recovered.message
    lane, begun = lane_index(message.lane), begun_ns(sent_ns, message, wall_ahead_ns)
    provider_id, route, campaign = recovered.provider_id, recovered.route, counted_under(message)
    # By position: a start makes up to 500,000 of them, and names take a third longer.
    return Sent(
        message.message_id,
        recovered.attempts,
        provider_id,
        sent_ns,
        lane,
        begun,
        State.SENT,
        route,
        "",
        campaign,
    )


def recovered_ended(ended: EndedMessage, now_ns: int, wall_ahead_ns: int = 0) -> Sent:
    """The record of an ended message that has a late report."""
    message = ended.message
    return Sent(
        message.message_id,
        ended.attempts,
        ended.provider_id,
        now_ns + wall_ahead_ns,
        lane_index(message.lane),
        begun_ns(now_ns, message, wall_ahead_ns),
        ended.state,
        ended.route,
        campaign=counted_under(message),
    )
