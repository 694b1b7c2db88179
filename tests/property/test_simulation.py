"""The cores joined in virtual time: nothing lost or duplicated, rates kept, the same seed the same run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from drawn_plans import plans, routes
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, SAMPLES_SCHEMA, SENDER_SCHEMA, read_rows
from loadtests import catalogue
from loadtests.arrivals import Burst, Mix, Plan, Poisson, Schedule, Stream
from loadtests.parts import Adjustment
from loadtests.simulate.arrivals import Arrivals
from loadtests.simulate.simulation import Ending, Settings, SimulationProgress, simulate
from mock_provider.engine import Engine
from mock_provider.engine.values import (
    Answer,
    Effect,
    Outbound,
    Reply,
    ReportsWanted,
    SendProgress,
    SendReports,
    Submit,
)
from mock_provider.profiles import Profile, load_profile, parse_profile, profile_names
from mock_provider.runtime.clock_driver import ClockDriver
from mock_provider.testing import VirtualDriver
from reference_sender.api.intake import Intake, Invalid, MessageRequest
from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import Lane, RouteLimits

ProviderRows = list[dict[str, Any]]


def simulated(
    plan: Plan, profile: Profile, route: RouteLimits, run_dir: Path, **chosen: Any
) -> tuple[Ending, dict[str, ProviderRows]]:
    settings = Settings(seed=3, route=route, **chosen)
    ending = simulate(Schedule(plan), profile, settings, run_dir, lambda _: True)
    tables = {
        name: read_rows(run_dir / f"{name}.arrow", schema).to_pylist()
        for name, schema in (
            ("load", LOAD_SCHEMA),
            ("provider", PROVIDER_SCHEMA),
            ("sender", SENDER_SCHEMA),
            ("samples", SAMPLES_SCHEMA),
        )
    }
    return ending, tables


def _raised(error: BaseException) -> None:
    raise error


@settings(deadline=None, max_examples=25)
@given(plans(20.0, 5.0, 150), st.sampled_from(profile_names()), routes)
def test_nothing_is_lost_and_nothing_is_duplicated(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, name: str, route: RouteLimits
) -> None:
    ending, tables = simulated(plan, load_profile(name), route, tmp_path_factory.mktemp("run"))
    assert ending.open == 0 and not ending.interrupted
    accepted = [row["key"] for row in tables["load"] if row["outcome"] == "accepted"]
    assert len(tables["load"]) == len(set(accepted)) == len(Schedule(plan))
    ends = {row["key"]: row["state"] for row in tables["sender"]}
    assert set(ends) == set(accepted)
    assert set(ends.values()) <= {"delivered", "failed", "expired"}
    last = {(row["key"], row["provider_id"]): row for row in tables["provider"]}
    taken = Counter(key for (key, provider_id) in last if provider_id)
    assert not [key for key, times in taken.items() if times > 1]
    assert all(row["accepts"] <= 1 and row["state"] != "open" for row in last.values())
    delivered = {row["key"] for row in last.values() if row["state"] == "delivered"}
    assert delivered == {key for key, state in ends.items() if state == "delivered"}


@settings(deadline=None, max_examples=25)
@given(plans(20.0, 5.0, 150), routes)
def test_the_senders_rate_keeps_within_its_bound(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, route: RouteLimits
) -> None:
    """In any window w at most rate * w + burst requests reach the provider."""
    profile = parse_profile({"name": "unlimited", "carriers": [{"name": "a", "country": "*"}]})
    _, tables = simulated(plan, profile, route, tmp_path_factory.mktemp("run"))
    submitted = sorted({row["t_submitted_ns"] for row in tables["provider"]})
    assert all(row["submits"] == 1 for row in tables["provider"])
    for start in range(len(submitted)):
        for end in range(start, min(start + 60, len(submitted))):
            window_s = (submitted[end] - submitted[start]) / S
            assert end - start + 1 <= route.requests_per_s * window_s + route.requests_burst + 1e-6


@settings(deadline=None, max_examples=10)
@given(plans(20.0, 5.0, 150), st.sampled_from(profile_names()), routes)
def test_the_same_seed_is_the_same_run(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, name: str, route: RouteLimits
) -> None:
    _, one = simulated(plan, load_profile(name), route, tmp_path_factory.mktemp("one"))
    _, two = simulated(plan, load_profile(name), route, tmp_path_factory.mktemp("two"))
    assert one == two


@settings(deadline=None, max_examples=20)
@given(plans(20.0, 5.0, 150), st.sampled_from(profile_names()), routes)
def test_values_and_bytes_are_the_same_run(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, name: str, route: RouteLimits
) -> None:
    profile = load_profile(name)
    by_values = simulated(plan, profile, route, tmp_path_factory.mktemp("values"))
    by_bytes = simulated(plan, profile, route, tmp_path_factory.mktemp("bytes"), as_bytes=True)
    assert by_values == by_bytes


@pytest.mark.parametrize("name", ["smsapi", "bad-day", "throttled", "flaky", "outage"])
def test_values_and_bytes_are_the_same_day(tmp_path: Path, name: str) -> None:
    """Row by row, with hours of every fault: the windows of ``bad-day`` lie in the day's first minutes."""
    (part,) = catalogue.scenario("day-5k", Adjustment(speedup=60.0, window="day")).parts
    route = RouteLimits("r", 20, 20, 60, 60, 50, 4, 86_400.0)
    by_values, values = simulated(part.plan(1, "t"), load_profile(name), route, tmp_path)
    by_bytes, bytes_ = simulated(part.plan(1, "t"), load_profile(name), route, tmp_path, as_bytes=True)
    assert by_values == by_bytes
    assert len(values["load"]) == 5_000
    for table, rows in values.items():
        assert rows == bytes_[table]


