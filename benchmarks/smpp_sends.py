"""submit_sm/s over SMPP: one bind, a window of 100, a delivery receipt for each, everything on.

    python benchmarks/smpp_sends.py [--rounds 3] [--seconds 4] [--window 100] [--profile fast]

The provider and a bare responder run on core 0, one loaded at a time; the client on core 1. It is bound as a
transceiver, keeps ``window`` submits unanswered (prepared PDUs, except number, key and sequence number) and
answers each receipt. The bare responder is asyncio under uvloop too and parses nothing but headers: to each
submit_sm it writes one fixed submit_sm_resp and one fixed deliver_sm. A round of the provider is over when
its last receipt is answered. Rounds alternate, so that a slow moment of the machine affects both. On a shared
machine compare CPU time, not the rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import struct
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import uvloop
from processes import LOAD_CORE, SERVER_CORE, require_cores, server

TOKEN, PASSWORD = "bench-token", "bench-pw"
BIND_TRANSCEIVER, SUBMIT_SM, DELIVER_SM = 0x00000009, 0x00000004, 0x00000005
SUBMIT_SM_RESP, DELIVER_SM_RESP = 0x80000004, 0x80000005
DRAIN_S = 60.0

header = struct.Struct(">4I")


def submit_body(number: int) -> bytes:
    """A text of its own key to one of 100,000 numbers, receipt wanted."""
    text = b"Your code is 123456. Do not tell it to anybody. #Kb%d#" % number
    dest = b"48500%06d" % (100_000 + number % 100_000)
    return b"\0\5\0Test\0\1\1%s\0\0\0\0\0\0\1\0\0\0%c%s" % (dest, len(text), text)


class WindowClient(asyncio.Protocol):
    """Keeps the window full until the time is over, then waits for the answers."""

    def __init__(self, window: int, first: int, bodies: list[bytes]) -> None:
        self.window = window
        self.bodies = bodies
        self.sent = self.answered = self.refused = self.receipts = 0
        self.first = first
        self.ends_s = float("inf")
        self.last_answer_s = 0.0
        self.bound: asyncio.Event = asyncio.Event()
        self.quiet: asyncio.Event = asyncio.Event()
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self.transport = transport
        body = b"bench\0%s\0\0\x34\0\0\0" % PASSWORD.encode()
        transport.write(header.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        out: list[bytes] = []
        at, octets, unpack, answers = 0, len(data), header.unpack_from, 0
        while octets - at >= 16:
            length, command_id, status, sequence = unpack(data, at)
            if at + length > octets:
                break
            at += length
            if command_id == SUBMIT_SM_RESP:
                answers += 1
                if status:
                    self.refused += 1
            elif command_id == DELIVER_SM:
                self.receipts += 1
                out.append(header.pack(17, DELIVER_SM_RESP, 0, sequence) + b"\0")
            elif command_id == BIND_TRANSCEIVER | 0x80000000:
                if status:
                    raise SystemExit(f"the bind was refused: {status:#x}")
                self.bound.set()
        self.rest = data[at:]
        self.answered += answers
        now_s = time.monotonic()
        if answers and now_s < self.ends_s:
            self.submit(answers, out)
        if out:
            self.transport.write(b"".join(out))
        if answers:
            self.last_answer_s = now_s
        if now_s >= self.ends_s and self.receipts >= self.sent - self.refused and self.answered >= self.sent:
            self.quiet.set()

    def submit(self, count: int, out: list[bytes]) -> None:
        for _ in range(count):
            number = self.first + self.sent
            body = self.bodies[number] if number < len(self.bodies) else submit_body(number)
            out.append(header.pack(16 + len(body), SUBMIT_SM, 0, self.sent % 0x7FFFFFFF + 2) + body)
            self.sent += 1


class Round(NamedTuple):
    sent: int
    refused: int
    receipts: int
    submits_per_s: float
    receipts_per_s: float


async def load(port: int, seconds: float, window: int, first: int, bodies: list[bytes]) -> Round:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(
        lambda: WindowClient(window, first, bodies), "127.0.0.1", port
    )
    await client.bound.wait()
    began_s = time.monotonic()
    client.ends_s = began_s + seconds
    out: list[bytes] = []
    client.submit(window, out)
    transport.write(b"".join(out))
    await asyncio.wait_for(client.quiet.wait(), seconds + DRAIN_S)
    ended_s = time.monotonic()
    transport.close()
    submitting_s = client.last_answer_s - began_s
    return Round(
        client.sent,
        client.refused,
        client.receipts,
        client.answered / submitting_s,
        client.receipts / (ended_s - began_s),
    )


class Bare(asyncio.Protocol):
    """Answers each submit_sm with fixed bytes and a fixed receipt."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.rest = b""
        self.sequence = 0
        message_id = b"0123456789abcdef01234567"
        text = (
            b"id:%s sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 "
            b"text:Your code is 123456." % message_id
        )
        self.response = message_id + b"\0"
        self.receipt = b"\0\1\148500100200\0\5\0Test\0\4\0\0\0\0\0\0\0\0%c%s" % (len(text), text)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        out: list[bytes] = []
        at, octets, pack, unpack = 0, len(data), header.pack, header.unpack_from
        response, receipt = self.response, self.receipt
        while octets - at >= 16:
            length, command_id, _, sequence = unpack(data, at)
            if at + length > octets:
                break
            at += length
            if command_id == SUBMIT_SM:
                self.sequence += 1
                out.append(pack(16 + len(response), SUBMIT_SM_RESP, 0, sequence) + response)
                out.append(pack(16 + len(receipt), DELIVER_SM, 0, self.sequence) + receipt)
            elif command_id == BIND_TRANSCEIVER:
                out.append(pack(21, command_id | 0x80000000, 0, sequence) + b"bare\0")
        self.rest = data[at:]
        if out:
            self.transport.write(b"".join(out))  # type: ignore[attr-defined]  # a transport that writes


