"""Single messages over the sender's HTTP API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sender_world import RunWorld, SenderWorld
from waiting import eventually_in_loop

from reference_sender.dispatch.values import Message, Outcome, Result


def test_a_message_from_intake_to_its_report(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await world.post()
        assert (status, answer) == (202, {"id": "1", "key": "k-1", "state": "queued"})
        await world.until_sent(1)
        assert await world.state_of("1") == "sent"
        status, body, _ = await world.report("k-1")
        assert (status, body) == (200, b"OK")
        _, shown, _ = await world.call("GET", "/v1/messages/1")
        assert (shown["state"], shown["provider_id"], shown["to"]) == ("delivered", "p-k-1", "48500100200")
        assert "text" not in shown

    run_world(steps)


def test_repeats_of_a_key_create_one_message(run_world: RunWorld) -> None:
    async def at_once(world: SenderWorld) -> None:
        answers = await asyncio.gather(*(world.post() for _ in range(20)))
        assert {(status, answer["id"]) for status, answer, _ in answers} == {(202, answers[0][1]["id"])}
        await world.until_sent(1)
        _, again, _ = await world.post()
        assert again == {"id": answers[0][1]["id"], "key": "k-1", "state": "sent"}
        assert len(world.route.submitted) == 1

    async def after_a_restart(world: SenderWorld) -> None:
        await world.report("k-1")
        _, again, _ = await world.post()
        assert (again["key"], again["state"]) == ("k-1", "delivered")
        assert world.route.submitted == []

    run_world(at_once)
    run_world(after_a_restart)


def test_a_key_of_another_message_is_a_conflict(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await world.post()
        for other in ({"text": "other"}, {"to": "48500100201"}, {"message_class": "marketing"}):
            status, answer, _ = await world.post(**other)
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (409, "key_conflict", "key")

    run_world(steps)


def test_made_up_keys_differ_across_restarts(run_world: RunWorld) -> None:
    keys: list[str] = []

    async def steps(world: SenderWorld) -> None:
        for _ in range(2):
            _, answer, _ = await world.post(key=None)
            keys.append(answer["key"])

    run_world(steps)
    run_world(steps)
    assert len(set(keys)) == 4


def test_nothing_is_answered_before_it_is_on_disk(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        world.store.gate.clear()
        posting = asyncio.create_task(world.post())
        await eventually_in_loop(lambda: world.driver.waiting)
        done, _ = await asyncio.wait([posting], timeout=0.1)
        assert not done and not world.store.records(0, 1) and not world.route.submitted
        world.store.gate.set()
        assert (await posting)[0] == 202
        await world.until_sent(1)

        world.store.gate.clear()
        reporting = asyncio.create_task(world.report("k-1"))
        await eventually_in_loop(lambda: world.driver.state().totals["delivered"])
        done, _ = await asyncio.wait([reporting], timeout=0.1)
        assert not done
        world.store.gate.set()
        assert (await reporting)[1] == b"OK"
        assert await world.state_of("1") == "delivered"

    run_world(steps)


def test_a_full_queue_says_so_and_when_to_come_back(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        world.store.gate.clear()  # nothing gets on, so the queue fills
        first = asyncio.create_task(world.post(key="a"))
        second = asyncio.create_task(world.post(key="b"))
        await eventually_in_loop(lambda: world.driver.waiting >= 2)
        status, answer, headers = await world.post(key="c")
        assert (status, answer["error"]["code"]) == (429, "queue_full")
        assert int(headers["Retry-After"]) > 0
        status, _, headers = await world.call("POST", "/v1/campaigns", json={"message_class": "otp"})
        assert (status, int(headers["Retry-After"]) > 0) == (429, True)
        world.store.gate.set()
        assert {(await first)[0], (await second)[0]} == {202}
        await world.until_sent(2)
        assert (await world.post(key="c"))[0] == 202

    run_world(steps, max_backlog=2)


def test_a_waiting_message_says_why_its_last_attempt_failed(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store keeps no refusal that changes no state: only the process knows it."""

    async def refused(messages: Sequence[Message]) -> list[Result]:
        return [Result(Outcome.DEFERRED, reason="http_503", retry_after_s=600.0) for _ in messages]

    async def steps(world: SenderWorld) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(world.route, "submit", refused)
            _, answer, _ = await world.post()
            shown: dict[str, Any] = {}
            async with asyncio.timeout(10):
                while not shown.get("reason"):
                    shown = (await world.call("GET", f"/v1/messages/{answer['id']}"))[1]
        told = [shown[name] for name in ("state", "attempts", "reason", "route", "held")]
        assert told == ["queued", 1, "http_503", "r", None]

    run_world(steps)
