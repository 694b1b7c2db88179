"""The sender's HTTP face over real sockets, with a route that accepts all it is given."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import RawTestServer
from prometheus_client.parser import text_string_to_metric_families

from reference_sender.api import health
from reference_sender.api.handlers import Api
from reference_sender.api.intake import Intake
from reference_sender.api.metrics import Metrics, Tally
from reference_sender.api.queries import Queries
from reference_sender.api.reports import ReportIntake, ReportReader
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Message, Outcome, Report, Result, RouteLimits
from reference_sender.routes import ROUTES
from reference_sender.routes.protocol import RouteAccount
from reference_sender.runtime.commit_queue import CommitQueue
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.loop_lag import LoopLag
from reference_sender.store import Existing, SqliteStore, StoreError, Work

AUTHORIZED = {"Authorization": "Bearer t"}
LIMITS = RouteLimits("r", 10_000.0, 1_000.0, 100_000.0, 10_000.0, 500, 8, 86_400.0)
MESSAGE = {"to": "+48500100200", "text": "hello", "class": "otp", "key": "k-1"}


class AcceptingRoute:
    """Takes everything, under provider ids made of the keys."""

    def __init__(self) -> None:
        self.submitted: list[Message] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def submit(self, messages: Sequence[Message]) -> list[Result]:
        self.submitted += messages
        await self.answers.wait()
        return [Result(Outcome.ACCEPTED, f"p-{message.key}") for message in messages]

    async def look_up(self, message: Message, since_ns: int) -> Sequence[Report] | None:
        raise AssertionError("this provider refuses repeats")

    async def close(self) -> None:
        return


class GatedStore(SqliteStore):
    """A store whose commits wait until they are let through, and fail while they are told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.failing = False

    def commit(self, work: Work) -> Mapping[int, Existing]:
        assert self.gate.wait(20)
        if self.failing:
            raise StoreError("disk full")
        return super().commit(work)

    def probe(self) -> None:
        assert self.gate.wait(20)
        if self.failing:
            raise StoreError("disk full")
        super().probe()


class World:
    """One sender, and a client that talks to it."""

    def __init__(self, store: GatedStore, session: aiohttp.ClientSession, max_backlog: int) -> None:
        self.store = store
        self.route = AcceptingRoute()
        self._session = session
        identity = store.identity()
        settings = DispatchSettings.model_validate({"max_backlog": max_backlog, "otp_reserved_backlog": 0})
        self.driver = Driver(Dispatcher(settings, (LIMITS,), 1), store, {"r": self.route}, early_report_s=0.2)
        self.driver.recover(store.unfinished())
        self.queries = Queries(store)
        self.lag = LoopLag()
        tally = Tally()
        smsapi = ROUTES["smsapi"]
        account = RouteAccount("http://127.0.0.1/sms.do", "", "t", "Test")
        reader = ReportReader([smsapi.protocol(account)], smsapi.confirmation)
        self.api = Api(
            "t",
            self.driver,
            Intake(identity.tag, identity.last_message_id, 6),
            self.queries,
            Metrics(self.driver, tally, self.lag, store.counts(None)),
            ReportIntake({"smsapi": reader}, "hush", "http://127.0.0.1", self.driver, tally),
        )
        self.url = ""

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] = AUTHORIZED, **more: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        async with self._session.request(method, f"{self.url}{path}", headers=headers, **more) as answer:
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(body) if is_json and body else body, answer.headers

    async def post(self, **fields: Any) -> tuple[int, Any, Mapping[str, str]]:
        return await self.call("POST", "/v1/messages", json=MESSAGE | fields)

    async def report(self, *keys: str, status: int = 404) -> tuple[int, Any, Mapping[str, str]]:
        ids = ",".join(f"p-{key}" for key in keys)
        query = f"MsgId={ids}&status={status}&idx={','.join(keys)}"
        return await self.call("GET", f"/v1/reports/smsapi/hush?{query}", headers={})

    async def state_of(self, message_id: str) -> str:
        _, shown, _ = await self.call("GET", f"/v1/messages/{message_id}")
        return str(shown["state"])

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.driver.state().totals["sent"] < count:
                await asyncio.sleep(0)
            await self.driver.commits.settled()


