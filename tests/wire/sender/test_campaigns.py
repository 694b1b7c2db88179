"""Campaigns over the sender's HTTP API."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sender_world import AUTHORIZED, MESSAGE, RunWorld, SenderWorld

from reference_sender.dispatch.values import Lane


def test_a_large_answer_of_a_campaign_comes_whole(run_world: RunWorld) -> None:
    """One of more than a megabyte is written in parts."""

    async def steps(world: SenderWorld) -> None:
        rows = ",".join(["{}", "1"] * 5_000)
        body = (
            '{"message_class": "marketing", "text": "x", "recipients": [{"to": "48500100200"},' + rows + "]}"
        )
        status, taken, _ = await world.call(
            "POST", "/v1/campaigns", AUTHORIZED | {"Content-Type": "application/json"}, data=body
        )
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 1, 10_000)
        assert [refusal["row"] for refusal in taken["refused"]] == list(range(2, 10_002))

    run_world(steps)


async def self_status(world: SenderWorld, method: str, path: str) -> int:
    return (await world.call(method, path))[0]


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


CSV = {"Content-Type": "text/csv"}


JSON = {"Content-Type": "application/json"}


def test_a_json_campaign_is_taken_row_by_row(run_world: RunWorld) -> None:
    rows = [
        {"to": "48500100201", "key": "c-1"},
        {"to": "12"},
        {"to": "+48500100203", "text": "own text"},
        {"to": "48500100204", "colour": "red"},
        17,
        {"to": "48500100201", "key": "c-1"},
        {"to": "48500100209", "key": "c-1"},
    ]
    campaign = {
        "campaign": "may",
        "message_class": "marketing",
        "from": "Shop",
        "text": "hi",
        "recipients": rows,
    }

    async def steps(world: SenderWorld) -> None:
        status, taken, _ = await world.call("POST", "/v1/campaigns", json=campaign)
        assert (status, taken["id"], taken["accepted"], taken["repeated"]) == (202, "may", 2, 1)
        refused = [(row["row"], row["reason"], row["field"]) for row in taken["refused"]]
        assert sorted(refused) == [
            (2, "invalid", "to"),
            (4, "unknown_field", "colour"),
            (5, "invalid", ""),
            (7, "key_conflict", "key"),
        ]
        assert taken["refused_count"] == 4
        await world.until_sent(2)
        assert {(m.text, m.sender_id, m.campaign) for m in world.route.submitted} == {
            ("hi", "Shop", "may"),
            ("own text", "Shop", "may"),
        }
        await world.report("c-1")
        _, shown, _ = await world.call("GET", "/v1/campaigns/may")
        assert shown["messages"] == 2
        assert (shown["states"]["sent"], shown["states"]["delivered"]) == (1, 1)

    run_world(steps)


def test_a_csv_campaign_streamed_in_pieces(run_world: RunWorld) -> None:
    lines = ["to,text,key"] + [f'4850010{n:04d},"hi, number {n}",key-{n}' for n in range(3_000)] + ["x,y,z"]
    body = "\r\n".join(lines).encode()

    async def steps(world: SenderWorld) -> None:
        status, taken, _ = await world.call(
            "POST",
            "/v1/campaigns?message_class=marketing&expires_in_s=3600",
            headers=AUTHORIZED | CSV,
            data=in_pieces(body, 7_777),
        )
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 3_000, 1)
        assert (taken["refused"][0]["row"], taken["refused"][0]["field"]) == (3_001, "to")
        await world.until_sent(3_000)
        texts = {message.key: message.text for message in world.route.submitted}
        assert texts["key-2999"] == "hi, number 2999"
        message = world.route.submitted[0]
        assert message.expires_ns - message.created_ns == 3600 * 10**9
        _, shown, _ = await world.call("GET", f"/v1/campaigns/{taken['id']}")
        assert shown["messages"] == 3_000

    run_world(steps)


def test_malformed_campaigns_are_refused_whole(run_world: RunWorld) -> None:
    recipient = '"recipients": [{"to": "48500100201"}]'
    bodies = [
        ('{"message_class": "marketing", "campaign": "a b", ' + recipient + "}", "campaign"),
        ("{" + recipient + ', "message_class": "marketing"}', "message_class"),
        ('{"message_class": "marketing", "discount": 5, ' + recipient + "}", "discount"),
        ('{"text": "hi", ' + recipient + "}", "message_class"),
        ("[1]", ""),
        ("", ""),
        ('{"message_class": "marketing", "recipients": ', ""),
    ]

    async def steps(world: SenderWorld) -> None:
        for body, field in bodies:
            status, answer, _ = await world.call(
                "POST", "/v1/campaigns", headers=AUTHORIZED | {"Content-Type": "application/json"}, data=body
            )
            assert (status, answer["error"]["field"]) == (400, field), body
        status, _, _ = await world.call("POST", "/v1/campaigns", data=b"hello")
        assert status == 415
        status, answer, _ = await world.call(
            "POST", "/v1/campaigns?message_class=otp", headers=AUTHORIZED | CSV, data="number\n1"
        )
        assert (status, answer["error"]["field"]) == (400, "to")
        assert world.store.records(0, 1) == []

    run_world(steps)


def test_a_campaign_that_breaks_off_returns_what_it_had_accepted(run_world: RunWorld) -> None:
    body = '{"message_class": "marketing", "text": "hi", "recipients": [{"to": "48500100201"}, {"to": "4850'

    async def steps(world: SenderWorld) -> None:
        status, taken, _ = await world.call(
            "POST", "/v1/campaigns", headers=AUTHORIZED | {"Content-Type": "application/json"}, data=body
        )
        assert (status, taken["accepted"], taken["error"]["code"]) == (400, 1, "malformed")

    run_world(steps)


def test_no_refused_row_is_hidden(run_world: RunWorld) -> None:
    good = "".join(f"4850010{n:04d};x;k\n" for n in range(2))  # the second finds the first's key taken
    body = "to;text;key\n" + "1;x;\n" * 1_500 + good + "1;x;\n48500100200; ;\n" * 1_200

    async def steps(world: SenderWorld) -> None:
        status, taken, _ = await world.call(
            "POST", "/v1/campaigns?message_class=otp", headers=AUTHORIZED | CSV, data=body
        )
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 1, 3_901)
        ranges = [(refusal["row"], refusal["to_row"], refusal["field"]) for refusal in taken["refused"]]
        assert ranges[:3] == [(1, 1_500, "to"), (1_502, 1_502, "key"), (1_503, 1_503, "to")]
        assert [row for first, last, _ in ranges for row in range(first, last + 1)] == [
            *range(1, 1_501),
            *range(1_502, 3_903),
        ]

    run_world(steps)


def in_an_hour() -> str:
    """A ``send_at``: the messages wait in the queue."""
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def test_a_partly_accepted_campaign_is_not_answered_429(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"to": f"4850030{n:04d}"} for n in range(500)]

    async def steps(world: SenderWorld) -> None:
        async def campaign(rows: list[Any], **more: str) -> tuple[int, Any, Mapping[str, str]]:
            body = {"message_class": "otp", "text": "hello", **more, "recipients": rows}
            return await world.call("POST", "/v1/campaigns", json=body)

        status, taken, _ = await campaign(rows[:498], send_at=in_an_hour())
        assert (status, taken["accepted"]) == (202, 498)
        status, taken, headers = await campaign(rows)
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 1, 499)
        assert "Retry-After" not in headers
        room = [2]  # as often there is room, and then no more

        def has_room(count: int, lane: Lane) -> bool:
            room[0] -= 1
            return room[0] >= 0

        monkeypatch.setattr(world.driver, "has_room", has_room)
        status, taken, headers = await campaign(rows)  # the room was taken after the campaign had begun
        assert (status, taken["accepted"], taken["refused_count"]) == (429, 0, 500)
        assert int(headers["Retry-After"]) > 0
        room[0] = 2
        status, taken, _ = await campaign([*rows, {"to": "x"}])  # not full alone: one will never be taken
        assert (status, taken["refused_count"]) == (202, 501)

    run_world(steps, max_backlog=499)


def test_a_campaign_needs_room_for_its_own_class(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of the queue is for OTPs alone."""

    async def steps(world: SenderWorld) -> None:
        monkeypatch.setattr(world.driver, "has_room", lambda count, lane: lane is Lane.OTP)
        body = {"campaign": "may", "text": "hi", "recipients": [{"to": "48500100200"}]}
        status, taken, _ = await world.call("POST", "/v1/campaigns", json={"message_class": "otp"} | body)
        assert (status, taken["accepted"]) == (202, 1)
        for lane in ("transactional", "marketing"):
            more = {"message_class": lane}
            status, taken, headers = await world.call("POST", "/v1/campaigns", json=more | body)
            assert (status, taken["error"]["code"]) == (429, "queue_full")
            assert int(headers["Retry-After"]) > 0
        _, state, _ = await world.call("GET", "/v1/state")
        assert state["counters"]["queue_full"] == 2

    run_world(steps)


