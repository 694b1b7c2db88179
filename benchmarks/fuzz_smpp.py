"""Bad SMPP against a provider of its own: what was tried, and what went wrong.

    python benchmarks/fuzz_smpp.py [--pdus 200000] [--seed 1] [--connections 8]

Connections send streams of PDUs made at random from a seed: good submits, binds and links; submits with
changed, missing or added octets, or with false TLV lengths; the same of submit_multi, data_sm, replace_sm,
query_sm and cancel_sm; unknown ids; unexpected responses; random bytes. A stream is sent in pieces of any
size, some octet by octet, and may end with a false command_length, with an unbind or in the middle of a PDU.
A failure is

- a request of a valid command_length that is not answered exactly once, by its own response or generic_nack,
  with a status of the standard; a response to a response;
- a false command_length that is not answered by generic_nack (ESME_RINVCMDLEN) and the connection's end;
- a connection that ends for another reason, or answers too late;
- a further client with valid requests that waits over two seconds for an answer;
- an exception in the provider's log, its exit, or memory that grows more than the accepted messages explain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import psutil
import uvloop
from smpp_inputs import (
    DELIVER_SM,
    ENQUIRE_LINK,
    LONGEST_PDU,
    MAKERS,
    PASSWORD,
    RESPONSE,
    SUBMIT_SM,
    UNBIND,
    WEIGHTS,
    bind_body,
    good_submit,
    header,
    pdu,
)

TOKEN = "fuzz-token"


BINDS = {"transmitter": 2, "receiver": 1, "transceiver": 9}


GENERIC_NACK, RINVCMDLEN = 0x80000000, 2


# Statuses of SMPP 3.4, §5.1.3.
STATUSES = frozenset(
    [
        *(*range(0x12), 0x13, 0x14, 0x15, 0x33, 0x34, 0x40, *range(0x42, 0x46), 0x48, 0x49, 0x50, 0x51, 0x53),
        *(0x54, 0x55, 0x58, *range(0x61, 0x68), *range(0xC0, 0xC5), 0xFE, 0xFF),
    ]
)


PDUS_PER_STREAM = 150


ANSWER_S, WITNESS_S = 5.0, 2.0


MEMORY_FLOOR_BYTES, MEMORY_PER_MESSAGE_BYTES = 100 * 1024**2, 3_000


class Findings:
    """Counts of a run; ``failures`` by what they were."""

    def __init__(self) -> None:
        self.inputs = 0
        self.streams = 0
        self.statuses: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()
        self.seeds: dict[str, int] = {}

    def fail(self, what: str, seed: int) -> None:
        self.failures[what] += 1
        self.seeds.setdefault(what, seed)


class CountingConnection(asyncio.Protocol):
    """Counts what comes back on one connection."""

    def __init__(self) -> None:
        self.rest = b""
        self.answers: Counter[int] = Counter()  # by sequence number
        self.ids: dict[int, tuple[int, int]] = {}  # sequence number to id and status
        self.deliveries: list[int] = []
        self.nacked_length = False
        self.ended = False
        self.changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transport does not subclass it

    def write(self, octets: bytes) -> None:
        if not self.ended:
            self.transport.write(octets)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.changed.set()

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        at = 0
        while len(data) - at >= 16:
            length, command_id, status, sequence = header.unpack_from(data, at)
            if at + length > len(data):
                break
            at += length
            if command_id == GENERIC_NACK and status == RINVCMDLEN:
                self.nacked_length = True
            elif command_id == DELIVER_SM:
                self.deliveries.append(sequence)
            elif command_id & RESPONSE:
                self.answers[sequence] += 1
                self.ids[sequence] = command_id, status
        self.rest = data[at:]
        self.changed.set()

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while not holds():
            self.changed.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline_s - time.monotonic())):
                    await self.changed.wait()
            except TimeoutError:
                return holds()
        return True


async def send_in_pieces(rng: random.Random, stream: CountingConnection, octets: bytes) -> None:
    """Leave in one piece, in a few, or for a while octet by octet."""
    write = stream.write
    way = rng.random()
    if way < 0.4:
        write(octets)
        return
    slow = rng.randrange(200) if way > 0.8 else 0
    for at in range(slow):
        write(octets[at : at + 1])
        await asyncio.sleep(0)
    at = slow
    while at < len(octets) and not stream.ended:
        step = rng.choice([1, 3, 15, 16, 17, 100, 1_000, 10_000])
        write(octets[at : at + step])
        at += step
        await asyncio.sleep(0)


async def one_stream(port: int, seed: int, count: int, found: Findings) -> None:
    rng = random.Random(seed)
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(CountingConnection, "127.0.0.1", port)
    chunks: list[bytes] = []
    expected: dict[int, int] = {}
    bind_id = rng.choice([*BINDS.values(), 0])
    if bind_id:
        chunks.append(pdu(bind_id, 1, bind_body(b"fuzz%d" % (seed % 1_000))))
        expected[1] = bind_id
    for sequence in range(2, count + 2):
        ((_, make),) = rng.choices(MAKERS, WEIGHTS)
        made = make(rng, sequence)
        command_id = header.unpack_from(made)[1]
        chunks.append(made)
        if not command_id & RESPONSE:
            expected[sequence] = command_id
    ending = rng.choice(["unbind", "cut", "length", "length", "close"])
    found.inputs += len(chunks)
    if ending == "unbind" and bind_id:
        chunks.append(pdu(UNBIND, count + 2))
        expected[count + 2] = UNBIND
        found.inputs += 1
    elif ending == "length":
        lie = rng.choice([0, 1, 15, LONGEST_PDU + 1, 0xFFFFFFFF, 0x80000000])
        chunks.append(struct.pack(">I", lie) + rng.randbytes(rng.randint(12, 200)))
        found.inputs += 1
    elif ending == "cut":
        chunks.append(pdu(SUBMIT_SM, count + 2, good_submit(rng))[: rng.randint(1, 40)])
        found.inputs += 1
    await send_in_pieces(rng, stream, b"".join(chunks))
    await judge(stream, expected, ending if bind_id or ending != "unbind" else "close", seed, found)
    for sequence in stream.deliveries[:10]:
        stream.write(pdu(rng.choice([DELIVER_SM | RESPONSE, GENERIC_NACK]), sequence, b"\0"))
    if rng.random() < 0.5:
        stream.transport.close()
    else:
        stream.transport.abort()
    found.streams += 1


async def judge(
    stream: CountingConnection, expected: dict[int, int], ending: str, seed: int, found: Findings
) -> None:
    whole = await stream.until(
        lambda: len(stream.answers.keys() & expected.keys()) >= len(expected), ANSWER_S
    )
    if ending in ("unbind", "length"):
        if not await stream.until(lambda: stream.ended, ANSWER_S):
            found.fail(f"the connection continues after {ending}", seed)
    elif stream.ended:
        found.fail("the connection ended unasked", seed)
    if ending == "length" and not stream.nacked_length:
        found.fail("a lying length was not refused", seed)
    if not whole:
        found.fail("requests were not answered", seed)
    for sequence, times in stream.answers.items():
        command_id, status = stream.ids[sequence]
        found.statuses[status] += 1
        if times > 1:
            found.fail("a request was answered twice", seed)
        if sequence not in expected:
            found.fail("a response was answered", seed)
        elif command_id not in (GENERIC_NACK, expected[sequence] | RESPONSE):
            found.fail("the answer is another request's", seed)
        if status not in STATUSES:
            found.fail(f"status {status:#x} is none of the standard", seed)


async def witness(port: int, done: asyncio.Event, found: Findings) -> float:
    """A client like any other; the longest it waited for an answer, in seconds."""
    _, stream = await asyncio.get_running_loop().create_connection(CountingConnection, "127.0.0.1", port)
    stream.write(pdu(9, 1, bind_body(b"witness")))
    rng, sequence, worst_s = random.Random(0), 1, 0.0
    while not done.is_set():
        sequence += 1
        began_s = time.monotonic()
        body = good_submit(rng) if sequence % 2 else b""
        stream.write(pdu(SUBMIT_SM if body else ENQUIRE_LINK, sequence, body))
        if not await stream.until(partial(stream.answers.__contains__, sequence), WITNESS_S):
            found.fail("the witness waited over two seconds", sequence)
            break
        worst_s = max(worst_s, time.monotonic() - began_s)
        for delivery in stream.deliveries:
            stream.write(pdu(DELIVER_SM | RESPONSE, delivery, b"\0"))
        stream.deliveries.clear()
        if stream.ids[sequence][1] or stream.ended:
            found.fail("the witness was refused or cut", sequence)
            break
        await asyncio.sleep(0.02)
    stream.transport.abort()
    return worst_s


async def fuzz(port: int, pdus: int, seed: int, connections: int) -> tuple[Findings, float]:
    found, done = Findings(), asyncio.Event()
    watching = asyncio.create_task(witness(port, done, found))
    seeds = iter(range(seed * 1_000_000, (seed + 1) * 1_000_000))

    async def work() -> None:
        while found.inputs < pdus:
            await one_stream(port, next(seeds), PDUS_PER_STREAM, found)

    await asyncio.gather(*(work() for _ in range(connections)))
    done.set()
    return found, await watching


def report(found: Findings, worst_s: float, grown: int, allowed: int, seconds: float) -> int:
    print(f"inputs   {found.inputs:,} PDUs in {found.streams:,} connections, {seconds:.1f} s")
    answered = ", ".join(f"{status:#04x} {count:,}" for status, count in sorted(found.statuses.items()))
    print(f"answers  by status: {answered}")
    print(f"witness  waited {worst_s * 1000:.0f} ms at worst")
    print(f"memory   grew by {grown / 1024**2:.0f} MiB; {allowed / 1024**2:.0f} MiB allowed")
    for what, count in found.failures.items():
        print(f"FAILURE  {what}: {count} times, first with seed {found.seeds[what]}")
    failures = found.failures.total()
    print(f"failures {failures}")
    return 1 if failures else 0


def watched(
    server: subprocess.Popen[str], arguments: argparse.Namespace
) -> tuple[Findings, float, int, float]:
    """Fuzz it; what was found, the witness's worst wait, growth of memory in bytes, and the seconds taken."""
    assert server.stdout is not None
    port = int(json.loads(server.stdout.readline())["smpp"].rpartition(":")[2])
    memory = psutil.Process(server.pid)
    before = memory.memory_info().rss
    began_s = time.monotonic()
    found, worst_s = uvloop.run(fuzz(port, arguments.pdus, arguments.seed, arguments.connections))
    seconds = time.monotonic() - began_s
    if server.poll() is not None:
        found.fail("the provider ended", 0)
        return found, worst_s, 0, seconds
    return found, worst_s, memory.memory_info().rss - before, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pdus", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with log.open("wb") as stderr, subprocess.Popen(
            [sys.executable, "-m", "mock_provider", "--profile", "fast", "--token", TOKEN,
             "--admin-token", TOKEN, "--smpp-port", "0"],
            stdout=subprocess.PIPE, stderr=stderr, text=True,
            env=os.environ | {"SMSBENCH_SMPP_PASSWORD": PASSWORD},
        ) as server:  # fmt: skip
            try:
                found, worst_s, grown, seconds = watched(server, arguments)
            finally:
                server.terminate()
                code = server.wait(30)
        if code:
            found.fail(f"the provider ended with code {code}", 0)
        logged = log.read_text(errors="replace")
        if "Traceback" in logged or "ERROR" in logged:
            found.fail("an error in the provider's log", 0)
            print(logged[-3_000:])
    allowed = MEMORY_FLOOR_BYTES + MEMORY_PER_MESSAGE_BYTES * found.statuses[0]
    if grown > allowed:
        found.fail("memory grew", 0)
    return report(found, worst_s, grown, allowed, seconds)


if __name__ == "__main__":
    sys.exit(main())