Story = Callable[[World], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Runs a story in a world; stories of one test follow each other on the same store, as restarts do."""

    def run(story: Story, max_backlog: int = 100_000) -> None:
        async def live() -> None:
            store = GatedStore(tmp_path / "messages.db")
            async with aiohttp.ClientSession() as session:
                world = World(store, session, max_backlog)
                server = RawTestServer(world.api.handle)
                await server.start_server(max_line_size=2**20, auto_decompress=False)
                world.url = str(server.make_url("")).rstrip("/")
                try:
                    await story(world)
                finally:
                    store.failing = False
                    await world.driver.drain(5)
                    world.lag.stop()
                    world.queries.close()
                    await server.close()
                    store.close()

        asyncio.run(live())

    return run


def test_a_message_from_intake_to_its_report(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        status, answer, _ = await world.post()
        assert (status, answer) == (202, {"id": "1", "key": "k-1", "state": "queued"})
        await world.until_sent(1)
        assert await world.state_of("1") == "sent"
        status, body, _ = await world.report("k-1")
        assert (status, body) == (200, b"OK")
        _, shown, _ = await world.call("GET", "/v1/messages/1")
        assert (shown["state"], shown["provider_id"], shown["to"]) == ("delivered", "p-k-1", "48500100200")
        assert "text" not in shown

    play(story)


def test_a_key_makes_one_message_however_often_it_comes(play: Callable[..., None]) -> None:
    async def at_once(world: World) -> None:
        answers = await asyncio.gather(*(world.post() for _ in range(20)))
        assert {(status, answer["id"]) for status, answer, _ in answers} == {(202, answers[0][1]["id"])}
        await world.until_sent(1)
        _, again, _ = await world.post()
        assert again == {"id": answers[0][1]["id"], "key": "k-1", "state": "sent"}
        assert len(world.route.submitted) == 1

    async def after_a_restart(world: World) -> None:
        await world.report("k-1")
        _, again, _ = await world.post()
        assert (again["key"], again["state"]) == ("k-1", "delivered")
        assert world.route.submitted == []

    play(at_once)
    play(after_a_restart)


def test_a_key_of_another_message_is_a_conflict(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        await world.post()
        for other in ({"text": "other"}, {"to": "48500100201"}, {"class": "marketing"}):
            status, answer, _ = await world.post(**other)
            assert (status, answer["error"]["code"], answer["error"]["field"]) == (409, "key_conflict", "key")

    play(story)


def test_made_up_keys_differ_across_restarts(play: Callable[..., None]) -> None:
    keys: list[str] = []

    async def story(world: World) -> None:
        for _ in range(2):
            _, answer, _ = await world.post(key=None)
            keys.append(answer["key"])

    play(story)
    play(story)
    assert len(set(keys)) == 4


def test_nothing_is_answered_before_it_is_on_disk(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        world.store.gate.clear()
        posting = asyncio.create_task(world.post())
        async with asyncio.timeout(10):
            while world.driver.commits.waiting == 0:
                await asyncio.sleep(0)
        done, _ = await asyncio.wait([posting], timeout=0.1)
        assert not done and not world.store.records(0, 1) and not world.route.submitted
        world.store.gate.set()
        assert (await posting)[0] == 202
        await world.until_sent(1)

        world.store.gate.clear()
        reporting = asyncio.create_task(world.report("k-1"))
        async with asyncio.timeout(10):
            while world.driver.state().totals["delivered"] == 0:
                await asyncio.sleep(0)
        done, _ = await asyncio.wait([reporting], timeout=0.1)
        assert not done
        world.store.gate.set()
        assert (await reporting)[1] == b"OK"
        assert await world.state_of("1") == "delivered"

    play(story)


def test_a_report_without_a_key_waits_for_the_answer_it_overtook(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        world.route.answers.clear()
        await world.post()
        anonymous = "/v1/reports/smsapi/hush?MsgId=p-k-1&status=404"
        for _ in range(2):  # it cannot be placed yet, and is not forgotten: it must come again, and again
            status, answer, _ = await world.call("GET", anonymous)
            assert (status, answer["error"]["code"]) == (503, "not_yet")
        reporting = asyncio.create_task(world.call("GET", anonymous))
        async with asyncio.timeout(10):
            while world.driver.state().early_reports == 0:
                await asyncio.sleep(0)
        world.route.answers.set()
        assert (await reporting)[:2] == (200, b"OK")
        assert await world.state_of("1") == "delivered"

    play(story)


def test_a_store_that_fails_refuses_and_then_recovers(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        world.store.failing = True
        status, answer, headers = await world.post()
        assert (status, answer["error"]["code"]) == (503, "store_failed")
        assert int(headers["Retry-After"]) > 0
        assert world.route.submitted == []
        world.store.failing = False
        assert (await world.post())[0] == 202

    play(story)


def test_a_full_queue_says_so_and_when_to_come_back(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        world.store.gate.clear()  # nothing gets on, so the queue fills
        first = asyncio.create_task(world.post(key="a"))
        second = asyncio.create_task(world.post(key="b"))
        async with asyncio.timeout(10):
            while world.driver.commits.waiting < 2:
                await asyncio.sleep(0)
        status, answer, headers = await world.post(key="c")
        assert (status, answer["error"]["code"]) == (429, "queue_full")
        assert int(headers["Retry-After"]) > 0
        status, _, headers = await world.call("POST", "/v1/campaigns", json={"class": "otp"})
        assert (status, int(headers["Retry-After"]) > 0) == (429, True)
        world.store.gate.set()
        assert {(await first)[0], (await second)[0]} == {202}
        await world.until_sent(2)
        assert (await world.post(key="c"))[0] == 202

    play(story, max_backlog=2)


BAD_MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"to": "abc"}, "invalid", "to"),
    ({"to": "+485"}, "invalid", "to"),
    ({"to": "0048500100200"}, "invalid", "to"),
    ({"to": 48500100200}, "invalid", "to"),
    ({"text": ""}, "invalid", "text"),
    ({"text": " \n"}, "invalid", "text"),
    ({"text": "a" * 919}, "too_long", "text"),
    ({"text": "ą" * 403}, "too_long", "text"),
    ({"class": "urgent"}, "invalid", "class"),
    ({"key": "a b"}, "invalid", "key"),
    ({"key": "a" * 65}, "invalid", "key"),
    ({"from": "much too long a name"}, "invalid", "from"),
    ({"campaign": "a/b"}, "invalid", "campaign"),
    ({"expires_in_s": 0}, "invalid", "expires_in_s"),
    ({"expires_in_s": 72 * 3600 + 1}, "invalid", "expires_in_s"),
    ({"expires_in_s": "60"}, "invalid", "expires_in_s"),
    ({"priority": 1}, "unknown_field", "priority"),
]


def test_what_is_wrong_with_a_message_is_named(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        for fields, code, field in BAD_MESSAGES:
            status, answer, _ = await world.post(**fields)
            error = answer["error"]
            assert (status, error["code"], error["field"]) == (400, code, field), fields
            assert field in error["message"]
        without = {name: value for name, value in MESSAGE.items() if name != "class"}
        status, answer, _ = await world.call("POST", "/v1/messages", json=without)
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "missing", "class")
        for body in (b"", b"{", b"[]", b"\xff"):
            status, answer, _ = await world.call("POST", "/v1/messages", data=body)
            assert status == 400
        status, answer, _ = await world.call("POST", "/v1/messages", data=b"x" * 70_000)
        assert (status, answer["error"]["code"]) == (413, "too_large")
        assert world.store.records(0, 1) == []

    play(story)


def test_what_no_client_should_send_is_answered_all_the_same(play: Callable[..., None]) -> None:
    async def raw(world: World, line: bytes, header: bytes) -> bytes:
        host, _, port = world.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async def story(world: World) -> None:
        for too_large in (2**63, 10**20, int("9" * 4_000)):
            assert await self_status(world, "GET", f"/v1/messages/{too_large}") == 404
        assert (await raw(world, b"GET /v1/state", b"Authorization: Bearer \xff\xfe")).startswith(
            b"HTTP/1.1 401"
        )
        for path in ("/v1/messages", "/v1/campaigns"):
            packed = AUTHORIZED | JSON | {"Content-Encoding": "gzip"}
            status, answer, _ = await world.call("POST", path, packed, data=b"not packed")
            assert (status, answer["error"]["code"]) == (400, "malformed"), path
        for size in (70_000, 2_000_000):
            status, answer, _ = await world.call(
                "POST", "/v1/messages", AUTHORIZED, data=in_pieces(b" " * size, 65_536)
            )
            assert (status, answer["error"]["code"]) == (413, "too_large"), size

    play(story)


def test_a_csv_campaign_with_a_field_twice_in_its_query_is_refused(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        headers = AUTHORIZED | {"Content-Type": "text/csv"}
        path = "/v1/campaigns?class=otp&text=hi&class=marketing"
        status, answer, _ = await world.call("POST", path, headers, data="to\n48500100200\n")
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "invalid", "class")
        assert world.store.counts(None) == {}

    play(story)


def test_the_log_of_a_failed_report_call_does_not_show_its_secret(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        async def broken(_: object) -> bool:
            raise RuntimeError("broken")

        monkeypatch.setattr(world.driver, "reported", broken)
        assert (await world.report("k-1"))[0] == 500

    play(story)
    failed = [record.getMessage() for record in caplog.records if "failed" in record.getMessage()]
    assert failed == ["GET /v1/reports/smsapi/... failed"]


def test_a_large_answer_of_a_campaign_comes_whole(play: Callable[..., None]) -> None:
    """One of more than a megabyte is written in parts."""

    async def story(world: World) -> None:
        rows = ",".join(["{}", "1"] * 5_000)
        body = '{"class": "marketing", "text": "x", "recipients": [{"to": "48500100200"},' + rows + "]}"
        status, taken, _ = await world.call(
            "POST", "/v1/campaigns", AUTHORIZED | {"Content-Type": "application/json"}, data=body
        )
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 1, 10_000)
        assert [refusal["row"] for refusal in taken["refused"]] == list(range(2, 10_002))

    play(story)


def test_an_unforeseen_failure_is_a_500_in_json(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        def broken(*_: object) -> bool:
            raise RuntimeError("broken")

        monkeypatch.setattr(world.driver, "has_room", broken)
        status, answer, _ = await world.post()
        assert (status, answer["error"]["code"]) == (500, "internal")

    play(story)


def test_half_a_surrogate_pair_is_refused_and_harms_nothing(play: Callable[..., None]) -> None:
    rows = [
        {"to": "48500100200", "text": "a\ud800"},
        {"to": "48500100200", "\udfff": 1},
        {"to": "48500100201", "text": "a \U0001f600"},
        {"to": 10**5_00},
    ]

    async def story(world: World) -> None:
        async with asyncio.timeout(20):
            campaign = {"class": "marketing", "recipients": rows}
            status, taken, _ = await world.call("POST", "/v1/campaigns", json=campaign)
            assert (status, taken["accepted"]) == (202, 1)
            assert [(r["row"], r["reason"], r["field"]) for r in taken["refused"]] == [
                (1, "invalid", "text"),
                (2, "malformed", ""),
                (4, "invalid", "to"),
            ]
            for shared in ({"text": "\ud800"}, {"class": "\ud800"}, {"\ud800": 1}):
                status, answer, _ = await world.call("POST", "/v1/campaigns", json=campaign | shared)
                assert status == 400
            late = '{"class": "otp", "recipients": [], "\\ud800": 1}'
            status, answer, _ = await world.call("POST", "/v1/campaigns", AUTHORIZED | JSON, data=late)
            assert (status, answer["error"]["code"]) == (400, "misplaced")
            assert (await world.post())[0] == 202
        assert await self_status(world, "GET", "/healthz") == 200

    play(story)


def test_tokens_paths_and_methods(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "t"}):
            for method, path in (
                ("POST", "/v1/messages"),
                ("POST", "/v1/campaigns"),
                ("GET", "/v1/state"),
                ("GET", "/metrics"),
                ("GET", "/v1/messages/1"),
                ("GET", "/v1/messages/export"),
            ):
                status, answer, _ = await world.call(method, path, headers=headers)
                assert (status, answer["error"]["code"]) == (401, "unauthorized"), path
        assert await self_status(world, "GET", "/healthz") == 200
        assert await self_status(world, "HEAD", "/healthz") == 200
        assert await self_status(world, "PUT", "/healthz") == 405
        assert await self_status(world, "GET", "/v1/messages") == 405
        assert await self_status(world, "GET", "/nothing") == 404
        assert await self_status(world, "GET", "/v1/messages/77") == 404
        assert await self_status(world, "GET", "/v1/messages/x") == 404
        assert await self_status(world, "GET", "/v1/campaigns/x") == 404
        assert await self_status(world, "GET", "/v1/reports/smsapi/wrong?MsgId=a&status=404") == 404
        assert await self_status(world, "GET", "/v1/reports/smsapi/hush?status=404") == 400

    play(story)


async def self_status(world: World, method: str, path: str) -> int:
    return (await world.call(method, path))[0]


def test_a_stopping_sender_takes_reports_and_nothing_else(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        await world.post()
        await world.until_sent(1)
        world.api.stop()
        status, answer, headers = await world.post(key="k-2")
        assert (status, answer["error"]["code"], "Retry-After" in headers) == (503, "stopping", True)
        assert await self_status(world, "GET", "/healthz") == 503
        assert (await world.report("k-1"))[1] == b"OK"

    play(story)


def test_a_stopping_sender_waits_for_no_campaign_to_end(play: Callable[..., None]) -> None:
    head = b'{"class": "marketing", "text": "hi", "recipients": [{"to": "48500100201"}'
    taken_in = head + b', {"to": "48500100202"}' * 1_000

    async def story(world: World) -> None:
        never = asyncio.Event()

        async def stalled(body: bytes) -> AsyncIterator[bytes]:
            yield body
            await never.wait()

        async def campaign(body: bytes) -> tuple[int, Any, Mapping[str, str]]:
            return await world.call("POST", "/v1/campaigns", AUTHORIZED | JSON, data=stalled(body))

        calls = [asyncio.create_task(campaign(body)) for body in (head, taken_in)]
        await world.until_sent(1_000)
        world.api.stop()
        async with asyncio.timeout(5):
            (status, nothing, headers), (partly, taken, _) = await asyncio.gather(*calls)
        assert (status, nothing["error"]["code"], "Retry-After" in headers) == (503, "stopping", True)
        assert (partly, taken["accepted"], taken["error"]["code"]) == (503, 1_000, "stopping")
        assert taken["refused"] == [
            {**taken["refused"][0], "row": 1_001, "to_row": 1_001, "reason": "stopping"}
        ]

    play(story)


def test_a_sender_that_cannot_store_is_not_healthy(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        assert await self_status(world, "GET", "/healthz") == 200
        await world.driver.commits.close()
        assert await self_status(world, "GET", "/healthz") == 503
        world.driver.commits = CommitQueue(world.store, lambda *_: None)  # for the world's end

    play(story)


def test_an_export_says_that_the_store_fails(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SETTLE_S", 0.3)

    async def story(world: World) -> None:
        await world.post()
        await world.until_sent(1)
        world.store.failing = True
        reporting = asyncio.create_task(world.report("k-1"))
        async with asyncio.timeout(10):
            while world.driver.commits.failures == 0:
                await asyncio.sleep(0)
            status, answer, headers = await world.call("GET", "/v1/messages/export")
        assert (status, answer["error"]["code"], "Retry-After" in headers) == (503, "store_failed", True)
        assert "disk full" in answer["error"]["message"]
        world.store.failing = False
        assert (await reporting)[1] == b"OK"
        exported = await world.call("GET", "/v1/messages/export")
        assert exported[0] == 200
        assert json.loads(exported[1])["state"] == "delivered"

    play(story)


def test_an_export_says_that_a_commit_does_not_end(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SETTLE_S", 0.3)

    async def story(world: World) -> None:
        world.store.gate.clear()
        posting = asyncio.create_task(world.post())
        async with asyncio.timeout(10):
            while world.driver.commits.waiting == 0:
                await asyncio.sleep(0)
            status, answer, _ = await world.call("GET", "/v1/messages/export")
        assert status == 503
        assert "it has not finished a commit for 0.3 s" in answer["error"]["message"]
        world.store.gate.set()
        assert (await posting)[0] == 202

    play(story)


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


CSV = {"Content-Type": "text/csv"}
JSON = {"Content-Type": "application/json"}


def test_a_json_campaign_is_taken_row_by_row(play: Callable[..., None]) -> None:
    rows = [
        {"to": "48500100201", "key": "c-1"},
        {"to": "12"},
        {"to": "+48500100203", "text": "own text"},
        {"to": "48500100204", "colour": "red"},
        17,
        {"to": "48500100201", "key": "c-1"},
        {"to": "48500100209", "key": "c-1"},
    ]
    campaign = {"campaign": "may", "class": "marketing", "from": "Shop", "text": "hi", "recipients": rows}

    async def story(world: World) -> None:
        status, taken, _ = await world.call("POST", "/v1/campaigns", json=campaign)
        assert (status, taken["id"], taken["accepted"], taken["repeated"]) == (202, "may", 2, 1)
        refused = [(row["row"], row["reason"], row["field"]) for row in taken["refused"]]
        assert sorted(refused) == [
            (2, "invalid", "to"),
            (4, "unknown_field", "colour"),
            (5, "invalid", ""),
            (7, "key_conflict", "key"),
        ]
        assert taken["refused_count"] == 4
        await world.until_sent(2)
        assert {(m.text, m.sender_id, m.campaign) for m in world.route.submitted} == {
            ("hi", "Shop", "may"),
            ("own text", "Shop", "may"),
        }
        await world.report("c-1")
        _, shown, _ = await world.call("GET", "/v1/campaigns/may")
        assert shown["messages"] == 2
        assert (shown["states"]["sent"], shown["states"]["delivered"]) == (1, 1)

    play(story)


def test_a_csv_campaign_streamed_in_pieces(play: Callable[..., None]) -> None:
    lines = ["to,text,key"] + [f'4850010{n:04d},"hi, number {n}",key-{n}' for n in range(3_000)] + ["x,y,z"]
    body = "\r\n".join(lines).encode()

    async def story(world: World) -> None:
        status, taken, _ = await world.call(
            "POST",
            "/v1/campaigns?class=marketing&expires_in_s=3600",
            headers=AUTHORIZED | CSV,
            data=in_pieces(body, 7_777),
        )
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 3_000, 1)
        assert (taken["refused"][0]["row"], taken["refused"][0]["field"]) == (3_001, "to")
        await world.until_sent(3_000)
        texts = {message.key: message.text for message in world.route.submitted}
        assert texts["key-2999"] == "hi, number 2999"
        message = world.route.submitted[0]
        assert message.expires_ns - message.created_ns == 3600 * 10**9
        _, shown, _ = await world.call("GET", f"/v1/campaigns/{taken['id']}")
        assert shown["messages"] == 3_000

    play(story)


def test_campaigns_that_are_none_are_refused_whole(play: Callable[..., None]) -> None:
    recipient = '"recipients": [{"to": "48500100201"}]'
    bodies = [
        ('{"class": "marketing", "campaign": "a b", ' + recipient + "}", "campaign"),
        ("{" + recipient + ', "class": "marketing"}', "class"),
        ('{"class": "marketing", "discount": 5, ' + recipient + "}", "discount"),
        ('{"text": "hi", ' + recipient + "}", "class"),
        ("[1]", ""),
        ("", ""),
        ('{"class": "marketing", "recipients": ', ""),
    ]

    async def story(world: World) -> None:
        for body, field in bodies:
            status, answer, _ = await world.call(
                "POST", "/v1/campaigns", headers=AUTHORIZED | {"Content-Type": "application/json"}, data=body
            )
            assert (status, answer["error"]["field"]) == (400, field), body
        status, _, _ = await world.call("POST", "/v1/campaigns", data=b"hello")
        assert status == 415
        status, answer, _ = await world.call(
            "POST", "/v1/campaigns?class=otp", headers=AUTHORIZED | CSV, data="number\n1"
        )
        assert (status, answer["error"]["field"]) == (400, "to")
        assert world.store.records(0, 1) == []

    play(story)


def test_a_campaign_that_breaks_off_tells_what_it_had_taken(play: Callable[..., None]) -> None:
    body = '{"class": "marketing", "text": "hi", "recipients": [{"to": "48500100201"}, {"to": "4850'

    async def story(world: World) -> None:
        status, taken, _ = await world.call(
            "POST", "/v1/campaigns", headers=AUTHORIZED | {"Content-Type": "application/json"}, data=body
        )
        assert (status, taken["accepted"], taken["error"]["code"]) == (400, 1, "malformed")

    play(story)


def test_no_refused_row_is_hidden(play: Callable[..., None]) -> None:
    good = "".join(f"4850010{n:04d};x;k\n" for n in range(2))  # the second finds the first's key taken
    body = "to;text;key\n" + "1;x;\n" * 1_500 + good + "1;x;\n48500100200; ;\n" * 1_200

    async def story(world: World) -> None:
        status, taken, _ = await world.call(
            "POST", "/v1/campaigns?class=otp", headers=AUTHORIZED | CSV, data=body
        )
        assert (status, taken["accepted"], taken["refused_count"]) == (202, 1, 3_901)
        ranges = [(refusal["row"], refusal["to_row"], refusal["field"]) for refusal in taken["refused"]]
        assert ranges[:3] == [(1, 1_500, "to"), (1_502, 1_502, "key"), (1_503, 1_503, "to")]
        assert [row for first, last, _ in ranges for row in range(first, last + 1)] == [
            *range(1, 1_501),
            *range(1_502, 3_903),
        ]

    play(story)


def test_a_campaign_of_which_something_is_kept_is_no_429(play: Callable[..., None]) -> None:
    new = [{"to": f"4850010{n:04d}"} for n in range(500)]  # more at a time than the queue takes
    known = {"to": MESSAGE["to"], "key": MESSAGE["key"]}

    async def story(world: World) -> None:
        async def campaign(rows: list[Any]) -> tuple[int, Any, Mapping[str, str]]:
            return await world.call(
                "POST", "/v1/campaigns", json={"class": "otp", "text": "hello", "recipients": rows}
            )

        await world.post()
        await world.until_sent(1)
        status, taken, headers = await campaign(new)
        assert (status, taken["accepted"], taken["refused_count"]) == (429, 0, 500)
        assert int(headers["Retry-After"]) > 0
        for last in (known, {"to": "48500100299"}):
            status, taken, headers = await campaign([*new, last])
            assert (status, taken["accepted"] + taken["repeated"], taken["refused_count"]) == (202, 1, 500)
            assert "Retry-After" not in headers
        status, taken, _ = await campaign([*new, {"to": "x"}])  # not full alone: one will never be taken
        assert (status, taken["refused_count"]) == (202, 501)

    play(story, max_backlog=499)


def test_a_full_queue_takes_exactly_what_it_has_room_for(play: Callable[..., None]) -> None:
    rows = [{"to": f"4850010{n:04d}"} for n in range(500)]

    async def story(world: World) -> None:
        body = {"class": "marketing", "text": "hi", "recipients": rows}
        status, taken, _ = await world.call("POST", "/v1/campaigns", json=body)
        assert (status, taken["accepted"]) == (202, 500)

    play(story, max_backlog=500)


def test_reports_that_name_more_keys_than_messages_are_taken_by_their_ids(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        for key in ("k-1", "k-2"):
            await world.post(key=key)
        await world.until_sent(2)
        query = "MsgId=p-k-1,p-k-2&status=404&idx=k-1,k-2,k-3"
        status, body, _ = await world.call("GET", f"/v1/reports/smsapi/hush?{query}", headers={})
        assert (status, body) == (200, b"OK")
        assert [await world.state_of(one) for one in ("1", "2")] == ["delivered", "delivered"]

    play(story)


def test_a_call_of_very_many_reports_is_taken_in_turns(play: Callable[..., None]) -> None:
    rows = [{"to": f"4850010{n:04d}", "key": f"k-{n}"} for n in range(1_200)]

    async def story(world: World) -> None:
        body = {"class": "marketing", "text": "hi", "recipients": rows}
        await world.call("POST", "/v1/campaigns", json=body)
        await world.until_sent(1_200)
        at_once: list[int] = []
        reported = world.driver.reported

        async def counted(reports: Sequence[Report]) -> bool:
            at_once.append(len(reports))
            return await reported(reports)

        world.driver.reported = counted  # type: ignore[method-assign]
        assert (await world.report(*(f"k-{n}" for n in range(1_200))))[1] == b"OK"
        assert at_once == [500, 500, 200]
        assert world.driver.state().totals["delivered"] == 1_200
        too_many = "MsgId=" + ",".join(["a"] * 10_001)
        status, answer, _ = await world.call("GET", f"/v1/reports/smsapi/hush?{too_many}&status=404")
        assert (status, answer["error"]["code"]) == (400, "malformed_report")

    play(story)


def test_a_body_of_exactly_the_limit_is_taken(play: Callable[..., None]) -> None:
    def of(size: int) -> bytes:
        body = json.dumps(MESSAGE).encode()
        return body + b" " * (size - len(body))

    async def story(world: World) -> None:
        packed = AUTHORIZED | {"Content-Encoding": "gzip"}
        for size, expected in ((65_536, 202), (65_537, 413)):
            for headers, data in (
                (AUTHORIZED, of(size)),
                (AUTHORIZED, in_pieces(of(size), 60_000)),
                (packed, gzip.compress(of(size))),
            ):
                status, answer, _ = await world.call("POST", "/v1/messages", headers, data=data)
                assert status == expected, answer
        assert await self_status(world, "GET", f"/v1/messages/{2**63 - 1}") == 404

    play(story)


def test_export_state_and_metrics(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        for number in range(5):
            await world.post(key=f"k-{number}")
        await world.until_sent(5)
        await world.report("k-0", "k-1")
        await world.report("k-2", status=405)
        _, lines, _ = await world.call("GET", "/v1/messages/export")
        rows = [json.loads(line) for line in lines.splitlines()]
        assert rows[0] == {"key": "k-0", "class": "otp", "state": "delivered", "reason": "", "attempts": 1}
        assert [row["state"] for row in rows] == ["delivered", "delivered", "failed", "sent", "sent"]
        assert rows[2]["reason"] == "undelivered"

        _, state, _ = await world.call("GET", "/v1/state")
        assert state["open"] == 2
        counters = state["counters"]
        assert (counters["accepted"], counters["delivered"], counters["failed"]) == (5, 2, 1)
        assert (state["gauges"]["awaiting_report"], state["gauges"]["queue_otp"]) == (2, 0)
        assert "loop_lag_ms" in state["gauges"]

        _, text, _ = await world.call("GET", "/metrics")
        samples = {
            (sample.name, sample.labels.get("state")): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
        }
        assert samples["sender_final_total", "delivered"] == 2
        assert samples["sender_awaiting_report", None] == 2

    async def after_a_restart(world: World) -> None:
        _, state, _ = await world.call("GET", "/v1/state")
        assert (state["open"], state["counters"]["delivered"]) == (2, 2)

    play(story)
    play(after_a_restart)
