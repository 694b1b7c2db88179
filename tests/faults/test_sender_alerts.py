"""A whole sender with ``--alerts FILE``: an outage of its provider reaches a webhook and a mailbox."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_receiver import ReportReceiver, receiving
from smtp_mailbox import Mailbox, listening_mailbox
from started_processes import StartedProcesses, free_port
from waiting import eventually

from mock_provider.app import ProviderConfig
from mock_provider.testing.running import ProviderThread, changed_profile

ALERTS = """
[rules]
every_s = 0.05
window_s = 1
[rules.unusable_route]
above = 0.2
clear = 0
for_s = 0
[webhook]
url = "{hook}"
[email]
host = "127.0.0.1"
port = {port}
mail_from = "sms@example.org"
recipients = ["ops@example.org"]
"""
TOKEN = "t"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[StartedProcesses]:
    started = StartedProcesses(tmp_path)
    yield started
    started.close()


@pytest.fixture
def hook() -> Iterator[ReportReceiver]:
    with receiving() as receiver:
        yield receiver


def send(url: str, number: str) -> None:
    body = {"to": number, "text": "Code 1234", "message_class": "otp"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 202


def through_an_outage(processes: StartedProcesses, folder: Path, hook: ReportReceiver, mail_port: int) -> Any:
    """The webhook's alerts of an outage, and of its end."""

    def notices() -> list[dict[str, Any]]:
        found = [json.loads(body) for _, body in hook.posts]
        return [each for each in found if each["alert"] == "unusable_route.main"]

    file, port = folder / "alerts.toml", free_port()
    file.write_text(ALERTS.format(hook=hook.url, port=mail_port))
    sender = processes.start(
        "reference_sender",
        *("--token", TOKEN, "--store", f"sqlite:///{folder}/s.db", "--alerts", str(file)),
        *("--route", f"smsapi+http://p@127.0.0.1:{port}?name=main"),
    )
    send(sender.url, "48500200001")
    eventually(lambda: len(notices()) == 1)
    with ProviderThread(ProviderConfig(changed_profile("fast"), port=port, token="p", stop_grace_s=0.5)):
        eventually(lambda: len(notices()) == 2)
    return notices()


def test_an_outage_is_one_alert_and_one_all_clear_at_webhook_and_mailbox(
    tmp_path: Path, processes: StartedProcesses, hook: ReportReceiver
) -> None:
    box = Mailbox()

    async def steps() -> Any:
        async with listening_mailbox(box) as mail_port:
            found = await asyncio.to_thread(through_an_outage, processes, tmp_path, hook, mail_port)
            await asyncio.to_thread(eventually, lambda: len(box.mails) >= 2)
        return found

    began, cleared = asyncio.run(steps())
    assert (began["began"], cleared["began"]) == (True, False)
    assert "main" in began["description"]
    assert [recipients for recipients, _ in box.mails] == [["ops@example.org"]] * 2
    subjects = [str(mail["Subject"]) for _, mail in box.mails]
    assert subjects[0].startswith(
        "smsbench sender: ALERT unusable_route.main: route main has not been usable"
    )
    assert subjects[1].startswith("smsbench sender: ALL CLEAR unusable_route.main")
    log = (tmp_path / "reference_sender.log").read_text()
    assert "ALERT unusable_route.main" in log and "ALL CLEAR unusable_route.main" in log
    assert "48500200001" not in log
