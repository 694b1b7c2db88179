"""Makes the overview of one instant from the counters of the sender, sans-IO.

It keeps the points of the last minutes and the progress of the campaigns that it shows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from reference_sender.alerts.rules import FloorRule
from reference_sender.alerts.value import beyond, limit_text
from reference_sender.alerts.watch import ActiveAlert, Alerts, EndedAlert
from reference_sender.dashboard.progress import GrowthRate, cost_at_end, left_s
from reference_sender.dashboard.tables import class_rows, error_rows, queued_by_class, route_rows
from reference_sender.dashboard.values import AlertRow, History, Overview, Point, ShownCampaign
from reference_sender.dispatch import DispatchState
from reference_sender.dispatch.campaign_figures import UNIT, CampaignCounts, CountedCampaigns
from reference_sender.policy.campaigns import Campaign, CampaignState

_POINTS = 300
CAMPAIGNS_SHOWN = 50


class CampaignAtGate(Struct, frozen=True):
    """What the gate knows of one campaign."""

    campaign: Campaign
    held: int
    held_by: str | None = None  # the reason of the held messages that are released next
    held_until_s: float | None = None  # when that is, in Unix time


class SenderCounters(Struct, frozen=True):
    """The counters at one instant."""

    state: DispatchState
    accepted: int
    refused: int
    nodes: int | None
    controls: dict[str, CampaignAtGate]  # of the campaigns in ``campaigns``
    campaigns: Sequence[CampaignCounts]
    store: str = ""  # why nothing can be stored; "": it can


class Board:
    """Takes the counters once a second."""

    def __init__(self, figures: CountedCampaigns, alerts: Alerts) -> None:
        self._figures = figures
        self._alerts = alerts
        self._points: deque[Point] = deque(maxlen=_POINTS)
        self._before: tuple[float, SenderCounters] | None = None
        self._began_s: float | None = None
        self._progress: dict[str, GrowthRate] = {}
        self._all = GrowthRate()

    @property
    def history(self) -> History:
        """The points so far."""
        return History(list(self._points))

    def observe(self, at_s: float, unix_s: float, seen: SenderCounters) -> Overview:
        """The overview at ``at_s``, which never goes back; ``unix_s`` is the same instant in Unix time."""
        if self._began_s is None:
            self._began_s = at_s
        point = self._point(at_s, unix_s, seen)
        self._points.append(point)
        self._before = at_s, seen
        state, figures = seen.state, self._figures
        window = self._alerts.window_start
        before_s, before = (at_s, state) if window is None else window
        total, price = figures.total, figures.lowest_price
        self._all.observe(at_s, total.messages - total.waiting)
        total_per_s = None if _is_stuck(seen) else self._all.per_s
        at_end = cost_at_end(total.cost, total.sent_segments, total.waiting_segments, price)
        return Overview(
            point=point,
            up_s=at_s - self._began_s,
            window_s=at_s - before_s,
            nodes=seen.nodes,
            store=seen.store,
            accepted=seen.accepted,
            refused=seen.refused,
            eta_s=left_s(max(0, total.waiting - state.held), total_per_s),
            cost=None if price is None else total.cost / UNIT,
            cost_at_end=_units(at_end),
            classes=class_rows(self._alerts.rules, before, state),
            campaigns=self._campaigns(at_s, seen),
            more_campaigns=len(figures) - len(seen.campaigns),
            routes=route_rows(before, state),
            errors=error_rows(before, state),
            alerts=[_active(at_s, each) for each in self._alerts.active],
            ended_alerts=[_ended(at_s, each) for each in self._alerts.ended],
        )

    def _point(self, at_s: float, unix_s: float, seen: SenderCounters) -> Point:
        state = seen.state
        spent_s, earlier = 1.0, seen
        if self._before is not None and at_s > self._before[0]:
            spent_s, earlier = at_s - self._before[0], self._before[1]
        before, now = earlier.state.totals, state.totals

        def rate(name: str) -> float:
            return (now[name] - before[name]) / spent_s

        return Point(
            unix_s=unix_s,
            accepted_per_s=(seen.accepted - earlier.accepted) / spent_s,
            sent_per_s=rate("sent"),
            delivered_per_s=rate("delivered"),
            failed_per_s=rate("failed"),
            expired_per_s=rate("expired"),
            queued=queued_by_class(state),
            in_flight=state.in_flight_messages,
            held=state.held,
            awaiting_report=state.awaiting_report,
        )

    def _campaigns(self, at_s: float, seen: SenderCounters) -> list[ShownCampaign]:
        kept = self._progress
        self._progress = {each.name: kept.get(each.name) or GrowthRate() for each in seen.campaigns}
        rows = []
        stuck = _is_stuck(seen)
        for counts in seen.campaigns:
            progress = self._progress[counts.name]
            progress.observe(at_s, counts.messages - counts.waiting)
            rows.append(_row(counts, seen.controls[counts.name], progress, self._figures.lowest_price, stuck))
        return rows


def _is_stuck(seen: SenderCounters) -> bool:
    """Whether nothing can be sent now, so that the rate of the last seconds says nothing about the rest."""
    routes = seen.state.routes
    return bool(seen.store) or (bool(routes) and all(route.trouble for route in routes))


def _row(
    counts: CampaignCounts, control: CampaignAtGate, progress: GrowthRate, price: int | None, stuck: bool
) -> ShownCampaign:
    # For a moment a message may be in neither count, or in both.
    held = min(control.held, counts.waiting)
    queued = counts.waiting - held
    state = control.campaign.state
    ended = state is CampaignState.RUNNING and not counts.is_open
    limit = control.campaign.spending_limit
    waits = queued == 0 and held > 0
    at_end = cost_at_end(counts.cost, counts.sent_segments, counts.waiting_segments, price)
    return ShownCampaign(
        name=counts.name,
        state="ended" if ended else state.value,
        messages=counts.messages,
        held=held,
        held_by=control.held_by,
        held_until_unix_s=control.held_until_s,
        queued=queued,
        sent=counts.sent,
        delivered=counts.delivered,
        failed=counts.failed,
        expired=counts.expired,
        per_s=progress.per_s,
        eta_s=None if waits else left_s(queued, None if stuck else progress.per_s),
        cost=None if price is None else counts.cost / UNIT,
        cost_at_end=_units(at_end),
        spending_limit=None if limit is None else limit / UNIT,
    )


def _units(amount: int | None) -> float | None:
    return None if amount is None else amount / UNIT


def _active(at_s: float, alert: ActiveAlert) -> AlertRow:
    value = alert.value
    limit = limit_text(value.rule.begin_limit, value.is_share, value.unit)
    passed = beyond(limit, isinstance(value.rule, FloorRule))
    return AlertRow(value.name, f"{value.description}, {passed}", at_s - alert.since_s, None)


def _ended(at_s: float, alert: EndedAlert) -> AlertRow:
    lasted_s, ago_s = alert.ended_s - alert.since_s, at_s - alert.ended_s
    return AlertRow(alert.value.name, alert.value.description, lasted_s, ago_s)
