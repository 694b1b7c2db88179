"""One sender on real sockets, with a route that accepts all it is given, and a client that talks to it."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from aiohttp.test_utils import RawTestServer
from any_hour import check_any_hour

from reference_sender.api.api_counters import ApiCounters
from reference_sender.api.campaign_controls import CampaignControls
from reference_sender.api.dead_letters import DeadLetters
from reference_sender.api.handlers import Api
from reference_sender.api.intake import Intake
from reference_sender.api.metrics import Metrics
from reference_sender.api.queries import Queries
from reference_sender.api.report_orders import CampaignReports
from reference_sender.api.reports import ReportIntake, ReportReader
from reference_sender.api.rules import NO_REPORTS, IntakeRules
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Message, Outcome, Report, Result, RouteLimits, State
from reference_sender.node.times import NodeTimes
from reference_sender.policy.recipients import RecipientLimits
from reference_sender.policy.settings import NO_POLICY, PolicySettings
from reference_sender.routes import ROUTES
from reference_sender.routes.protocol import RouteAccount
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.loop_lag import LoopLag
from reference_sender.runtime.stored_gate import stored_gate
from reference_sender.store import Existing, Record, SqliteStore, StoreError, Work

AUTHORIZED = {"Authorization": "Bearer t"}


LIMITS = RouteLimits("r", 10_000.0, 1_000.0, 100_000.0, 10_000.0, 500, 8, 86_400.0)


MESSAGE = {"to": "+48500100200", "text": "hello", "message_class": "otp", "key": "k-1"}


class AcceptingRoute:
    """Takes everything, under provider ids made of the keys."""

    def __init__(self) -> None:
        self.submitted: list[Message] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def submit(self, messages: Sequence[Message]) -> list[Result]:
        self.submitted += messages
        await self.answers.wait()
        return [Result(Outcome.ACCEPTED, f"p-{message.key}") for message in messages]

    async def look_up(self, message: Message, since_ns: int) -> Sequence[Report] | None:
        raise AssertionError("this provider refuses repeats")

    async def ask_report(self, provider_id: str, key: str) -> Report | None:
        return None

    async def close(self) -> None:
        return


class GatedStore(SqliteStore):
    """A store whose commits wait while ``gate`` is clear, and fail while ``failing`` is set. While
    ``unreadable`` is set it does not answer about messages and campaigns, as PostgreSQL in an outage.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.failing = False
        self.unreadable = False

    def counts(self, campaign: str | None) -> dict[State, int]:
        self._check_readable()
        return super().counts(campaign)

    def records(self, after_id: int, limit: int) -> list[Record]:
        self._check_readable()
        return super().records(after_id, limit)

    def _check_readable(self) -> None:
        if self.unreadable:
            raise StoreError("no connection")

    def commit(self, work: Work) -> Mapping[int, Existing]:
        assert self.gate.wait(20)
        if self.failing:
            raise StoreError("disk full")
        return super().commit(work)

    def probe(self) -> None:
        assert self.gate.wait(20)
        if self.failing:
            raise StoreError("disk full")
        super().probe()


class SenderWorld:
    """One sender, and a client that talks to it."""

    def __init__(
        self,
        store: GatedStore,
        session: aiohttp.ClientSession,
        max_backlog: int,
        policy: PolicySettings = NO_POLICY,
        reports: CampaignReportSettings = NO_REPORTS,
    ) -> None:
        check_any_hour(policy)
        self.store = store
        self.route = AcceptingRoute()
        self._session = session
        identity = store.identity()
        settings = DispatchSettings.model_validate({"max_backlog": max_backlog, "otp_reserved_backlog": 0})
        times = NodeTimes(early_report_ns=200_000_000)
        gate = stored_gate(policy, store)
        self.driver = Driver(Dispatcher(settings, (LIMITS,), 1), store, {"r": self.route}, times, gate=gate)
        self.driver.recover(store.unfinished())
        self.driver.recover_sent(store.sent(store.sent_ids()))
        self.queries = Queries(store)
        self.lag = LoopLag()
        tally = ApiCounters()
        smsapi = ROUTES["smsapi"]
        account = RouteAccount("http://127.0.0.1/sms.do", "", "t", "Test")
        reader = ReportReader([smsapi.protocol(account)], smsapi.confirmation)
        quiet = policy.quiet_hours.classes
        intake = Intake(identity.tag, secrets.token_hex(3), identity.last_message_id, 6, quiet, gate.wall)
        rules = IntakeRules(gate, RecipientLimits(*policy.recipient_limits()), reports)
        self.api = Api(
            "t",
            self.driver,
            intake,
            self.queries,
            Metrics(self.driver, tally, self.lag, store.counts(None)),
            ReportIntake({"smsapi": reader}, "hush", "http://127.0.0.1", self.driver, tally),
            rules,
        )
        self.api.serve(CampaignControls(self.driver, self.queries, rules, 5.0).handlers())
        self.api.serve(CampaignReports(self.queries, reports).handlers())
        self.api.serve(DeadLetters(self.driver, self.queries, intake, rules, 5.0).handlers())
        self.url = ""

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] = AUTHORIZED, **more: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        async with self._session.request(method, f"{self.url}{path}", headers=headers, **more) as answer:
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(body) if is_json and body else body, answer.headers

    async def post(self, **fields: Any) -> tuple[int, Any, Mapping[str, str]]:
        return await self.call("POST", "/v1/messages", json=MESSAGE | fields)

    async def report(self, *keys: str, status: int = 404) -> tuple[int, Any, Mapping[str, str]]:
        ids = ",".join(f"p-{key}" for key in keys)
        query = f"MsgId={ids}&status={status}&idx={','.join(keys)}"
        return await self.call("GET", f"/v1/reports/smsapi/hush?{query}", headers={})

    async def state_of(self, message_id: str) -> str:
        _, shown, _ = await self.call("GET", f"/v1/messages/{message_id}")
        return str(shown["state"])

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.driver.state().totals["sent"] < count:
                await asyncio.sleep(0)
            await self.driver.all_stored()


WorldSteps = Callable[[SenderWorld], Awaitable[None]]


def run_sender(
    path: Path,
    steps: WorldSteps,
    max_backlog: int = 100_000,
    policy: PolicySettings = NO_POLICY,
    reports: CampaignReportSettings = NO_REPORTS,
) -> None:
    """Run ``steps`` on a sender with its store at ``path``. A further call restarts the sender on it."""

    async def live() -> None:
        store = GatedStore(path)
        async with aiohttp.ClientSession() as session:
            world = SenderWorld(store, session, max_backlog, policy, reports)
            server = RawTestServer(world.api.handle)
            await server.start_server(max_line_size=2**20, auto_decompress=False)
            world.url = str(server.make_url("")).rstrip("/")
            try:
                await steps(world)
            finally:
                store.failing = store.unreadable = False
                store.gate.set()
                world.route.answers.set()
                await world.driver.drain(5)
                world.lag.stop()
                world.queries.close()
                await server.close()
                store.close()

    asyncio.run(live())


class RunWorld(Protocol):
    def __call__(
        self,
        steps: WorldSteps,
        max_backlog: int = 100_000,
        policy: PolicySettings = NO_POLICY,
        reports: CampaignReportSettings = NO_REPORTS,
    ) -> None:
        """Run the steps on a sender. A further call in the same test restarts it on the same store."""
