"""The last part of a message's way: from its carrier to the handset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_provider.engine.faults.touched import MAGIC, mark
from mock_provider.engine.message import EXPIRED, Fate, TrackedMessage, fate
from mock_provider.engine.values import MessageState

if TYPE_CHECKING:
    from mock_provider.engine.carriers import Carrier
    from mock_provider.engine.draws import Uniforms
    from mock_provider.engine.faults.windows import ActiveFaults

_UNDELIVERED = MessageState.UNDELIVERED


def set_out(
    message: TrackedMessage, carrier: Carrier, uniforms: Uniforms, active: ActiveFaults, at_ns: int
) -> int:
    """Give a message that leaves its carrier at ``at_ns`` its fate; when it ends.

    ``radio_ns`` is as drawn, even where the message's validity or fate ends it sooner. The wait for a phone
    that is not found ends with the message. A brown-out slows the radio, not the wait for a phone.
    """
    radio_ns, wait_ns, ended = carrier.draw(uniforms, message.priority)
    magic = message.magic
    if magic is not None:
        mark(message, MAGIC)
        ended = magic.fate or ended
        if magic.latency_ns is not None:
            radio_ns, wait_ns = magic.latency_ns, 0
    if not active.none:
        radio_ns, wait_ns, ended = _by_faults(message, active, at_ns, radio_ns, wait_ns, ended)
    ends_ns = at_ns + radio_ns + wait_ns
    if ended.at_expiry:
        ends_ns = message.expires_ns
    elif ends_ns > message.expires_ns:
        ended, ends_ns = EXPIRED, message.expires_ns
    message.fate = ended
    message.radio_ns = radio_ns
    if ended.unreachable:
        message.handset_wait_ns = max(1, ends_ns - at_ns)  # above 0: that is how it is told
    elif wait_ns:
        message.handset_wait_ns = min(wait_ns, ends_ns - at_ns)
    return ends_ns


def _by_faults(
    message: TrackedMessage, active: ActiveFaults, at_ns: int, radio_ns: int, wait_ns: int, ended: Fate
) -> tuple[int, int, Fate]:
    """Slower by a brown-out; or failed at once, where its network is down."""
    for slowness in active.carrier_delays:
        radio_ns = slowness.applied(radio_ns, at_ns)
        mark(message, slowness.name)
    for down in active.failing:
        if down.meets(message.country, message.carrier):
            mark(message, down.name)
            return 0, 0, fate(_UNDELIVERED, down.reason)
    return radio_ns, wait_ns, ended
