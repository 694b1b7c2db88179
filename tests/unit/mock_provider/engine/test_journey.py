"""What happens to a message between its submit and its final state, to the nanosecond."""

from __future__ import annotations

from typing import Any

import pytest
from nanoseconds import MS, S
from virtual import fixed, virtual_provider

from mock_provider.engine.values import Accepted, ReportsWanted
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider
from mock_provider.testing.virtual import REPORT_URL


def test_marks_follow_from_the_profile() -> None:
    p = virtual_provider(
        reply={"latency": fixed(0.04)},
        delivery={"latency": fixed(2.0)},
        reports={"delay": fixed(0.3)},
    )
    p.send(1, "k")
    p.run()
    row = p.row("k")
    assert row.t_submitted_ns == 1 * S
    assert row.t_answered_ns == row.t_carrier_ns == 1 * S + 40 * MS
    assert row.t_final_ns == 3 * S + 40 * MS
    assert row.t_reported_ns == row.t_confirmed_ns == 3 * S + 340 * MS
    assert (row.state, row.reason, row.submits, row.accepts) == ("delivered", "", 1, 1)
    assert (row.account, row.protocol, row.country, row.carrier, row.price) == (
        "demo",
        "smsapi",
        "PL",
        "any",
        0.1,
    )


def test_queues_let_segments_pass_at_their_rates() -> None:
    p = virtual_provider(
        accept_queue={"drain_segments_per_s": 10},
        carriers=[{"name": "any", "country": "*", "segments_per_s": 4}],
    )
    for n in range(4):
        p.send(0, {"key": f"k{n}", "segments": 1 + (n == 0)})
    p.run()
    # Accept queue: 0, 0.2 (two segments before it), 0.3, 0.4. Carrier: 0, then 0.5, 0.75, 1.0.
    left = [p.row(f"k{n}").t_carrier_ns for n in range(4)]
    assert left == [0, 500 * MS, 750 * MS, 1000 * MS]


def test_fast_messages_go_first() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 1})
    for n in range(3):
        p.send(0, f"bulk{n}")
    p.send(0.5, "code", priority=True)
    p.run()
    assert p.row("code").t_carrier_ns == 1 * S
    assert [p.row(f"bulk{n}").t_carrier_ns for n in range(3)] == [0, 2 * S, 3 * S]


def test_no_message_overtakes_at_the_instant_at_which_a_queue_moves() -> None:
    p = virtual_provider(reply={"latency": fixed(1.0)}, accept_queue={"drain_segments_per_s": 1})
    p.send(0, "first")
    p.send(0.5, "waits")
    p.send(1.0, "comes when the other's turn is")
    p.run()
    assert p.row("waits").t_carrier_ns == 2 * S
    assert p.row("comes when the other's turn is").t_carrier_ns == 3 * S


def test_carriers_own_latencies_go_before_those_of_all() -> None:
    def fast_s(delivery: dict[str, Any], **carrier: Any) -> float:
        p = virtual_provider(delivery=delivery, carriers=[{"name": "c", "country": "*"} | carrier])
        p.send(0, "k", priority=True)
        p.run()
        return p.row("k").t_final_ns // S

    of_all = {"latency": fixed(1.0), "priority_latency": fixed(2.0)}
    assert fast_s(of_all, latency=fixed(3.0), priority_latency=fixed(4.0)) == 4
    assert fast_s(of_all, latency=fixed(3.0)) == 3
    assert fast_s(of_all) == 2
    assert fast_s({"latency": fixed(1.0)}) == 1


def test_fast_route_has_its_own_latency() -> None:
    p = virtual_provider(delivery={"latency": fixed(3.0), "priority_latency": fixed(1.0)})
    p.send(0, "bulk")
    p.send(0, "code", priority=True)
    p.run()
    assert (p.row("bulk").t_final_ns, p.row("code").t_final_ns) == (3 * S, 1 * S)


def test_late_driver_changes_actual_instants_only() -> None:
    p = virtual_provider(
        delivery={"latency": fixed(2.0)},
        carriers=[{"name": "any", "country": "*", "segments_per_s": 1}],
        reports={"delay": fixed(0.5)},
    )
    p.send(0, "a")
    p.send(0, "b")
    p.stall(10)
    p.run(10)
    row = p.row("b")
    assert (row.t_carrier_ns, row.t_final_ns) == (1 * S, 3 * S)
    assert row.t_reported_ns == 10 * S


