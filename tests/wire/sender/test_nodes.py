"""Two senders on one PostgreSQL and one provider: the rules that one gets apply at the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from any_hour import policy_at_any_hour
from postgres_server import PostgresServer
from running_sender import RunningSender, running_sender, two_nodes, until_true
from wire_provider import TOKEN, started

from mock_provider.testing.running import ProviderThread
from reference_sender.alerts.rules import AlertRules, AlertSettings
from reference_sender.policy.settings import NO_POLICY, PolicySettings
from reference_sender.runtime import membership
from reference_sender.store import Existing, RuleChanges, Work
from reference_sender.store.postgres import PostgresStore
from reference_sender.store.postgres.link import Unanswered

NodeSteps = Callable[[RunningSender, RunningSender], Awaitable[None]]
# Of 20 messages all but a few wait.
SLOW = "requests_per_s=5&requests_burst=2&max_batch=1&max_in_flight=2"
PRICED = policy_at_any_hour(spending={"cost_per_segment": 1.0})
LEARNED_S = 1.0  # every node knows what happened before
WALL_SEEN_S = 1.5  # each node has looked at the wall clock
ONE = {"text": "Hi", "message_class": "marketing"}


@pytest.fixture
def provider() -> Iterator[ProviderThread]:
    with started() as one:
        yield one


@pytest.fixture
def nodes(postgres: PostgresServer, provider: ProviderThread) -> Callable[..., None]:
    """Runs steps on two nodes."""

    def run(steps: NodeSteps, policy: PolicySettings = NO_POLICY, options: str = SLOW) -> None:
        route = f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}?name=r&{options}"

        async def live() -> None:
            async with two_nodes(postgres.without_store(), route, policy) as (one, other):
                await steps(one, other)

        asyncio.run(live())

    return run


async def campaign(node: RunningSender, count: int, first: int = 0, **more: Any) -> Any:
    """``count`` messages of the campaign ``may``, to as many numbers."""
    rows = [{"to": f"48500{number:06d}"} for number in range(first, first + count)]
    return await node.ok("POST", "/v1/campaigns", {"campaign": "may", **ONE, **more, "recipients": rows})


async def shown(node: RunningSender) -> dict[str, Any]:
    answer: dict[str, Any] = await node.ok("GET", "/v1/campaigns/may")
    return answer


@pytest.fixture
def no_rule_changes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractAsyncContextManager[None]]:
    """In its block no node learns what another one changed."""
    read = PostgresStore.rule_changes
    is_cut = False
    monkeypatch.setattr(
        PostgresStore,
        "rule_changes",
        lambda self, since: RuleChanges(since, False) if is_cut else read(self, since),
    )

    @asynccontextmanager
    async def cut() -> AsyncIterator[None]:
        nonlocal is_cut
        is_cut = True
        await asyncio.sleep(LEARNED_S)  # changes that are being read have come
        yield
        is_cut = False
        await asyncio.sleep(LEARNED_S)

    return cut


def test_rows_at_a_node_that_does_not_know_of_a_pause_leave_it(
    nodes: Callable[..., None], no_rule_changes: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(one, 20)
        async with no_rule_changes():
            await one.ok("POST", "/v1/campaigns/may/pause")
            await campaign(other, 1, 100, spending_limit=100)
        for node in (one, other):
            answer = await shown(node)
            assert (answer["state"], answer["spending_limit"]) == ("paused", 100.0)

    nodes(steps, PRICED)


def test_a_control_at_a_node_that_does_not_know_of_a_limit_leaves_it(
    nodes: Callable[..., None], no_rule_changes: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(one, 20, spending_limit=100)
        await one.ok("POST", "/v1/campaigns/may/pause")
        await asyncio.sleep(LEARNED_S)
        async with no_rule_changes():
            await one.ok("POST", "/v1/campaigns/may/resume", {"spending_limit": 7})
            answer = await other.ok("POST", "/v1/campaigns/may/pause")
            assert (answer["state"], answer["spending_limit"]) == ("paused", 7.0)
            answer = await shown(one)
            assert (answer["state"], answer["spending_limit"]) == ("paused", 7.0)
        for node in (one, other):
            answer = await shown(node)
            assert (answer["state"], answer["spending_limit"]) == ("paused", 7.0)

    nodes(steps, PRICED)


def test_a_resume_at_a_node_that_does_not_know_of_a_cancel_is_refused(
    nodes: Callable[..., None], no_rule_changes: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(other, 20)
        async with no_rule_changes():
            await one.ok("POST", "/v1/campaigns/may/cancel")
            status, answer = await other.call("POST", "/v1/campaigns/may/resume")
            assert (status, answer["error"]["code"]) == (409, "campaign_cancelled")
            assert (await shown(other))["state"] == "cancelled"

    nodes(steps)


def test_the_last_limit_counts_also_if_its_node_knew_the_same_one(
    nodes: Callable[..., None], no_rule_changes: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(one, 1, spending_limit=100)
        await asyncio.sleep(LEARNED_S)
        async with no_rule_changes():
            await one.ok("POST", "/v1/campaigns/may/resume", {"spending_limit": 7})
            await campaign(other, 1, 100, spending_limit=100)
        assert [(await shown(node))["spending_limit"] for node in (one, other)] == [100.0, 100.0]

    nodes(steps, PRICED)


def test_a_campaign_is_paused_resumed_and_cancelled_on_both_nodes(
    nodes: Callable[..., None], provider: ProviderThread
) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(other, 20)
        await one.ok("POST", "/v1/campaigns/may/pause")

        async def is_held() -> object:
            answer = await shown(other)
            return answer["state"] == "paused" and answer["held"]["total"] >= 8

        await until_true(is_held)
        await asyncio.sleep(0.2)  # for what is in flight
        sent = provider.state()["accepted"]
        await asyncio.sleep(1.0)  # in which each node would send two
        assert provider.state()["accepted"] == sent

        await one.ok("POST", "/v1/campaigns/may/resume")

        async def is_released() -> object:
            answer = await shown(other)
            return answer["state"] == "running" and answer["held"]["total"] == 0

        await until_true(is_released)
        await one.ok("POST", "/v1/campaigns/may/cancel")

        async def is_cancelled() -> object:
            answer = await shown(other)
            return answer["state"] == "cancelled" and answer["states"]["failed"] >= 5

        await until_true(is_cancelled)
        status, answer = await other.call(
            "POST", "/v1/messages", ONE | {"to": "48500999999", "campaign": "may"}
        )
        assert (status, answer["error"]["code"]) == (409, "campaign_cancelled")
        # Neither node starts it again, also if it does not know yet that the other one cancelled it.
        assert (await other.call("POST", "/v1/campaigns/may/resume"))[0] == 409

    nodes(steps)


def test_a_number_that_opts_out_at_one_node_gets_nothing_from_the_other(nodes: Callable[..., None]) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        last = "48500000019"
        await campaign(other, 20)
        await one.ok("POST", "/v1/opt-outs", {"numbers": [last]})

        async def is_refused() -> bool:
            return (await other.call("POST", "/v1/messages", ONE | {"to": last}))[0] == 403

        await until_true(is_refused)

        async def has_ended() -> bool:
            dead = await one.ok("GET", "/v1/dead-letters?reason=opted_out")
            return [each["to"] for each in dead["dead_letters"]][:1] == [last]

        await until_true(has_ended)
        assert (await other.ok("GET", "/v1/opt-outs"))["opt_outs"][0]["number"] == last
        await other.ok("DELETE", f"/v1/opt-outs/{last}")

        async def is_accepted() -> bool:
            return (await one.call("POST", "/v1/messages", ONE | {"to": last}))[0] == 202

        await until_true(is_accepted)
        assert (await one.ok("GET", "/v1/opt-outs"))["opt_outs"] == []

    nodes(steps)


def test_what_a_very_long_commit_changed_is_learned_too(
    nodes: Callable[..., None], postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "LEARN_AGAIN_EVERY_S", 0.5)

    async def steps(one: RunningSender, other: RunningSender) -> None:
        # As if its transaction had begun a minute ago and ended now.
        rows = "('48500000001', 0, true, now() - interval '1 minute')"
        postgres.sql(f"INSERT INTO smsbench.opt_out (number, since_ns, active, changed_at) VALUES {rows}")
        for node in (one, other):

            async def is_refused(node: RunningSender = node) -> bool:
                return (await node.call("POST", "/v1/messages", ONE | {"to": "48500000001"}))[0] == 403

            await until_true(is_refused)

    nodes(steps)


def test_a_spending_limit_is_one_for_both_nodes(nodes: Callable[..., None]) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(one, 6, spending_limit=10)

        async def knows() -> object:
            return (await shown(other))["spending_limit"] == 10.0

        await until_true(knows)
        await asyncio.sleep(LEARNED_S)
        await campaign(other, 6, 100)
        await asyncio.sleep(LEARNED_S)
        await campaign(one, 3, 200)
        assert (await shown(one))["reserved"] == 10.0
        held = [(await shown(node))["held"]["over_limit"] for node in (one, other)]
        assert held == [3, 2]

        # Both have messages that fit now; together they use the whole higher limit.
        await one.ok("POST", "/v1/campaigns/may/resume", {"spending_limit": 14})

        async def is_used() -> bool:
            left = [(await shown(node))["held"]["over_limit"] for node in (one, other)]
            return bool(sum(left) == 1)

        await until_true(is_used)
        await asyncio.sleep(2.5)  # more than a turn of each
        assert ((await shown(one))["reserved"], await is_used()) == (14.0, True)

    nodes(steps, PRICED, "requests_burst=20")


def test_a_limit_for_one_number_counts_the_messages_of_both_nodes(nodes: Callable[..., None]) -> None:
    policy = policy_at_any_hour(recipients={"otp_messages": 4, "messages": 0})
    to_one = {"text": "Hi", "message_class": "otp", "to": "48500100200"}

    async def steps(one: RunningSender, other: RunningSender) -> None:
        async def post(node: RunningSender, count: int) -> list[int]:
            return [(await node.call("POST", "/v1/messages", to_one))[0] for _ in range(count)]

        assert await post(one, 2) == [202, 202]  # its part, so the other learns of it
        await asyncio.sleep(LEARNED_S)
        assert await post(other, 3) == [202, 202, 429]
        await asyncio.sleep(LEARNED_S)
        assert await post(one, 1) == [429]
        assert (await one.call("POST", "/v1/messages", to_one | {"to": "48500100201"}))[0] == 202

    nodes(steps, policy)


def test_a_limit_for_one_number_is_kept_when_the_wall_clocks_of_the_nodes_are_set(
    nodes: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policy_at_any_hour(recipients={"otp_messages": 4, "messages": 0})
    to_one = {"text": "Hi", "message_class": "otp", "to": "48500100200"}
    true_ns = time.time_ns

    async def steps(one: RunningSender, other: RunningSender) -> None:
        for _ in range(4):
            await other.ok("POST", "/v1/messages", to_one)
        for ahead_s in (0, -3_600, 3_600, 0):
            monkeypatch.setattr(time, "time_ns", lambda ahead_s=ahead_s: true_ns() + ahead_s * 10**9)
            await asyncio.sleep(WALL_SEEN_S + LEARNED_S)
            for node in (one, other):
                assert (await node.call("POST", "/v1/messages", to_one))[0] == 429

    nodes(steps, policy)


def test_a_message_that_one_node_refused_and_the_other_confirmed_is_sent_once(
    nodes: Callable[..., None], provider: ProviderThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commit of the key is stored and its answer is lost. The client repeats at the other node."""
    keyed = {"text": "Hi", "message_class": "transactional", "to": "48500100200", "key": "login-1"}
    commit = PostgresStore.commit
    lost: list[int] = []

    def losing(store: PostgresStore, work: Work) -> Mapping[int, Existing]:
        taken = commit(store, work)
        if not lost and any(message.key == "login-1" for message in work.messages):
            lost.append(1)
            raise Unanswered("the connection broke")
        return taken

    monkeypatch.setattr(PostgresStore, "commit", losing)

    async def steps(one: RunningSender, other: RunningSender) -> None:
        assert (await one.call("POST", "/v1/messages", keyed))[0] == 503
        message_id = (await other.ok("POST", "/v1/messages", keyed))["id"]

        async def is_sent() -> bool:
            found = await other.ok("GET", f"/v1/messages/{message_id}")
            return found["state"] in ("sent", "delivered")

        await until_true(is_sent)
        await asyncio.sleep(LEARNED_S)
        assert provider.state()["accepted"] == 1

    nodes(steps)


