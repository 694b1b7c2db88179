"""A sender that stops, and one whose store fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sender_world import AUTHORIZED, RunWorld, SenderWorld
from waiting import eventually_in_loop

from reference_sender.api import health
from reference_sender.policy.campaigns import Campaign, CampaignState


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_control_is_answered_while_the_store_fails_and_stored_when_it_works(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(health, "KEPT_WITHIN_S", 0.2)
    reason = "disk full" if how == "fails" else "it has not finished a commit for 0.2 s"

    async def steps(world: SenderWorld) -> None:
        assert (await world.post(campaign="may"))[0] == 202
        assert (await world.call("POST", "/v1/opt-outs", json={"numbers": ["48500100201"]}))[0] == 200
        await world.until_sent(1)
        world.store.failing = how == "fails"
        if how == "hangs":
            world.store.gate.clear()
        for method, path, body in (
            ("POST", "/v1/campaigns/may/pause", {}),
            ("POST", "/v1/opt-outs", {"numbers": ["48500100202"]}),
            ("DELETE", "/v1/opt-outs/48500100201", None),
        ):
            status, answer, headers = await world.call(method, path, json=body)
            assert (status, answer["error"]["code"]) == (503, "not_stored_yet")
            assert f"does not keep it yet: {reason}. It is stored" in answer["error"]["message"]
            assert int(headers["Retry-After"]) > 0
        assert world.driver.gate.campaign("may") == Campaign("may", CampaignState.PAUSED), (
            "in force nevertheless"
        )
        world.store.failing = False
        world.store.gate.set()
        await world.driver.all_stored()
        assert (await world.call("GET", "/v1/campaigns/may"))[1]["state"] == "paused"
        listed = (await world.call("GET", "/v1/opt-outs"))[1]["opt_outs"]
        assert [each["number"] for each in listed] == ["48500100202"]

    run_world(steps)


def test_a_store_that_fails_refuses_and_then_recovers(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        world.store.failing = True
        status, answer, headers = await world.post()
        assert (status, answer["error"]["code"]) == (503, "store_failed")
        assert int(headers["Retry-After"]) > 0
        assert world.route.submitted == []
        world.store.failing = False
        assert (await world.post())[0] == 202

    run_world(steps)


def test_a_control_is_in_force_while_the_store_cannot_be_read(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an outage of PostgreSQL: the process knows the campaign from its messages."""
    monkeypatch.setattr(health, "KEPT_WITHIN_S", 0.2)

    async def steps(world: SenderWorld) -> None:
        assert (await world.post(campaign="may"))[0] == 202
        world.store.failing = world.store.unreadable = True
        status, answer, _ = await world.call("POST", "/v1/campaigns/may/pause")
        assert (status, answer["error"]["code"]) == (503, "not_stored_yet")
        assert "may" in world.driver.gate.stopped
        status, answer, headers = await world.call("POST", "/v1/campaigns/other/pause")
        assert (status, answer["error"]["code"], "Retry-After" in headers) == (503, "store_failed", True)
        assert "the store cannot be read: no connection. " in answer["error"]["message"]
        assert "the change is not in force" in answer["error"]["message"]
        assert "other" not in world.driver.gate.stopped
        world.store.failing = world.store.unreadable = False
        await world.driver.all_stored()
        assert (await world.call("GET", "/v1/campaigns/may"))[1]["state"] == "paused"

    run_world(steps)


def test_only_messages_count_as_refused(run_world: RunWorld) -> None:
    async def counters(world: SenderWorld) -> tuple[int, int]:
        counted = (await world.call("GET", "/v1/state"))[1]["counters"]
        return counted["refused_by_policy"], counted["store_failed"]

    async def steps(world: SenderWorld) -> None:
        assert (await world.post(campaign="may"))[0] == 202
        assert await self_status(world, "POST", "/v1/campaigns/may/cancel") == 200
        assert await self_status(world, "POST", "/v1/campaigns/may/pause") == 409
        world.store.unreadable = True
        for path in ("/v1/campaigns/may", "/v1/messages/1"):
            status, answer, _ = await world.call("GET", path)
            assert (status, answer["error"]["code"]) == (503, "store_failed")
            assert answer["error"]["message"] == "the store cannot be read: no connection; try again"
        world.store.unreadable = False
        assert await counters(world) == (0, 0)
        assert (await world.post(campaign="may"))[0] == 409
        row = {"campaign": "may", "message_class": "otp", "text": "x", "recipients": [{"to": "48500100200"}]}
        assert (await world.call("POST", "/v1/campaigns", json=row))[0] == 409
        world.store.failing = True
        assert (await world.post())[0] == 503
        assert await counters(world) == (2, 1)

    run_world(steps)


async def self_status(world: SenderWorld, method: str, path: str) -> int:
    return (await world.call(method, path))[0]


