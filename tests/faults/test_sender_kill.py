"""kill -9 the sender at seven moments, start it again on the same store: nothing acknowledged is lost, and
the provider accepted nothing twice. Real processes, real sockets; every wait is for a condition."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow as pa
import pytest
from started_processes import StartedProcesses, free_port

MESSAGES = 300
DEADLINE_S = 40.0
PROVIDER_TOKEN, ADMIN_TOKEN, SENDER_TOKEN = "provider-token", "admin-token", "sender-token"

# Quick to deliver, quick to repeat a report the dead sender did not take, a few reports a call.
PROFILE = """
name = "kill"
[reply]
latency = {{ kind = "fixed", value_s = {reply_s} }}
[delivery]
latency = {{ kind = "fixed", value_s = {delivery_s} }}
[[carriers]]
name = "any"
country = "*"
segments_per_s = {segments_per_s}
[reports]
max_per_call = 5
linger_s = 0.02
retry_after_s = [0.1, 0.2, 0.5]
give_up_after_s = 600.0
"""


class KillableSender:
    """A provider, and a sender that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = directory / "provider.arrow"
        self._processes = StartedProcesses(directory)
        self.acknowledged: set[str] = set()
        self.landlines: set[str] = set()  # keys to numbers the sender takes and the provider refuses
        self.in_flight_at_kill: set[str] = set()
        self.posted = 0
        self.sender_port = free_port()
        self.sender_url = f"http://127.0.0.1:{self.sender_port}"
        self.provider_url = ""

    def start_provider(
        self, reply_s: float = 0.0, delivery_s: float = 0.05, segments_per_s: int = 100_000
    ) -> None:
        profile = self.directory / "kill.toml"
        profile.write_text(
            PROFILE.format(reply_s=reply_s, delivery_s=delivery_s, segments_per_s=segments_per_s)
        )
        self.provider_url, self.provider = self._processes.start(
            "mock_provider",
            *("--profile", str(profile), "--token", PROVIDER_TOKEN, "--admin-token", ADMIN_TOKEN),
            *("--journal", str(self.journal)),
        )

    def start_sender(self) -> None:
        address = self.provider_url.removeprefix("http://")
        _, self.sender = self._processes.start(
            "reference_sender",
            *("--port", str(self.sender_port), "--token", SENDER_TOKEN),
            *("--route", f"smsapi+http://{PROVIDER_TOKEN}@{address}?max_batch=20&timeout_s=60"),
            *("--store", f"sqlite:///{self.directory}/sender.db"),
        )

    def kill_sender(self) -> None:
        self.sender.send_signal(signal.SIGKILL)
        self.sender.wait(10)
        self.in_flight_at_kill = keys_in_flight(self.directory)

    def stop_provider(self) -> None:
        self.provider.terminate()
        assert self.provider.wait(20) == 0

    def close(self) -> None:
        self._processes.close()


