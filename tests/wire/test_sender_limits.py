"""What a client may cost the sender: connections, time, bodies; and what of a bad request its log shows.

Over real sockets, with a sender process's own server.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from waiting import eventually_in_loop

from reference_sender.api.connections import Limits
from reference_sender.logs import FORMAT, SafeFormatter, described, log_loop_error
from reference_sender.routes.url import read_route
from reference_sender.server import SenderSettings, serve
from reference_sender.store import open_store
from user_input import listening

DEADLINE_S = 15.0
TOKEN = "secret-token"
HEAD = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n"
PACKED = "Content-Encoding: gzip\r\n"
MESSAGE = json.dumps({"to": "48500100200", "text": "hello", "message_class": "otp"}).encode()

Story = Callable[[int], Coroutine[Any, Any, None]]


def with_sender(tmp_path: Path, limits: Limits, story: Story) -> None:
    """Run ``story``, which gets the port, beside a sender whose provider does not answer."""
    settings = SenderSettings(
        token=TOKEN,
        routes=(read_route("smsapi+http://t@127.0.0.1:9"),),
        store=f"sqlite:///{tmp_path / 'messages.db'}",
        drain_s=0.1,
        limits=limits,
    )

    async def run() -> None:
        stop, ready = asyncio.Event(), asyncio.Queue[str]()
        store = open_store(settings.store)
        listener = listening.bind("127.0.0.1", 0)
        serving = asyncio.create_task(serve(settings, store, listener, ready.put_nowait, stop))
        try:
            async with asyncio.timeout(DEADLINE_S):
                await ready.get()
                await story(listener.getsockname()[1])
        finally:
            stop.set()
            await serving
            store.close()

    asyncio.run(run())


async def open_to(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


def post(path: str, body: bytes, more: str = "", length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    return int(head.split()[1]), json.loads(body) if body else None


async def ask(port: int, request: bytes) -> tuple[int, Any]:
    reader, writer = await open_to(port)
    writer.write(request)
    answer = await answer_of(reader)
    writer.close()
    return answer


def test_one_connection_too_many_is_answered_429_and_the_others_continue(tmp_path: Path) -> None:
    async def story(port: int) -> None:
        clients = [await open_to(port) for _ in range(2)]
        for reader, writer in clients:
            writer.write(post("/v1/messages", MESSAGE))
            assert (await answer_of(reader))[0] == 202
        reader, writer = await open_to(port)
        status, answer = await answer_of(reader)
        assert (status, answer["error"]["code"]) == (429, "too_many_connections")
        assert await reader.read() == b""
        writer.close()
        reader, writer = clients[0]
        writer.write(post("/v1/messages", MESSAGE))
        assert (await answer_of(reader))[0] == 202
        for _, writer in clients:
            writer.close()

    with_sender(tmp_path, Limits(connections=2), story)


def test_half_requests_and_idle_connections_are_closed(tmp_path: Path) -> None:
    async def story(port: int) -> None:
        head_only, first_bytes = await open_to(port), await open_to(port)
        head_only[1].write(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n")
        first_bytes[1].write(b"P")
        for reader, writer in (head_only, first_bytes):
            status, answer = await answer_of(reader)
            assert (status, answer["error"]["code"]) == (408, "too_slow")
            writer.close()
        for path in ("/v1/messages", "/v1/campaigns"):
            reader, writer = await open_to(port)
            writer.write(post(path, b'{"message_class": "otp", "recipients": [', length=5_000))
            status, answer = await answer_of(reader)
            assert (status, answer["error"]["code"]) == (408, "too_slow"), path
            writer.close()
        reader, writer = await open_to(port)
        writer.write(post("/v1/messages", MESSAGE))
        assert (await answer_of(reader))[0] == 202
        assert await reader.read() == b""  # idle
        writer.close()

    with_sender(tmp_path, Limits(request_s=0.1, idle_s=0.3, sweep_every_s=0.02), story)


def test_heads_that_do_not_end_are_bounded_together(tmp_path: Path) -> None:
    async def story(port: int) -> None:
        clients = [await open_to(port) for _ in range(4)]
        for number, (_, writer) in enumerate(clients):
            writer.write(f"GET /v1/reports/smsapi/x?MsgId={'a' * 40_000 * (number + 1)}".encode())
        answered = [asyncio.create_task(answer_of(reader)) for reader, _ in clients]
        done, waiting = await asyncio.wait(answered, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result()[0] for task in done} == {431}
        for task in waiting:
            task.cancel()
        for _, writer in clients:
            writer.close()
        assert (await ask(port, post("/v1/messages", MESSAGE)))[0] == 202

    with_sender(tmp_path, Limits(head_bytes=100_000), story)


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(tmp_path: Path) -> None:
    # Every second row is refused for another reason, so that the answer is of several megabytes.
    rows: list[Any] = [{"to": "48500100200"}] + [{}, 1] * 40_000
    body = gzip.compress(json.dumps({"message_class": "otp", "text": "hi", "recipients": rows}).encode())

    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        writer.write(post("/v1/campaigns", body, PACKED))
        assert await reader.readexactly(12) == b"HTTP/1.1 202"  # and nothing more of it

        def cut_off() -> bool:
            writer.write(b"\r\n")  # what is written to a connection that was cut off ends it here too
            return writer.transport.is_closing()

        await eventually_in_loop(cut_off)

    with_sender(tmp_path, Limits(request_s=0.2, sweep_every_s=0.02), story)


def test_a_compressed_body_is_unpacked_within_limits(tmp_path: Path) -> None:
    campaign = json.dumps(
        {"message_class": "otp", "text": "hi", "recipients": [{"to": f"4850010020{n}"} for n in range(3)]}
    ).encode()
    bomb = gzip.compress(b'{"message_class": "otp", "recipients": [' + b" " * 20_000_000)

    async def story(port: int) -> None:
        assert (await ask(port, post("/v1/messages", gzip.compress(MESSAGE), PACKED)))[0] == 202
        status, answer = await ask(port, post("/v1/campaigns", gzip.compress(campaign), PACKED))
        assert (status, answer["accepted"]) == (202, 3)
        for path, body in (
            ("/v1/campaigns", bomb),
            ("/v1/messages", gzip.compress(b" " * 10_000_000)),
        ):
            status, answer = await ask(port, post(path, body, PACKED))
            assert (status, answer["error"]["code"]) == (413, "too_large"), path
        for path in ("/v1/messages", "/v1/campaigns"):
            for body in (b"no gzip", gzip.compress(campaign)[:-9]):
                status, answer = await ask(port, post(path, body, PACKED))
                assert (status, answer["error"]["code"]) == (400, "malformed"), path
            status, answer = await ask(port, post(path, b"x", "Content-Encoding: br\r\n"))
            assert (status, answer["error"]["field"]) == (415, "Content-Encoding"), path

    with_sender(tmp_path, Limits(), story)


SECRETS = (TOKEN, "48500100777", "4711-code")
MALFORMED = [
    f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer {TOKEN}\r\n\r\n",
    f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {TOKEN}\r\n\r\n",
    f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\x01\r\n\r\n",
    f"GET /v1/messages?to=48500100777&token={TOKEN} HTTP/9.x\r\n\r\n",
    f"48500100777 {TOKEN}\r\n\r\n",
    f"GET /48500100777\x00{TOKEN} HTTP/1.1\r\n\r\n",
    f"POST /v1/messages HTTP/1.1\r\n{HEAD}Content-Length: 4711-code\r\n\r\n",
    f"POST /v1/messages HTTP/1.1\r\n{HEAD}Content-Length: 5\r\nContent-Length: 48500100777\r\n\r\n",
    f"POST /v1/messages HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n4711-code 48500100777\r\n",
    f"POST /v1/campaigns HTTP/1.1\r\n{HEAD}Content-Type: text/csv\r\n"
    "Transfer-Encoding: chunked\r\n\r\nZZ 4711-code 48500100777\r\n",
    f"POST /v1/messages HTTP/1.1\r\n{HEAD}X: {'4711-code' * 2_000}\r\n\r\n",
    f"GET /v1/messages/{'48500100777' * 200_000} HTTP/1.1\r\n\r\n",
    f"POST http://[{TOKEN}/48500100777 HTTP/1.1\r\n{HEAD}\r\n",
]


def test_no_log_shows_token_number_or_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    async def story(port: int) -> None:
        for request in MALFORMED:
            reader, writer = await open_to(port)
            writer.write(request.encode("latin-1"))
            writer.write_eof()
            try:
                assert b" 500 " not in (await reader.read()).partition(b"\r\n")[0], request[:60]
            except ConnectionResetError:
                continue  # refused with a part of it unread
            finally:
                writer.close()
        body = {"to": "48500100777", "text": "4711-code", "message_class": "otp", "key": "k"}
        assert (await ask(port, post("/v1/messages", json.dumps(body).encode())))[0] == 202

    keeping = Keeping()
    keeping.setFormatter(SafeFormatter(FORMAT))
    logging.getLogger().addHandler(keeping)
    try:
        with_sender(tmp_path, Limits(), story)
    finally:
        logging.getLogger().removeHandler(keeping)
    logged = "\n".join([*written, *capsys.readouterr()])
    assert "a request that cannot be read" in logged
    assert "Traceback" not in logged
    for secret in SECRETS:
        assert secret not in logged


def test_an_exceptions_text_is_not_logged_but_its_kind_and_place_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        try:
            raise KeyError("48500100777")
        except KeyError as error:
            raise ValueError("4711-code") from error

    try:
        fail()
    except ValueError as error:
        caught = error
    record = logging.makeLogRecord(
        {"msg": "it failed", "exc_info": (type(caught), caught, caught.__traceback__)}
    )
    logged = SafeFormatter(FORMAT).format(record)
    log_loop_error(None, {"message": "a task failed", "exception": caught, "future": caught})
    for text in (logged, described(caught), caplog.text):
        assert "ValueError" in text and "KeyError" in text and "in fail" in text
        assert "48500100777" not in text.replace(__file__, "") or 'raise KeyError("48500100777")' in text
        assert text.count("4711-code") == text.count('raise ValueError("4711-code")')


@pytest.mark.parametrize(
    ("request_bytes", "what"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX\0y: 1\r\n\r\n", "Invalid header token"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", "Content-Length"),
        (b"GET / HTTP/1.1\r\n\r\n", "Missing 'Host' header"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"1" * 9_000 + b"\r\n\r\n", "more than 8190 bytes"),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n", "Invalid URL"),
    ],
)
def test_a_request_that_is_no_http_gets_an_error_as_any_other(
    tmp_path: Path, request_bytes: bytes, what: str
) -> None:
    async def story(port: int) -> None:
        reader, writer = await open_to(port)
        writer.write(request_bytes)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")  # the connection is closed
        writer.close()
        assert b"\r\nContent-Type: application/json" in head
        error = json.loads(body)["error"]
        assert (error["code"], error["field"]) == ("malformed", "")
        assert what in error["message"]
        assert "b'" not in error["message"], "no bytes in Python's notation"

    with_sender(tmp_path, Limits(), story)
