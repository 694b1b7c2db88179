"""Dead letters by filter: counted first, then sent again in steps, each once."""

from __future__ import annotations

from typing import Any

import pytest
from sender_world import RunWorld, SenderWorld

REPLAY = "/v1/dead-letters/replay"


async def dead_letters(world: SenderWorld, count: int) -> None:
    """A campaign of which the provider reports every message as failed."""
    keys = [f"m-{number}" for number in range(count)]
    rows = [{"to": f"4850010{number:04d}", "key": key} for number, key in enumerate(keys)]
    fields = {"campaign": "may", "message_class": "marketing", "text": "Hi", "recipients": rows}
    status, _, _ = await world.call("POST", "/v1/campaigns", json=fields)
    assert status == 202
    await world.until_sent(count)
    await world.report(*keys, status=407)


async def step(world: SenderWorld, body: Any) -> Any:
    status, answer, _ = await world.call("POST", REPLAY, json=body)
    assert status == (200 if body.get("dry_run") else 202), answer
    return answer


def test_a_filter_is_counted_without_sending_and_then_sent_in_steps(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await dead_letters(world, 5)
        which = {"campaign": "may", "message_class": "marketing", "route": "r"}
        counted = await step(world, {"filter": which, "dry_run": True})
        assert (counted["matched"], counted["uncertain"], sum(counted["reasons"].values())) == (5, 0, 5)
        assert world.driver.state().totals["sent"] == 5, "a count sends nothing"

        body: Any = {"filter": which, "limit": 2}
        sizes, keys = [], []
        while body is not None:
            answer = await step(world, body)
            sizes.append(len(answer["replayed"]))
            keys += [each["key"] for each in answer["replayed"]]
            assert answer["refused"] == []
            body = answer["next"]
            # What was sent again fails again. It is no part of this replay.
            await world.until_sent(5 + len(keys))
            await world.report(*keys, status=407)
        assert sizes == [2, 2, 1]
        assert len(set(keys)) == 5

        again = await step(world, {"filter": which | {"until": "2100-01-01T00:00:00Z"}, "limit": 5})
        assert [each["again"] for each in again["replayed"]] == [True] * 5
        await world.driver.all_stored()
        assert world.driver.state().totals["sent"] == 10, "each once"

    run_world(steps)


def test_a_message_whose_provider_reports_an_unknown_outcome_is_not_sent_again_without_consent(
    run_world: RunWorld,
) -> None:
    """SMSAPI's status 408: no report of the carrier came, so the phone may have the message."""

    async def steps(world: SenderWorld) -> None:
        fields = {"campaign": "may", "message_class": "marketing", "text": "Hi"}
        rows = [{"to": "48500100200", "key": "m-0"}]
        await world.call("POST", "/v1/campaigns", json=fields | {"recipients": rows})
        await world.until_sent(1)
        await world.report("m-0", status=408)
        counted = await step(world, {"filter": {"campaign": "may"}, "dry_run": True})
        assert counted == {"matched": 1, "uncertain": 1, "reasons": {"unknown": 1}}
        answer = await step(world, {"filter": {"campaign": "may"}})
        assert [each["reason"] for each in answer["refused"]] == ["unknown"]
        answer = await step(world, {"filter": {"campaign": "may"}, "allow_duplicate": True})
        assert len(answer["replayed"]) == 1
        await world.until_sent(2)

    run_world(steps)


def test_a_filter_that_matches_nothing_sends_nothing(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await dead_letters(world, 2)
        for which in (
            {"route": "other"},
            {"reason": "error 13"},
            {"message_class": "otp"},
            {"since": "2100-01-01T00:00:00Z"},
            {"since": "9999-12-31T23:59:59Z"},
            {"until": "2020-01-01T00:00:00+02:00"},
            {"until": "0001-01-01T00:00:00+14:00"},
        ):
            assert await step(world, {"filter": which}) == {"replayed": [], "refused": [], "next": None}
            assert (await step(world, {"filter": which, "dry_run": True}))["matched"] == 0
        _, page, _ = await world.call("GET", "/v1/dead-letters?route=r&since=2020-01-01T00:00:00Z")
        assert len(page["dead_letters"]) == 2
        wide = "since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z"
        _, page, _ = await world.call("GET", f"/v1/dead-letters?{wide}")
        assert len(page["dead_letters"]) == 2

    run_world(steps)


def test_a_full_queue_ends_a_step_and_the_next_one_continues_there(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await dead_letters(world, 4)
        world.route.answers.clear()  # what is sent now stays in the queue
        for number in range(2):
            await world.post(key=f"k-{number}")
        first = await step(world, {"filter": {}})
        assert (len(first["replayed"]), first["refused"]) == (2, [])
        status, answer, headers = await world.call("POST", REPLAY, json=first["next"])
        assert (status, answer["error"]["code"], headers["Retry-After"]) == (429, "queue_full", "1")
        world.route.answers.set()
        await world.until_sent(8)
        rest = await step(world, first["next"])
        assert (len(rest["replayed"]), rest["next"]) == (2, None)

    run_world(steps, max_backlog=4)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"filter": None, "dry_run": True}, "ids"),
        ({"ids": ["1"], "filter": {}}, "filter"),
        ({"ids": ["1"], "dry_run": True}, "dry_run"),
        ({"ids": ["1"], "limit": 5}, "limit"),
        ({"ids": ["1"], "after": "0"}, "after"),
        ({"filter": {}, "dry_run": True, "limit": 5}, "limit"),
        ({"filter": {}, "dry_run": True, "after": "5"}, "after"),
        ({"filter": {"since": "2026-12-01T09:00:00"}}, "filter.since"),
        ({"filter": {"campaign": 5}}, "filter.campaign"),
        ({"filter": {}, "limit": 1001}, "limit"),
        ({"filter": {}, "after": "x"}, "after"),
        ({"filter": {"carrier": "Plus"}}, "filter.carrier"),
        ({"filter": {"message_class": "sms"}}, "filter.message_class"),
        ({"filter": {"class": "otp"}}, "filter.class"),
    ],
)
def test_a_replay_that_is_not_clear_is_refused(run_world: RunWorld, body: Any, field: str) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await world.call("POST", REPLAY, json=body)
        assert (status, answer["error"]["field"]) == (400, field)

    run_world(steps)
