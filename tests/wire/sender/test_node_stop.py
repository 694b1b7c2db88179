"""A node of PostgreSQL that is stopped while a provider answers slowly."""

from __future__ import annotations

import asyncio
from contextlib import closing

from postgres_server import PostgresServer
from running_sender import running_sender, until, until_true
from wire_provider import TOKEN, started

from reference_sender.dispatch.values import State
from reference_sender.store import open_store

ANSWERED_AFTER_S = 2.5  # the lease of a running sender is 1 s


def test_a_node_that_stops_stores_an_answer_that_comes_after_the_time_of_a_lease(
    postgres: PostgresServer,
) -> None:
    store = postgres.without_store()

    async def live() -> None:
        slow = {"latency": {"kind": "fixed", "value_s": ANSWERED_AFTER_S}}
        without_report = {"latency": {"kind": "fixed", "value_s": 60.0}}
        with started(reply=slow, delivery=without_report) as provider:
            route = f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}?name=r"
            async with running_sender(store, (route,), drain_s=30.0) as node:
                await until(node, lambda gauges: gauges["share"] == 1.0)
                one = {"to": "48500100200", "text": "Hi", "message_class": "otp"}
                await node.ok("POST", "/v1/messages", one)

                async def is_submitted() -> bool:
                    return bool((await node.gauges())["in_flight"])

                await until_true(is_submitted)

    asyncio.run(live())
    with closing(open_store(store)) as opened:
        assert [(each.state, each.route) for each in opened.records(0, 10)] == [(State.SENT, "r")]
    assert postgres.sql("SELECT count(*) FROM smsbench.attempt") == ["0"]
