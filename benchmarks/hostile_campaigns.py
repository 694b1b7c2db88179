"""How long a campaign that is made to cost much keeps everything else waiting at the sender.

    python benchmarks/hostile_campaigns.py [--kilobytes 250] [--bodies N]

A sender process gets one campaign body at a time, compressed to about the given size, each expensive in
another way. A client queries ``/healthz`` on a separate connection without a pause. Its longest answer is the
longest time for which the event loop was blocked. Goal: 50 ms on an idle machine.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from processes import server
from sender_processes import TOKEN

GOAL_MS = 50.0
_JSON_HEAD = b'{"message_class": "marketing", "duplicates": "allow", "text": "hi", "recipients": ['
_GOOD = b'{"to":"48500100200"},'
_PIECE_BYTES = 1 << 20


class Body(NamedTuple):
    """A head, then ``unit`` again and again."""

    content_type: str
    head: bytes
    unit: bytes


BODIES = {
    "rows that are no objects": Body("application/json", _JSON_HEAD, b"1,"),
    "rows without a number": Body("application/json", _JSON_HEAD, b"{},"),
    "a good row, then two reasons in turn": Body("application/json", _JSON_HEAD + _GOOD, b"{},1,"),
    "a taken key, then no number, in turn": Body(
        "application/json",
        _JSON_HEAD + b'{"to":"48500100200","key":"k"},',
        b'{"to":"48500100201","key":"k"},{},',
    ),
    "the same good row": Body("application/json", _JSON_HEAD, _GOOD),
    "good rows with a key": Body("application/json", _JSON_HEAD, b'{"to":"48500100200","key":"k"},'),
    "white space": Body("application/json", _JSON_HEAD, b"    "),
    "one endless text": Body("application/json", _JSON_HEAD + b'"', b"aaaa"),
    "nothing but brackets": Body("application/json", _JSON_HEAD, b"[[[["),
    "csv rows of one digit": Body("text/csv", b"to\n", b"1\n"),
    "csv lines without a value": Body("text/csv", b"to\n", b"\n"),
    "csv quotation marks": Body("text/csv", b"to\n", b'""\n'),
    "csv, the same good row": Body("text/csv", b"to\n", b"48500100200\n"),
}


def packed(body: Body, size: int) -> bytes:
    """``body`` as gzip, grown until it takes about ``size`` bytes."""
    packing = zlib.compressobj(9, wbits=31)
    piece = body.unit * (_PIECE_BYTES // len(body.unit))
    made = packing.compress(body.head)
    while len(made) < size:
        made += packing.compress(piece) + packing.flush(zlib.Z_SYNC_FLUSH)
    return made + packing.flush()


@contextmanager
def sender(directory: Path) -> Iterator[str]:
    """The URL of a sender process whose provider does not answer."""
    store, route = f"sqlite:///{directory / 'messages.db'}", "smsapi+http://t@127.0.0.1:9"
    command = ("-m", "reference_sender", "--token", TOKEN, "--store", store, "--route", route)
    with server(None, *command) as started:
        yield started.url


def longest_wait_ms(url: str, stopped: Callable[[], bool]) -> float:
    """The longest answer to a health check, asked again and again until ``stopped``."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    longest_s = 0.0
    while not stopped():
        began_s = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        longest_s = max(longest_s, time.perf_counter() - began_s)
    connection.close()
    return longest_s * 1_000


def send(url: str, body: Body, content: bytes) -> int:
    """The status, or 0 where the connection was closed before the body had been taken."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": body.content_type}
    try:
        connection.request(
            "POST",
            "/v1/campaigns?message_class=marketing&duplicates=allow&text=hi",
            content,
            headers | {"Content-Encoding": "gzip"},
        )
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (BrokenPipeError, ConnectionResetError):
        return 0
    finally:
        connection.close()


def measure(url: str, body: Body, size: int) -> tuple[int, float, float]:
    """Status, seconds until it came, and the longest wait of the bystander in milliseconds."""
    content = packed(body, size)
    over = threading.Event()
    waits: list[float] = []
    bystander = threading.Thread(target=lambda: waits.append(longest_wait_ms(url, over.is_set)))
    bystander.start()
    began_s = time.perf_counter()
    try:
        status = send(url, body, content)
    finally:
        took_s = time.perf_counter() - began_s
        over.set()
        bystander.join()
    return status, took_s, waits[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kilobytes", type=int, default=250, help="of each body, compressed")
    parser.add_argument("--bodies", type=int, default=len(BODIES), help="number of bodies, from the first")
    options = parser.parse_args()
    size = options.kilobytes * 1_000
    worst_ms = 0.0
    for name, body in list(BODIES.items())[: options.bodies]:
        with tempfile.TemporaryDirectory() as directory, sender(Path(directory)) as url:
            status, took_s, wait_ms = measure(url, body, size)
        worst_ms = max(worst_ms, wait_ms)
        print(
            f"{name:40} answered {status} after {took_s:6.2f} s   longest wait {wait_ms:9.1f} ms", flush=True
        )
    print(f"longest wait of all {worst_ms:.1f} ms (goal: {GOAL_MS:g} ms)")
    return 0 if worst_ms <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
