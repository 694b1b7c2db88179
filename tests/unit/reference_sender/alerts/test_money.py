"""Alerts on balances and spending limits: each begins once and ends once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from dispatch_states import state_of

from loadtests.storm.tables import Tables
from reference_sender.alerts.money import Money
from reference_sender.alerts.rules import AlertFileError, AlertRules, FloorRule, parse_alerts
from reference_sender.alerts.watch import Alerts, Notice
from reference_sender.policy.spending_state import CampaignSpending, SpendingState

RULES = AlertRules(every_s=10, window_s=60)
UNIT = 1_000_000


def notices(money: Sequence[Money], rules: AlertRules = RULES) -> list[Notice]:
    """The notices while the values go through ``money``, one each 10 s."""
    alerts = Alerts(rules)
    found = []
    for number, each in enumerate(money):
        found += alerts.observe(10.0 * number, state_of(), each)
    return found


def names(money: Sequence[Money], rules: AlertRules = RULES) -> list[tuple[str, bool]]:
    return [(each.alert, each.began) for each in notices(money, rules)]


def balances(*values: float) -> list[Money]:
    return [Money({"main": value}) for value in values]


def day(spent: float, moved: int = 0, limit: float | None = 10, number: int = 1) -> Money:
    daily = None if limit is None else int(limit * UNIT)
    return Money(spending=SpendingState(number, int(spent * UNIT), daily, moved))


def campaign(spent: float, over: int = 0, limit: float = 10) -> Money:
    each = CampaignSpending("may", int(spent * UNIT), int(limit * UNIT), over)
    return Money(spending=SpendingState(campaigns=(each,)))


def test_a_low_balance_causes_one_alert_until_it_is_topped_up() -> None:
    falls_and_rises = balances(500, 99, 80, 101, 99, 119, 120, 121, 500)
    assert names(falls_and_rises) == [("balance.main", True), ("balance.main", False)]
    began, ended = notices(falls_and_rises)
    account = "on the account of route main, in the unit of its provider"
    assert began.line == f"ALERT balance.main: the balance is 99 {account}, below the limit of 100"
    assert ended.line == f"ALL CLEAR balance.main: the balance is 120 {account}, at least 120"


def test_a_share_is_shown_in_percent() -> None:
    (near, *_) = notices([campaign(0), campaign(8.5), campaign(8.5)])
    assert near.line == (
        "ALERT spending_near.campaign.may: 85 % of the spending limit of campaign may is reserved,"
        " above the limit of 80 %"
    )


def test_the_all_clear_of_a_campaign_without_messages_shows_what_is_reserved() -> None:
    *_, ended = notices([campaign(0)] + [campaign(9)] * 10)
    assert ended.line == (
        "ALL CLEAR spending_near.campaign.may: 90 % of the spending limit of campaign may is reserved, but no"
        " message of it waits or was accepted in the last window: that counts as 0 %, at most 70 %"
    )


def test_campaigns_that_are_gone_leave_nothing() -> None:
    alerts = Alerts(RULES)
    for number in range(500):
        each = CampaignSpending(f"c{number}", UNIT, 10 * UNIT, 0)
        alerts.observe(10.0 * number, state_of(), Money(spending=SpendingState(campaigns=(each,))))
    most = 3 * RULES.window_s / RULES.every_s
    assert {name: entries for name, entries, _ in Tables(alerts).grown() if entries > most} == {}
    assert {name for name, _, _ in Tables(alerts).grown()} == {"_samples", "_alerts"}


def test_an_alert_without_a_value_stays_and_one_that_is_not_active_begins_again() -> None:
    low, unknown = Money({"main": 99}), Money()
    slow = RULES.model_copy(update={"balance": FloorRule(below=100, clear=120, for_s=30)})
    assert names([low] * 3 + [unknown] + [low] * 3, slow) == []
    assert names([low] * 5 + [unknown] * 3 + [low] * 3, slow) == [("balance.main", True)]


def test_an_unknown_balance_is_not_low() -> None:
    assert names([Money(), Money(), Money()]) == []


def test_a_route_may_have_its_own_limit_and_the_rule_may_be_off() -> None:
    own = RULES.model_copy(update={"balance_by_route": {"main": FloorRule(below=5, clear=6)}})
    assert names(balances(500, 99, 80), own) == []
    assert names(balances(500, 4, 80), own) == [("balance.main", True), ("balance.main", False)]
    off = RULES.model_copy(update={"balance": FloorRule(enabled=False, below=100, clear=120)})
    assert names(balances(500, 4), off) == []


def test_the_daily_limit_near_then_reached_then_a_new_day() -> None:
    grows = [day(0), day(7.9), day(8.1), day(9.9), day(10, 5), day(10, 9), day(0, number=2), day(1, number=2)]
    assert names(grows) == [
        ("spending_near.day", True),
        ("spending_reached.day", True),
        ("spending_near.day", False),
        ("spending_reached.day", False),
    ]


def test_without_a_daily_limit_there_is_no_alert() -> None:
    assert names([day(0, limit=None), day(100, 3, limit=None)]) == []


def test_a_campaign_near_its_limit_then_over_it_then_raised() -> None:
    grows = [campaign(0), campaign(9), campaign(10, 3), campaign(10, 3), campaign(13, limit=100)]
    assert names(grows) == [
        ("spending_near.campaign.may", True),
        ("spending_reached.campaign.may", True),
        ("spending_near.campaign.may", False),
        ("spending_reached.campaign.may", False),
    ]


def test_a_campaign_that_is_complete_near_its_limit_is_cleared_after_the_window() -> None:
    complete = [campaign(0), *[campaign(9)] * 20]
    assert names(complete) == [("spending_near.campaign.may", True), ("spending_near.campaign.may", False)]
    # After a restart there is no second alert.
    assert names([campaign(9)] * 20) == []


def test_a_campaign_may_have_the_name_of_another_rule() -> None:
    """Otherwise two values would share one state, and the alert would begin and end in turns."""
    limited = CampaignSpending("day", 0, 10 * UNIT, 0)
    both = [
        Money(spending=SpendingState(1, spent * UNIT, 10 * UNIT, 0, (limited,))) for spent in (0, 9, 9, 9)
    ]
    assert names(both) == [("spending_near.day", True)]


def test_a_campaign_with_the_limit_zero_is_over_it_at_once() -> None:
    assert names([campaign(0, 0, 0), campaign(0, 2, 0)]) == [
        ("spending_near.campaign.may", True),
        ("spending_reached.campaign.may", True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rules.balance]\nbelow = 200", "rules.balance: clear must not be smaller than below"),
        (
            "[rules.balance]\nabove = 1",
            "rules.balance.above: unknown key; known here: enabled, below, clear",
        ),
        ("[rules.balance_by_route.main]\nbelow = 1", "rules.balance_by_route.main.clear: missing"),
        ("[rules]\nbalance_every_s = 0", "rules.balance_every_s: must be more than 0"),
    ],
)
def test_an_error_of_the_file_names_the_field(text: str, expected: str) -> None:
    with pytest.raises(AlertFileError) as caught:
        parse_alerts(text)
    assert expected in str(caught.value)