class BothServersClient:
    """What the test asks of both servers."""

    def __init__(self, rig: KillableSender, session: aiohttp.ClientSession) -> None:
        self.rig = rig
        self._session = session

    async def post(self, number: int) -> None:
        """Post one message and note it if it was acknowledged; a sender that dies meanwhile is no failure."""
        key = f"kill-{number:05d}"
        body = {
            "to": f"48500{number:06d}",
            "text": f"number {number}",
            "message_class": "transactional",
            "key": key,
        }
        self.rig.posted += 1
        try:
            async with self._session.post(
                f"{self.rig.sender_url}/v1/messages",
                json=body,
                headers={"Authorization": f"Bearer {SENDER_TOKEN}"},
            ) as answer:
                assert answer.status == 202, await answer.text()
                self.rig.acknowledged.add(key)
        except aiohttp.ClientError:
            return

    async def post_all(self, count: int, at_once: int = 16) -> None:
        numbers = iter(range(count))

        async def keep_posting() -> None:
            for number in numbers:
                await self.post(number)

        await asyncio.gather(*(keep_posting() for _ in range(at_once)))

    async def post_campaign(self, tag: str, count: int, last_row: asyncio.Event) -> None:
        """Post ``count`` rows, every fiftieth to a landline, the last only when ``last_row`` is set."""
        rows = []
        keys = [f"{tag}-{number:05d}" for number in range(count)]
        for number, key in enumerate(keys):
            landline = number % 50 == 7
            rows.append(f"48{'22' if landline else '50'}{number:07d},{key}\n")
            if landline:
                self.rig.landlines.add(key)

        async def body() -> AsyncIterator[bytes]:
            yield ("to,key\n" + "".join(rows[:-1])).encode()
            await last_row.wait()
            yield rows[-1].encode()

        try:
            async with self._session.post(
                f"{self.rig.sender_url}/v1/campaigns?message_class=marketing&text=hello",
                data=body(),
                headers={"Authorization": f"Bearer {SENDER_TOKEN}", "Content-Type": "text/csv"},
            ) as answer:
                assert (answer.status, (await answer.json())["accepted"]) == (202, count)
                self.rig.acknowledged.update(keys)
        except aiohttp.ClientError:
            return

    async def sender_state(self) -> dict[str, Any]:
        return await self._get(f"{self.rig.sender_url}/v1/state", SENDER_TOKEN)

    async def provider_state(self) -> dict[str, Any]:
        return await self._get(f"{self.rig.provider_url}/admin/state", ADMIN_TOKEN)

    async def fault(self, **fault: Any) -> None:
        await self._admin("POST", fault)

    async def clear_faults(self) -> None:
        await self._admin("DELETE", None)

    async def export(self) -> dict[str, str]:
        async with self._session.get(
            f"{self.rig.sender_url}/v1/messages/export", headers={"Authorization": f"Bearer {SENDER_TOKEN}"}
        ) as answer:
            rows = [json.loads(line) for line in (await answer.text()).splitlines()]
        return {row["key"]: row["state"] for row in rows}

    async def until(self, condition: Callable[[], Awaitable[bool]], look_every_s: float = 0.005) -> None:
        give_up = time.monotonic() + DEADLINE_S
        while not await condition():
            assert time.monotonic() < give_up, (await self.sender_state(), await self.provider_state())
            await asyncio.sleep(look_every_s)

    async def _get(self, url: str, token: str) -> dict[str, Any]:
        async with self._session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            state = await answer.json()
            assert isinstance(state, dict)
            return state

    async def _admin(self, method: str, body: dict[str, Any] | None) -> None:
        async with self._session.request(
            method,
            f"{self.rig.provider_url}/admin/faults",
            json=body,
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        ) as answer:
            assert answer.status == 200, await answer.text()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[KillableSender]:
    rig = KillableSender(tmp_path)
    yield rig
    rig.close()


Moment = Callable[[BothServersClient], Awaitable[None]]


async def during_intake(client: BothServersClient) -> None:
    posting = asyncio.create_task(client.post_all(MESSAGES * 20, at_once=64))

    async def half_way() -> bool:
        return len(client.rig.acknowledged) >= MESSAGES

    await client.until(half_way)
    # From a thread: it must not wait for a pause of the loop that posts, in which the sender catches up.
    await asyncio.to_thread(client.rig.kill_sender)
    await posting
    assert len(client.rig.acknowledged) < client.rig.posted


async def during_a_campaign(client: BothServersClient) -> None:
    at_once, never = asyncio.Event(), asyncio.Event()
    at_once.set()
    await client.post_campaign("whole", MESSAGES, at_once)
    assert len(client.rig.acknowledged) == MESSAGES
    cut_short = asyncio.create_task(client.post_campaign("cut", MESSAGES * 5, never))

    async def partly_taken() -> bool:
        return bool((await client.sender_state())["counters"]["accepted"] > MESSAGES)

    await client.until(partly_taken)
    client.rig.kill_sender()
    await cut_short
    assert len(client.rig.acknowledged) == MESSAGES


async def while_submits_are_in_flight(client: BothServersClient) -> None:
    await client.fault(kind="added_latency", stage="reply", plus_s=3.0)
    await client.post_all(MESSAGES)

    async def waiting_for_replies() -> bool:
        sender, provider = await client.sender_state(), await client.provider_state()
        return bool(provider["counters"]["requests"] > 0 and sender["gauges"]["in_flight"] > 1)

    await client.until(waiting_for_replies)
    client.rig.kill_sender()
    await client.clear_faults()


async def after_acceptance_before_the_reply(client: BothServersClient) -> None:
    await client.fault(kind="hang", accepted=True)
    await client.post_all(MESSAGES)

    async def accepted_unanswered() -> bool:
        provider = await client.provider_state()
        return bool(provider["accepted"] > 20 and provider["counters"]["replies"] == 0)

    await client.until(accepted_unanswered)
    client.rig.kill_sender()
    await client.clear_faults()


