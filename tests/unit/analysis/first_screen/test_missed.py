"""A missed objective is a plain sentence, with one unit, and its figures lead to their cells."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_objectives import missed
from made_reports import accounting, bottleneck, hint, lag_check, part, report, timed
from page_reading import disagreements, rendered
from screen_texts import answer_text, aside_text

from analysis.findings import Availability, BottleneckKind, Hint
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.model import Objective, Reasons
from analysis.objectives.objective_text import interval_text
from analysis.quantile import Quantile

replace = msgspec.structs.replace


GREW = Availability(
    windows=2,
    available=0,
    unavailable=2,
    window_s=10.0,
    first_bad_at_s=0.0,
    why="as text",
    only_grew=True,
)
REFUSED = msgspec.structs.replace(
    GREW, windows=9, available=6, unavailable=3, why="the sender did not take 12 messages", only_grew=False
)


@pytest.mark.parametrize(
    ("objective", "of", "said"),
    [
        (
            missed("duplicates", "0", "19", 0.0),
            {"accounting": accounting(duplicates=19)},
            "19 messages were accepted by the provider more than once; none may be.",
        ),
        (
            missed("duplicates", "≤ 3", "19", 3.0),
            {"accounting": accounting(duplicates=19)},
            "19 messages were accepted by the provider more than once; the limit is at most 3.",
        ),
        (
            missed("loss", "0", "12", 0.0),
            {"accounting": accounting(lost=12)},
            "12 messages were lost; none may be.",
        ),
        (
            missed("loss", "0", "12", 0.0),
            {"accounting": accounting(given_up=12, given_up_for_a_limit=12)},
            "my-sender gave up 12 accepted messages that the provider refused for a limit.",
        ),
        (
            missed("availability", "> 99 %", "0 %", 0.99),
            {"availability": GREW},
            "The backlog grew in all windows of 10 s (availability 0 %; the limit is more than 99 %).",
        ),
        (
            missed("availability", "> 99 %", "66.7 %", 0.99),
            {"availability": REFUSED},
            "my-sender was not available in 3 of 9 windows of 10 s: the sender did not take 12 messages "
            "(availability 66.7 %; the limit is more than 99 %).",
        ),
        (
            missed("api_response", "< 500 ms", "1.51 s", 0.5),
            {},
            "95 % of the answers of my-sender took up to 1.51 s (1.49 s to 1.53 s); the limit is 500 ms.",
        ),
        (
            missed("delivered", "> 98 %", "90.1 %", 0.98, "otp"),
            {},
            "90.1 % of the OTPs were delivered; the limit is more than 98 %.",
        ),
    ],
)
def test_each_missed_measure_is_a_plain_sentence(
    objective: Objective, of: dict[str, Any], said: str, tmp_path: Path
) -> None:
    made = report(part(**of, objectives=(objective,)), objectives=(objective,))
    screen = first_screen(made)
    assert as_text(screen.why) == said
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


@pytest.mark.parametrize(
    ("hints", "said"),
    [
        ((), "The load is above what the contract allows (the provider's limit: 100 requests/s)"),
        (
            (hint(name="one_message_per_request"),),
            "my-sender sends one message in each request, and reaches a limit (the provider's limit: 100 "
            "requests/s)",
        ),
    ],
)
def test_a_load_is_not_above_the_contract_if_batches_cure_it(hints: tuple[Hint, ...], said: str) -> None:
    objective = missed("availability", "> 99 %", "22 %", 0.99)
    grew = msgspec.structs.replace(GREW, available=2, unavailable=7, windows=9)
    limit = bottleneck(
        kind="provider_limit", text="the provider's limit: 100 requests/s", signs=("limit_of_requests",)
    )
    made = report(
        part(availability=grew, bottlenecks=(limit,), hints=hints, objectives=(objective,)),
        objectives=(objective,),
    )
    assert as_text(first_screen(made).why).startswith(f"{said}: in 7 of 9 windows of 10 s")


def test_a_missed_time_without_a_value_has_its_proven_end_in_the_limits_unit(tmp_path: Path) -> None:
    found = Quantile(95.0, "withheld", None, 0.463, None, 72)
    late = replace(timed("otp", 1.0, 0.4), quantile=found, verdict="missed")
    made = report(part(objectives=(late,)), objectives=(late,))
    assert (
        as_text(first_screen(made).why) == "More than 5 % of the OTPs took over 463 ms; the limit is 400 ms."
    )
    assert interval_text(found) == "463 ms or more"
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "sender",
            "5 % or more of the OTPs never arrive (1,482 messages of all classes expired in the sender)",
        ),
        ("provider", "5 % or more of the OTPs never arrive"),
    ],
)
def test_messages_that_expired_in_the_sender_are_named_where_otps_never_arrive(
    source: str, said: str, tmp_path: Path
) -> None:
    never = replace(
        timed("otp", 1.0, 20.0), quantile=Quantile(95.0, "never", math.inf, None, None, 72), verdict="missed"
    )
    why = (Reasons(source=source, reason="expired: expired", count=1_482, accepted=1_482),)
    made = report(part(objectives=(never,), reasons=why), objectives=(never,))
    assert as_text(first_screen(made).why) == f"{said}; the limit is 20 s."
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def test_messages_without_their_key_are_the_headline_of_an_undecided_run() -> None:
    lost = replace(missed("loss", "0", "0", 0.0), verdict="undecided", high=40.0)
    made = report(part(accounting=accounting(without_key=40), objectives=(lost,)), objectives=(lost,))
    assert as_text(first_screen(made).why).startswith(
        "No objective was missed. 40 messages reached the provider without their key: my-sender changed"
    )
    said = answer_text(first_screen(made), "wrong")
    assert "40 at the provider without their key" in said and "changed or cut the text" not in said


def test_copies_with_other_keys_are_the_headline_if_they_are_most_of_the_unknown_messages() -> None:
    """A sender that makes a key for each attempt, and cut the key of two messages."""
    lost = replace(missed("duplicates", "0", "0", 0.0), verdict="undecided", high=718.0)
    counted = accounting(without_key=2, unknown_messages=720)
    made = report(part(accounting=counted, objectives=(lost,)), objectives=(lost,))
    assert as_text(first_screen(made).why) == (
        "No objective was missed. 720 messages reached the provider with keys that the load did not send: "
        "my-sender may repeat messages with new keys, or another program sent them. Duplicates cannot be "
        "counted."
    )


def test_one_message_of_another_program_is_not_the_headline_of_an_undecided_loss() -> None:
    lost = replace(missed("loss", "0", "0", 0.0), verdict="undecided", high=38.0)
    made = report(
        part(accounting=accounting(to_repeat=38, unknown_messages=1), objectives=(lost,)), objectives=(lost,)
    )
    assert "keys that the load did not send" not in as_text(first_screen(made).why)


def test_messages_without_their_key_are_not_called_tracked(tmp_path: Path) -> None:
    made = report(part(accounting=accounting(without_key=40, delivered=2_960)))
    screen = first_screen(made)
    assert "2,960 delivered, of 3,000 accepted; 40 at the provider without their key are not tracked" in (
        answer_text(screen, "seen")
    )
    cause = "40 messages reached the provider without their key: my-sender changed or cut the text"
    assert cause in answer_text(screen, "wrong")
    assert aside_text(screen, "cost").endswith(" paid; 40 without their key are paid too and not counted.")
    assert "each tracked individually" in answer_text(report(), "seen")
    assert "without their key" not in aside_text(report(), "cost")
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def test_duplicates_have_a_cause_and_advice(tmp_path: Path) -> None:
    twice = missed("duplicates", "0", "19", 0.0)
    made = report(part(accounting=accounting(duplicates=19), objectives=(twice,)), objectives=(twice,))
    cause, advice = map(as_text, first_screen(made).bottleneck)
    assert cause == (
        "Cause: my-sender submitted 19 messages more than once, and the provider accepted each copy."
    )
    assert "Let the provider refuse duplicates, if its API has an option for it." in advice
    assert "--export csv" in advice
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def test_a_time_with_open_messages_is_not_called_a_time_within() -> None:
    found = Quantile(95.0, "at_least", 24.9, 0.485, float("inf"), 72)
    still_open = replace(timed("otp", 1.0, 60.0), quantile=found, verdict="undecided")
    made = report(part(objectives=(still_open,)), objectives=(still_open,))
    said = "5 % need more than 24.9 s or had not arrived when the run ended"
    told = answer_text(first_screen(made), "delivery")
    assert said in told and "(95 % interval: 485 ms or more)" in told


def test_messages_that_had_not_arrived_are_named_in_the_headline() -> None:
    """They count as slower than any limit."""
    found = Quantile(95.0, "at_least", 24.9, 22.1, float("inf"), 72)
    late = replace(timed("otp", 1.0, 10.0), quantile=found, verdict="missed")
    made = report(part(objectives=(late,)), objectives=(late,))
    assert as_text(first_screen(made).why) == (
        "At least 5 % of the OTPs took over 24.9 s or had not arrived when the run ended; the limit is 10 s."
    )


def test_a_failed_check_has_one_pair_of_brackets() -> None:
    lag = lag_check(state="invalid", value="80 ms (in 9 s of 90 s)", part="a")
    made = report(part("a", validity="invalid"), checks=(lag,), validity="invalid")
    assert "80 ms (in 9 s of 90 s; part: " in as_text(first_screen(made).why)


@pytest.mark.parametrize(
    ("text", "evidence", "shown"),
    [
        ("it is slow (1.00/s)", ("30 waited", "for 9 s"), "it is slow (1.00/s; 30 waited; for 9 s)."),
        ("it is slow", ("30 waited",), "it is slow (30 waited)."),
        ("it is slow (1.00/s)", (), "it is slow (1.00/s)."),
    ],
)
@pytest.mark.parametrize(("kind", "lead"), [("carrier_queue", "Bottleneck"), ("sender_unforwarded", "Cause")])
def test_a_bottleneck_has_one_pair_of_brackets(
    kind: BottleneckKind, lead: str, text: str, evidence: tuple[str, ...], shown: str
) -> None:
    late = timed("otp", 24.0, 10.0)
    named = replace(bottleneck(), kind=kind, text=text, evidence=evidence)
    screen = first_screen(report(part(objectives=(late,), bottlenecks=(named,)), objectives=(late,)))
    assert as_text(screen.bottleneck[0]) == f"{lead}: {shown}"
    assert screen.notes == ()


def test_messages_that_may_still_be_in_the_sender_were_not_certainly_unseen() -> None:
    """The page of a bench that was stopped after such a part."""
    low = msgspec.structs.replace(missed("unaccounted", "0", "15 to 20", 0.0), low=15)
    made = part(objectives=(low,), accounting=accounting(unaccounted=20, still_held=5))
    said = as_text(first_screen(report(made, interrupted="Interrupted between two parts", exit_code=130)).why)
    assert "15 messages were never seen by the provider; none may be" in said
