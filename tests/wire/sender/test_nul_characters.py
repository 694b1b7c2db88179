"""A NUL character in a filter: PostgreSQL cannot compare it, so both stores refuse it alike."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from running_sender import running_sender

ROUTE = "smsapi+http://t@127.0.0.1:9?name=r"  # nothing is sent
REPLAY = "/v1/dead-letters/replay"
WITH_NUL: list[tuple[str, str, Any, str]] = [
    ("GET", "/v1/opt-outs?after=%00", None, "after"),
    ("GET", "/v1/dead-letters?campaign=%00", None, "campaign"),
    ("GET", "/v1/dead-letters?reason=error%0013", None, "reason"),
    ("GET", "/v1/dead-letters?route=r%00", None, "route"),
    ("POST", REPLAY, {"filter": {"campaign": "\0"}}, "filter.campaign"),
    ("POST", REPLAY, {"filter": {"reason": "error\00013"}, "dry_run": True}, "filter.reason"),
    ("POST", REPLAY, {"filter": {"route": "r\0"}}, "filter.route"),
]
MESSAGE = {"to": "48500100200", "text": "x", "message_class": "otp"}
ROWS = {"message_class": "otp", "text": "x", "recipients": [{"to": "48500100200"}]}


@pytest.mark.parametrize(("method", "path", "body", "field"), WITH_NUL)
def test_a_filter_with_a_nul_character_is_refused(
    store_url: str, method: str, path: str, body: object, field: str
) -> None:
    async def live() -> None:
        async with running_sender(store_url, (ROUTE,)) as node:
            status, answer = await node.call(method, path, body)
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "invalid", field)
            assert answer["error"]["message"] == f"{field} must be a text without NUL characters"

    asyncio.run(live())


def test_what_is_written_with_a_nul_character_is_refused_except_a_text(store_url: str) -> None:
    async def live() -> None:
        async with running_sender(store_url, (ROUTE,)) as node:
            for name in ("to", "key", "campaign", "from", "send_at", "quiet_hours"):
                status, answer = await node.call("POST", "/v1/messages", MESSAGE | {name: "48500100200\0"})
                assert (status, answer["error"]["field"]) == (400, name)
            for name in ("campaign", "from", "report_to", "report_language"):
                status, answer = await node.call("POST", "/v1/campaigns", {name: "may\0"} | ROWS)
                assert (status, answer["error"]["field"]) == (400, name)
            status, answer = await node.call("POST", "/v1/opt-outs", {"numbers": ["48500100200\0"]})
            assert (status, answer["error"]["field"]) == (400, "numbers")
            status, answer = await node.call("POST", "/v1/messages", MESSAGE | {"text": "a\0b"})
            assert (status, answer["state"]) == (202, "queued")

    asyncio.run(live())