@settings(deadline=None, max_examples=10)
@given(plans(20.0, 5.0, 150), st.sampled_from(profile_names()), routes)
def test_a_sender_without_priorities_loses_nothing_either(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, name: str, route: RouteLimits
) -> None:
    in_order = DispatchSettings.model_validate({"order": "arrival"})
    run_dir = tmp_path_factory.mktemp("run")
    ending, tables = simulated(plan, load_profile(name), route, run_dir, dispatch=in_order)
    assert ending.open == 0
    assert {row["key"] for row in tables["sender"]} == {row["key"] for row in tables["load"]}
    assert {row["state"] for row in tables["sender"]} <= {"delivered", "failed", "expired"}


def test_in_order_of_arrival_an_otp_waits_behind_a_burst(tmp_path: Path) -> None:
    otps = Stream(Poisson(5.0, 30.0), mix=Mix(otp=1.0))
    burst = Stream(Burst(1_500, 5.0), mix=Mix(marketing=1.0), campaign="sale", start_s=5.0)
    plan = Plan(streams=(otps, burst), seed=1, key_tag="t")
    route = RouteLimits("r", 50, 5, 60, 60, 100, 4, 86_400.0)
    waits = {}
    for order in ("priority", "arrival"):
        dispatch = DispatchSettings.model_validate({"order": order})
        (tmp_path / order).mkdir()
        _, tables = simulated(plan, load_profile("fast"), route, tmp_path / order, dispatch=dispatch)
        sent = {row["key"]: row["t_submitted_ns"] for row in tables["provider"]}
        otps_ns = sorted(
            sent[row["key"]] - row["t_intended_ns"] for row in tables["load"] if row["message_class"] == "otp"
        )
        waits[order] = otps_ns[len(otps_ns) // 2] / S
    assert waits["priority"] < 0.5 < 5.0 < waits["arrival"]


def test_arrivals_are_what_the_api_takes() -> None:
    (part,) = catalogue.scenario("day-5k", Adjustment(speedup=1.0, window="day")).parts
    schedule = Schedule(part.plan(7, "t"))
    intake = Intake("x", "1", 0, 6)
    taken = []
    for slot, at_ns in enumerate(schedule.intended_ns.tolist()):
        arrival = schedule.message(slot)
        request = MessageRequest(
            arrival.to, arrival.text, Lane(arrival.message_class), key=arrival.key, campaign=arrival.campaign
        )
        taken.append(intake.message(request, 10 * S + at_ns))
    pieces = list(Arrivals(schedule, 10 * S, 6).pieces(777))
    assert [message for piece in pieces for message in piece.messages] == taken
    assert [piece.first for piece in pieces] == list(range(0, 5_000, 777))


def test_a_text_that_the_api_would_refuse_ends_the_simulation(tmp_path: Path) -> None:
    streams = (Stream(Poisson(5.0, 2.0), mix=Mix(otp=1.0)),)
    plan = Plan(streams=streams, seed=1, key_tag="t", texts={"otp": ("x" * 2_000,)})
    with pytest.raises(Invalid, match="text must be a text of 1 to 6 segments"):
        simulated(plan, load_profile("fast"), RouteLimits("r", 50, 5, 60, 60, 100, 4, 86_400.0), tmp_path)


def test_a_simulation_that_is_ended_early_keeps_whole_records(tmp_path: Path) -> None:
    plan = Plan(streams=(Stream(Poisson(5.0, 60.0), mix=Mix(1.0, 1.0, 1.0)),), seed=1, key_tag="t")
    seen = []

    def proceed(progress: SimulationProgress) -> bool:
        seen.append(progress)
        return len(seen) < 4

    settings = Settings(seed=3, route=RouteLimits("r", 50, 5, 500, 60, 10, 4, 86_400.0), sample_every_s=10.0)
    ending = simulate(Schedule(plan), load_profile("smsapi"), settings, tmp_path, proceed)
    rows = read_rows(tmp_path / "load.arrow", LOAD_SCHEMA).to_pylist()
    assert ending.interrupted and 0 < ending.arrived == len(rows) < 300
    assert ending.end_ns - rows[0]["t_intended_ns"] <= 31 * S
    known = {row["key"] for row in read_rows(tmp_path / "sender.arrow", SENDER_SCHEMA).to_pylist()}
    assert known == {row["key"] for row in rows}


# One engine, two drivers.

TWO_DRIVERS = parse_profile(
    {
        "name": "two drivers",
        "account": {"tokens": ["t"]},
        "reply": {
            "latency": {"kind": "uniform", "low_s": 0.0, "high_s": 0.02},
            "errors": [{"refusal": "internal_error", "share": 0.2}],
        },
        "delivery": {
            "latency": {"kind": "uniform", "low_s": 0.0, "high_s": 0.05},
            "failures": [{"state": "undelivered", "reason": "absent", "share": 0.3}],
        },
        "carriers": [{"name": "a", "country": "*"}, {"name": "b", "country": "*"}],
        "reports": {"max_per_call": 1},
    }
)
inputs = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=20)


