"""The sender's process: it opens store and routes, serves until it gets a signal, and shuts down in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from functools import partial
from typing import Annotated

import uvloop
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, model_validator

from reference_sender.alerts.money import Money
from reference_sender.alerts.rules import AlertSettings
from reference_sender.alerts.store import StoreTrouble
from reference_sender.api.api_counters import ApiCounters
from reference_sender.api.campaign_controls import CampaignControls
from reference_sender.api.connections import Limits
from reference_sender.api.dead_letters import DeadLetters
from reference_sender.api.handlers import Api
from reference_sender.api.intake import Intake
from reference_sender.api.metrics import Metrics
from reference_sender.api.queries import Queries
from reference_sender.api.report_orders import CampaignReports
from reference_sender.api.reports import REPORTS_PATH, ReportIntake, ReportReader
from reference_sender.api.rules import IntakeRules
from reference_sender.api.serving import serving
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.clock import now_ns, wall_ns
from reference_sender.dashboard.board import Board
from reference_sender.dashboard.feed import DashboardFeed, counters_of
from reference_sender.dashboard.handlers import dashboard_url, event_handlers, page_handlers
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import FINAL_STATES, Recovered, RouteLimits, State
from reference_sender.logs import log_loop_error
from reference_sender.node.node_share import NodeShare
from reference_sender.notices.campaign_ends import CampaignEnds
from reference_sender.notices.channels import open_channels
from reference_sender.notices.watcher import AlertWatcher
from reference_sender.policy.recipients import RecipientLimits
from reference_sender.policy.settings import NO_POLICY, PolicySettings
from reference_sender.routes.client import HttpRoute
from reference_sender.routes.url import RouteSpec
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.balances import Balances
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.earlier_campaigns import EarlierCampaigns
from reference_sender.runtime.garbage import collect_rarely
from reference_sender.runtime.loop_lag import LoopLag
from reference_sender.runtime.membership import NodeMembership
from reference_sender.runtime.missing_prices import require_prices
from reference_sender.runtime.recovery import Recovery
from reference_sender.runtime.rule_purging import begin_purging
from reference_sender.runtime.stored_gate import stored_gate
from reference_sender.runtime.wall_watch import WallWatch
from reference_sender.store import Membership, Store, open_store
from reference_sender.store.sharing import most_sharers
from user_input.addresses import host_and_port
from user_input.listening import bind

log = logging.getLogger(__name__)

# Time for clients to send the rest of a request after the sender has stopped accepting.
_SHUTDOWN_S = 3.0
_BACKLOG = 1024
# Seconds of work that a node keeps for itself. What waits beyond that is for any node.
_WINDOW_S = 2.0
_LARGEST_WINDOW = 10_000
# The limits of a route that nodes share. All of them must know the same ones.
_SHARED = ("requests_per_s", "requests_burst", "segments_per_s", "segments_burst", "max_in_flight")


class SenderSettings(BaseModel):
    """The settings of a sender's process."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    token: Annotated[str | None, Field(min_length=1, repr=False)] = None
    routes: Annotated[tuple[RouteSpec, ...], Field(min_length=1)]
    store: str
    public_url: str | None = None  # the URL at which providers reach the sender, if it is not host and port
    lease_s: Annotated[float, Field(ge=1, le=600)] = Membership().lease_s
    drain_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    seed: int = 1
    limits: Limits = Limits()
    alerts: AlertSettings = AlertSettings()
    campaign_reports: CampaignReportSettings = CampaignReportSettings()
    dispatch: DispatchSettings = DispatchSettings.model_validate({})
    policy: PolicySettings = NO_POLICY

    @model_validator(mode="after")
    def _routes_can_be_used(self) -> SenderSettings:
        names = [spec.limits.name for spec in self.routes]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"routes: more than one is named {', '.join(repeated)}; distinguish them with ?name="
            )
        unknown = sorted(set(self.policy.spending.routes) - set(names))
        if unknown:
            raise ValueError(
                f"policy: spending.routes: {', '.join(unknown)} is not a route; routes: {', '.join(names)}"
            )
        unknown = sorted(set(self.alerts.rules.balance_by_route) - set(names))
        if unknown:
            raise ValueError(
                f"rules.balance_by_route: {', '.join(unknown)} is not a route; known: {', '.join(names)}"
            )
        self.dispatcher()
        return self

    def dispatcher(self) -> Dispatcher:
        """A dispatcher for these routes; raises ``ValueError`` if their limits or names are not valid."""
        limits = [self.policy.priced(spec.limits) for spec in self.routes]
        return Dispatcher(self.dispatch, tuple(limits), self.seed)

    def open_routes(self, reports_url: str, report_secret: str) -> dict[str, HttpRoute]:
        """The routes by name. Each provider sends its reports to an address below ``reports_url``."""
        return {
            spec.limits.name: spec.open(f"{reports_url}{spec.definition.name}/{report_secret}")
            for spec in self.routes
        }

    def membership(self) -> Membership:
        """How this process joins others on a store for several. Each must be able to send one message by
        itself.
        """
        most_nodes = min(
            most_sharers(
                min(limits.requests_burst, limits.max_in_flight, limits.segments_burst / spec.max_segments)
            )
            for spec in self.routes
            for limits in (spec.limits,)
        )
        names = tuple(spec.limits.name for spec in self.routes)
        shared = tuple(_shared_limits(spec.limits) for spec in self.routes)
        looks_up = any(not spec.limits.idempotency_window_s for spec in self.routes)
        return Membership(names, most_nodes, self.lease_s, shared, looks_up)

    def node_share(self) -> NodeShare:
        """For a store that several processes use."""
        limits = [spec.limits for spec in self.routes]
        per_s = sum(min(each.requests_per_s * each.max_batch, each.segments_per_s) for each in limits)
        return NodeShare(int(min(_LARGEST_WINDOW, _WINDOW_S * per_s)), self.dispatch.order != "arrival")


