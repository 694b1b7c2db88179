"""A sender is killed between the end of a campaign and its report: the next process makes it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from started_processes import StartedProcesses, free_port
from waiting import eventually

from mock_provider.app import ProviderConfig
from mock_provider.testing.running import ProviderThread, changed_profile

SETTINGS = "language = 'pl'\ncurrency = 'PLN'\nquiet_s = {quiet_s}\nevery_s = 0.05\n"
POLICY = "quiet_hours.classes = []\nrecipients.messages = 0\nspending.cost_per_segment = 0.25\n"


def ask(url: str, body: object = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[StartedProcesses]:
    started = StartedProcesses(tmp_path)
    yield started
    started.close()


def test_the_report_is_made_by_the_next_process(tmp_path: Path, processes: StartedProcesses) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    # A delivery report may be on the way at the kill: the provider sends it again, to the same address.
    port = free_port()
    with ProviderThread(ProviderConfig(changed_profile("fast"), stop_grace_s=0.5)) as provider:
        route = f"smsapi+http://{provider.token}@{provider.url.removeprefix('http://')}?name=main"

        def start(quiet_s: float) -> tuple[str, Any]:
            settings = tmp_path / "reports.toml"
            settings.write_text(SETTINGS.format(quiet_s=quiet_s))
            return processes.start(
                "reference_sender",
                *("--port", str(port), "--token", "t", "--route", route),
                *("--store", f"sqlite:///{tmp_path}/s.db"),
                *("--campaign-reports", str(settings), "--policy", str(tmp_path / "policy.toml")),
            )

        url, process = start(quiet_s=600)
        rows = [{"to": f"48500200{number:03d}"} for number in range(20)]
        body = {"campaign": "may", "message_class": "marketing", "text": "Sale", "recipients": rows}
        assert ask(f"{url}/v1/campaigns", body)[0] == 202
        eventually(lambda: json.loads(ask(f"{url}/v1/state")[1])["open"] == 0)
        status, answer = ask(f"{url}/v1/campaigns/may/report")
        assert (status, "has not ended" in answer) == (404, True)
        process.kill()
        process.wait()

        url, _ = start(quiet_s=0)
        eventually(lambda: ask(f"{url}/v1/campaigns/may/report")[0] == 200)
        _, page = ask(f"{url}/v1/campaigns/may/report")
        assert "Raport z kampanii: may" in page
        assert "5,00 PLN" in page
        status, table = ask(f"{url}/v1/campaigns/may/report.csv?language=en")
        assert (status, ",total,,,20,20," in table) == (200, True)
