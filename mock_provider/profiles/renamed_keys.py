"""Keys and values of profiles that have new names, for an error that names the new one."""

from __future__ import annotations

# Paths without the indices of lists.
KEYS = {
    "wire": "protocol",
    "account.fast_price_factor": "account.priority_price_factor",
    "carriers.fast_latency": "carriers.priority_latency",
    "delivery.fast_latency": "delivery.priority_latency",
    "duplicates.batch": 'duplicates.on_violation = "reject_request" or "skip_message"',
    "flood.batch": 'flood.on_violation = "reject_request" or "skip_message"',
    "numbers.assigned_by": "numbers.carrier_assignment",
    "protocol.smsapi.drop_repeated_numbers": "protocol.smsapi.deduplicate_recipients",
    "traffic.batch": 'traffic.on_violation = "reject_request" or "skip_message"',
    "traffic.unsaid": "traffic.default_message_class",
}
VALUES = {
    ("faults.kind", "throttle_drop"): "rate_reduction",
    ("faults.host", "second"): "backup",
}
