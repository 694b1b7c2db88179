"""A sender with a quota of messages in each period, as of a rate limiter with the wrong unit."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from made_parts import OWN, found
from run_builder import Build, RunBuilder
from screen_texts import answer_text

from analysis.first_screen.advice import BY_SIGN
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.measure.pauses import pauses
from analysis.measure.quota import quota
from analysis.model import PartReport
from analysis.read.journeys import read_journeys
from analysis.records import read_manifest
from analysis.report import build_report

LOAD_S = 60.0
PERIOD_S, BEGAN_S = 20.0, -5.8  # the periods of the sender's clock
LIMITS: dict[str, Any] = {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}}}


def limited(
    run: RunBuilder, messages: int, per_s: float = 40.0, even: bool = False, used_before: int = 0
) -> None:
    """It forwards 90 per second as long as its quota lasts; ``used_before``: by messages before the load."""
    draw = random.Random(11)
    due_s, free_s, slot = 0.01, 0.0, 0
    period, used = 0, used_before
    while due_s < LOAD_S:
        at_s = max(due_s + 0.005, free_s)
        now = int((at_s - BEGAN_S) // PERIOD_S)
        if now > period:
            period, used = now, 0
        if used == messages:
            period, used = period + 1, 0
            at_s = BEGAN_S + period * PERIOD_S + 0.003
        used += 1
        free_s = at_s + 1 / 90
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", at_s)
        due_s, slot = due_s + (1 / per_s if even else draw.expovariate(per_s)), slot + 1


def analysed(run: RunBuilder, **more: Any) -> PartReport:
    part: PartReport = found(run, load_s=LOAD_S, target=OWN, **{"profile": LIMITS, **more})
    return part


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("messages", [500, 350])  # 350: at the end of each period messages wait
@pytest.mark.parametrize("used_before", [0, 1])
def test_equal_counts_between_its_pauses_are_a_quota(
    new_run: Build, messages: int, even: bool, used_before: int
) -> None:
    run = new_run("run")
    limited(run, messages, even=even, used_before=used_before)
    (first, *_) = analysed(run).bottlenecks
    assert first.kind == "sender_pacing" and first.signs == ("quota",)
    rate = {500: "25.0/s", 350: "17.5/s"}[messages]
    assert (
        first.text == f"my-sender forwards at most {messages} messages in each 20 s ({rate}): its own quota"
    )
    counts, _, ended = first.evidence[0].partition(" messages before its pauses, which ended every ")
    before, *whole = map(int, re.findall(r"\d+", counts))
    assert ended == "20 s" and before == messages - used_before
    assert len(whole) >= 2 and set(whole) == {messages}


@pytest.mark.parametrize(("limit", "word"), [("20s", "NO"), ("40s", "UNDECIDED")])
def test_the_page_has_the_quota_and_its_advice_and_no_higher_capacity(
    new_run: Build, limit: str, word: str
) -> None:
    run = new_run("run")
    limited(run, 500)
    objectives = (f"otp.p95<{limit}", "loss=0")
    run_dir = run.write(load_s=LOAD_S, end_s=LOAD_S + 30.0, target=OWN, profile=LIMITS, objectives=objectives)
    screen = first_screen(build_report(run_dir))
    assert (screen.word, screen.notes) == (word, ())
    said = answer_text(screen, "rate")
    assert "Bottleneck: my-sender forwards at most 500 messages in each 20 s (25.0/s): its own quota" in said
    assert "at least" not in said and "may be higher" not in said
    advice = f"What to change: {BY_SIGN['sender_pacing', 'quota']}"
    assert [as_text(each) for each in screen.bottleneck][-1] == advice


@pytest.mark.parametrize("even", [True, False])
def test_a_sender_that_sleeps_at_intervals_has_no_quota(new_run: Build, even: bool) -> None:
    """For 4 s of each ten seconds, with 30 messages per second. An even load makes equal numbers too."""
    run, draw, free_s, due_s, slot = new_run("run"), random.Random(5), 0.0, 0.01, 0
    while due_s < LOAD_S:
        asleep = 3.0 <= due_s % 10.0 < 7.0
        at_s = max(due_s - due_s % 10.0 + 7.0 if asleep else due_s + 0.005, free_s)
        if 3.0 <= at_s % 10.0 < 7.0:
            at_s += 7.0 - at_s % 10.0
        free_s = at_s + 1 / 80
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", at_s)
        due_s, slot = due_s + (1 / 30 if even else draw.expovariate(30.0)), slot + 1
    assert all(each.signs != ("quota",) for each in analysed(run).bottlenecks)
    journeys = read_journeys(run.run_dir, read_manifest(run.run_dir))
    slept = pauses(journeys)
    assert len(slept) == 6 and quota(journeys, slept) is None


def test_two_pauses_show_no_quota(new_run: Build) -> None:
    run = new_run("run")
    limited(run, 700)  # one whole period between them
    run_dir = run.write(load_s=LOAD_S, end_s=LOAD_S + 30.0, target=OWN)
    journeys = read_journeys(run_dir, read_manifest(run_dir))
    found_ones = pauses(journeys)
    assert 0 < len(found_ones) < 3 and quota(journeys, found_ones) is None
