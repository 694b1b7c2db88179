"""What the exchange of every route must hold to: dispatcher and engine joined in virtual time, as bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from messages import made_message
from nanoseconds import S
from route_accounts import route_url

from loadtests.arrivals import Poisson, Schedule, Stream
from loadtests.arrivals.plan import Plan
from loadtests.simulate.exchange import Exchange
from loadtests.simulate.exchanges import exchange_of
from loadtests.simulate.simulation import SecondRoute, Settings, simulate
from loadtests.simulate.world import World
from mock_provider.engine import Engine
from mock_provider.engine.values import Refused
from mock_provider.profiles import load_profile, with_token
from mock_provider.settings.values import Refusal
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Change, Lane, Message, Outcome, RouteLimits, State
from reference_sender.routes import ROUTES
from reference_sender.routes.url import read_route

TOKEN = "simulated"
PROFILE = with_token(load_profile("fast"), TOKEN)

every_route = pytest.mark.parametrize("name", sorted(ROUTES))


def exchange_for(name: str) -> Exchange:
    return exchange_of(PROFILE, TOKEN, as_bytes=True, protocol=name)


def messages(count: int) -> tuple[Message, ...]:
    return tuple(
        made_message(
            n, to=f"4850010020{n}", text=f"text {n}", lane=Lane.OTP, sender_id="", expires_ns=3_600 * S
        )
        for n in range(count)
    )


@every_route
def test_messages_are_submitted_and_delivered(name: str) -> None:
    """Requests, answers and reports are read by the other side."""
    route = ROUTES[name]
    limits = RouteLimits(name, 100.0, 10.0, 100.0, 10.0, route.default_batch, 8, route.idempotency_window_s)
    engine = Engine(PROFILE, seed=1)
    changes: list[Change] = []
    core = Dispatcher(DispatchSettings(), (limits,), seed=1)
    world = World(core, engine, {name: exchange_for(name)}, changes.append)
    world.offer(0, messages(5))
    world.run(60 * S)
    ended = {change.message_id: change.state for change in changes if change.state is not State.SENT}
    assert ended == dict.fromkeys(range(5), State.DELIVERED)
    assert (core.open_messages, engine.open_messages) == (0, 0)


@every_route
def test_a_batch_without_an_answer_is_unknown_as_far_as_one_request_goes(name: str) -> None:
    found = [result.outcome for result in exchange_for(name).unanswered(messages(2))]
    assert found == [Outcome.UNKNOWN, Outcome.SPLIT if ROUTES[name].max_batch == 1 else Outcome.UNKNOWN]


@every_route
def test_a_refusal_of_the_engine_is_read(name: str) -> None:
    request = exchange_for(name).request(S, 1, messages(1))
    assert isinstance(request, tuple), request
    _, read = request
    (result,) = read(Refused(Refusal.THROTTLED_REQUESTS, (), 1.0))
    assert result.outcome is Outcome.THROTTLED


@every_route
@pytest.mark.parametrize("is_second", [False, True])
def test_a_route_without_a_duplicate_check_is_not_simulated(
    name: str, is_second: bool, tmp_path: Path
) -> None:
    tested = read_route(route_url(name, "127.0.0.1", name="tested")).limits
    usual = read_route(route_url("smsapi", "127.0.0.1")).limits
    settings = Settings(1, usual, second=SecondRoute(tested, PROFILE)) if is_second else Settings(1, tested)
    schedule = Schedule(Plan(streams=(Stream(Poisson(5.0, 2.0)),), seed=1, key_tag="t"))
    if ROUTES[name].idempotency_window_s:
        assert simulate(schedule, PROFILE, settings, tmp_path, lambda _: True).open == 0
        return
    with pytest.raises(
        ValueError, match="route tested: a route without a duplicate check cannot be simulated"
    ):
        simulate(schedule, PROFILE, settings, tmp_path, lambda _: True)
    assert list(tmp_path.iterdir()) == []