def submit_of(number: int, messages: int) -> Submit:
    keys = [f"{number}-{one}" for one in range(messages)]
    outbound = tuple(Outbound(f"4860{number:04d}{i:03d}", "", "hi", 1, k, k) for i, k in enumerate(keys))
    return Submit(number, "smsapi", "t", "Test", outbound, reports=ReportsWanted("http://127.0.0.1/"))


def outcomes(effects: Iterable[Effect]) -> dict[int | str | None, list[object]]:
    """The result of each request and each message, in its own order, without the instants of a late timer."""
    found: dict[int | str | None, list[object]] = {}
    for effect in effects:
        if isinstance(effect, Reply):
            found.setdefault(effect.request_id, []).append(effect.answer)
        elif isinstance(effect, SendReports):
            for report in effect.reports:
                found.setdefault(report.client_ref, []).append((report.state, report.reason, report.mnc))
    return found


def in_real_time(submits: list[tuple[int, Submit]]) -> tuple[list[Effect], list[int]]:
    """The effects, and the instants at which the inputs were really given, as the asyncio driver has them."""
    effects: list[Effect] = []
    given_ns: list[int] = []

    async def drive() -> None:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        engine = Engine(TWO_DRIVERS, 1)

        def end_if_over() -> None:
            if len(given_ns) == len(submits) and engine.next_due() is None and not over.done():
                over.set_result(None)

        def reports(effect: SendReports | SendProgress) -> None:
            effects.append(effect)
            assert isinstance(effect, SendReports)
            driver.carry_out(engine.reports_answered(driver.now_ns(), effect.batch_id, True))
            loop.call_soon(end_if_over)

        def give(submit: Submit) -> None:
            given_ns.append(driver.now_ns())
            driver.submit(given_ns[-1], submit, lambda answer: answered(submit.request_id, answer))

        def answered(request_id: int, answer: Answer | None) -> None:
            assert answer is not None
            effects.append(Reply(request_id, answer))
            loop.call_soon(end_if_over)

        driver = ClockDriver(engine, loop, reports, _raised)
        at_ms = 0
        for pause_ms, submit in submits:
            at_ms += pause_ms
            loop.call_later(at_ms / 1_000, give, submit)
        async with asyncio.timeout(20):
            await over
        driver.stop()

    asyncio.run(drive())
    return effects, given_ns


def in_virtual_time(submits: list[tuple[int, Submit]], given_ns: list[int]) -> list[Effect]:
    """In the steps of the simulation."""
    effects: list[Effect] = []
    driver = VirtualDriver(Engine(TWO_DRIVERS, 1), lambda _now_ns, effect: effects.append(effect))
    for at_ns, (_, submit) in zip(given_ns, submits, strict=True):
        driver.leap_until(at_ns)
        driver.submit(submit)
    driver.leap_until(given_ns[-1] + 60 * S)
    return effects


@settings(deadline=None, max_examples=12)
@given(inputs)
def test_virtual_and_real_time_have_the_same_effects(requests: list[tuple[int, int]]) -> None:
    submits = [(pause_ms, submit_of(n, messages)) for n, (pause_ms, messages) in enumerate(requests)]
    real, given_ns = in_real_time(submits)
    virtual = in_virtual_time(submits, given_ns)
    assert outcomes(real) == outcomes(virtual)
    assert len(outcomes(real)) >= len(requests)
