"""Connections that the target closes: what was idle costs no message, what broke while at work does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import StartLocust

from analysis.records import LOAD_SCHEMA, read_rows
from loadtests.arrivals import Constant, Mix, Plan, Stream, plan_to_json
from loadtests.recording import LoadStatus, read_status
from loadtests.users.connection import ReplyParser

MESSAGES = 60
ANSWER = json.dumps({"id": "m-1", "key": "k", "state": "queued"}).encode()


class ClosingTarget:
    """Answers the first requests of each connection; what it does then is each test's own."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[str] = []
        self.answers = 1  # on each connection
        self.closes_idle = False  # at once after the last of them; else when the next request has been read
        self.half_a_reply = False  # instead of none
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def start(self) -> None:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        async def cancel() -> None:
            self._server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.answers
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if b"content-length: " in head:
                    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                    self.keys.append(json.loads(await reader.readexactly(length))["key"])
                if left == 0:
                    if self.half_a_reply:
                        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Le")
                    return
                left -= 1
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
                if left == 0 and self.closes_idle:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


@pytest.fixture
def target() -> Iterator[ClosingTarget]:
    one = ClosingTarget()
    one.start()
    yield one
    one.stop()


def send_all(target: ClosingTarget, locust: StartLocust, folder: Path) -> tuple[LoadStatus, Counter[str]]:
    stream = Stream(Constant(MESSAGES / 2, 2.0), mix=Mix(otp=1.0))
    plan = folder / "plan.json"
    plan.write_bytes(plan_to_json(Plan(streams=(stream,), seed=1, key_tag="t", in_flight_limit=100)))
    process = locust(
        *("-f", "loadtests/scenarios/smoke.py", "--host", target.url, "--headless"),
        *("--plan", str(plan), "--run-dir", str(folder)),
    )
    output, _ = process.communicate(timeout=60)
    status = read_status(folder)
    assert status.closed, output
    rows = read_rows(folder / "load-0.arrow", LOAD_SCHEMA)
    return status, Counter(rows.column("outcome").to_pylist())


def test_a_message_that_meets_the_close_of_an_idle_connection_goes_out_again(
    target: ClosingTarget, locust: StartLocust, tmp_path: Path
) -> None:
    status, outcomes = send_all(target, locust, tmp_path)
    assert outcomes == {"accepted": MESSAGES}
    assert status.sent == status.accepted == MESSAGES
    assert status.resent > 0
    # The target has read some twice, with the same key both times.
    counted = Counter(target.keys)
    assert len(counted) == MESSAGES
    assert Counter(counted.values()) == {1: MESSAGES - status.resent, 2: status.resent}


def test_a_connection_that_was_closed_while_idle_is_not_used_again(
    target: ClosingTarget, locust: StartLocust, tmp_path: Path
) -> None:
    target.closes_idle = True
    status, outcomes = send_all(target, locust, tmp_path)
    assert outcomes == {"accepted": MESSAGES}
    assert status.closed_idle + status.resent >= MESSAGES - 1
    assert Counter(Counter(target.keys).values()) == {1: MESSAGES}


def test_what_breaks_off_at_work_is_a_failure(
    target: ClosingTarget, locust: StartLocust, tmp_path: Path
) -> None:
    target.half_a_reply = True
    status, outcomes = send_all(target, locust, tmp_path)
    assert outcomes["failed"] == status.failed > 0
    assert status.resent == 0
    assert Counter(Counter(target.keys).values()) == {1: MESSAGES}


def test_a_new_connection_that_is_closed_at_once_is_a_failure(
    target: ClosingTarget, locust: StartLocust, tmp_path: Path
) -> None:
    target.answers = 0
    status, outcomes = send_all(target, locust, tmp_path)
    assert outcomes == {"failed": MESSAGES}
    # The connections opened before the load are idle ones; each other message has a new one.
    assert 0 < status.resent <= 16
    assert len(target.keys) == MESSAGES + status.resent


@pytest.mark.parametrize(
    ("header", "keep_alive_s"),
    [
        ("Keep-Alive: timeout=5", 5),
        ("keep-alive: max=100, timeout = 7", 7),
        ("Keep-Alive: timeout=0", 0),
        ("Keep-Alive: max=100", None),
        ("Keep-Alive: timeout=soon", None),
        ("Keep-Alive: timeout=99999999999999999999", None),
        ("Connection: keep-alive", None),
        ("X-Timeout: timeout=5", None),
    ],
)
def test_the_time_that_a_target_announces_is_read(header: str, keep_alive_s: int | None) -> None:
    for cut in (0, 28, 200):
        parser = ReplyParser()
        reply = f"HTTP/1.1 202 Accepted\r\nServer: x\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()
        parser.feed(reply[:cut])
        parser.feed(reply[cut:])
        assert parser.done
        assert parser.keep_alive_s == keep_alive_s
