"""Each rule begins and ends its alert once, by the figures of a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from dispatch_states import state_of
from messages import made_message
from nanoseconds import LATER

from reference_sender.alerts.rules import AlertRules, Rule
from reference_sender.alerts.store import WORKS, StoreTrouble
from reference_sender.alerts.value import as_text
from reference_sender.alerts.values import quantile_s
from reference_sender.alerts.watch import Alerts
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.figures import BOUNDS_S, Histogram
from reference_sender.dispatch.values import Recovered, RouteLimits, State
from reference_sender.node.node import Node

RULES = AlertRules(every_s=10, window_s=60)
MINUTES = 10
WORST = 29  # the last sample of the fault


def alerts_of(worse: Sequence[dict[str, Any]], rules: AlertRules = RULES) -> list[tuple[str, bool]]:
    """What is reported while the figures go through ``worse``, one each 10 s, and then stay."""
    alerts = Alerts(rules)
    found = []
    states = [*worse, *([worse[-1]] * MINUTES * 6)]
    for number, figures in enumerate(states):
        found += [(each.alert, each.began) for each in alerts.observe(10.0 * number, state_of(**figures))]
    assert not alerts.active
    return found


@pytest.mark.parametrize(
    ("alert", "figures"),
    [
        (
            "error_rate",
            lambda n: {"delivered": n * 10, "failed": min(n, WORST), "expired": min(n, WORST)},
        ),
        (
            "delivery_time_s.otp",
            lambda n: {"otp_deliveries": {5: n * 10, len(BOUNDS_S) - 3: min(n, WORST)}},
        ),
        ("throttling.main", lambda n: {"throttles": min(n, WORST) * 20}),
        ("missing_reports", lambda n: {"reasons": {"no_report": min(n, WORST) * 3}}),
        ("missing_reports", lambda n: {"queried": min(n, WORST) * 3}),
        ("unusable_route.main", lambda n: {"unusable_s": n * 10 if n < WORST else 0}),
    ],
)
def test_a_rule_raises_and_clears_its_alert_once(alert: str, figures: Any) -> None:
    assert alerts_of([figures(n) for n in range(3 * WORST)]) == [(alert, True), (alert, False)]


@pytest.mark.parametrize(
    ("alert", "bad", "good"),
    [
        ("error_rate", "failed", "delivered"),
        ("delivery_time_s.otp", len(BOUNDS_S) - 3, 5),
    ],
)
def test_a_window_with_few_messages_is_no_all_clear(alert: str, bad: Any, good: Any) -> None:
    """A fault of an hour: 40 messages every 12 minutes, all of them bad. Then 40 good ones."""
    alerts = Alerts(AlertRules())
    found = []
    for at_s in range(0, 7_200, 5):
        sent = 40 * (1 + at_s // 720)
        counts: dict[Any, Any] = {bad: min(sent, 40 * 5), good: max(0, sent - 40 * 5)}
        state = state_of(otp_deliveries=counts) if alert != "error_rate" else state_of(**counts)
        found += [(each.alert, each.began, at_s > 3_600) for each in alerts.observe(float(at_s), state)]
    assert found == [(alert, True, False), (alert, False, True)]


def test_a_time_without_values_does_not_count_towards_for_s() -> None:
    """Each of two bursts of failures is in the window for a minute; the rule needs two."""
    alerts = Alerts(RULES.model_copy(update={"error_rate": Rule(above=0.1, clear=0.05, for_s=120)}))
    for at_s in range(0, 300, 10):
        failed = 20 * (at_s >= 10) + 20 * (at_s >= 200)
        assert alerts.observe(float(at_s), state_of(failed=failed)) == []


def test_a_backlog_that_grows_and_then_stays() -> None:
    worse = [{"queued": n * 500} for n in range(30)]
    assert alerts_of(worse) == [("backlog_growth", True), ("backlog_growth", False)]


@pytest.mark.parametrize(
    "figures",
    [
        lambda n: {"delivered": n * 10},
        lambda n: {"failed": n // 6},  # too few for a rate
        lambda n: {"delivered": n * 10, "failed": n * 100, "reasons": {"cancelled": n * 100}},
        lambda n: {"otp_deliveries": {5: n * 100, len(BOUNDS_S): n}},  # 1 %, and the limit is on the 95th
        lambda n: {"throttles": n * 5},
        lambda n: {"reasons": {"undelivered": n * 100}},
        lambda n: {"queued": 100_000},  # large, and does not grow
        lambda n: {"unusable_s": n % 7 * 10},  # a breaker that opens for a minute now and then
    ],
)
def test_figures_without_a_problem_raise_no_alert(figures: Any) -> None:
    assert alerts_of([figures(n) for n in range(30)]) == []


def queued(number: int) -> Recovered:
    message = made_message(number, key=f"k{number}", sender_id="", expires_ns=10**18)
    return Recovered(message, State.QUEUED, 0, None, None)


@pytest.mark.parametrize(("growth", "begun"), [(0, 0), (3_000, 1)])
def test_a_backlog_read_at_a_restart_is_no_growth(growth: int, begun: int) -> None:
    """5,000 waiting messages and 9,000 sent ones wait in the store; ``growth`` are new."""
    route = RouteLimits("r", 1, 1, 1, 1, max_batch=1, max_in_flight=1, idempotency_window_s=100.0)
    node = Node(Dispatcher(DispatchSettings(), (route,), 1))
    node.recover(0, [queued(number) for number in range(1_000)], 4_000, 9_000)
    at_once = RULES.backlog_growth.model_copy(update={"for_s": 0.0})
    alerts = Alerts(RULES.model_copy(update={"backlog_growth": at_once}))
    found = alerts.observe(0.0, node.state(0))
    node.recover_sent(1, [])
    node.recover(2, [queued(number) for number in range(1_000, 5_000 + growth)])
    found += alerts.observe(10.0, node.state(LATER))
    assert [(each.alert, each.value) for each in found] == [("backlog_growth", growth)] * begun


def test_a_store_that_fails_has_one_alert_with_the_reason_and_one_all_clear() -> None:
    alerts, found = Alerts(AlertRules()), []
    for at_s, lasted_s in enumerate((0, 0, 5, 6, 7, 0, 0)):
        trouble = StoreTrouble("disk full", lasted_s) if lasted_s else WORKS
        found += alerts.observe(at_s, state_of(), store=trouble)
    assert [each.line for each in found] == [
        "ALERT store_failed: the store has kept nothing for 6 s: disk full, above the limit of 5 s",
        "ALL CLEAR store_failed: the store has kept nothing for 0 s, at most 0 s",
    ]


def test_other_limits_at_another_node_are_an_alert_that_names_the_routes() -> None:
    alerts = Alerts(AlertRules())
    troubles = [WORKS, StoreTrouble(differing=("a", "b")), WORKS]
    found = [
        notice
        for at_s, trouble in enumerate(troubles)
        for notice in alerts.observe(at_s, state_of(), store=trouble)
    ]
    assert [each.line for each in found] == [
        "ALERT limits_differ: routes with other limits at another node: 2: a, b, above the limit of 0 routes",
        "ALL CLEAR limits_differ: routes with other limits at another node: 0, at most 0 routes",
    ]


def test_a_disabled_rule_raises_no_alert() -> None:
    off = RULES.model_copy(update={"throttling": RULES.throttling.model_copy(update={"enabled": False})})
    assert alerts_of([{"throttles": n * 20} for n in range(30)], off) == []


def test_the_notice_has_value_and_limit() -> None:
    alerts = Alerts(RULES.model_copy(update={"window_s": 60}))
    alerts.observe(0, state_of())
    (notice,) = alerts.observe(10, state_of(reasons={"no_report": 12}))
    assert notice.line == (
        "ALERT missing_reports: 12 delivery reports are missing, above the limit of 10 reports"
    )
    (clear,) = alerts.observe(80, state_of(reasons={"no_report": 12})) or alerts.observe(
        90, state_of(reasons={"no_report": 12})
    )
    assert clear.line.startswith("ALL CLEAR missing_reports: 0 ") and clear.line.endswith(
        ", at most 0 reports"
    )


def test_a_quantile_is_linear_in_its_bucket() -> None:
    counts = [0] * (len(BOUNDS_S) + 1)
    counts[BOUNDS_S.index(20.0)] = 100  # between 10 s and 20 s
    assert quantile_s(counts, 0.95) == pytest.approx(19.5)
    counts[-1] = 1_000
    assert quantile_s(counts, 0.95) == BOUNDS_S[-1]


def test_a_quantile_is_at_most_the_longest_duration_that_was_seen() -> None:
    counts = [0] * (len(BOUNDS_S) + 1)
    counts[BOUNDS_S.index(300.0)] = 100  # between 60 s and 300 s
    histogram = Histogram()
    for spent_s in (3, 110, 4):
        histogram.add(spent_s * 1_000_000_000)
    seen = histogram.durations()
    assert seen.longest_s == 110.0
    assert 60.0 < quantile_s(counts, 0.95, seen.longest_s) <= 110.0
    assert quantile_s(counts, 1.0, seen.longest_s) == 110.0
    assert quantile_s(seen.counts, 1.0, seen.longest_s) == 110.0


@pytest.mark.parametrize(
    ("value", "is_share", "text"),
    [
        (0.0, False, "0"),
        (14.894, False, "14.89"),
        (999.94, False, "999.9"),
        (12_345.0, False, "12345"),
        (86_400.0, False, "86400"),
        (0.99994, True, "99.99 %"),
        (25.0, True, "2500 %"),
    ],
)
def test_a_large_value_has_all_its_digits(value: float, is_share: bool, text: str) -> None:
    assert as_text(value, is_share) == text
