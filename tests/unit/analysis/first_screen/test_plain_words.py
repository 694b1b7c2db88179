"""The first screen has no words that only a reader of the tables knows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made_objectives import missed
from made_reports import accounting, lag_check, part, report
from screen_texts import answer_text

from analysis.first_screen.quoting import plain_text
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.judge.evidence import HOPELESS
from analysis.model import Objective
from analysis.render.data import write_junit
from analysis.render.tables import objectives as objective_table

replace = msgspec.structs.replace


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("p99 80 ms", "99 % within 80 ms"),
        (
            "too few OTPs for p95: 1 of 72; too few marketing messages for p99.9: 2 of 3,688",
            "too few OTPs to show how long 95 % take: 1 of 72; "
            "too few marketing messages to show how long 99.9 % take: 2 of 3,688",
        ),
        (
            "20,000 marketing messages count as about 10 independent ones, too few for p95 (72 needed)",
            "20,000 marketing messages count as about 10 independent ones, "
            "too few to show how long 95 % take (72 needed)",
        ),
        ("the radio alone took 8.81 s at p95; the limit", "the radio alone took 8.81 s for 95 %; the limit"),
        ("p95 of the sender's answer", "the time within which 95 % of the sender's answers come"),
        ("p99 of the sender's answer: 1.51 s (", "99 % of the sender's answers within 1.51 s ("),
        ("OTP p95 delivery time: 14.0 s (", "OTP: 95 % within 14.0 s ("),
        ("all messages p95 delivery time 14.0 s", "all messages: 95 % within 14.0 s"),
        ("OTP p95 delivery time > 14.0 s", "OTP: the time within which 95 % arrive > 14.0 s"),
        ("it sent late: p99 30.0 ms", "it sent late: 99 % within 30.0 ms"),
        (
            "290 not sent because the in-flight limit of 4,000 requests was reached",
            "290 not sent because too many requests were unanswered at the same time (limit 4,000)",
        ),
        (
            "290 not sent because the in-flight limit was reached",
            "290 not sent because too many requests were unanswered at the same time",
        ),
        ("at most 8 requests were in flight at", "at most 8 requests were unanswered at"),
    ],
)
def test_terms_of_the_report_have_plain_words(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("said", "term"),
    [
        ("the in-flight limit was reached", "in-flight"),
        ("requests were in flight", "in flight"),
        ("too few for the 95th percentile", "th percentile"),
        ("95 % of otp messages", "otp messages"),
        ("20 accepted OTP messages", "OTP messages"),
        ("the 95 % figure of marketing", "% figure"),
        (
            "The most frequent reason: undelivered: absent_subscriber (provider)",
            "reason: undelivered: absent_",
        ),
        ("The most frequent reason: the phone was off (absent_subscriber)", ""),
    ],
)
def test_a_term_on_the_screen_is_found(said: str, term: str) -> None:
    made = report(part())
    screen = msgspec.structs.replace(first_screen(made), trust=(said,))
    found = [each for each in contradictions(screen, made) if "technical term" in each]
    assert [each.rpartition(" the technical term ")[2] for each in found] == ([repr(term)] if term else [])


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        (
            replace(missed("api_response", "< 500 ms", "480 ms", 0.5), verdict="undecided", why="480 of 500"),
            "Answers of my-sender: 95 % within 500 ms is undecided: 480 of 500.",
        ),
        (
            replace(missed("availability", "> 99 %", "99 %", 0.99), verdict="undecided", why="1 of 9"),
            "The objective for availability is undecided: 1 of 9.",
        ),
    ],
)
def test_an_undecided_objective_is_named_as_in_its_row(objective: Objective, said: str) -> None:
    made = report(part(objectives=(objective,)), objectives=(objective,))
    assert as_text(first_screen(made).why) == f"No objective was missed. {said}"
    assert contradictions(first_screen(made), made) == ()


@pytest.mark.parametrize(("others", "also"), [(1, "one other part"), (3, "three other parts")])
def test_a_reservation_says_in_how_many_parts_it_is(others: int, also: str) -> None:
    slugs = [f"0{number}-burst" for number in range(others + 1)]
    few = [lag_check(name="machine CPU", state="warn", value="500 (of 700)", part=slug) for slug in slugs]
    other = (
        lag_check(name="machine CPU", state="ok", part="08-calm"),
        lag_check(state="warn", part="08-calm"),
    )
    parts = [part(slug, title=f"burst {slug[:2]}") for slug in (*slugs, "08-calm")]
    made = msgspec.structs.replace(report(*parts), checks=(*few, *other), validity="warn")
    assert f"500 (of 700; part: burst 00; also in {also}). " in as_text(first_screen(made).trust)
    assert as_text(first_screen(made).trust).count("also in") == 1
    assert contradictions(first_screen(made), made) == ()


def test_an_objective_at_its_limit_has_nothing_that_decides_it(tmp_path: Path) -> None:
    made = report(part(p95_s={"transactional": None}))
    objectives = tuple(
        msgspec.structs.replace(each, needs=HOPELESS) if each.needs else each for each in made.objectives
    )
    made = msgspec.structs.replace(made, objectives=objectives)
    said = as_text(first_screen(made).why)
    assert said.endswith("; no number of messages decides it, since the figure is at the limit.")
    assert "to decide it" not in said
    write_junit(made, tmp_path / "junit.xml")
    for text in ((tmp_path / "junit.xml").read_text(encoding="utf-8"), str(objective_table(made).rows)):
        assert HOPELESS in text and "to decide it" not in text


def test_messages_above_the_in_flight_limit_are_in_plain_words() -> None:
    many = accounting(planned=23_600, dropped=7_051)
    made = report(part(p95_s={"otp": 14.0}, accounting=many))
    assert (
        "7,051 of 23,600 messages were not sent because too many requests were unanswered at the same time"
        in as_text(first_screen(made).why)
    )


def test_a_time_that_ten_times_the_traffic_misses_is_said_as_in_its_row() -> None:
    late = part("02-day-5m", messages_per_day=5_000_000, p95_s={"transactional": 35.0})
    said = answer_text(report(part("01-day-500k"), late), "ten_times")
    assert ": transactional: 95 % within 35.0 s, limit 30 s." in said
