"""Single messages per second through the sender on one core, and through Kannel with its spool on one core.

    flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/kannel_ratio.py [--rounds 3] [--seconds 8]

Kannel 1.4.5 (``apt-get install kannel``) runs as bearerbox and smsbox on core 0, with ``store-type =
spool``, one SMPP link with a window of 100, no delivery reports. The sender runs on core 0 too: SQLite,
with a disk flush for each commit, submits to the mock provider (profile fast), and takes a delivery report
for each message. Load (wrk, ``--connections``) and receiver are on core 1: an SMPP receiver that answers
each submit_sm at once, or the provider. The rounds alternate. A rate is what was acknowledged and also left
within the measured time: for Kannel the lower of accepted requests and submit_sm, for the sender the lowest
of accepted, submitted and reported. Where other programs use core 0 too, compare the CPU for a message:
Kannel's threads then get a larger part of the core than the sender's. Without Kannel the script says so and
ends with exit code 0. Exit code 1: the ratio is below ``--limit``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop
from processes import cpu_s
from sender_intake import measure_singles, rate_of, wrk
from sender_processes import OTHERS_CORE, SENDER_CORE, provider_and_sender

BIND_TRANSCEIVER, SUBMIT_SM, ENQUIRE_LINK, UNBIND = 0x9, 0x4, 0x15, 0x6
RESPONSE = 0x80000000
LUA = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", string.format("/cgi-bin/sendsms?username=bench&password=bench&from=Shop" ..
    "&to=48%09d&text=Your+order+%d+is+on+its+way+and+arrives+tomorrow.", 500000000 + n, n))
end
"""


class CountingSmppServer(asyncio.Protocol):
    """An SMPP 3.4 server that accepts everything, and counts the submits."""

    submits = 0

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        data, at, answers = self._data + data, 0, []
        while len(data) - at >= 16:
            length, command, _, sequence = struct.unpack_from(">IIII", data, at)
            if len(data) - at < length:
                break
            at += length
            body = b""
            if command == SUBMIT_SM:
                CountingSmppServer.submits += 1
                body = b"%x\0" % CountingSmppServer.submits
            elif command == BIND_TRANSCEIVER:
                body = b"bench\0"
            elif command not in (ENQUIRE_LINK, UNBIND):
                continue
            answers.append(struct.pack(">IIII", 16 + len(body), command | RESPONSE, 0, sequence) + body)
        self._data = data[at:]
        assert self._transport is not None
        self._transport.write(b"".join(answers))


def serve_receiver() -> None:
    """Listen for SMPP. Each line on standard input is answered with the number of submits."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(CountingSmppServer, "127.0.0.1", 0)
        print(json.dumps({"port": listening.sockets[0].getsockname()[1]}), flush=True)
        asked = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
        while await asked.readline():
            print(CountingSmppServer.submits, flush=True)

    uvloop.run(run())


@contextmanager
def pinned(core: int, *command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]


def configuration(directory: Path, smpp_port: int, ports: list[int]) -> str:
    admin, box, http = ports
    spool = directory / "spool"
    spool.mkdir()
    return f"""
group = core
admin-port = {admin}
admin-password = bench
admin-interface = 127.0.0.1
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 3
store-type = spool
store-location = {spool}

group = smsc
smsc = smpp
smsc-id = bench
host = 127.0.0.1
port = {smpp_port}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = bench
max-pending-submits = 100

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-level = 3