def test_nothing_enters_the_carrier_before_its_reply_left() -> None:
    p = virtual_provider(reply={"latency": fixed(1.0)}, delivery={"latency": fixed(2.0)})
    p.send(0, "k")
    p.stall(5)  # the driver comes four seconds late
    p.run()
    row = p.row("k")
    assert (row.t_answered_ns, row.t_carrier_ns, row.t_final_ns) == (5 * S, 5 * S, 7 * S)


def test_scheduled_message_waits_and_its_validity_with_it() -> None:
    p = virtual_provider(delivery={"latency": fixed(1.0), "validity_s": 50})
    p.send(0, "k", scheduled_ns=100 * S)
    p.run(99)
    assert p.row("k").state == "open"
    p.run()
    assert p.row("k").t_carrier_ns == 100 * S
    assert p.row("k").state == "delivered"


def test_scheduled_message_is_removed_and_paid_back() -> None:
    p = virtual_provider(account={"balance_points": 1.0}, accept_queue={"capacity_segments": 1})
    request = p.send(0, "k", scheduled_ns=100 * S)
    provider_id = p.accepted(request)[0].provider_id
    assert p.engine.state().balance_points == 0.9
    assert p.engine.cancel(p.now_ns, "unknown", [provider_id]) == ()
    assert p.engine.cancel(p.now_ns, "t", ["unknown", provider_id]) == (provider_id,)
    assert p.engine.cancel(p.now_ns, "t", [provider_id]) == ()
    p.run(200)
    assert p.engine.state().balance_points == 1.0
    assert p.engine.state().open == 0
    row = p.row("k")
    assert (row.state, row.reason, row.t_carrier_ns) == ("rejected", "cancelled", None)
    assert p.calls == []
    assert type(p.replies[p.send(201, "room again")]) is Accepted


@pytest.mark.parametrize("hang", [(), ({"kind": "hang", "share": 1.0, "accepted": True, "start_s": 7.0},)])
def test_a_replacement_and_a_message_that_is_due_before_the_reply_send_one_message(
    hang: list[dict[str, Any]],
) -> None:
    p = virtual_provider(reply={"latency": fixed(5.0)}, faults=list(hang))
    old = p.send(0, "old", scheduled_ns=10 * S)
    p.run(6)
    old_id = p.accepted(old)[0].provider_id
    p.send(8, "new", scheduled_ns=10 * S, replaces=old_id)
    p.run()
    assert (p.row("old").state, p.row("old").reason) == ("rejected", "cancelled")
    assert p.row("new").state == "delivered"
    assert p.engine.state().open == 0


def test_a_message_stays_where_its_replacement_is_refused() -> None:
    p = virtual_provider(account={"balance_points": 0.15})
    old_id = p.accepted(p.send(0, "old", scheduled_ns=10 * S))[0].provider_id
    refused = p.send(1, "new", scheduled_ns=10 * S, replaces=old_id)
    assert p.refused(refused).reason is Refusal.NO_CREDIT
    p.send(2, "trial", scheduled_ns=10 * S, replaces=old_id, validate_only=True)
    p.run()
    assert p.row("old").state == "delivered"


def test_sent_message_cannot_be_removed() -> None:
    p = virtual_provider(delivery={"latency": fixed(1000)})
    request = p.send(0, "k", scheduled_ns=1 * S)
    p.run(2)
    assert p.engine.cancel(p.now_ns, "t", [p.accepted(request)[0].provider_id]) == ()


def test_message_that_waits_past_its_validity_expires_then() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 0.1})
    p.send(0, "first")
    p.send(0, "second", expires_ns=4 * S)
    p.send(0, "third")
    p.run()
    row = p.row("second")
    assert (row.state, row.reason) == ("expired", "validity_passed")
    assert (row.t_carrier_ns, row.t_final_ns) == (None, 4 * S)
    assert p.row("third").t_carrier_ns == 10 * S  # an expired one takes no time of the queue
    assert p.engine.state().gauges["queue_accept_segments"] == 0


def test_message_on_air_expires_with_its_validity() -> None:
    p = virtual_provider(delivery={"latency": fixed(10.0), "validity_s": 4.0})
    p.send(0, "k")
    p.run()
    row = p.row("k")
    assert (row.state, row.t_final_ns) == ("expired", 4 * S)


def test_failures_in_their_shares() -> None:
    failures = [
        {"state": "undelivered", "reason": "absent", "share": 0.3},
        {"state": "expired", "reason": "off", "share": 0.1},
    ]
    p = virtual_provider(delivery={"failures": failures, "validity_s": 60})
    for n in range(2000):
        p.send(0, f"k{n}")
    p.run()
    counters = p.engine.state().counters
    assert counters["undelivered"] == pytest.approx(600, abs=70)
    assert counters["expired"] == pytest.approx(200, abs=45)
    assert counters["delivered"] + counters["undelivered"] + counters["expired"] == 2000
    ends = {row.t_final_ns for row in p.rows().values() if row.state == "expired"}
    assert ends == {60 * S}


