"""Route URLs, and what the route makes of a network that misbehaves (real sockets)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from urllib.parse import quote

import pytest
from messages import made_message
from nanoseconds import S

from reference_sender.clock import now_ns
from reference_sender.dispatch.values import Lane, Message, Outcome, Result
from reference_sender.routes.url import RouteError, read_route

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def test_a_route_url_is_read() -> None:
    spec = read_route("smsapi+http://se%2Fcret@127.0.0.1:8080?requests_per_s=50&max_batch=10&timeout_s=3")
    assert (spec.account.url, spec.account.secret, spec.timeout_s) == (
        "http://127.0.0.1:8080/sms.do",
        "se/cret",
        3.0,
    )
    limits = spec.limits
    assert (limits.name, limits.requests_per_s, limits.max_batch) == ("smsapi@127.0.0.1:8080", 50.0, 10)
    assert limits.requests_burst == 5.0


def test_a_route_may_name_its_path() -> None:
    assert (
        read_route("smsapi+https://t@api.smsapi.pl/api/sms.do").account.url
        == "https://api.smsapi.pl/api/sms.do"
    )


@pytest.mark.parametrize("name", ["smsapi@[::1]:8080", "główna", "x" * 100])
def test_a_route_may_be_named(name: str) -> None:
    assert read_route(f"smsapi+http://t@127.0.0.1:1?name={quote(name)}").limits.name == name


def test_a_token_does_not_show() -> None:
    assert "hush" not in repr(read_route("smsapi+http://hush@127.0.0.1:1"))


NO_NAMES = ("", "a%00b", "a+b", "a%20b", "a%2Cb", "a;b", "a%0Ab", "a%2F%2Fb", "x" * 101)
NO_SENDERS = ("", "a%00b", "waytoolongsendernamehere", "Kąt", "MG" + "a" * 32)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("token@127.0.0.1:8080", "this one has no protocol before ://"),
        ("http://t@127.0.0.1:1", "smsapi"),
        ("smsapi+http://127.0.0.1:1", "TOKEN"),
        ("smsapi+http://hush@", "TOKEN"),
        ("smsapi+http://hush@127.0.0.1:x", "malformed"),
        ("smsapi+http://hush@127.0.0.1:1?rate=5", "requests_per_s"),
        ("smsapi+http://hush@127.0.0.1:1?max_batch=0", "max_batch"),
        ("smsapi+http://hush@127.0.0.1:1?segments_per_s=nan", "segments_per_s"),
        ("smsapi+http://hush@127.0.0.1:1?requests_burst=99999999999999999999999", "requests_burst: must be"),
        ("smsapi+http://hush@127.0.0.1:1?max_in_flight=100001", "max_in_flight: must be at most 100000"),
        ("smsapi+http://hush@127.0.0.1:1?timeout_s=1e300", "timeout_s: must be at most 3600"),
        ("smsapi+http://hush@127.0.0.1:1?requests_per_s=1&requests_per_s=2", "requests_per_s is given more"),
        ("smsapi+http://t@127.0.0.1:1,smsapi+http://hush@127.0.0.1:2", ":// twice"),
        ("smsapi+http://t@127.0.0.1:1/x;smsapi+http://hush@127.0.0.1:2", ":// twice"),
        ("smsapi+http://t@127.0.0.1:1?name=a,smsapi+http://hush@127.0.0.1:2", ":// twice"),
        *(
            (f"smsapi+http://hush@127.0.0.1:1?name={name}", "name must be 1 to 100 visible")
            for name in NO_NAMES
        ),
        *(
            (f"smsapi+http://hush@127.0.0.1:1?sender_id={each}", "sender_id must be 1 to 11")
            for each in NO_SENDERS
        ),
        ("twilio+http://AC1:hush@127.0.0.1:1", "sender_id must be given"),
        ("twilio+http://AC1:hush@127.0.0.1:1?sender_id=MG%00", "a number of 3 to 15 digits, or the sid of a"),
    ],
)
def test_a_bad_route_url_is_refused_with_a_reason(url: str, says: str) -> None:
    with pytest.raises(RouteError, match=says) as refused:
        read_route(url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("[::1]", True), ("localhost", True), ("10.0.0.1", False)],
)
def test_whether_a_provider_is_on_this_machine(host: str, local: bool) -> None:
    assert read_route(f"smsapi+http://t@{host}:1").is_local() is local


def message(number: int, text: str = "hello", life_s: float = 300.0) -> Message:
    expires_ns = now_ns() + round(life_s * S)
    return made_message(number, to=f"4850010020{number}", text=text, lane=Lane.OTP, expires_ns=expires_ns)


def submit_to(peer: Peer | None, *messages: Message, timeout_s: float = 5.0) -> list[Outcome]:
    """As ``submitted_to``, the outcomes alone."""
    return [result.outcome for result in submitted_to(peer, *messages, timeout_s=timeout_s)]


def submitted_to(peer: Peer | None, *messages: Message, timeout_s: float = 5.0) -> Sequence[Result]:
    """Submit to a server that does as ``peer`` does, or (None) to a port nobody listens on."""

    async def run() -> Sequence[Result]:
        served: list[asyncio.Future[None]] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.append(asyncio.get_running_loop().create_future())
            assert peer is not None
            await peer(reader, writer)
            writer.close()
            with suppress(ConnectionError):  # by a route that has read enough
                await writer.wait_closed()
            served[-1].set_result(None)

        if peer is None:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                port = closed.getsockname()[1]
        else:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
        route = read_route(f"smsapi+http://t@127.0.0.1:{port}?timeout_s={timeout_s}").open("http://r")
        try:
            return await route.submit(messages)
        finally:
            await route.close()
            if peer is not None:
                server.close()
                await asyncio.gather(*served)

    return asyncio.run(run())


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if b"content-length" in line).split()[1])
    return head, await reader.readexactly(length)


def answers(status: str, body: bytes) -> Peer:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return peer


async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def cuts_halfway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_nobody_listening_means_not_sent() -> None:
    assert submit_to(None, message(1)) == [Outcome.RETRYABLE]


@pytest.mark.parametrize("peer", [cuts, cuts_halfway, is_silent])
def test_no_answer_after_sending_means_unknown(peer: Peer) -> None:
    assert submit_to(peer, message(1), timeout_s=0.2) == [Outcome.UNKNOWN]


def test_a_message_that_expired_meanwhile_is_not_sent() -> None:
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read())

    assert submit_to(peer, message(1, life_s=60.0), message(2, life_s=0.0)) == [Outcome.RETRYABLE] * 2
    assert seen == []


@pytest.mark.parametrize(("timeout_s", "life_s"), [(0.2, 300.0), (5.0, 0.2)])
def test_a_connection_that_comes_too_late_means_not_sent(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float, life_s: float
) -> None:
    """The resolver does not answer. The request's time-out ends the wait, or the end of the validity."""

    async def run() -> Outcome:
        async def never(*_: object, **__: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
        route = read_route(f"smsapi+http://t@provider.example:80?timeout_s={timeout_s}").open("http://r")
        try:
            async with asyncio.timeout(4.0):
                (result,) = await route.submit([message(1, life_s=life_s)])
        finally:
            await route.close()
        return result.outcome

    assert asyncio.run(run()) is Outcome.RETRYABLE


def test_a_query_that_hangs_does_not_hold_a_message_back() -> None:
    async def run() -> Outcome:
        hanging = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if b"/profile" in await reader.readuntil(b"\r\n\r\n"):
                hanging.set()
                await reader.read()
            else:
                answer = b'{"list": [{"id": "p", "idx": "k-1"}]}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
                await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        route = read_route(f"smsapi+http://t@127.0.0.1:{port}?max_in_flight=1").open("http://r")
        query = asyncio.create_task(route.ask_balance())
        try:
            await hanging.wait()
            async with asyncio.timeout(4.0):
                (result,) = await route.submit([message(1)])
        finally:
            query.cancel()
            await route.close()
            server.close()
        return result.outcome

    assert asyncio.run(run()) is Outcome.ACCEPTED


def test_a_redirect_is_not_followed() -> None:
    assert submit_to(answers("302 Found\r\nLocation: http://10.0.0.1/", b""), message(1)) == [Outcome.UNKNOWN]


def test_what_cannot_share_the_request_is_split_off_unsent() -> None:
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        seen.append(body)
        assert b"Authorization: Bearer t\r\n" in head
        items = [{"id": key, "idx": key} for key in json.loads(body)["idx"].split("|")]
        answer = json.dumps({"count": len(items), "list": items}).encode()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
        await writer.drain()

    found = submit_to(peer, message(1, "a"), message(2, "b|c"), message(3, "d"))
    assert found == [Outcome.ACCEPTED, Outcome.SPLIT, Outcome.ACCEPTED]
    assert json.loads(seen[0])["idx"] == "k-1|k-3"


class ClosingProvider:
    """Answers a set number of requests on each connection, then reads the next request and closes."""

    def __init__(self, *answers_each: int) -> None:
        self._answers_each = list(answers_each)
        self.bodies: list[bytes] = []
        self.closed = 0
        self.silent = asyncio.Event()  # once set, no request is answered any more

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = self._answers_each.pop(0)
        try:
            while True:
                _, body = await read_request(reader)
                self.bodies.append(body)
                if self.silent.is_set():
                    await reader.read()
                    return
                if not answers:
                    self.closed += 1
                    return
                answers -= 1
                answer = json.dumps({"list": [{"id": "p", "idx": json.loads(body)["idx"]}]}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


def submit_each(
    provider: ClosingProvider, *messages: Message, timeout_s: float = 5.0
) -> list[tuple[str, str]]:
    """Outcome and reason of ``messages``, submitted one after the other."""

    async def run() -> list[tuple[str, str]]:
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        route = read_route(f"smsapi+http://t@127.0.0.1:{port}?timeout_s={timeout_s}").open("http://r")
        found = []
        try:
            for one in messages:
                if one.text == "silent":
                    provider.silent.set()
                (result,) = await route.submit([one])
                found.append((result.outcome.value, result.reason))
        finally:
            await route.close()
            server.close()
        return found

    return asyncio.run(run())


def test_a_request_that_meets_the_close_of_a_kept_connection_goes_out_again_at_once() -> None:
    provider = ClosingProvider(1, 1)
    assert submit_each(provider, message(1), message(2)) == [("accepted", "")] * 2
    assert provider.closed == 1
    assert provider.bodies[1] == provider.bodies[2]  # the same key, so it cannot be delivered twice


def test_a_new_connection_that_breaks_is_not_tried_again() -> None:
    provider = ClosingProvider(0, 1)
    assert submit_each(provider, message(1)) == [("unknown", "no_answer")]
    assert len(provider.bodies) == 1


def test_a_time_out_on_a_kept_connection_is_not_tried_again() -> None:
    provider = ClosingProvider(2, 2)
    found = submit_each(provider, message(1), message(2, "silent"), timeout_s=0.3)
    assert found == [("accepted", ""), ("unknown", "no_answer")]
    assert len(provider.bodies) == 2


@pytest.mark.parametrize("length", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_a_reply_without_end_is_not_read_to_its_end(length: bytes) -> None:
    written = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        piece = b"x" * 65_536
        try:
            while written < 100_000_000:
                writer.write(piece if length.startswith(b"C") else b"10000\r\n%b\r\n" % piece)
                await writer.drain()
                written += len(piece)
        except ConnectionError:
            return

    assert submit_to(endless, message(1)) == [Outcome.UNKNOWN]
    assert written < 50_000_000  # what the kernel's buffers hold, not what the provider had to say


def test_a_date_to_come_back_at_is_understood() -> None:
    peer = answers(
        "429 Too Many Requests\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n"
        "Retry-After: Fri, 15 Jan 2027 08:00:08 GMT",
        b"{}",
    )
    assert submitted_to(peer, message(1))[0].retry_after_s == 8.0
