"""The page of ``smsbench capacity``: one figure for the capacity, the one that the search found."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from made_benches import suite
from made_reports import lag_check, part, report, throughput
from screen_texts import answer_text

from analysis.capacity_record import ALLOWS_FOR_CHANCE, Trial
from analysis.first_screen.rates import OTHER_OBJECTIVES
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import Figure, as_text
from analysis.judge.search import search_verdict
from analysis.model import RunReport
from analysis.render.tables_findings import capacity
from loadtests.capacity.result import lines

replace = msgspec.structs.replace


def searched(sustained_per_s: float | None = 60.0, profile: str = "fast") -> RunReport:
    """A trial at 60/s, whose random arrivals have a mean of 60.2/s."""
    found = suite().capacity
    assert found is not None
    capacity = replace(found, sustained_per_s=sustained_per_s, low_per_s=60.0, high_per_s=60.0)
    rates = throughput(offered_mean_per_s=60.2, delivered_best=None)
    trial = part("trial", profile=profile, messages_per_day=None, throughput=rates)
    return report(trial, capacity=capacity)


def test_a_yes_quotes_the_sustained_rate_of_the_search() -> None:
    screen = first_screen(searched())
    assert as_text(screen.why) == "my-sender met every objective at 60.0/s."
    assert "60.0/s sustained (60.0/s to 60.0/s)" in answer_text(screen, "rate")
    assert screen.notes == ()


def test_a_no_for_an_objective_that_the_search_did_not_judge_says_so() -> None:
    made = searched()
    assert made.capacity is not None
    slow = part("trial", p95_s={"otp": 40.0}, profile="fast", messages_per_day=None)
    no = report(slow, capacity=replace(made.capacity, objectives=("otp.p95<1h",)))
    (judged,) = [each for each in no.objectives if each.verdict == "missed"]
    assert OTHER_OBJECTIVES in answer_text(first_screen(no), "rate")
    assert OTHER_OBJECTIVES not in answer_text(first_screen(made), "rate")
    same = replace(made.capacity, objectives=(judged.objective,))
    assert OTHER_OBJECTIVES not in answer_text(first_screen(replace(no, capacity=same)), "rate")


def test_a_missed_rate_without_a_bottleneck_is_said_to_have_an_unknown_one() -> None:
    made = searched()
    assert made.capacity is not None
    missed = Trial(rate_per_s=80.0, verdict="missed", delivered_per_s=60.0)
    met = Trial(rate_per_s=60.0, verdict="met", delivered_per_s=60.0)
    found = replace(made.capacity, bottlenecks=(), trials=(missed, met))
    unknown = "Above 60.0/s the bottleneck is unknown"
    assert unknown in answer_text(first_screen(replace(made, capacity=found)), "rate")
    found = replace(found, trials=(met,))
    assert unknown not in answer_text(first_screen(replace(made, capacity=found)), "rate")
    assert first_screen(replace(made, capacity=found)).notes == ()


def test_a_profile_without_limits_is_named_as_such() -> None:
    made = searched()
    assert made.capacity is not None
    unlimited = replace(made, capacity=replace(made.capacity, profile_limits="none"))
    assert answer_text(first_screen(unlimited), "rate").startswith("profile fast (no limits)")
    assert answer_text(first_screen(made), "rate").startswith("profile fast: 60")


def test_a_search_that_reached_no_limit_says_why_it_ended() -> None:
    made = searched()
    assert made.capacity is not None
    ended = "no limit was reached up to 60/s, the upper end of the search"
    found = replace(made.capacity, high_per_s=None, ended=ended)
    said = f"The capacity may be higher: {ended}."
    screen = first_screen(replace(made, capacity=found))
    assert said in answer_text(screen, "rate")
    assert screen.notes == ()
    wide = replace(found, precision_missed=0.02, ended="interrupted")
    answer = answer_text(first_screen(replace(made, capacity=wide)), "rate")
    assert answer.count("interrupted") == 1  # with the width of the interval
    assert said not in answer_text(first_screen(made), "rate")


def test_only_a_wide_interval_with_an_upper_end_may_have_the_capacity_anywhere() -> None:
    made = searched()
    assert made.capacity is not None
    wide = replace(made.capacity, precision_missed=0.02)
    said = "The capacity of this machine may be anywhere in the interval."
    assert said in answer_text(first_screen(replace(made, capacity=wide)), "rate")
    no_end = replace(made, capacity=replace(wide, high_per_s=None))
    assert said not in answer_text(first_screen(no_end), "rate")


@pytest.mark.parametrize("made", [searched(profile="smsapi"), searched(sustained_per_s=None)])
def test_without_a_sustained_rate_on_its_profile_a_part_quotes_its_own(made: RunReport) -> None:
    assert as_text(first_screen(made).why) == "my-sender met every objective at 60.2/s."


def without_rate(*trials: Trial, high_per_s: float | None = None, own_page: bool = False) -> RunReport:
    """A search without a sustained rate, in a bench or on a page of its own."""
    made = searched(sustained_per_s=None)
    assert made.capacity is not None
    found = replace(made.capacity, low_per_s=0.0, high_per_s=high_per_s, trials=trials, bottlenecks=())
    return replace(made, capacity=found, no_rate=search_verdict(found) if own_page else None)


def trial(rate_per_s: float, verdict: Any, why: str) -> Trial:
    return Trial(rate_per_s=rate_per_s, verdict=verdict, delivered_per_s=0.0, why=why)


UNDECIDED = trial(40.0, "undecided", "not yet decided: the backlog")


@pytest.mark.parametrize(
    ("trials", "high_per_s", "shown"),
    [
        ((UNDECIDED,), None, "undecided (tried: 40.0/s)"),
        ((UNDECIDED, trial(20.0, "invalid", "")), None, "undecided (tried: 20.0/s to 40.0/s)"),
        ((UNDECIDED,), 70.0, "undecided (the capacity is below 70.0/s)"),
        (
            (UNDECIDED, trial(80.0, "missed", "the backlog grew")),
            80.0,
            "no rate met every objective (the capacity is below 80.0/s)",
        ),
        ((trial(20.0, "invalid", "schedule lag: p99 80 ms"),), None, "not measured"),
    ],
)
def test_a_search_without_a_rate_says_what_it_knows(
    trials: tuple[Trial, ...], high_per_s: float | None, shown: str
) -> None:
    screen = first_screen(without_rate(*trials, high_per_s=high_per_s))
    assert shown in answer_text(screen, "rate")
    assert ("not measured" in answer_text(screen, "rate")) == (shown == "not measured")
    assert screen.notes == ()


def test_a_busy_machine_gives_no_upper_bound_of_the_capacity() -> None:
    """The bottleneck says that every rate is a lower bound: the page must not say the opposite."""
    made = without_rate(trial(80.0, "missed", "the backlog grew"), high_per_s=80.0)
    assert made.capacity is not None
    busy = replace(made.capacity, bottlenecks=("load and sender compete",), bottleneck_kinds=("machine",))
    text = answer_text(first_screen(replace(made, capacity=busy)), "rate")
    assert "no rate met every objective (below 80.0/s here, with all cores in use)" in text
    assert "the capacity is below" not in text


def test_the_undecided_trial_is_named_once() -> None:
    told = "40.0/s: not yet decided: the backlog"
    assert told in answer_text(first_screen(without_rate(UNDECIDED)), "rate")
    own = first_screen(without_rate(UNDECIDED, own_page=True))
    assert told in as_text(own.why)
    assert told not in answer_text(own, "rate")


def invalid_search(advice: str = "End other programs.") -> RunReport:
    """The page shows the last trial, in which the bench failed."""
    lag = lag_check(state="invalid", value="p99 80 ms", advice=advice)
    made = without_rate(trial(20.0, "invalid", "schedule lag: p99 80 ms"), own_page=True)
    parts = tuple(replace(each, validity="invalid", checks=(lag,)) for each in made.parts)
    return replace(made, parts=parts, checks=(lag,), validity="invalid")


@pytest.mark.parametrize("advice", ["End other programs.", ""])
def test_an_invalid_search_says_what_is_not_known_and_what_to_do(advice: str) -> None:
    screen = first_screen(invalid_search(advice))
    (answer,) = screen.answers
    then = "End other programs" if advice else "end the other programs of this machine and search again"
    assert (screen.word, answer.name, answer.state) == ("INVALID", "rate", "untrusted")
    assert [as_text(each) for each in answer.sentences] == [
        "The sustained rate is not known, since the bench failed in the trial at 20.0/s "
        f"(schedule lag: 99 % within 80 ms); what to do next: {then}."
    ]
    assert screen.notes == ()


def test_an_invalid_trial_has_no_delivered_rate() -> None:
    """0/s at 5,000/s reads as a failure of the sender: only the bench was too slow."""
    (_, trial) = capacity(invalid_search()).rows
    assert trial[1:3] == ("invalid", "-")


def test_an_invalid_run_that_is_no_search_has_no_answers() -> None:
    assert first_screen(replace(invalid_search(), capacity=None)).answers == ()


def test_an_answer_yes_above_the_searched_capacity_is_a_contradiction() -> None:
    made, other = searched(), searched(profile="smsapi")
    field = "parts.0.throughput.offered_mean_per_s"
    above = ("my-sender met every objective at ", Figure(text="60.2/s", source=field, number=60.2, unit="/s"))
    screen = replace(first_screen(made), why=above)
    assert contradictions(first_screen(made), made) == ()
    assert contradictions(screen, made) == ("YES names 60.2/s, but the capacity is at most 60.0/s",)
    assert contradictions(replace(first_screen(other), why=above), other) == ()  # another profile


@pytest.mark.parametrize(("low_per_s", "high_per_s", "said"), [(60.0, 80.0, False), (55.0, 90.0, True)])
def test_an_interval_with_trials_inside_allows_for_chance(
    low_per_s: float, high_per_s: float, said: bool
) -> None:
    """A reader sees that a rate inside the interval was missed, and asks why it is inside."""
    made = searched()
    assert made.capacity is not None
    trials = (
        Trial(rate_per_s=80.0, verdict="missed", delivered_per_s=70.0),
        Trial(rate_per_s=60.0, verdict="met", delivered_per_s=60.0),
    )
    found = replace(made.capacity, low_per_s=low_per_s, high_per_s=high_per_s, trials=trials)
    text = answer_text(first_screen(replace(made, capacity=found)), "rate")
    assert (ALLOWS_FOR_CHANCE in text) is said
    told = lines(found, ())
    assert (f"t{ALLOWS_FOR_CHANCE[1:]}" in told) is said
