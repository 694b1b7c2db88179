from __future__ import annotations

from typing import Any

import pytest
from nanoseconds import S
from virtual import fixed, virtual_provider

from mock_provider.engine import IllegalTransitionError
from mock_provider.engine.values import ACCOUNT_REPORTS, Disconnect, FinalReport, ReportsWanted
from mock_provider.testing.virtual import REPORT_URL


def test_report_says_what_became_of_the_message() -> None:
    p = virtual_provider(carriers=[{"name": "c", "country": "*", "mcc": "260", "mnc": "06"}])
    request = p.send(1, {"key": "k", "client_ref": "k", "segments": 2})
    p.run()
    ((_, call),) = p.calls
    (report,) = call.reports
    assert call.address == "http://127.0.0.1/dlr"
    assert report.provider_id == p.accepted(request)[0].provider_id
    assert (report.client_ref, report.msisdn, report.sender_id) == ("k", "48600100200", "Test")
    assert (report.state.value, report.segments, report.price) == ("delivered", 2, 0.2)
    assert (report.mcc, report.mnc, report.t_state_ns, report.t_sent_ns) == ("260", "06", S, S)


def test_reports_gather_until_the_call_is_full_or_has_lingered() -> None:
    p = virtual_provider(reports={"max_per_call": 3, "linger_s": 1.0})
    for n in range(4):
        p.send(n * 0.1, f"k{n}")
    p.send(5, "other url", reports=ReportsWanted("http://127.0.0.1/other"))
    p.run()
    calls = [(now_ns, len(call.reports), call.address[-5:]) for now_ns, call in p.calls]
    assert calls == [
        (200_000_000, 3, "1/dlr"),
        (1_300_000_000, 1, "1/dlr"),
        (6 * S, 1, "other"),
    ]


def test_unconfirmed_reports_are_repeated_by_the_schedule_and_given_up() -> None:
    p = virtual_provider(reports={"retry_after_s": [60, 120, 3600], "give_up_after_s": 10_000})
    p.confirms = lambda call: False
    p.send(0, "k")
    p.run()
    assert [now_ns // S for now_ns, _ in p.calls] == [0, 60, 180, 3780, 7380]
    assert [call.attempt for _, call in p.calls] == [1, 2, 3, 4, 5]
    state = p.engine.state()
    assert (state.open, state.counters["reports_given_up"]) == (0, 1)
    row = p.row("k")
    assert (row.state, row.t_reported_ns, row.t_confirmed_ns) == ("delivered", 0, None)


def test_row_waits_for_the_confirmation() -> None:
    p = virtual_provider(reports={"retry_after_s": [60]})
    p.confirms = lambda call: call.attempt == 2
    p.send(0, "k")
    p.run(59)
    assert p.engine.take_rows() == []
    assert p.engine.state().open == 1
    p.run()
    (row,) = p.engine.take_rows()
    assert row.t_confirmed_ns == 60 * S
    assert p.engine.state().open == 0


def test_lost_and_unwanted_reports_close_the_message() -> None:
    p = virtual_provider(reports={"loss_share": 1.0})
    p.send(0, "lost")
    p.send(0, "unwanted", reports=ACCOUNT_REPORTS)
    p.run()
    assert p.calls == []
    assert p.engine.state().open == 0
    assert p.engine.state().counters["reports_lost"] == 1
    assert p.row("lost").state == p.row("unwanted").state == "delivered"


def test_account_wide_url_serves_those_without_their_own() -> None:
    p = virtual_provider(account={"report_url": "http://127.0.0.1/account"})
    p.send(0, "a", reports=ACCOUNT_REPORTS)
    p.send(0, "b")
    p.run()
    assert sorted(call.address[17:] for _, call in p.calls) == ["account", "dlr"]


def test_an_unexpected_answer_raises_and_changes_nothing() -> None:
    p = virtual_provider()
    p.confirms = lambda call: None
    p.send(0, "k")
    p.run()
    ((_, call),) = p.calls
    with pytest.raises(IllegalTransitionError):
        p.engine.reports_answered(p.now_ns, call.batch_id + 1, True)
    p.engine.reports_answered(p.now_ns, call.batch_id, False)
    before = p.engine.state()
    with pytest.raises(IllegalTransitionError):
        p.engine.reports_answered(p.now_ns, call.batch_id, True)
    assert p.engine.state() == before


def test_reset_forgets_all_but_the_profile() -> None:
    p = virtual_provider(reply={"latency": fixed(1.0)}, account={"balance_points": 1.0})
    p.confirms = lambda call: None
    p.send(0, "k")
    p.run()
    ((_, call),) = p.calls
    waiting = p.send(2, "waiting")
    assert p.engine.reset(p.now_ns) == [Disconnect(waiting)]
    assert p.engine.reports_answered(p.now_ns, call.batch_id, True) == []
    state = p.engine.state()
    assert (state.open, state.accepted, state.balance_points, p.rows()) == (0, 0, 1.0, {})
    p.send(3, "k", refuse_duplicates=True)
    p.run()
    assert p.calls[-1][1].batch_id > call.batch_id


def test_a_url_that_never_comes_again_takes_no_memory() -> None:
    p = virtual_provider(reports={"max_per_call": 10}, duplicates={"remembered_keys": 1})
    for n in range(50):
        p.send(n, f"k{n}", reports=ReportsWanted(f"http://127.0.0.1/{n}"))
        p.engine.take_rows()
    p.run()
    assert len(p.calls) == 50
    assert p.engine.kept()["receivers"] == 0


def test_the_linger_timer_of_a_sent_batch_does_not_send_the_next_one() -> None:
    p = virtual_provider(reports={"max_per_call": 2, "linger_s": 1.0})
    for at_s, key in ((0, "a"), (0.5, "b"), (0.8, "c")):
        p.send(at_s, key)
    p.run()
    assert [(now_ns, len(call.reports)) for now_ns, call in p.calls] == [(S // 2, 2), (1_800_000_000, 1)]


@pytest.mark.parametrize(
    ("failures", "wanted", "calls"),
    [
        ([], FinalReport.ALL, 1),
        ([], FinalReport.FAILURES, 0),
        ([], FinalReport.NONE, 0),
        ([{"state": "undelivered", "reason": "barred", "share": 1.0}], FinalReport.FAILURES, 1),
        ([{"state": "expired", "reason": "late", "share": 1.0}], FinalReport.FAILURES, 1),
        ([{"state": "undelivered", "reason": "barred", "share": 1.0}], FinalReport.NONE, 0),
    ],
)
def test_a_report_that_is_not_wanted_is_neither_sent_nor_confirmed(
    failures: list[dict[str, Any]], wanted: FinalReport, calls: int
) -> None:
    p = virtual_provider(delivery={"latency": fixed(0.0), "failures": failures, "validity_s": 60})
    p.send(0, "k", reports=ReportsWanted(REPORT_URL, wanted))
    p.run()
    assert len(p.calls) == calls
    assert p.engine.state().open == 0
    row = p.row("k")
    assert (row.t_reported_ns is not None, row.t_confirmed_ns is not None) == (bool(calls), bool(calls))
