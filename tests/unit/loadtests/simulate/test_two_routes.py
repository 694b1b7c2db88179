"""A sender with two routes in virtual time: the first becomes slow, and its weight falls and comes back."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from analysis.records import PROVIDER_SCHEMA, SENDER_SCHEMA, read_rows
from loadtests.arrivals import Mix, Poisson, Stream
from loadtests.scenario import Part, Scenario, ScenarioError
from loadtests.scenarios.two_routes import SCENARIO
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.route_results import RouteResult
from loadtests.simulate.run import route_lines

SLOW = SCENARIO.parts[0]
SLOW_FROM_MIN = 20


def fewer(part: Part) -> Part:
    """The part with a tenth of its messages."""
    stream = Stream(Poisson(0.2, 5_400.0), mix=Mix(1.0, 1.0, 1.0))
    return msgspec.structs.replace(part, streams=(stream,))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[RouteResult, ...], list[str]]:
    folder = tmp_path_factory.mktemp("two-routes")
    target = simulate_part("two-routes", fewer(SLOW), 1, folder, Choices()).target
    return folder, msgspec.convert(target["routes"], tuple[RouteResult, ...]), route_lines(target)


def test_the_weight_of_a_slow_route_falls_in_steps_and_recovers_slowly(
    run: tuple[Path, tuple[RouteResult, ...], list[str]],
) -> None:
    _, (first, second), lines = run
    assert first.weights[0] == (0.0, 50.0)
    assert all(one + two == 100.0 for (_, one), (_, two) in zip(first.weights, second.weights, strict=True))
    changes = [(at_s / 60, weight - before) for (_, before), (at_s, weight) in pairwise(first.weights)]
    falls = [at_min for at_min, by in changes if by < 0]
    rises = [at_min for at_min, by in changes if by > 0]
    assert all(abs(by) <= 10.0 for _, by in changes)
    # A message is slow after 5 minutes, and a weight falls at most every 5 minutes.
    assert SLOW_FROM_MIN + 5 <= falls[0] <= SLOW_FROM_MIN + 15
    assert all(later - earlier > 4.5 for earlier, later in pairwise(falls))
    assert min(weight for _, weight in first.weights) < 50.0
    assert rises and rises[0] - falls[-1] > 14, "no weight rises within 15 minutes of the last change"
    assert [line.split(":")[0] for line in lines] == ["route first (fading)", "route second (smsapi)"]


def test_every_message_is_accepted_by_one_provider_and_counted_for_its_route(
    run: tuple[Path, tuple[RouteResult, ...], list[str]],
) -> None:
    folder, (first, second), _ = run
    provider = read_rows(folder / "provider.arrow", PROVIDER_SCHEMA).to_pylist()
    accepts: Counter[str] = Counter()
    for row in provider:
        accepts[row["key"]] += row["accepts"]
    sender = read_rows(folder / "sender.arrow", SENDER_SCHEMA).to_pylist()
    assert max(accepts.values()) == 1
    assert first.sent + second.sent == sum(accepts.values())  # the others are refused for their numbers
    assert first.delivered + second.delivered == sum(row["state"] == "delivered" for row in sender)
    assert second.sent > first.sent > 0
    assert first.delivery_p95_s is not None and second.delivery_p95_s is not None
    assert first.delivery_p95_s > 300 > second.delivery_p95_s


def test_a_live_part_has_one_route() -> None:
    live = msgspec.structs.replace(SLOW, mode="live")
    with pytest.raises(ScenarioError, match="slow-route has a second_profile, so its mode must be simulated"):
        Scenario(name="x", title="x", parts=(live,))
