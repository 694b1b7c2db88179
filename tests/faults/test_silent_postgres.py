"""A sender whose connections to PostgreSQL become silent: it makes new ones, and it can be stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.error import HTTPError

import pytest
from postgres_server import PostgresServer
from silent_proxy import silent_proxy
from started_processes import StartedProcesses, ask, free_port
from waiting import eventually

TOKEN = "sender-token"
HANGS_S = 60.0  # much longer than any limit of the sender


def post(url: str, number: int) -> str:
    """The state of a new message, or the code of the error."""
    row = f"to,key\n48500{number:06d},k-{number}\n".encode()
    try:
        ask(f"{url}/v1/campaigns?message_class=otp&text=hi", TOKEN, row)
    except HTTPError as error:
        return str(json.load(error)["error"]["code"])
    return "queued"


@pytest.mark.timeout(300)
def test_a_sender_on_silent_connections_continues_on_new_ones_and_can_be_stopped(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    postgres.without_store()
    processes = StartedProcesses(tmp_path)
    with silent_proxy(postgres.socket_path()) as proxy:
        url, process = processes.start(
            "reference_sender",
            *(
                "--token",
                TOKEN,
                "--store",
                proxy.url(),
                "--route",
                f"smsapi+http://t@127.0.0.1:{free_port()}",
            ),
        )
        try:
            assert post(url, 1) == "queued"
            proxy.silence()
            eventually(lambda: post(url, 2) == "queued", within_s=HANGS_S)
            assert ask(f"{url}/healthz", "") == {"status": "ok"}
            proxy.silence()
            process.terminate()
            code = process.wait(HANGS_S)
        finally:
            processes.close()
    assert postgres.sql("SELECT key FROM smsbench.message ORDER BY key") == ["k-1", "k-2"]
    log = (tmp_path / "reference_sender.log").read_text()
    assert "Traceback" not in log
    lines = [line for line in log.splitlines() if line.startswith("sender: ")]
    # A retry whose attempt was to be stored may have been in progress.
    assert (code, len(lines)) in ((0, 0), (os.EX_IOERR, 1)), log
    assert all("the store did not keep the last changes" in line for line in lines)
