"""Arrivals: exact counts, no drift, order, and a seed for each concern, for any process."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.arrivals import (
    NS_PER_S,
    Burst,
    Constant,
    DayCurve,
    Mix,
    Plan,
    Poisson,
    Process,
    RateStep,
    Schedule,
    Steps,
    Stream,
    arrival_count,
    duration_ns,
    instants_ns,
    peak_window,
    plan_from_json,
    plan_to_json,
)

# A shared machine may pause at any time: what an example takes says nothing.
brisk = settings(deadline=None, max_examples=60)
rates = st.decimals(min_value="0.05", max_value="300", places=3).map(float)
durations_s = st.decimals(min_value="0.5", max_value="20", places=2).map(float)
seeds = st.integers(0, 2**48 - 1)
processes: st.SearchStrategy[Process] = st.one_of(
    st.builds(Constant, rates, durations_s),
    st.builds(Poisson, rates, durations_s),
    st.builds(Burst, st.integers(1, 5_000), durations_s),
    st.builds(DayCurve, st.integers(1, 5_000), speedup=st.floats(1.0, 5_000.0)),
    st.builds(peak_window, st.integers(1, 50_000), durations_s, st.floats(1.0, 200.0)),
    st.builds(
        Steps,
        st.lists(st.builds(RateStep, rates, durations_s), min_size=1, max_size=4).map(tuple),
        st.sampled_from(["even", "poisson"]),
    ),
)
plans = st.builds(
    lambda items, seed: Plan(streams=tuple(items), seed=seed, key_tag="t-1"),
    st.lists(
        st.builds(Stream, processes, st.builds(Mix, st.just(0.2), st.just(0.3), st.just(0.5))),
        min_size=1,
        max_size=3,
    ),
    seeds,
)


@brisk
@given(processes, seeds)
def test_every_arrival_is_there_in_order_within_the_span(process: Process, seed: int) -> None:
    instants = instants_ns(process, seed)
    assert len(instants) == arrival_count(process)
    assert np.all(np.diff(instants) >= 0)
    if len(instants):
        assert instants[0] >= 0 and instants[-1] < duration_ns(process)
    assert np.array_equal(instants, instants_ns(process, seed))


@brisk
@given(rates, durations_s)
def test_a_constant_rate_never_drifts(rate_per_s: float, duration_s: float) -> None:
    exact = Fraction(repr(rate_per_s))
    instants = instants_ns(Constant(rate_per_s, duration_s), 0)
    assert len(instants) == math.ceil(exact * Fraction(repr(duration_s)))
    for index in {0, len(instants) // 2, len(instants) - 1}:
        assert instants[index] == math.floor(index * NS_PER_S / exact)


@brisk
@given(st.lists(st.builds(RateStep, rates, durations_s), min_size=1, max_size=4), seeds)
def test_steps_have_what_their_rates_add_up_to_at_every_edge(steps: list[RateStep], seed: int) -> None:
    instants = instants_ns(Steps(tuple(steps)), seed)
    until_s = expected = Fraction(0)
    for step in steps:
        until_s += Fraction(repr(step.duration_s))
        expected += Fraction(repr(step.rate_per_s)) * Fraction(repr(step.duration_s))
        assert np.count_nonzero(instants < math.floor(until_s * NS_PER_S)) in (
            math.ceil(expected),
            math.ceil(expected) - 1,  # an arrival due on the edge itself, cut to whole nanoseconds
            math.ceil(expected) + 1,
        )


@brisk
@given(st.integers(1, 500_000), st.floats(1.0, 2_000.0))
def test_a_day_has_its_messages_however_dense(messages: int, speedup: float) -> None:
    assert arrival_count(DayCurve(messages, speedup=speedup)) == messages


@brisk
@given(plans, st.integers(1, 7))
def test_workers_share_every_slot_once(plan: Plan, workers: int) -> None:
    schedule = Schedule(plan)
    shared = sorted(slot for worker in range(workers) for slot in schedule.share(worker, workers))
    assert shared == list(range(len(schedule)))


@brisk
@given(plans)
def test_a_plan_means_the_same_after_json(plan: Plan) -> None:
    here, there = Schedule(plan), Schedule(plan_from_json(plan_to_json(plan)))
    assert np.array_equal(here.intended_ns, there.intended_ns)
    sample = range(0, len(here), max(1, len(here) // 50))
    assert [here.message(slot) for slot in sample] == [there.message(slot) for slot in sample]


@brisk
@given(plans)
def test_the_mix_moves_no_arrival_and_no_recipient(plan: Plan) -> None:
    streams = tuple(Stream(item.process, Mix(otp=1.0), item.campaign, item.start_s) for item in plan.streams)
    other = Schedule(Plan(streams=streams, seed=plan.seed, key_tag=plan.key_tag))
    schedule = Schedule(plan)
    assert np.array_equal(schedule.intended_ns, other.intended_ns)
    for slot in range(0, len(schedule), max(1, len(schedule) // 20)):
        assert schedule.message(slot).to == other.message(slot).to
        assert other.message(slot).message_class == "otp"


@brisk
@given(seeds)
def test_keys_and_recipients_are_distinct_and_well_formed(seed: int) -> None:
    plan = Plan(streams=(Stream(Constant(1_000.0, 3.0)),), seed=seed, key_tag="4f2a")
    schedule = Schedule(plan)
    messages = [schedule.message(slot) for slot in range(3_000)]
    assert len({message.key for message in messages}) == 3_000
    assert len({message.to for message in messages}) == 3_000  # no recipient flood
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", message.key) for message in messages)
    assert all(re.fullmatch(r"48[4-8]\d{8}", message.to) for message in messages)
    assert not any("{" in message.text for message in messages)
