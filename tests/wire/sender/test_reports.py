"""Delivery reports that a provider sends to the sender."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sender_world import RunWorld, SenderWorld
from waiting import eventually_in_loop

from reference_sender.dispatch.values import Report


def test_a_report_without_a_key_waits_for_the_answer_it_overtook(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        world.route.answers.clear()
        await world.post()
        anonymous = "/v1/reports/smsapi/hush?MsgId=p-k-1&status=404"
        for _ in range(2):  # it cannot be placed yet, and is not forgotten: it must come again, and again
            status, answer, _ = await world.call("GET", anonymous)
            assert (status, answer["error"]["code"]) == (503, "not_yet")
            assert "not known yet" in answer["error"]["message"]
        reporting = asyncio.create_task(world.call("GET", anonymous))
        await eventually_in_loop(lambda: world.driver.state().early_reports)
        world.route.answers.set()
        assert (await reporting)[:2] == (200, b"OK")
        assert await world.state_of("1") == "delivered"

    run_world(steps)


def test_the_log_of_a_failed_report_call_does_not_show_its_secret(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(world: SenderWorld) -> None:
        async def broken(_: object) -> bool:
            raise RuntimeError("broken")

        monkeypatch.setattr(world.driver, "reported", broken)
        assert (await world.report("k-1"))[0] == 500

    run_world(steps)
    failed = [record.getMessage() for record in caplog.records if "failed" in record.getMessage()]
    assert failed == ["GET /v1/reports/smsapi/... failed"]


def test_reports_that_name_more_keys_than_messages_are_taken_by_their_ids(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for key in ("k-1", "k-2"):
            await world.post(key=key)
        await world.until_sent(2)
        query = "MsgId=p-k-1,p-k-2&status=404&idx=k-1,k-2,k-3"
        status, body, _ = await world.call("GET", f"/v1/reports/smsapi/hush?{query}", headers={})
        assert (status, body) == (200, b"OK")
        assert [await world.state_of(one) for one in ("1", "2")] == ["delivered", "delivered"]

    run_world(steps)


def test_a_duplicate_of_a_delivery_is_a_repeated_report_and_one_of_another_sender_is_not(
    run_world: RunWorld,
) -> None:
    async def steps(world: SenderWorld) -> None:
        await world.post(key="k-1")
        await world.until_sent(1)
        for keys in (["k-1"], ["k-1"], ["not ours", "k-1"]):
            assert (await world.report(*keys))[:2] == (200, b"OK")
        _, state, _ = await world.call("GET", "/v1/state")
        counters = state["counters"]
        assert (counters["repeated_reports"], counters["orphan_reports"]) == (2, 1)
        assert (await world.state_of("1"), state["counters"]["late"]) == ("delivered", 0)

    run_world(steps)


def test_a_call_of_very_many_reports_is_taken_in_turns(run_world: RunWorld) -> None:
    rows = [{"to": f"4850010{n:04d}", "key": f"k-{n}"} for n in range(1_200)]

    async def steps(world: SenderWorld) -> None:
        body = {"message_class": "marketing", "text": "hi", "recipients": rows}
        await world.call("POST", "/v1/campaigns", json=body)
        await world.until_sent(1_200)
        at_once: list[int] = []
        reported = world.driver.reported

        async def counted(reports: Sequence[Report]) -> bool:
            at_once.append(len(reports))
            return await reported(reports)

        world.driver.reported = counted  # type: ignore[method-assign]
        assert (await world.report(*(f"k-{n}" for n in range(1_200))))[1] == b"OK"
        assert at_once == [500, 500, 200]
        assert world.driver.state().totals["delivered"] == 1_200
        too_many = "MsgId=" + ",".join(["a"] * 10_001)
        status, answer, _ = await world.call("GET", f"/v1/reports/smsapi/hush?{too_many}&status=404")
        assert (status, answer["error"]["code"]) == (400, "malformed_report")

    run_world(steps)