def test_carriers_take_their_shares_and_a_number_keeps_its_own() -> None:
    carriers = [
        {"name": "big", "country": "PL", "share": 75, "mnc": "01", "mcc": "260"},
        {"name": "small", "country": "PL", "share": 25},
        {"name": "abroad", "country": "*"},
    ]
    p = virtual_provider(carriers=carriers)
    for n in range(1000):
        p.send(0, {"key": f"a{n}", "msisdn": f"48600{n:06d}"})
        p.send(0, {"key": f"b{n}", "msisdn": f"48600{n:06d}"})
    p.send(0, {"key": "de", "msisdn": "4915112345678"})
    p.run()
    rows = {row.key: row for row in p.rows().values()}
    assert sum(rows[f"a{n}"].carrier == "big" for n in range(1000)) == pytest.approx(750, abs=50)
    assert all(rows[f"a{n}"].carrier == rows[f"b{n}"].carrier for n in range(1000))
    assert (rows["de"].carrier, rows["de"].country) == ("abroad", "DE")


def test_lookup_by_provider_id() -> None:
    p = virtual_provider(delivery={"latency": fixed(5.0)})
    provider_id = p.accepted(p.send(0, "k"))[0].provider_id
    assert p.engine.message(provider_id).stage == "ON_AIR"
    p.run()
    assert p.engine.message(provider_id).state.value == "delivered"
    assert p.engine.message("unknown") is None
    assert p.engine.account("t").name == "demo"
    assert p.engine.account("unknown") is None


def stages(p: VirtualProvider) -> list[tuple[int, str]]:
    return [(at_ns, effect.reached.value) for at_ns, effect in p.progress]


TOLD = {"reports": ReportsWanted(REPORT_URL, progress=True, stages=True)}


def test_a_receiver_gets_the_queue_the_carrier_and_the_end() -> None:
    p = virtual_provider(reply={"latency": fixed(1.0)}, delivery={"latency": fixed(2.0)})
    p.send(0, "k", **TOLD)
    p.run()
    assert stages(p) == [(1 * S, "queued"), (1 * S, "handed_over")]
    p.send(10, "k2", reports=ReportsWanted(REPORT_URL, progress=True))
    p.run()
    assert stages(p)[2:] == [(11 * S, "handed_over")]


def test_a_message_that_waits_in_its_queue_is_reported_at_once() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 0.1})
    p.send(0, "first", **TOLD)
    p.send(0, "second", **TOLD)
    p.run()
    assert stages(p) == [(0, "queued"), (0, "handed_over"), (0, "queued"), (10 * S, "handed_over")]


def test_a_message_without_room_in_its_senders_queue_is_not_reported_as_queued() -> None:
    p = virtual_provider(
        throttle={"per_sender": {"alphanumeric": {"segments_per_s": 0.001, "queue_segments": 1}}}
    )
    for key in ("a", "b", "c"):
        p.send(0, key, overflow_fails=True, **TOLD)
    p.run(1)
    assert p.row("c").reason == "sender_queue_full"
    assert stages(p) == [(0, "queued"), (0, "handed_over"), (0, "queued")]


def test_a_receiver_gets_a_report_of_a_cancelled_message() -> None:
    p = virtual_provider()
    request = p.send(0, "k", scheduled_ns=100 * S, **TOLD)
    quiet = p.send(0, "quiet", scheduled_ns=100 * S, reports=ReportsWanted(REPORT_URL, progress=True))
    p.run(10)
    ids = [p.accepted(each)[0].provider_id for each in (request, quiet)]
    assert p.engine.cancel(p.now_ns, "t", ids) == tuple(ids)
    assert p.engine.next_due() <= p.now_ns
    p.run()
    assert stages(p) == [(10 * S, "cancelled")]


def test_a_lost_message_stays_open_and_is_never_closed() -> None:
    p = virtual_provider(faults=[{"kind": "accept_then_lose"}])
    number = p.send(1, "k")
    p.run()
    (accepted,) = p.accepted(number)
    view = p.engine.message(accepted.provider_id)
    assert (view.state.value, view.stage, view.t_final_ns) == ("open", "LOST", None)
    assert p.engine.journey(accepted.provider_id).t_final_ns is None
    assert (p.row("k").state, p.row("k").reason) == ("undelivered", "lost_after_accept")
