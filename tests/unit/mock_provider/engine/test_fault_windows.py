"""Each fault in virtual time: what it does within its window, and that the journal says so."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from nanoseconds import S
from virtual import fixed, virtual_provider

from mock_provider.engine.values import Accepted, MessageState
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider, plain_profile

PLUS, ORANGE = {"name": "Plus", "country": "PL"}, {"name": "Orange", "country": "PL"}


def named(kind: str, **keys: Any) -> dict[str, Any]:
    return {"kind": kind, "name": "f", "start_s": 10, "end_s": 20} | keys


def accepted(p: VirtualProvider, request: int) -> bool:
    return type(p.replies.get(request)) is Accepted


def reported_s(p: VirtualProvider) -> list[tuple[float, list[str | None]]]:
    """When each report call was made, with the client references in it."""
    return [(now_ns / S, [report.client_ref for report in call.reports]) for now_ns, call in p.calls]


def test_outage_that_hangs_answers_nothing_and_takes_nothing() -> None:
    p = virtual_provider(faults=[named("outage", answer="hang")])
    p.send(0, "first")
    request = p.send(10, "k")
    p.run(100)
    assert request not in p.replies and not p.cut_ns
    row = p.row("k")
    assert (row.accepts, row.reason, row.fault) == (0, "no_reply", "f")


@pytest.mark.parametrize(
    "fault",
    [named("outage"), named("outage", answer="disconnect"), named("hang"), named("error_rate", share=1)],
)
def test_the_journal_keeps_the_name_of_a_fault_after_the_retry(
    fault: dict[str, Any],
) -> None:
    p = virtual_provider(faults=[fault])
    p.send(0, "first")
    p.send(10, "k")
    assert p.row("k").fault == "f"
    p.send(20, "k")
    p.run()
    row = p.row("k")
    assert (row.fault, row.state, row.submits) == ("f", "delivered", 2)
    assert p.row("first").fault == ""


def test_several_codes_have_their_shares() -> None:
    codes = [{"refusal": "internal_error", "share": 0.2}, {"refusal": "unavailable", "share": 0.1}]
    p = virtual_provider(faults=[{"kind": "error_rate", "codes": codes}])
    replies = [p.replies[p.send(0, f"k{n}")] for n in range(2000)]
    reasons = [getattr(reply, "reason", None) for reply in replies]
    assert reasons.count(Refusal.INTERNAL_ERROR) / 2000 == pytest.approx(0.2, abs=0.03)
    assert reasons.count(Refusal.UNAVAILABLE) / 2000 == pytest.approx(0.1, abs=0.03)
    assert set(reasons) == {None, Refusal.INTERNAL_ERROR, Refusal.UNAVAILABLE}


def test_a_brown_out_grows_over_its_ramp_and_goes_down_before_its_end() -> None:
    fault = named("added_latency", factor=5.0, ramp_s=2.0, end_s=18)
    p = virtual_provider(faults=[fault], reply={"latency": fixed(0.1)})
    sent = {at_s: p.send(at_s, f"k{at_s}") for at_s in (0, 10, 11, 12, 15, 17, 18)}
    p.run()
    took = {at_s: round(p.replied_ns[request] / S - at_s, 3) for at_s, request in sent.items()}
    assert took == {0: 0.1, 10: 0.1, 11: 0.3, 12: 0.5, 15: 0.5, 17: 0.3, 18: 0.1}


@pytest.mark.parametrize(("kind", "cut"), [("lost_reply", False), ("cut_after_accept", True)])
def test_the_ambiguous_kind_takes_the_message_and_says_nothing(kind: str, cut: bool) -> None:
    p = virtual_provider(faults=[named(kind)], reply={"latency": fixed(0.5)})
    p.send(0, "first")
    request = p.send(10, "k", refuse_duplicates=True)
    p.run(19)
    assert request not in p.replies
    assert p.cut_ns == ({request: 10.5 * S} if cut else {})
    row = p.row("k")
    assert (row.state, row.accepts, row.t_answered_ns, row.fault) == ("delivered", 1, None, "f")
    again = p.send(20, "k", refuse_duplicates=True)
    p.run()
    assert p.refused(again).reason is Refusal.DUPLICATE_REF


def test_rate_reduction_lowers_the_rate_for_its_window_and_keeps_the_bucket() -> None:
    fault = named("rate_reduction", share=0.1)
    p = virtual_provider(faults=[fault], throttle={"requests": {"rate_per_s": 20, "burst": 5}})
    taken = [n for n in range(4000) if accepted(p, p.send(n / 100, f"k{n}"))]

    def count(from_s: float, to_s: float) -> int:
        return sum(from_s <= n / 100 < to_s for n in taken)

    assert count(0, 10) == pytest.approx(205, abs=1)
    assert count(10, 20) == pytest.approx(20, abs=5)
    assert count(20, 30) == pytest.approx(200, abs=5)
    refused = [row for row in p.rows().values() if not row.provider_id and 10 <= row.t_submitted_ns / S < 20]
    assert refused and all(row.fault == "f" for row in refused)


def test_rate_reduction_of_a_provider_without_limits() -> None:
    p = virtual_provider(faults=[named("rate_reduction", limit="segments", rate_per_s=2, burst=3)])
    p.send(0, "first")
    taken = sum(accepted(p, p.send(10 + n / 10, f"k{n}")) for n in range(100))
    assert taken == pytest.approx(3 + 20, abs=1)
    assert accepted(p, p.send(20, *[f"late{n}" for n in range(50)]))


def test_accepted_then_lost_is_never_delivered_nor_reported_and_the_journal_says_so() -> None:
    p = virtual_provider(
        faults=[named("accept_then_lose", share=0.5)], accept_queue={"capacity_segments": 200}
    )
    p.send(0, "first")
    requests = [p.send(11, f"k{n}") for n in range(100)]
    p.run()
    rows = [p.row(f"k{n}") for n in range(100)]
    lost = [row for row in rows if row.fault]
    assert all(accepted(p, request) for request in requests)
    assert 30 < len(lost) < 70
    reported = {key for _, keys in reported_s(p) for key in keys}
    for row in rows:
        expected = ("undelivered", "lost_after_accept") if row.fault else ("delivered", "")
        assert (row.state, row.reason) == expected
        assert (row.key in reported) is not bool(row.fault)
    assert lost[0].t_carrier_ns is None
    view = p.engine.message(lost[0].provider_id)
    assert (view.state, view.fault) == (MessageState.OPEN, "f")  # its provider knows no better
    state = p.engine.state()
    assert (state.open, state.counters["vanished"], state.gauges["queue_accept_segments"]) == (
        0,
        len(lost),
        0,
    )


def test_lost_reports() -> None:
    p = virtual_provider(faults=[named("report_loss", share=0.5)])
    p.send(0, "first")
    for n in range(100):
        p.send(11, f"k{n}")
    p.run()
    silent = [row for row in p.rows().values() if row.t_reported_ns is None]
    assert 30 < len(silent) < 70
    assert all((row.fault, row.state) == ("f", "delivered") for row in silent)
    assert p.engine.state().counters["reports_lost"] == len(silent)


def test_a_duplicate_report_follows_though_the_first_was_confirmed_and_changes_nothing() -> None:
    p = virtual_provider(faults=[named("report_duplicate", after_s=3.0)])
    p.send(0, "first")
    p.send(11, "k")
    p.run(12)
    row = p.row("k")
    p.run()
    assert reported_s(p) == [(0, ["first"]), (11, ["k"]), (14, ["k"])]
    first, again = (call for _, call in p.calls[1:])
    assert first.reports == again.reports and first.batch_id != again.batch_id
    assert p.row("k") == row
    counters = p.engine.state().counters
    assert (counters["reports_confirmed"], counters["reports_duplicated"]) == (2, 1)


def test_a_duplicate_that_is_not_confirmed_is_not_tried_again() -> None:
    p = virtual_provider(faults=[named("report_duplicate", after_s=3.0)])
    p.confirms = lambda call: p.now_ns < 14 * S
    p.send(0, "first")
    p.send(11, "k")
    p.run()
    assert [at_s for at_s, _ in reported_s(p)] == [0, 11, 14]


def test_late_reports() -> None:
    p = virtual_provider(faults=[named("report_delay", delay=fixed(5.0))], reports={"delay": fixed(1.0)})
    for at_s, key in ((0, "a"), (11, "b"), (20, "c")):
        p.send(at_s, key)
    p.run()
    assert reported_s(p) == [(1, ["a"]), (17, ["b"]), (21, ["c"])]


def test_reordered_reports_change_places() -> None:
    p = virtual_provider(faults=[named("report_reorder", share=0.5, within_s=4.0)])
    p.send(0, "first")
    for n in range(100):
        p.send(11 + n / 100, f"k{n:03}")
    p.run()
    order = [keys[0] for _, keys in reported_s(p)[1:]]
    assert sorted(order) == [f"k{n:03}" for n in range(100)]
    backwards = sum(a > b for a, b in pairwise(order))
    assert backwards > 20
    assert max(at_s for at_s, _ in reported_s(p)) <= 16


@pytest.mark.parametrize("at_once", [True, False])
def test_a_report_storm_breaks_loose_at_its_end(at_once: bool) -> None:
    pace = {} if at_once else {"release_per_s": 10}
    p = virtual_provider(faults=[named("report_storm", **pace)])
    p.send(0, "first")
    for n in range(40):
        p.send(11 + n / 10, f"k{n}")
    p.run()
    at_s = [at_s for at_s, _ in reported_s(p)[1:]]
    assert [keys for _, keys in reported_s(p)[1:]] == [[f"k{n}"] for n in range(40)]
    assert at_s == [20.0] * 40 if at_once else at_s == pytest.approx([20 + n / 10 for n in range(40)])
    assert p.row("k0").fault == "f"
    assert p.engine.state().counters["reports_held"] == 40


def test_a_great_storm_is_released_in_chunks() -> None:
    """Whatever is due in one instant is done in one step, in which the provider does nothing else."""
    p = virtual_provider(faults=[named("report_storm")])
    p.send(0, "first")
    p.send(11, *(f"k{n}" for n in range(2500)))
    p.run()
    at_s = [at_s for at_s, _ in reported_s(p)[1:]]
    assert at_s == [20.0] * 1000 + [20.005] * 1000 + [20.01] * 500


def test_a_storm_holds_repeated_calls_too_and_ends_when_it_is_taken_away() -> None:
    p = virtual_provider(
        faults=[named("report_storm", start_s=0.5, end_s=None)], reports={"retry_after_s": [1]}
    )
    p.confirms = lambda call: p.now_ns >= 30 * S
    p.send(0, "k")
    p.run(30)
    assert [at_s for at_s, _ in reported_s(p)] == [0]
    p.carry_out(p.engine.reconfigure(30 * S, plain_profile()))
    p.run()
    assert [at_s for at_s, _ in reported_s(p)] == [0, 30]
    assert p.row("k").t_confirmed_ns == 30 * S
    (span,) = p.engine.fault_log(40 * S)
    assert (span.phase, span.start_ns, span.end_ns) == ("ended", S // 2, 30 * S)


def test_a_carrier_that_is_down_holds_its_queue_in_order_and_the_others_continue() -> None:
    fault = named("carrier_down", carriers=["Plus"])
    p = virtual_provider(
        faults=[fault], carriers=[PLUS | {"segments_per_s": 1}, ORANGE | {"segments_per_s": 1}]
    )
    for n in range(24):
        p.send(n / 2, {"key": f"k{n}", "msisdn": f"4860010{n:04}"})
    p.run()
    departed: dict[str, list[tuple[float, str, str]]] = {}
    for row in p.rows().values():
        departed.setdefault(row.carrier, []).append((row.t_carrier_ns / S, row.key, row.fault))
    assert all(not 10 <= at_s < 20 for at_s, *_ in departed["Plus"])
    assert all(fault == "" for *_, fault in departed["Orange"])
    held = [entry for entry in departed["Plus"] if entry[0] >= 20]
    assert held and all(fault == "f" for *_, fault in held)
    assert [key for _, key, _ in sorted(held)] == sorted(
        (key for _, key, _ in held), key=lambda k: int(k[1:])
    )


def test_messages_that_wait_when_their_carrier_goes_down_continue_to_wait() -> None:
    p = virtual_provider(faults=[named("carrier_down", carriers=["any"], start_s=1.5)],
                 carriers=[{"name": "any", "country": "*", "segments_per_s": 1}])  # fmt: skip
    for n in range(4):
        p.send(0, f"k{n}")
    p.run()
    rows = [p.row(f"k{n}") for n in range(4)]
    assert [row.t_carrier_ns / S for row in rows] == [0, 1, 20, 21]
    assert [row.fault for row in rows] == ["", "", "f", "f"]


def test_a_message_that_waited_for_several_faults_names_each() -> None:
    first = named("carrier_down", name="first", carriers=["any"])
    second = named("carrier_down", name="second", carriers=["any"], start_s=15, end_s=30)
    third = named("carrier_down", name="third", carriers=["any"], start_s=30.5, end_s=40)
    p = virtual_provider(faults=[first, second, third],
                 carriers=[{"name": "any", "country": "*", "segments_per_s": 1}])  # fmt: skip
    for at_s in (0, 11, 12, 22, 45):
        p.send(at_s, f"k{at_s}")
    p.run()
    met = {at_s: (p.row(f"k{at_s}").t_carrier_ns / S, p.row(f"k{at_s}").fault) for at_s in (11, 12, 22, 45)}
    assert met == {
        11: (30, "first,second"),
        12: (40, "first,second,third"),
        22: (41, "second,third"),
        45: (45, ""),
    }


def test_a_carrier_that_is_down_may_fail_its_messages() -> None:
    p = virtual_provider(faults=[named("carrier_down", carriers=["any"], behaviour="fail")],
                 delivery={"latency": fixed(3)})  # fmt: skip
    p.send(0, "first")
    p.send(11, "k")
    p.run()
    row = p.row("k")
    assert (row.state, row.reason, row.fault) == ("undelivered", "carrier_down", "f")
    assert row.t_final_ns == row.t_reported_ns == 11 * S


@pytest.mark.parametrize("behaviour", ["hold", "fail", "refuse"])
def test_one_country_down_leaves_the_others_alone(behaviour: str) -> None:
    p = virtual_provider(faults=[named("country_down", countries=["DE"], behaviour=behaviour)])
    pl = {"key": "pl", "client_ref": "pl", "msisdn": "48600100200"}
    de = {"key": "de", "client_ref": "de", "msisdn": "4915112345678"}
    p.send(0, "first")
    request = p.send(11, pl, de)
    p.run()
    assert accepted(p, request)
    assert p.row("pl").state == "delivered" and p.row("pl").fault == ""
    row = p.row("de")
    assert row.fault == "f"
    expected = {
        "hold": ("delivered", "", 20 * S),
        "fail": ("undelivered", "country_down", 11 * S),
        "refuse": ("rejected", "unavailable", None),
    }
    assert (row.state, row.reason, row.t_final_ns) == expected[behaviour]
    alone = p.send(21, de)
    assert accepted(p, alone)


def test_a_request_to_the_closed_country_alone_is_refused_and_costs_nothing() -> None:
    fault = named("country_down", countries=["PL"], behaviour="refuse", refusal="internal_error")
    p = virtual_provider(faults=[fault], account={"balance_points": 10})
    p.send(0, "first")
    before = p.engine.state().balance_points
    request = p.send(11, "k")
    assert p.refused(request).reason is Refusal.INTERNAL_ERROR
    assert p.engine.state().balance_points == before
    assert p.row("k").fault == "f"


def test_a_message_names_all_the_faults_it_met() -> None:
    faults = [
        named("added_latency", factor=2.0) | {"name": "slow"},
        named("report_storm") | {"name": "storm"},
        named("outage", start_s=11, end_s=12) | {"name": "down"},
    ]
    p = virtual_provider(faults=faults, reply={"latency": fixed(0.1)})
    p.send(0, "first")
    p.send(11.5, "k")
    p.send(12.5, "k")
    p.run()
    assert p.row("k").fault == "down,slow,storm"


@pytest.mark.parametrize("digits", ["10", "11", "12", "30", "31", "32", "33"])
def test_a_magic_number_triggers_its_fault_without_a_window(digits: str) -> None:
    p = virtual_provider(numbers={"magic": True}, reply={"latency": fixed(0.5)})
    magic = {"key": "k", "client_ref": "k", "msisdn": f"481000000{digits}"}
    request = p.send(0, magic)
    p.send(0, "other")
    p.run()
    row, calls = p.row("k"), [at_s for at_s, keys in reported_s(p) if keys == ["k"]]
    assert row.fault == "magic" and p.row("other").fault == ""
    assert (accepted(p, request), request in p.cut_ns) == (digits not in ("31", "32"), digits == "32")
    assert row.state == ("undelivered" if digits == "30" else "delivered")
    replied_s = {"33": 5.5}.get(digits, 0.5)
    assert calls == {"10": [], "11": [60.5], "12": [0.5, 1.5], "30": []}.get(digits, [replied_s])
    assert p.engine.state().open == 0
