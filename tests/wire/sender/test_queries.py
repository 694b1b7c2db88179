"""Fields of query strings: an unknown one is refused by every call that needs the token."""

from __future__ import annotations

from typing import Any

import aiohttp
from sender_world import AUTHORIZED, MESSAGE, RunWorld, SenderWorld
from yarl import URL

CAMPAIGN = {"message_class": "otp", "text": "x", "recipients": [{"to": "48500100200"}]}
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/messages", MESSAGE),
    ("GET", "/v1/messages/1", None),
    ("GET", "/v1/messages/export", None),
    ("POST", "/v1/campaigns", CAMPAIGN),
    ("GET", "/v1/campaigns/may", None),
    ("GET", "/v1/campaigns/may/report", None),
    ("GET", "/v1/campaigns/may/report.csv", None),
    ("POST", "/v1/campaigns/may/pause", None),
    ("POST", "/v1/campaigns/may/resume", None),
    ("POST", "/v1/campaigns/may/cancel", None),
    ("GET", "/v1/opt-outs", None),
    ("POST", "/v1/opt-outs", {"numbers": ["48500100200"]}),
    ("DELETE", "/v1/opt-outs/48500100200", None),
    ("GET", "/v1/dead-letters", None),
    ("POST", "/v1/dead-letters/replay", {"ids": ["1"]}),
    ("GET", "/v1/state", None),
    ("GET", "/metrics", None),
]


def test_every_call_refuses_an_unknown_field_of_its_query(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for method, path, body in CALLS:
            status, answer, _ = await world.call(method, f"{path}?foo=1", json=body)
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (
                400,
                "unknown_field",
                "foo",
            ), path
            assert (await world.call(method, f"{path}?foo=1", {}, json=body))[0] == 401
        assert world.store.records(0, 1) == []
        assert (await world.call("POST", "/v1/messages?", AUTHORIZED, json=MESSAGE))[0] == 202
        assert (await world.call("GET", "/healthz?probe=1", {}))[0] == 200

    run_world(steps)


def test_only_messages_count_as_refused(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        async def refused() -> int:
            _, state, _ = await world.call("GET", "/v1/state")
            invalid: int = state["counters"]["invalid"]
            return invalid

        for method, path, body in (
            ("GET", "/v1/dead-letters?limit=x", None),
            ("GET", "/v1/opt-outs?foo=1", None),
            ("POST", "/v1/opt-outs", {"numbers": ["x"]}),
            ("POST", "/v1/dead-letters/replay", {"foo": 1}),
            ("POST", "/v1/campaigns/may/pause", {"foo": 1}),
            ("POST", "/v1/campaigns", {"foo": 1, "recipients": []}),
        ):
            assert (await world.call(method, path, json=body))[0] == 400
        assert await refused() == 0
        assert (await world.post(to="x"))[0] == 400
        assert await refused() == 1
        rows = {"message_class": "otp", "text": "x", "recipients": [{"to": "x"}, {"to": "y"}]}
        assert (await world.call("POST", "/v1/campaigns", json=rows))[0] == 202
        assert await refused() == 3

    run_world(steps)


def test_a_plus_that_became_a_space_is_explained(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        headers = AUTHORIZED | {"Content-Type": "text/csv"}
        path = "/v1/campaigns?message_class=otp&text=x&send_at=2026-12-01T09:00:00"
        async with aiohttp.ClientSession() as session:
            for query, hinted in ((f"{path}+01:00", True), (path, False)):
                url = URL(f"{world.url}{query}", encoded=True)
                async with session.post(url, headers=headers, data=b"to\n48500100200\n") as answer:
                    error = (await answer.json())["error"]
                    assert (answer.status, error["field"]) == (400, "send_at")
                    assert error["message"].endswith("the plus is written %2B") == hinted
            url = URL(f"{world.url}/v1/dead-letters?since=2026-12-01T09:00:00+01:00", encoded=True)
            async with session.get(url, headers=AUTHORIZED) as answer:
                error = (await answer.json())["error"]
                assert error["message"].endswith("the plus is written %2B")

    run_world(steps)


def test_the_page_of_opt_outs_begins_after_a_number(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        numbers = ["48500100200", "48500100201"]
        assert (await world.call("POST", "/v1/opt-outs", json={"numbers": numbers}))[0] == 200
        for after in (numbers[0], f"%2B{numbers[0]}"):
            _, answer, _ = await world.call("GET", f"/v1/opt-outs?after={after}")
            assert [each["number"] for each in answer["opt_outs"]] == numbers[1:], after
        status, answer, _ = await world.call("GET", "/v1/opt-outs?after=x")
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "invalid", "after")

    run_world(steps)
