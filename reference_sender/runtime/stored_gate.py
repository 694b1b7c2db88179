"""Opens the gate with the state that earlier processes stored."""

from __future__ import annotations

from reference_sender.policy.countries import zone_of
from reference_sender.policy.gate import Gate, open_gate
from reference_sender.policy.settings import PolicySettings
from reference_sender.policy.spending import day_of
from reference_sender.store import Store

_PAGE = 10_000
_DAYS_BACK, _DAYS_AHEAD = 1, 94  # of the daily counters: schedules reach 90 days ahead, and expiry 3 more


def stored_gate(policy: PolicySettings, store: Store, now_ns: int) -> Gate:
    """Raises ``StoreError``."""
    numbers: list[str] = []
    while page := store.opt_outs(numbers[-1] if numbers else "", _PAGE):
        numbers.extend(each.number for each in page)
    campaigns = store.campaigns()
    if not policy.spending.has_prices:
        return open_gate(policy, numbers, campaigns)
    today = day_of(now_ns, zone_of(policy.spending.time_zone))
    days = range(today - _DAYS_BACK, today + _DAYS_AHEAD)
    spent = {each.name: store.spent(each.name, None) for each in campaigns}
    by_day = {day: amount for day in days if (amount := store.spent(None, day))}
    return open_gate(policy, numbers, campaigns, spent, by_day)
