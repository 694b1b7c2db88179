"""Rows of one campaign that two nodes of one PostgreSQL get at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

from postgres_server import PostgresServer
from running_sender import RunningSender, two_nodes
from wire_provider import TOKEN, started

ROWS = 1_200  # more than two commits of a request


async def campaign(node: RunningSender, numbers: range) -> Any:
    rows = [{"to": f"48500{number:06d}"} for number in numbers]
    body = {"campaign": "may", "text": "Hi", "message_class": "marketing", "recipients": rows}
    return await node.ok("POST", "/v1/campaigns", body)


def test_a_row_that_any_node_accepted_is_a_duplicate(postgres: PostgresServer) -> None:
    async def live(route: str) -> None:
        async with two_nodes(postgres.without_store(), route) as (one, other):
            # In opposite orders: each waits for rows that the other one stores.
            orders = (range(ROWS), range(ROWS - 1, -1, -1))
            requests = [(node, order) for node in (one, other) for order in orders]
            answers = await asyncio.gather(*(campaign(*each) for each in requests))
            assert sum(each["accepted"] for each in answers) == ROWS
            for each in answers:
                assert each["accepted"] + each["refused_count"] == ROWS
                assert {row["reason"] for row in each["refused"]} <= {"duplicate_recipient"}
            more = await campaign(other, range(ROWS - 100, ROWS + 100))
            assert (more["accepted"], more["refused_count"]) == (100, 100)

    with started() as provider:
        asyncio.run(live(f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}"))
