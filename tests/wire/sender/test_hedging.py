"""A second route for OTPs over real sockets: one sender, two providers, and the journals of both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from accept_counts import accepts
from running_sender import RunningSender, running_sender, until_true
from wire_provider import ADMIN_TOKEN, TOKEN

from mock_provider.app import ProviderConfig
from mock_provider.testing.running import ProviderThread, changed_profile
from reference_sender.dispatch import DispatchSettings

HEDGED_AFTER_S = 0.3
SILENT = {"latency": {"kind": "fixed", "value_s": 3_600.0}}  # no phone gets anything in time
OTPS = [f"otp-{number}" for number in range(3)]
BULK = [f"bulk-{number}" for number in range(3)]


def provider(journal: Path, **sections: Any) -> ProviderThread:
    profile = changed_profile("fast", **sections)
    return ProviderThread(
        ProviderConfig(profile, token=TOKEN, admin_token=ADMIN_TOKEN, stop_grace_s=0.5, journal=journal)
    )


async def send(sender: RunningSender) -> dict[str, str]:
    """The ids of the messages by key."""
    ids = {}
    for number, key in enumerate([*OTPS, *BULK]):
        fields = {"to": f"4850010020{number}", "text": f"Code {number}", "key": key}
        message_class = "otp" if key in OTPS else "marketing"
        answer = await sender.ok("POST", "/v1/messages", fields | {"message_class": message_class})
        ids[key] = answer["id"]
    return ids


async def states(sender: RunningSender, ids: dict[str, str]) -> dict[str, tuple[str, str]]:
    shown = {key: await sender.ok("GET", f"/v1/messages/{number}") for key, number in ids.items()}
    return {key: (each["state"], each["reason"]) for key, each in shown.items()}


@pytest.mark.parametrize("after_s", [HEDGED_AFTER_S, None])
def test_an_otp_without_a_report_is_sent_once_more_by_the_second_route(
    tmp_path: Path, after_s: float | None
) -> None:
    seconds = [f"{key}~2" for key in OTPS] if after_s is not None else []

    async def live(first: ProviderThread, second: ProviderThread) -> None:
        routes = [f"smsapi+http://{TOKEN}@{each.url.removeprefix('http://')}" for each in (first, second)]
        async with running_sender(
            f"sqlite:///{tmp_path}/messages.db",
            (f"{routes[0]}?name=first", f"{routes[1]}?name=second"),
            dispatch=DispatchSettings.model_validate({"hedge_otp_after_s": after_s}),
        ) as sender:
            ids = await send(sender)

            async def all_sent() -> bool:
                return {state for state, _ in (await states(sender, ids)).values()} <= {"sent", "delivered"}

            async def otps_delivered() -> bool:
                found = await states(sender, ids)
                return all(found[key] == ("delivered", "delivered_by_second") for key in OTPS)

            await until_true(all_sent)
            if seconds:
                await until_true(otps_delivered)
            await asyncio.sleep(3 * HEDGED_AFTER_S)  # in which a third message would go out
            found = await states(sender, ids)
            assert {found[key] for key in BULK} == {("sent", "")}
            assert await otps_delivered() is bool(seconds)
            state = await sender.ok("GET", "/v1/state")
            assert state["counters"]["hedged"] == len(seconds)

    journals = tmp_path / "first.arrow", tmp_path / "second.arrow"
    with provider(journals[0], delivery=SILENT) as first, provider(journals[1]) as second:
        asyncio.run(live(first, second))
    assert accepts(journals[0]) == dict.fromkeys([*OTPS, *BULK], 1)
    assert accepts(journals[1]) == dict.fromkeys(seconds, 1)
