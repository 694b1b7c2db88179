from __future__ import annotations

import pytest
from nanoseconds import S
from virtual import fixed, virtual_provider

from mock_provider.engine.values import Accepted, UnparsableNumber
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider


def accepted(p: VirtualProvider, request: int) -> bool:
    return type(p.replies.get(request)) is Accepted


def test_outage_refuses_within_its_window_which_counts_from_the_first_input() -> None:
    p = virtual_provider(faults=[{"kind": "outage", "start_s": 20, "end_s": 50}])
    before, within, late, after = (p.send(1000 + t, f"k{t}") for t in (0, 20, 49.999, 50))
    assert accepted(p, before)
    assert p.refused(within).reason is p.refused(late).reason is Refusal.UNAVAILABLE
    assert accepted(p, after)


def test_absolute_window() -> None:
    p = virtual_provider(faults=[{"kind": "outage", "clock": "absolute", "start_s": 1010, "end_s": 1020}])
    requests = [p.send(t, f"k{t}") for t in (1000, 1015, 1020)]
    assert [accepted(p, request) for request in requests] == [True, False, True]


def test_an_outage_can_cut_connections() -> None:
    p = virtual_provider(faults=[{"kind": "outage", "answer": "disconnect"}])
    request = p.send(0, "k")
    assert request in p.cut_ns
    assert request not in p.replies
    assert p.row("k").reason == "disconnected"


def test_hang_before_accept_takes_nothing() -> None:
    p = virtual_provider(faults=[{"kind": "hang", "end_s": 10}])
    request = p.send(0, "k", refuse_duplicates=True)
    p.run(1000)
    assert request not in p.replies
    assert p.engine.state().accepted == 0
    assert accepted(p, p.send(1001, "k", refuse_duplicates=True))
    assert p.row("k").submits == 2


@pytest.mark.parametrize("disconnect", [False, True])
def test_hang_after_accept_loses_only_the_reply(disconnect: bool) -> None:
    fault = {"kind": "hang", "accepted": True, "disconnect": disconnect, "end_s": 10}
    p = virtual_provider(faults=[fault], reply={"latency": fixed(0.5)}, delivery={"latency": fixed(1.0)})
    request = p.send(0, "k", refuse_duplicates=True)
    p.run()
    assert request not in p.replies
    assert p.cut_ns == ({request: S // 2} if disconnect else {})
    row = p.row("k")
    assert (row.t_answered_ns, row.t_carrier_ns, row.t_final_ns) == (None, S // 2, 3 * S // 2)
    again = p.send(20, "k", refuse_duplicates=True)
    p.run()
    assert p.refused(again).reason is Refusal.DUPLICATE_REF
    assert (p.row("k").submits, p.row("k").accepts) == (2, 1)
    assert p.engine.state().gauges["pending_replies"] == 0


def test_errors_are_drawn_again_for_each_attempt() -> None:
    p = virtual_provider(faults=[{"kind": "error_rate", "share": 0.3, "refusal": "internal_error"}])
    attempts = {}
    for n in range(500):
        attempts[n] = 1
        while not accepted(p, p.send(0, f"k{n}", refuse_duplicates=True)):
            attempts[n] += 1
    refused = sum(attempts.values()) - 500
    assert refused / sum(attempts.values()) == pytest.approx(0.3, abs=0.05)
    assert p.engine.state().counters["refused_internal_error"] == refused


def test_requests_without_a_key_have_chances_of_their_own() -> None:
    p = virtual_provider(faults=[{"kind": "error_rate", "share": 0.5}])
    reasons = [p.refused(p.send(0, unparsable=(UnparsableNumber(f"x{n}"),))).reason for n in range(50)]
    assert 10 < reasons.count(Refusal.INTERNAL_ERROR) < 40


def test_added_latency_of_replies_and_of_carriers() -> None:
    faults = [
        {"kind": "added_latency", "factor": 3.0, "plus_s": 0.1, "end_s": 10},
        {"kind": "added_latency", "stage": "carrier", "factor": 2.0, "end_s": 10},
    ]
    p = virtual_provider(faults=faults, reply={"latency": fixed(0.2)}, delivery={"latency": fixed(1.0)})
    p.send(0, "slow")
    p.send(10, "usual")
    p.run()
    slow, usual = p.row("slow"), p.row("usual")
    assert (slow.t_answered_ns, slow.t_final_ns) == (700_000_000, 2_700_000_000)
    assert (usual.t_answered_ns, usual.t_final_ns) == (10_200_000_000, 11_200_000_000)


def test_asking_for_an_outage_does_not_start_relative_windows() -> None:
    p = virtual_provider(faults=[{"kind": "outage", "answer": "disconnect", "start_s": 20, "end_s": 50}])
    assert p.engine.outage(30 * S) is None
    p.send(1000, "first")
    down = [p.engine.outage(at_s * S) for at_s in (1019, 1020, 1049, 1050)]
    assert [outage and outage.disconnect for outage in down] == [None, True, True, None]
