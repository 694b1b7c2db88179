"""What every route of the sender must hold to, against the mock provider over real sockets.

Rooms of ``reference_sender/routes/`` are found. Their accounts follow from their definitions.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pkgutil import iter_modules
from typing import Any

import pytest
from aiohttp import web
from messages import made_message
from route_accounts import SIGNED, route_url, sender_of
from waiting import eventually_in_loop
from wire_provider import TOKEN, StartProvider, started

from mock_provider.testing.running import ProviderThread
from reference_sender import routes
from reference_sender.clock import now_ns
from reference_sender.dispatch.values import Lane, Message, Outcome, Report, State
from reference_sender.routes import ROUTES
from reference_sender.routes.client import HttpRoute
from reference_sender.routes.protocol import ForgedReport, ReportRequest
from reference_sender.routes.url import RouteError, RouteSpec, read_route

HANG_ACCEPTED = {"kind": "hang", "accepted": True}
HANG_LOST = {"kind": "hang", "accepted": False}

every_route = pytest.mark.parametrize("name", sorted(ROUTES))


@every_route
def test_a_definition_has_an_example_of_what_its_url_must_give(name: str) -> None:
    route = ROUTES[name]
    assert bool(route.example_user) == (":" in route.credentials)
    assert bool(route.example_sender_id) == (route.sender_id is None)


def test_a_route_has_the_name_of_its_room_and_the_name_can_begin_a_url() -> None:
    assert set(ROUTES) == {module.name for module in iter_modules(routes.__path__) if module.ispkg}
    assert [name for name in ROUTES if not re.fullmatch("[a-z][a-z0-9]*", name)] == []


@pytest.fixture
def start() -> Iterator[StartProvider]:
    with ExitStack() as stack:

        def start_one(**sections: Any) -> ProviderThread:
            return stack.enter_context(started(**sections))

        yield start_one


def spec_of(name: str, address: str, **options: Any) -> RouteSpec:
    return read_route(route_url(name, address, **options))


def address_of(provider: ProviderThread) -> str:
    return provider.url.removeprefix("http://")


def message(number: int, to: str = "48500100200", text: str = "hello", sender_id: str = "") -> Message:
    at_ns = now_ns()
    expires_ns = at_ns + 3_600 * 10**9
    key = f"k-{at_ns}-{number}"
    return made_message(
        number,
        key=key,
        to=to,
        text=text,
        lane=Lane.TRANSACTIONAL,
        sender_id=sender_id,
        created_ns=at_ns,
        expires_ns=expires_ns,
    )


def with_route(
    spec: RouteSpec, act: Callable[[HttpRoute], Awaitable[object]], report_url: str = "http://127.0.0.1:9/r"
) -> None:
    async def run() -> None:
        route = spec.open(report_url)
        try:
            await act(route)
        finally:
            await route.close()

    asyncio.run(run())


async def outcome(route: HttpRoute, *messages: Message) -> list[Outcome]:
    return [result.outcome for result in await route.submit(messages)]


@every_route
def test_a_message_is_accepted_under_an_id_of_its_own(name: str, start: StartProvider) -> None:
    async def act(route: HttpRoute) -> None:
        ids = set()
        for number in range(3):
            (result,) = await route.submit([message(number)])
            assert result.outcome is Outcome.ACCEPTED
            ids.add(result.provider_id)
        assert len(ids) == 3
        assert None not in ids

    provider = start()
    with_route(spec_of(name, address_of(provider)), act)
    assert provider.state()["accepted"] == 3


@every_route
def test_a_batch_is_accepted_as_far_as_one_request_goes(name: str, start: StartProvider) -> None:
    most = ROUTES[name].max_batch

    async def act(route: HttpRoute) -> None:
        found = await outcome(route, message(1, text="one"), message(2, text="two"), message(3, text="three"))
        alone = [Outcome.ACCEPTED, Outcome.SPLIT, Outcome.SPLIT]
        assert found == (alone if most == 1 else [Outcome.ACCEPTED] * 3)

    with_route(spec_of(name, address_of(start())), act)


@every_route
@pytest.mark.parametrize("option", ["max_batch", "max_segments", "idempotency_window_s"])
def test_an_option_lowers_a_limit_and_does_not_raise_it(name: str, option: str) -> None:
    most = getattr(ROUTES[name], option)
    spec_of(name, "127.0.0.1:1", **{option: int(most)})
    with pytest.raises(RouteError, match=option) as refused:
        spec_of(name, "127.0.0.1:1", **{option: int(most) + 1})
    assert TOKEN not in str(refused.value)


@every_route
def test_a_final_refusal_is_permanent(name: str, start: StartProvider) -> None:
    async def act(route: HttpRoute) -> None:
        assert await outcome(route, message(1, sender_id="Unknown")) == [Outcome.PERMANENT]
        assert await outcome(route, message(2)) == [Outcome.ACCEPTED]

    with_route(spec_of(name, address_of(start(account={"sender_names": [sender_of(name)]}))), act)


@every_route
def test_a_limit_of_the_provider_throttles_the_route(name: str, start: StartProvider) -> None:
    async def act(route: HttpRoute) -> None:
        assert await outcome(route, message(1)) == [Outcome.ACCEPTED]
        assert await outcome(route, message(2)) == [Outcome.THROTTLED]

    limit = {"requests": {"rate_per_s": 0.01, "burst": 1}}
    with_route(spec_of(name, address_of(start(throttle=limit))), act)


@every_route
def test_wrong_credentials_stop_the_route_and_no_message(name: str, start: StartProvider) -> None:
    async def act(route: HttpRoute) -> None:
        assert await outcome(route, message(1)) == [Outcome.ROUTE_DOWN]

    with_route(read_route(route_url(name, address_of(start()), TOKEN + "x")), act)


@every_route
def test_a_provider_that_is_not_there_has_taken_nothing(name: str) -> None:
    async def act(route: HttpRoute) -> None:
        assert await outcome(route, message(1)) == [Outcome.RETRYABLE]

    async def free_port() -> int:
        server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return port

    with_route(spec_of(name, f"127.0.0.1:{asyncio.run(free_port())}"), act)


@every_route
@pytest.mark.parametrize("taken", [True, False], ids=["taken", "lost"])
def test_what_became_of_a_message_without_an_answer_can_be_found_out(
    name: str, taken: bool, start: StartProvider
) -> None:
    """By a repeat where the provider refuses repeats, else by a lookup. Either way it is delivered once."""
    provider = start()

    async def act(route: HttpRoute) -> None:
        one, other = message(1, text="the one"), message(2, text="the other")
        assert await outcome(route, other) == [Outcome.ACCEPTED]
        provider.admin("/faults", HANG_ACCEPTED if taken else HANG_LOST, "POST")
        since_ns = now_ns()
        assert await outcome(route, one) == [Outcome.UNKNOWN]
        provider.admin("/faults", method="DELETE")
        if ROUTES[name].idempotency_window_s:
            assert route.protocol.lookup is None
            repeat = await outcome(route, one)
            assert repeat == [Outcome.ALREADY_ACCEPTED if taken else Outcome.ACCEPTED]
            return
        found = await route.look_up(one, since_ns)
        assert found is not None
        assert [report.key for report in found] == ([one.key] if taken else [])

    with_route(spec_of(name, address_of(provider), timeout_s=0.5), act)
    lost = not taken and not ROUTES[name].idempotency_window_s
    assert provider.state()["accepted"] == (1 if lost else 2)


@every_route
def test_a_repeat_is_refused_as_the_definition_says(name: str, start: StartProvider) -> None:
    async def act(route: HttpRoute) -> None:
        one = message(1)
        assert await outcome(route, one) == [Outcome.ACCEPTED]
        refused = ROUTES[name].idempotency_window_s > 0
        assert await outcome(route, one) == [Outcome.ALREADY_ACCEPTED if refused else Outcome.ACCEPTED]

    with_route(spec_of(name, address_of(start())), act)


@every_route
def test_the_state_of_an_accepted_message_can_be_asked_for(name: str, start: StartProvider) -> None:
    spec = spec_of(name, address_of(start()))
    assert spec.limits.answers_status

    async def act(route: HttpRoute) -> None:
        one = message(1)
        (result,) = await route.submit([one])
        assert result.provider_id is not None
        found: list[Report | None] = []

        async def is_delivered() -> bool:
            found.append(await route.ask_report(result.provider_id or "", one.key))
            return found[-1] is not None and found[-1].state is State.DELIVERED

        async with asyncio.timeout(20):
            while not await is_delivered():
                await asyncio.sleep(0)
        assert all(each is not None and each.state in (State.SENT, State.DELIVERED) for each in found)
        assert found[-1] == Report(result.provider_id, one.key, State.DELIVERED, "")
        unknown = await route.ask_report("7" * 19, "k")
        assert unknown is None or unknown.state is State.SENT

    with_route(spec, act)


class Reports:
    """The sender's end of report calls: reads them by the route, and confirms them as its definition says."""

    def __init__(self, name: str, confirms: bool = True) -> None:
        self._confirmation = ROUTES[name].confirmation
        self._confirms = confirms
        self.protocol: Any = None
        self.requests: list[ReportRequest] = []
        self.found: list[Report] = []
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.Response:
        url = self.url.rpartition("/")[0] + request.raw_path
        self.requests.append(ReportRequest(request.method, url, request.headers, await request.read()))
        self.found += self.protocol.read_reports(self.requests[-1])
        if not self._confirms:
            return web.Response(status=500)
        return web.Response(status=self._confirmation.status, body=self._confirmation.body or None)


