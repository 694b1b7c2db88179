"""Duplicates: the number of copies, what they cost, and after what the sender repeated the messages."""

from __future__ import annotations

import pytest
from made_parts import OWN
from run_builder import Build, RunBuilder
from screen_texts import answer_text

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.model import RunReport
from analysis.render.tables_part import accounting, cost
from analysis.report import build_report


def repeats(run: RunBuilder, answer_s: float, after_s: float, answered: bool = True, times: int = 3) -> None:
    """Every tenth of 300 messages has ``times`` acceptances of two segments, ``after_s`` apart."""
    for slot in range(300):
        due_s, again = slot / 10, times if slot % 10 == 0 else 1
        run.due(f"m-{slot}", due_s)
        for copy in range(again):
            accepted_s = due_s + 0.01 + copy * after_s
            run.seen(
                *(f"m-{slot}", due_s + 0.01),
                provider_id=f"P-{slot}-{copy}",
                accepted_s=accepted_s,
                provider_s=accepted_s - due_s - 0.01 + (answer_s if again > 1 else 0.01),
                segments=2 if again > 1 else 1,
                submits=again,
                accepts=again,
                price=1.0 if again > 1 else 0.5,
            )
            if not answered and again > 1:
                run.provider[-1] = (*run.provider[-1][:10], None, *run.provider[-1][11:])


def reported(run: RunBuilder, *objectives: str) -> RunReport:
    return build_report(run.write(load_s=30.0, end_s=60.0, target=OWN), objectives=objectives or None)


@pytest.mark.parametrize(("after_s", "two_workers"), [(0.003, True), (0.049, True), (0.05, False)])
def test_copies_that_come_too_soon_for_a_timeout_are_of_two_workers(
    new_run: Build, after_s: float, two_workers: bool
) -> None:
    """Both took the message from the sender's queue. A longer timeout would change nothing."""
    run = new_run("run")
    repeats(run, answer_s=0.2, after_s=after_s, times=2)
    said = as_text(first_screen(reported(run)).bottleneck[-1])
    assert ("two workers or processes that take the same message" in said) is two_workers
    assert ("timeout for an answer of the provider is too short" in said) is not two_workers
    assert (f"came {after_s * 1e3:.2f} ms (median) after the previous submit" in said) is (after_s == 0.003)


def test_a_timeout_that_is_too_short_is_named(new_run: Build) -> None:
    """An answer takes 200 ms, and the sender repeats after 60 ms."""
    run = new_run("run")
    repeats(run, answer_s=0.2, after_s=0.06)
    made = reported(run)
    (part,) = made.parts
    assert (part.accounting.duplicates, part.accounting.copies) == (30, 60)
    screen = first_screen(made)
    cause, advice = map(as_text, screen.bottleneck)
    assert cause == (
        "Cause: my-sender submitted 30 messages more than once, and the provider accepted each copy (60 "
        "copies; 60 of the copies came before the answer to the earlier submit)."
    )
    assert advice.startswith(
        "What to do: the sender's timeout for an answer of the provider is too short: it repeated messages "
        "when the answer took over 60.0 ms (median), and these answers took up to 200 ms. "
    )
    assert "30 duplicated (60 copies)" in answer_text(screen, "wrong")
    assert contradictions(screen, made) == ()


@pytest.mark.parametrize(
    ("after_s", "answered", "said"),
    [
        (0.5, True, "after an answer that was successful. Let the provider"),
        (0.5, False, "after an answer that was lost. Let the provider"),
    ],
)
def test_other_repeats_have_the_advice_on_the_answer(
    new_run: Build, after_s: float, answered: bool, said: str
) -> None:
    run = new_run("run")
    repeats(run, answer_s=0.2, after_s=after_s, answered=answered)
    cause, advice = map(as_text, first_screen(reported(run)).bottleneck)
    assert said in advice
    assert ("60 of the copies came after a submit that had no answer" in cause) is not answered


def test_the_segments_of_copies_are_apart(new_run: Build) -> None:
    """330 segments once, and 60 copies of 2 each: 270 messages at 0.5 and 90 acceptances at 1.0."""
    run = new_run("run")
    repeats(run, answer_s=0.2, after_s=0.06)
    made = reported(run, "cost_per_1000<1")
    paid = made.parts[0].cost
    assert (paid.segments, paid.duplicates_segments) == (330, 120)
    assert (paid.points, paid.duplicates_points) == (225.0, 60.0)
    rows = {str(row[0]): as_text((*row[1],)) for row in cost(made, 0).rows}
    assert (rows["segments, without duplicates"], rows["segments of duplicates"]) == ("330", "120")
    meaning = next(row[-1] for row in accounting(made, 0).rows if row[0] == "duplicate deliveries")
    assert meaning == "accepted by the provider more than once; copies in all: 60"
    told = " ".join(as_text(each) for each in first_screen(made).bottleneck)
    assert "Cause: the 330 segments and 120 of duplicates cost 225 points, of which " in told


def test_one_acceptance_for_each_message_has_no_copies(new_run: Build) -> None:
    run = new_run("run")
    repeats(run, answer_s=0.2, after_s=0.06, times=1)
    made = reported(run)
    (part,) = made.parts
    assert (part.accounting.copies, part.cost.duplicates_segments, part.repeat_times) == (0, 0, None)
    assert "copies" not in answer_text(made, "wrong")
    assert "segments" in [row[0] for row in cost(made, 0).rows]


def test_a_copy_whose_instant_is_not_known_says_nothing_about_the_answer(new_run: Build) -> None:
    """A journal of another provider: the number of acceptances is known, and no row of the second one."""
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", slot / 2, 3.0, accepts=2 if slot == 7 else 1)
    made = reported(run)
    assert (made.parts[0].accounting.copies, made.parts[0].repeat_times) == (1, None)
    assert "an answer that was successful or lost" in as_text(first_screen(made).bottleneck[1])
