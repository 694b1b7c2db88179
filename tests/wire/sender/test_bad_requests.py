"""Requests that the sender refuses, and what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sender_world import AUTHORIZED, MESSAGE, RunWorld, SenderWorld

BAD_MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"to": "abc"}, "invalid", "to"),
    ({"to": "+485"}, "invalid", "to"),
    ({"to": "0048500100200"}, "invalid", "to"),
    ({"to": 48500100200}, "invalid", "to"),
    ({"text": ""}, "invalid", "text"),
    ({"text": " \n"}, "invalid", "text"),
    ({"text": "a" * 919}, "too_long", "text"),
    ({"text": "ą" * 403}, "too_long", "text"),
    ({"message_class": "urgent"}, "invalid", "message_class"),
    ({"key": "a b"}, "invalid", "key"),
    ({"key": "a" * 65}, "invalid", "key"),
    ({"from": "much too long a name"}, "invalid", "from"),
    ({"campaign": "a/b"}, "invalid", "campaign"),
    ({"expires_in_s": 0}, "invalid", "expires_in_s"),
    ({"expires_in_s": 72 * 3600 + 1}, "invalid", "expires_in_s"),
    ({"expires_in_s": "60"}, "invalid", "expires_in_s"),
    ({"priority": 1}, "unknown_field", "priority"),
]


def test_what_is_wrong_with_a_message_is_named(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for fields, code, field in BAD_MESSAGES:
            status, answer, _ = await world.post(**fields)
            error = answer["error"]
            assert (status, error["code"], error["field"]) == (400, code, field), fields
            assert field in error["message"]
        without = {name: value for name, value in MESSAGE.items() if name != "message_class"}
        status, answer, _ = await world.call("POST", "/v1/messages", json=without)
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (
            400,
            "missing",
            "message_class",
        )
        for body in (b"", b"{", b"[]", b"\xff"):
            status, answer, _ = await world.call("POST", "/v1/messages", data=body)
            assert status == 400
        status, answer, _ = await world.call("POST", "/v1/messages", data=b"x" * 70_000)
        assert (status, answer["error"]["code"]) == (413, "too_large")
        assert world.store.records(0, 1) == []

    run_world(steps)


def test_null_counts_as_not_given(run_world: RunWorld) -> None:
    optional = ("key", "from", "campaign", "expires_in_s", "send_at", "quiet_hours")
    shared = (*(name for name in optional if name != "key"), "duplicates", "spending_limit", "report_to")

    async def steps(world: SenderWorld) -> None:
        for more in (dict.fromkeys(optional), {"campaign": ""}):
            status, answer, _ = await world.post(**more)
            assert status == 202, answer
        for more in (dict.fromkeys(shared), {"campaign": ""}):
            body = {"message_class": "otp", **more, "recipients": [{"to": "48500100200", "text": "x"}]}
            status, answer, _ = await world.call("POST", "/v1/campaigns", json=body)
            assert (status, answer["accepted"]) == (202, 1), answer
            assert answer["id"]

    run_world(steps)


def test_the_error_about_a_csv_without_a_text_says_where_to_give_it(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        path = "/v1/campaigns?message_class=otp"
        csv = AUTHORIZED | {"Content-Type": "text/csv"}
        _, answer, _ = await world.call("POST", path, csv, data=b"to\n48500100200\n")
        assert "in the query" in answer["refused"][0]["message"]

    run_world(steps)


def test_malformed_requests_are_answered(run_world: RunWorld) -> None:
    async def raw(world: SenderWorld, line: bytes, header: bytes) -> bytes:
        host, _, port = world.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async def steps(world: SenderWorld) -> None:
        for too_large in (2**63, 10**20, int("9" * 4_000)):
            assert await self_status(world, "GET", f"/v1/messages/{too_large}") == 404
        assert (await raw(world, b"GET /v1/state", b"Authorization: Bearer \xff\xfe")).startswith(
            b"HTTP/1.1 401"
        )
        for path in ("/v1/messages", "/v1/campaigns"):
            packed = AUTHORIZED | JSON | {"Content-Encoding": "gzip"}
            status, answer, _ = await world.call("POST", path, packed, data=b"not packed")
            assert (status, answer["error"]["code"]) == (400, "malformed"), path
        for size in (70_000, 2_000_000):
            status, answer, _ = await world.call(
                "POST", "/v1/messages", AUTHORIZED, data=in_pieces(b" " * size, 65_536)
            )
            assert (status, answer["error"]["code"]) == (413, "too_large"), size

    run_world(steps)


def test_a_csv_campaign_with_a_field_twice_in_its_query_is_refused(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        headers = AUTHORIZED | {"Content-Type": "text/csv"}
        path = "/v1/campaigns?message_class=otp&text=hi&message_class=marketing"
        status, answer, _ = await world.call("POST", path, headers, data="to\n48500100200\n")
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (
            400,
            "invalid",
            "message_class",
        )
        assert world.store.counts(None) == {}

    run_world(steps)


def test_the_log_of_a_failed_opt_in_does_not_show_its_number(
    run_world: RunWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(world: SenderWorld) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(world.driver, "opt_in", broken)
        assert (await world.call("DELETE", "/v1/opt-outs/48500100200"))[0] == 500

    run_world(steps)
    logged = [record.getMessage() for record in caplog.records]
    assert "DELETE /v1/opt-outs/... failed" in logged
    assert not any("48500100200" in each for each in logged)


def test_an_unexpected_failure_is_a_500_in_json(run_world: RunWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: SenderWorld) -> None:
        def broken(*_: object) -> bool:
            raise RuntimeError("broken")

        monkeypatch.setattr(world.driver, "has_room", broken)
        status, answer, _ = await world.post()
        assert (status, answer["error"]["code"]) == (500, "internal")

    run_world(steps)


def test_a_required_field_after_the_rows_is_misplaced_and_not_missing(run_world: RunWorld) -> None:
    rows = ",".join(f'{{"to": "48500{number:06d}", "text": "hi"}}' for number in range(1_000))

    async def steps(world: SenderWorld) -> None:
        for rest, code in ((', "message_class": "otp"}', "misplaced"), ("}", "missing")):
            body = f'{{"campaign": "may", "recipients": [{rows}]{rest}'
            status, answer, _ = await world.call("POST", "/v1/campaigns", AUTHORIZED | JSON, data=body)
            assert (status, answer["error"]["code"]) == (400, code)
            assert answer["error"]["field"] == "message_class"
        assert (await world.call("GET", "/v1/campaigns/may"))[0] == 404

    run_world(steps)


def test_half_a_surrogate_pair_is_refused_and_harms_nothing(run_world: RunWorld) -> None:
    rows = [
        {"to": "48500100200", "text": "a\ud800"},
        {"to": "48500100200", "\udfff": 1},
        {"to": "48500100201", "text": "a \U0001f600"},
        {"to": 10**5_00},
    ]

    async def steps(world: SenderWorld) -> None:
        async with asyncio.timeout(20):
            campaign = {"message_class": "marketing", "recipients": rows}
            status, taken, _ = await world.call("POST", "/v1/campaigns", json=campaign)
            assert (status, taken["accepted"]) == (202, 1)
            assert [(r["row"], r["reason"], r["field"]) for r in taken["refused"]] == [
                (1, "invalid", "text"),
                (2, "malformed", ""),
                (4, "invalid", "to"),
            ]
            for shared in ({"text": "\ud800"}, {"message_class": "\ud800"}, {"\ud800": 1}):
                status, answer, _ = await world.call("POST", "/v1/campaigns", json=campaign | shared)
                assert status == 400
            late = '{"message_class": "otp", "recipients": [], "\\ud800": 1}'
            status, answer, _ = await world.call("POST", "/v1/campaigns", AUTHORIZED | JSON, data=late)
            assert (status, answer["error"]["code"]) == (400, "misplaced")
            assert (await world.post())[0] == 202
        assert await self_status(world, "GET", "/healthz") == 200

    run_world(steps)


def test_tokens_paths_and_methods(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for scheme in ("bearer", "BEARER"):
            headers = {"Authorization": f"{scheme} t"}
            assert (await world.call("GET", "/v1/state", headers))[0] == 200
            assert (await world.call("POST", "/v1/messages", headers, json=MESSAGE))[0] == 202
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "t"}):
            for method, path in (
                ("POST", "/v1/messages"),
                ("POST", "/v1/campaigns"),
                ("GET", "/v1/state"),
                ("GET", "/metrics"),
                ("GET", "/v1/messages/1"),
                ("GET", "/v1/messages/export"),
            ):
                status, answer, _ = await world.call(method, path, headers=headers)
                assert (status, answer["error"]["code"]) == (401, "unauthorized"), path
        assert await self_status(world, "GET", "/healthz") == 200
        assert await self_status(world, "HEAD", "/healthz") == 200
        assert await self_status(world, "PUT", "/healthz") == 405
        assert await self_status(world, "GET", "/v1/messages") == 405
        assert await self_status(world, "GET", "/nothing") == 404
        assert await self_status(world, "GET", "/v1/messages/77") == 404
        assert await self_status(world, "GET", "/v1/messages/x") == 404
        assert await self_status(world, "GET", "/v1/campaigns/x") == 404
        assert await self_status(world, "GET", "/v1/reports/smsapi/wrong?MsgId=a&status=404") == 404
        assert await self_status(world, "GET", "/v1/reports/smsapi/hush?status=404") == 400

    run_world(steps)


async def self_status(world: SenderWorld, method: str, path: str) -> int:
    return (await world.call(method, path))[0]


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is not JSON: it is empty, or ends too early"),
        (b"{", "the body is not JSON: it is empty, or ends too early"),
        (b'{"to": "48500100201\xff"}', "the body is not UTF-8: the byte FF in a value is not a character"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(run_world: RunWorld, body: bytes, says: str) -> None:
    async def steps(world: SenderWorld) -> None:
        paths = ("/v1/messages", "/v1/opt-outs", "/v1/dead-letters/replay")
        for path in paths[:1] if b"to" in body else paths:
            status, answer, _ = await world.call("POST", path, data=body)
            assert (status, answer["error"]["code"], answer["error"]["message"]) == (400, "malformed", says)

    run_world(steps)


def test_a_byte_order_mark_before_a_message_is_read_over(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        body = b"\xef\xbb\xbf" + json.dumps(MESSAGE).encode()
        assert (await world.call("POST", "/v1/messages", data=body))[0] == 202

    run_world(steps)


def test_numbers_have_the_digits_0_to_9_and_no_leading_zero(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await world.post()
        for arabic in ("%D9%A1", "01"):
            assert await self_status(world, "GET", f"/v1/opt-outs?limit={arabic}") == 400
        assert await self_status(world, "GET", "/v1/messages/1") == 200
        assert await self_status(world, "GET", "/v1/messages/01") == 404
        for number in ("01", "\u0661"):
            status, answer, _ = await world.call("POST", "/v1/dead-letters/replay", json={"ids": [number]})
            assert (status, answer["refused"][0]["reason"]) == (409, "not_found")

    run_world(steps)


def test_a_method_that_is_not_allowed_comes_with_those_that_are(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for method, path, allowed in (
            ("PUT", "/v1/messages", "POST"),
            ("POST", "/v1/messages/1", "GET, HEAD"),
            ("PUT", "/v1/opt-outs", "GET, HEAD, POST"),
            ("GET", "/v1/campaigns/may/pause", "POST"),
        ):
            status, answer, headers = await world.call(method, path)
            assert (status, answer["error"]["code"], headers["Allow"]) == (
                405,
                "method_not_allowed",
                allowed,
            )

    run_world(steps)
