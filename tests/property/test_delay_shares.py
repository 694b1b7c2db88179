"""The split of the delay on any arrivals, and on runs that the simulation simulated."""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_plans import plans, routes
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nanoseconds import MS, S

from analysis.arrays import Ints
from analysis.findings import DelaySplit
from analysis.measure.contract_limits import ContractLimits, read_limits
from analysis.measure.outcomes import DELIVERED, MessageOutcomes, judge
from analysis.measure.shares.contract_wait import ContractQueue, wait_for_contract
from analysis.measure.shares.delays import delay_splits, split_run
from analysis.measure.shares.queueing import served
from analysis.read.journeys import Journeys, read_journeys
from analysis.records import Instant, Manifest, RecordedScenario
from loadtests.arrivals import Burst, Mix, Plan, Poisson, Schedule, Stream
from loadtests.simulate.simulation import ZERO_NS, Settings, simulate
from mock_provider.engine.throttle import TokenBucket
from mock_provider.profiles import Profile, load_profile, parse_profile
from mock_provider.settings.sections import Limit
from reference_sender.dispatch.values import RouteLimits

RateAndBurst = tuple[float, int] | None  # rate per second and burst
Arrival = tuple[int, int, int, int]  # ms, rank, segments, ms of its reply


def ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)


rates = st.one_of(st.none(), st.tuples(st.floats(1.0, 200.0), st.integers(1, 20)))
drains = st.one_of(st.none(), st.floats(1.0, 200.0))
arrivals = st.lists(
    st.tuples(st.integers(0, 3_000), st.integers(0, 2), st.integers(1, 3), st.integers(0, 400)),
    min_size=1,
    max_size=60,
)


def limits_of(
    requests: RateAndBurst,
    segments: RateAndBurst,
    drain: float | None,
    concurrent: int | None = None,
    batch: int = 1,
) -> ContractLimits:
    def bucket(pair: RateAndBurst) -> dict[str, Any] | None:
        return None if pair is None else {"rate_per_s": pair[0], "burst": pair[1]}

    throttle = {
        "requests": bucket(requests),
        "segments": bucket(segments),
        "concurrent_requests": concurrent,
    }
    protocol = {"w": {"max_recipients_per_request": batch}}
    queue = {"drain_segments_per_s": drain}
    return read_limits({"throttle": throttle, "accept_queue": queue, "protocol": protocol}, "w")


all_limits = st.builds(
    limits_of,
    rates,
    rates,
    drains,
    st.one_of(st.none(), st.integers(1, 5)),
    st.sampled_from([1, 3, 100]),
)


def columns(found: list[Arrival]) -> tuple[Ints, Ints, Ints, Ints]:
    at_ms, rank, segments, reply_ms = zip(*sorted(found), strict=True)
    return ints(at_ms) * MS, ints(rank), ints(segments), ints(reply_ms) * MS


