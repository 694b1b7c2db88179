"""A head known by its bytes must mean what the parser would make of them, in every state of a connection."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_provider.http.connection import HttpConnection, RespondHttp
from mock_provider.http.known_heads import KnownHeads
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.http.open_connections import ConnectionLimits, OpenConnections

OK = HttpResponse(200, b"{}")


def post(body: bytes, *headers: str, path: str = "/sms.do", length: int | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Length: {length or len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    abort = pause_reading = resume_reading = close

    def is_closing(self) -> bool:
        return self.closed


class Unlearning(KnownHeads):
    def learn(self, data: bytes, request: HttpRequest) -> None:
        pass


class RecordingApplication:
    """Notes the requests, and answers each at once."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    def handle(self, request: HttpRequest, respond: RespondHttp) -> None:
        self.requests.append(request)
        respond(OK)

    def abandon(self, number: int) -> None:
        """Every answer is given at once: nobody waits."""


def met(connections: OpenConnections, pieces: list[bytes]) -> list[HttpRequest]:
    application = RecordingApplication()
    connection = HttpConnection(application, connections)
    connection.connection_made(Transport())

    async def receive() -> None:
        for piece in pieces:
            connection.data_received(piece)

    asyncio.run(receive())
    return application.requests


STREAM = [
    post(b"a=1"),
    post(b"a=2"),
    post(b"a=22"),
    post(b"a=3", "Authorization: Bearer t", path="/sms.do?x=1"),
    post(b'{"a":1}', "Content-Type: application/json"),
    b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /sms.do HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nb=1\r\n0\r\n\r\n",
    b"\r\n" + post(b"a=4"),
    post(b"\r\n\r\n"),
    post(post(b"a=5"), "Content-Type: text/plain"),
]


@given(st.permutations(STREAM), st.lists(st.integers(1, 1_500), max_size=12))
def test_a_stream_cut_anywhere_is_read_as_by_the_parser_alone(order: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(order)
    edges = [0, *sorted({cut for cut in cuts if cut < len(stream)}), len(stream)]
    cut = [stream[start:end] for start, end in pairwise(edges)]
    knowing = OpenConnections(ConnectionLimits())
    met(knowing, [request for request in order for _ in range(2)])
    unknowing = [OpenConnections(ConnectionLimits()) for _ in range(2)]
    for connections in unknowing:
        connections.heads = Unlearning()
    whole = met(unknowing[0], list(order))
    assert len(whole) == len(STREAM)
    assert met(knowing, list(order)) == whole
    assert met(knowing, cut) == met(unknowing[1], cut) == whole


def test_the_second_request_alike_needs_no_parser() -> None:
    connections = OpenConnections(ConnectionLimits())
    met(connections, [post(b"a=1")])
    known = connections.heads.request_in(post(b"a=9"))
    assert known is not None
    assert (known.method, known.path, known.body) == ("POST", "/sms.do", b"a=9")
    assert connections.heads.request_in(post(b"a=9") + b"P") is None
    assert connections.heads.request_in(post(b"a=9")[:-1]) is None


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"a=1", "Connection: close"),
        post(b"a=1", "Expect: 100-continue"),
        post(b"a=1", "Connection: upgrade", "Upgrade: h2c"),
        post(b"a=1").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(b"a=1", "X: " + "x" * 3_000),
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_what_means_more_than_a_body_is_parsed_each_time(request_bytes: bytes) -> None:
    connections = OpenConnections(ConnectionLimits())
    assert len(met(connections, [request_bytes])) == 1
    assert connections.heads.request_in(request_bytes) is None


def test_the_number_of_cached_request_heads_is_limited() -> None:
    connections = OpenConnections(ConnectionLimits())
    met(connections, [post(b"a=1", f"X-Request-Id: {n:08d}") for n in range(2_000)])
    assert len(connections.heads) <= 512