def all_came(found: Sequence[Report], times: int) -> bool:
    """Whether the ends of two messages have been reported so often."""
    counts = Counter(report.provider_id for report in found if report.state is not State.SENT)
    return len(counts) == 2 and min(counts.values()) >= times


def reported(name: str, provider: ProviderThread, reports: Reports, times: int) -> Sequence[Message]:
    """Send two messages one by one; wait until the end of each has been reported ``times`` times."""
    sent = [message(1, text="first"), message(2, text="second")]

    async def run() -> None:
        server = web.Server(reports.handle)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        reports.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/reports"
        route = spec_of(name, address_of(provider)).open(reports.url)
        reports.protocol = route.protocol
        try:
            for each in sent:
                assert await outcome(route, each) == [Outcome.ACCEPTED]
            await eventually_in_loop(lambda: all_came(reports.found, times))
            if times == 1:
                await eventually_in_loop(lambda: provider.state()["open"] == 0)
        finally:
            await route.close()
            listening.close()
            await server.shutdown(1)

    asyncio.run(run())
    return sent


@every_route
def test_reports_name_their_message_and_are_confirmed(name: str, start: StartProvider) -> None:
    provider = start(reports={"linger_s": 0.0, "retry_after_s": [0.05], "give_up_after_s": 60.0})
    reports = Reports(name)
    sent = reported(name, provider, reports, times=1)
    ended = [report for report in reports.found if report.state is not State.SENT]
    assert {report.key: report.state for report in ended} == {each.key: State.DELIVERED for each in sent}
    assert len(ended) == len(sent)
    assert all(report.provider_id for report in ended)
    counters = provider.state()["counters"]
    assert counters["reports_confirmed"] == len(sent)
    assert counters["reports_retried"] == 0


