from __future__ import annotations

import pytest
from virtual import virtual_provider

from mock_provider.engine import message_store


def test_second_acceptance_shows_on_the_newest_row_of_the_key() -> None:
    p = virtual_provider()
    p.send(0, "k")
    p.run()
    (first,) = p.engine.take_rows()
    assert first.accepts == 1
    p.send(1, "k")
    p.run()
    (second,) = p.engine.take_rows()
    assert second.provider_id != first.provider_id
    assert (second.submits, second.accepts) == (2, 2)
    assert p.engine.take_rows() == []


@pytest.mark.parametrize("first_token", ["x", ""])
def test_a_message_has_the_values_of_the_submit_that_was_accepted(first_token: str) -> None:
    p = virtual_provider()
    earlier = {"key": "k", "msisdn": "48500100200", "segments": 1, "client_ref": "first"}
    later = {"key": "k", "msisdn": "48500100300", "segments": 3, "client_ref": "second"}
    p.send(0, earlier, **({"token": first_token} if first_token else {}))
    p.run()
    p.send(1, later, protocol="twilio")
    p.run()
    report = p.calls[-1][1].reports[0]
    assert (report.msisdn, report.segments, report.client_ref) == ("48500100300", 3, "second")
    row = p.rows()["k", report.provider_id]
    assert (row.protocol, row.segments, row.submits) == ("twilio", 3, 2)
    assert row.t_submitted_ns == 0


@pytest.mark.parametrize("order", [1, -1])
def test_messages_with_one_key_in_one_request_keep_their_own_values(order: int) -> None:
    p = virtual_provider()
    both = [
        {"key": "k", "msisdn": "48500100200", "segments": 1, "client_ref": "first"},
        {"key": "k", "msisdn": "48500100300", "segments": 3, "client_ref": "second"},
    ][::order]
    request = p.send(0, *both)
    p.run()
    reports = [report for _, call in p.calls for report in call.reports]
    found = {report.provider_id: (report.msisdn, report.segments, report.client_ref) for report in reports}
    for accepted, sent in zip(p.accepted(request), both, strict=True):
        assert found[accepted.provider_id] == (sent["msisdn"], sent["segments"], sent["client_ref"])


def test_repeat_of_a_finished_message_writes_its_row_again() -> None:
    p = virtual_provider()
    p.send(0, "k", refuse_duplicates=True)
    p.run()
    (row,) = p.engine.take_rows()
    p.send(1, "k", refuse_duplicates=True)
    (again,) = p.engine.take_rows()
    assert (again.provider_id, again.submits, again.accepts) == (row.provider_id, 2, 1)


def test_close_rows_gives_what_is_open_and_what_was_never_accepted() -> None:
    p = virtual_provider(delivery={"latency": {"kind": "fixed", "value_s": 100}})
    p.send(0, "open")
    p.send(0, "unknown", token="x")
    assert p.engine.take_rows() == []
    rows = {row.key: row for row in p.engine.close_rows()}
    assert (rows["open"].state, rows["open"].provider_id != "") == ("open", True)
    assert (rows["unknown"].state, rows["unknown"].provider_id) == ("rejected", "")


def test_oldest_finished_keys_are_forgotten_above_the_limit() -> None:
    p = virtual_provider(
        duplicates={"remembered_keys": 10}, delivery={"latency": {"kind": "fixed", "value_s": 1000}}
    )
    p.send(0, "open", refuse_duplicates=True)
    for n in range(100):
        p.send(0, f"refused{n}", token="x")
        assert p.engine.state().gauges["remembered_keys"] <= 12
    p.send(0, "open", refuse_duplicates=True)
    rows = {row.key: row for row in p.engine.take_rows()}
    assert len(rows) >= 89  # what is forgotten is written first
    assert "open" not in rows
    p.run()
    assert (p.row("open").state, p.row("open").submits, p.row("open").accepts) == ("delivered", 2, 1)


def test_forget_removes_keys_whose_rows_were_taken() -> None:
    p = virtual_provider()
    p.send(0, "taken", "other", refuse_duplicates=True)
    p.run()
    p.engine.forget(["taken"])  # its row is not taken yet
    assert p.engine.state().gauges["remembered_keys"] == 2
    rows = p.engine.take_rows()
    p.send(1, "open", refuse_duplicates=True)
    p.engine.forget(["taken", "open", "unknown"])
    assert p.engine.state().gauges["remembered_keys"] == 2
    assert p.engine.message(rows[0].provider_id) is None
    assert p.engine.message(rows[1].provider_id) is not None
    p.run()
    assert {row.key for row in p.engine.close_rows()} == {"open"}


def test_key_with_two_messages_or_a_row_to_be_written_again_is_not_forgotten() -> None:
    p = virtual_provider()
    p.send(0, "twice")
    p.send(0, "repeated", refuse_duplicates=True)
    p.run()
    p.send(1, "twice")
    p.run()
    p.engine.take_rows()
    p.send(2, "repeated", refuse_duplicates=True)
    p.engine.forget(["twice", "repeated"])
    assert p.engine.state().gauges["remembered_keys"] == 2
    assert [(row.key, row.submits) for row in p.engine.take_rows()] == [("repeated", 2)]


