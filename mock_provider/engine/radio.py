"""From the carrier to the handset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_provider.engine.faults.hooks import AirTime
from mock_provider.engine.faults.touched import mark
from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.outcome import EXPIRED

if TYPE_CHECKING:
    from mock_provider.engine.carriers import Carrier
    from mock_provider.engine.draws import Uniforms
    from mock_provider.engine.faults.windows import ActiveFaults


def set_out(
    message: TrackedMessage, carrier: Carrier, uniforms: Uniforms, active: ActiveFaults, at_ns: int
) -> int:
    """Set the outcome of a message that leaves its carrier at ``at_ns``. Returns the time at which it ends.

    ``radio_ns`` is as drawn, even if the message's validity or outcome ends it earlier. The wait for a
    phone that is not found ends with the message. A brown-out slows the radio, not the wait for a phone.
    """
    radio_ns, wait_ns, ended = carrier.draw(uniforms, message.terms.options.priority)
    magic = message.magic
    if magic is not None:
        ended = magic.outcome or ended
        if magic.latency_ns is not None:
            radio_ns, wait_ns = magic.latency_ns, 0
    if active.at_carrier:
        air = _apply_carrier_faults(AirTime(radio_ns, wait_ns, ended), message, active, at_ns)
        radio_ns, wait_ns, ended = air.radio_ns, air.wait_ns, air.outcome
    ends_ns = at_ns + radio_ns + wait_ns
    if ended.at_expiry:
        ends_ns = message.expires_ns
    elif ends_ns > message.expires_ns:
        ended, ends_ns = EXPIRED, message.expires_ns
    message.outcome = ended
    message.radio_ns = radio_ns
    if ended.unreachable:
        message.handset_wait_ns = max(1, ends_ns - at_ns)  # above 0: the sign that there was a wait
    elif wait_ns:
        message.handset_wait_ns = min(wait_ns, ends_ns - at_ns)
    return ends_ns


def _apply_carrier_faults(air: AirTime, message: TrackedMessage, active: ActiveFaults, at_ns: int) -> AirTime:
    for fault in active.at_carrier:
        changed = fault.change(air, message.country, message.carrier, at_ns)
        if changed is not None:
            mark(message, fault.name)
            air = changed
            if air.is_final:
                break
    return air