def turns(at: Ints) -> Ints:
    """Some order within a class that is not that of the arrivals."""
    return (at // MS * 7 + np.arange(len(at)) * 3) % 11


@given(arrivals, st.sampled_from([1, 100]))
def test_without_limits_the_ideal_sender_never_waits(found: list[Arrival], batch: int) -> None:
    at, rank, segments, reply = columns(found)
    passed = wait_for_contract(at, rank, turns(at), segments, reply, ContractLimits(batch=batch))
    assert (passed.at_ns == at).all() and not passed.waits_ns.any()


@example([(0, 0, 1, 0)] * 4 + [(0, 0, 1, 1)], limits_of(None, None, None, 1, 1))
@given(arrivals, all_limits)
def test_what_is_skipped_between_busy_periods_had_nothing_to_wait_for(
    found: list[Arrival], limits: ContractLimits
) -> None:
    """The same passes as where every message is passed."""
    at, rank, segments, reply = columns(found)
    quickly = wait_for_contract(at, rank, turns(at), segments, reply, limits)
    order = np.lexsort((turns(at), rank, at))
    in_order = [each[order].tolist() for each in (at, rank, turns(at), segments, reply)]
    queue = ContractQueue(in_order[0], in_order[1], in_order[2], in_order[3], in_order[4], limits)
    queue.advance(0, len(at))
    passed = at[order].copy()
    for number, (passes_ns, _) in queue.waited.items():
        passed[number] = passes_ns
    assert (quickly.at_ns[order] == passed).all()
    assert (quickly.waits_ns.sum(axis=1) == quickly.at_ns - at).all()
    assert (quickly.waits_ns >= 0).all()
    assert (quickly.at_ns >= at).all()


@given(arrivals, rates, rates, drains)
def test_the_ideal_sender_keeps_every_limit(
    found: list[Arrival], requests: RateAndBurst, segments: RateAndBurst, drain: float | None
) -> None:
    """One message a request: what it sends, the provider's own buckets and queue take without a refusal."""
    at, rank, sizes, reply = columns(found)
    if segments is not None:
        sizes = np.minimum(sizes, segments[1])  # more than the burst is never taken
    passed = wait_for_contract(at, rank, turns(at), sizes, reply, limits_of(requests, segments, drain)).at_ns
    by_requests = TokenBucket(None if requests is None else Limit(rate_per_s=requests[0], burst=requests[1]))
    by_segments = TokenBucket(None if segments is None else Limit(rate_per_s=segments[0], burst=segments[1]))
    free = 0
    for number in np.argsort(passed, kind="stable"):
        now_ns, size = int(passed[number]), int(sizes[number])
        assert by_requests.admits(now_ns)
        assert by_segments.has(now_ns, size)
        by_segments.take(now_ns, size)
        if drain is not None:
            assert now_ns >= free
            free = now_ns + int(size * S / drain)


@given(arrivals, rates, rates, drains, st.randoms(use_true_random=False))
def test_no_other_sender_is_ahead_of_the_ideal_one(
    found: list[Arrival],
    requests: RateAndBurst,
    segments: RateAndBurst,
    drain: float | None,
    chance: random.Random,
) -> None:
    """In messages sent by any instant: another sends in any order, and pauses as it likes."""
    at, rank, _, reply = columns(found)
    ones = np.ones_like(at)
    ideal = np.sort(
        wait_for_contract(at, rank, turns(at), ones, reply, limits_of(requests, segments, drain)).at_ns
    )
    by_requests = TokenBucket(None if requests is None else Limit(rate_per_s=requests[0], burst=requests[1]))
    by_segments = TokenBucket(None if segments is None else Limit(rate_per_s=segments[0], burst=segments[1]))
    order = list(range(len(at)))
    if chance.random() < 0.5:
        chance.shuffle(order)
    now_ns = free = 0
    sent = []
    for number in order:
        now_ns = max(now_ns, int(at[number]), free) + chance.choice([0, 0, 0, 1, 50 * MS])
        for bucket in (by_requests, by_segments):
            now_ns += -int(-bucket.wait_s(now_ns, 1) * S // 1)  # rounded up
            while not bucket.has(now_ns, 1):
                now_ns += 1
        by_requests.take(now_ns, 1)
        by_segments.take(now_ns, 1)
        if drain is not None:
            free = now_ns + -int(-S // drain)
        sent.append(now_ns)
    assert (ideal <= np.sort(ints(sent))).all()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=40))
def test_a_server_by_rank_is_as_one_that_is_played_step_by_step(found: list[tuple[int, int, int]]) -> None:
    at, rank, cost = (ints(each) for each in zip(*found, strict=True))
    begun = served(at, rank, cost)
    coming = sorted((int(at[n]), int(rank[n]), n) for n in range(len(at)))
    waiting: list[tuple[int, int, int]] = []
    free = 0
    expected = {}
    while coming or waiting:
        if not waiting:
            free = max(free, coming[0][0])
        while coming and coming[0][0] <= free:
            at_ns, its_rank, n = coming.pop(0)
            heapq.heappush(waiting, (its_rank, at_ns, n))
        _, _, n = heapq.heappop(waiting)
        expected[n] = free
        free += int(cost[n])
    # Of messages that come at one instant with one rank either may be first.
    of: dict[tuple[int, int], list[int]] = {}
    for n in range(len(at)):
        of.setdefault((int(at[n]), int(rank[n])), []).append(n)
    for same in of.values():
        if len({int(cost[n]) for n in same}) == 1:
            assert sorted(int(begun[n]) for n in same) == sorted(expected[n] for n in same)
    assert int((begun + cost).max()) == max(expected[n] + int(cost[n]) for n in expected)


# Runs that were simulated.


def simulated(
    plan: Plan, profile: Profile, route: RouteLimits, run_dir: Path
) -> tuple[Journeys, MessageOutcomes, Manifest]:
    """Journeys, outcomes and manifest of a simulated run."""
    ending = simulate(Schedule(plan), profile, Settings(seed=3, route=route), run_dir, lambda _: True)
    instant = Instant("2026-01-01T00:00:00Z", 0, ZERO_NS)
    manifest = Manifest(
        mode="simulated",
        scenario=RecordedScenario("made", "made"),
        profile=profile.model_dump(mode="json"),
        started=instant,
        ended=Instant(instant.wall, 0, ending.end_ns),
        load_started_ns=ZERO_NS,
        faults=ending.faults,
    )
    journeys = read_journeys(run_dir, manifest)
    return journeys, judge(journeys), manifest


@settings(deadline=None, max_examples=20)
@given(plans(10.0, 3.0, 400), st.sampled_from(["smsapi", "throttled", "flaky", "outage"]), routes)
def test_the_shares_of_every_message_add_up_to_the_nanosecond(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, name: str, route: RouteLimits
) -> None:
    journeys, outcomes, manifest = simulated(plan, load_profile(name), route, tmp_path_factory.mktemp("run"))
    split = split_run(journeys, outcomes, manifest)
    assert (np.sum(list(split.of.values()), axis=0) == split.total).all()
    assert (split.of["bench"] == 0).all()  # virtual time is never late
    for share in ("network", "contract", "sender"):
        assert (split.of[share] >= 0).all()
    assert (split.of["network"] >= split.times.reply + split.times.radio).all()
    splits = delay_splits(journeys, outcomes, manifest)
    reachable = (outcomes.outcome == DELIVERED) & ~journeys.provider.unreachable
    assert sum(each.count + each.left_out for each in splits) == np.count_nonzero(reachable)
    assert sum(each.left_out for each in splits) == 0
    for each in splits:
        assert abs(sum(share.mean_s for share in each.shares) - each.total_mean_s) < 1e-9


@settings(deadline=None, max_examples=10)
@given(plans(10.0, 3.0, 400), routes)
def test_a_provider_without_limits_has_no_share_of_the_contract(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, route: RouteLimits
) -> None:
    profile = parse_profile({"name": "unlimited", "carriers": [{"name": "a", "country": "*"}]})
    journeys, outcomes, manifest = simulated(plan, profile, route, tmp_path_factory.mktemp("run"))
    split = split_run(journeys, outcomes, manifest)
    assert len(split.total) and (split.of["contract"] == 0).all() and (split.of["network"] == 0).all()
    assert (split.of["sender"] == split.total).all()


def busy(otp_per_s: float, for_s: float, messages: int, in_s: float) -> Plan:
    """OTPs all the time, and a campaign from 5 s on."""
    otps = Stream(Poisson(otp_per_s, for_s), mix=Mix(otp=1.0))
    campaign = Stream(Burst(messages, in_s), mix=Mix(marketing=1.0), campaign="sale", start_s=5.0)
    return Plan(streams=(otps, campaign), seed=1, key_tag="t")


def splits_of_busy(plan: Plan, batch: int, run_dir: Path) -> dict[str, DelaySplit]:
    """By class, of a simulation on ``throttled``, whose limits the route states."""
    route = RouteLimits("r", 20.0, 20, 40.0, 40, batch, 8, 86_400.0)
    found = delay_splits(*simulated(plan, load_profile("throttled"), route, run_dir))
    return {each.message_class: each for each in found}


def means_of_busy(batch: int, run_dir: Path) -> dict[str, dict[str, float]]:
    """Class -> share -> mean in seconds."""
    found = splits_of_busy(busy(5.0, 30.0, 600, 5.0), batch, run_dir)
    return {name: {share.name: share.mean_s for share in each.shares} for name, each in found.items()}


@pytest.mark.parametrize("batch", [100, 1])
def test_the_example_of_the_docs(batch: int, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "delay-split.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:up to )?(\d+) \| (\w+) \| (.*) \|$", text.split("## Example")[1], re.MULTILINE)
    written = {name: cells.split(" | ") for size, name, cells in rows if int(size) == batch}
    assert written.keys() == {"otp", "marketing"}
    for name, each in splits_of_busy(busy(10.0, 120.0, 4_000, 20.0), batch, tmp_path).items():
        means = {share.name: share.mean_s for share in each.shares}
        values = (each.total_mean_s, means["network"], means["contract"], means["sender"])
        decimals = 3 if name == "otp" else 1
        assert [f"{value:.{decimals}f}" for value in values] == written[name]


def test_a_sender_that_fills_its_requests_loses_nothing_of_its_own_in_a_burst(tmp_path: Path) -> None:
    found = means_of_busy(100, tmp_path)
    assert found["marketing"]["contract"] > 5.0
    assert found["marketing"]["sender"] < 0.05 * found["marketing"]["contract"]
    assert found["otp"]["sender"] < 0.1 and found["otp"]["contract"] < 0.5


def test_a_sender_with_one_message_per_request_waits_longer_than_the_contract_asks(tmp_path: Path) -> None:
    """20 requests/s of one message, where the queue takes 40 messages per second."""
    found = means_of_busy(1, tmp_path)
    assert found["marketing"]["sender"] > 0.2 * found["marketing"]["contract"] > 1.0
