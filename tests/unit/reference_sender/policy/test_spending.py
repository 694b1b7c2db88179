"""Reserved costs, and the limits of a campaign and of a day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from messages import made_message
from nanoseconds import S

from reference_sender.dispatch.values import Message
from reference_sender.policy.countries import Prefixes, default_countries
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.spending import SegmentPrices, Spending, Spent, day_of, day_start_ns, summed

DAY = 86_400 * S
NOON = 20_000 * DAY + DAY // 2
PRICES = SegmentPrices(50_000, {"PL": 20_000}, Prefixes(default_countries().items()))


def message(
    segments: int = 1, to: str = "48500100200", not_before_ns: int = 0, campaign: str = "may"
) -> Message:
    expires_ns = NOON + 3 * DAY
    return made_message(
        1,
        key="k",
        to=to,
        sender_id="",
        campaign=campaign,
        segments=segments,
        created_ns=NOON,
        expires_ns=expires_ns,
        not_before_ns=not_before_ns,
    )


def spending(daily_limit: int | None = None, **more: int) -> Spending:
    stored = [Spent(campaign, 20_000, amount) for campaign, amount in more.items()]
    return Spending(PRICES, daily_limit, ZoneInfo("UTC"), stored)


def test_the_cost_is_that_of_the_segments_in_the_country() -> None:
    assert [PRICES.cost(message(3)), PRICES.cost(message(2, "306912345678"))] == [60_000, 100_000]


def test_a_campaign_over_its_limit_is_held_and_nothing_is_reserved() -> None:
    made = spending()
    assert made.reserve(NOON, message(), 50_000) == (NOON, Spent("may", 20_000, 20_000))
    assert made.reserve(NOON, message(2), 50_000) == (FOREVER, None)
    assert made.reserve(NOON, message(), 50_000) == (NOON, Spent("may", 20_000, 20_000))
    assert (made.spent["may"], made.on_day(20_000)) == (40_000, 40_000)


def test_counters_continue_after_a_restart() -> None:
    assert spending(may=40_000).reserve(NOON, message(), 50_000) == (FOREVER, None)


def test_a_message_over_the_daily_limit_waits_for_the_first_day_with_room() -> None:
    made = spending(daily_limit=50_000)
    begins = [made.reserve(NOON, message(), None)[0] for _ in range(7)]
    assert begins == [NOON, NOON, 20_001 * DAY, 20_001 * DAY, 20_002 * DAY, 20_002 * DAY, 20_003 * DAY]
    assert made.reserve(NOON, message(10), None) == (FOREVER, None), "more than a whole day"


def test_a_scheduled_message_is_reserved_on_its_day() -> None:
    made = spending(daily_limit=20_000)
    tomorrow = NOON + DAY
    assert made.reserve(NOON, message(not_before_ns=tomorrow), None) == (
        tomorrow,
        Spent("may", 20_001, 20_000),
    )
    assert made.reserve(NOON, message(), None)[0] == NOON
    assert made.reserve(NOON, message(), None)[0] == 20_002 * DAY


def test_a_message_that_expires_before_there_is_room_is_held_until_then() -> None:
    made = spending(daily_limit=20_000)
    assert [made.reserve(NOON, message(), None)[0] for _ in range(5)][-1] == FOREVER


def test_a_returned_amount_can_be_spent_again() -> None:
    made = spending()
    made.reserve(NOON, message(), 20_000)
    assert made.returned(message()) == Spent("may", 20_000, -20_000)
    assert made.reserve(NOON, message(), 20_000)[0] == NOON


def test_a_day_begins_at_midnight_of_its_zone() -> None:
    warsaw = ZoneInfo("Europe/Warsaw")
    midnight = datetime(2026, 3, 29, tzinfo=warsaw)
    start_ns = int(midnight.timestamp()) * S
    day = day_of(start_ns, warsaw)
    assert (day_of(start_ns - 1, warsaw), day_start_ns(day, warsaw)) == (day - 1, start_ns)
    assert day_start_ns(day + 1, warsaw) - start_ns == 23 * 3600 * S


def test_amounts_of_one_campaign_and_day_are_one_row() -> None:
    given = [Spent("a", 1, 5), Spent("b", 1, 5), Spent("a", 1, 2), Spent("c", 2, 3), Spent("c", 2, -3)]
    assert summed(given) == [Spent("a", 1, 7), Spent("b", 1, 5)]


def test_a_forgotten_campaign_of_more_than_400_days_leaves_no_negative_cost() -> None:
    days = [Spent("weekly", 20_000, 700_000), *(Spent("", 20_001 + day, 1) for day in range(500))]
    made = Spending(PRICES, None, ZoneInfo("UTC"), days)
    made.forget("weekly", 20_400)
    made.forget_days([place for place in made.places() if place[1] < 20_400])
    assert made.spent.get("weekly", 0) == 0
