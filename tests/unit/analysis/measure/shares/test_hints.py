"""Hints from the journal, each with the numbers of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nanoseconds import S
from run_builder import Build, RunBuilder
from screen_texts import aside_text

from analysis.measure.outcomes import judge
from analysis.measure.shares.hints import hints
from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.read.journeys import read_journeys
from analysis.read.odd_characters import segments_in_gsm7
from analysis.records import Manifest, RecordedFault, read_manifest
from analysis.report import build_report

START_NS = 7_000 * S
DRAIN = {"accept_queue": {"drain_segments_per_s": 1.0}}


def analysed(run: RunBuilder, **manifest: Any) -> PartReport:
    run_dir = run.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def hints_of(run: RunBuilder, **manifest: Any) -> dict[str, Any]:
    return {hint.name: hint for hint in analysed(run, **manifest).hints}


FAST_LANE = {"delivery": {"priority_latency": {"kind": "fixed", "value_s": 1.0}}}


def test_otps_without_the_priority_flag(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(200):
        fast = slot % 2 == 0
        run.journey(f"m-{slot}", slot * 0.1, 5.0 if fast else 25.0, priority=fast)
    run.journey("m-news", 1.0, 25.0, message_class="marketing")
    hint = hints_of(run, profile=FAST_LANE)["otp_without_priority"]
    assert hint.count == 100
    assert hint.text.startswith("100 OTPs (50 % of those that the provider accepted) were sent without the")
    assert "95 % of the delivered ones took up to 24.9 s" in hint.text and "up to 4.89 s" in hint.text
    assert "otp_without_priority" not in hints_of(run, profile={})  # the flag would change nothing


@pytest.mark.parametrize("state", ["undelivered", "rejected", "expired", "open"])
def test_the_times_of_the_hint_are_those_of_delivered_otps(new_run: Build, state: str) -> None:
    """Messages that did not arrive have a radio drawn too."""
    run = new_run("run")
    for slot in range(200):
        fast = slot % 2 == 0
        run.journey(f"m-{slot}", slot * 0.1, 5.0 if fast else 25.0, priority=fast)
    for slot in range(40):
        run.due(f"gone-{slot}", slot * 0.1)
        run.seen(f"gone-{slot}", slot * 0.1, state=state, radio_drawn_s=90.0, priority=slot % 2 == 0)
    text = hints_of(run, profile=FAST_LANE)["otp_without_priority"].text
    assert "95 % of the delivered ones took up to 24.9 s" in text and "up to 4.89 s" in text


def test_all_otps_with_the_flag_need_no_hint(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 5.0, priority=True)
    assert hints_of(run, profile=FAST_LANE) == {}


PRICED = FAST_LANE | {"account": {"priority_price_factor": 1.5, "currency": "PLN"}}


def mixed_requests(run: RunBuilder, flag: bool) -> None:
    """Requests of an OTP and two marketing messages; and ten marketing messages without the flag."""
    price = 0.3 if flag else 0.2
    for request in range(5):
        due_s = request * 1.0
        run.journey(f"otp-{request}", due_s, 5.0, priority=flag, price=price)
        for number in range(2):
            news = f"news-{request}-{number}"
            run.journey(news, due_s, 5.0, message_class="marketing", priority=flag, price=price)
    for slot in range(10):
        run.journey(f"alone-{slot}", slot * 1.0, 5.0, message_class="marketing", price=0.2)


def test_a_flag_on_requests_of_several_classes_makes_marketing_dearer(new_run: Build) -> None:
    run = new_run("run")
    mixed_requests(run, flag=True)
    run.due("refused", 1.0, message_class="marketing")
    run.seen("refused", 1.1, state="rejected", accepted=False, priority=True, price=0.0)
    run.due("twice", 1.0, message_class="marketing")
    for copy in range(2):
        run.seen("twice", 1.1 + copy, provider_id=f"P-{copy}", accepts=2, priority=True, price=0.3)
    found = hints_of(run, profile=PRICED)
    assert set(found) == {"marketing_with_priority"}  # every OTP has the flag
    hint = found["marketing_with_priority"]
    assert hint.count == 11
    assert hint.text.startswith(
        "11 marketing messages (52 % of those that the provider accepted) had the provider's priority flag, "
        "at 1.5 times the price: they cost 3.30 PLN, and would cost 2.20 PLN without it."
    )


def test_requests_of_several_classes_without_the_flag_are_slow_for_their_otps_only(new_run: Build) -> None:
    run = new_run("run")
    mixed_requests(run, flag=False)
    found = hints_of(run, profile=PRICED)
    assert set(found) == {"otp_without_priority"}
    assert found["otp_without_priority"].count == 5


@pytest.mark.parametrize(
    "account", [{}, {"priority_price_factor": 1.0}, {"priority_price_factor": 0.5}, {"currency": "PLN"}]
)
def test_a_flag_that_does_not_cost_more_needs_no_hint(new_run: Build, account: dict[str, Any]) -> None:
    run = new_run("run")
    mixed_requests(run, flag=True)
    assert hints_of(run, profile=FAST_LANE | {"account": account}) == {}


def test_refusals_for_the_rate_and_requests_of_one_message(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(10):
        run.journey(f"m-{slot}", slot * 1.0, 2.0, throttled=3 if slot < 4 else 0)
    limit = {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}}}
    protocol = {"protocol": {"smsapi": {"max_recipients_per_request": 10_000}}}
    found = hints_of(run, profile=limit | protocol)
    assert found["throttled"].count == 4
    assert (
        "12 submits of 4 messages" in found["throttled"].text and "100 requests/s" in found["throttled"].text
    )
    assert found["one_message_per_request"].count == 10 and "10,000" in found["one_message_per_request"].text
    assert "one_message_per_request" not in hints_of(run, profile=limit)


@pytest.mark.parametrize(
    ("per_s", "in_request", "expected"), [(20.0, 1, True), (15.0, 1, False), (40.0, 2, False)]
)
def test_requests_of_one_message_at_the_limit_need_no_refusal(
    new_run: Build, per_s: float, in_request: int, expected: bool
) -> None:
    """A sender that limits itself to the contract's 20 requests/s has no request refused."""
    run = new_run("run")
    for slot in range(int(per_s * 12)):
        due_s = slot // in_request * in_request / per_s
        run.journey(f"m-{slot}", due_s, 2.0)
    profile = {
        "throttle": {"requests": {"rate_per_s": 20.0, "burst": 20}, "segments": {"rate_per_s": 500.0}},
        "protocol": {"smsapi": {"max_recipients_per_request": 100}},
    }
    found = hints_of(run, profile=profile)
    assert ("one_message_per_request" in found) is expected
    if expected:
        assert "a rate limit of its own, it must count requests" in found["one_message_per_request"].text


