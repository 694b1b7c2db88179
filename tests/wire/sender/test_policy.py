"""The policy over HTTP: schedules, quiet hours, campaign controls, opt-outs, limits, dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import aiohttp
import pytest
from any_hour import policy_at_any_hour
from policy_steps import PRICED, ahead, campaign, control, rows, shown
from sender_world import AUTHORIZED, MESSAGE, RunWorld, SenderWorld
from yarl import URL

from reference_sender.policy.settings import PolicySettings

NEVER_OPEN = {"prefixes": ["48"], "zones": ["UTC"]}
CLOSED = PolicySettings.model_validate({"countries": {"PL": NEVER_OPEN}, "recipients": {"messages": 0}})


def test_a_scheduled_message_is_held_and_shown(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        at = ahead(hours=1)
        status, answer, _ = await world.post(send_at=at)
        assert (status, answer["state"]) == (202, "queued")
        _, message, _ = await world.call("GET", f"/v1/messages/{answer['id']}")
        seconds = [datetime.fromisoformat(message[name]).timestamp() for name in ("send_at", "expires_at")]
        assert abs(seconds[0] - datetime.fromisoformat(at).timestamp()) < 1
        assert abs(seconds[1] - seconds[0] - 300) < 1, "expiry counts from the schedule"
        assert world.driver.state().held == 1
        assert (await world.post(key="now", send_at=ahead(hours=-1)))[0] == 202
        await world.until_sent(1)

    run_world(steps)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("send_at", "tomorrow"),
        ("send_at", "2026-12-01T09:00:00"),
        ("send_at", 5),
        pytest.param("send_at", ahead(days=91), id="send_at-later than 90 days"),
        ("quiet_hours", "always"),
    ],
)
def test_a_wrong_field_is_refused_with_what_is_allowed(run_world: RunWorld, field: str, value: Any) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await world.post(**{field: value})
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "invalid", field)
        assert f"{field} must be" in answer["error"]["message"]

    run_world(steps)


def test_pause_resume_and_cancel(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        assert (await control(world, "pause"))[0] == 404
        _, taken = await campaign(world, *rows(3), send_at=ahead(hours=1))
        assert (taken["accepted"], taken["held"]) == (3, {"total": 3, "over_limit": 0})
        status, answer = await control(world, "pause")
        assert (status, answer["state"], answer["held"]["total"]) == (200, "paused", 3)
        _, taken = await campaign(world, {"to": "48500200999"})
        assert taken["held"]["total"] == 4
        _, answer = await control(world, "resume")
        assert answer["state"] == "running"
        await world.until_sent(1)
        _, answer = await control(world, "cancel")
        assert answer["state"] == "cancelled"
        await world.driver.all_stored()
        assert (await shown(world))["states"] == {
            "queued": 0,
            "sent": 1,
            "delivered": 0,
            "failed": 3,
            "expired": 0,
        }
        for action in ("pause", "resume"):
            status, answer = await control(world, action)
            assert (status, answer["error"]["code"]) == (409, "campaign_cancelled")
        assert (await control(world, "cancel"))[0] == 200
        status, answer = await campaign(world, *rows(1))
        assert (status, answer["error"]["code"]) == (409, "campaign_cancelled")
        status, answer, _ = await world.post(campaign="may", key="other")
        assert (status, answer["error"]["code"]) == (409, "campaign_cancelled")

    run_world(steps)


def test_a_pause_outlives_the_sender(run_world: RunWorld) -> None:
    async def before(world: SenderWorld) -> None:
        await campaign(world, *rows(1), send_at=ahead(hours=1))
        assert (await control(world, "pause"))[0] == 200

    async def after(world: SenderWorld) -> None:
        assert (await shown(world))["state"] == "paused"

    run_world(before)
    run_world(after)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"limit": 1}', b'{"spending_limit": "much"}'])
def test_a_control_with_a_wrong_body_is_refused(run_world: RunWorld, body: bytes) -> None:
    async def steps(world: SenderWorld) -> None:
        await campaign(world, *rows(1))
        status, answer, _ = await world.call("POST", "/v1/campaigns/may/resume", data=body)
        assert (status, answer["error"]["code"] in ("malformed", "invalid", "unknown_field")) == (400, True)
        assert (await shown(world))["state"] == "running"

    run_world(steps)


def test_every_write_needs_the_token(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for method, path in (
            ("POST", "/v1/campaigns/may/pause"),
            ("POST", "/v1/campaigns/may/resume"),
            ("POST", "/v1/campaigns/may/cancel"),
            ("POST", "/v1/opt-outs"),
            ("GET", "/v1/opt-outs"),
            ("DELETE", "/v1/opt-outs/48500100200"),
            ("GET", "/v1/dead-letters"),
            ("POST", "/v1/dead-letters/replay"),
        ):
            assert (await world.call(method, path, headers={}))[0] == 401, path
        assert (await world.call("GET", "/v1/campaigns/may/pause"))[0] == 405
        assert (await world.call("POST", "/v1/campaigns/may/stop"))[0] == 404

    run_world(steps)


def test_marketing_is_held_in_quiet_hours_and_an_otp_is_not(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await world.post(message_class="marketing")
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (
            400,
            "quiet_hours",
            "expires_in_s",
        )
        assert (await world.post(key="otp"))[0] == 202
        ignoring = await world.post(message_class="marketing", key="now", quiet_hours="ignore")
        assert ignoring[0] == 202
        status, answer, _ = await world.post(key="kept", quiet_hours="follow")
        assert (status, answer["error"]["code"]) == (400, "quiet_hours")
        await world.until_sent(2)
        _, taken = await campaign(world, *rows(2))
        assert [(each["reason"], each["to_row"]) for each in taken["refused"]] == [("quiet_hours", 2)]

    run_world(steps, policy=CLOSED)


def test_opt_outs_are_added_listed_refused_and_removed(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        number = MESSAGE["to"].removeprefix("+")
        status, answer, _ = await world.call(
            "POST", "/v1/opt-outs", json={"numbers": [f"+{number}", number, "48500100299"]}
        )
        assert (status, answer) == (200, {"opted_out": 2})
        status, answer, _ = await world.post(message_class="marketing")
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (403, "opted_out", "to")
        assert (await world.post(message_class="otp"))[0] == 202
        _, taken = await campaign(world, {"to": number}, {"to": "48500100201"})
        assert (taken["accepted"], taken["refused"][0]["reason"]) == (1, "opted_out")
        for plus in ("%2B", "%2b"):
            path = URL(f"{world.url}/v1/opt-outs/{plus}48500100298", encoded=True)
            async with aiohttp.request("DELETE", path, headers=AUTHORIZED) as removed:
                assert removed.status == 204
        _, page, _ = await world.call("GET", "/v1/opt-outs?limit=1")
        assert [each["number"] for each in page["opt_outs"]] == [number]
        _, page, _ = await world.call("GET", f"/v1/opt-outs?after={page['next']}")
        assert [each["number"] for each in page["opt_outs"]] == ["48500100299"]
        assert (await world.call("DELETE", f"/v1/opt-outs/{number}"))[0] == 204
        assert (await world.post(message_class="marketing", key="again"))[0] == 202

    run_world(steps)


def test_a_wrong_number_of_a_list_is_named_by_its_place(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        numbers = ["48500100200", "48500100201", "1234"]
        status, answer, _ = await world.call("POST", "/v1/opt-outs", json={"numbers": numbers})
        assert (status, answer["error"]["field"]) == (400, "numbers")
        assert answer["error"]["message"].startswith("numbers[2] must be a phone number")
        _, page, _ = await world.call("GET", "/v1/opt-outs")
        assert page["opt_outs"] == []

    run_world(steps)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/opt-outs", {"numbers": []}),
        ("POST", "/v1/opt-outs", {"numbers": ["123"]}),
        ("POST", "/v1/opt-outs", {"numbers": "48500100200"}),
        ("POST", "/v1/opt-outs", {}),
        ("DELETE", "/v1/opt-outs/me", None),
        ("GET", "/v1/opt-outs?limit=0", None),
        ("GET", "/v1/opt-outs?page=2", None),
        ("GET", "/v1/dead-letters?message_class=sms", None),
        ("GET", "/v1/dead-letters?after=-1", None),
        ("POST", "/v1/dead-letters/replay", {"ids": []}),
        ("POST", "/v1/dead-letters/replay", {"ids": ["1"], "force": True}),
    ],
)
def test_a_request_with_an_error_is_refused(run_world: RunWorld, method: str, path: str, body: Any) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await world.call(method, path, json=body)
        assert status == 400 and answer["error"]["message"]

    run_world(steps)


@pytest.mark.parametrize(("query", "field"), [("message_class=sms", "message_class"), ("class=otp", "class")])
def test_the_class_of_dead_letters_has_one_name(run_world: RunWorld, query: str, field: str) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer, _ = await world.call("GET", f"/v1/dead-letters?{query}")
        assert (status, answer["error"]["field"]) == (400, field)
        assert "message_class" in answer["error"]["message"]

    run_world(steps)


def test_the_sixth_otp_to_a_number_in_ten_minutes_is_refused(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for number in range(5):
            assert (await world.post(key=f"otp-{number}"))[0] == 202
        for _ in range(3):
            assert (await world.post(key="otp-0"))[0] == 429
        status, answer, headers = await world.post(key="otp-5")
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (429, "recipient_limit", "to")
        assert answer["error"]["message"] == (
            "this number got too many messages, the limit is 10 messages in 60 s and 5 OTPs in 600 s: try"
            " again later"
        )
        assert 590 <= int(headers["Retry-After"]) <= 600
        assert (await world.post(key="other", to="48500100299"))[0] == 202

    run_world(steps, policy=policy_at_any_hour())


def test_a_repeated_key_does_not_count_for_its_number(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        for _ in range(20):
            assert (await world.post(key="otp-0"))[0] == 202

    run_world(steps, policy=policy_at_any_hour())


def test_rows_and_replays_that_are_not_stored_do_not_count_for_their_numbers(run_world: RunWorld) -> None:
    once = policy_at_any_hour(recipients={"messages": 1, "window_s": 3600})
    others = policy_at_any_hour(recipients={"messages": 2, "window_s": 3600})

    async def not_stored(world: SenderWorld) -> None:
        world.store.failing = True
        status, answer = await campaign(world, *rows(3), campaign="not-stored")
        assert (status, answer["refused"][0]["reason"]) == (503, "store_failed")
        world.store.failing = False
        assert (await campaign(world, *rows(3), campaign="not-stored"))[1]["accepted"] == 3

    async def full(world: SenderWorld) -> None:
        _, taken = await campaign(world, *rows(3), campaign="full")
        assert (taken["accepted"], taken["refused"][0]["reason"]) == (2, "queue_full")
        await world.until_sent(2)
        assert (await campaign(world, *rows(3)[2:], campaign="full"))[1]["accepted"] == 1

    async def replayed(world: SenderWorld) -> None:
        await campaign(world, {"to": "48500200000", "key": "m-0"})
        await world.until_sent(1)
        await world.report("m-0", status=407)
        world.store.failing = True
        body = {"ids": ["1"]}
        assert (await world.call("POST", "/v1/dead-letters/replay", json=body))[0] == 503
        world.store.failing = False
        status, answer, _ = await world.call("POST", "/v1/dead-letters/replay", json=body)
        assert (status, answer["refused"]) == (202, [])

    run_world(replayed, policy=others)
    run_world(not_stored, policy=once)
    run_world(full, max_backlog=2, policy=once)


def test_duplicates_within_a_campaign_are_refused_unless_allowed(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        one = {"to": "48500100200"}
        given = [
            one,
            {"to": "+48500100200"},
            one | {"text": "Other"},
            {"to": "48500100201"},
            one | {"key": "k"},
        ]
        _, taken = await campaign(world, *given)
        assert (taken["accepted"], [(each["row"], each["reason"]) for each in taken["refused"]]) == (
            3,
            [(2, "duplicate_recipient"), (5, "duplicate_recipient")],
        )
        _, taken = await campaign(world, one, one, duplicates="allow")
        assert (taken["accepted"], taken["refused_count"]) == (2, 0)
        keyed = {"to": "48500100202", "key": "k-1"}
        _, taken = await campaign(world, keyed, keyed)
        assert (taken["accepted"], taken["repeated"]) == (1, 1)
        status, answer = await campaign(world, one, duplicates="maybe")
        assert (status, answer["error"]["field"]) == (400, "duplicates")

    run_world(steps)


def test_a_campaign_over_its_spending_limit_is_held_and_says_so(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        _, taken = await campaign(world, *rows(5), spending_limit=1.5)
        assert (taken["accepted"], taken["held"]) == (5, {"total": 2, "over_limit": 2})
        answer = await shown(world)
        assert (answer["reserved"], answer["spending_limit"], answer["held"]["over_limit"]) == (1.5, 1.5, 2)
        status, answer = await control(world, "resume", spending_limit=2)
        assert (status, answer["held"]["over_limit"], answer["reserved"]) == (200, 1, 2.0)
        await world.until_sent(4)

    async def after(world: SenderWorld) -> None:
        answer = await shown(world)
        assert (answer["reserved"], answer["spending_limit"], answer["held"]["over_limit"]) == (2.0, 2.0, 1)
        await control(world, "resume", spending_limit=100)
        await world.until_sent(1)

    run_world(steps, policy=PRICED)
    run_world(after, policy=PRICED)


@pytest.mark.parametrize("limit", [-1, 1e12])
def test_a_spending_limit_that_is_no_amount_is_refused(run_world: RunWorld, limit: float) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer = await campaign(world, *rows(1), spending_limit=limit)
        assert (status, answer["error"]["field"]) == (400, "spending_limit")

    run_world(steps, policy=PRICED)


def test_a_spending_limit_without_prices_is_refused(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        status, answer = await campaign(world, *rows(1), spending_limit=5)
        assert (status, answer["error"]["field"]) == (400, "spending_limit")
        assert "cost_per_segment" in answer["error"]["message"]

    run_world(steps)


def test_dead_letters_are_listed_filtered_and_replayed_once(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await campaign(world, *[row | {"key": f"m-{n}"} for n, row in enumerate(rows(3))])
        await world.post(key="otp")
        await world.until_sent(4)
        await world.report("m-0", "m-2", "otp", status=407)
        await world.report("m-1", status=404)
        _, page, _ = await world.call("GET", "/v1/dead-letters?campaign=may&message_class=marketing&limit=1")
        assert ([each["key"] for each in page["dead_letters"]], page["next"] is not None) == (["m-0"], True)
        _, page, _ = await world.call("GET", f"/v1/dead-letters?campaign=may&after={page['next']}")
        (dead,) = page["dead_letters"]
        assert (dead["key"], dead["state"], page["next"]) == ("m-2", "failed", None)
        _, none, _ = await world.call("GET", "/v1/dead-letters?reason=unheard")
        assert none["dead_letters"] == []

        async def replay(*ids: str) -> tuple[int, Any]:
            status, answer, _ = await world.call("POST", "/v1/dead-letters/replay", json={"ids": ids})
            return status, answer

        status, answer = await replay(dead["id"], dead["id"], "2", "999", "x")
        (done,) = answer["replayed"]
        assert (status, done["id"], done["again"]) == (202, dead["id"], False)
        assert [each["reason"] for each in answer["refused"]] == ["not_dead", "not_found", "not_found"]
        await world.until_sent(5)
        status, answer = await replay(dead["id"])
        assert answer["replayed"] == [done | {"again": True}]
        _, new, _ = await world.call("GET", f"/v1/messages/{done['new_id']}")
        assert (new["key"], new["campaign"], new["to"], new["state"]) == (
            done["key"],
            "may",
            dead["to"],
            "sent",
        )
        assert world.driver.state().totals["sent"] == 5

    run_world(steps)
