"""A sender that pauses and then catches up: the refusals of that time are not the contract's."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from made_parts import OWN, found
from made_reports import bottleneck, part, report
from page_reading import disagreements, rendered
from run_builder import Build, RunBuilder, at
from screen_texts import answer_text

from analysis.findings import Bottleneck
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.measure.pauses import pauses
from analysis.read.journeys import read_journeys
from analysis.records import PROVIDER_SCHEMA, RecordedFault, read_manifest

LOAD_S = 40.0
THROTTLED = PROVIDER_SCHEMA.get_field_index("throttled")
CONTRACT = {"throttle": {"requests": {"rate_per_s": 50.0, "burst": 25}}}
OUTAGE = RecordedFault(name="out", kind="outage", title="outage", start_ns=at(0.0) or 0, end_ns=at(LOAD_S))


def asleep(due_s: float, paused_s: float) -> bool:
    """In each ten seconds, from the third second on."""
    return 3.0 <= due_s % 10.0 < 3.0 + paused_s


def pausing(
    run: RunBuilder,
    paused_s: float = 4.0,
    per_s: float = 30.0,
    api_waits: bool = False,
    answer_s: float = 0.02,
) -> None:
    """Random arrivals. The sender sleeps for a part of each ten seconds, then sends 80 messages per second
    until none waits, and every fifth of those is refused once. ``api_waits``: its API sleeps too.
    """
    draw = random.Random(7)
    due_s, free_s, slot = draw.expovariate(per_s), 0.0, 0
    while due_s < LOAD_S:
        awake_s = due_s - due_s % 10.0 + 3.0 + paused_s if asleep(due_s, paused_s) else due_s
        submitted_s = max(awake_s + 0.01, free_s)
        waited = submitted_s > due_s + 0.05
        if asleep(submitted_s, paused_s):
            submitted_s = submitted_s - submitted_s % 10.0 + 3.0 + paused_s
        free_s = submitted_s + 1 / 80
        refused = waited and slot % 5 == 0
        run.due(f"m-{slot}", due_s, api_s=submitted_s - due_s + 0.001 if api_waits else 0.001)
        accepted_s = submitted_s + (0.3 if refused else 0.0)
        last_s = submitted_s < due_s + 0.5 and asleep(submitted_s + 0.3, paused_s)
        run.seen(
            f"m-{slot}",
            submitted_s,
            accepted_s=accepted_s,
            provider_s=accepted_s - submitted_s + (answer_s if last_s else 0.02),
            reply_drawn_s=0.02,
            throttled=int(refused),
        )
        due_s, slot = due_s + draw.expovariate(per_s), slot + 1


def named(run: RunBuilder, **more: Any) -> tuple[Bottleneck, ...]:
    found_ones: tuple[Bottleneck, ...] = found(
        run, load_s=LOAD_S, **{"target": OWN, "profile": CONTRACT, **more}
    ).bottlenecks
    return found_ones


def test_a_sender_that_pauses_is_named_and_not_the_limit_that_refused_it_when_it_caught_up(
    new_run: Build,
) -> None:
    run = new_run("run")
    pausing(run)
    (only,) = named(run)
    assert only.kind == "sender_hold"
    assert re.match(r"my-sender forwarded nothing for (3\.9|4\.0)", only.text)
    assert only.text.endswith("4 times, while messages waited in it")
    refused = sum(row[THROTTLED] > 0 for row in run.provider)
    assert refused > 50
    assert only.evidence[-1] == (
        f"then it sent faster than the load: the provider refused {refused} messages because of its limits, "
        "and the load itself is below them"
    )


def test_the_rate_names_the_pauses_also_behind_another_delay() -> None:
    """*Without such a time* is about the pauses, and not about the delay that is named first."""
    slow = bottleneck(kind="network", text="the network was slow")
    paused = bottleneck(kind="sender_hold", text="my-sender forwarded nothing for 4 s", signs=("paused",))
    made = report(part(bottlenecks=(slow, paused), sustained=True))
    said = answer_text(first_screen(made), "rate")
    assert "my-sender forwarded nothing for 4 s" in said and "the network was slow" not in said
    assert said.endswith(". This load does not show what the sender sustains without such a time.")
    slow_alone = report(part(bottlenecks=(slow,), sustained=True))
    assert "But messages were delayed: the network was slow" in answer_text(first_screen(slow_alone), "rate")


def test_the_first_page_names_the_pauses(new_run: Build, tmp_path: Path) -> None:
    run = new_run("run")
    pausing(run)
    made = report(found(run, load_s=LOAD_S, target=OWN, profile=CONTRACT))
    screen = first_screen(made)
    assert contradictions(screen, made) == ()
    said = answer_text(screen, "rate")
    assert "\nmy-sender forwarded nothing for " in said
    assert said.endswith(". This load does not show what the sender sustains without such a time.")
    assert "at least" not in said and "may be higher" not in said
    assert "the provider's limit" not in said
    assert "no backlog grew except while it forwarded nothing, in 4 of 4" in answer_text(screen, "wrong")
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def once_away(run: RunBuilder) -> None:
    """40/s. The sender sleeps from 14 s to 18 s, then sends 50/s until none waits; some are refused once."""
    free_s = 0.0
    for slot in range(1_600):
        due_s = slot / 40
        submitted_s = max(due_s + 0.01, free_s, 18.0 if 14.0 <= due_s < 18.0 else 0.0)
        waited = submitted_s > due_s + 0.05
        free_s = submitted_s + 1 / 50
        refused = waited and slot % 10 == 0
        accepted_s = submitted_s + (0.3 if refused else 0.0)
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", submitted_s, accepted_s=accepted_s, reply_drawn_s=0.02, throttled=int(refused))


def test_one_pause_is_named_also_where_its_backlog_lasts_into_the_next_window(new_run: Build) -> None:
    run = new_run("run")
    once_away(run)
    (only,) = named(run)
    assert only.text == "my-sender forwarded nothing for 4.00 s, while messages waited in it"
    assert only.evidence[-1].startswith("then it sent faster than the load: ")
    assert only.signs == ("paused",)


def test_the_reference_sender_holds_nothing_for_an_unknown_cause(new_run: Build) -> None:
    run = new_run("run")
    pausing(run, paused_s=1.5, api_waits=True)
    kinds = [each.kind for each in named(run, target={"name": "reference_sender", "kind": "http"})]
    assert "sender_hold" not in kinds


def test_a_load_above_the_rate_of_the_accept_queue_needs_that_limit(new_run: Build) -> None:
    """30/s into a queue that takes 25 segments/s: a pause of the sender does not clear the provider."""
    run = new_run("run")
    pausing(run)
    contract = {"accept_queue": {"drain_segments_per_s": 25.0}, **CONTRACT}
    assert "provider_limit" in [each.kind for each in named(run, profile=contract)]


def test_a_load_above_the_limit_meets_the_limit_also_if_the_sender_pauses(new_run: Build) -> None:
    run = new_run("run")
    pausing(run, per_s=49.0)
    assert named(run)[0].kind == "provider_limit"


def test_an_api_that_is_silent_is_named_and_not_the_limit_that_refused_its_sender_afterwards(
    new_run: Build,
) -> None:
    run = new_run("run")
    pausing(run, paused_s=1.5, api_waits=True)
    (only,) = named(run)
    assert only.kind == "sender_api" and only.text.startswith("my-sender's API answered nothing for 1.")
    assert any(each.startswith("then it sent faster than the load: ") for each in only.evidence)


def test_refusals_below_the_limit_without_a_pause_stay_the_providers_with_the_load_beside_them(
    new_run: Build,
) -> None:
    run = new_run("run")
    for slot in range(1_200):
        due_s = slot / 30
        run.due(f"m-{slot}", due_s)
        refused = slot % 10 == 0
        wait_s = 1.5 if refused else 1.2
        run.seen(f"m-{slot}", due_s + 1.2, accepted_s=due_s + wait_s, throttled=int(refused))
    limit = next(each for each in named(run) if each.kind == "provider_limit")
    assert limit.evidence[-1] == (
        "the load of 30.0/s is below the limits: the sender sent faster than the load at times"
    )


@pytest.mark.parametrize("case", ["in flight", "refused", "fault", "reference sender"])
def test_no_pause_of_the_sender(new_run: Build, case: str) -> None:
    """The provider has not answered, it has just refused, it is out of order, or the samples say more."""
    run = new_run("run")
    pausing(run, answer_s=3.9 if case == "in flight" else 0.02)
    if case == "refused":
        for second in range(0, 40, 10):
            run.due(f"r-{second}", second + 2.9)
            run.seen(f"r-{second}", second + 2.99, throttled=1)
    changed: dict[str, dict[str, Any]] = {
        "fault": {"faults": (OUTAGE,)},
        "reference sender": {"target": {"name": "reference_sender", "kind": "http"}},
    }
    more = changed.get(case, {})
    assert not any("forwarded nothing" in each.text for each in named(run, **more))


@pytest.mark.parametrize("per_s", [1.0, 3.0, 30.0])
def test_a_constant_delay_is_no_pause(new_run: Build, per_s: float) -> None:
    """At a low rate there are gaps of over a second between two requests while messages wait."""
    run = new_run("run")
    draw = random.Random(3)
    due_s, slot = 0.1, 0
    while due_s < LOAD_S:
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s + 6.0)
        due_s, slot = due_s + draw.expovariate(per_s), slot + 1
    run_dir = run.write(load_s=LOAD_S, end_s=LOAD_S + 30.0)
    assert pauses(read_journeys(run_dir, read_manifest(run_dir))) == ()
