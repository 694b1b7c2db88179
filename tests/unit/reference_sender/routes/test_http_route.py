"""The client of a route: what a provider does not offer, and a connection that ends as it is used."""

from __future__ import annotations

import asyncio

import pytest
from messages import made_message

from reference_sender.clock import now_ns
from reference_sender.dispatch.values import Lane, Message, Outcome
from reference_sender.routes import ROUTES
from reference_sender.routes.client import HttpRoute
from reference_sender.routes.protocol import RouteAccount, RouteProtocol

_BODY = b'{"code": "throttled_segments"}'
ANSWER = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


def protocol_at(port: int) -> RouteProtocol:
    return ROUTES["generic"].protocol(RouteAccount(f"http://127.0.0.1:{port}/v1/messages", "", "t", "Shop"))


def message() -> Message:
    at_ns = now_ns()
    return made_message(1, lane=Lane.OTP, sender_id="", created_ns=at_ns, expires_ns=at_ns + 60 * 10**9)


def test_what_a_provider_does_not_offer_is_not_asked_for() -> None:
    async def asked() -> None:
        route = HttpRoute(protocol_at(1), max_in_flight=1, timeout_s=1.0, repeats=True)
        try:
            assert route.protocol.lookup is None
            assert await route.look_up(message(), 0) is None
            assert await route.ask_report("p-1", "k-1") is None
            assert await route.ask_balance() is None
        finally:
            await route.close()

    asyncio.run(asked())


@pytest.mark.parametrize(
    ("max_in_flight", "repeats", "outcome", "requests"),
    [
        (8, True, Outcome.THROTTLED, 3),  # the provider's answer to the repeat
        (8, False, Outcome.UNKNOWN, 2),  # a second message might be accepted
        (1, True, Outcome.UNKNOWN, 2),  # not more tries than the pool has connections
    ],
)
def test_a_request_that_meets_the_end_of_its_connection_is_repeated_if_the_provider_refuses_repeats(
    max_in_flight: int, repeats: bool, outcome: Outcome, requests: int
) -> None:
    """The provider answers one request of each connection, and closes it at the next."""
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        for answer in (ANSWER, b""):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            seen += 1
            writer.write(answer)
        writer.close()

    async def submitted_twice() -> list[Outcome]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        route = HttpRoute(protocol_at(server.sockets[0].getsockname()[1]), max_in_flight, 5.0, repeats)
        try:
            return [(await route.submit([message()]))[0].outcome for _ in range(2)]
        finally:
            await route.close()
            server.close()

    assert asyncio.run(submitted_twice()) == [Outcome.THROTTLED, outcome]
    assert seen == requests
