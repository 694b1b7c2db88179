"""A whole sender with each route: store, dispatcher, client and report address, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from messages import made_message
from route_accounts import SIGNED, route_url
from running_sender import RunningSender, running_sender, until_true
from waiting import eventually_in_loop
from wire_provider import StartProvider

from mock_provider.testing.running import ProviderThread
from reference_sender.clock import now_ns
from reference_sender.dispatch.values import Lane, Message, Outcome
from reference_sender.routes import ROUTES
from reference_sender.routes.url import read_route

NUMBER = "48500100200"
OTHER_TOKEN = "other-token"
IN_AN_HOUR = {"latency": {"kind": "fixed", "value_s": 3_600.0}}
HANG_ACCEPTED = {"kind": "hang", "accepted": True}

every_route = pytest.mark.parametrize("name", sorted(ROUTES))
signed_route = pytest.mark.parametrize("name", SIGNED)


def url_of(name: str, provider: ProviderThread, **options: object) -> str:
    return route_url(name, provider.url.removeprefix("http://"), provider.token, **options)


def with_sender(tmp_path: Path, steps: Callable[[RunningSender], Awaitable[object]], *routes: str) -> None:
    async def live() -> None:
        async with running_sender(f"sqlite:///{tmp_path}/messages.db", routes) as sender:
            await steps(sender)

    asyncio.run(live())


async def post(sender: RunningSender, key: str) -> str:
    """The id of a message that the sender takes."""
    fields = {"to": NUMBER, "text": f"Code {key}", "message_class": "otp", "key": key}
    answer = await sender.ok("POST", "/v1/messages", fields)
    return str(answer["id"])


async def state_of(sender: RunningSender, message_id: str) -> str:
    return str((await sender.ok("GET", f"/v1/messages/{message_id}"))["state"])


async def until_state(sender: RunningSender, message_id: str, state: str) -> None:
    async def reached() -> bool:
        return await state_of(sender, message_id) == state

    await until_true(reached)


async def until_delivered(sender: RunningSender, count: int) -> dict[str, Any]:
    """The sender's counters when ``count`` messages are delivered."""
    counters: dict[str, Any] = {}

    async def delivered() -> bool:
        counters.update((await sender.ok("GET", "/v1/state"))["counters"])
        return bool(counters["delivered"] == count)

    await until_true(delivered)
    return counters


@every_route
def test_messages_are_delivered_and_their_reports_confirmed(
    name: str, start: StartProvider, tmp_path: Path
) -> None:
    provider = start()

    async def steps(sender: RunningSender) -> None:
        for key in ("a", "b", "c"):
            await post(sender, key)
        rows = [{"to": f"4850010030{digit}"} for digit in range(3)]
        campaign = {"campaign": "may", "message_class": "marketing", "text": "Sale", "recipients": rows}
        await sender.ok("POST", "/v1/campaigns", campaign)
        counters = await until_delivered(sender, 6)
        await eventually_in_loop(lambda: provider.state()["open"] == 0)
        assert (counters["failed"], counters["late"], counters["orphan_reports"]) == (0, 0, 0)

    with_sender(tmp_path, steps, url_of(name, provider))
    counters = provider.state()["counters"]
    assert (counters["accepted"], counters["delivered"]) == (6, 6)
    assert (counters["reports_confirmed"], counters["reports_retried"]) == (6, 0)


@every_route
def test_a_message_without_an_answer_is_accepted_once_and_found(
    name: str, start: StartProvider, tmp_path: Path
) -> None:
    """By a repeat that the provider refuses, else by a lookup and no repeat."""
    provider = start(delivery=IN_AN_HOUR)

    async def steps(sender: RunningSender) -> None:
        provider.admin("/faults", HANG_ACCEPTED, "POST")
        message_id = await post(sender, "a")
        await eventually_in_loop(lambda: provider.state()["counters"]["requests_hung"] == 1)
        provider.admin("/faults", method="DELETE")
        await until_state(sender, message_id, "sent")

    with_sender(tmp_path, steps, url_of(name, provider, timeout_s=0.5))
    counters = provider.state()["counters"]
    repeats = 1 if ROUTES[name].idempotency_window_s else 0
    assert (counters["accepted"], counters["requests"]) == (1, 1 + repeats)
    assert counters["refused_duplicate_ref"] == repeats


@every_route
def test_reports_of_two_accounts_at_one_address_both_count(
    name: str, start: StartProvider, tmp_path: Path
) -> None:
    providers = start(), start(token=OTHER_TOKEN)

    async def steps(sender: RunningSender) -> None:
        for key in ("a", "b", "c", "d"):
            await post(sender, key)
        await until_delivered(sender, 4)
        await eventually_in_loop(lambda: all(each.state()["open"] == 0 for each in providers))

    with_sender(tmp_path, steps, *[url_of(name, each, weight=1) for each in providers])
    for each in providers:
        counters = each.state()["counters"]
        assert (counters["accepted"], counters["reports_confirmed"]) == (2, 2)
        assert counters["reports_retried"] == 0


@every_route
def test_a_call_without_a_signature_is_refused_where_the_provider_signs(
    name: str, start: StartProvider, tmp_path: Path
) -> None:
    refused = (403, "forged_report") if name in SIGNED else (400, "malformed_report")

    async def steps(sender: RunningSender) -> None:
        address = f"{sender.url}/v1/reports/{name}/{sender.report_secret}"
        assert await call(f"{address}?key=a") == refused
        assert await call(f"{address}x?key=a") == (404, "not_found")
        assert (await sender.ok("GET", "/v1/state"))["counters"]["report_calls"] == 0

    async def call(address: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.post(address) as answer:
            return answer.status, (await answer.json())["error"]["code"]

    with_sender(tmp_path, steps, url_of(name, start()))


@signed_route
def test_a_report_with_the_signature_of_another_account_does_not_count(
    name: str, start: StartProvider, tmp_path: Path
) -> None:
    provider, other = start(delivery=IN_AN_HOUR), start(token=OTHER_TOKEN)

    async def steps(sender: RunningSender) -> None:
        message_id = await post(sender, "a")
        await until_state(sender, message_id, "sent")
        address = f"{sender.url}/v1/reports/{name}/{sender.report_secret}"
        route = read_route(url_of(name, other)).open(address)
        try:
            (result,) = await route.submit([namesake("a")])
        finally:
            await route.close()
        assert result.outcome is Outcome.ACCEPTED
        await eventually_in_loop(lambda: other.state()["counters"]["reports_retried"] > 0)
        assert await state_of(sender, message_id) == "sent"

    with_sender(tmp_path, steps, url_of(name, provider))
    assert other.state()["counters"]["reports_confirmed"] == 0


def namesake(key: str) -> Message:
    """Another account's message with this key."""
    at_ns = now_ns()
    return made_message(
        1,
        key=key,
        to=NUMBER,
        text="Hi",
        lane=Lane.OTP,
        sender_id="",
        created_ns=at_ns,
        expires_ns=at_ns + 3_600 * 10**9,
    )
