"""Same seed, same profile, same messages: the same fates and latencies, in any order and any concurrency."""

from __future__ import annotations

import asyncio
import json
import urllib.parse

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_provider.app import ProviderConfig, start_provider
from mock_provider.engine import Engine
from mock_provider.engine.values import Accepted, Outbound, Reply, SendReports, Submit
from mock_provider.profiles import parse_profile

MS = 1_000_000
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


def lots(sections, seed, arrivals):
    """What became of each message number: ``arrivals`` are (instant in ns, message number)."""
    engine = Engine(parse_profile({"name": "p"} | sections), seed)
    found = {}
    began = {}

    def take(now_ns, effects):
        for effect in effects:
            if isinstance(effect, Reply):
                number = effect.request_id
                refused = None if isinstance(effect.answer, Accepted) else effect.answer.reason
                found[number] = {"latency_ns": now_ns - began[number], "refused": refused}
            elif isinstance(effect, SendReports):
                for report in effect.reports:
                    number = int(report.client_ref)
                    since_reply_ns = now_ns - began[number] - found[number]["latency_ns"]
                    fate = {"report_ns": since_reply_ns, "state": report.state, "reason": report.reason}
                    found[number] |= fate
                take(now_ns, engine.reports_answered(now_ns, effect.batch_id, True))

    for now_ns, number in arrivals:
        while (due_ns := engine.next_due()) is not None and due_ns <= now_ns:
            take(due_ns, engine.advance(due_ns))
        began[number] = now_ns
        text = f"48500{number:06d}"
        outbound = Outbound(text, text, "hi", 1, str(number), str(number))
        submit = Submit(number, "smsapi", "t", "Test", (outbound,), report_url="http://127.0.0.1/")
        take(now_ns, engine.submit(now_ns, submit))
    while (due_ns := engine.next_due()) is not None:
        take(due_ns, engine.advance(due_ns))
    return found


COUNT = 40
ONE_BY_ONE = [(1 + n * 1_000 * MS, n) for n in range(COUNT)]


@settings(deadline=None, max_examples=40)
@given(
    st.permutations(range(COUNT)),
    st.lists(st.sampled_from([0, 0, 1, 900_000, 7 * MS, 300 * MS]), min_size=COUNT, max_size=COUNT),
    st.integers(0, 5),
)
def test_any_order_and_any_interleaving(order, pauses_ns, seed):
    """One after the other with nothing else under way, or shuffled with up to all of them at once."""
    at_ns, arrivals = 1, []
    for number, pause_ns in zip(order, pauses_ns, strict=True):
        at_ns += pause_ns
        arrivals.append((at_ns, number))
    alone = lots(SECTIONS, seed, ONE_BY_ONE)
    assert lots(SECTIONS, seed, arrivals) == alone
    assert len({lot["latency_ns"] for lot in alone.values()}) > COUNT / 2  # they do differ


def test_another_seed_gives_other_fates():
    assert lots(SECTIONS, 1, ONE_BY_ONE) != lots(SECTIONS, 2, ONE_BY_ONE)


async def over_sockets(concurrency):
    """Answers and final states of 150 messages sent by so many connections at a time."""
    profile = parse_profile({"name": "p"} | SECTIONS | {"reports": {"loss_share": 0.0}})
    provider = await start_provider(
        ProviderConfig(profile, token="t", admin_token="a", seed=7, stop_grace_s=0.2)
    )
    host, port = urllib.parse.urlsplit(provider.url).netloc.split(":")
    numbers = iter(range(150))
    refused, ids = {}, {}

    async def send_some():
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
            while engine.state().open:
                await asyncio.sleep(0.005)
            states = {number: engine.message(found).state for number, found in ids.items()}
    finally:
        await provider.stop()
    return refused, ids, states


@pytest.mark.parametrize("concurrency", [8, 64])
def test_any_concurrency_over_real_sockets(concurrency):
    alone = uvloop.run(over_sockets(1))
    assert uvloop.run(over_sockets(concurrency)) == alone
    refused, _, states = alone
    assert len(set(refused.values())) >= 3
    assert len(set(states.values())) == 3