@every_route
def test_a_report_that_is_not_confirmed_comes_again(name: str, start: StartProvider) -> None:
    provider = start(reports={"linger_s": 0.0, "retry_after_s": [0.02] * 50, "give_up_after_s": 60.0})
    reports = Reports(name, confirms=False)
    reported(name, provider, reports, times=3)
    assert len({report.provider_id for report in reports.found}) == 2


@pytest.mark.parametrize("name", SIGNED)
def test_a_report_that_was_changed_on_its_way_is_refused(name: str, start: StartProvider) -> None:
    reports = Reports(name)
    reported(name, start(), reports, times=1)
    good = reports.requests[-1]
    assert reports.protocol.read_reports(good)
    forged = [
        ReportRequest(good.method, good.url, good.headers, good.body.replace(b"delivered", b"undelivered")),
        ReportRequest(good.method, good.url, {}, good.body),
        ReportRequest(good.method, good.url, {"X-Signature": "é", "X-Twilio-Signature": "é"}, good.body),
    ]
    if name == "twilio":  # whose signature covers the address, which names the message
        forged.append(ReportRequest(good.method, good.url + "0", good.headers, good.body))
    for each in forged:
        with pytest.raises(ForgedReport):
            reports.protocol.read_reports(each)


@every_route
def test_the_balance_of_the_account_can_be_asked_for(name: str, start: StartProvider) -> None:
    provider = start(account={"balance_points": 50.0, "price_per_segment": 0.5})

    async def act(route: HttpRoute) -> None:
        assert await route.ask_balance() == 50.0
        assert await outcome(route, message(1)) == [Outcome.ACCEPTED]
        assert await route.ask_balance() == 49.5

    with_route(spec_of(name, address_of(provider)), act)


@every_route
def test_a_balance_that_the_provider_does_not_give_is_unknown(name: str, start: StartProvider) -> None:
    async def act(route: HttpRoute) -> None:
        assert await route.ask_balance() is None

    with_route(read_route(route_url(name, address_of(start()), TOKEN + "x")), act)
    with_route(spec_of(name, "127.0.0.1:1", timeout_s=0.5), act)
