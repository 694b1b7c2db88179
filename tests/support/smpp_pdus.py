"""Bodies of the PDUs that an SMPP client sends: the counterpart of the provider's readers."""

from __future__ import annotations

from mock_provider.protocols.smpp.fields import (
    ADDRESS,
    LONGEST_SHORT_MESSAGE,
    SERVICE_TYPE,
    TIME,
    c_octets,
    write_tlv,
)
from mock_provider.protocols.smpp.pdu import PASSWORD_OCTETS, Bind, ShortMessage

SYSTEM_ID, SYSTEM_TYPE, ADDRESS_RANGE = 15, 12, 40  # octets without the NUL (SMPP 3.4, §4.1.1)


def write_short_message(message: ShortMessage) -> bytes:
    """Raises ``ValueError`` for a value its field has no room for."""
    if len(message.short_message) > LONGEST_SHORT_MESSAGE:
        raise ValueError(f"short_message has {len(message.short_message)} octets; at most 254 are allowed")
    return b"".join(
        (
            c_octets(message.service_type, SERVICE_TYPE, "service_type"),
            bytes((message.source_ton, message.source_npi)),
            c_octets(message.source, ADDRESS, "source"),
            bytes((message.dest_ton, message.dest_npi)),
            c_octets(message.dest, ADDRESS, "dest"),
            bytes((message.esm_class, message.protocol_id, message.priority_flag)),
            c_octets(message.schedule_delivery_time, TIME, "schedule_delivery_time"),
            c_octets(message.validity_period, TIME, "validity_period"),
            bytes((message.registered_delivery, message.replace_if_present, message.data_coding)),
            bytes((message.default_message_id, len(message.short_message))),
            message.short_message,
            *(write_tlv(tag, value) for tag, value in message.tlvs),
        )
    )


def write_bind(bind: Bind) -> bytes:
    """Raises ``ValueError`` for a value its field has no room for."""
    return b"".join(
        (
            c_octets(bind.system_id, SYSTEM_ID, "system_id"),
            c_octets(bind.password, PASSWORD_OCTETS, "password"),
            c_octets(bind.system_type, SYSTEM_TYPE, "system_type"),
            bytes((bind.interface_version, bind.addr_ton, bind.addr_npi)),
            c_octets(bind.address_range, ADDRESS_RANGE, "address_range"),
        )
    )