def test_a_full_queue_takes_exactly_what_it_has_room_for(run_world: RunWorld) -> None:
    rows = [{"to": f"4850010{n:04d}"} for n in range(500)]

    async def steps(world: SenderWorld) -> None:
        body = {"message_class": "marketing", "text": "hi", "recipients": rows}
        status, taken, _ = await world.call("POST", "/v1/campaigns", json=body)
        assert (status, taken["accepted"]) == (202, 500)

    run_world(steps, max_backlog=500)


def test_a_queue_with_less_room_than_a_piece_takes_the_first_rows(run_world: RunWorld) -> None:
    rows = [{"to": f"4850010{n:04d}", "key": f"k-{n}"} for n in range(700)]

    async def steps(world: SenderWorld) -> None:
        async def campaign(of: list[dict[str, str]]) -> tuple[int, int, list[tuple[int, int, str]]]:
            body = {"message_class": "marketing", "text": "hi", "send_at": in_an_hour(), "recipients": of}
            status, taken, _ = await world.call("POST", "/v1/campaigns", json=body)
            refused = [(each["row"], each["to_row"], each["reason"]) for each in taken["refused"]]
            return status, taken["accepted"], refused

        assert await campaign(rows[:50]) == (202, 50, [])
        assert await campaign(rows[50:]) == (202, 550, [(551, 650, "queue_full")])
        _, state, _ = await world.call("GET", "/v1/state")
        assert state["counters"]["queue_full"] == 100

    run_world(steps, max_backlog=600)


def test_a_body_of_exactly_the_limit_is_taken(run_world: RunWorld) -> None:
    def of(size: int) -> bytes:
        body = json.dumps(MESSAGE).encode()
        return body + b" " * (size - len(body))

    async def steps(world: SenderWorld) -> None:
        packed = AUTHORIZED | {"Content-Encoding": "gzip"}
        for size, expected in ((65_536, 202), (65_537, 413)):
            for headers, data in (
                (AUTHORIZED, of(size)),
                (AUTHORIZED, in_pieces(of(size), 60_000)),
                (packed, gzip.compress(of(size))),
            ):
                status, answer, _ = await world.call("POST", "/v1/messages", headers, data=data)
                assert status == expected, answer
        assert await self_status(world, "GET", f"/v1/messages/{2**63 - 1}") == 404

    run_world(steps)
