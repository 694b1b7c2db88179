"""Replays of OTPs that had a second message: a delivered code is not sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from accept_counts import accepts
from messages import made_message
from msgspec import structs
from running_sender import RunningSender, running_sender, until_true
from wire_provider import ADMIN_TOKEN, TOKEN

from mock_provider.app import ProviderConfig
from mock_provider.testing.running import ProviderThread, changed_profile
from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import Change, Lane, State
from reference_sender.store import Work, open_store

REPLAY = "/v1/dead-letters/replay"
OTPS = [f"otp-{number}" for number in range(3)]
# The second message of the first OTP goes out, the others wait for the route until their OTP is delivered.
SLOW_ROUTE = "&requests_per_s=0.2&requests_burst=1"


def provider(journal: Path, **sections: Any) -> ProviderThread:
    profile = changed_profile("fast", **sections)
    return ProviderThread(
        ProviderConfig(profile, token=TOKEN, admin_token=ADMIN_TOKEN, stop_grace_s=0.5, journal=journal)
    )


async def send_all(sender: RunningSender) -> None:
    for number, key in enumerate(OTPS):
        fields = {"to": f"4850010020{number}", "text": f"Code {number}", "message_class": "otp", "key": key}
        await sender.ok("POST", "/v1/messages", fields | {"campaign": "logins"})


async def second_ids(sender: RunningSender) -> list[str]:
    """Second messages have ids after those of the OTPs."""
    shown = [await sender.ok("GET", f"/v1/messages/{number}") for number in range(4, 7)]
    assert [each["key"] for each in shown] == [f"{key}~2" for key in OTPS]
    return [each["id"] for each in shown if each["state"] in ("failed", "expired")]


def test_a_second_message_is_no_dead_letter_and_is_never_sent_again(tmp_path: Path) -> None:
    journals = tmp_path / "first.arrow", tmp_path / "second.arrow"

    async def live(first: ProviderThread, second: ProviderThread) -> None:
        routes = [f"smsapi+http://{TOKEN}@{each.url.removeprefix('http://')}" for each in (first, second)]
        async with running_sender(
            f"sqlite:///{tmp_path}/messages.db",
            (f"{routes[0]}?name=first", f"{routes[1]}?name=second{SLOW_ROUTE}"),
            dispatch=DispatchSettings.model_validate({"hedge_otp_after_s": 0.3}),
        ) as sender:
            await send_all(sender)

            async def all_ended() -> bool:  # in the store, which is some commits behind
                state = await sender.ok("GET", "/v1/state")
                campaign = await sender.ok("GET", "/v1/campaigns/logins")
                assert campaign["messages"] == len(OTPS)
                assert sum(campaign["states"].values()) == len(OTPS)
                is_over = state["open"] == 0 and campaign["states"]["delivered"] == len(OTPS)
                return bool(state["counters"]["hedged"] == len(OTPS) and is_over)

            await until_true(all_ended)
            dead = await second_ids(sender)
            assert len(dead) == 2, "not needed"
            assert (await sender.ok("GET", "/v1/dead-letters"))["dead_letters"] == []
            counted = await sender.ok("POST", REPLAY, {"filter": {}, "dry_run": True})
            assert (counted["matched"], counted["reasons"]) == (0, {})
            assert (await sender.ok("POST", REPLAY, {"filter": {}}))["replayed"] == []
            for allowed in (False, True):
                status, answer = await sender.call("POST", REPLAY, {"ids": dead, "allow_duplicate": allowed})
                assert (status, answer["replayed"]) == (409, [])
                assert [each["reason"] for each in answer["refused"]] == ["second_message"] * 2

    slow = {"latency": {"kind": "fixed", "value_s": 1.5}}
    with provider(journals[0], delivery=slow) as first, provider(journals[1]) as second:
        asyncio.run(live(first, second))
    assert accepts(journals[0]) == dict.fromkeys(OTPS, 1)
    assert accepts(journals[1]) == {"otp-0~2": 1}


SECONDS = [(State.SENT, ""), (State.EXPIRED, "no_report"), (State.EXPIRED, "expired"), (State.FAILED, "x")]


def pairs() -> Work:
    """OTPs that failed, and their second messages in each of ``SECONDS``. The last one has none."""
    messages, changes = [], []
    for number in range(len(SECONDS) + 1):
        first_id = 1 + 2 * number
        key = f"otp-{number}"
        first = made_message(
            first_id, key=key, to=f"4850010020{number}", text="Code", lane=Lane.OTP, sender_id=""
        )
        messages.append(first)
        changes.append(Change(first_id, key, State.FAILED, "undelivered", f"p-{number}", 1, 1, "first"))
        if number < len(SECONDS):
            state, reason = SECONDS[number]
            second = structs.replace(first, message_id=first_id + 1, key=f"{key}~2")
            messages.append(second)
            changes.append(Change(first_id + 1, second.key, state, reason, "q", 1, 1, "second"))
    return Work(messages, changes)


def test_an_otp_whose_second_message_may_arrive_is_sent_again_only_if_a_duplicate_is_acceptable(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/messages.db"
    store = open_store(url)
    store.commit(pairs())
    store.close()

    async def live(first: ProviderThread) -> None:
        route = f"smsapi+http://{TOKEN}@{first.url.removeprefix('http://')}?name=first"
        async with running_sender(url, (route, route.replace("name=first", "name=second"))) as sender:
            one_by_one = await sender.ok("POST", REPLAY, {"ids": ["1", "3", "5", "7", "9"]})
            assert [each["id"] for each in one_by_one["replayed"]] == ["5", "7", "9"]
            refused = [(each["id"], each["reason"]) for each in one_by_one["refused"]]
            assert refused == [("1", "second_uncertain"), ("3", "second_uncertain")]
            matching = await sender.ok("POST", REPLAY, {"filter": {}})
            assert [each["id"] for each in matching["replayed"] if each["again"]] == ["5", "7", "9"]
            assert [each["id"] for each in matching["refused"]] == ["1", "3"]
            allowed = await sender.ok("POST", REPLAY, {"filter": {}, "allow_duplicate": True})
            assert [each["id"] for each in allowed["replayed"] if not each["again"]] == ["1", "3"]

    with provider(tmp_path / "first.arrow") as first:
        asyncio.run(live(first))