def test_dead_letters_of_one_node_are_sent_again_at_the_other_once(nodes: Callable[..., None]) -> None:
    async def steps(one: RunningSender, other: RunningSender) -> None:
        await campaign(one, 20)
        await one.ok("POST", "/v1/opt-outs", {"numbers": ["48500000018", "48500000019"]})

        async def dead() -> list[str]:
            found = await other.ok("GET", "/v1/dead-letters?campaign=may")
            return [each["id"] for each in found["dead_letters"]]

        async def both_are_dead() -> bool:
            return len(await dead()) == 2

        await until_true(both_are_dead)
        for number in ("48500000018", "48500000019"):
            await one.ok("DELETE", f"/v1/opt-outs/{number}")
        ids = {"ids": await dead()}

        async def is_allowed() -> bool:
            return (await other.call("POST", "/v1/dead-letters/replay", ids))[0] == 202

        await until_true(is_allowed)
        first, second = [await node.ok("POST", "/v1/dead-letters/replay", ids) for node in (other, one)]
        again = [each["again"] for answer in (first, second) for each in answer["replayed"]]
        assert again == [True] * 4
        assert [each["new_id"] for each in first["replayed"]] == [
            each["new_id"] for each in second["replayed"]
        ]

    nodes(steps)


def test_nodes_with_different_limits_warn_and_have_an_alert(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    store, alerts = postgres.without_store(), AlertSettings(rules=AlertRules(every_s=0.1))

    def node(requests_per_s: int) -> AbstractAsyncContextManager[RunningSender]:
        route = f"smsapi+http://{TOKEN}@127.0.0.1:9?name=r&requests_per_s={requests_per_s}"
        return running_sender(store, (route,), alerts=alerts)

    async def logged(text: str, times: int) -> bool:
        return caplog.text.count(text) >= times

    async def live() -> None:
        async with node(5), node(5):
            await asyncio.sleep(LEARNED_S)
            assert "other --route limits" not in caplog.text
            async with node(10):
                await until_true(lambda: logged("another node has other --route limits of r", 3))
                await until_true(lambda: logged("ALERT limits_differ", 3))
            await until_true(lambda: logged("ALL CLEAR limits_differ", 2))

    with caplog.at_level("INFO"):
        asyncio.run(live())