class Sender:
    """One sender with all its parts. Create it while the event loop runs."""

    def __init__(self, settings: SenderSettings, store: Store, token: str, public_url: str) -> None:
        require_prices(settings.policy, store, wall_ns())
        self._settings = settings
        identity = store.identity()
        leases = store.leases
        # Of several nodes each counts what it did: the sum over the nodes is the whole.
        self._stored = stored = store.counts(None) if leases is None else {}
        self._routes = settings.open_routes(f"{public_url}{REPORTS_PATH}", identity.report_secret)
        self.background = BackgroundTasks()
        policy = settings.policy
        gate = stored_gate(policy, store)
        max_segments = min(spec.max_segments for spec in settings.routes)
        quiet, start = policy.quiet_hours.classes, secrets.token_hex(3)
        intake = Intake(identity.tag, start, identity.last_message_id, max_segments, quiet, gate.wall)
        self._driver = Driver(
            settings.dispatcher(),
            store,
            self._routes,
            background=self.background,
            gate=gate,
            new_id=intake.new_id,
        )
        self._membership: NodeMembership | None = None
        recipients = RecipientLimits(*policy.recipient_limits(), shared=leases is not None)
        if leases is not None:
            self._membership = NodeMembership(store, leases, self._driver, settings.node_share(), recipients)
        self._lag = LoopLag(self.background)
        self._wall_watch = WallWatch(self._driver.wall_set, self.background)
        alerts = settings.alerts
        asked = self._routes if alerts.rules.balance.enabled else {}
        self._balances = Balances(
            {name: route.ask_balance for name, route in asked.items()},
            alerts.rules.balance_every_s,
            self.background,
        )
        self._watcher = self._watch(alerts)
        self._queries = queries = Queries(store)
        self._purging = begin_purging(policy.keep_ns, store, queries.ask, self._driver, self.background)
        last_id = identity.last_message_id
        earlier = EarlierCampaigns(self._queries.ask, store, self._driver, last_id)
        self._recovery = Recovery(earlier, last_id, self.background)
        tally = ApiCounters()
        reports = settings.campaign_reports
        rules = IntakeRules(gate, recipients, reports)
        self._ends = CampaignEnds(
            store, self._queries.ask, self._driver, reports, self._leads, self.background
        )
        self.api = Api(
            token,
            self._driver,
            intake,
            self._queries,
            Metrics(self._driver, tally, self._lag, stored, self._balances.known),
            ReportIntake(self._readers(), identity.report_secret, public_url, self._driver, tally),
            rules,
        )
        look = partial(counters_of, self._driver, tally)
        self._feed = DashboardFeed(Board(self._driver.campaigns, self._watcher.alerts), look)
        self._serve(intake, rules)

    def _serve(self, intake: Intake, rules: IntakeRules) -> None:
        """Let the API serve more than messages."""
        api, driver, queries = self.api, self._driver, self._queries
        api.patience_s = patience_s = self._settings.limits.request_s
        api.serve(CampaignControls(driver, queries, rules, patience_s).handlers())
        api.serve(CampaignReports(queries, self._settings.campaign_reports).handlers())
        api.serve(DeadLetters(driver, queries, intake, rules, patience_s).handlers())
        api.serve(event_handlers(self._feed))
        api.serve_openly(page_handlers())

    def _readers(self) -> dict[str, ReportReader]:
        """Readers of reports by provider: the routes of one provider share an address."""
        by_provider: dict[str, list[RouteSpec]] = {}
        for spec in self._settings.routes:
            by_provider.setdefault(spec.definition.name, []).append(spec)
        return {
            name: ReportReader(
                [self._routes[spec.limits.name].protocol for spec in specs], specs[0].definition.confirmation
            )
            for name, specs in by_provider.items()
        }

    def _watch(self, alerts: AlertSettings) -> AlertWatcher:
        channels, driver = open_channels(alerts), self._driver
        return AlertWatcher(
            alerts.rules,
            driver.state,
            channels,
            self.background,
            money=self._money,
            store=self._store_trouble,
        )

    def _store_trouble(self) -> StoreTrouble:
        trouble = self._driver.commits.trouble()
        differing = () if self._membership is None else self._membership.differing
        return replace(trouble, differing=differing) if differing else trouble

    def _money(self) -> Money:
        spending = self._driver.gate.spending_state(now_ns())
        return Money(dict(self._balances.known), spending)

    def _leads(self) -> bool:
        """Whether this process does what one of several nodes must do for all."""
        return self._membership is None or self._membership.leads

    async def recover(self) -> None:
        """Continue the unfinished messages of an earlier process, or join the other nodes."""
        if self._membership is not None:
            await self._membership.start()
            return
        unfinished = sum(count for state, count in self._stored.items() if state not in FINAL_STATES)
        _warn_of_removed_routes(await self._recovery.start(unfinished), self._routes)
        if unfinished:
            log.info("unfinished messages of an earlier process: %d", unfinished)

    async def close(self) -> bool:
        """Answer the requests in flight, store everything, close everything. Returns as ``Driver.drain``."""
        self._feed.stop()
        if self._membership is not None:
            await self._membership.leave()
        for purging in self._purging:
            purging.stop()
        self._recovery.stop()
        self._ends.stop()
        # If a part failed, answers may never arrive.
        is_kept = await self._driver.drain(0 if self.background.failed.is_set() else self._settings.drain_s)
        if self._membership is not None:
            await self._membership.stop()
        self._balances.stop()
        for route in self._routes.values():
            await route.close()
        self._watcher.stop()
        self._lag.stop()
        self._wall_watch.stop()
        self._queries.close()
        return is_kept


