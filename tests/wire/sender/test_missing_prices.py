"""A restart with a policy without prices, while messages wait for a higher spending limit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from any_hour import policy_at_any_hour
from running_sender import RunningSender, running_sender, until_true
from wire_provider import TOKEN, started

from mock_provider.testing.running import ProviderThread
from reference_sender.policy.settings import NO_POLICY, PolicyError, PolicySettings
from reference_sender.routes.url import read_route
from reference_sender.server import SenderSettings, run

PRICED = policy_at_any_hour(spending={"cost_per_segment": 1.0})


@pytest.fixture
def provider() -> Iterator[ProviderThread]:
    with started() as one:
        yield one


def rows(count: int, **more: Any) -> dict[str, Any]:
    recipients = [{"to": f"4850010020{digit}"} for digit in range(count)]
    shared = {"campaign": "may", "message_class": "marketing", "text": "Sale"} | more
    return shared | {"recipients": recipients}


def test_messages_over_a_limit_are_kept_until_the_prices_are_back(
    store_url: str, provider: ProviderThread
) -> None:
    route = f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}?name=r"

    def sender(policy: PolicySettings) -> AbstractAsyncContextManager[RunningSender]:
        return running_sender(store_url, (route,), policy)

    async def over_its_limit() -> None:
        async with sender(PRICED) as node:
            taken = await node.ok("POST", "/v1/campaigns", rows(3, spending_limit=1))
            assert taken["held"] == {"total": 2, "over_limit": 2}

            async def is_sent() -> object:
                return provider.state()["accepted"] == 1

            await until_true(is_sent)

    async def released() -> None:
        async with sender(PRICED) as node:

            async def are_read() -> object:
                return (await node.ok("GET", "/v1/campaigns/may"))["held"]["over_limit"] == 2

            await until_true(are_read)
            await node.ok("POST", "/v1/campaigns/may/resume", {"spending_limit": 3})

            async def are_sent() -> object:
                return provider.state()["accepted"] == 3

            await until_true(are_sent)

    async def without_prices() -> None:
        async with sender(NO_POLICY) as node:
            status, answer = await node.call("POST", "/v1/campaigns", rows(2))
            assert (status, answer["accepted"], answer["refused_count"]) == (202, 0, 2)
            single = {"to": "48500100200", "text": "Sale", "message_class": "marketing"}
            status, answer = await node.call("POST", "/v1/messages", single | {"campaign": "may"})
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "invalid", "campaign")
            assert "cost_per_segment" in answer["error"]["message"]
            assert (await node.call("POST", "/v1/messages", single | {"campaign": "june"}))[0] == 202

    asyncio.run(over_its_limit())
    with pytest.raises(PolicyError, match=r"limit \(may: 2\).*cost_per_segment"):
        run(SenderSettings(routes=(read_route(route),), store=store_url, policy=NO_POLICY), ready=pytest.fail)
    asyncio.run(released())
    asyncio.run(without_prices())