def fault(from_s: float, to_s: float | None) -> RecordedFault:
    end_ns = None if to_s is None else START_NS + round(to_s * S)
    return RecordedFault(
        name="slow", kind="rate_reduction", title="", start_ns=START_NS + round(from_s * S), end_ns=end_ns
    )


@pytest.mark.parametrize(
    ("from_s", "to_s", "counted"),
    [(0.0, 8.0, 2), (5.0, 8.0, 4), (3.5, 8.0, 3), (0.0, None, 0), (8.0, 9.0, 4), (-9.0, 0.0, 4)],
)
def test_refusals_during_a_fault_are_not_those_of_the_contract(
    new_run: Build, from_s: float, to_s: float | None, counted: int
) -> None:
    """Messages at 1, 3, 9 and 11 s are refused, and accepted a second later."""
    run = new_run("run")
    for at_s in (1.0, 3.0, 9.0, 11.0):
        run.due(f"m-{at_s}", at_s)
        run.seen(f"m-{at_s}", at_s + 0.1, accepted_s=at_s + 1.0, throttled=2)
    profile = {
        "throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}},
        "protocol": {"smsapi": {"max_recipients_per_request": 10_000}},
    }
    found = hints_of(run, profile=profile, faults=(fault(from_s, to_s),))
    assert set(found) == ({"throttled", "one_message_per_request"} if counted else set())
    if counted:
        assert f"{2 * counted} submits of {counted} messages" in found["throttled"].text


def test_a_wait_in_the_providers_queue_during_a_fault_is_not_that_of_the_send_order(new_run: Build) -> None:
    run = new_run("run")
    run.journey("news", 1.0, 2.0, message_class="marketing")
    run.due("m", 1.0)
    run.seen("m", 1.0, carrier_s=30.0)
    assert set(hints_of(run, profile=DRAIN, faults=(fault(40.0, 50.0),))) == {"queued_at_provider"}
    assert hints_of(run, profile=DRAIN, faults=(fault(20.0, 50.0),)) == {}


