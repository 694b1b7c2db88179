"""The overview of one instant: rates, time left, costs, alert limits, errors, alerts; all in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dispatch_states import state_of
from dispatch_steps import ticket_of
from messages import made_message
from msgspec.structs import replace

from reference_sender import dashboard
from reference_sender.alerts.rules import AlertRules, Rule
from reference_sender.alerts.watch import Alerts
from reference_sender.dashboard.board import Board, CampaignAtGate, SenderCounters
from reference_sender.dashboard.progress import GrowthRate, cost_at_end, left_s
from reference_sender.dashboard.values import Overview, ShownCampaign
from reference_sender.dispatch import DispatchState
from reference_sender.dispatch.campaign_figures import CampaignCounts, CountedCampaigns
from reference_sender.dispatch.figures import BOUNDS_S
from reference_sender.dispatch.values import Message, RouteLimits, State
from reference_sender.policy.campaigns import Campaign, CampaignState

RULES = AlertRules(every_s=1, window_s=60, error_rate=Rule(above=0.1, clear=0.05, for_s=2))
ROUTE = RouteLimits("main", 10, 10, 10, 10, 10, 1, 60, cost_per_segment=0.5)


class CountersBySecond:
    """Counters of a sender, one second after the other."""

    def __init__(self, route: RouteLimits = ROUTE) -> None:
        self.figures = CountedCampaigns([route])
        self.alerts = Alerts(RULES)
        self.board = Board(self.figures, self.alerts)
        self.controls: dict[str, CampaignAtGate] = {}
        self.at_s = 0.0
        self.accepted = 0
        self._ids = 0

    def accept(self, campaign: str, count: int, segments: int = 1) -> list[Message]:
        made = []
        for _ in range(count):
            self._ids += 1
            made.append(
                made_message(
                    self._ids, to="48", sender_id="", campaign=campaign, segments=segments, expires_ns=99
                )
            )
        self.figures.accepted(made)
        self.accepted += count
        return made

    def second(self, state: DispatchState | None = None, **changes: Any) -> Overview:
        state = self.state(**changes) if state is None else state
        campaigns = self.figures.newest(50)
        controls = {
            each.name: self.controls.get(each.name, CampaignAtGate(Campaign(each.name), 0))
            for each in campaigns
        }
        self.alerts.observe(self.at_s, state)
        seen = SenderCounters(state, self.accepted, 3, None, controls, campaigns)
        overview = self.board.observe(self.at_s, 1e9 + self.at_s, seen)
        self.at_s += 1
        return overview

    def state(self, **changes: Any) -> DispatchState:
        made = state_of(**changes)
        return replace(made, totals=made.totals | {"sent": self.figures.total.messages})


def only(overview: Overview) -> ShownCampaign:
    (row,) = overview.campaigns
    return row


def test_rate_and_time_left_are_those_of_the_last_seconds() -> None:
    world = CountersBySecond()
    messages = world.accept("may", 1_000)
    row = only(world.second())
    assert (row.state, row.messages, row.queued) == ("running", 1_000, 1_000)
    assert (row.per_s, row.eta_s) == (None, None)
    for _ in range(10):
        for message in messages[:20]:
            world.figures.accepted_by_provider([ticket_of(message)], "main")
        del messages[:20]
        row = only(world.second())
    assert (row.queued, row.sent, row.per_s, row.eta_s) == (800, 200, 20.0, 40.0)
    for _ in range(40):  # nothing moves any more
        row = only(world.second())
    assert (row.per_s, row.eta_s) == (0.0, None)
    for message in messages:
        world.figures.accepted_by_provider([ticket_of(message)], "main")
    assert only(world.second()).eta_s == 0.0


def test_the_time_left_is_unknown_while_nothing_can_be_sent() -> None:
    world = CountersBySecond()
    messages = world.accept("may", 100)
    for message in messages[:20]:
        world.figures.accepted_by_provider([ticket_of(message)], "main")
        overview = world.second()
    assert (overview.eta_s, only(overview).eta_s) == (80.0, 80.0)
    overview = world.second(unusable_s=1)
    assert (overview.eta_s, only(overview).eta_s) == (None, None)
    (main,) = world.state(unusable_s=1).routes
    usable = replace(main, name="spare", trouble="")
    overview = world.second(replace(world.state(), routes=(main, usable)))
    assert overview.eta_s is not None and only(overview).eta_s is not None, "one route is enough"
    controls = {"may": CampaignAtGate(Campaign("may"), 0)}
    seen = SenderCounters(world.state(), 0, 0, None, controls, world.figures.newest(50), "disk full")
    overview = world.board.observe(world.at_s, 1e9, seen)
    assert (overview.eta_s, only(overview).eta_s) == (None, None)
    for message in messages[20:]:
        world.figures.accepted_by_provider([ticket_of(message)], "main")
    overview = world.second(unusable_s=1)
    assert (overview.eta_s, only(overview).eta_s) == (0.0, 0.0), "nothing is left"


def test_a_store_that_fails_is_shown_with_the_reason() -> None:
    world = CountersBySecond()
    assert world.second().store == ""
    seen = SenderCounters(world.state(), 0, 0, None, {}, [], "disk full")
    assert world.board.observe(world.at_s, 1e9, seen).store == "disk full"


def test_a_count_that_fell_begins_again() -> None:
    progress = GrowthRate()
    for at_s, done in ((0, 50), (10, 100), (11, 0), (12, 8)):
        progress.observe(at_s, done)
    assert progress.per_s is None
    progress.observe(15, 8)
    assert progress.per_s == 2.0


@pytest.mark.parametrize(
    ("count", "per_s", "left"), [(0, None, 0.0), (10, None, None), (10, 0.0, None), (10, 2.5, 4.0)]
)
def test_time_left(count: int, per_s: float | None, left: float | None) -> None:
    assert left_s(count, per_s) == left


def test_the_cost_at_the_end_uses_the_mean_price_so_far() -> None:
    assert cost_at_end(600, 20, 30, 10) == 1_500
    assert cost_at_end(0, 0, 30, 10) == 300  # the lowest price, before the first one
    assert cost_at_end(600, 20, 0, 10) == 600
    assert cost_at_end(0, 0, 30, None) is None


def test_costs_of_a_campaign_and_of_all() -> None:
    world = CountersBySecond()
    may = world.accept("may", 10, segments=2)
    world.accept("", 4)
    for message in may[:3]:
        world.figures.accepted_by_provider([ticket_of(message)], "main")
    world.figures.ended_unsent(may[3], State.EXPIRED)
    overview = world.second()
    row = only(overview)
    assert (row.cost, row.cost_at_end) == (3.0, 9.0)  # the expired one costs nothing
    assert (overview.cost, overview.cost_at_end) == (3.0, 11.0)
    free = CountersBySecond(replace(ROUTE, cost_per_segment=0))
    free.accept("may", 1)
    overview = free.second()
    assert (overview.cost, overview.cost_at_end, only(overview).cost) == (None, None, None)


def test_states_of_campaigns() -> None:
    world = CountersBySecond()
    world.accept("paused", 4)
    world.accept("scheduled", 5)
    ended = world.accept("ended", 1)
    world.figures.ended_unsent(ended[0], State.FAILED)
    limited = Campaign("paused", CampaignState.PAUSED, spending_limit=2_500_000)
    world.controls = {
        "paused": CampaignAtGate(limited, 4),
        "scheduled": CampaignAtGate(Campaign("scheduled"), 5),
    }
    rows = {row.name: row for row in world.second(held=9).campaigns}
    assert [row.state for row in rows.values()] == ["running", "paused", "ended"]
    paused, scheduled = rows["paused"], rows["scheduled"]
    assert (paused.held, paused.queued, paused.eta_s, paused.spending_limit) == (4, 0, None, 2.5)
    assert (scheduled.held, scheduled.eta_s) == (5, None)
    assert rows["ended"].failed == 1


def test_only_the_newest_campaigns_are_shown() -> None:
    world = CountersBySecond()
    for number in range(60):
        world.accept(f"c-{number}", 1)
    overview = world.second()
    assert (len(overview.campaigns), overview.more_campaigns) == (50, 10)
    assert overview.campaigns[0].name == "c-59"


def test_delivery_times_against_the_alert_limit_of_the_class() -> None:
    world = CountersBySecond()
    slow = BOUNDS_S.index(60.0)
    world.second(otp_deliveries={slow: 1_000})
    few = world.second(otp_deliveries={slow: 1_010}).classes[0]
    assert (few.measured, few.p95_s, few.alert_limit_s, few.over) == (10, None, 20.0, False)
    fast = world.second(otp_deliveries={slow: 1_000, 5: 100}).classes[0]
    assert fast.p95_s is not None and fast.p95_s < 0.1
    assert not fast.over
    over = world.second(otp_deliveries={slow: 1_100, 5: 100}).classes[0]
    assert over.p95_s is not None and 20 < over.p95_s <= 60
    assert (over.measured, over.over) == (200, True)


def test_the_limit_of_an_alert_is_not_called_objective() -> None:
    """The report judges objectives, and with another default for marketing."""
    page = Path(dashboard.__file__).parent / "page"
    texts = {each.name: each.read_text(encoding="utf-8") for each in page.iterdir() if each.is_file()}
    assert "alert limit" in texts["tables.js"]
    assert [name for name, text in texts.items() if "objective" in text.lower()] == []


def test_reasons_of_the_window_come_first() -> None:
    world = CountersBySecond()
    world.second(reasons={"old": 500})
    rows = world.second(reasons={"old": 500, "new": 3, "newer": 4}).errors
    assert [(row.reason, row.messages, row.in_window) for row in rows] == [
        ("newer", 4, 4),
        ("new", 3, 3),
        ("old", 500, 0),
    ]


def test_an_alert_is_shown_and_cleared() -> None:
    world = CountersBySecond()
    failed = delivered = 0
    shown = []
    for second in range(150):
        delivered += 10
        failed += 5 if 5 <= second < 10 else 0
        overview = world.second(delivered=delivered, failed=failed)
        shown.append([each.name for each in overview.alerts])
    began = shown.index(["error_rate"])
    assert 5 < began < 12
    assert shown[-1] == []
    (ended,) = overview.ended_alerts
    assert ended.name == "error_rate"
    percent, _, text = ended.description.partition(" % ")
    assert float(percent) <= 5 and text == "of the ended messages failed or expired"
    assert ended.lasted_s == shown[began:].index([])
    assert ended.ended_ago_s == 149 - (began + ended.lasted_s)


def test_points_have_rates_and_are_limited() -> None:
    world = CountersBySecond()
    world.accept("", 5)
    world.second()
    world.accept("", 7)
    point = world.second(delivered=3, failed=1, expired=2, queued=6, held=2).point
    assert (point.accepted_per_s, point.sent_per_s, point.delivered_per_s) == (7, 7, 3)
    assert (point.failed_per_s, point.expired_per_s) == (1, 2)
    assert (point.queued, point.held) == ({"otp": 0, "transactional": 0, "marketing": 6}, 2)
    for _ in range(400):
        world.second()
    assert len(world.board.history.points) == 300
    assert world.board.history.points[-1].unix_s == 1e9 + 401


def test_routes_show_what_stops_them() -> None:
    world = CountersBySecond()
    state = world.state(throttles=4)
    (route,) = state.routes
    world.second(state)

    def condition(**changes: Any) -> tuple[str, int]:
        routes = (replace(route, **changes),)
        (row,) = world.second(replace(state, routes=routes)).routes
        return row.condition, row.throttled

    assert condition() == ("ok", 0)
    assert condition(paused_s=2.0, throttles=9) == ("paused", 5)
    assert condition(breaker="half_open", paused_s=2.0) == ("breaker half open", 0)
    (row,) = world.second(state).routes
    assert (row.delivery_rate, row.delivery_s) == (None, None)  # one route: nothing is measured
    two = (
        replace(route, delivery_rate=0.9),
        replace(route, name="second", delivery_rate=0.8),
    )
    assert [each.delivery_rate for each in world.second(replace(state, routes=two)).routes] == [0.9, 0.8]


def test_counts_of_a_campaign_add_up() -> None:
    counts = CampaignCounts("may", 1, 2, 3, 4, 5)
    assert counts.messages == 15
