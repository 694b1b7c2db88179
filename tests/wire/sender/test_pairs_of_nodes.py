"""An OTP and its second message, taken over by two nodes of one PostgreSQL from a third one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import aiohttp
import pytest
from postgres_server import PostgresServer
from running_sender import RunningSender, running_sender, until_true
from wire_provider import TOKEN, started

from reference_sender.dispatch import DispatchSettings
from reference_sender.node.node import Node
from reference_sender.node.node_share import ClaimLimit

SILENT = {"latency": {"kind": "fixed", "value_s": 3_600.0}}  # the test sends the reports
COUNT = 3
TO = [{"to": f"4850010020{number}"} for number in range(COUNT)]
OPEN = """
SELECT c.owner, p.provider_id FROM smsbench.claim c JOIN smsbench.message m ON m.id = c.id
JOIN smsbench.progress p ON p.id = c.id AND p.state = 'sent' WHERE {} ORDER BY m.id
"""
FIRSTS, SECONDS = OPEN.format("m.key NOT LIKE '%~2'"), OPEN.format("m.key LIKE '%~2'")


class ClaimTurns:
    """Which node may claim how many messages. The others claim none."""

    def __init__(self) -> None:
        self.left: dict[int, int] = {}  # by the number of the sender, in the order of their starts
        self._nodes: list[Node] = []

    def wants(self, node: Node, _: int) -> ClaimLimit | None:
        if node not in self._nodes:
            self._nodes.append(node)
        limit = self.left.pop(self._nodes.index(node), None)
        return None if limit is None else ClaimLimit(limit)


async def report(postgres: PostgresServer, node: RunningSender, rows: list[str]) -> None:
    """A provider's call with the deliveries of these rows of ``OPEN``."""
    (secret,) = postgres.sql("SELECT report_secret FROM smsbench.identity")
    ids = "%2C".join(row.split("|")[1] for row in rows)
    call = f"{node.url}/v1/reports/smsapi/{secret}?MsgId={ids}&status=404"
    async with aiohttp.ClientSession() as provider, provider.get(call) as answer:
        assert (answer.status, await answer.text()) == (200, "OK")


@pytest.mark.parametrize("reporting", [1, 2], ids=["at one node", "at the other node"])
def test_a_second_message_of_another_node_ends_the_first_one(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, reporting: int
) -> None:
    turns = ClaimTurns()
    monkeypatch.setattr(Node, "wants", lambda node, now_ns: turns.wants(node, now_ns))
    url = postgres.without_store()

    async def live(routes: tuple[str, ...]) -> None:
        settings = DispatchSettings.model_validate({"hedge_otp_after_s": 0.3})
        leaving, other, third = (running_sender(url, routes, dispatch=settings) for _ in range(3))
        async with AsyncExitStack() as running:
            async with leaving as one:
                # In one call, so that the ids of the first messages come before those of the second ones.
                await one.ok(
                    "POST", "/v1/campaigns", {"message_class": "otp", "text": "Code", "recipients": TO}
                )
                ids = postgres.sql("SELECT id FROM smsbench.message WHERE key NOT LIKE '%~2'")
                await until_true(lambda: rows_are(SECONDS, COUNT))
                nodes = [await running.enter_async_context(each) for each in (other, third)]
            await check(nodes, ids)

    async def check(nodes: Sequence[RunningSender], ids: Sequence[str]) -> None:
        await take_over(FIRSTS, 1)
        await take_over(SECONDS, 2)
        owners = [{row.split("|")[0] for row in postgres.sql(which)} for which in (FIRSTS, SECONDS)]
        assert len(owners[0]) == len(owners[1]) == 1
        assert owners[0] != owners[1]
        await report(postgres, nodes[reporting - 1], postgres.sql(SECONDS))

        async def all_delivered() -> bool:
            found = [await nodes[0].ok("GET", f"/v1/messages/{each}") for each in ids]
            return {(each["state"], each["reason"]) for each in found} == {
                ("delivered", "delivered_by_second")
            }

        await until_true(all_delivered)

    async def rows_are(which: str, count: int) -> bool:
        return len(postgres.sql(which)) == count

    async def take_over(which: str, number: int) -> None:
        turns.left[number] = COUNT

        async def taken() -> bool:
            return number not in turns.left and all(not row.startswith("0|") for row in postgres.sql(which))

        await until_true(taken)

    with started(delivery=SILENT) as first, started(delivery=SILENT) as second:
        ends = [each.url.removeprefix("http://") for each in (first, second)]
        named = zip("ab", ends, strict=True)
        asyncio.run(live(tuple(f"smsapi+http://{TOKEN}@{end}?name={name}" for name, end in named)))
