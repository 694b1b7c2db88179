"""The client that makes report calls: where URLs lead, and receivers of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from waiting import eventually_in_loop

from mock_provider.http.client import CallAnswer, CallFailedError, ReportClient, split_url
from mock_provider.http.messages import ReportCall

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


@pytest.mark.parametrize(
    ("url", "host", "port", "encrypted", "target"),
    [
        ("http://127.0.0.1:8080/dlr?x=1", "127.0.0.1", 8080, False, "/dlr?x=1"),
        ("http://localhost?x=1", "localhost", 80, False, "/?x=1"),
        ("https://example.com", "example.com", 443, True, "/"),
        ("http://[::1]:9/a/b#part", "::1", 9, False, "/a/b"),
        ("HTTPS://example.com/x", "example.com", 443, True, "/x"),
        ("http://example.com/ż?q=a,b%2C", "example.com", 80, False, "/%C5%BC?q=a,b%2C"),
    ],
)
def test_where_a_url_leads(url: str, host: str, port: int, encrypted: bool, target: str) -> None:
    endpoint, found = split_url(url)
    assert (endpoint.host, endpoint.port, endpoint.encrypted, found) == (host, port, encrypted, target)


def test_credentials_of_a_url_are_sent_as_basic() -> None:
    endpoint, _ = split_url("http://user:p%40ss@127.0.0.1/x")
    assert "Authorization: Basic dXNlcjpwQHNz\r\n" in endpoint.head
    assert "Host: 127.0.0.1\r\n" in endpoint.head


async def given_up(client: ReportClient, call: asyncio.Task[CallAnswer]) -> None:
    def over() -> bool:
        client.give_up_late()
        return call.done()

    await eventually_in_loop(over)


class ScriptedReceiver:
    """For each connection a list of answers; the connection is closed when its list is spent."""

    def __init__(self, script: Sequence[Sequence[bytes]]) -> None:
        self._script = [list(answers) for answers in script]
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = self._script[self.connections]
        self.connections += 1
        self.open += 1
        try:
            for answer in answers:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
            await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the client closed it while it was idle
        finally:
            self.open -= 1
            writer.close()


def outcomes(script: Sequence[Sequence[bytes]], calls: int) -> tuple[list[str], ScriptedReceiver]:
    """The result of each call, one after the other: status and body, or the failure."""

    async def run() -> tuple[list[str], ScriptedReceiver]:
        receiver = ScriptedReceiver(script)
        client = ReportClient()
        found = []
        async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for number in range(calls):
                try:
                    answer = await client.call(ReportCall("GET", f"http://127.0.0.1:{port}/{number}", b"OK"))
                    found.append(f"{answer.status} {answer.body.decode()}")
                except CallFailedError:
                    found.append("failed")
                await asyncio.sleep(0)
            client.close()
            await asyncio.sleep(0)
        return found, receiver

    return asyncio.run(run())


def test_calls_share_a_connection() -> None:
    found, receiver = outcomes([[OK, OK, OK]], 3)
    assert found == ["200 OK"] * 3
    assert receiver.connections == 1
    assert [request.split(b" ")[1] for request in receiver.requests] == [b"/0", b"/1", b"/2"]


def test_a_receiver_that_closes_after_each_answer() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    until_closed = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nOK"
    found, receiver = outcomes([[closing], [until_closed], [OK]], 3)
    assert found == ["200 OK"] * 3
    assert receiver.connections == 3


def test_a_call_on_a_closed_idle_connection_is_repeated_on_a_new_one() -> None:
    found, receiver = outcomes([[OK, b""], [OK]], 2)
    assert found == ["200 OK", "200 OK"]
    assert receiver.connections == 2


class SilentReceiver:
    """Answers ``OK`` once, then keeps the connection and says nothing, or only ``begun``."""

    def __init__(self, begun: bytes, closes: bool) -> None:
        self._begun = begun
        self._closes = closes
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (OK, self._begun):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            writer.write(answer)
            await writer.drain()
        if not self._closes:
            await reader.read()
        writer.close()


@pytest.mark.parametrize(
    ("begun", "closes", "calls"),
    [(b"", False, 2), (OK[:20], False, 2), (OK[:20], True, 2), (b"not HTTP\r\n\r\n", False, 2)],
    ids=["hangs", "hangs within its answer", "closes within its answer", "speaks no HTTP"],
)
def test_what_a_receiver_fails_on_a_kept_connection_is_not_repeated(
    begun: bytes, closes: bool, calls: int
) -> None:
    async def run() -> tuple[int, int]:
        receiver = SilentReceiver(begun, closes)
        client = ReportClient(timeout_s=0.5)
        async with asyncio.timeout(30), await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
            call = ReportCall("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"OK")
            await client.call(call)
            waiting = asyncio.create_task(client.call(call))
            await given_up(client, waiting)
            with pytest.raises(CallFailedError):
                await waiting
            client.close()
            await asyncio.sleep(0)
        return receiver.requests, client.resent

    assert asyncio.run(run()) == (calls, 0)


def test_a_call_that_met_a_closed_idle_connection_is_counted() -> None:
    async def run() -> tuple[int, int]:
        receiver = ScriptedReceiver([[OK, b""], [OK]])
        client = ReportClient()
        async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
            call = ReportCall("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"OK")
            await client.call(call)
            await client.call(call)
            client.close()
            await asyncio.sleep(0)
        return len(receiver.requests), client.resent

    assert asyncio.run(run()) == (3, 1)


def test_idle_connections_are_limited_and_the_least_recently_used_closed() -> None:
    async def run() -> tuple[int, int]:
        receiver = ScriptedReceiver([[OK, OK]] * 400)
        client = ReportClient()
        async with await asyncio.start_server(receiver.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for number in range(300):  # as many receivers as there are names of a user
                await client.call(ReportCall("GET", f"http://u{number}@127.0.0.1:{port}/", b"OK"))
            idle, endpoints = client.idle
            client.close()
            await eventually_in_loop(lambda: receiver.open == 0)
            server.close()
        return idle, endpoints

    assert asyncio.run(run()) == (256, 256)


def test_interim_chunked_and_broken_answers() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nO\r\n1\r\nK\r\n0\r\n\r\n"
    found, _ = outcomes([[interim, chunked]], 2)
    assert found == ["200 OK", "200 OK"]
    assert outcomes([[b"SSH-2.0-OpenSSH\r\n"]], 1)[0] == ["failed"]
    assert outcomes([[b""]], 1)[0] == ["failed"]
    long_answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"O" * 100_000
    assert len(outcomes([[long_answer]], 1)[0][0]) < 1_000


def test_a_call_without_an_answer_is_given_up_and_its_connection_not_used_again() -> None:
    async def run() -> tuple[str, int, int]:
        connections = ended = 0

        async def answer_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections, ended
            connections += 1
            await reader.readuntil(b"\r\n\r\n")
            if connections == 2:
                writer.write(OK)
            await reader.read()
            writer.close()
            ended += 1

        client = ReportClient(timeout_s=0.5)
        async with asyncio.timeout(30):
            async with await asyncio.start_server(answer_the_second, "127.0.0.1", 0) as server:
                call = ReportCall("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"OK")
                waiting = asyncio.create_task(client.call(call))
                await given_up(client, waiting)
                with pytest.raises(CallFailedError, match="in time"):
                    await waiting
                answer = await client.call(call)
                client.close()
                await eventually_in_loop(lambda: ended == 2)
        return answer.body.decode(), connections, ended

    assert asyncio.run(run()) == ("OK", 2, 2)
