"""The sentences of the first screen for a report."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from made_benches import fifo, limited, live_and_simulated, searched_low, suite
from made_reports import (
    accounting,
    bottleneck,
    burst,
    lag_check,
    part,
    quantile,
    report,
    throughput,
    timed,
)
from page_reading import disagreements, rendered
from screen_texts import answer_text, aside_text

from analysis.capacity_record import Trial
from analysis.findings import Availability, FaultBand
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import FirstScreen, as_text
from analysis.model import RunReport
from analysis.objectives.objective_text import interval_text

replace = msgspec.structs.replace


def screen_of(made: RunReport) -> FirstScreen:
    return first_screen(made)


# --- what the screen says ---------------------------------------------------------------------------------


def test_yes_names_the_volumes_that_are_sustained() -> None:
    screen = screen_of(suite())
    assert screen.word == "YES"
    assert (
        as_text(screen.why)
        == "my-sender sustains 500,000 SMS a day, and 5 million, with every objective met."
    )
    assert as_text(screen.trust) == (
        "Valid: the bench was on time (99 % of messages sent within 1.20 ms), and every message is "
        "accounted for."
    )
    assert answer_text(screen, "ten_times").startswith("Yes: 10 × 500,000 a day")  # noqa: RUF001
    assert "the sender's queue was empty again after 400 ms" in answer_text(screen, "ten_times")
    assert "4,900/s sustained (4,800/s to 5,000/s)" in answer_text(screen, "rate")
    assert not aside_text(screen, "burst")  # no part has one
    assert [each.name for each in screen.answers] == ["rate", "ten_times", "delivery", "seen", "wrong"]


def test_the_headline_is_the_objective_that_is_furthest_above_its_limit() -> None:
    """Both take about ten minutes. The limit of the OTP is 20 s."""
    made = report(objectives=(timed("otp", 600.0, 20.0), timed("marketing", 660.0, 600.0)))
    assert as_text(screen_of(made).why).startswith("95 % of the OTPs took up to 10.0 min")


def test_a_missed_time_has_the_digits_that_distinguish_it_from_its_limit(tmp_path: Path) -> None:
    late = timed("marketing", 601.0, 600.0, 0.0005)
    made = report(part(), objectives=(late,))
    assert late.verdict == "missed"
    assert as_text(screen_of(made).why) == (
        "95 % of the marketing messages took up to 10.02 min (10.01 min to 10.02 min); the limit is 10 min."
    )
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []
    assert interval_text(quantile(95.0, 20.001, 0.0), 20.0) == "20.001 s to 20.001 s"
    assert interval_text(quantile(95.0, 20.0, 0.0), 20.0) == "20.0 s to 20.0 s"


def test_a_burst_is_compared_with_the_time_before_it() -> None:
    shown = screen_of(report(part(burst=burst(1.0, 3.0))))
    assert "OTP 95 % within 8.80 s during the burst, 8.00 s before it: a difference of 2.00 s" in aside_text(
        shown, "burst"
    )


@pytest.mark.parametrize(
    ("from_s", "to_s", "claimed"),
    [(2.0, 9.0, False), (20.0, None, False), (0.0, None, True), (0.0, 99.0, True), (96.0, 99.0, True)],
)
def test_a_burst_is_not_compared_with_a_time_that_had_other_faults(
    from_s: float, to_s: float | None, claimed: bool
) -> None:
    """The burst of 15 s to 75 s has mostly arrived at 95 s."""
    outage = FaultBand(name="outage", kind="outage", title="outage", from_s=from_s, to_s=to_s, messages=7)
    made = replace(report(part(burst=burst(-6.0, -3.0), faults=(outage,))), faults_injected=True)
    text = aside_text(screen_of(made), "burst")
    assert ("a difference of -4.50 s" in text) is claimed
    differ = (
        "faults before the burst and during it were not the same, so that the burst's effect on the OTPs "
    )
    assert (differ in text) is not claimed


def test_deliveries_without_acceptance_are_reported_and_priced() -> None:
    sent = accounting(
        planned=1_000, accepted=200, failed_at_api=800, delivered=200, delivered_unacknowledged=600
    )
    made = report(part(accounting=sent))
    screen = screen_of(made)
    assert "600 other messages were delivered and paid for" in answer_text(screen, "wrong")
    rate = answer_text(screen, "rate")
    assert "54.0/s accepted and delivered in the best 10 s" in rate
    assert "600 other messages were delivered without being accepted. The rate does not count them." in rate
    (totals,) = made.totals
    assert totals.paid_per_delivered == pytest.approx(totals.paid / 800)
    for name in ("wrong", "rate"):
        assert "other messages were delivered" not in answer_text(screen_of(suite()), name)


def test_a_what_if_is_next_to_the_title() -> None:
    plain = part()
    supposed = replace(plain, identity=replace(plain.identity, what_if="no priorities"))
    assert " · what if: no priorities · " in screen_of(report(supposed)).about
    assert "what if" not in screen_of(report(plain)).about


def test_profiles_with_the_same_limits_show_them_next_to_the_title() -> None:
    first = part()
    faults = replace(first, slug="b", identity=replace(first.identity, profile="smsapi-faults"))
    other = replace(faults, identity=replace(faults.identity, profile_limits="none"))
    both = "profiles smsapi and smsapi-faults"
    assert f"{both} (100 requests/s, 500 segments/s) · " in screen_of(report(first, faults)).about
    assert f"{both} · " in screen_of(report(first, other)).about


def test_the_seed_is_that_of_the_command_and_not_that_of_a_part() -> None:
    """The trials of a capacity search have seeds that are derived from the command's seed."""
    made = replace(report(part()), seeds={"plan": 9})
    assert made.parts[0].identity.seeds != made.seeds
    assert screen_of(made).about.endswith(" · seed 9")