async def when_reports_have_overtaken_the_reply(client: BothServersClient) -> None:
    await client.fault(kind="hang", accepted=True)
    await client.post_all(MESSAGES)

    async def reported_unanswered() -> bool:
        sender, provider = await client.sender_state(), await client.provider_state()
        return bool(sender["counters"]["reports"] > 0 and provider["counters"]["replies"] == 0)

    await client.until(reported_unanswered)
    client.rig.kill_sender()
    await client.clear_faults()


async def while_reports_are_awaited(client: BothServersClient) -> None:
    await client.post_all(MESSAGES)

    async def many_sent() -> bool:
        return bool((await client.sender_state())["gauges"]["awaiting_report"] >= MESSAGES // 2)

    await client.until(many_sent)
    client.rig.kill_sender()


async def while_reports_come_in(client: BothServersClient) -> None:
    await client.post_all(MESSAGES)

    async def some_reported() -> bool:
        state = await client.sender_state()
        return bool(state["counters"]["delivered"] >= MESSAGES // 5)

    await client.until(some_reported)
    client.rig.kill_sender()
    provider = await client.provider_state()
    assert provider["open"] > 0


MOMENTS: dict[str, tuple[Moment, dict[str, Any]]] = {
    "during intake": (during_intake, {}),
    "during a campaign": (during_a_campaign, {}),
    "submits in flight, replies slow": (while_submits_are_in_flight, {}),
    "accepted, not yet answered": (after_acceptance_before_the_reply, {"delivery_s": 2.0}),
    "reported, not yet answered": (when_reports_have_overtaken_the_reply, {}),
    "reports awaited": (while_reports_are_awaited, {"delivery_s": 3.0}),
    "reports coming in": (while_reports_come_in, {"segments_per_s": 150}),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_acknowledged_is_lost_or_duplicated_by_a_kill(rig: KillableSender, moment: str) -> None:
    act, profile = MOMENTS[moment]
    rig.start_provider(**profile)
    rig.start_sender()

    async def run() -> dict[str, str]:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = BothServersClient(rig, session)
            await act(client)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = BothServersClient(rig, session)
            rig.start_sender()

            async def all_final() -> bool:
                sender, provider = await client.sender_state(), await client.provider_state()
                return bool(sender["open"] == 0 and provider["open"] == 0)

            await client.until(all_final, look_every_s=0.05)
            return await client.export()

    states = asyncio.run(run())
    rig.stop_provider()

    assert len(rig.acknowledged) >= MESSAGES
    lost = rig.acknowledged - set(states)
    assert not lost
    # No fault lasts, so nothing may end otherwise than by its number either.
    ended = {key: state for key, state in states.items() if key not in rig.landlines}
    assert ended == dict.fromkeys(ended, "delivered")
    # A message that was in flight at the kill is submitted again. The refusal of this repeat does not say
    # that the first submit was not accepted: its outcome is unknown. Every other message is refused at once.
    refused = {key: states[key] for key in rig.landlines & states.keys()}
    assert refused == {key: "expired" if key in rig.in_flight_at_kill else "failed" for key in refused}
    assert accepts_by_key(rig.journal) == dict.fromkeys(set(states) - rig.landlines, 1)


def keys_in_flight(directory: Path) -> set[str]:
    """The keys of the messages whose attempts had no stored answer when the sender was killed. They are read
    from a copy of the store, so that the sender starts on the files as the kill left them.
    """
    copy = directory / "at_kill"
    copy.mkdir()
    for name in ("sender.db", "sender.db-wal"):
        if (directory / name).exists():
            shutil.copyfile(directory / name, copy / name)
    with closing(sqlite3.connect(copy / "sender.db")) as store:
        attempts = [bytes(row[0]) for row in store.execute("SELECT messages FROM attempt")]
        ids = chain.from_iterable(struct.unpack(f"<{len(each) // 8}q", each) for each in attempts)
        keys = dict(store.execute("SELECT id, key FROM message"))
        return {keys[each] for each in ids}


def accepts_by_key(journal: Path) -> dict[str, int]:
    """How often the provider accepted each key, from the last row of each (key, provider id)."""
    with pa.ipc.open_stream(journal.read_bytes()) as stream:
        rows = stream.read_all().select(["key", "provider_id", "accepts", "state"]).to_pylist()
    last = {(row["key"], row["provider_id"]): row for row in rows}
    accepts: Counter[str] = Counter()
    for (key, provider_id), row in last.items():
        if provider_id:
            assert row["state"] == "delivered"
            accepts[key] += row["accepts"]
    return dict(accepts)
