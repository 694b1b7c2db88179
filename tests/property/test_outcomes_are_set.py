"""Seed, profile and messages determine outcomes and latencies. Order and concurrency do not matter."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import MS
from waiting import eventually_in_loop

from mock_provider.app import ProviderConfig, start_provider
from mock_provider.engine import Engine
from mock_provider.engine.values import (
    Effect,
    MessageState,
    Outbound,
    Refused,
    Reply,
    ReportsWanted,
    SendReports,
    Submit,
)
from mock_provider.profiles import parse_profile
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualDriver

SECTIONS = {
    "account": {"tokens": ["t"]},
    "reply": {
        "latency": {"kind": "lognormal", "median_s": 0.004, "p99_s": 0.02},
        "errors": [{"refusal": "internal_error", "share": 0.2}, {"refusal": "no_credit", "share": 0.1}],
    },
    "delivery": {
        "latency": {"kind": "uniform", "low_s": 0.0, "high_s": 0.02},
        "failures": [
            {"state": "undelivered", "reason": "absent", "share": 0.3},
            {"state": "rejected", "reason": "blocked", "share": 0.2},
        ],
    },
    "carriers": [{"name": n, "country": "*", "share": s} for n, s in (("a", 1), ("b", 2), ("c", 3))],
    "numbers": {"invalid_share": 0.1},
    "reports": {"delay": {"kind": "lognormal", "median_s": 0.002, "p99_s": 0.01}, "loss_share": 0.1},
}


@dataclass
class MessageRun:
    """What became of a message."""

    latency_ns: int
    refused: Refusal | None
    report_ns: int | None = None  # since the reply
    state: MessageState | None = None
    reason: str = ""


def run_of(sections: dict[str, Any], seed: int, arrivals: list[tuple[int, int]]) -> dict[int, MessageRun]:
    """What became of each message number: ``arrivals`` are (instant in ns, message number)."""
    found: dict[int, MessageRun] = {}
    began_ns = {number: at_ns for at_ns, number in arrivals}

    def take(now_ns: int, effect: Effect) -> None:
        if isinstance(effect, Reply):
            number = effect.request_id
            refused = effect.answer.reason if isinstance(effect.answer, Refused) else None
            found[number] = MessageRun(now_ns - began_ns[number], refused)
        elif isinstance(effect, SendReports):
            for report in effect.reports:
                number = int(report.client_ref or "")
                one = found[number]
                one.report_ns = now_ns - began_ns[number] - one.latency_ns
                one.state, one.reason = report.state, report.reason

    driver = VirtualDriver(Engine(parse_profile({"name": "p"} | sections), seed), take)
    for at_ns, number in arrivals:
        text = f"48500{number:06d}"
        outbound = Outbound(text, text, "hi", 1, str(number), str(number))
        submit = Submit(
            number, "smsapi", "t", "Test", (outbound,), reports=ReportsWanted("http://127.0.0.1/")
        )
        driver.submit(submit, at_ns)
    driver.run()
    return found


COUNT = 40
ONE_BY_ONE = [(1 + n * 1_000 * MS, n) for n in range(COUNT)]


@settings(deadline=None, max_examples=40)
@given(
    st.permutations(range(COUNT)),
    st.lists(st.sampled_from([0, 0, 1, 900_000, 7 * MS, 300 * MS]), min_size=COUNT, max_size=COUNT),
    st.integers(0, 5),
)
def test_any_order_and_any_interleaving(order: list[int], pauses_ns: list[int], seed: int) -> None:
    """One after the other with nothing else in flight, or shuffled with up to all of them at once."""
    at_ns, arrivals = 1, []
    for number, pause_ns in zip(order, pauses_ns, strict=True):
        at_ns += pause_ns
        arrivals.append((at_ns, number))
    alone = run_of(SECTIONS, seed, ONE_BY_ONE)
    assert run_of(SECTIONS, seed, arrivals) == alone
    assert len({one.latency_ns for one in alone.values()}) > COUNT / 2  # they do differ


def test_another_seed_gives_other_outcomes() -> None:
    assert run_of(SECTIONS, 1, ONE_BY_ONE) != run_of(SECTIONS, 2, ONE_BY_ONE)


async def over_sockets(
    concurrency: int,
) -> tuple[dict[int, int | None], dict[int, str], dict[int, MessageState]]:
    """Answers and final states of 150 messages sent by this number of connections at a time."""
    profile = parse_profile({"name": "p"} | SECTIONS | {"reports": {"loss_share": 0.0}})
    provider = await start_provider(
        ProviderConfig(profile, token="t", admin_token="a", seed=7, stop_grace_s=0.2)
    )
    host, port = urllib.parse.urlsplit(provider.url).netloc.split(":")
    numbers = iter(range(150))
    refused: dict[int, int | None] = {}
    ids: dict[int, str] = {}

    async def send_some() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in numbers:
            body = f"to=48500{number:06d}&from=Test&message=hi&format=json&idx=m{number}".encode()
            writer.write(
                b"POST /sms.do HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer t\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
            answer = json.loads(await reader.readexactly(length))
            refused[number] = answer.get("error")
            if "list" in answer:
                ids[number] = answer["list"][0]["id"]
        writer.close()

    try:
        async with asyncio.timeout(30):
            await asyncio.gather(*(send_some() for _ in range(concurrency)))
            engine = provider.runtime.driver.engine
            await eventually_in_loop(lambda: not engine.state().open)
            views = {number: engine.message(provider_id) for number, provider_id in ids.items()}
            states = {number: view.state for number, view in views.items() if view is not None}
            assert len(states) == len(ids)
    finally:
        await provider.stop()
    return refused, ids, states


@pytest.mark.parametrize("concurrency", [8, 64])
def test_any_concurrency_over_real_sockets(concurrency: int) -> None:
    alone = uvloop.run(over_sockets(1))
    assert uvloop.run(over_sockets(concurrency)) == alone
    refused, _, states = alone
    assert len(set(refused.values())) >= 3
    assert len(set(states.values())) == 3