def test_no_says_how_much_was_not_taken_and_names_the_bottleneck() -> None:
    few = accounting(planned=23_600, accepted=16_549, refused=7_051, delivered=16_549)
    slow = throughput(
        accepted_best=msgspec.structs.replace(throughput().accepted_best, per_s=97.0), accepts_at_most=True
    )
    made = report(part(p95_s={"otp": 14.0}, accounting=few, throughput=slow, bottlenecks=(bottleneck(),)))
    screen = screen_of(made)
    assert screen.word == "NO"
    assert as_text(screen.why) == (
        "my-sender accepts at most 97.0/s; this load offers 56.0/s. 7,051 of 23,600 messages were refused."
        " More objectives were missed: the table below lists them."
    )
    named, change = map(as_text, screen.bottleneck)
    assert named == (
        "Bottleneck: my-sender's API (all 2,000 requests waited for it; its process used 12 % of a core)."
    )
    assert change.startswith("What to change: answer when the message is queued")


def test_an_answer_no_without_evidence_names_no_bottleneck() -> None:
    screen = screen_of(report(part(p95_s={"otp": 14.0})))
    assert [as_text(each) for each in screen.bottleneck] == [
        "Bottleneck: unknown. The samples of this run do not show it."
    ]


def test_undecided_says_what_would_decide_it() -> None:
    screen = screen_of(report(part(p95_s={"transactional": None})))
    assert screen.word == "UNDECIDED"
    assert as_text(screen.why) == (
        "No objective was missed. transactional: 95 % within 30 s is undecided: 95 % interval of 1,000 "
        "messages; to decide it: about 400 more messages, as in 90 s more of this load."
    )


def test_unaccounted_messages_are_never_called_lost_nor_none() -> None:
    screen = screen_of(report(part(accounting=accounting(unaccounted=7))))
    assert screen.word == "NO"
    text = answer_text(screen, "wrong")
    assert "7 never seen by the provider" in text
    assert "0 lost" not in text


def test_a_question_that_was_not_asked_says_how_to_ask_it() -> None:
    screen = screen_of(report(part(messages_per_day=None)))
    assert answer_text(screen, "ten_times") == (
        "Not tested in this run. To test it: smsbench run bench --target FILE"
    )
    assert "To test it: smsbench run burst --profile bad-day" in answer_text(screen, "wrong")