def test_a_stopping_sender_takes_reports_and_nothing_else(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await world.post()
        await world.until_sent(1)
        world.api.stop()
        status, answer, headers = await world.post(key="k-2")
        assert (status, answer["error"]["code"], "Retry-After" in headers) == (503, "stopping", True)
        assert await self_status(world, "GET", "/healthz") == 503
        assert (await world.report("k-1"))[1] == b"OK"

    run_world(steps)


def test_a_stopping_sender_does_not_wait_for_campaigns(run_world: RunWorld) -> None:
    head = (
        b'{"message_class": "marketing", "duplicates": "allow", "text": "hi",'
        b' "recipients": [{"to": "48500100201"}'
    )
    taken_in = head + b', {"to": "48500100202"}' * 1_000

    async def steps(world: SenderWorld) -> None:
        never = asyncio.Event()

        async def stalled(body: bytes) -> AsyncIterator[bytes]:
            yield body
            await never.wait()

        async def campaign(body: bytes) -> tuple[int, Any, Mapping[str, str]]:
            return await world.call("POST", "/v1/campaigns", AUTHORIZED | JSON, data=stalled(body))

        calls = [asyncio.create_task(campaign(body)) for body in (head, taken_in)]
        await world.until_sent(1_000)
        world.api.stop()
        async with asyncio.timeout(5):
            (status, nothing, headers), (partly, taken, _) = await asyncio.gather(*calls)
        assert (status, nothing["error"]["code"], "Retry-After" in headers) == (503, "stopping", True)
        assert (partly, taken["accepted"], taken["error"]["code"]) == (503, 1_000, "stopping")
        assert taken["refused"] == [
            {**taken["refused"][0], "row": 1_001, "to_row": 1_001, "reason": "stopping"}
        ]

    run_world(steps)


def test_a_sender_that_cannot_store_is_not_healthy(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(world: SenderWorld) -> None:
        assert await self_status(world, "GET", "/healthz") == 200
        monkeypatch.setattr(world.driver.commits, "is_alive", lambda: False)
        assert await self_status(world, "GET", "/healthz") == 503

    run_world(steps)


def test_an_export_says_that_the_store_fails(run_world: RunWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "STORED_WITHIN_S", 0.3)

    async def steps(world: SenderWorld) -> None:
        await world.post()
        await world.until_sent(1)
        world.store.failing = True
        reporting = asyncio.create_task(world.report("k-1"))
        await eventually_in_loop(lambda: world.driver.commits.failures)
        status, answer, headers = await world.call("GET", "/v1/messages/export")
        assert (status, answer["error"]["code"], "Retry-After" in headers) == (503, "store_failed", True)
        assert "disk full" in answer["error"]["message"]
        world.store.failing = False
        assert (await reporting)[1] == b"OK"
        exported = await world.call("GET", "/v1/messages/export")
        assert exported[0] == 200
        assert json.loads(exported[1])["state"] == "delivered"

    run_world(steps)


def test_an_export_says_that_a_commit_does_not_end(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "STORED_WITHIN_S", 0.3)

    async def steps(world: SenderWorld) -> None:
        world.store.gate.clear()
        posting = asyncio.create_task(world.post())
        await eventually_in_loop(lambda: world.driver.waiting)
        status, answer, _ = await world.call("GET", "/v1/messages/export")
        assert status == 503
        assert "it has not finished a commit for 0.3 s" in answer["error"]["message"]
        world.store.gate.set()
        assert (await posting)[0] == 202

    run_world(steps)


JSON = {"Content-Type": "application/json"}


def test_export_state_and_metrics(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for number in range(5):
            await world.post(key=f"k-{number}")
        await world.until_sent(5)
        await world.report("k-0", "k-1")
        await world.report("k-2", status=405)
        _, lines, _ = await world.call("GET", "/v1/messages/export")
        rows = [json.loads(line) for line in lines.splitlines()]
        assert rows[0] == {
            "key": "k-0",
            "message_class": "otp",
            "state": "delivered",
            "reason": "",
            "attempts": 1,
        }
        assert [row["state"] for row in rows] == ["delivered", "delivered", "failed", "sent", "sent"]
        assert rows[2]["reason"] == "undelivered"

        _, state, _ = await world.call("GET", "/v1/state")
        assert state["open"] == 2
        counters = state["counters"]
        assert (counters["accepted"], counters["delivered"], counters["failed"]) == (5, 2, 1)
        assert (state["gauges"]["awaiting_report"], state["gauges"]["queue_otp"]) == (2, 0)
        assert "loop_lag_ms" in state["gauges"]

        _, text, _ = await world.call("GET", "/metrics")
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
        }
        assert samples["smsbench_sender_ended_messages_total", "otp", "delivered"] == 2
        assert samples["smsbench_sender_undelivered_messages_total", "undelivered"] == 1
        assert samples["smsbench_sender_awaiting_report_messages",] == 2

    async def after_a_restart(world: SenderWorld) -> None:
        _, state, _ = await world.call("GET", "/v1/state")
        assert (state["open"], state["counters"]["delivered"]) == (2, 2)

    run_world(steps)
    run_world(after_a_restart)
