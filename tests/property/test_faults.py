"""Under any windows of faults the engine keeps its invariants, and each message is counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from mock_provider.engine import Engine
from mock_provider.engine.faults.history import FaultHistory
from mock_provider.engine.faults.windows import FaultWindows
from mock_provider.engine.values import (
    Accepted,
    DeliveryReport,
    Disconnect,
    Effect,
    JournalRow,
    Outbound,
    Reply,
    ReportsWanted,
    SendReports,
    Submit,
    SubmitOptions,
)
from mock_provider.profiles import Profile, parse_profile
from mock_provider.testing import VirtualDriver

OPTIONS = SubmitOptions(refuse_duplicates=True)
REPORTS = ReportsWanted("http://127.0.0.1/dlr")
Faults = list[dict[str, Any]]  # of a profile
TimedSend = tuple[float, Sequence[int]]  # as ``traffic`` describes it
RATE, BURST = 6.0, 4
_SILENT = ("outage", "hang", "lost_reply")
NUMBERS = ("48600100", "48700100", "49151100", "44770010")

shares = st.sampled_from([0.0, 0.3, 1.0])
behaviours = st.sampled_from(["hold", "fail", "refuse"])
kinds = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("outage"), "answer": st.sampled_from(["refuse", "hang", "disconnect"])}
    ),
    st.fixed_dictionaries({"kind": st.just("error_rate"), "share": shares}),
    st.fixed_dictionaries(
        {
            "kind": st.just("added_latency"),
            "factor": st.sampled_from([0.0, 3.0]),
            "ramp_s": st.sampled_from([0.0, 1.0]),
            "stage": st.sampled_from(["reply", "carrier"]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("hang"), "share": shares, "disconnect": st.booleans()}),
    st.fixed_dictionaries({"kind": st.sampled_from(["lost_reply", "cut_after_accept"]), "share": shares}),
    st.fixed_dictionaries({"kind": st.sampled_from(["accept_then_lose", "report_loss"]), "share": shares}),
    st.fixed_dictionaries({"kind": st.just("rate_reduction"), "share": st.sampled_from([0.1, 0.5])}),
    st.fixed_dictionaries(
        {"kind": st.just("report_duplicate"), "share": shares, "after_s": st.sampled_from([0.0, 2.0])}
    ),
    st.fixed_dictionaries({"kind": st.sampled_from(["report_delay", "report_reorder"]), "share": shares}),
    st.fixed_dictionaries(
        {"kind": st.just("report_storm"), "release_per_s": st.sampled_from([2.0, 1_000_000.0])}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("carrier_down"),
            "carriers": st.sampled_from([["a"], ["a", "b"]]),
            "behaviour": behaviours,
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("country_down"),
            "countries": st.sampled_from([["PL"], ["DE", "GB"]]),
            "behaviour": behaviours,
        }
    ),
)
windows = st.tuples(st.sampled_from([0, 1, 2.5]), st.sampled_from([0.5, 2, 6])).map(
    lambda w: {"start_s": w[0], "end_s": w[0] + w[1]}
)
faults = st.lists(st.builds(lambda kind, window: kind | window, kinds, windows), max_size=4)
# (seconds after the previous one, keys of its messages)
traffic = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.7, 2.0]), st.lists(st.integers(0, 25), min_size=1, max_size=4)),
    max_size=30,
)
refusal_counts = st.sampled_from([0, 2])  # how many report calls the receiver fails to confirm


def profile_of(fault_sections: Faults) -> Profile:
    return parse_profile(
        {
            "name": "p",
            "account": {"tokens": ["t"]},
            "throttle": {"requests": {"rate_per_s": RATE, "burst": BURST}},
            "reply": {"latency": {"kind": "uniform", "low_s": 0.0, "high_s": 0.5}},
            "delivery": {"latency": {"kind": "uniform", "low_s": 0.1, "high_s": 3.0}, "validity_s": 60.0},
            "carriers": [
                {"name": "a", "country": "*", "segments_per_s": 20},
                {"name": "b", "country": "*"},
            ],
            "reports": {"max_per_call": 3, "linger_s": 0.2, "retry_after_s": [1, 5]},
            "faults": fault_sections,
        }
    )


class FaultedProvider:
    """A provider in virtual time, what it answered, and a receiver that refuses ``refused_calls`` calls."""

    def __init__(self, profile: Profile, refused_calls: int = 0, seed: int = 1) -> None:
        self.engine = Engine(profile, seed)
        self.refused_calls = refused_calls
        self.answers: list[tuple[int, Reply | Disconnect]] = []
        self.calls: list[tuple[int, SendReports]] = []
        self.driver = VirtualDriver(self.engine, self._record, self._confirms)

    def run(self, requests: Iterable[TimedSend]) -> FaultedProvider:
        at_ns = 0
        for number, (pause_s, keys) in enumerate(requests):
            at_ns += round(pause_s * S)
            messages = tuple(
                Outbound(f"{NUMBERS[key % 4]}{key:03}", "", "hi", 1, f"k{key}", f"k{key}")
                for key in dict.fromkeys(keys)
            )
            submit = Submit(number, "smsapi", "t", "Test", messages, options=OPTIONS, reports=REPORTS)
            self.driver.submit(submit, at_ns)
        self.driver.run()
        return self

    def rows(self) -> list[JournalRow]:
        found = {(row.key, row.provider_id): row for row in self.engine.close_rows()}
        return [row for (key, provider_id), row in found.items() if provider_id or row.accepts == 0]

    def _record(self, now_ns: int, effect: Effect) -> None:
        if isinstance(effect, Reply | Disconnect):
            self.answers.append((now_ns, effect))
        elif isinstance(effect, SendReports):
            self.calls.append((now_ns, effect))

    def _confirms(self, call: SendReports) -> bool:
        self.refused_calls -= 1
        return self.refused_calls < 0


@settings(deadline=None, max_examples=150)
@given(faults, traffic, refusal_counts)
def test_no_fault_loses_count_of_anything(
    fault_sections: Faults, requests: list[TimedSend], refused_calls: int
) -> None:
    world = FaultedProvider(profile_of(fault_sections), refused_calls).run(requests)
    state, rows = world.engine.state(), world.rows()
    counters = state.counters
    answered = [effect.request_id for _, effect in world.answers]
    assert len(answered) == len(set(answered))
    cut = sum(isinstance(effect, Disconnect) for _, effect in world.answers)
    assert (counters["disconnects"], counters["replies"]) == (cut, len(answered) - cut)
    unanswered = len(requests) - len(answered)
    assert unanswered <= counters["requests_hung"] <= unanswered + cut
    if not any(f["kind"] in _SILENT for f in fault_sections):
        assert unanswered == 0
    accepted = [row for row in rows if row.provider_id]
    assert len(accepted) == state.accepted == counters["closed"]
    assert state.open == 0
    levels = ("remembered_keys", "tokens_")  # a bucket is full at rest
    assert all(value == 0 for name, value in state.gauges.items() if not name.startswith(levels))
    ended = Counter(row.state for row in accepted)
    assert "open" not in ended
    assert {name: counters[name] for name in ended} == dict(ended)
    reported = {row.provider_id for row in accepted if row.t_reported_ns is not None}
    assert (
        len(reported)
        == counters["reports_sent"]
        == len(accepted) - counters["reports_lost"] - counters["vanished"]
    )
    assert counters["reports_confirmed"] == len(reported)


@settings(deadline=None, max_examples=150)
@given(faults, traffic, refusal_counts)
def test_no_message_is_both_lost_and_delivered_and_copies_of_reports_change_nothing(
    fault_sections: Faults, requests: list[TimedSend], refused_calls: int
) -> None:
    profile = profile_of(fault_sections)
    world = FaultedProvider(profile, refused_calls).run(requests)
    reported = Counter(report.provider_id for _, call in world.calls for report in call.reports)
    states: dict[str, DeliveryReport] = {}
    for _, call in world.calls:
        for report in call.reports:
            assert states.setdefault(report.provider_id, report) == report
    names = {fault.name for fault in profile.faults}
    for row in world.rows():
        assert set(filter(None, row.fault.split(","))) <= names
        assert row.accepts <= 1  # check_idx: whatever happened to the reply, a repeat is known
        if row.reason == "lost_after_accept":
            assert row.fault and row.state == "undelivered" and row.t_carrier_ns is None
            assert reported[row.provider_id] == 0
        elif row.provider_id and reported[row.provider_id]:
            assert states[row.provider_id].state.value == row.state
        if row.t_confirmed_ns is not None:
            assert row.t_submitted_ns <= row.t_final_ns <= row.t_reported_ns <= row.t_confirmed_ns


@settings(deadline=None)
@given(faults, st.permutations(range(20)))
def test_the_same_outcomes_whatever_the_order(fault_sections: Faults, order: list[int]) -> None:
    """All at one instant and in no queue: each meets the same windows. Only limits look at the order."""
    by_draw = [f for f in fault_sections if f["kind"] not in ("rate_reduction", "report_storm")]
    profile = profile_of(by_draw)
    unpaced = tuple(c.model_copy(update={"segments_per_s": None}) for c in profile.carriers)
    profile = profile.model_copy(update={"throttle": type(profile.throttle)(), "carriers": unpaced})
    found = []
    for keys in (range(20), order):
        world = FaultedProvider(profile).run([(0.0, [key]) for key in keys])
        found.append({row.key: (row.state, row.reason, row.fault) for row in world.rows()})
    assert found[0] == found[1]


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.05, 1.0), st.integers(1, 8), st.lists(st.integers(0, 400_000_000), min_size=20, max_size=80)
)
def test_a_rate_reduction_keeps_the_bound_of_its_bucket_in_every_window(
    share: float, burst: int, pauses_ns: list[int]
) -> None:
    drop = {"kind": "rate_reduction", "share": share, "burst": burst, "start_s": 3.0, "end_s": 8.0}
    world = FaultedProvider(profile_of([drop]))
    due_ns = list(accumulate(pauses_ns))
    for number, at_ns in enumerate(due_ns):
        key = f"k{number}"
        message = Outbound(f"48600100{number:03}", "", "hi", 1, key, key)
        world.driver.submit(Submit(number, "smsapi", "t", "Test", (message,)), at_ns)
    world.driver.run()
    replies = [effect for _, effect in world.answers if isinstance(effect, Reply)]
    taken = {reply.request_id for reply in replies if isinstance(reply.answer, Accepted)}
    admitted = [at_ns for number, at_ns in enumerate(due_ns) if number in taken]
    origin_ns = pauses_ns[0]
    for first, from_ns in enumerate(admitted):
        for count, to_ns in enumerate(admitted[first:], start=1):
            width_s = (to_ns - from_ns) / S
            assert count <= RATE * width_s + max(BURST, burst) + 1e-6
            if from_ns >= origin_ns + 3 * S and to_ns < origin_ns + 8 * S:
                assert count <= RATE * share * width_s + burst + 1e-6


@settings(deadline=None)
@given(faults, st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 3))), max_size=6))
def test_the_log_of_faults_knows_their_real_times(
    fault_sections: Faults, changes: list[tuple[int, set[int]]]
) -> None:
    """At any moment the log lists the active faults as active, whichever faults were removed before."""
    all_of_them = profile_of(fault_sections).faults
    log, now_ns, present = FaultHistory(), 0, all_of_them
    log.renew(0, FaultWindows(present, 0).windows)
    for pause_s, kept in changes:
        now_ns += pause_s * S
        present = tuple(fault for index, fault in enumerate(all_of_them) if index in kept)
        log.renew(now_ns, FaultWindows(present, 0).windows)
        active = {span.name for span in log.periods(now_ns) if span.phase == "active"}
        begun = {f.name for f in present if f.start_s * S <= now_ns < f.end_s * S}
        assert active == begun
        spans = log.periods(now_ns)
        for span in spans:
            assert span.start_ns < span.end_ns
            assert (span.phase == "ended") == (span.end_ns <= now_ns)
        # No fault twice at one time, however often the others change.
        by_name = sorted((span.name, span.start_ns, span.end_ns) for span in spans)
        assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(by_name))
