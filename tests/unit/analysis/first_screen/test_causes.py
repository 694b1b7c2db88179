"""The cause that a NO names: a bottleneck only for what a bottleneck can cause, and advice for each cause."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_objectives import missed
from made_parts import OWN, found
from made_reports import accounting, bottleneck, counted, part, report
from page_reading import disagreements, rendered
from run_builder import Build
from screen_texts import answer_text

from analysis.findings import GREW as BACKLOG_GREW
from analysis.findings import (
    NETWORK_EXPIRES,
    NETWORK_LOSES,
    PROVIDER_ERRORS,
    THE_NETWORK,
    Availability,
    BottleneckSign,
    ReachKind,
)
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.model import Objective, PartReport, Reasons, RunReport

replace = msgspec.structs.replace
FAST_LANE = {"delivery": {"priority_latency": {"kind": "fixed", "value_s": 1.0}}}
LIMIT = bottleneck(kind="provider_limit", text="the provider's limit")
LOSSY = bottleneck(kind="network", text=f"{THE_NETWORK}: {NETWORK_LOSES}", signs=("network_loses",))
NO_NETWORK = (
    Reasons(source="sender API", reason="refused: HTTP 503", count=90, accepted=0),
    Reasons(source="provider", reason="undelivered: network_error", count=30, accepted=30),
)
DELIVERED = missed("delivered", "> 99 %", "98 %", 0.99)
CHEAP = missed("cost_per_1000", "< 100", "167 points", 100.0)
TWICE = missed("duplicates", "0", "19", 0.0)
OWN_CAUSE = "Cause: my-sender submitted 19 messages more than once"
OF_COST = (
    "Cause: the 3,100 segments cost 500 PLN, of which 5.00 PLN for messages that failed or expired and 0 PLN "
    "for duplicates. What to change: fewer segments"
)
OF_REASONS = (
    "Cause: of all 3,000 accepted messages 30 failed, 0 expired and 0 were still open at the end. "
    "The most frequent reason: the network failed (provider, undelivered: network_error, 30). "
    "The table Why messages did not arrive has every reason."
)


def of(made: RunReport, tmp_path: Path | None = None) -> str:
    screen = first_screen(made)
    assert screen.word == "NO" and contradictions(screen, made) == ()
    if tmp_path is not None:
        page, _, summary = rendered(made, tmp_path)
        assert disagreements(page, summary) == []
    return " ".join(as_text(each) for each in screen.bottleneck)


def lossy(**changed: Any) -> Any:
    return accounting(delivered=2_970, failed=30, duplicates=19, **changed)


@pytest.mark.parametrize("limited", [(), (LIMIT,)])
@pytest.mark.parametrize(
    ("objective", "cause"),
    [
        (TWICE, OWN_CAUSE),
        (CHEAP, OF_COST),
        (DELIVERED, OF_REASONS),
        (counted("loss", "lost messages", 3), ""),
        (counted("unaccounted", "never seen", 3), ""),
    ],
)
def test_a_cause_of_another_kind_is_no_bottleneck(
    objective: Objective, cause: str, limited: tuple[Any, ...], tmp_path: Path
) -> None:
    made = part(
        objectives=(objective,),
        bottlenecks=limited,
        reasons=NO_NETWORK,
        accounting=lossy(lost=3, unaccounted=3),
    )
    said = of(report(made), tmp_path)
    assert said.startswith(cause) and "Bottleneck" not in said


@pytest.mark.parametrize(
    "objective",
    [
        missed("availability", "> 99 %", "0 %", 0.99),
        missed("api_response", "< 500 ms", "1.51 s", 0.5),
        counted("not_taken", "not taken", 3),
    ],
)
def test_a_bottleneck_is_the_cause_of_what_waits_or_is_not_taken(objective: Objective) -> None:
    limited = of(report(part(objectives=(objective,), bottlenecks=(LIMIT,))))
    assert limited.startswith("Bottleneck: the provider's limit")
    unknown = of(report(part(objectives=(objective,))))
    assert unknown == "Bottleneck: unknown. The samples of this run do not show it."


@pytest.mark.parametrize(
    "objective", [TWICE, CHEAP, DELIVERED, missed("api_response", "< 1 s", "1.51 s", 1.0)]
)
def test_the_bottleneck_of_another_part_is_no_cause(objective: Objective) -> None:
    calm = part("01-calm", title="calm", objectives=(objective,), reasons=NO_NETWORK, accounting=lossy())
    said = of(report(calm, part("02-crowd", title="crowd", bottlenecks=(LIMIT,))))
    assert "the provider's limit" not in said and "negotiate" not in said


def test_messages_that_were_not_taken_have_their_bottleneck_whatever_was_missed() -> None:
    few = accounting(planned=6_000, refused=3_000, duplicates=19)
    made = report(part(objectives=(TWICE,), accounting=few, bottlenecks=(bottleneck(),)))
    said = of(made)
    assert as_text(first_screen(made).why).startswith("my-sender's API. 3,000 of 6,000 messages ")
    assert said.startswith("Evidence: all 2,000 requests waited for it; ") and OWN_CAUSE in said


def test_what_the_headline_says_is_said_once() -> None:
    """The naive sender's page named its API and the counts of its messages in two lines each."""
    counts = "of 6,000 messages: 3,000 timed out"
    few = accounting(planned=6_000, failed_at_api=3_000)
    api = bottleneck(
        text="my-sender's API answers too slowly", evidence=(counts, "the median took 30.0 s"), counts=counts
    )
    made = report(part(objectives=(counted("not_taken", "x", 3_000),), accounting=few, bottlenecks=(api,)))
    headline = as_text(first_screen(made).why)
    assert headline == "my-sender's API answers too slowly. 3,000 of 6,000 messages got no usable answer."
    assert of(made).startswith("Evidence: the median took 30.0 s. What to change: ")
    only_counts = replace(made.parts[0], bottlenecks=(replace(api, evidence=(counts,)),))
    assert of(report(only_counts)).startswith("What to change: ")


