"""What the provider's engine promises, whatever the profile, the traffic and the receiver's mood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from mock_provider.engine import Engine
from mock_provider.engine.throttle import TokenBucket
from mock_provider.engine.values import (
    Accepted,
    Disconnect,
    Effect,
    JournalRow,
    MessageState,
    Outbound,
    Refused,
    Reply,
    ReportsWanted,
    SendReports,
    Submit,
    SubmitOptions,
    UnparsableNumber,
)
from mock_provider.profiles import Profile, parse_profile
from mock_provider.settings.sections import Limit
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualDriver

URL = "http://127.0.0.1/dlr"
TRIAL = SubmitOptions(validate_only=True)
Kind = TypeVar("Kind", bound=Effect)
Sections = dict[str, Any]  # of a profile
DrawnSend = tuple[float, Sequence[int], int, bool, bool]  # as ``traffic`` describes it

seconds = st.sampled_from([0.0, 0.001, 0.3, 2.0])
rates = st.none() | st.sampled_from([0.5, 3.0, 50.0])
latencies = st.one_of(
    st.builds(lambda s: {"kind": "fixed", "value_s": s}, seconds),
    st.just({"kind": "uniform", "low_s": 0.0, "high_s": 4.0}),
    st.just({"kind": "lognormal", "median_s": 0.5, "p99_s": 20.0}),
    st.just(
        {
            "kind": "absent_subscriber",
            "absent_share": 0.3,
            "body": {"kind": "fixed", "value_s": 0.1},
            "retries": [{"every_s": 60, "times": 30}],
        }
    ),
)
failures = st.just(
    [
        {"state": "undelivered", "reason": "absent", "share": 0.2},
        {"state": "expired", "reason": "off", "share": 0.1},
        {"state": "unknown", "reason": "silent", "share": 0.1},
    ]
)
windows = st.fixed_dictionaries({"start_s": st.sampled_from([0, 1, 3]), "end_s": st.sampled_from([4, 8])})
faults = st.lists(
    st.one_of(
        st.builds(
            lambda w, a: {"kind": "outage", "answer": a} | w,
            windows,
            st.sampled_from(["refuse", "disconnect"]),
        ),
        st.builds(lambda w: {"kind": "error_rate", "share": 0.4} | w, windows),
        st.builds(lambda w: {"kind": "added_latency", "factor": 2.0, "plus_s": 0.5} | w, windows),
        st.builds(lambda w: {"kind": "added_latency", "stage": "carrier", "factor": 0.0} | w, windows),
        st.builds(
            lambda w, a, d: {"kind": "hang", "share": 0.5, "accepted": a, "disconnect": d} | w,
            windows,
            st.booleans(),
            st.booleans(),
        ),
    ),
    max_size=2,
)
profiles = st.fixed_dictionaries(
    {
        "throttle": st.fixed_dictionaries(
            {"requests": st.none() | st.just({"rate_per_s": 5, "burst": 3})},
        ),
        "accept_queue": st.fixed_dictionaries(
            {"drain_segments_per_s": rates, "capacity_segments": st.none() | st.just(20)}
        ),
        "reply": st.fixed_dictionaries({"latency": latencies}),
        "delivery": st.fixed_dictionaries({"latency": latencies, "failures": failures}),
        "carriers": st.builds(
            lambda a, b: [
                {"name": "a", "country": "*", "segments_per_s": a},
                {"name": "b", "country": "*", "segments_per_s": b, "share": 3},
            ],
            rates,
            rates,
        ),
        "reports": st.fixed_dictionaries(
            {
                "delay": latencies,
                "max_per_call": st.sampled_from([1, 3]),
                "linger_s": seconds,
                "retry_after_s": st.just([1, 5]),
            }
        ),
        "faults": faults,
    }
)
# (seconds after the previous one, keys of its messages, segments of each, fast, asks for the duplicate check)
traffic = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.01, 0.5, 3.0]),
        st.lists(st.integers(0, 30), min_size=1, max_size=4),
        st.integers(1, 3),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)


def profile_of(sections: Sections) -> Profile:
    return parse_profile({"name": "p", "account": {"tokens": ["t"]}} | sections)


def submit_of(number: int, keys: Sequence[int], segments: int, fast: bool, checked: bool) -> Submit:
    messages = tuple(Outbound(f"486001{key:05d}", "", "hi", segments, f"k{key}", f"k{key}") for key in keys)
    return Submit(
        *(number, "smsapi", "t", "Test", messages),
        options=SubmitOptions(priority=fast, refuse_duplicates=checked),
        reports=ReportsWanted(URL),
    )


class ProviderWorld:
    """A provider in virtual time, its effects, and a receiver that refuses ``refused_calls`` calls."""

    def __init__(self, sections: Sections, seed: int = 1, refused_calls: int = 0, late_ns: int = 0) -> None:
        self.engine = Engine(profile_of(sections), seed)
        self.trace: list[tuple[int, Effect]] = []
        self.refused_calls = refused_calls
        self.driver = VirtualDriver(self.engine, self._record, self._confirms, late_ns)

    def _record(self, now_ns: int, effect: Effect) -> None:
        self.trace.append((now_ns, effect))

    def _confirms(self, call: SendReports) -> bool:
        self.refused_calls -= 1
        return self.refused_calls < 0

    def effects(self, kind: type[Kind]) -> list[tuple[int, Kind]]:
        return [(now_ns, effect) for now_ns, effect in self.trace if isinstance(effect, kind)]


def world_after(
    sections: Sections, requests: Iterable[DrawnSend], seed: int = 1, refused_calls: int = 0
) -> ProviderWorld:
    world = ProviderWorld(sections, seed, refused_calls)
    at_ns = 0
    for number, (pause_s, keys, segments, fast, checked) in enumerate(requests):
        at_ns += round(pause_s * S)
        world.driver.submit(submit_of(number, keys, segments, fast, checked), at_ns)
    return world


@settings(deadline=None)
@given(profiles, traffic, st.integers(0, 5))
def test_nothing_is_lost_or_duplicated(
    sections: Sections, requests: list[DrawnSend], refused_calls: int
) -> None:
    """Every accepted message reaches one final state; its report is confirmed once the receiver answers."""
    world = world_after(sections, requests, refused_calls=refused_calls)
    world.driver.run()
    state = world.engine.state()
    rows = {(row.key, row.provider_id): row for row in world.engine.close_rows()}
    accepted = [row for row in rows.values() if row.provider_id]
    assert len(accepted) == state.accepted
    assert state.open == 0
    levels = ("remembered_keys", "tokens_")  # a bucket is full at rest
    assert all(value == 0 for name, value in state.gauges.items() if not name.startswith(levels))
    for row in accepted:
        assert row.state != "open"
        assert row.t_confirmed_ns is not None
        assert row.t_submitted_ns <= row.t_final_ns <= row.t_reported_ns <= row.t_confirmed_ns
        if row.t_carrier_ns is not None:
            assert row.t_carrier_ns <= row.t_final_ns
            assert row.t_answered_ns is None or row.t_answered_ns <= row.t_carrier_ns
    reported = [
        r.provider_id for _, call in world.effects(SendReports) if call.attempt == 1 for r in call.reports
    ]
    assert sorted(reported) == sorted(row.provider_id for row in accepted)
    submitted = sum(len(keys) for _, keys, *_ in requests)
    newest = {row.key: row.submits for row in rows.values()}
    assert sum(newest.values()) == submitted


@settings(deadline=None)
@given(profiles, traffic)
def test_each_submit_has_one_answer_or_by_a_fault_none(sections: Sections, requests: list[DrawnSend]) -> None:
    world = world_after(sections, requests)
    world.driver.run()
    answered = [e.request_id for _, e in world.trace if isinstance(e, Reply | Disconnect)]
    assert len(answered) == len(set(answered))
    unanswered = len(requests) - len(answered)
    may_be_cut = sum(isinstance(effect, Disconnect) for _, effect in world.trace)
    assert unanswered <= world.engine.state().counters["requests_hung"]
    if not sections["faults"]:
        assert unanswered == may_be_cut == 0


@settings(deadline=None)
@given(profiles, traffic, st.sampled_from([0, 1, 700_000_000]))
def test_nothing_comes_out_early(sections: Sections, requests: list[DrawnSend], late_ns: int) -> None:
    """Before every deadline advance does nothing; and a late driver never makes an exact instant earlier."""
    world = ProviderWorld(sections, late_ns=late_ns)
    at_ns = 0
    for number, (pause_s, keys, segments, fast, checked) in enumerate(requests):
        at_ns += round(pause_s * S)
        world.driver.submit(submit_of(number, keys, segments, fast, checked), at_ns)
        due_ns = world.engine.next_due()
        if due_ns is not None and due_ns > world.driver.now_ns + 1:
            assert world.engine.advance(due_ns - 1) == []
            world.driver.run_until(due_ns - 1)
            at_ns = max(at_ns, due_ns - 1)
    world.driver.run()
    for now_ns, call in world.effects(SendReports):
        assert all(report.t_state_ns <= now_ns for report in call.reports)


def latencies_and_outcomes(rows: Iterable[JournalRow]) -> dict[str, tuple[str, str, str, int]]:
    return {
        row.key: (row.carrier, row.state, row.reason, row.t_final_ns - row.t_carrier_ns)
        for row in rows
        if row.provider_id
    }


@settings(deadline=None)
@given(latencies, failures, st.permutations(range(25)), st.integers(0, 3), rates)
def test_outcomes_do_not_depend_on_the_order_of_arrivals(
    latency: Sections, mix: list[Sections], order: list[int], seed: int, rate: float | None
) -> None:
    sections = {
        "delivery": {"latency": latency, "failures": mix, "validity_s": 30_000_000},
        "accept_queue": {"drain_segments_per_s": rate},
        "carriers": [{"name": "a", "country": "*", "share": 1}, {"name": "b", "country": "*", "share": 1}],
        "reply": {"latency": {"kind": "uniform", "low_s": 0, "high_s": 1}},
    }
    found = []
    keys: Sequence[int]
    for keys in (range(25), order):
        world = world_after(sections, [(0.1, [key], 1, False, False) for key in keys], seed=seed)
        world.driver.run()
        ended = [row for row in world.engine.take_rows() if row.state != "expired"]
        found.append(latencies_and_outcomes(ended))
    assert found[0] == found[1]


@settings(deadline=None)
@given(profiles, traffic, st.integers(0, 3))
def test_same_inputs_at_the_same_instants_give_the_same_effects(
    sections: Sections, requests: list[DrawnSend], refused_calls: int
) -> None:
    one, other = (world_after(sections, requests, refused_calls=refused_calls) for _ in range(2))
    one.driver.run()
    other.driver.run()
    assert one.trace == other.trace
    assert one.engine.close_rows() == other.engine.close_rows()


@settings(deadline=None)
@given(profiles, traffic)
def test_reconfiguration_in_the_middle_loses_nothing(sections: Sections, requests: list[DrawnSend]) -> None:
    world = world_after(sections, requests)
    other = {"carriers": [{"name": "b", "country": "*", "segments_per_s": 7}, {"name": "c", "country": "*"}]}
    world.driver.carry_out(world.engine.reconfigure(world.driver.now_ns, profile_of(other)))
    world.driver.run()
    assert world.engine.state().open == 0
    states = {row.state for row in world.engine.close_rows() if row.provider_id}
    assert MessageState.OPEN.value not in states


@settings(deadline=None)
@given(
    st.sampled_from([0.7, 3.0, 1000.0]),
    st.integers(1, 10),
    st.lists(st.tuples(st.integers(0, 2_000_000_000), st.integers(1, 6)), max_size=60),
)
def test_token_bucket_keeps_its_bound_in_every_window(
    rate_per_s: float, burst: int, asked: list[tuple[int, int]]
) -> None:
    bucket = TokenBucket(Limit(rate_per_s=rate_per_s, burst=burst))
    now_ns = 0
    admitted = []
    for pause_ns, units in asked:
        now_ns += pause_ns
        if bucket.has(now_ns, units):
            bucket.take(now_ns, units)
            admitted.append((now_ns, units))
    for first in range(len(admitted)):
        total = 0
        for at_ns, units in admitted[first:]:
            total += units
            assert total <= rate_per_s * (at_ns - admitted[first][0]) / S + burst + 1e-6


@settings(deadline=None)
@given(traffic, rates.filter(bool))
def test_carrier_lets_no_more_segments_pass_than_its_rate(requests: list[DrawnSend], rate: float) -> None:
    sections = {"carriers": [{"name": "a", "country": "*", "segments_per_s": rate}]}
    world = world_after(sections, requests)
    world.driver.run()
    rows = {row.provider_id: row for row in world.engine.take_rows() if row.t_carrier_ns is not None}
    passed = sorted((row.t_carrier_ns, row.segments) for row in rows.values())
    for (at_ns, segments), (next_ns, _) in pairwise(passed):
        assert next_ns - at_ns >= segments * S / rate - 1


@given(st.lists(st.integers(1, 5), min_size=2, max_size=20))
def test_ties_go_by_the_order_of_entry(segments: list[int]) -> None:
    """All fall due at one instant; they come out as they went in."""
    sections = {
        "carriers": [{"name": "a", "country": "*"}],
        "reply": {"latency": {"kind": "fixed", "value_s": 1}},
        "delivery": {"latency": {"kind": "fixed", "value_s": 1}},
    }
    world = ProviderWorld(sections)
    for number, count in enumerate(segments):
        world.driver.submit(submit_of(number, [number], count, False, False))
    world.driver.run()
    assert [reply.request_id for _, reply in world.effects(Reply)] == list(range(len(segments)))
    reported = [call.reports[0].client_ref for _, call in world.effects(SendReports)]
    assert reported == [f"k{number}" for number in range(len(segments))]
    assert all(type(reply.answer) in (Accepted, Refused) for _, reply in world.effects(Reply))


# A request that leaves no row in the ledger, of which each is a trial or names no readable number.
unrecorded = st.sampled_from(
    [
        Submit(0, "smsapi", "t", "Test", (), unparsable=(UnparsableNumber("12"),)),
        Submit(0, "smsapi", "t", "Test", (), unparsable=(UnparsableNumber("x"),)),
        Submit(0, "smsapi", "t", "Test", ()),
        Submit(0, "smsapi", "t", "Test", (Outbound("48600100200", "", "hi", 1, "k"),), options=TRIAL),
        Submit(0, "smsapi", "t", "Test", (Outbound("48600100200", "", "hi", 1, "k"),)),
    ]
)


@settings(deadline=None, max_examples=30)
@given(unrecorded, st.integers(0, 50))
def test_each_submit_is_drawn_again_with_or_without_a_row(submit: Submit, seed: int) -> None:
    """No client meets the same simulated error each time: of 64 repeats some pass, and some do not."""
    errors = [{"refusal": "internal_error", "share": 0.5}]
    faults: list[Sections] = [
        {"reply": {"errors": errors}},
        {"faults": [{"kind": "error_rate", "share": 0.5}]},
    ]
    for sections in faults:
        world = ProviderWorld(sections | {"carriers": [{"name": "a", "country": "*"}]}, seed)
        for _ in range(64):
            world.driver.submit(submit)
        answers = [reply.answer for _, reply in world.effects(Reply)]
        failed = sum(a.reason is Refusal.INTERNAL_ERROR for a in answers if isinstance(a, Refused))
        assert 0 < failed < 64
        assert world.trace == [(0, reply) for _, reply in world.effects(Reply)]


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 5))
def test_a_trial_draws_no_chance_of_a_submit_that_counts(seed: int, trials: int) -> None:
    sections: Sections = {"reply": {"latency": {"kind": "uniform", "low_s": 0, "high_s": 1}}}
    sections |= {"carriers": [{"name": "a", "country": "*"}]}
    found = []
    for count in (0, trials):
        world = ProviderWorld(sections, seed)
        for _ in range(count):
            messages = submit_of(0, [1], 1, False, False).messages
            world.driver.submit(Submit(1, "smsapi", "t", "Test", messages, options=TRIAL))
        world.driver.submit(submit_of(2, [1], 1, False, False))
        world.driver.run()
        found.append([now_ns for now_ns, reply in world.effects(Reply) if reply.request_id == 2])
    assert found[0] == found[1]


@settings(deadline=None)
@given(profiles, traffic, st.integers(0, 3))
def test_the_fast_path_to_the_carrier_has_the_effects_of_the_full_path(
    sections: Sections, requests: list[DrawnSend], refused_calls: int
) -> None:
    """A fault that is far away changes nothing, but that every message is asked whether it meets one."""
    far = {"kind": "added_latency", "factor": 2.0, "start_s": 200_000_000, "end_s": 200_000_001}
    both = (sections | {"faults": faults} for faults in ([], [far]))
    short, long = (world_after(each, requests, refused_calls=refused_calls) for each in both)
    short.driver.run()
    long.driver.run()
    assert short.trace == long.trace
    assert short.engine.close_rows() == long.engine.close_rows()
