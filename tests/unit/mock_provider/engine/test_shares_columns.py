"""The journal's columns from which the analysis splits a message's delay."""

from __future__ import annotations

from typing import Any

import pytest
from nanoseconds import S
from virtual import fixed, virtual_provider

from mock_provider.engine.distributions import radio_of
from mock_provider.engine.segments import count_segments, ucs2_for
from mock_provider.settings.distributions import AbsentSubscriber, Uniform

FIXED_2 = {"kind": "fixed", "value_s": 2.0}


def absent(share: float, found_share: float = 1.0, times: int = 1) -> dict[str, Any]:
    return {
        "kind": "absent_subscriber",
        "body": FIXED_2,
        "absent_share": share,
        "found_share": found_share,
        "retries": [{"every_s": 60, "times": times}],
    }


def test_the_accepted_submit_its_reply_and_its_radio() -> None:
    p = virtual_provider(reply={"latency": fixed(0.5)}, delivery={"latency": fixed(3.0)})
    p.send(1.0, "m")
    p.run()
    row = p.row("m")
    assert (row.t_submitted_ns, row.t_accepted_ns, row.reply_ns) == (1 * S, 1 * S, S // 2)
    assert (row.t_answered_ns, row.radio_ns, row.handset_wait_ns) == (3 * S // 2, 3 * S, 0)
    assert row.t_final_ns - row.t_carrier_ns == row.radio_ns
    assert (row.throttled, row.priority, row.ucs2_for) == (0, False, "")


def test_the_time_that_the_client_set() -> None:
    p = virtual_provider(reply={"latency": fixed(0.5)}, delivery={"latency": fixed(3.0)})
    p.send(1.0, "later", scheduled_ns=100 * S)
    p.send(1.0, "past", scheduled_ns=S // 2)
    p.send(1.0, "now")
    p.run()
    row = p.row("later")
    assert (row.t_scheduled_ns, row.t_answered_ns, row.t_carrier_ns) == (100 * S, 3 * S // 2, 100 * S)
    assert (p.row("past").t_scheduled_ns, p.row("now").t_scheduled_ns) == (None, None)


def test_a_refusal_for_the_rate_is_counted_and_the_accepted_submit_is_the_later_one() -> None:
    p = virtual_provider(
        throttle={"requests": {"rate_per_s": 1.0, "burst": 1}}, reply={"latency": fixed(0.25)}
    )
    p.send(1.0, "first")
    p.send(1.1, "m")
    p.send(1.2, "m")
    p.send(5.0, "m", priority=True)
    p.run()
    row = p.row("m")
    assert (row.submits, row.throttled, row.priority) == (3, 2, True)
    assert (row.t_submitted_ns, row.t_accepted_ns, row.reply_ns) == (1_100_000_000, 5 * S, S // 4)


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        ({"segments": {"rate_per_s": 1.0, "burst": 1}}, "throttled_segments"),
        ({"concurrent_requests": 1}, "throttled_concurrency"),
    ],
)
def test_every_limit_of_the_contract_counts(limits: dict[str, Any], refusal: str) -> None:
    p = virtual_provider(throttle=limits, reply={"latency": fixed(0.25)})
    p.send(1.0, "first")
    p.send(1.1, "m")
    p.run()
    row = p.row("m")
    assert (row.reason, row.throttled, row.t_accepted_ns, row.reply_ns) == (refusal, 1, None, None)


def test_another_refusal_is_no_throttling() -> None:
    p = virtual_provider(reply={"errors": [{"share": 1.0, "refusal": "internal_error"}]})
    p.send(1.0, "m")
    p.run()
    assert (p.row("m").submits, p.row("m").throttled) == (1, 0)


def test_a_key_that_is_accepted_again_keeps_its_count() -> None:
    p = virtual_provider(throttle={"requests": {"rate_per_s": 1.0, "burst": 1}})
    p.send(1.0, "m")
    p.send(1.1, "m")
    p.send(5.0, "m")
    p.run()
    taken = sorted((row.t_accepted_ns, row.throttled, row.accepts) for row in p.rows().values())
    assert max(row[1] for row in taken) == 1 and max(row[2] for row in taken) == 2
    assert [row[0] for row in taken] == [1 * S, 5 * S]


def test_the_wait_for_a_phone_and_the_radio_time_are_recorded_separately() -> None:
    p = virtual_provider(delivery={"latency": absent(1.0)})
    p.send(1.0, "m")
    p.run()
    row = p.row("m")
    assert (row.state, row.handset_wait_ns, row.radio_ns) == ("delivered", 60 * S, 2 * S)
    assert row.t_final_ns - row.t_carrier_ns == 62 * S


def test_a_phone_that_never_comes_back_is_waited_for_to_the_end() -> None:
    p = virtual_provider(delivery={"latency": absent(1.0, found_share=1e-9), "validity_s": 300.0})
    p.send(1.0, "m")
    p.run(2.0)
    row = p.row("m")  # open: the wait that is drawn for it, cut at its validity
    assert (row.state, row.handset_wait_ns) == ("open", 300 * S)
    p.run()
    row = p.row("m")
    assert (row.state, row.handset_wait_ns, row.radio_ns) == ("expired", 300 * S, 2 * S)


@pytest.mark.parametrize(
    ("state", "reason", "wait_s"),
    [
        ("undelivered", "absent_subscriber", 2),
        ("expired", "handset_off", 100),
        ("undelivered", "unknown_subscriber", 0),
        ("expired", "no_report", 0),
    ],
)
def test_only_an_absent_phone_counts_as_a_wait_for_the_phone(state: str, reason: str, wait_s: int) -> None:
    failures = [{"state": state, "reason": reason, "share": 1.0}]
    p = virtual_provider(delivery={"latency": FIXED_2, "failures": failures, "validity_s": 100.0})
    p.send(1.0, "m")
    p.run(1.5)
    row = p.row("m")
    assert (row.state, row.handset_wait_ns, row.radio_ns) == ("open", wait_s * S, 2 * S)
    p.run()
    assert (p.row("m").state, p.row("m").handset_wait_ns) == (state, wait_s * S)


def test_an_absent_phone_that_fails_at_once_is_distinguished_from_a_reachable_one() -> None:
    failures = [{"state": "undelivered", "reason": "absent_subscriber", "share": 1.0}]
    p = virtual_provider(delivery={"latency": fixed(0.0), "failures": failures})
    p.send(1.0, "m")
    p.run()
    assert p.row("m").handset_wait_ns == 1


def test_a_brown_out_is_part_of_the_radio_and_not_of_the_wait() -> None:
    slow = {"kind": "added_latency", "stage": "carrier", "factor": 3.0, "start_s": 0.0}
    p = virtual_provider(delivery={"latency": absent(1.0)}, faults=[slow])
    p.send(1.0, "m")
    p.run()
    row = p.row("m")
    assert (row.radio_ns, row.handset_wait_ns) == (6 * S, 60 * S)
    assert row.t_final_ns - row.t_carrier_ns == 66 * S


def test_a_slow_reply_is_part_of_the_reply_as_drawn() -> None:
    slow = {"kind": "added_latency", "stage": "reply", "plus_s": 4.0, "start_s": 0.0}
    p = virtual_provider(reply={"latency": fixed(0.5)}, faults=[slow])
    p.send(1.0, "m")
    p.run()
    assert (p.row("m").reply_ns, p.row("m").t_answered_ns) == (9 * S // 2, 11 * S // 2)


def test_a_reply_that_never_left_was_drawn_anyway() -> None:
    hang = {"kind": "hang", "share": 1.0, "accepted": True, "start_s": 0.0}
    p = virtual_provider(reply={"latency": fixed(0.5)}, faults=[hang])
    p.send(1.0, "m")
    p.run()
    assert (p.row("m").t_answered_ns, p.row("m").reply_ns) == (None, S // 2)


def test_share_of_absent_phones_is_the_profiles() -> None:
    p = virtual_provider(delivery={"latency": absent(0.2, found_share=0.5, times=20), "validity_s": 86_400.0})
    p.send(1.0, *(f"m{n}" for n in range(4_000)))
    p.run()
    rows = p.rows().values()
    waited = [row for row in rows if row.handset_wait_ns]
    assert len(waited) / 4_000 == pytest.approx(0.2, abs=0.02)
    assert all(row.radio_ns == 2 * S for row in rows)
    for row in rows:
        if row.state == "delivered":
            assert row.radio_ns + row.handset_wait_ns == row.t_final_ns - row.t_carrier_ns


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("Hello", ""),
        ("Zażółć", ""),  # several characters
        ("zażalenia", "ż"),
        ("ż and ż again", "ż"),
        ("été à Łódź", ""),
        ("prix 5 € à", ""),
        ("a `quoted` word", "`"),
        ("a\ttab", "\t"),
        ("line\nbreak", ""),
        ("nice \U0001f44d", "\U0001f44d"),
        ("it\u2019s", "\u2019"),
        ("", ""),
    ],
)
def test_the_one_character_that_costs_the_alphabet(text: str, character: str) -> None:
    assert ucs2_for(text) == character
    if character:
        assert count_segments(text).encoding == "ucs2"
        assert count_segments(text.replace(character, "")).encoding == "gsm7"


def test_the_journal_names_that_character() -> None:
    p = virtual_provider()
    p.send(
        1.0, {"key": "a", "text": "it\u2019s"}, {"key": "b", "text": "plain"}, {"key": "c", "text": "zażółć"}
    )
    p.run()
    assert {row.key: row.ucs2_for for row in p.rows().values()} == {"a": "\u2019", "b": "", "c": ""}


def test_chances_of_wait_and_radio_are_independent() -> None:
    """The radio of a phone that was found does not follow from how long the phone was waited for."""
    spec = AbsentSubscriber(
        kind="absent_subscriber",
        body=Uniform(kind="uniform", low_s=0.0, high_s=1.0),
        absent_share=0.5,
    )
    radio = radio_of(spec)
    pairs = [radio.absent(u / 100, v / 200) for u in range(1, 100) for v in range(1, 100)]
    by_wait: dict[int, set[int]] = {}
    for radio_ns, wait_ns in pairs:
        by_wait.setdefault(wait_ns, set()).add(radio_ns)
    assert len(by_wait) > 3
    assert len({frozenset(each) for each in by_wait.values()}) == 1


def test_the_gauge_counts_messages_that_wait_for_their_phone() -> None:
    p = virtual_provider(delivery={"latency": absent(1.0)})
    p.send(0.0, "m")
    p.run(until_s=1.0)
    gauges = p.engine.state().gauges
    assert (gauges["waiting_for_handset"], gauges["on_air"]) == (1.0, 1.0)
    p.run()
    gauges = p.engine.state().gauges
    assert (gauges["waiting_for_handset"], gauges["on_air"]) == (0.0, 0.0)
    there = virtual_provider(delivery={"latency": fixed(2.0)})
    there.send(0.0, "m")
    there.run(until_s=1.0)
    assert there.engine.state().gauges["waiting_for_handset"] == 0.0
    assert there.engine.state().gauges["on_air"] == 1.0


def test_the_row_of_an_open_message_is_written_again_when_its_phone_is_found_to_be_off() -> None:
    p = virtual_provider(
        carriers=[{"name": "slow", "country": "*", "segments_per_s": 0.5}],
        delivery={"latency": absent(1.0)},
    )
    p.send(0.0, "first", "second")
    p.run(1.0)
    before = {row.key: row for row in p.engine.take_rows(S)}
    assert before["first"].handset_wait_ns > 0
    assert before["second"].handset_wait_ns == 0  # it is in the carrier's queue
    p.run(5.0)
    (again,) = p.engine.take_rows(5 * S)
    assert again.key == "second" and again.state == "open" and again.handset_wait_ns > 0
    assert p.engine.take_rows(6 * S) == []


def test_a_row_that_was_left_for_a_later_call_shows_that_its_phone_is_off() -> None:
    p = virtual_provider(
        carriers=[{"name": "slow", "country": "*", "segments_per_s": 0.5}],
        delivery={"latency": absent(1.0)},
    )
    p.send(0.0, "first", "second", "third")
    p.run(1.0)
    assert [row.key for row in p.engine.take_rows(S, 2)] == ["first", "second"]
    p.run(5.0)  # the second has left its carrier at 2 s, the third at 4 s
    assert {row.key for row in p.engine.take_rows(S, 1) if row.handset_wait_ns} == {"second", "third"}
    assert p.engine.take_rows(6 * S) == []


def test_an_open_message_whose_row_comes_anyway_gets_one() -> None:
    p = virtual_provider(delivery={"latency": absent(1.0)})
    p.send(0.5, "m")
    p.run(1.0)
    assert p.engine.take_rows(0) == []  # too young for a row
    (row,) = p.engine.take_rows(S)
    assert row.handset_wait_ns > 0