def test_the_limit_that_the_headline_names_is_named_once(tmp_path: Path) -> None:
    windows = Availability(
        windows=9,
        available=5,
        unavailable=4,
        window_s=10.0,
        first_bad_at_s=0.0,
        why=BACKLOG_GREW,
        only_grew=True,
    )
    limited = replace(LIMIT, evidence=("its accept queue had 3.1 s of work",))
    objective = missed("availability", "> 99 %", "55.6 %", 0.99)
    made = report(part(objectives=(objective,), bottlenecks=(limited,), availability=windows))
    assert of(made, tmp_path).startswith("Evidence: its accept queue had 3.1 s of work. What to change: ")
    assert "(the provider's limit): in 4 of 9 windows of 10 s the backlog" in as_text(first_screen(made).why)
    assert answer_text(made, "wrong").endswith("The sender was not available in 4 of 9 windows of 10 s.")


@pytest.mark.parametrize(
    ("reason", "limits", "named"),
    [
        ("undelivered: network_error", (LIMIT, LOSSY), LOSSY.text),
        ("expired: validity_passed", (LIMIT,), LIMIT.text),
        ("expired: handset_off", (LIMIT,), ""),
    ],
)
def test_a_bottleneck_that_keeps_messages_from_their_phones_is_named(
    reason: str, limits: tuple[Any, ...], named: str
) -> None:
    why = (Reasons(source="provider", reason=reason, count=30, accepted=30),)
    said = of(report(part(objectives=(DELIVERED,), accounting=lossy(), reasons=why, bottlenecks=limits)))
    assert f" (provider, {reason}, 30)" in said
    assert said.startswith(f"Bottleneck: {named}" if named else "Cause: of ")
    assert said.count("Bottleneck: ") == bool(named)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            "undelivered: absent_subscriber",
            "the phone was off or out of coverage (provider, undelivered: absent_subscriber, 30)",
        ),
        ("undelivered: code_7", "one that the provider names (provider, undelivered: code_7, 30)"),
        ("rejected: spam", "rejected: spam (provider, 30)"),
        ("failed", "failed (provider, 30)"),
    ],
)
def test_the_reason_of_messages_that_did_not_arrive_is_in_plain_words(reason: str, shown: str) -> None:
    why = (Reasons(source="provider", reason=reason, count=30, accepted=30),)
    said = of(report(part(objectives=(DELIVERED,), accounting=lossy(), reasons=why)))
    assert f"The most frequent reason: {shown}. " in said


def test_the_most_frequent_reason_is_one_of_accepted_messages() -> None:
    why = (
        Reasons(source="provider", reason="rejected: no_valid_recipient", count=90, accepted=2),
        Reasons(source="provider", reason="undelivered: network_error", count=40, accepted=30),
    )
    said = of(report(part(objectives=(DELIVERED,), accounting=lossy(), reasons=why)))
    assert "The most frequent reason: the network failed (provider, undelivered: network_error, 30). " in said


