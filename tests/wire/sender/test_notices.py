"""Alerts reach the log, a webhook and a mailbox: a real HTTP receiver, a real SMTP server."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from dispatch_states import state_of
from smtp_mailbox import Mailbox, listening_mailbox
from waiting import eventually_in_loop

from reference_sender.alerts.rules import AlertRules, AlertSettings, Email, Webhook
from reference_sender.notices.channels import open_channels
from reference_sender.notices.watcher import AlertWatcher
from reference_sender.runtime.background import BackgroundTasks

RULES = AlertRules(every_s=0.01, window_s=0.05)
MISSING = "delivery reports are missing"


@asynccontextmanager
async def mail_server(box: Mailbox) -> AsyncIterator[Email]:
    async with listening_mailbox(box) as port:
        to = ("ops@example.org", "boss@example.org")
        yield Email(host="127.0.0.1", port=port, mail_from="sender@example.org", recipients=to)


@asynccontextmanager
async def webhook_server(answers: list[int], bodies: list[Any]) -> AsyncIterator[Webhook]:
    async def handle(request: web.BaseRequest) -> web.Response:
        bodies.append(json.loads(await request.read()))
        return web.Response(status=answers.pop(0) if answers else 204)

    async with RawTestServer(handle) as server:
        yield Webhook(url=str(server.make_url("/hook")))


async def one_fault(
    settings: AlertSettings, ended: Any, retry_s: Sequence[float] = (0.01, 0.01)
) -> BackgroundTasks:
    """A dispatcher loses twelve reports once; watched until ``ended`` is true."""
    figures: dict[str, int] = {}
    background = BackgroundTasks()
    watcher = AlertWatcher(
        RULES, lambda: state_of(reasons=figures), open_channels(settings), background, retry_s
    )
    await asyncio.sleep(0)
    figures["no_report"] = 12
    try:
        await eventually_in_loop(ended)
    finally:
        watcher.stop()
    return background


def test_log_webhook_and_mail_get_one_alert_and_one_all_clear(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reference_sender.notices")
    bodies: list[Any] = []
    box = Mailbox()

    async def steps() -> None:
        async with mail_server(box) as mailing, webhook_server([], bodies) as hook:
            settings = AlertSettings(webhook=hook, email=mailing)
            await one_fault(settings, lambda: len(bodies) >= 2 and len(box.mails) >= 2)

    asyncio.run(steps())
    assert [record.getMessage() for record in caplog.records] == [
        f"ALERT missing_reports: 12 {MISSING}, above the limit of 10 reports",
        f"ALL CLEAR missing_reports: 0 {MISSING}, at most 0 reports",
    ]
    assert [(body["alert"], body["began"]) for body in bodies] == [
        ("missing_reports", True),
        ("missing_reports", False),
    ]
    assert bodies[0] == {
        "alert": "missing_reports",
        "began": True,
        "value": 12.0,
        "limit": 10.0,
        "description": f"12 {MISSING}",
        "unit": "reports",
    }
    (to, alert), (_, clear) = box.mails
    assert to == ["ops@example.org", "boss@example.org"]
    assert alert["From"] == "sender@example.org"
    assert (
        alert["Subject"]
        == f"smsbench sender: ALERT missing_reports: 12 {MISSING}, above the limit of 10 reports"
    )
    assert (
        alert.get_content().strip() == f"ALERT missing_reports: 12 {MISSING}, above the limit of 10 reports"
    )
    assert "ALL CLEAR" in clear["Subject"]
    for each in (alert, clear):
        assert each["Date"].datetime.tzinfo is not None
        assert re.fullmatch(r"<[^@<>]+@example\.org>", each["Message-ID"])
    assert alert["Message-ID"] != clear["Message-ID"]


def test_a_refused_notice_is_sent_again_in_order(caplog: pytest.LogCaptureFixture) -> None:
    bodies: list[Any] = []
    box = Mailbox(busy=1)

    async def steps() -> None:
        async with mail_server(box) as mailing, webhook_server([500], bodies) as hook:
            settings = AlertSettings(webhook=hook, email=mailing)
            await one_fault(settings, lambda: len(bodies) >= 3 and len(box.mails) >= 2)

    asyncio.run(steps())
    assert [body["began"] for body in bodies] == [True, True, False]
    assert ["ALERT" in mail["Subject"] for _, mail in box.mails] == [True, False]
    logged = [record.getMessage() for record in caplog.records]
    assert "webhook: missing_reports was not sent: the answer is HTTP 500; next attempt in 0.01 s" in logged
    assert any("451" in each and each.startswith("e-mail: missing_reports was not sent") for each in logged)


def test_a_mail_that_is_refused_for_one_recipient_reaches_the_other_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = Mailbox(unknown="boss@example.org")

    async def steps() -> None:
        async with mail_server(box) as mailing:
            await one_fault(
                AlertSettings(email=mailing), lambda: any("CLEAR" in m["Subject"] for _, m in box.mails)
            )

    asyncio.run(steps())
    assert [(to, "ALERT" in mail["Subject"]) for to, mail in box.mails] == [
        (["ops@example.org"], True),
        (["ops@example.org"], False),
    ]
    assert any("not for boss@example.org" in record.getMessage() for record in caplog.records)


def test_a_receiver_that_is_down_does_not_stop_the_watching(caplog: pytest.LogCaptureFixture) -> None:
    bodies: list[Any] = []

    async def steps() -> BackgroundTasks:
        async with webhook_server([], bodies) as gone:
            pass
        settings = AlertSettings(webhook=gone)
        last = "it is not sent again"
        return await one_fault(
            settings, lambda: sum(last in record.getMessage() for record in caplog.records) == 2
        )

    background = asyncio.run(steps())
    assert not background.failed.is_set()
    assert not bodies
    assert any(
        "was not sent: no connection: Connection refused" in each.getMessage() for each in caplog.records
    )
