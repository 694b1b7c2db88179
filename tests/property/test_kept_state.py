"""A provider that continues what another one kept behaves as that one would have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.snapshot import EngineSnapshot
from mock_provider.engine.values import SendReports
from mock_provider.settings.values import Refusal
from mock_provider.state.records import read, written
from mock_provider.testing import VirtualProvider, plain_profile

delays = st.sampled_from(
    [
        {"kind": "fixed", "value_s": 0.0},
        {"kind": "fixed", "value_s": 2.0},
        {"kind": "uniform", "low_s": 0.0, "high_s": 6.0},
        {"kind": "lognormal", "median_s": 1.0, "p99_s": 20.0},
    ]
)
failures = [{"state": "undelivered", "reason": "absent", "share": 0.3}]
profiles = st.fixed_dictionaries(
    {
        "delivery": st.fixed_dictionaries({"latency": delays, "failures": st.just(failures)}),
        "reports": st.fixed_dictionaries(
            {
                "delay": delays,
                "loss_share": st.sampled_from([0.0, 0.2]),
                "retry_after_s": st.just([1.0]),
                "max_per_call": st.sampled_from([1, 3]),
            }
        ),
        "account": st.just({"balance_points": 1_000.0}),
    }
)
# (seconds after the previous one, keys, asks for a later time)
traffic = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 1.0, 3.0]),
        st.lists(st.integers(0, 20), min_size=1, max_size=3, unique=True),
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


def provider_with(
    sections: dict[str, Any], requests: Sequence[Any], confirmed_from_s: float
) -> VirtualProvider:
    provider = VirtualProvider(plain_profile(**sections))
    provider.confirms = lambda call: provider.now_ns >= round(confirmed_from_s * S)
    at_s = 0.0
    for after_s, keys, later in requests:
        at_s += after_s
        scheduled_ns = round((at_s + 4.0) * S) if later else None
        provider.send(
            at_s,
            *(f"k\udc80{key}" if key == 7 else f"k{key}" for key in keys),
            refuse_duplicates=True,
            scheduled_ns=scheduled_ns,
        )
    return provider


def through_bytes(snapshot: EngineSnapshot) -> EngineSnapshot:
    """The snapshot as the state file returns it."""
    messages = tuple(read(written(each), TrackedMessage) for each in snapshot.messages)
    return EngineSnapshot(messages, snapshot.account)


def restored(provider: VirtualProvider, sections: dict[str, Any]) -> VirtualProvider:
    after = VirtualProvider(plain_profile(**sections))
    after.stall(provider.now_ns / S)
    after.engine.restore(provider.now_ns, through_bytes(provider.engine.snapshot()))
    return after


def confirmed_reports(calls: Sequence[tuple[int, SendReports]], confirmed_from_s: float) -> dict[str, Any]:
    return {
        report.provider_id: report
        for at_ns, call in calls
        if at_ns >= round(confirmed_from_s * S)
        for report in call.reports
    }


@given(profiles, traffic, st.sampled_from([0.0, 2.0, 5.0, 11.0]))
@settings(max_examples=100, deadline=None)
def test_a_restored_provider_ends_and_reports_each_message_as_the_first_would_have(
    sections: dict[str, Any], requests: list[Any], more_s: float
) -> None:
    kill_s = sum(request[0] for request in requests) + more_s
    first = provider_with(sections, requests, kill_s)
    first.run(kill_s)
    second = restored(first, sections)
    open_messages = first.engine.open_messages
    assert second.engine.open_messages == open_messages
    before = len(first.calls)
    first.run()
    second.run()

    assert second.engine.open_messages == first.engine.open_messages == 0
    reports = confirmed_reports(second.calls, kill_s)
    assert reports == confirmed_reports(first.calls[before:], kill_s)
    ended = {row.provider_id: row for row in first.rows().values() if row.provider_id}
    for row in second.rows().values():
        meant = ended[row.provider_id]
        assert (row.state, row.reason, row.t_accepted_ns) == (meant.state, meant.reason, meant.t_accepted_ns)
        assert (row.t_carrier_ns, row.t_final_ns) == (meant.t_carrier_ns, meant.t_final_ns)
    assert second.engine.state().balance_points == first.engine.state().balance_points


@given(profiles, traffic)
@settings(max_examples=50, deadline=None)
def test_a_restored_provider_refuses_the_keys_that_the_first_accepted(
    sections: dict[str, Any], requests: list[Any]
) -> None:
    first = provider_with(sections, requests, 0.0)
    second = restored(first, sections)
    now_s = first.now_ns / S
    for key in {key for _, keys, _ in requests for key in keys}:
        name = f"k\udc80{key}" if key == 7 else f"k{key}"
        repeated = second.send(now_s, name, refuse_duplicates=True)
        accepted = any(message.key == name for message in first.engine.snapshot().messages)
        assert accepted == (repeated in second.replies and not hasattr(second.replies[repeated], "messages"))
        if accepted:
            assert second.refused(repeated).reason is Refusal.DUPLICATE_REF


def test_queues_keep_their_rate_and_order_after_a_restart() -> None:
    sections: dict[str, Any] = {"accept_queue": {"drain_segments_per_s": 2}}
    first = VirtualProvider(plain_profile(**sections))
    first.send(0.0, *(f"q{number}" for number in range(20)))
    first.run(2.9)
    left = first.engine.state().gauges["queue_accept"]
    assert left > 10
    second = restored(first, sections)
    second.run()
    departed = sorted(row.t_carrier_ns or 0 for row in second.rows().values())
    waited = [each for each in departed if each >= round(2.9 * S)]
    assert len(waited) == left
    assert all(later - earlier >= S // 2 for earlier, later in pairwise(waited))


def test_a_message_that_a_fault_lost_stays_lost() -> None:
    sections: dict[str, Any] = {
        "reply": {"latency": {"kind": "fixed", "value_s": 1.0}},
        "faults": [{"kind": "accept_then_lose", "start_s": 0, "end_s": 10}],
    }
    first = VirtualProvider(plain_profile(**sections))
    first.send(0.0, "lost")
    first.run(0.5)
    second = restored(first, sections)
    second.run()
    assert not second.calls
    assert second.row("lost").reason == "lost_after_accept"


def test_the_window_of_a_key_ends_when_it_would_have() -> None:
    sections: dict[str, Any] = {"duplicates": {"window_s": 10}}
    first = VirtualProvider(plain_profile(**sections))
    first.send(0.0, "once")
    first.run(1.0)
    second = restored(first, sections)
    assert second.refused(second.send(9.0, "once", refuse_duplicates=True)).reason is Refusal.DUPLICATE_REF
    assert second.accepted(second.send(11.0, "once", refuse_duplicates=True))