def slow(new_run: Build, message_class: str = "otp", **manifest: Any) -> PartReport:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 80.0, message_class=message_class)
    made: PartReport = found(run, target={**OWN, **manifest.pop("target", {})}, **manifest)
    return made


def test_otps_without_the_flag_are_to_be_sent_with_it(new_run: Build, tmp_path: Path) -> None:
    made = slow(new_run, profile=FAST_LANE)
    assert "otp_without_priority" in [each.name for each in made.hints]
    said = of(report(made), tmp_path)
    assert (
        "Without the provider's priority flag (300 of 300 messages), this objective is out of reach" in said
    )
    assert "Bottleneck" not in said  # it is the network, of which the sentence above speaks
    assert said.endswith("What to change: send OTPs with the provider's priority flag.")


def test_other_classes_need_a_contract_that_allows_the_flag(new_run: Build) -> None:
    made = slow(new_run, "transactional", profile=FAST_LANE)
    assert "What to change: the provider's priority flag, if the contract allows it" in of(report(made))


def test_one_of_several_routes_is_not_every_network(new_run: Build) -> None:
    made = slow(new_run, target={"routes": ["direct", "cheap"]})
    assert of(report(made)).endswith(
        "send these messages by the fastest of the routes, or ask for a faster one."
    )


def test_no_sender_is_faster_than_its_network(new_run: Build) -> None:
    made = report(slow(new_run))
    said = of(made)
    assert said.startswith("No sender can meet this objective on this profile: the network alone takes ")
    assert "Bottleneck" not in said and "But messages were delayed" not in answer_text(made, "rate")
    assert said.endswith("nothing in the sender, since the network takes the time. Ask for a faster route.")


def test_a_slow_network_is_no_cause_of_messages_that_were_not_taken(new_run: Build, tmp_path: Path) -> None:
    """The page advised the priority flag to an overloaded sender. It cures none of the timeouts."""
    run = new_run("run")
    for slot in range(300):
        if slot % 5 == 0:
            run.due(f"m-{slot}", slot / 10, "failed", error="timeout")
        else:
            run.journey(f"m-{slot}", slot / 10, 80.0, api_s=5.0)
    slow_network = found(run, target={**OWN, "timeout_s": 10.0}, profile=FAST_LANE)
    made = report(slow_network)
    said, rate = of(made, tmp_path), answer_text(made, "rate")
    assert "network_alone" in {each.reach_kind for each in made.objectives}
    assert as_text(first_screen(made).why).endswith(
        "60 of 300 messages got no usable answer. More objectives were missed: the table below lists them."
    )
    assert said.startswith("Bottleneck: my-sender's API answers too slowly (") and "network" not in said
    assert "What to change: answer when the message is queued" in said and "flag" not in said
    assert "Bottleneck: my-sender's API answers too slowly." in rate and "network" not in rate
    alone = [each for each in slow_network.bottlenecks if each.kind == "network"]
    assert of(report(replace(slow_network, bottlenecks=tuple(alone)))).startswith("Bottleneck: unknown. ")


@pytest.mark.parametrize(("ordered", "advice"), [(True, "send messages of a higher"), (False, "negotiate a")])
def test_a_sender_that_mixes_classes_at_the_limit_gets_the_advice_to_order_them(
    ordered: bool, advice: str, tmp_path: Path
) -> None:
    """OTPs waited in its one queue, and the advice was to negotiate a higher rate."""
    slow_part = part(p95_s={"otp": 30.0}, bottlenecks=(LIMIT,), sustained=False)
    kind: ReachKind = "send_order" if ordered else ""
    objectives = tuple(replace(each, reach_kind=kind) for each in slow_part.objectives)
    made = report(replace(slow_part, objectives=objectives))
    assert f"What to change: {advice}" in of(made, tmp_path)


@pytest.mark.parametrize(("connections", "few"), [(2, True), (200, False)])
def test_an_api_that_waits_for_few_requests_gets_the_advice_to_make_more(
    new_run: Build, connections: int, few: bool
) -> None:
    """It calls the provider before it answers. An earlier answer alone moves the wait into its queue."""
    run, free_s, draw = new_run("run"), [0.0] * connections, random.Random(7)
    for slot, due_s in enumerate(sorted(draw.uniform(0.0, 30.0) for _ in range(300))):
        ready_s = due_s if few else due_s + 25.0  # or it waits for something else
        began_s = max(ready_s, min(free_s))
        free_s[free_s.index(min(free_s))] = began_s + 0.4
        run.due(f"m-{slot}", due_s, api_s=began_s + 0.4 - due_s)
        run.seen(f"m-{slot}", began_s, provider_s=0.4)
    made = found(run, target=OWN)
    assert [each.kind for each in made.bottlenecks] == ["sender_concurrency" if few else "sender_api"]
    advice = "allow more concurrent requests" if few else "answer when the message is queued"
    assert f"What to change: {advice}" in of(report(made))


