"""Ten times what the sender can hold: refused with Retry-After. What it acknowledged is kept; OTPs pass."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from aiohttp import ClientSession

from reference_sender.dispatch import DispatchSettings
from reference_sender.routes.url import read_route
from reference_sender.server import SenderSettings, serve
from reference_sender.store import open_store
from user_input import listening

TOKEN = "secret-token"
MAX_BACKLOG, RESERVED_FOR_OTPS = 60, 10
AT_A_TIME = 100
KeyedAnswer = tuple[str, int, str | None]  # the message's key, the status, and Retry-After


async def send(session: ClientSession, key: str, message_class: str) -> KeyedAnswer:
    fields = {"to": "48500100200", "text": "hello", "message_class": message_class, "key": key}
    async with session.post("/v1/messages", json=fields) as answer:
        body = json.loads(await answer.read())
        assert answer.status == 202 or body["error"]["code"] == "queue_full", body
        return key, answer.status, answer.headers.get("Retry-After")


async def overload(port: int) -> tuple[list[KeyedAnswer], list[KeyedAnswer]]:
    """Ten times the backlog as marketing messages, and OTPs among them: both lists of answers."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        bulk: list[KeyedAnswer] = []
        otps: list[KeyedAnswer] = []
        for first in range(0, 10 * MAX_BACKLOG, AT_A_TIME):
            sends = [send(session, f"bulk-{first + n}", "marketing") for n in range(AT_A_TIME)]
            *answers, otp = await asyncio.gather(*sends, send(session, f"otp-{first}", "otp"))
            bulk += answers
            otps.append(otp)
        return bulk, otps


def test_overload_is_refused_with_retry_after_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    backlog = {"max_backlog": MAX_BACKLOG, "otp_reserved_backlog": RESERVED_FOR_OTPS}
    settings = SenderSettings(
        token=TOKEN,
        routes=(read_route("smsapi+http://t@127.0.0.1:9"),),  # nobody answers, so nothing leaves the backlog
        store=f"sqlite:///{tmp_path / 'messages.db'}",
        drain_s=0.1,
        dispatch=DispatchSettings.model_validate(backlog),
    )

    async def run() -> tuple[list[KeyedAnswer], list[KeyedAnswer]]:
        stop, ready = asyncio.Event(), asyncio.Queue[str]()
        with closing(open_store(settings.store)) as store:
            listener = listening.bind("127.0.0.1", 0)
            serving = asyncio.create_task(serve(settings, store, listener, ready.put_nowait, stop))
            try:
                async with asyncio.timeout(30):
                    await ready.get()
                    return await overload(listener.getsockname()[1])
            finally:
                stop.set()
                await serving

    bulk, otps = asyncio.run(run())
    statuses = Counter(status for _, status, _ in bulk)
    assert set(statuses) == {202, 429}
    # The first OTP may have come before the last marketing message that fits.
    assert statuses[202] in {MAX_BACKLOG - RESERVED_FOR_OTPS, MAX_BACKLOG - RESERVED_FOR_OTPS - 1}
    assert {retry_after for _, status, retry_after in bulk if status == 429} == {"1"}
    assert [status for _, status, _ in otps] == [202] * len(otps)
    with closing(sqlite3.connect(tmp_path / "messages.db")) as connection:
        stored = {key for (key,) in connection.execute("SELECT key FROM message")}
    assert stored == {key for key, status, _ in (*bulk, *otps) if status == 202}
