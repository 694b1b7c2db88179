"""What to change, for each kind of bottleneck."""

from __future__ import annotations

from analysis.findings import BottleneckKind

_ADVICE: dict[BottleneckKind, str] = {
    "sender_cpu": "give the sender more processor time: less work per message, or more processes.",
    "sender_loop": "move blocking work out of the process that answers requests.",
    "sender_pacing": "raise the sender's own rate limit up to what the contract allows.",
    "sender_concurrency": "allow more concurrent requests to the provider, or send in batches.",
    "sender_store": "write messages to the store in groups, and give the store a faster disk.",
    "sender_api": "answer when the message is queued, not when the provider has answered; send in batches.",
    "sender_hold": "look in the sender for a timer, a batch that waits to be full, or an outbox.",
    "sender_unforwarded": (
        "look for the messages in the sender: its log of errors, the address and token of the provider, "
        "a queue that nothing reads, a message that is dropped after an error."
    ),
    "provider_limit": "negotiate a higher rate with the provider, or spread the load over more time.",
    "carrier_queue": "spread the load over more time, or ask the provider for more capacity at that carrier.",
    "network": "nothing in the sender, since the network takes the time. Ask for a faster route.",
    "machine": "run sender and bench on separate machines: here they shared the processors.",
}


def what_to_change(kind: BottleneckKind) -> str:
    """One sentence that begins with a lower-case letter; "" if there is no advice."""
    return _ADVICE.get(kind, "")