def test_requests_of_many_messages_need_no_hint(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(10):
        run.due(f"m-{slot}", 1.0)
        run.seen(f"m-{slot}", 1.5, throttled=1)
    profile = {
        "throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}},
        "protocol": {"smsapi": {"max_recipients_per_request": 10_000}},
    }
    assert set(hints_of(run, profile=profile)) == {"throttled"}


def test_texts_that_need_ucs2_for_one_character(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(5):
        run.journey(f"m-{slot}", 1.0, 2.0, ucs2_for="\u2019", segments=2)
    run.journey("tab", 1.0, 2.0, ucs2_for="\t", segments=3)
    run.journey("short", 1.0, 2.0, ucs2_for="\u0142", segments=1)  # one segment in either alphabet
    run.journey("plain", 1.0, 2.0, segments=2)
    hint = hints_of(run)["ucs2_for_one_character"]
    assert hint.count == 6
    assert "\u2019 (U+2019 right single quotation mark) in 5, the invisible U+0009 in 1" in hint.text
    assert "took 13 segments and cost 3.00 points" in hint.text
    # Two segments of UCS-2 are one of GSM-7, and three are 135 to 201 characters: one or two.
    assert (
        "Without these characters they take about 6 to 7, 1.42 to 1.58 points less. Remove them" in hint.text
    )


@pytest.mark.parametrize(
    ("in_ucs2", "ends"), [(2, (1, 1)), (3, (1, 2)), (4, (2, 2)), (5, (2, 3)), (10, (4, 5))]
)
def test_the_segments_without_a_needless_character(in_ucs2: int, ends: tuple[int, int]) -> None:
    assert segments_in_gsm7(in_ucs2) == ends


def test_the_cost_has_what_a_needless_character_adds(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, 2.0, ucs2_for="\u200b", segments=3, price=0.495)
    profile = {"account": {"currency": "PLN"}}
    found = build_report(run.write(load_s=20.0, end_s=60.0, profile=profile))
    said = aside_text(found, "cost")
    assert "the invisible U+200B zero width space in 200" in said
    assert "They took 600 segments and cost 99.0 PLN. Without it they take about 200 to 400" in said
    assert "33.0 to 66.0 PLN less. Remove the character from the texts" in said
    assert "U+200B" not in aside_text(found, "ask")


def test_otps_behind_others_in_the_providers_queue(new_run: Build) -> None:
    run = new_run("run")
    run.journey("news", 1.0, 2.0, message_class="marketing")
    for slot in range(10):
        run.due(f"m-{slot}", 1.0)
        run.seen(f"m-{slot}", 1.0, carrier_s=30.0 if slot < 3 else 0.5)
    hint = hints_of(run, profile=DRAIN)["queued_at_provider"]
    assert hint.count == 3 and "the longest 30.0 s" in hint.text
    assert hints_of(run, profile={}) == {}


def test_a_run_without_provider_rows_has_neither_split_nor_hint(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    part = analysed(run, provider_file=False)
    assert part.delay_splits == () and part.hints == ()


def test_hints_are_pure(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 2.0, throttled=1)
    run_dir = run.write()
    manifest: Manifest = read_manifest(run_dir)
    journeys = read_journeys(run_dir, manifest)
    outcomes = judge(journeys)
    assert hints(journeys, outcomes, manifest) == hints(journeys, outcomes, manifest)
    assert np.count_nonzero(journeys.provider.throttled) == 1


def test_a_sender_that_passes_refusals_on_repeats_nothing(new_run: Build) -> None:
    limit = {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}}}
    run = new_run("run")
    for slot in range(10):
        if slot < 4:
            run.due(f"m-{slot}", slot * 1.0, "refused")
            run.seen(f"m-{slot}", slot * 1.0, accepted=False, state="rejected", throttled=1)
        else:
            run.journey(f"m-{slot}", slot * 1.0, 2.0, throttled=2 if slot == 5 else 0)
    text = hints_of(run, profile=limit)["throttled"].text
    assert "refused 6 submits of 5 messages" in text
    assert ": 1 of these messages was accepted after a later submit" in text
    assert "later submit, and 4 not at all" in text
    none = new_run("none")
    none.due("m", 1.0, "refused")
    none.seen("m", 1.0, accepted=False, state="rejected", throttled=1)
    text = hints_of(none, profile=limit)["throttled"].text
    assert "later" not in text and "loses no message to refusals" in text


def test_refused_requests_of_several_messages_are_not_that_many_submits(new_run: Build) -> None:
    """Four requests of 25 messages, each refused twice: 8 requests, and 200 refusals of messages."""
    limit = {"throttle": {"requests": {"rate_per_s": 1.0, "burst": 1}}}
    run = new_run("run")
    for slot in range(100):
        run.due(f"m-{slot}", 1.0)
        run.seen(f"m-{slot}", 1.0 + slot // 25, accepted_s=11.0 + slot // 25, submits=3, throttled=2)
    text = hints_of(run, profile=limit)["throttled"].text
    assert text.startswith(
        "In the whole run the provider refused 100 messages 200 times in all (a refused request counts once "
        "for each of its messages) because of the rate limits of the contract"
    )
    assert "100 of these messages were accepted after a later submit. A" in text


def reports(run: RunBuilder, answers: dict[int, float | None], count: int = 100) -> None:
    """Delivered messages whose reports are confirmed after these times; None: not confirmed."""
    for slot in range(count):
        run.journey(f"m-{slot}", slot * 0.1, 5.0, confirmed_after_s=answers.get(slot, 0.001))


def test_reports_that_the_sender_never_confirmed(new_run: Build) -> None:
    run = new_run("run")
    reports(run, dict.fromkeys(range(30)) | {40: 61.0, 41: 3.0})
    for at_s, value in ((-5.0, 1.0), (10.0, 20.0), (59.0, 91.0)):  # one repeat was of the probe
        run.sample(at_s, "provider", "count_reports_retried", value)
    run.sample(59.0, "provider", "count_reports_given_up", 4.0)
    hint = hints_of(run, end_s=90.0)["reports_not_confirmed"]
    assert hint.count == 30
    assert hint.text == (
        "The sender did not confirm the delivery reports of 30 messages (30 % of those with a report) before "
        "the run ended, of which 30 were delivered: the sender does not know their final states from a "
        "report. The reports of 2 messages were confirmed more than 1 s after they were first sent, the "
        "latest after 61.0 s. The provider repeated reports 90 times, and gave up 4 reports: the sender had "
        "answered with an error, or not at all. If these requests reached the sender, its log has why they "
        "failed."
    )


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (
            True,
            "The sender confirmed the reports of 30 messages late: more than 1 s after they were first sent, "
            "the latest after 5.60 s.",
        ),
        (
            False,  # without the counts a repeat may have been confirmed
            "The reports of 30 messages were confirmed more than 1 s after they were first sent, the latest "
            "after 5.60 s.",
        ),
    ],
)
def test_a_sender_that_is_slow_to_confirm_has_failed_no_report(
    new_run: Build, counted: bool, said: str
) -> None:
    """The page sent its reader to the log for requests that failed. None failed."""
    run = new_run("run")
    reports(run, dict.fromkeys(range(29), 1.3) | {40: 5.6})
    if counted:
        run.sample(59.0, "provider", "count_reports_sent", 100.0)
    hint = hints_of(run, end_s=90.0)["reports_not_confirmed"]
    assert (hint.count, hint.text) == (0, said)


def test_repeated_reports_alone_are_a_hint_and_confirmed_ones_are_none(new_run: Build) -> None:
    run = new_run("run")
    reports(run, {})
    assert "reports_not_confirmed" not in hints_of(run, end_s=90.0)
    run.sample(59.0, "provider", "count_reports_retried", 1.0)  # one of a hundred
    assert "reports_not_confirmed" not in hints_of(run, end_s=90.0)
    run.sample(60.0, "provider", "count_reports_retried", 12.0)
    found = hints_of(run, end_s=90.0)["reports_not_confirmed"]
    assert found.count == 0
    assert found.text.startswith("The provider repeated reports 12 times: the sender had answered with")


def test_a_report_that_was_just_sent_may_still_be_answered(new_run: Build) -> None:
    """The last of the reports is sent at 15.1 s."""
    run = new_run("run")
    reports(run, {99: None})
    assert "reports_not_confirmed" not in hints_of(run, load_s=10.0, end_s=16.0)
    assert hints_of(run, load_s=10.0, end_s=18.0)["reports_not_confirmed"].count == 1