@pytest.mark.parametrize(
    ("what", "signs", "limits"),
    [
        ("its delay alone is longer than the objective allows", (), False),
        (NETWORK_LOSES, ("network_loses",), False),
        (NETWORK_EXPIRES, ("validity_passed",), False),
        (PROVIDER_ERRORS, ("provider_errors",), True),
    ],
)
def test_a_network_that_is_slow_or_loses_messages_limits_no_rate(
    what: str, signs: tuple[BottleneckSign, ...], limits: bool
) -> None:
    network = bottleneck(kind="network", text=f"{THE_NETWORK}: {what}", signs=signs)
    full = bottleneck(kind="sender_concurrency", text="too few requests")
    made = report(part(p95_s={"otp": 14.0}, sustained=False, bottlenecks=(network, full)))
    named = network.text if limits else full.text
    assert f"Bottleneck: {named}." in answer_text(made, "rate")
    assert contradictions(first_screen(made), made) == ()


@pytest.mark.parametrize(
    ("what", "sign", "advice"),
    [
        (NETWORK_LOSES, "network_loses", "nothing in the sender, since the network loses the messages."),
        (NETWORK_EXPIRES, "validity_passed", "give the messages a longer validity, or send them by a faster"),
        (PROVIDER_ERRORS, "provider_errors", "ask the provider for the cause of its errors."),
    ],
)
def test_a_network_that_fails_is_not_called_slow(what: str, sign: BottleneckSign, advice: str) -> None:
    failing = bottleneck(kind="network", text=f"{THE_NETWORK}: {what}", signs=(sign,))
    assert f"What to change: {advice}" in of(report(part(p95_s={"otp": 14.0}, bottlenecks=(failing,))))


@pytest.mark.parametrize(("low", "of_copies", "named"), [(150.0, 250.0, True), (250.0, 250.0, False)])
def test_a_price_that_copies_drove_over_its_limit_names_the_copies(
    low: float, of_copies: float, named: bool, tmp_path: Path
) -> None:
    """The copies are half of what was paid: without them a thousand cost 75, or still 125."""
    costly = replace(CHEAP, low=low, high=low, measured=f"{low:g} PLN")
    made = part(objectives=(costly,), accounting=accounting(duplicates=1_500))
    paid = replace(
        made.cost, points=500.0, duplicates_points=of_copies, undelivered_points=0.0, currency="PLN"
    )
    costs = report(replace(made, cost=paid))
    said, headline = of(costs, tmp_path), as_text(first_screen(costs).why)
    assert ("cost 150 PLN, since 1,500 messages were paid for more than once; the" in headline) is named
    assert ("What to do: look in the sender for a repeat" in said) is True
    assert ("fewer segments" in said) is not named
    if named:
        assert said.startswith(
            "Cause: my-sender submitted 1,500 messages more than once, and the provider accepted each copy: "
            "the copies cost 250 PLN of 500 PLN paid."
        )


@pytest.mark.parametrize(
    ("limits", "advice"),
    [
        ("none", "raise the sender's own rate limit: the contract has none."),
        ("40 segments/s", "raise the sender's own rate limit up to what the contract allows."),
        ("unknown", "raise the sender's own rate limit up to what the contract allows."),
    ],
)
def test_the_senders_own_limit_is_raised_to_the_contract_if_it_has_one(limits: str, advice: str) -> None:
    own = bottleneck(kind="sender_pacing", text="my-sender delays messages because of its own rate limits")
    made = report(part(p95_s={"otp": 30.0}, bottlenecks=(own,), profile_limits=limits))
    assert of(made).endswith(f"What to change: {advice}")


@pytest.mark.parametrize("several", [False, True])
def test_undecided_names_the_bottleneck_before_its_advice(several: bool) -> None:
    first = part(p95_s={"transactional": None}, bottlenecks=(bottleneck(),))
    made = report(first, msgspec.structs.replace(first, slug="b")) if several else report(first)
    named, change = map(as_text, first_screen(made).bottleneck)
    of = f" (part: {first.identity.title})" if several else ""
    assert named == f"Bottleneck{of}: {bottleneck().text}."
    assert change.startswith("What to change: ")