group = sendsms-user
username = bench
password = bench
"""


def until_listening(port: int) -> None:
    give_up = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > give_up:
                raise SystemExit(f"Kannel does not listen at port {port} after 30 s") from None
            time.sleep(0.1)


def submits(receiver: subprocess.Popen[str]) -> int:
    assert receiver.stdin is not None and receiver.stdout is not None
    receiver.stdin.write("\n")
    receiver.stdin.flush()
    return int(receiver.stdout.readline())


def measure_kannel(options: argparse.Namespace, directory: Path) -> tuple[float, float]:
    """The rate, and microseconds of CPU for a message."""
    ports = free_ports(3)
    with ExitStack() as stack:
        receiver = stack.enter_context(pinned(OTHERS_CORE, sys.executable, __file__, "--serve-receiver"))
        assert receiver.stdout is not None
        smpp_port = json.loads(receiver.stdout.readline())["port"]
        settings = directory / "kannel.conf"
        settings.write_text(configuration(directory, smpp_port, ports))
        bearerbox = stack.enter_context(pinned(SENDER_CORE, options.bearerbox, str(settings)))
        until_listening(ports[1])
        smsbox = stack.enter_context(pinned(SENDER_CORE, options.smsbox, str(settings)))
        until_listening(ports[2])
        url, seconds = f"http://127.0.0.1:{ports[2]}", options.seconds
        whole_s = options.warm_up + seconds + options.warm_up / 2
        with wrk(url, whole_s, options.connections, directory, LUA) as report:
            time.sleep(options.warm_up)
            before, began, used_s = (
                submits(receiver),
                time.monotonic(),
                cpu_s(bearerbox.pid) + cpu_s(smsbox.pid),
            )
            time.sleep(seconds)
            sent, spent_s = submits(receiver) - before, time.monotonic() - began
            used_s = cpu_s(bearerbox.pid) + cpu_s(smsbox.pid) - used_s
        sent_per_s, cpu_us = sent / spent_s, 1e6 * used_s / max(1, sent)
        accepted_per_s = rate_of(report[0])
    print(
        f"Kannel: {accepted_per_s:,.0f}/s accepted, {sent_per_s:,.0f}/s submitted, {cpu_us:.0f} us CPU",
        flush=True,
    )
    return min(accepted_per_s, sent_per_s), cpu_us


def measure_sender(options: argparse.Namespace, directory: Path) -> tuple[float, float]:
    """The rate, and microseconds of CPU for a message."""
    with provider_and_sender(directory) as (_, sender):
        found = measure_singles(sender, options, directory)
    print(
        f"sender: {found['accepted']:,.0f}/s accepted, {found['sent']:,.0f}/s submitted, "
        f"{found['delivered']:,.0f}/s reported, {found['cpu_us_per_message']:.0f} us CPU",
        flush=True,
    )
    return min(found["accepted"], found["sent"], found["delivered"]), found["cpu_us_per_message"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of the measured part of a run")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before it")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--limit", type=float, default=1.5, help="lowest ratio")
    parser.add_argument("--serve-receiver", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_receiver:
        serve_receiver()
        return
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    options.bearerbox, options.smsbox = (
        shutil.which("bearerbox", path=path),
        shutil.which("smsbox", path=path),
    )
    if not (options.bearerbox and options.smsbox):
        print("Kannel is not installed, so there is nothing to compare with: apt-get install kannel")
        return
    os.sched_setaffinity(0, {OTHERS_CORE})
    ratios, by_cpu, senders, kannels = [], [], [], []
    for _ in range(options.rounds):
        found = []
        for measure in (measure_sender, measure_kannel):
            with tempfile.TemporaryDirectory() as name:
                found.append(measure(options, Path(name)))
        (ours, our_us), (theirs, their_us) = found
        ratios.append(ours / theirs)
        senders.append(ours)
        kannels.append(theirs)
        by_cpu.append(their_us / our_us)
        print(f"ratio {ratios[-1]:.2f}, by CPU {by_cpu[-1]:.2f}", flush=True)
    median = statistics.median(ratios)
    print(
        f"sender / Kannel with its spool, median of {options.rounds}: {median:.2f} (at least {options.limit})"
    )
    print(f"the same by CPU for a message: {statistics.median(by_cpu):.2f}")
    # Kannel's rate falls while its spool directory fills; its best round is that of a fresh one.
    best = statistics.median(senders) / max(kannels)
    print(f"median of the sender / best round of Kannel: {best:.2f}")
    sys.exit(0 if median >= options.limit else 1)


if __name__ == "__main__":
    main()
