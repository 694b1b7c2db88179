"""What a client may cost the provider: connections, bodies, time. Over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import structs

from mock_provider.app import ProviderConfig, start_provider
from mock_provider.http.open_connections import ConnectionLimits
from mock_provider.profiles import load_profile

DEADLINE_S = 10.0
ONE_MESSAGE = b"to=48500100200&message=x&format=json"


def with_provider(limits: ConnectionLimits, test: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        launch = ProviderConfig(load_profile("fast"), token="t", admin_token="a", stop_grace_s=0.2)
        provider = await start_provider(structs.replace(launch, limits=limits))
        try:
            async with asyncio.timeout(DEADLINE_S):
                await test(int(provider.url.rpartition(":")[2]))
        finally:
            await provider.stop()

    asyncio.run(run())


async def open_to(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


def post(body: bytes, length: int | None = None) -> bytes:
    head = "POST /sms.do HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


async def status_of(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    json.loads(await reader.readexactly(length))
    return int(head.split()[1])


async def send_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    writer.write(post(ONE_MESSAGE))
    return await status_of(reader)


def test_one_connection_too_many_is_answered_429_and_the_others_continue() -> None:
    async def test(port: int) -> None:
        first, second = await open_to(port), await open_to(port)
        assert await send_one(*first) == 200
        assert await send_one(*second) == 200
        third = await open_to(port)
        assert await status_of(third[0]) == 429
        assert await third[0].read() == b""
        assert await send_one(*first) == 200
        for _, writer in (first, second, third):
            writer.close()

    with_provider(ConnectionLimits(connections=2), test)


def test_a_body_over_the_limit_is_answered_413_whether_or_not_its_length_was_said() -> None:
    async def test(port: int) -> None:
        reader, writer = await open_to(port)
        writer.write(post(b"", length=5_000))
        assert await status_of(reader) == 413
        writer.close()
        reader, writer = await open_to(port)
        writer.write(b"POST /sms.do HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            writer.write(b"400\r\n" + b"x" * 1_024 + b"\r\n")
        assert await status_of(reader) == 413
        writer.close()

    with_provider(ConnectionLimits(body_bytes=4_096), test)


def test_bodies_that_come_in_pieces_are_bounded_together() -> None:
    async def test(port: int) -> None:
        clients = [await open_to(port) for _ in range(8)]
        for _, writer in clients:
            writer.write(post(b"x", length=60_000))
        answered = [asyncio.create_task(status_of(reader)) for reader, _ in clients]
        for _ in range(40):  # 8 * 40,000 bytes: more than may be held
            for _, writer in clients:
                writer.write(b"x" * 1_000)
                await writer.drain()
            await asyncio.sleep(0)
        done, waiting = await asyncio.wait(answered, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result() for task in done} == {413}
        reader, writer = await open_to(port)
        assert await send_one(reader, writer) == 200
        for task in waiting:
            task.cancel()
        for _, open_writer in (*clients, (reader, writer)):
            open_writer.close()

    with_provider(ConnectionLimits(receiving_bytes=100_000), test)


def test_a_slow_request_and_an_idle_connection_are_closed() -> None:
    async def test(port: int) -> None:
        slow_reader, slow_writer = await open_to(port)
        slow_writer.write(b"POST /sms.do HTTP/1.1\r\nHost: x\r\n")
        assert await status_of(slow_reader) == 408
        idle_reader, idle_writer = await open_to(port)
        assert await send_one(idle_reader, idle_writer) == 200
        assert await idle_reader.read() == b""
        for writer in (slow_writer, idle_writer):
            writer.close()

    with_provider(ConnectionLimits(request_s=0.06, idle_s=0.2, sweep_every_s=0.02), test)
