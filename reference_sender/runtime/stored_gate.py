"""Opens the gate with the state that earlier processes stored."""

from __future__ import annotations

from reference_sender.policy.gate import Gate, open_gate
from reference_sender.policy.settings import PolicySettings
from reference_sender.store import Store

_PAGE = 10_000


def stored_gate(policy: PolicySettings, store: Store) -> Gate:
    """Raises ``StoreError``. One of several nodes begins without that state and reads it as rule changes."""
    if store.leases is not None:
        return open_gate(policy)
    numbers: list[str] = []
    while page := store.opt_outs(numbers[-1] if numbers else "", _PAGE):
        numbers.extend(each.number for each in page)
    return open_gate(policy, numbers, store.campaigns(), store.spending())
