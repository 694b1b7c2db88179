"""The values of the rules on balances and spending limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.value import Value, as_text
from reference_sender.policy.spending_state import CampaignSpending, SpendingState


class Money(Struct, frozen=True):
    """Balances by route, as far as known, and the spending limits."""

    balances: Mapping[str, float] = field(default_factory=dict)
    spending: SpendingState = SpendingState()


def money_values(rules: AlertRules, before: Money, now: Money) -> Iterator[Value]:
    """The values at ``now``; ``before`` is one window earlier."""
    for route, balance in now.balances.items():
        yield Value(
            f"balance.{route}",
            rules.balance_by_route.get(route, rules.balance),
            balance,
            f"the balance is {{}} on the account of route {route}, in the unit of its provider",
        )
    yield from _of_day(rules, now.spending)
    earlier = {each.campaign: each for each in before.spending.campaigns}
    for campaign in now.spending.campaigns:
        yield from _of_campaign(rules, earlier.get(campaign.campaign), campaign)


def _of_day(rules: AlertRules, spending: SpendingState) -> Iterator[Value]:
    limit = spending.daily_limit
    if limit is None:
        return
    share = spending.spent_today / limit if limit else float(spending.moved_today > 0)
    text = "{} of the daily limit is reserved"
    yield Value("spending_near.day", rules.spending_near, share, text, is_share=True)
    text = "{} messages wait for another day because the daily limit is reached"
    yield Value("spending_reached.day", rules.spending_reached, spending.moved_today, text, "messages")


def _of_campaign(
    rules: AlertRules, before: CampaignSpending | None, now: CampaignSpending
) -> Iterator[Value]:
    """A campaign is near its limit only while messages of it arrive or wait. Otherwise it may be complete."""
    name = now.campaign
    active = before is None or before.spent != now.spent or now.over_limit > 0
    near = f"{{}} of the spending limit of campaign {name} is reserved"
    if not active:
        near = (
            f"{as_text(now.share, True)} of the spending limit of campaign {name} is reserved, but no message"
            " of it waits or was accepted in the last window: that counts as {}"
        )
    yield Value(
        f"spending_near.campaign.{name}",
        rules.spending_near,
        now.share if active else 0.0,
        near,
        is_share=True,
    )
    yield Value(
        f"spending_reached.campaign.{name}",
        rules.spending_reached,
        now.over_limit,
        f"{{}} messages wait because the spending limit of campaign {name} is reached",
        "messages",
    )
