"""A turn of the event loop reads few requests, and those that name the OTP class first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from reference_sender.api.reading_order import ReadingOrder

BULK = b"POST /v1/messages HTTP/1.1\r\n\r\n{}"
OTP = b'POST /v1/messages HTTP/1.1\r\n\r\n{"message_class": "otp"}'
OTP_CAMPAIGN = b"POST /v1/campaigns?message_class=otp HTTP/1.1\r\n\r\n"


class NotingReader:
    """Notes what it reads, under its name."""

    def __init__(self, name: str, noted: list[tuple[str, bytes]]) -> None:
        self.name = name
        self._noted = noted

    def read(self, data: bytes) -> None:
        self._noted.append((self.name, data))


MakeReader = Callable[[str], NotingReader]
ReadingSteps = Callable[[ReadingOrder, MakeReader, list[tuple[str, bytes]]], Awaitable[None]]


def with_order(steps: ReadingSteps) -> None:
    async def run() -> None:
        noted: list[tuple[str, bytes]] = []
        await steps(ReadingOrder(2), lambda name: NotingReader(name, noted), noted)

    asyncio.run(run())


def test_two_requests_are_read_in_each_turn_in_order_of_arrival() -> None:
    async def steps(order: ReadingOrder, reader: MakeReader, noted: list[tuple[str, bytes]]) -> None:
        for name in "abcde":
            order.received(reader(name), BULK)
        read = []
        while len(order):
            read.append("".join(name for name, _ in noted))
            await asyncio.sleep(0)
        assert [*read, "".join(name for name, _ in noted)] == ["ab", "abcd", "abcde"]
        await asyncio.sleep(0)
        order.received(reader("f"), BULK)
        assert noted[-1] == ("f", BULK)

    with_order(steps)


@pytest.mark.parametrize("urgent", [OTP, OTP_CAMPAIGN])
def test_an_otp_is_read_at_once(urgent: bytes) -> None:
    async def steps(order: ReadingOrder, reader: MakeReader, noted: list[tuple[str, bytes]]) -> None:
        for name in "abcd":
            order.received(reader(name), BULK)
        order.received(reader("otp"), urgent)
        assert [name for name, _ in noted] == ["a", "b", "otp"]

    with_order(steps)


def test_a_head_that_waits_is_read_with_the_body_that_names_an_otp() -> None:
    async def steps(order: ReadingOrder, reader: MakeReader, noted: list[tuple[str, bytes]]) -> None:
        otp = reader("otp")
        head, body = OTP[:30], OTP[30:]
        for name in "ab":
            order.received(reader(name), BULK)
        order.received(otp, head)
        assert len(order) == 1
        order.received(otp, body)
        assert noted[-1] == ("otp", OTP)
        assert not len(order)

    with_order(steps)


def test_the_parts_of_a_request_stay_in_order_and_are_read_once() -> None:
    async def steps(order: ReadingOrder, reader: MakeReader, noted: list[tuple[str, bytes]]) -> None:
        slow = reader("slow")
        for name in "ab":
            order.received(reader(name), BULK)
        order.received(slow, b"1")
        order.received(slow, b"2")
        await asyncio.sleep(0)
        order.received(slow, b"3")
        await asyncio.sleep(0)
        assert [data for name, data in noted if name == "slow"] == [b"12", b"3"]

    with_order(steps)


def test_a_long_body_does_not_wait_in_memory() -> None:
    async def steps(order: ReadingOrder, reader: MakeReader, noted: list[tuple[str, bytes]]) -> None:
        for name in "abc":
            order.received(reader(name), BULK)
        order.received(reader("long"), b"x" * 65_537)
        assert noted[-1][0] == "long"

    with_order(steps)


def test_a_closed_connection_reads_nothing_and_one_at_its_end_reads_all() -> None:
    async def steps(order: ReadingOrder, reader: MakeReader, noted: list[tuple[str, bytes]]) -> None:
        closed, ended = reader("closed"), reader("ended")
        for each in (reader("a"), reader("b"), closed, ended):
            order.received(each, BULK)
        order.forget(closed)
        order.hurry(ended)
        await asyncio.sleep(0)
        assert [name for name, _ in noted] == ["a", "b", "ended"]

    with_order(steps)
