"""The sentences of the first screen on messages that the sender did not take, or that did not arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_reports import accounting, bottleneck, counted, part, report, throughput, timed
from page_reading import disagreements, rendered
from screen_texts import answer_text, aside_text

from analysis.findings import Availability, BottleneckKind
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen as screen_of
from analysis.first_screen.values import as_text
from analysis.objectives.grammar import Measure

replace = msgspec.structs.replace


MORE = " More objectives were missed: the table below lists them."  # here: the delivery time of OTPs


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ((), "my-sender did not accept every message. 201 of 300 messages got no usable answer."),
        (
            ("sender_cpu",),
            "my-sender did not accept every message. 201 of 300 messages got no usable answer.",
        ),
        (("sender_stopped",), "it is sender_stopped. 201 of 300 messages got no usable answer."),
        (("machine", "sender_stopped"), "it is sender_stopped. 201 of 300 messages got no usable answer."),
        (("sender_refuses",), "it is sender_refuses. 201 of 300 messages got no usable answer."),
    ],
)
def test_no_claims_a_lower_rate_only_of_a_sender_that_continued_at_it(
    kinds: tuple[BottleneckKind, ...], why: str
) -> None:
    few = accounting(planned=300, accepted=99, failed_at_api=201, delivered=99)
    named = tuple(bottleneck(kind=kind, text=f"it is {kind}") for kind in kinds)
    made = report(part(p95_s={"otp": 14.0}, accounting=few, bottlenecks=named))
    assert as_text(screen_of(made).why) == f"{why}{MORE}"


@pytest.mark.parametrize("stop_share", [0.1, 1.0])
def test_a_stop_is_named_first_if_it_explains_as_much_of_the_load(stop_share: float) -> None:
    """The verdict and the answer on the rate name the same one; a stop is named in any case."""
    few = accounting(planned=300, accepted=99, failed_at_api=201, delivered=99)
    slow = bottleneck(kind="sender_concurrency", text="too few requests", share_of_load=0.8)
    stop = bottleneck(kind="sender_stopped", text="it stopped", share_of_load=stop_share)
    made = report(part(p95_s={"otp": 14.0}, accounting=few, bottlenecks=(slow, stop), sustained=False))
    screen = screen_of(made)
    first, told = ("it stopped", False) if stop_share == 1.0 else ("too few requests", True)
    assert f"Bottleneck: {first}." in answer_text(screen, "rate")
    said = [as_text(each) for each in screen.bottleneck]
    assert as_text(screen.why).startswith("it stopped") != told
    assert said[0].startswith("Bottleneck: too few requests (" if told else "Evidence: ")
    assert any(each.startswith("Bottleneck: it stopped (") for each in said) == told


def test_one_message_that_was_not_taken_has_a_verb_of_its_own() -> None:
    few = accounting(planned=300, accepted=199, refused=1, dropped=1, failed_at_api=99, delivered=199)
    said = as_text(screen_of(report(part(accounting=few, p95_s={"otp": 14.0}))).why)
    assert said.endswith(
        "1 of 300 messages was refused, 99 got no usable answer, "
        f"1 was not sent because too many requests were unanswered at the same time.{MORE}"
    )


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("sender_api", "answer when the message is queued"),
        ("sender_refuses", "find the cause of the refusals in the sender's log and fix it."),
        ("sender_stopped", "look in the sender's log for the error"),
    ],
)
def test_refusals_do_not_get_the_advice_for_slowness(kind: BottleneckKind, advice: str) -> None:
    few = accounting(planned=300, accepted=99, refused=201, delivered=99)
    made = report(part(accounting=few, p95_s={"otp": 14.0}, bottlenecks=(bottleneck(kind=kind),)))
    assert as_text(screen_of(made).bottleneck[1]).startswith(f"What to change: {advice}")


def test_refused_phone_numbers_have_a_sentence_of_their_own() -> None:
    few = accounting(accepted=2_995, delivered=2_995, refused=5, refused_recipients=5)
    screen = screen_of(report(part(accounting=few)))
    assert screen.word == "YES"
    assert "5 messages were refused because the provider refuses the phone number" in answer_text(
        screen, "wrong"
    )
    assert "phone number" not in answer_text(screen_of(report(part())), "wrong")


@pytest.mark.parametrize(
    ("refused", "numbers", "listed"),
    [
        (25, 25, "100 of 3,000 messages got no usable answer."),
        (25, 0, "25 of 3,000 messages were refused, 100 got no usable answer."),
        (
            25,
            10,
            "25 of 3,000 messages were refused (10 of them for a phone number that the provider refuses), "
            "100 got no usable answer.",
        ),
    ],
)
def test_refused_phone_numbers_are_no_failure_of_the_sender_in_the_headline(
    refused: int, numbers: int, listed: str, tmp_path: Path
) -> None:
    few = accounting(accepted=2_875, refused=refused, refused_recipients=numbers, failed_at_api=100)
    made = report(part(p95_s={"otp": 14.0}, accounting=few))
    screen = screen_of(made)
    assert as_text(screen.why).endswith(f"{listed}{MORE}")
    assert contradictions(screen, made) == ()
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def test_a_delay_without_a_limit_of_the_rate_is_named_beside_the_rate() -> None:
    held = bottleneck(kind="sender_hold", text="messages wait 3.00 s in my-sender")
    made = report(part(bottlenecks=(held,)))
    screen = screen_of(made)
    said = answer_text(screen, "rate")
    assert "No limit was reached" not in said
    assert "messages were delayed: messages wait 3.00 s in my-sender" in said
    assert contradictions(screen, made) == ()
    plain = report(part())
    free = screen_of(plain)
    assert "No limit was reached" in answer_text(free, "rate")
    wrong = replace(plain, parts=(replace(plain.parts[0], bottlenecks=(held,)),))
    assert any("no limit is said" in each for each in contradictions(free, wrong))


@pytest.mark.parametrize("kind", ["sender_hold", "sender_api", "provider_fault"])
@pytest.mark.parametrize("otp_s", [8.0, 10.0, 14.0])  # met, undecided, missed
@pytest.mark.parametrize(
    ("changed", "limits"),
    [
        ({}, False),
        ({"sustained": None}, False),  # a load too short to show growth
        ({"sustained": None, "throughput": throughput(shortfall_share=0.3)}, True),
        ({"sustained": False}, True),
        ({"accounting": accounting(refused=300, accepted=2_700)}, True),
    ],
)
def test_a_delay_limits_the_rate_only_if_the_load_was_not_carried(
    kind: BottleneckKind, otp_s: float, changed: dict[str, Any], limits: bool
) -> None:
    late = bottleneck(kind=kind, text="messages wait 3.00 s in my-sender")
    made = report(part(p95_s={"otp": otp_s}, bottlenecks=(late,), **changed))
    screen = screen_of(made)
    said = answer_text(screen, "rate")
    assert ("Bottleneck: messages wait 3.00 s" in said) is limits
    assert ("But messages were delayed: messages wait 3.00 s" in said) is not limits
    assert ("at least 54.0/s" in said) is not limits
    assert contradictions(screen, made) == ()


@pytest.mark.parametrize(("kind", "claimed"), [("machine", False), ("sender_cpu", True)])
def test_at_most_is_not_claimed_where_the_machine_was_the_bottleneck(
    kind: BottleneckKind, claimed: bool
) -> None:
    few = accounting(planned=3_000, accepted=1_000, refused=2_000)
    made = part(
        accounting=few,
        throughput=throughput(accepts_at_most=True),
        bottlenecks=(bottleneck(kind=kind, text="every rate is a lower bound"),),
    )
    refused = replace(counted("not_taken", "not taken", 2_000), decides=True)
    said = as_text(screen_of(report(replace(made, objectives=(refused,)))).why)
    assert ("my-sender accepts at most 55.0/s" in said) is claimed
    assert said.endswith("2,000 of 3,000 messages were refused.")


@pytest.mark.parametrize(
    ("kind", "otp_s", "shown"),
    [
        *(("sender_api", 8.0, 1), ("sender_api", 10.0, 1), ("sender_api", 14.0, 1)),
        *(("sender_cpu", 8.0, 0), ("sender_cpu", 10.0, 1), ("sender_cpu", 14.0, 1)),
    ],
)
def test_the_evidence_of_the_cause_is_on_the_screen_once(
    kind: BottleneckKind, otp_s: float, shown: int
) -> None:
    """Beside the rate of an undecided run, and in the sentence on the bottleneck of a NO. A YES has that of a
    delay, which no objective limits.
    """
    slow = bottleneck(kind=kind, evidence=("41 requests waited", "of a core"))
    screen = screen_of(report(part(p95_s={"otp": otp_s}, bottlenecks=(slow,))))
    above = " ".join(as_text(each) for each in screen.bottleneck)
    everywhere = above + answer_text(screen, "rate")
    assert everywhere.count("(41 requests waited; of a core)") == shown
    assert ("41 requests" in above) is (otp_s > 10.0)


@pytest.mark.parametrize(("accepted", "other"), [(0, ""), (200, " other")])
def test_other_messages_are_named_only_beside_accepted_ones(accepted: int, other: str) -> None:
    sent = accounting(accepted=accepted, delivered=accepted, failed_at_api=800, delivered_unacknowledged=600)
    screen = screen_of(report(part(accounting=sent)))
    assert f"600{other} messages were delivered and paid for" in answer_text(screen, "wrong")
    assert f"600{other} messages were delivered without being" in answer_text(screen, "rate")


@pytest.mark.parametrize(
    ("windows", "available", "unknown", "said"),
    [
        (1, 0, 1, "Availability is unknown: in some the load is too short."),
        (4, 3, 1, "in 3 of 4 windows of 10 s, and 1 unknown: in some the load is too short."),
        (4, 3, 0, "The sender was not available in 1 of 4 windows of 10 s: in some the load is too short."),
        (4, 0, 0, "The sender was not available in 4 of 4 windows of 10 s: in some the load is too short."),
        (4, 1, 1, "was not available in 2 of 4 windows of 10 s, and 1 unknown: in some the load is too"),
    ],
)
def test_a_window_that_is_not_judged_is_not_counted_as_bad(
    windows: int, available: int, unknown: int, said: str
) -> None:
    judged = Availability(
        windows=windows,
        available=available,
        unavailable=windows - available - unknown,
        unknown=unknown,
        window_s=10.0,
        first_bad_at_s=None,
        why="in some the load is too short",
    )
    good = replace(judged, windows=4, available=4, unknown=0, why="")
    made = report(part("a", availability=good), part("b", availability=judged))
    assert said in answer_text(screen_of(made), "wrong")


def test_a_class_of_which_nothing_was_accepted_has_a_row() -> None:
    gone = replace(
        timed("otp", None, 20.0),
        quantile=None,
        measured="no message accepted (91 refused)",
        why="no message accepted (91 refused)",
        needs="accepted messages",
    )
    made = report(part(), objectives=(gone, timed("marketing", 3.0, 600.0)))
    screen = screen_of(made)
    said = answer_text(screen, "delivery")
    assert "OTP" in said and "no message accepted (91 refused)" in said and "limit 20 s" in said
    assert as_text(screen.why).startswith(
        "No objective was missed. OTP: 95 % within 20 s is undecided: no message accepted (91 refused)"
    )


@pytest.mark.parametrize(
    ("accepted", "why"),
    [
        (300, "my-sender accepted 300 messages; none reached the provider"),
        (301, "my-sender accepted 301 messages; 300 of them never reached the provider"),
    ],
)
def test_all_messages_that_never_reached_the_provider_are_none(accepted: int, why: str) -> None:
    few = accounting(planned=accepted, accepted=accepted, delivered=accepted - 300, unaccounted=300)
    screen = screen_of(report(part(accounting=few)))
    assert as_text(screen.why).startswith(why)


def test_a_cost_without_a_delivery_is_named() -> None:
    made = report(part(accounting=accounting(delivered=0, failed=3_000)))
    (totals,) = made.totals
    assert totals.paid and totals.paid_per_delivered is None
    assert "paid, and no message was delivered" in aside_text(screen_of(made), "cost")


@pytest.mark.parametrize(
    ("otp_s", "held", "unseen", "told"),
    [
        (4.0, 0, 0, ""),
        (14.0, 0, 0, MORE),
        (4.0, 0, 121, " 121 accepted messages never reached the provider."),
        (4.0, 21, 121, " 100 accepted messages never reached the provider."),
        (14.0, 0, 121, f" 121 accepted messages never reached the provider.{MORE}"),
    ],
)
def test_a_headline_on_messages_that_were_not_taken_names_worse_results(
    otp_s: float, held: int, unseen: int, told: str
) -> None:
    few = accounting(
        planned=1_800, accepted=1_758, failed_at_api=42, delivered=1_600, unaccounted=unseen, still_held=held
    )
    made = part(p95_s={"otp": otp_s}, accounting=few)
    judged = [counted("not_taken", "42", 42), counted("availability", "90 %", 1)]
    if unseen:
        judged.append(replace(counted("unaccounted", "as text", unseen), low=unseen - held))
    others = (each for each in made.objectives if each.measure != "unaccounted")
    made = replace(made, objectives=(*others, *judged))
    screen = screen_of(report(made))
    assert as_text(screen.why).partition("42 of 1,800 messages got no usable answer.")[2] == told


def test_a_sender_that_did_not_take_all_messages_does_not_sustain_the_rate() -> None:
    """The user allows it, so every objective is met."""
    few = accounting(planned=3_000, accepted=1_500, refused=1_500, delivered=1_500)
    made = part(accounting=few)
    plain = replace(made, identity=replace(made.identity, messages_per_day=None))
    for each in (made, plain):
        screen = screen_of(report(each))
        assert as_text(screen.why) == (
            "my-sender met every objective at 50.0/s, but it took 1,500 of 3,000 messages: "
            "it does not sustain that rate."
        )
        assert contradictions(screen, report(each)) == ()


@pytest.mark.parametrize(
    ("found", "limit", "agrees"),
    [
        ({"unaccounted": 5}, ("unaccounted", 5.0), True),
        ({"unaccounted": 6}, ("unaccounted", 5.0), False),
        ({"given_up": 5}, ("loss", 5.0), True),
        ({"given_up": 5}, ("unaccounted", 5.0), False),
    ],
)
def test_a_yes_agrees_with_messages_that_the_objectives_allow_to_be_missing(
    found: dict[str, int], limit: tuple[Measure, float], agrees: bool
) -> None:
    measure, allowed = limit
    objective = replace(counted(measure, measure, 0), limit_value=allowed)
    made = report(part(accounting=accounting(**found), objectives=(objective,)))
    screen = screen_of(made)
    assert screen.word == "YES"
    said = [text for text in contradictions(screen, made) if text.startswith("YES")]
    assert said == (
        [] if agrees else ["YES, but more messages are lost or unaccounted than the objectives allow"]
    )


@pytest.mark.parametrize(("otp_s", "shown"), [(8.0, True), (14.0, False)])  # met, missed
def test_a_delay_that_limits_nothing_has_its_figure_on_the_first_screen(otp_s: float, shown: bool) -> None:
    """Each answer took 5 s, and no default limits that. A NO has the figure with its cause."""
    late = bottleneck(
        kind="sender_api",
        text="my-sender's API answers too slowly",
        evidence=("the median request waited 5.00 s",),
    )
    made = report(part(p95_s={"otp": otp_s}, bottlenecks=(late,)))
    screen = screen_of(made)
    said = "But messages were delayed: my-sender's API answers too slowly (the median request waited 5.00 s)"
    assert (said in answer_text(screen, "rate")) is shown
    assert contradictions(screen, made) == ()


@pytest.mark.parametrize(
    ("kind", "api", "hint"),
    [("sender_api", False, True), ("sender_api", True, False), ("sender_hold", False, False)],
)
def test_a_slow_api_without_an_objective_names_the_option_for_one(
    kind: BottleneckKind, api: bool, hint: bool
) -> None:
    late = bottleneck(kind=kind, text="my-sender's API answers too slowly", evidence=("it waited 5.00 s",))
    judged = (timed("otp", 8.0, 15.0), *((replace(timed("api", 0.5, 1.0), measure="api_response"),) * api))
    said = answer_text(report(part(objectives=judged, bottlenecks=(late,))), "rate")
    assert "But messages were delayed" in said
    assert ("(to set one: smsbench report --slo with api, docs/objectives.md)" in said) is hint