def test_ten_times_a_what_if_is_asked_with_its_own_rules() -> None:
    day = part(messages_per_day=50_000, mode="simulated")
    changed = msgspec.structs.replace(day.identity, what_if="one queue in order of arrival")
    made = report(msgspec.structs.replace(day, identity=changed))
    assert answer_text(screen_of(made), "ten_times") == (
        "Not tested beyond the what-if of this run. To test ten times as much: "
        "smsbench simulate with ten times the --scale of this run (one if it was not given)."
    )
    assert contradictions(screen_of(made), made) == ()


def test_a_part_with_faults_says_what_was_lost_in_it() -> None:
    outage = FaultBand(name="outage", kind="outage", title="outage", from_s=5.0, to_s=9.0, messages=7)
    made = replace(report(part(), part(slug="02-faults", faults=(outage,))), faults_injected=True)
    text = answer_text(screen_of(made), "wrong")
    assert "Faults injected: outage. With them: 0 lost, 0 duplicated, of 3,000 accepted." in text
    assert not list(contradictions(screen_of(made), made))
    lossy = part(slug="02-faults", faults=(outage,), accounting=accounting(unaccounted=7))
    text = answer_text(screen_of(replace(report(part(), lossy), faults_injected=True)), "wrong")
    assert "With them" not in text


def test_figures_of_the_part_with_faults_are_not_those_of_the_suite() -> None:
    outage = FaultBand(name="outage", kind="outage", title="outage", from_s=5.0, to_s=9.0, messages=7)
    windows = Availability(available=9, unavailable=0, windows=9, window_s=10.0, first_bad_at_s=None, why="")
    slower = {"otp": 8.5}
    faulty = part("02-faults", title="the peak, with faults", p95_s=slower, faults=(outage,))
    made = replace(report(part(availability=windows), faulty), faults_injected=True)
    screen = screen_of(made)
    assert screen.flags == ("FAULTS INJECTED IN ONE PART",)
    assert "OTP: 95 % within 8.00 s" in answer_text(screen, "delivery")  # not the 8.50 s with faults
    assert "Part of each row: OTP: the peak of a day; " in answer_text(screen, "delivery")
    assert "Part: the peak of a day. The sender accepted every message, and" in answer_text(screen, "wrong")
    missed = part("02-faults", title="the peak, with faults", p95_s={"otp": 30.0}, faults=(outage,))
    text = answer_text(screen_of(replace(report(part(), missed), faults_injected=True)), "delivery")
    assert "OTP: 95 % within 30.0 s" in text and "OTP: the peak, with faults" in text  # a miss is not hidden
    only = screen_of(replace(report(faulty), faults_injected=True))
    assert only.flags == ("FAULTS INJECTED",) and "Part of each row" not in answer_text(only, "delivery")


@pytest.mark.parametrize("refused", [0, 6])
def test_every_message_is_accepted_except_those_with_a_refused_phone_number(refused: int) -> None:
    """*6 messages were refused* was next to *accepted every message*."""
    windows = Availability(available=2, unavailable=0, windows=2, window_s=10.0, first_bad_at_s=None, why="")
    counted = accounting(refused=refused, refused_recipients=refused)
    text = answer_text(screen_of(report(part(availability=windows, accounting=counted))), "wrong")
    but = " except those with a phone number that the provider refuses" if refused else ""
    accepted = f"The sender accepted every message{but}"
    assert f"{accepted}, and no backlog grew until the end of the load, in 2" in text


def test_a_simulated_run_has_no_page_to_look_at() -> None:
    assert "the inbox page" in answer_text(screen_of(report(part())), "seen")
    assert "the inbox page" not in answer_text(screen_of(replace(report(part()), simulated=True)), "seen")


