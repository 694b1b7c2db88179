"""Finds campaigns that have ended, makes their reports in small steps, and mails them.

The store has the order of a report, and the report. A sender that is restarted between the two makes the
report after the restart. Of several nodes one makes them all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec import Struct

from reference_sender.campaign_report.carriers import carrier_finder
from reference_sender.campaign_report.report_mail import letter
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.campaign_report.tally import CampaignTally
from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.campaign_report.values import CampaignSummary
from reference_sender.clock import now_ns, wall_ns
from reference_sender.notices.channels import ChannelError, deliver
from reference_sender.notices.quiet_time import QuietTime
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.earlier_campaigns import AskStore
from reference_sender.runtime.failure_log import FailureLog
from reference_sender.store import Store, StoreError
from reference_sender.store.campaign_reports import ReportMade, ReportMailed, StoredReport

log = logging.getLogger(__name__)

_MAIL_FOR_NS = 3 * 86_400_000_000_000


class EndSteps(Struct, frozen=True):
    """How large the steps are. ``probed_rows`` of a query are counted by the database, few while a campaign
    is being sent, then more. ``tallied_rows`` are read into Python, 250 of them in 2 ms.
    """

    first_probed_rows: int = 20
    probed_rows: int = 5_000
    tallied_rows: int = 250
    between_pages_s: float = 0.02
    mail_retry_s: tuple[float, ...] = (60.0, 300.0, 1_800.0, 3_600.0)  # the last one is repeated


SMALL_STEPS = EndSteps()


class _Position:
    """How far a campaign is known to be final."""

    def __init__(self) -> None:
        self.read_id = 0
        self.changed_ns = 0
        self.quiet = QuietTime()


class _Attempts(Struct):
    """Attempts to mail one report."""

    made_ns: int
    count: int = 0
    next_ns: int = 0


class CampaignEnds:
    """Runs until ``stop``. Create it while the event loop runs. ``leads`` says whether this node makes the
    reports.
    """

    def __init__(
        self,
        store: Store,
        ask: AskStore,
        driver: Driver,
        settings: CampaignReportSettings,
        leads: Callable[[], bool],
        background: BackgroundTasks,
        steps: EndSteps = SMALL_STEPS,
    ) -> None:
        self._steps = steps
        self._store = store
        self._ask = ask
        self._driver = driver
        self._settings = settings
        self._leads = leads
        self._quiet_ns = int(settings.quiet_s * 1e9)
        self._positions: dict[str, _Position] = {}
        self._attempts: dict[str, _Attempts] = {}
        self._tasks: list[asyncio.Task[None]] = []
        if settings.enabled:
            carrier_finder()  # loads its tables now, since that would hold up the event loop later
            making = self._each(lambda waiting: waiting.due, self._make_if_ended)
            self._tasks.append(background.begin("campaign reports", making))
        if settings.enabled and settings.email is not None:
            mailing = self._each(lambda waiting: waiting.to_mail, self._mail)
            self._tasks.append(background.begin("campaign reports", mailing))

    def stop(self) -> None:
        """Make and mail no more. The rest follows after the next start."""
        for task in self._tasks:
            task.cancel()

    async def _each(
        self, wanted: Callable[[StoredReport], bool], do: Callable[[StoredReport], Awaitable[None]]
    ) -> None:
        given_up: dict[str, int] = {}  # by campaign: when the report was ordered
        time_s = asyncio.get_running_loop().time
        failures = FailureLog(
            log, "the reports on campaigns wait for the store: %s", "the store of the reports"
        )
        while True:
            try:
                if self._leads():
                    for waiting in await self._ask(self._store.reports_waiting):
                        if not wanted(waiting) or given_up.get(waiting.campaign) == waiting.ordered_ns:
                            continue
                        try:
                            await do(waiting)
                        except StoreError:
                            raise
                        except Exception:  # a defect of one report must not end the sender
                            given_up[waiting.campaign] = waiting.ordered_ns
                            log.exception(
                                "the report on campaign %s waits for the next start", waiting.campaign
                            )
                failures.worked(time_s())
            except StoreError as error:
                failures.failed(time_s(), error)
            await asyncio.sleep(self._settings.every_s)

    async def _make_if_ended(self, waiting: StoredReport) -> None:
        position = self._positions.setdefault(waiting.campaign, _Position())
        asked_ns = now_ns()
        if not await self._is_final(waiting.campaign, position):
            position.quiet.broken(asked_ns)
            return
        at_ns = wall_ns()
        latest_ns = max(position.changed_ns, waiting.ordered_ns)
        if position.quiet.lasts_ns(now_ns(), at_ns, latest_ns) < self._quiet_ns:
            return
        tally = await self._tally(waiting.campaign)
        if tally.open_id is not None:  # new, with an id of another node
            position.read_id = min(position.read_id, tally.open_id - 1)
            return
        await self._keep(waiting, tally, at_ns)
        del self._positions[waiting.campaign]

    async def _is_final(self, campaign: str, position: _Position) -> bool:
        """Whether every message is final, from ``position`` on, which moves ahead."""
        rows = self._steps.first_probed_rows
        while True:
            ask = partial(self._store.campaign_progress, campaign, position.read_id, rows)
            step = await self._ask(ask)
            position.changed_ns = max(position.changed_ns, step.changed_ns)
            if step.open_id is not None:
                position.read_id = step.open_id - 1
                return False
            position.read_id = max(position.read_id, step.last_id)
            if step.count < rows:
                return True
            rows = self._steps.probed_rows
            await asyncio.sleep(self._steps.between_pages_s)

    async def _tally(self, campaign: str) -> CampaignTally:
        tally, after_id, limit = CampaignTally(), 0, self._steps.tallied_rows

        def step() -> int | None:
            """The highest id so far; None at the end."""
            rows = self._store.campaign_rows(campaign, after_id, limit)
            tally.add(rows)
            return rows[-1].message_id if len(rows) == limit and tally.open_id is None else None

        while (last_id := await self._ask(step)) is not None:
            after_id = last_id
            await asyncio.sleep(self._steps.between_pages_s)
        return tally

    async def _keep(self, waiting: StoredReport, tally: CampaignTally, at_ns: int) -> None:
        campaign, settings = waiting.campaign, self._settings
        before = (
            None if waiting.summary is None else msgspec.json.decode(waiting.summary, type=CampaignSummary)
        )
        if not tally.is_new_since(before):
            # Nothing new was accepted: the report, if there is one, stays.
            made = ReportMade(
                campaign, waiting.ordered_ns, waiting.summary, waiting.made_ns or at_ns, waiting.to_mail
            )
        else:
            cost = None
            if self._driver.gate.spending is not None:
                cost = await self._ask(lambda: self._store.spent(campaign))
            summary = tally.summary(campaign, at_ns, cost, settings.currency, settings.time_zone)
            to_mail = settings.email is not None and bool(self._recipients(waiting))
            made = ReportMade(campaign, waiting.ordered_ns, msgspec.json.encode(summary), at_ns, to_mail)
            log.info("campaign %s has ended: its report is made", campaign)
        await self._driver.keep([made])

    def _recipients(self, waiting: StoredReport) -> list[str]:
        everyone = () if self._settings.email is None else self._settings.email.recipients
        return list(dict.fromkeys((*everyone, *waiting.recipients)))

    async def _mail(self, waiting: StoredReport) -> None:
        email = self._settings.email
        if email is None or waiting.summary is None or waiting.made_ns is None:
            return
        attempts = self._attempts.get(waiting.campaign)
        if attempts is None or attempts.made_ns != waiting.made_ns:
            attempts = self._attempts[waiting.campaign] = _Attempts(waiting.made_ns)
        if now_ns() < attempts.next_ns:
            return
        summary = msgspec.json.decode(waiting.summary, type=CampaignSummary)
        message = letter(
            summary, language_of(waiting, self._settings), email.mail_from, self._recipients(waiting)
        )
        try:
            await deliver(email, message)
        except ChannelError as error:
            wait_s = self._steps.mail_retry_s[min(attempts.count, len(self._steps.mail_retry_s) - 1)]
            attempts.count += 1
            attempts.next_ns = now_ns() + int(wait_s * 1e9)
            if wall_ns() + int(wait_s * 1e9) < waiting.made_ns + _MAIL_FOR_NS:
                text = "the report on campaign %s was not mailed: %s; next attempt in %g s"
                log.warning(text, waiting.campaign, error, wait_s)
                return
            log.error("the report on campaign %s is not mailed again: %s", waiting.campaign, error)
        await self._driver.keep([ReportMailed(waiting.campaign, waiting.made_ns)])
        del self._attempts[waiting.campaign]


def language_of(waiting: StoredReport, settings: CampaignReportSettings) -> ReportLanguage:
    """The language of a campaign's report."""
    return ReportLanguage(waiting.language) if waiting.language else settings.language