@pytest.mark.parametrize("gone_kept", [0, 10_000])
def test_forgotten_keys_do_not_count_towards_the_limit(
    monkeypatch: pytest.MonkeyPatch, gone_kept: int
) -> None:
    monkeypatch.setattr(message_store, "GONE_KEPT", gone_kept)
    p = virtual_provider(duplicates={"remembered_keys": 10})
    for start in range(0, 100, 5):
        keys = [f"k{n}" for n in range(start, start + 5)]
        p.send(start, *keys)
        p.run()
        p.engine.take_rows()
        p.engine.forget(keys[:3])
        assert p.engine.state().gauges["remembered_keys"] <= 10
    assert p.engine.state().gauges["remembered_keys"] >= 4


def test_batch_larger_than_what_is_remembered() -> None:
    p = virtual_provider(duplicates={"remembered_keys": 3})
    keys = [f"k{n}" for n in range(50)]
    p.send(0, *keys)
    p.run()
    assert {row.key for row in p.rows().values()} == set(keys)


def test_message_without_a_key_gets_one() -> None:
    p = virtual_provider()
    for _ in range(2):
        p.send(0, {"text": "same"})
    p.send(0, {"text": "lone surrogate \ud800"})
    p.run()
    keys = [row.key for row in p.rows().values()]
    assert len(set(keys)) == 3
    assert all(key.startswith("48600100200-") for key in keys)


@pytest.mark.timeout(20)
def test_one_key_sent_very_often() -> None:
    p = virtual_provider()
    for _ in range(5_000):
        p.send(0, "k")
    p.run()
    rows = p.rows()
    assert len(rows) == 5_000
    assert max(row.accepts for row in rows.values()) == 5_000


def test_a_shared_key_costs_one_row_per_message() -> None:
    p = virtual_provider()
    written = 0
    for n in range(300):
        p.send(n, "same for all")
        p.run(n + 0.5)
        rows = p.engine.take_rows()
        written += len(rows)
        assert max((row.submits, row.accepts) for row in rows) == (n + 1, n + 1)
    assert written == 300


def test_refused_repeats_of_a_shared_key_cost_one_row_a_call() -> None:
    p = virtual_provider()
    p.send(0, "same for all", refuse_duplicates=True)
    p.run()
    p.engine.take_rows()
    for n in range(50):
        p.send(1, "same for all", refuse_duplicates=True)
        (row,) = p.engine.take_rows()
        assert row.submits == n + 2


def test_messages_of_a_shared_key_are_forgotten_above_the_limit() -> None:
    p = virtual_provider(duplicates={"remembered_keys": 10})
    first = p.send(0, "same for all")
    for n in range(1, 100):
        p.send(n, "same for all")
        p.engine.take_rows()
    last = p.send(100, "same for all")
    assert p.engine.kept()["message ids"] <= 12
    assert p.engine.message(p.accepted(first)[0].provider_id) is None
    assert p.engine.message(p.accepted(last)[0].provider_id) is not None
    p.run()
    assert max(row.accepts for row in p.rows().values()) == 101  # the count continues


def test_a_key_is_not_forgotten_before_an_older_message_of_it() -> None:
    p = virtual_provider(
        duplicates={"remembered_keys": 2}, delivery={"latency": {"kind": "fixed", "value_s": 1000}}
    )
    p.send(0, "k")
    p.send(0, "k")
    for n in range(20):
        p.send(0, f"other{n}", token="x")
    p.send(0, "k")
    p.run()
    rows = [row for row in p.rows().values() if row.key == "k"]
    assert len(rows) == 3
    assert max(row.accepts for row in rows) == 3


def test_open_messages_have_a_row_once() -> None:
    p = virtual_provider(delivery={"latency": {"kind": "fixed", "value_s": 10}})
    p.send(0, "early")
    p.send(2, "late")
    (row,) = p.engine.take_rows(1_000_000_000)
    assert (row.key, row.state, row.accepts, row.provider_id != "") == ("early", "open", 1, True)
    assert p.engine.take_rows(1_000_000_000) == []
    p.run()
    assert {row.state for row in p.engine.take_rows(20_000_000_000)} == {"delivered"}


def test_the_rows_of_many_open_messages_come_in_several_calls() -> None:
    p = virtual_provider(delivery={"latency": {"kind": "fixed", "value_s": 10}})
    for n in range(5):
        p.send(n / 10, f"k{n}")
    calls = [[row.key for row in p.engine.take_rows(1_000_000_000, 2)] for _ in range(4)]
    assert calls == [["k0", "k1"], ["k2", "k3"], ["k4"], []]


def test_a_message_that_is_done_before_its_row_as_open_has_one_row() -> None:
    p = virtual_provider(delivery={"latency": {"kind": "fixed", "value_s": 10}})
    p.send(0, "first")
    p.send(0, "second")
    assert [row.key for row in p.engine.take_rows(1_000_000_000, 1)] == ["first"]
    p.run()
    assert sorted(row.key for row in p.engine.take_rows(1_000_000_000, 1)) == ["first", "second"]
    assert p.engine.take_rows(1_000_000_000, 1) == []


def test_a_message_that_is_done_needs_no_row_of_its_being_open() -> None:
    p = virtual_provider()
    p.send(0, "k")
    p.run()
    assert [row.state for row in p.engine.take_rows(5_000_000_000)] == ["delivered"]


def test_repeats_without_a_key_get_distinct_keys_within_the_memory_limit() -> None:
    p = virtual_provider(duplicates={"remembered_keys": 3})
    keys = set()
    for n in range(20):  # the first text of all is sent all the time
        p.send(n, {"text": "always"})
        p.send(n, {"text": f"text {n}"})
        p.run(n + 0.5)
        keys |= {row.key for row in p.engine.take_rows()}
    assert len(keys) == 40