def test_only_a_live_run_of_the_reference_sender_has_a_dashboard() -> None:
    own = report(part(target={"name": "reference_sender", "kind": "reference_sender"}))
    assert "The sender's dashboard" in answer_text(screen_of(own), "seen")
    assert "The sender's dashboard" not in answer_text(screen_of(report(part())), "seen")
    assert "The sender's dashboard" not in answer_text(screen_of(replace(own, simulated=True)), "seen")


def test_the_phones_that_were_off_add_up() -> None:
    text = answer_text(screen_of(report(part())), "delivery")
    assert (
        "48 of 1,000 accepted OTPs were for phones that were off: "
        "40 arrived later, 6 given up by the network, 2 still waiting at the end." in text
    )


def test_an_invalid_run_says_what_to_do() -> None:
    late = lag_check(state="invalid", value="p99 900 ms")
    screen = screen_of(report(part(validity="invalid", checks=(late,))))
    assert screen.word == "INVALID"
    assert as_text(screen.why).endswith("This result does not describe the sender.")
    assert as_text(screen.trust) == "What to do: use more workers."


def test_an_interval_without_an_upper_end_is_a_lower_bound() -> None:
    assert interval_text(replace(quantile(95.0, 8.0), low_s=7.6, high_s=math.inf)) == "7.60 s or more"
    searched = suite()
    unbounded = replace(searched, capacity=replace(searched.capacity, high_per_s=None))
    assert "4,900/s sustained (4,800/s or more)" in answer_text(screen_of(unbounded), "rate")


def test_a_search_that_was_not_as_precise_as_asked_says_so() -> None:
    expected = "is wider than the precision asked for: 5 trials were made. The capacity of this machine"
    searched = suite()
    wide = replace(searched.capacity, ended="5 trials were made", precision_missed=0.2)
    assert expected in answer_text(screen_of(replace(searched, capacity=wide)), "rate")
    near = replace(searched.capacity, sustained_per_s=60.0, low_per_s=60.0, high_per_s=60.03)
    assert "(60.00/s to 60.03/s)" in answer_text(screen_of(replace(searched, capacity=near)), "rate")
    bench = replace(wide, brief=True)
    expected = (
        "precision asked for: the search of the bench is brief, and 5 trials were made. "
        "The capacity of this machine may be anywhere"
    )
    said = answer_text(screen_of(replace(searched, capacity=bench)), "rate")
    assert expected in said and said.count("profile fast") == 2  # of the row, and of the sentences together
    assert "precision" not in answer_text(screen_of(searched), "rate")


def test_a_difference_whose_interval_holds_zero_is_not_claimed() -> None:
    from analysis.first_screen.below_questions import without_priorities

    claimed = suite(comparisons=(fifo(15.0, 17.0),))
    text = as_text(without_priorities(Quote(claimed), "comparisons.0.classes.0", fifo(15.0, 17.0).classes[0]))
    assert "OTP 95 % within 24.0 s instead of 8.00 s, a difference of 16.0 s (15.0 s to 17.0 s)" in text
    unclear = suite(comparisons=(fifo(-1.0, 17.0),))
    text = as_text(without_priorities(Quote(unclear), "comparisons.0.classes.0", fifo(-1.0, 17.0).classes[0]))
    assert "no difference shown" in text
    assert "16" not in text


def test_a_price_has_a_currency_only_where_the_profile_names_one() -> None:
    screen = screen_of(report())
    cost = next(each for each in screen.asides if each.name == "cost")
    assert as_text(cost.sentences[0]).startswith("0.167 PLN per delivered SMS; 0 PLN for duplicates")
    one = part()
    bare = report(replace(one, cost=replace(one.cost, currency="")))
    cost = next(each for each in screen_of(bare).asides if each.name == "cost")
    assert "points per delivered SMS (the provider's unit of charge)" in as_text(cost.sentences[0])


