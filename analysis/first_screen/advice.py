"""What to change, by what gave way."""

from __future__ import annotations

from analysis.findings import CulpritKind

_ADVICE: dict[CulpritKind, str] = {
    "sender_cpu": "give the sender more processor time: fewer steps for each message, or more processes.",
    "sender_loop": "take work that blocks out of the process that answers requests.",
    "sender_pacing": "raise the sender's own rate limit up to what the contract allows.",
    "sender_concurrency": "let the sender have more requests open at the provider, or send in batches.",
    "sender_store": "write messages to the store in groups, and give the store a faster disk.",
    "sender_api": "answer after queueing, not after the provider's answer, and send in batches.",
    "provider_limit": "negotiate a higher rate with the provider, or spread the load over more time.",
    "carrier_queue": "spread the load over more time, or ask the provider for more capacity at that carrier.",
    "network": "nothing in the sender: the time is spent in the network. Ask for a faster route.",
    "machine": "give sender and bench machines of their own: here they shared the processors.",
}


def what_to_change(kind: CulpritKind) -> str:
    """One sentence, without a capital; "" where nothing follows."""
    return _ADVICE.get(kind, "")
