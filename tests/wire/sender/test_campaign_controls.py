"""Campaign controls over HTTP: the counts after a change, and why messages are held."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from policy_steps import PRICED, ahead, campaign, control, rows, shown
from sender_world import RunWorld, SenderWorld

from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.store import Existing, Work


def test_the_answer_to_a_control_has_the_counts_after_it(run_world: RunWorld) -> None:
    count = 1_200  # more than the gate releases at a time

    async def steps(world: SenderWorld) -> None:
        _, taken = await campaign(world, *[{"to": f"48500{n:06d}"} for n in range(count)], spending_limit=0)
        assert taken["held"]["total"] == count
        _, answer = await control(world, "pause")
        assert answer == await shown(world)
        assert (answer["states"]["queued"], answer["held"]["total"]) == (count, count)
        _, answer = await control(world, "resume", spending_limit=300.0)
        assert (answer["held"]["total"], answer["reserved"]) == (600, 300.0)
        await world.until_sent(600)
        _, answer = await control(world, "cancel")
        assert answer["held"]["total"] == 0
        assert (answer["states"]["queued"], answer["states"]["failed"]) == (0, 600)
        assert answer["reserved"] == 300.0
        assert answer == await shown(world)

    run_world(steps, policy=PRICED)


def test_a_campaign_has_ended_when_all_its_messages_are_final(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await campaign(world, *[{"to": "48500000001", "key": "a"}])
        await world.until_sent(1)
        assert (await shown(world))["state"] == "running"
        await world.report("a")
        assert (await shown(world))["state"] == "ended"
        assert (await control(world, "resume"))[1]["state"] == "ended"
        await campaign(world, *[{"to": "48500000002", "key": "b"}])
        await world.until_sent(2)
        assert (await shown(world))["state"] == "running"
        assert (await control(world, "pause"))[1]["state"] == "paused"
        await world.report("b")
        assert (await shown(world))["state"] == "paused", "a paused campaign stays paused"
        assert (await control(world, "cancel"))[1]["state"] == "cancelled"

    run_world(steps)


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_clients_remove_from_paths_is_refused(run_world: RunWorld, name: str) -> None:
    async def steps(world: SenderWorld) -> None:
        for status, answer in ((await world.post(campaign=name))[:2], await campaign(world, campaign=name)):
            assert (status, answer["error"]["field"]) == (400, "campaign")
            assert answer["error"]["message"].endswith("and neither . nor ..")
        assert (await campaign(world, {"to": "48500000001"}, campaign="a.b"))[0] == 202

    run_world(steps)


def test_only_a_resume_changes_the_limit(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await campaign(world, *[{"to": "48500000001"}], spending_limit=0)
        for what in ("pause", "cancel"):
            status, answer = await control(world, what, spending_limit=5)
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (
                400,
                "unknown_field",
                "spending_limit",
            )
            after = await shown(world)
            assert (after["state"], after["spending_limit"]) == ("running", 0)
        status, answer = await control(world, "resume", spending_limit=5)
        assert (status, answer["spending_limit"]) == (200, 5)
        assert (await control(world, "pause"))[0] == 200

    run_world(steps, policy=PRICED)


def test_an_accepted_campaign_has_its_limit_and_its_order_on_disk(run_world: RunWorld) -> None:
    """Its rows are stored after them, so a kill right after the answer loses neither."""

    async def steps(world: SenderWorld) -> None:
        stored = []
        commit = world.store.commit

        def noting(work: Work) -> Mapping[int, Existing]:
            kept = commit(work)
            if work.messages:
                order = world.store.campaign_report("may")
                stored.append(([each.spending_limit for each in world.store.campaigns()], order is not None))
            return kept

        world.store.commit = noting  # type: ignore[method-assign]
        status, taken = await campaign(world, *rows(5), spending_limit=1.5)
        assert (status, taken["accepted"]) == (202, 5)
        assert stored == [([1_500_000], True)]

    run_world(steps, policy=PRICED, reports=CampaignReportSettings())


def test_a_cancel_answers_with_the_costs_that_it_returned(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        people = [{"to": f"48500{n:06d}"} for n in range(1_200)]
        _, taken = await campaign(world, *people, send_at=ahead(hours=1))
        assert taken["accepted"] == 1_200
        assert (await shown(world))["reserved"] == 600.0
        _, answer = await control(world, "cancel")
        assert (answer["states"]["failed"], answer["held"]["total"], answer["reserved"]) == (1_200, 0, 0.0)

    run_world(steps, policy=PRICED)


def test_a_campaign_and_a_message_say_why_and_until_when_they_are_held(run_world: RunWorld) -> None:
    async def held(world: SenderWorld, name: str, key: str) -> tuple[Any, Any]:
        messages = (await world.call("GET", f"/v1/messages/{key}"))[1]
        of_campaign = (await shown(world, name))["held"]
        return {field: of_campaign[field] for field in ("reason", "until")}, messages["held"]

    async def steps(world: SenderWorld) -> None:
        at = ahead(hours=1)
        _, answer, _ = await world.post(campaign="later", key="a", message_class="otp", send_at=at)
        of_campaign, of_message = await held(world, "later", answer["id"])
        assert of_campaign == of_message and of_message["reason"] == "later"
        until = datetime.fromisoformat(of_message["until"])
        assert abs((until - datetime.fromisoformat(at)).total_seconds()) < 1
        assert (await control(world, "pause", "later"))[0] == 200
        paused = {"reason": "paused", "until": None}
        assert await held(world, "later", answer["id"]) == (paused, paused)
        await campaign(world, *rows(1), campaign="dear", spending_limit=0)
        assert (await shown(world, "dear"))["held"] == {
            "total": 1,
            "over_limit": 1,
            "reason": "spending_limit",
            "until": None,
        }
        _, answer, _ = await world.post(campaign="free", key="b")
        await world.until_sent(1)
        assert await held(world, "free", answer["id"]) == ({"reason": None, "until": None}, None)

    run_world(steps, policy=PRICED)