class SenderFailed(Exception):
    """A part of the sender failed, so it exits; all acknowledged messages are in the store."""


class ChangesLost(Exception):
    """The sender was stopped, and the store did not keep the last changes."""

    def __init__(self) -> None:
        super().__init__(
            "the store did not keep the last changes; their messages are submitted again after a restart"
        )


def _warn_of_removed_routes(recovered: Iterable[Recovered], routes: Collection[str]) -> None:
    bound = Counter(each.route for each in recovered if each.state is State.QUEUED and each.route is not None)
    for route, count in bound.items():
        if route not in routes:
            log.warning(
                "%d messages may have been submitted on route %s, which is not configured. No other route"
                " gets them, and without a report they end as expired, route_removed. Start with that"
                " route (name=%s) to let it finish them",
                count,
                route,
                route,
            )


def run(settings: SenderSettings, ready: Callable[[str], None] = print) -> None:
    """Serve until SIGTERM or SIGINT. ``ready`` gets the ready line: one line of JSON with the address.

    Raises ``StoreError``, ``ListenAddressError`` if the address cannot be used, ``SenderFailed`` if a part of
    the sender fails while it serves, and ``ChangesLost``.
    """
    with (
        closing(open_store(settings.store, settings.membership())) as store,
        closing(bind(settings.host, settings.port)) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve_until_signal(settings, store, listener, ready))


async def _serve_until_signal(
    settings: SenderSettings, store: Store, listener: socket.socket, ready: Callable[[str], None]
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    # The terminal was closed. Under nohup the signal is ignored.
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for number in (signal.SIGTERM, signal.SIGINT, *hangup):
        loop.add_signal_handler(number, stopped.set)
    await serve(settings, store, listener, ready, stopped)


async def serve(
    settings: SenderSettings,
    store: Store,
    listener: socket.socket,
    ready: Callable[[str], None],
    stopped: asyncio.Event,
) -> None:
    """Serve at ``listener`` until ``stopped`` is set. Raises ``SenderFailed`` and ``ChangesLost``."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    token = settings.token or secrets.token_urlsafe(24)
    host, port = listener.getsockname()[:2]
    url = f"http://{host_and_port(host, port)}"
    sender = Sender(settings, store, token, settings.public_url or url)
    await sender.recover()
    connections = serving(sender.api, settings.limits)
    listening = await loop.create_server(connections, sock=listener, backlog=_BACKLOG)
    connections.start()
    collect_rarely()
    line: dict[str, object] = {"ready": True, "service": "sender", "url": url, "pid": os.getpid()}
    line["dashboard"] = dashboard_url(url, "" if settings.token else token)
    if settings.token is None:
        line["token"] = token
    ready(json.dumps(line))
    await _wait_for_either(stopped, sender.background.failed)
    log.info("stopping")
    sender.api.stop()
    is_kept = await sender.close()
    listening.close()
    await connections.finish(_SHUTDOWN_S)
    if sender.background.failed.is_set():
        raise SenderFailed(sender.background.reason)
    if not is_kept:
        raise ChangesLost


async def _wait_for_either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _shared_limits(limits: RouteLimits) -> str:
    return " ".join(f"{name}={getattr(limits, name)!r}" for name in _SHARED)
