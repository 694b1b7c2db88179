"""The running provider: joins engine, protocols, inbox, reports and journal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from mock_provider.engine import Engine, EngineState
from mock_provider.engine.faults.hooks import RequestInterruption
from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.values import (
    JournalRow,
    Refused,
    SendProgress,
    SendReports,
)
from mock_provider.http.connection import RespondHttp
from mock_provider.http.messages import HttpRequest, ReportCall
from mock_provider.inbox.events import EventFeed
from mock_provider.inbox.provider_control import ProviderStatus
from mock_provider.inbox.refusals import Refusals
from mock_provider.inbox.store import Inbox
from mock_provider.inbox.traffic import TrafficHistory
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import Instants, SubmitAction
from mock_provider.protocols.http_protocol import HttpProtocol
from mock_provider.protocols.registry import HttpProtocols
from mock_provider.runtime.actions import ActionRunner
from mock_provider.runtime.clock_driver import ClockDriver
from mock_provider.runtime.engine_reader import DriverReader
from mock_provider.runtime.fault_watch import FaultWatch
from mock_provider.runtime.health import Health
from mock_provider.runtime.journal import Journal
from mock_provider.runtime.lookups import ProviderLookups
from mock_provider.runtime.loop_lag import EventLoopLag
from mock_provider.runtime.reports_out import HttpReportSender, ReportCallSettings
from mock_provider.runtime.state_keeper import StateKeeper
from mock_provider.runtime.wall_clock import WallClock
from mock_provider.settings.values import Refusal
from mock_provider.state.file import StateClock, StateFile, boot_id

log = logging.getLogger(__name__)

INBOX_MESSAGES = 10_000
_ROWS_EVERY_S = 0.02  # soon after a message's last change, while it is still in the CPU's caches
_FAULTS_EVERY_S = 0.2
_WALL_CLOCK_EVERY_S = 0.2  # the longest delay of a scheduled message after the clock was set
_FLUSH_EVERY_S = 0.1
# The file has such a row within the two intervals after that, half a second after the message was accepted.
# Three of four messages of the profile ``fast`` are closed by then, and need no row as open messages.
_OPEN_ROW_AFTER_NS = 400_000_000
# At most 10,000 rows of open messages per second, more than single sends can reach. In requests of 1,000
# messages nearly every message would have two rows, and a row takes a tenth of the time of a message.
_MOST_OPEN_ROWS = 200
_PUBLISH_EVERY_S = 0.2
_TICK_EVERY_S = 1.0


class ReportSender(Protocol):
    """Sends reports other than by HTTP calls (SMPP receipts)."""

    @property
    def queued(self) -> int:
        """Reports that wait to be sent."""

    def deliver(self, effect: SendReports | SendProgress) -> None:
        """Send them. ``Engine.reports_answered`` must be called later, not before this returns."""

    def drop_queued(self) -> None:
        """Drop the reports that wait, without an answer to the engine."""


class ProviderRuntime:
    """Everything of a provider except its listeners. Make it on the event loop that will run it."""

    def __init__(self, profile: Profile, seed: int, stop_grace_s: float) -> None:
        self.profile = self.started_with = profile
        self._journal: Journal | None = None
        self._keeper: StateKeeper | None = None
        self._stop_grace_s = stop_grace_s
        self.protocols = HttpProtocols(profile, seed)
        self._wall_clock = WallClock()
        self._report_senders: dict[str, ReportSender] = {}
        self.health = Health(self._refuse_all)
        self._http_reports = HttpReportSender(
            self._report_calls, self.reports_answered, ReportCallSettings(), self.health
        )
        engine = Engine(profile, seed, self._wall_clock.offset_ns)
        self.driver = ClockDriver(engine, asyncio.get_running_loop(), self._deliver, self._engine_failed)
        self.inbox = Inbox(INBOX_MESSAGES, self.driver.engine.message, lambda: self.wall_offset_ns)
        self.lookups = ProviderLookups(
            self.driver.engine, self.inbox, lambda: self.wall_offset_ns, cancelled=self.driver.wake
        )
        self.engine_reader = DriverReader(self.driver, self._wall_clock)
        self.traffic = TrafficHistory()
        self.refusals = Refusals()
        self.actions = ActionRunner(self.driver, self.lookups, self.inbox, self.refusals)
        self.live = EventFeed(self.inbox, self.driver.engine.message)
        self._fault_watch = FaultWatch(self.driver.engine.fault_log, self.driver.now_ns)
        self._background: list[asyncio.Task[None]] = []
        self._lag = EventLoopLag()

    def keep_state(self, file: StateFile) -> None:
        """Continue what an earlier provider kept in the file, and keep the rest of this one's there.

        Call it before any request. Raises ``StateError`` if the file is damaged.
        """
        stored = file.load(StateClock(self.wall_offset_ns, boot_id()))
        driver = self.driver
        driver.engine.restore(driver.now_ns(), stored.engine)
        for request in stored.requests:
            self.inbox.remember(request.submit, request.accepted, request.unix_s)
        self._keeper = StateKeeper(
            file, driver.engine, driver.perform, lambda: self.wall_offset_ns, self.health
        )
        driver.hold_back_by(self._keeper.hold)

    def start(self, journal: Journal | None) -> None:
        """Start the background tasks on the running event loop; rows go to ``journal``."""
        self._journal = journal
        self._http_reports.start()
        self._begin("the journal", self._every(_ROWS_EVERY_S, self._take_rows), loses_records=True)
        self._begin("the journal", self._every(_FLUSH_EVERY_S, self._flush_journal), loses_records=True)
        if self._keeper is not None:
            self._begin("the state file", self._every(_ROWS_EVERY_S, self._keeper.commit_soon), True)
            self.driver.wake()  # kept messages may be due
        self._begin("the wall clock", self._every(_WALL_CLOCK_EVERY_S, self._read_wall_clock))
        self._begin("the log of faults", self._every(_FAULTS_EVERY_S, self._fault_watch.log_changes))
        self._begin("the page's events", self._every(_PUBLISH_EVERY_S, self._publish))
        self._begin("the page's charts", self._every(_TICK_EVERY_S, self._tick))
        self._begin("the measurement of the event loop's lag", self._lag.run())

    @property
    def wall_offset_ns(self) -> int:
        """Added to a time of the engine's clock to get unix time, by the present wall clock."""
        return self._wall_clock.offset_ns

    def outage(self) -> RequestInterruption | None:
        """The outage that applies now to requests to the first host."""
        return self.actions.outage(time.monotonic_ns())

    async def finish_reports(self) -> None:
        """Start no more report calls, and wait for the current ones for at most the grace period."""
        await self._http_reports.stop(self._stop_grace_s)

    async def stop(self) -> None:
        """Write the rest of the journal. Call it when no request and no report is pending."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self.driver.stop()
        self._close_journal()
        if self._keeper is not None:
            self._keeper.close()

    def ask(
        self, protocol: HttpProtocol, request: HttpRequest, respond: RespondHttp, backup_host: bool = False
    ) -> int | None:
        """Perform what the request asks for; ``respond`` gets the reply (``http.connection.Application``)."""
        now_ns = time.monotonic_ns()
        at = Instants(now_ns, unix_seconds(now_ns, self._wall_clock.offset_ns))
        action = protocol.read(request, self.driver.next_request_id(), at)
        if isinstance(action, SubmitAction):
            if backup_host:
                action = replace(action, submit=replace(action.submit, backup_host=True))
            return self.actions.submit(at, action, respond, protocol.errors)
        reply = self.actions.query(now_ns, action, respond, protocol.errors, backup_host)
        text = None if reply is None else protocol.errors.read(reply)
        if reply is not None and text is not None:
            keys = protocol.keys(request)
            self.refusals.of_request(now_ns, request, reply, text, keys[0] if keys else "")
            self.actions.note_unread(now_ns, protocol.name, keys, text.unauthorized)
        return None

    def reconfigure(self, profile: Profile) -> None:
        """Use other settings from now on. Pending requests and messages continue."""
        self.driver.carry_out(self.driver.engine.reconfigure(self.driver.now_ns(), profile))
        self.profile = profile
        self.protocols.use(profile)
        self.live.settings_changed()

    def reset(self) -> None:
        """Forget all messages, counters and texts; the profile stays."""
        self._take_rows()
        self.driver.carry_out(self.driver.engine.reset(self.driver.now_ns()))
        self.inbox.clear()
        self.refusals.clear()
        self.live.cleared()
        self._http_reports.drop_queued()
        for sender in self._report_senders.values():
            sender.drop_queued()
        self.protocols.reset(self.profile)

    def report_by(self, protocol: str, sender: ReportSender) -> None:
        """Give this protocol's reports to ``sender`` from now on. Without one, HTTP calls send them."""
        self._report_senders[protocol] = sender

    def engine_state(self) -> EngineState:
        return self.driver.engine.state()

    def status(self) -> ProviderStatus:
        """State, gauges and failures, for ``GET /admin/state``."""
        return ProviderStatus(
            self.engine_state(),
            self.gauges(),
            self.health.failures,
            self.protocols.unread_fields.counts(),
            self._http_reports.last_failure,
        )

    def gauges(self) -> dict[str, float]:
        """Depths and lags of the process around the engine."""
        return {
            "loop_lag_ms": self._lag.worst_ms,
            "loop_core_wait_ms": self._lag.core_wait_ms,
            "timer_late_ms": self.driver.lateness_ms(),
            "replies_waiting": float(self.driver.waiting),
            "report_calls_resent": float(self._http_reports.resent),
            "report_batches_pending": float(
                self._http_reports.pending + sum(sender.queued for sender in self._report_senders.values())
            ),
        }

    def _deliver(self, effect: SendReports | SendProgress) -> None:
        sender = self._report_senders.get(effect.protocol)
        if sender is None:
            self._http_reports.deliver(effect)
        else:
            sender.deliver(effect)

    def _report_calls(self, effect: SendReports | SendProgress) -> Sequence[ReportCall]:
        return self.protocols.named(effect.protocol).report_calls(effect, self.wall_offset_ns)

    def reports_answered(self, batch_id: int, confirmed: bool) -> None:
        """A receiver has answered a batch of reports."""
        driver = self.driver
        driver.carry_out(driver.engine.reports_answered(driver.now_ns(), batch_id, confirmed))

    def _begin(self, what: str, work: Coroutine[Any, Any, None], loses_records: bool = False) -> None:
        task = asyncio.create_task(work)
        self.health.watch(task, what, loses_records)
        self._background.append(task)

    def _engine_failed(self, error: BaseException) -> None:
        self.health.fail("the engine", error, loses_records=True)

    def _refuse_all(self) -> None:
        """Refuse submits whose records would be lost."""
        self.driver.refusal = Refused(Refusal.UNAVAILABLE)

    def _take_rows(self) -> None:
        engine = self.driver.engine
        if self._journal is None:
            engine.take_rows()
        else:
            accepted_until_ns = time.monotonic_ns() - _OPEN_ROW_AFTER_NS
            self._keep(engine.take_rows(accepted_until_ns, _MOST_OPEN_ROWS))

    def _keep(self, rows: Sequence[JournalRow]) -> None:
        if rows and self._journal is not None:
            self._journal.write(rows)

    def _close_journal(self) -> None:
        journal = self._journal
        if journal is None:
            return
        try:
            if self.health.records_lost.is_set():
                journal.abandon()
                return
            self._keep(self.driver.engine.close_rows())
            journal.close()
        except Exception as error:
            self.health.fail("the journal", error, loses_records=True)
            journal.abandon()

    def _read_wall_clock(self) -> None:
        moved_ns = self._wall_clock.measure()
        if moved_ns:
            way = "forward" if moved_ns > 0 else "back"
            log.warning("the wall clock was set %s by %.3f s", way, abs(moved_ns) / 1e9)
            driver = self.driver
            driver.carry_out(driver.engine.set_wall_offset(driver.now_ns(), self.wall_offset_ns))

    def _publish(self) -> None:
        self.actions.remember_unanswered()
        self.live.publish()

    def _tick(self) -> None:
        state, gauges = self.engine_state(), self.gauges()
        self.live.tick(self.traffic.sample(state, gauges, time.monotonic(), time.time()))

    def _flush_journal(self) -> None:
        if self._journal is not None:
            self._journal.flush()

    async def _every(self, interval_s: float, act: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(interval_s)
            act()