def test_a_search_that_ended_low_does_not_stand_alone() -> None:
    """A busy machine once made it say 80/s, where a part had delivered 307/s."""
    assert "capacity is higher" not in answer_text(suite(), "rate")
    found = suite().capacity
    assert found is not None
    near = replace(searched_low(), capacity=replace(found, sustained_per_s=50.0, high_per_s=None))
    within = replace(searched_low(), capacity=replace(found, sustained_per_s=20.0, high_per_s=60.0))
    for made in (near, within):
        assert "capacity is higher" not in answer_text(made, "rate")
    text = answer_text(searched_low(), "rate")
    assert "The capacity is higher than this search found: 54.0/s were accepted and delivered in" in text


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("invalid", "The capacity may be higher: at 5,000/s the bench itself was too slow."),
        ("undecided", "The capacity may be higher: at 5,000/s the trial was undecided."),
        ("met", ""),
    ],
)
def test_the_screen_says_why_no_upper_bound_of_the_rate_is_known(
    verdict: Literal["met", "undecided", "invalid"], expected: str
) -> None:
    found = suite().capacity
    assert found is not None
    trials = (*found.trials, Trial(rate_per_s=5_000.0, verdict=verdict, delivered_per_s=0.0))
    made = suite(capacity=replace(found, high_per_s=None, bottlenecks=(), trials=trials))
    text = answer_text(made, "rate")
    assert expected in text and ("The capacity may be higher: at" in text) is bool(expected)
    if expected:  # another row has another profile
        assert f"profile {found.profile}: {expected}" in text
    assert not contradictions(first_screen(made), made)


def test_an_interval_has_one_unit() -> None:
    long = replace(quantile(95.0, 129.0), low_s=113.0, high_s=155.4)
    assert interval_text(long) == "1.88 min to 2.59 min"
    assert interval_text(replace(long, low_s=0.3, high_s=1.2)) == "0.3 s to 1.20 s"
    judged = part(p95_s={"otp": 129.0})
    text = answer_text(screen_of(report(judged)), "delivery")
    assert re.search(r"OTP: 95 % within [0-9.]+ min \([0-9.]+ min to [0-9.]+ min\)", text)
    assert "The delivery time is that of 1,000 messages to other phones." in text


def test_a_met_trial_that_is_too_short_to_count_is_explained() -> None:
    found = suite().capacity
    assert found is not None
    undecided = Trial(rate_per_s=5_000.0, verdict="undecided", delivered_per_s=0.0)
    short = Trial(rate_per_s=5_000.0, verdict="met", delivered_per_s=0.0, needed_load_s=32.0)
    made = suite(capacity=replace(found, high_per_s=None, trials=(*found.trials, undecided, short)))
    text = answer_text(made, "rate")
    assert "5,000/s was met, but its load was too short to rule out a reserve of the sender" in text
    assert "that needs 32 s." in text and "undecided" not in text
    assert not contradictions(first_screen(made), made)


def test_the_contract_is_shown_in_messages_per_second() -> None:
    text = answer_text(limited(), "rate")
    assert "54.0/s accepted and delivered in the best 10 s (offered 56.0/s at the peak)" in text
    assert re.search(r"the contract allows at most 217/s \(500 segments/s at [0-9.]+ per message\)", text)
    above = report(part("run", throughput=throughput(contract_segments_per_s=50.0, contract_per_s=30.0)))
    assert "the contract allows" not in answer_text(above, "rate")


def test_live_against_simulated_says_by_stage_where_the_difference_arose() -> None:
    """Of the busiest live part; a class that differs by more than one-time passwords is named too."""
    assert aside_text(suite(comparisons=live_and_simulated()), "real") == (
        "Part: ten times that. OTP: the delivery time of a message, live and simulated, differs by "
        "5.60 ms (median), and for 99 % of the messages by at most 66.0 ms (marketing: 168 ms). The mean "
        "difference is 5.90 ms: 4.50 ms until "
        "the sender stored the message and answered, 1.30 ms in the sender's queue, 100 µs because the bench "
        "sent later than planned. "
        "The 1 % of the marketing messages that differ most (18 with every timestamp) differ by 268 ms on "
        "average: 260 ms because the provider drew another reply delay (it draws one per request), "
        "6.00 ms in the sender's queue."
    )
