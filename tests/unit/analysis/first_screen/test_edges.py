"""An answer is green only if the answer is good; a higher limit is asked for only where it would help."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from made_benches import searched_low
from made_reports import accounting, bottleneck, counted, hint, part, report, throughput
from screen_texts import answer_text, aside_text

from analysis.findings import BottleneckSign, DelaySplit, FaultBand, Hint, LimitName
from analysis.first_screen.quoting import plain_text
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.model import RunReport
from analysis.objectives.grammar import Measure
from analysis.render import tables_findings

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
    def asks(sender_s: float, marketing_s: float = 700.0) -> bool:
        made = part(p95_s={"marketing": marketing_s}, bottlenecks=(bottleneck(kind="provider_limit"),))
        splits = tuple(with_shares(one, contract=100.0, sender=sender_s) for one in made.delay_splits)
        return "Ask for a higher limit" in aside_text(report(replace(made, delay_splits=splits)), "ask")

    assert asks(sender_s=0.1)
    assert asks(sender_s=0.1, marketing_s=599.0)  # undecided
    assert not asks(sender_s=110.0)
    assert not asks(sender_s=0.1, marketing_s=300.0)  # every objective is met, with room


def in_force(
    *signs: BottleneckSign, limits: tuple[LimitName, ...], sender_s: float = 0.1, **more: Any
) -> RunReport:
    """A missed part at the provider's limit. An ideal sender's longest waits are for ``limits``."""
    first = bottleneck(kind="provider_limit", text="the provider's limit", signs=signs)
    made = part(p95_s={"marketing": 700.0}, bottlenecks=(first,), **more)
    (otp, *others) = (
        replace(with_shares(one, contract=100.0), limit="as text", limit_names=limits, total_mean_s=200.0)
        for one in made.delay_splits
    )
    return report(replace(made, delay_splits=(with_shares(otp, sender=sender_s), *others)))


REQUESTS: BottleneckSign = "limit_of_requests"
QUEUE: BottleneckSign = "limit_of_accept_queue"
CONCURRENCY: BottleneckSign = "limit_of_concurrency"


@pytest.mark.parametrize(
    ("signs", "limits", "asked"),
    [
        ((REQUESTS,), ("accept_queue",), False),  # the real sender waited for another limit
        ((REQUESTS,), ("requests",), True),
        ((QUEUE,), ("accept_queue",), True),
        ((QUEUE,), ("segments",), False),
        ((REQUESTS, QUEUE), ("accept_queue",), True),
        ((REQUESTS,), ("requests", "accept_queue"), True),
        ((CONCURRENCY,), ("concurrency",), True),
        ((CONCURRENCY,), ("requests",), False),
        ((REQUESTS,), ("carrier",), False),
        ((), ("carrier",), True),
        ((REQUESTS,), (), True),
    ],
)
def test_a_higher_limit_is_asked_for_only_if_the_bottleneck_names_it(
    signs: tuple[BottleneckSign, ...], limits: tuple[LimitName, ...], asked: bool
) -> None:
    made = in_force(*signs, limits=limits)
    assert ("Ask for a higher limit" in aside_text(made, "ask")) is asked


@pytest.mark.parametrize(
    ("signs", "contract_s", "sustained", "paced"),
    [
        (("contract_obeyed",), 0.0, True, True),
        (("contract_obeyed",), 100.0, True, False),
        (("contract_obeyed",), 0.0, False, False),
        ((), 0.0, True, False),
    ],
)
def test_a_higher_rate_is_not_advised_if_the_contract_delays_nothing(
    signs: tuple[BottleneckSign, ...], contract_s: float, sustained: bool, paced: bool
) -> None:
    made = in_force(*signs, limits=("requests",), sustained=sustained).parts[0]
    splits = tuple(with_shares(each, contract=contract_s, sender=70.0) for each in made.delay_splits)
    screen = first_screen(report(replace(made, delay_splits=splits)))
    said = " ".join(as_text(each) for each in screen.bottleneck)
    assert ("the sender's own pacing at the contract's limit" in said) is paced
    assert ("negotiate a higher rate" in said) is not paced


def test_a_higher_limit_is_not_asked_for_while_another_class_waits_longer_for_the_sender() -> None:
    made = in_force(QUEUE, limits=("accept_queue",), sender_s=101.0)
    assert "Ask for a higher limit" not in aside_text(made, "ask")


def test_batches_are_advised_where_the_limit_is_one_of_requests() -> None:
    """Not if most requests were refused: the sender repeats them too early."""
    single = (hint(name="one_message_per_request"),)
    batches = "What to change: send many messages in one request"

    def advice(*signs: BottleneckSign, **more: Any) -> str:
        screen = first_screen(in_force(*signs, limits=("accept_queue",), **more))
        return " ".join(as_text(each) for each in screen.bottleneck)

    assert batches in advice(REQUESTS, hints=single)
    assert "negotiate" not in advice(REQUESTS, hints=single)
    assert "negotiate a higher rate" in advice(REQUESTS)  # it has batches already
    others: tuple[BottleneckSign, ...] = (QUEUE, "limit_of_segments", CONCURRENCY)
    for other in others:
        assert "negotiate a higher rate" in advice(REQUESTS, other, hints=single)
    for sign in (REQUESTS, QUEUE):
        said = advice("most_refused", sign, hints=single)
        assert "What to change: wait some time after a refusal" in said
        assert "Retry-After" not in said
        assert "What to change: wait for the Retry-After of a refusal" in advice(
            "most_refused", "retry_after", sign, hints=single
        )


@pytest.mark.parametrize("measure", ["availability", "not_taken"])
def test_a_higher_limit_is_asked_for_if_messages_are_not_taken(measure: Measure) -> None:
    made = part(bottlenecks=(bottleneck(kind="provider_limit"),))
    splits = tuple(with_shares(one, contract=1.0) for one in made.delay_splits)
    for count in (0, 12):
        judged = (*made.objectives, counted(measure, "as text", count))
        screen = aside_text(report(replace(made, delay_splits=splits, objectives=judged)), "ask")
        assert ("Ask for a higher limit" in screen) is (count > 0)


ON_LIMITS = {"throttled": "500 submits were refused", "queued_at_provider": "30 otp messages waited"}
OUTAGE = FaultBand(name="slow", kind="rate_reduction", title="slow", from_s=1.0, to_s=2.0, messages=3)


@pytest.mark.parametrize("name", ON_LIMITS)
def test_what_the_limits_did_during_a_fault_is_not_blamed_on_the_contract(name: str) -> None:
    told = plain_text(ON_LIMITS[name])
    made = part("a", title="with faults", faults=(OUTAGE,), hints=(Hint(name, ON_LIMITS[name], 30),))
    assert told not in aside_text(report(made), "ask")
    without = replace(made, slug="b", faults=(), identity=replace(made.identity, title="without faults"))
    said = aside_text(report(made, without), "ask")
    assert said == f"Part: without faults. {told}."  # the part is named, if there are several
    assert aside_text(report(without), "ask") == f"{told}."


def test_a_hint_that_no_fault_changes_is_taken_from_a_part_without_faults_first() -> None:
    faulty = part("a", title="with faults", faults=(OUTAGE,), hints=(hint(),))
    assert aside_text(report(faulty), "ask") == f"{hint().text}."
    assert aside_text(report(faulty, part("b", title="quiet", hints=(hint(),))), "ask").startswith(
        "Part: quiet. "
    )


def test_a_higher_limit_is_not_asked_for_where_no_limit_was_reached() -> None:
    made = part()
    splits = tuple(with_shares(one, contract=1.0, sender=0.1) for one in made.delay_splits)
    screen = aside_text(report(replace(made, delay_splits=splits)), "ask")
    assert "Ask for a higher limit" not in screen


def test_the_higher_limit_is_asked_for_with_a_class_that_is_missed() -> None:
    at_limit = bottleneck(kind="provider_limit")
    made = part(p95_s={"marketing": 700.0}, bottlenecks=(at_limit,))
    splits = tuple(with_shares(one, contract=one.total_mean_s / 2) for one in made.delay_splits)
    refused = counted("not_taken", "not taken", 12)
    made = replace(made, delay_splits=splits, objectives=(*made.objectives, refused))
    earlier = part("01-quiet", bottlenecks=(at_limit,), delay_splits=splits)
    for shown in (report(made), report(earlier, made)):
        assert "delivery time of the delivered marketing messages" in aside_text(shown, "ask")
        assert "delivered OTPs" not in aside_text(shown, "ask")


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


REFERENCE = {"name": "reference_sender", "kind": "reference_sender"}


@pytest.mark.parametrize(("target", "own"), [({"name": "x", "kind": "http"}, True), (REFERENCE, False)])
def test_advice_to_run_a_command_tests_the_sender_of_this_run(target: dict[str, str], own: bool) -> None:
    made = report(part(target=target, messages_per_day=None))
    for name, command in (
        ("ten_times", "smsbench run bench"),
        ("wrong", "smsbench run burst --profile bad-day"),
    ):
        assert f"{command} --target FILE" in answer_text(made, name) or not own
        assert answer_text(made, name).count("--target") == own and command in answer_text(made, name)


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("my-sender.toml", "my-sender.toml"),
        ("my sender.toml", "'my sender.toml'"),
        ("/srv/p95/sender2.toml", "/srv/p95/sender2.toml"),
    ],
)
def test_advice_names_the_target_file_of_this_run(file: str, shown: str) -> None:
    made = report(part(target={"name": "x", "kind": "http", "file": file}, messages_per_day=None))
    assert f"smsbench run bench --target {shown}" in answer_text(made, "ten_times")
    assert "FILE" not in answer_text(made, "ten_times") + answer_text(made, "wrong")
    assert contradictions(first_screen(made), made) == ()  # a digit of the path is no figure


def test_the_cost_of_one_mode_is_not_that_of_the_run() -> None:
    live, simulated = part("a"), part("b", mode="simulated")
    assert aside_text(report(live, simulated), "cost").startswith("Live: 0.")
    assert aside_text(report(live), "cost").startswith("0.")


@pytest.mark.parametrize(("window", "said"), [("peak", "at its peak, run"), ("day", "on average, run")])
def test_the_rate_of_a_slice_around_the_peak_is_that_of_the_peak(window: str, said: str) -> None:
    made = report(part("a"), part("b", messages_per_day=5_000_000, window=window))
    assert f"5 million a day, 50.0/s {said} live" in answer_text(made, "ten_times")


@pytest.mark.parametrize(("per_message", "shown"), [(1.425, "1.425"), (2.0, "2.00"), (500 / 351.3, "1.423")])
def test_a_reader_can_compute_the_contracts_rate(per_message: float, shown: str) -> None:
    rates = throughput(contract_segments_per_s=500.0, contract_per_s=500.0 / per_message)
    made = part("run", throughput=rates)
    made = replace(made, cost=replace(made.cost, segments_per_message=per_message))
    said = answer_text(report(made), "rate")
    assert f"(500 segments/s at {shown} per message)" in said
    assert f"at most {500 / float(shown):.0f}/s" in said


def test_messages_that_are_in_no_delivery_time_are_explained() -> None:
    made = part()
    said = answer_text(report(made), "delivery")
    assert "1,000 messages to other phones." in said  # of 1,000 accepted: none is left
    fewer = tuple(replace(each, count=946) for each in made.delivery)
    said = answer_text(report(replace(made, delivery=fewer)), "delivery")
    why = "the rest failed in the network, at the phone or for their content."
    assert f"946 messages to other phones; {why}" in said


def test_totals_say_that_counterparts_are_left_out() -> None:
    counterpart = part("b", mode="simulated", decides_verdict=False)
    names = [column.name for column in tables_findings.totals(report(part("a"), counterpart)).columns]
    assert names == ["", "live parts that decide"]
    assert tables_findings.totals(report(part("a"))).columns[1].name == "live parts"


def test_reports_without_an_answer_are_named_beside_any_other_hints() -> None:
    others = tuple(Hint(name, f"hint {name}", 9) for name in ("a", "b", "otp_without_priority"))
    refused = Hint("reports_not_confirmed", "The sender did not confirm 30 reports", 30)
    said = aside_text(report(part(hints=(*others, refused))), "ask")
    assert said == "hint otp_without_priority. The sender did not confirm 30 reports."
