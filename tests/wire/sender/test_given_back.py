"""A node that stops, or cannot reach the provider, leaves its waiting messages to the others at once."""

from __future__ import annotations

import asyncio
import socket

from postgres_server import PostgresServer
from running_sender import RunningSender, running_sender, until, until_true
from wire_provider import TOKEN, started

from reference_sender.dispatch import DispatchSettings

COUNT = 12
CAMPAIGN = {
    "text": "Hi",
    "message_class": "marketing",
    "recipients": [{"to": f"48500100{number:03d}"} for number in range(COUNT)],
}
LIMITS = "max_batch=1&max_in_flight=4"


async def both_send(one: RunningSender, other: RunningSender) -> None:
    for node in (one, other):
        await until(node, lambda gauges: 0.3 < gauges["share"] < 0.6)


def test_a_node_that_waits_for_an_answer_to_stop_has_left_its_other_messages(
    postgres: PostgresServer,
) -> None:
    store = postgres.without_store()

    async def claimed_by_second() -> bool:
        query = "SELECT count(*) FROM smsbench.claim WHERE owner = (SELECT max(id) FROM smsbench.node)"
        return bool(int((await asyncio.to_thread(postgres.sql, query))[0]))

    async def live() -> None:
        with started(reply={"latency": {"kind": "fixed", "value_s": 60.0}}) as provider:
            route = f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}?name=r&{LIMITS}"
            leaving = running_sender(store, (route,), drain_s=6.0)
            one = await leaving.__aenter__()
            async with running_sender(store, (route,)) as other:
                await both_send(one, other)
                await one.ok("POST", "/v1/campaigns", CAMPAIGN)
                await until(one, lambda gauges: gauges["in_flight"] > 0)
                assert not await claimed_by_second()
                stopping = asyncio.ensure_future(leaving.__aexit__(None, None, None))
                await until_true(claimed_by_second)
                assert not stopping.done(), "it waits for the answers to its requests"
                await stopping

    asyncio.run(live())


def test_a_node_that_cannot_reach_the_provider_leaves_its_messages_to_one_that_can(
    postgres: PostgresServer,
) -> None:
    store = postgres.without_store()
    settings = DispatchSettings.model_validate({"breaker_failures": 1})

    async def live() -> None:
        with started() as provider, socket.socket() as not_listening:
            not_listening.bind(("127.0.0.1", 0))
            addresses = f"127.0.0.1:{not_listening.getsockname()[1]}", provider.url.removeprefix("http://")
            routes = [f"smsapi+http://{TOKEN}@{address}?name=r&{LIMITS}" for address in addresses]
            async with (
                running_sender(store, (routes[0],), dispatch=settings) as failing,
                running_sender(store, (routes[1],), dispatch=settings) as working,
            ):
                await both_send(failing, working)
                await failing.ok("POST", "/v1/campaigns", CAMPAIGN)
                await asyncio.to_thread(provider.wait_until, lambda: len(provider.messages()) == COUNT)

    asyncio.run(live())
