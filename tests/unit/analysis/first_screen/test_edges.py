"""An answer is green only if the answer is good; a higher limit is asked for only where it would help."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from made_benches import searched_low
from made_reports import accounting, bottleneck, counted, part, report
from screen_words import aside_text

from analysis.findings import DelaySplit
from analysis.first_screen.screen import first_screen
from analysis.model import RunReport

replace = msgspec.structs.replace


def edges(made: RunReport) -> dict[str, str]:
    return {answer.name: answer.state for answer in first_screen(made).answers}


def test_a_good_run_has_green_edges_except_on_unjudged_answers() -> None:
    found = edges(report())
    assert found["rate"] == found["delivery"] == "good"
    assert found["seen"] == found["wrong"] == "unknown"  # no fault was injected
    assert edges(replace(report(), faults_injected=True))["wrong"] == "good"


def test_a_sender_that_does_not_take_the_traffic_has_no_green_rate() -> None:
    overloaded = part(accounting=accounting(dropped=1_500, accepted=1_500))
    assert edges(report(overloaded))["rate"] == "bad"


@pytest.mark.parametrize("measure", ["not_taken", "availability"])
def test_messages_that_were_not_taken_are_something_that_goes_wrong(measure: str) -> None:
    missed = counted("not_taken" if measure == "not_taken" else "availability", "as text", 12)
    assert edges(report(part(objectives=(missed,))))["wrong"] == "bad"
    assert edges(report(part(objectives=(replace(missed, verdict="met"),))))["wrong"] == "unknown"


def with_shares(split: DelaySplit, **mean_s: float) -> DelaySplit:
    shares = tuple(replace(each, mean_s=mean_s.get(each.name, each.mean_s)) for each in split.shares)
    return replace(split, shares=shares)


def test_a_higher_limit_is_not_asked_for_where_the_sender_itself_takes_longer() -> None:
    def asks(sender_s: float) -> bool:
        made = part(bottlenecks=(bottleneck(kind="provider_limit"),))
        splits = tuple(with_shares(one, contract=1.0, sender=sender_s) for one in made.delay_splits)
        return "Ask for a higher limit" in aside_text(report(replace(made, delay_splits=splits)), "ask")

    assert asks(sender_s=0.1)
    assert not asks(sender_s=1.1)


def test_a_higher_limit_is_not_asked_for_where_no_limit_was_reached() -> None:
    made = part()
    splits = tuple(with_shares(one, contract=1.0, sender=0.1) for one in made.delay_splits)
    screen = aside_text(report(replace(made, delay_splits=splits)), "ask")
    assert "Ask for a higher limit" not in screen


def test_the_higher_limit_is_asked_for_with_a_class_that_is_missed() -> None:
    made = part(p95_s={"marketing": 700.0}, bottlenecks=(bottleneck(),))
    splits = tuple(with_shares(one, contract=one.total_mean_s / 2) for one in made.delay_splits)
    made = replace(made, delay_splits=splits)
    earlier = part("01-quiet", bottlenecks=(bottleneck(),), delay_splits=splits)
    for shown in (report(made), report(earlier, made)):
        assert "delivery time of a marketing message" in aside_text(shown, "ask")
        assert "OTP message" not in aside_text(shown, "ask")


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"sustained": True}, "good"),
        ({"sustained": False}, "bad"),
        ({"sustained": None}, "unknown"),  # a hold, or growth
        ({"accounting": accounting(unaccounted=100)}, "unknown"),  # not forwarded: no capacity
    ],
)
def test_a_rate_is_green_only_if_the_load_was_carried(changed: dict[str, Any], state: str) -> None:
    assert edges(report(part(**changed)))["rate"] == state
    assert edges(report(part("01-quiet"), part(**changed)))["rate"] == state


@pytest.mark.parametrize(("verdict", "state"), [("missed", "bad"), ("undecided", "unknown")])
def test_a_search_without_a_rate_is_not_green(verdict: str, state: str) -> None:
    found = searched_low()
    assert found.capacity is not None
    trials = tuple(replace(each, verdict=verdict) for each in found.capacity.trials)
    without = replace(found.capacity, sustained_per_s=None, trials=trials)
    assert edges(found)["rate"] == "good"
    assert edges(replace(found, capacity=without))["rate"] == state
