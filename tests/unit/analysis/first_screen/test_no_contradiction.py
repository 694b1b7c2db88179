"""The first screen and the tables below it say the same. Each rule first finds a planted contradiction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from made_benches import failing, fifo, limited, live_and_simulated, searched_low, suite
from made_reports import (
    accounting,
    bottleneck,
    breakdown,
    distribution,
    lag_check,
    part,
    report,
    split,
    timed,
)
from page_reading import Page, disagreements, rendered, without_spaces

from analysis.findings import FaultBand
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import FirstScreen, as_text
from analysis.first_screen.wording import objective_part
from analysis.judge.levels import levels
from analysis.model import RunReport

replace = msgspec.structs.replace


def screen_of(made: RunReport) -> FirstScreen:
    return first_screen(made)


def with_factor(made: RunReport, segments_per_message: float) -> RunReport:
    first = made.parts[0]
    cost = replace(first.cost, segments_per_message=segments_per_message)
    throughput = replace(first.throughput, contract_per_s=500.0 / segments_per_message)
    return replace(made, parts=(replace(first, cost=cost, throughput=throughput),))


def without_messages(made: RunReport) -> RunReport:
    """No message is of the class of the first objective."""
    first = made.objectives[0]
    undecided = replace(
        first, quantile=None, verdict="undecided", measured="no messages", interval="", needs=""
    )
    return replace(made, objectives=(undecided, *made.objectives[1:]), verdict="undecided")


GOOD: dict[str, Callable[[], RunReport]] = {
    "one run": report,
    "a bench": suite,
    "live and simulated": lambda: suite(comparisons=live_and_simulated()),
    "a contract": limited,
    "a contract whose factor needs four digits": lambda: with_factor(limited(), 1.42593),
    "a search that ended low": searched_low,
    "a sender that fails": failing,
    "undecided": lambda: report(part(p95_s={"transactional": None})),
    "an objective on a class that the load does not have": lambda: without_messages(report()),
    "invalid": lambda: report(
        part(validity="invalid", checks=(lag_check(state="invalid", value_number=0.5),))
    ),
    "interrupted": lambda: report(interrupted="Interrupted after 13 of 60 s"),
    "unaccounted messages": lambda: report(part(accounting=accounting(unaccounted=7, accepted=3_000))),
    "no delivery": lambda: report(part(delivery=(), delay_splits=(), stages=(), objectives=(), handsets=())),
    "a dollar and a bracket": lambda: report(part(title="<b>$x</b>", target={"name": "a<b>2"})),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_page_says_above_what_it_says_below(name: str, tmp_path: Path) -> None:
    made = GOOD[name]()
    assert contradictions(screen_of(made), made) == ()
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []
    assert Page(page).quoted  # or nothing was compared
    assert "contradicts itself" not in page


@pytest.mark.parametrize("name", GOOD)
def test_markdown_has_the_text_of_the_page(name: str, tmp_path: Path) -> None:
    made = GOOD[name]()
    page, markdown, _ = rendered(made, tmp_path)
    top = without_spaces(Page(page).top)
    screen = screen_of(made)
    for sentence in (screen.why, screen.trust, *(each for one in screen.answers for each in one.sentences)):
        assert without_spaces(as_text(sentence)) in top
        assert as_text(sentence) in markdown


# --- the reader of the page finds what is planted in the page ------------------------------------------


def test_a_cell_that_says_something_else_is_found(tmp_path: Path) -> None:
    page, _, summary = rendered(suite(), tmp_path)
    place = 'data-source="objectives.0.quantile.value_s" data-number="8.0">8.00 s</span>'
    assert place in page
    for planted in (place.replace("8.00 s<", "9.00 s<"), place.replace('"8.0"', '"9.0"')):
        assert disagreements(page.replace(place, planted), summary)
    assert disagreements(page.replace(f'id="f-objectives-0-quantile-value_s" {place}', ">"), summary)
    summary["objectives"][0]["quantile"]["value_s"] = 9.0
    assert disagreements(page, summary)


# --- each rule finds what it is there for ---------------------------------------------------------------


def planted_source(made: RunReport) -> tuple[FirstScreen, RunReport]:
    slower = (timed("otp", 9.0, 10.0), *made.objectives[1:])
    return screen_of(made), replace(made, objectives=slower)


def planted_subject(made: RunReport) -> tuple[FirstScreen, RunReport]:
    screen, quote = screen_of(made), Quote(made)
    twice = (
        quote.seconds("parts.0.identity.load_s", subject="otp"),
        quote.seconds("parts.0.identity.drained_s", subject="otp"),
    )
    return replace(screen, trust=twice), made


def planted_yes(made: RunReport) -> tuple[FirstScreen, RunReport]:
    missed = report(part(p95_s={"otp": 14.0}))
    return replace(screen_of(missed), word="YES"), missed


def planted_no(made: RunReport) -> tuple[FirstScreen, RunReport]:
    return replace(screen_of(made), word="NO"), made


def planted_undecided(made: RunReport) -> tuple[FirstScreen, RunReport]:
    missed = report(part(p95_s={"otp": 14.0}))
    return replace(screen_of(missed), word="UNDECIDED"), missed


def planted_verdict(made: RunReport) -> tuple[FirstScreen, RunReport]:
    other = replace(made, verdict="undecided")
    return screen_of(made), other


def planted_percentile(made: RunReport) -> tuple[FirstScreen, RunReport]:
    late = report(part(delivery=(distribution("otp", 97.0),)))
    return screen_of(late), late


def planted_share(made: RunReport) -> tuple[FirstScreen, RunReport]:
    late = report(part(delay_splits=(split("otp", 97.0),)))
    return screen_of(late), late


def planted_stage_mean(made: RunReport) -> tuple[FirstScreen, RunReport]:
    late = report(part(stages=(breakdown("otp", 194.0),)))
    return screen_of(late), late


def planted_ten_times(made: RunReport) -> tuple[FirstScreen, RunReport]:
    parts = (made.parts[0], part("06-day-5m", {"otp": 14.0}, messages_per_day=5_000_000))
    return screen_of(made), replace(made, parts=parts)


def planted_ten_times_too_small(made: RunReport) -> tuple[FirstScreen, RunReport]:
    small = replace(made.parts[1], equivalent_per_day=4e6)
    return screen_of(made), replace(made, parts=(made.parts[0], small))


def planted_level(made: RunReport) -> tuple[FirstScreen, RunReport]:
    no = tuple(replace(each, ten_times="no") for each in made.levels)
    return screen_of(made), replace(made, levels=no)


def planted_difference(made: RunReport) -> tuple[FirstScreen, RunReport]:
    return screen_with_difference(made), replace(made, comparisons=(fifo(-1.0, 33.0),))


def screen_with_difference(made: RunReport) -> FirstScreen:
    figure = Quote(made).seconds("comparisons.0.classes.0.p95_difference_s", subject="difference")
    return replace(screen_of(made), trust=("Slower by ", figure, "."))


def planted_lost(made: RunReport) -> tuple[FirstScreen, RunReport]:
    parts = (replace(made.parts[0], accounting=accounting(unaccounted=5)), *made.parts[1:])
    return screen_of(made), replace(made, parts=parts)


def planted_sustained(made: RunReport) -> tuple[FirstScreen, RunReport]:
    parts = (replace(made.parts[0], validity="invalid"), *made.parts[1:])
    return screen_of(made), replace(made, parts=parts)


def planted_accounted(made: RunReport) -> tuple[FirstScreen, RunReport]:
    parts = (made.parts[0], replace(made.parts[1], accounting=accounting(unaccounted=5)), made.parts[2])
    return screen_of(made), replace(made, parts=parts)


def planted_no_limit(made: RunReport) -> tuple[FirstScreen, RunReport]:
    parts = (replace(made.parts[0], bottlenecks=(bottleneck(),)), *made.parts[1:])
    return screen_of(made), replace(made, parts=parts)


def planted_low_search(made: RunReport) -> tuple[FirstScreen, RunReport]:
    made = searched_low()
    screen = screen_of(made)
    (rate, *others) = screen.answers
    return replace(screen, answers=(replace(rate, sentences=()), *others)), made


def planted_number(made: RunReport) -> tuple[FirstScreen, RunReport]:
    return replace(screen_of(made), trust=("Valid: late by 1.2 ms.",)), made


def planted_p95(made: RunReport) -> tuple[FirstScreen, RunReport]:
    return replace(screen_of(made), trust=("Valid: its p95 is fine.",)), made


def planted_slug(made: RunReport) -> tuple[FirstScreen, RunReport]:
    return replace(screen_of(made), trust=("Valid, as 06-day-5m shows.",)), made


def planted_advice(made: RunReport) -> tuple[FirstScreen, RunReport]:
    """The contract is sufficient, and a higher limit is asked for."""
    screen = screen_of(made)
    place = next(at for at, each in enumerate(made.objectives) if each.limit_s is not None)
    text = "The contract is sufficient: an ideal sender meets it."
    enough = replace(made.objectives[place], reach=text, reach_kind="sufficient")
    made = replace(made, objectives=(*made.objectives[:place], enough, *made.objectives[place + 1 :]))
    advice = ((Quote(made).text(f"objectives.{place}.reach"), "."), ("Ask for a higher limit.",))
    return replace(screen, bottleneck=advice), made


def planted_growth(made: RunReport) -> tuple[FirstScreen, RunReport]:
    """The contract is sufficient, and the backlog grew."""
    screen, made = planted_advice(made)
    at = objective_part(made, next(each for each in made.objectives if each.reach))
    grew = replace(made.parts[at], sustained=False, backlog_grew=True)
    return screen, replace(made, parts=(*made.parts[:at], grew, *made.parts[at + 1 :]))


def planted_fault(made: RunReport) -> tuple[FirstScreen, RunReport]:
    """More capacity is asked for, and a fault was injected."""
    screen = screen_of(made)
    band = FaultBand(name="slow", kind="brown_out", title="slow", from_s=1.0, to_s=2.0, messages=3)
    made = replace(made, parts=(replace(made.parts[0], faults=(band,)), *made.parts[1:]))
    advice = ("Ask for a higher limit than ", Quote(made).rate("parts.0.throughput.offered_mean_per_s"), ".")
    return replace(screen, bottleneck=(advice,)), made


PLANTED: dict[Callable[[RunReport], tuple[FirstScreen, RunReport]], str] = {
    planted_source: "is taken from objectives.0",
    planted_subject: "otp: '60.0 s' and '12.0 s'",
    planted_yes: "YES, but not every objective is met",
    planted_no: "NO, but no objective is missed",
    planted_undecided: "UNDECIDED, but an objective is missed",
    planted_verdict: "YES, but the report's verdict is undecided",
    planted_percentile: "the table Delivery time of 05-day-500k shows",
    planted_share: "the shares of 05-day-500k show",
    planted_stage_mean: "a mean of 97.0 s",
    planted_ten_times: "ten times: Yes, without a valid part",
    planted_ten_times_too_small: "is equivalent to 4000000.0 a day",
    planted_level: "ten times: Yes, but the table Levels says no",
    planted_difference: "its interval is -1.0 to 33.0",
    planted_lost: "0 lost (totals.0.lost), but a part has lost",
    planted_sustained: "is called sustained",
    planted_accounted: "every message is said to be accounted for",
    planted_no_limit: "no limit is said to be reached",
    planted_advice: "the contract is said to be sufficient, but also",
    planted_growth: "the contract is said to be sufficient, but the backlog of",
    planted_fault: "had a fault window",
    planted_low_search: "a sustained rate is named, but 05-day-500k delivered more",
    planted_number: "has a number without a source",
    planted_p95: "has the technical term 'p95'",
    planted_slug: "has the name '06-day-5m'",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_contradiction_is_found(
    plant: Callable[[RunReport], tuple[FirstScreen, RunReport]],
) -> None:
    made = suite()
    assert contradictions(screen_of(made), made) == ()
    screen, other = plant(made)
    found = contradictions(screen, other)
    assert any(PLANTED[plant] in text for text in found), found


def test_a_contradiction_is_shown_on_the_page(tmp_path: Path) -> None:
    late = report(part(delivery=(distribution("otp", 97.0),)))
    page, markdown, _ = rendered(late, tmp_path)
    assert "contradicts itself" in page
    assert "contradicts itself" in markdown


@pytest.mark.parametrize(
    ("sustained", "limit", "ten_times"),
    [(True, "waited 1.20 s", "yes"), (None, "waited 1.20 s", "undecided"), (None, "", "yes")],
)
def test_a_volume_is_sustained_and_ten_times_its_tenth_by_one_rule(
    sustained: bool | None, limit: str, ten_times: str
) -> None:
    """A wait in the busiest ten seconds has no interval: it made *No* below *sustains 5 million*."""
    made = suite()
    parts = tuple(
        replace(each, sustained=sustained, throughput=replace(each.throughput, limit=limit))
        if (each.identity.messages_per_day or 0) >= 5_000_000
        else each
        for each in made.parts
    )
    found = replace(made, parts=parts, levels=levels(parts))
    (level,) = [each for each in found.levels if each.messages_per_day == 500_000]
    assert level.ten_times == ten_times
    screen = screen_of(found)
    assert screen.word == "YES"
    assert ("5 million" in as_text(screen.why)) == (ten_times == "yes")
    assert contradictions(screen, found) == ()
    denied = replace(found, levels=tuple(replace(each, ten_times="no") for each in found.levels))
    said = [text for text in contradictions(screen, denied) if "called sustained, but ten times" in text]
    assert bool(said) == (ten_times == "yes")