def serve_bare() -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
        print(json.dumps({"smpp": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
        await asyncio.Event().wait()

    uvloop.run(serve())


def measure(arguments: argparse.Namespace, directory: Path) -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    bodies = [submit_body(number) for number in range(arguments.rounds * 30_000)]
    provider_argv = (
        "-m", "mock_provider", "--profile", arguments.profile, "--token", TOKEN, "--smpp-port", "0",
        "--smpp-password", PASSWORD, "--journal", str(directory / "provider.arrow"),
    )  # fmt: skip
    with server(SERVER_CORE, *provider_argv) as provider, server(SERVER_CORE, __file__, "--serve") as bare:
        servers = {"bare": bare, "provider": provider}
        rates: dict[str, list[float]] = {name: [] for name in servers}
        costs_us: dict[str, list[float]] = {name: [] for name in servers}
        first = 0
        for number in range(-1, arguments.rounds):  # round -1 warms up
            for name, each in servers.items():
                port = int(each.ready["smpp"].rpartition(":")[2])
                before_s = each.cpu_s()
                seconds = 1 if number < 0 else arguments.seconds
                done = uvloop.run(load(port, seconds, arguments.window, first, bodies))
                cost_us = (each.cpu_s() - before_s) / done.sent * 1e6
                if name == "provider":
                    first += done.sent
                if done.refused:
                    raise SystemExit(f"{done.refused} of {done.sent} submits were refused")
                if number >= 0:
                    rates[name].append(done.submits_per_s)
                    costs_us[name].append(cost_us)
                    print(
                        f"round {number + 1}  {name:9}{done.submits_per_s:10,.0f} submits/s"
                        f"{done.receipts_per_s:10,.0f} receipts/s, the drain counted "
                        f"{cost_us:8.1f} us CPU; sent {done.sent:,}, receipts {done.receipts:,}",
                        flush=True,
                    )
    for name in servers:
        print(
            f"median   {name:9}{statistics.median(rates[name]):10,.0f} submits/s "
            f"{statistics.median(costs_us[name]):8.1f} us CPU a submit with its receipt"
        )
    print(f"ratio    {statistics.median(rates['provider']) / statistics.median(rates['bare']):.2f} by rate")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--profile", default="fast")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve_bare()
        return
    require_cores()
    with tempfile.TemporaryDirectory() as directory:
        measure(arguments, Path(directory))


if __name__ == "__main__":
    main()
