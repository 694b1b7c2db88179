"""The verdict of a trial from its analysis, and what the objectives ask of its length."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from analysis.model import Verdict
from analysis.records import AnalysisResult, FailedCheck, JudgedObjective, NamedBottleneck, Steady
from loadtests.arrivals import DAY_MIX, Mix
from loadtests.capacity.bracket import SearchSettings
from loadtests.capacity.objectives import fewest_messages, messages_needed, read_mix, what_judges
from loadtests.capacity.search import NextTrial
from loadtests.capacity.verdict import BACKLOG, judged_trial

SETTINGS = SearchSettings()
STEP = NextTrial(300.0, 8.0)


def part(sustained: bool | None, growth_per_s: float = 0.0) -> Steady:
    return Steady(
        from_s=3.2,
        to_s=8.0,
        offered_per_s=300.0,
        through_per_s=250.0,
        through_low_per_s=249.0,
        through_high_per_s=251.0,
        growth_per_s=growth_per_s,
        growth_low_per_s=growth_per_s,
        growth_high_per_s=growth_per_s,
        backlog=0.0,
        reserve=7.0,
        sustained=sustained,
    )


def analysis_of(
    *objectives: tuple[str, Verdict], steady: Steady | None, valid: bool = True
) -> AnalysisResult:
    return AnalysisResult(
        run="r",
        call="c",
        exit_code=0,
        valid=valid,
        invalid_because=() if valid else (FailedCheck("schedule lag", "p99 1 s"),),
        objectives=tuple(JudgedObjective(*each) for each in objectives),
        bottlenecks=(NamedBottleneck("the sender's CPU", kind="sender_cpu"),),
        delivered_per_s=240.0,
        steady=steady,
        profile_limits="40 segments/s",
    )


def test_met_means_every_objective_and_no_growth() -> None:
    found = judged_trial(
        SETTINGS, STEP, DAY_MIX, analysis_of(("otp.p95<20s", "met"), steady=part(True)), "t/01"
    )
    assert (found.verdict, found.sustained, found.place) == ("met", True, "t/01")
    assert (found.through_per_s, found.reserve) == (250.0, 7.0)
    assert found.judged == ("otp.p95<20s", BACKLOG)
    assert found.bottlenecks == ()
    assert found.profile_limits == "40 segments/s"


def test_a_rate_at_which_the_queue_grows_is_missed_though_every_objective_is_met() -> None:
    found = judged_trial(
        SETTINGS, STEP, DAY_MIX, analysis_of(("otp.p95<20s", "met"), steady=part(False, 50.0)), "t"
    )
    assert found.verdict == "missed"
    assert found.why == "the backlog grew by 50/s"
    assert (found.bottlenecks, found.bottleneck_kinds) == (("the sender's CPU",), ("sender_cpu",))


def test_an_objective_missed_names_itself() -> None:
    result = analysis_of(("otp.p95<20s", "missed"), ("loss=0", "met"), steady=part(True))
    found = judged_trial(SETTINGS, STEP, DAY_MIX, result, "t")
    assert (found.verdict, found.why) == ("missed", "otp.p95<20s missed")


def test_a_rate_at_which_messages_are_lost_is_not_sustained() -> None:
    """They are in no backlog, and no objective may have missed them."""
    kept = analysis_of(("otp.p95<20s", "met"), steady=part(True))
    found = judged_trial(SETTINGS, STEP, DAY_MIX, replace(kept, many_lost=True), "t")
    assert (found.verdict, found.sustained) == ("missed", False)
    assert found.why == "over 0.1 % of the messages were given up or lost"


def test_an_invalid_run_is_no_verdict_on_the_target() -> None:
    result = analysis_of(("otp.p95<20s", "missed"), steady=part(False), valid=False)
    found = judged_trial(SETTINGS, STEP, DAY_MIX, result, "t")
    assert (found.verdict, found.why) == ("invalid", "schedule lag: p99 1 s")


def test_a_percentile_that_a_longer_trial_would_decide_is_waited_for() -> None:
    result = analysis_of(("otp.p95<20s", "undecided"), ("loss=0", "met"), steady=part(True))
    found = judged_trial(SETTINGS, STEP, DAY_MIX, result, "t")
    assert (found.verdict, found.why) == ("undecided", "not yet decided: otp.p95<20s")


@pytest.mark.parametrize("objective", ["delivered>94%", "otp.delivered>95%", "cost_per_1000<60"])
@pytest.mark.parametrize("load_s", [8.0, 32.0])
def test_a_share_or_a_price_that_is_undecided_leaves_the_trial_undecided(
    objective: str, load_s: float
) -> None:
    """It was judged, and its interval contains the limit: a rate that may miss it is not met."""
    result = analysis_of((objective, "undecided"), ("loss=0", "met"), steady=part(True))
    found = judged_trial(SETTINGS, NextTrial(300.0, load_s), DAY_MIX, result, "t")
    assert (found.verdict, found.why) == ("undecided", f"not yet decided: {objective}")


@pytest.mark.parametrize("objective", ["otp.p99.99<20s", "unaccounted=0", "availability>99%", "sms.p95<1s"])
def test_what_no_trial_can_decide_is_left_unjudged(objective: str) -> None:
    mix = DAY_MIX if not objective.startswith("sms") else Mix(otp=1.0)
    result = analysis_of((objective, "undecided"), ("loss=0", "met"), steady=part(True))
    step = NextTrial(10.0, 32.0)
    found = judged_trial(SETTINGS, step, mix, result, "t")
    assert found.verdict == ("undecided" if objective.startswith("sms") else "met")
    if found.verdict == "met":
        assert found.why == f"loss=0 met, the backlog did not grow; not judged: {objective}"
    assert objective not in found.judged


def test_an_undecided_backlog_needs_a_longer_trial_and_an_unobserved_one_does_not() -> None:
    unclear = judged_trial(SETTINGS, STEP, DAY_MIX, analysis_of(("loss=0", "met"), steady=part(None)), "t")
    assert (unclear.verdict, unclear.why) == ("undecided", f"not yet decided: {BACKLOG}")
    unseen = judged_trial(SETTINGS, STEP, DAY_MIX, analysis_of(("api.p99<1s", "met"), steady=None), "t")
    assert unseen.verdict == "met"
    assert unseen.through_per_s == 240.0
    assert BACKLOG not in unseen.judged


def test_a_trial_in_which_nothing_was_judged_is_undecided() -> None:
    found = judged_trial(SETTINGS, STEP, DAY_MIX, analysis_of(("loss=0", "undecided"), steady=None), "t")
    assert (found.verdict, found.why) == ("undecided", "not yet decided: nothing could be judged")


@pytest.mark.parametrize(
    ("objective", "at_least"),
    [
        ("otp.p95<20s", 72 / 0.15),
        ("marketing.p99<10min", 368 / 0.6),
        ("api.p99.9<500ms", 3_688),
        ("loss=0", 0),
        ("delivered>90%", 0),
    ],
)
def test_messages_that_a_percentile_needs(objective: str, at_least: float) -> None:
    needed = messages_needed(objective, DAY_MIX)
    assert at_least <= needed <= 1.4 * at_least


def test_a_class_that_is_not_sent_needs_nothing() -> None:
    assert messages_needed("marketing.p95<10min", Mix(otp=1.0)) == 0
    assert fewest_messages(("otp.p95<20s", "marketing.p95<10min", "loss=0"), Mix(otp=1.0)) < 100


@pytest.mark.parametrize(
    ("objectives", "rate_per_s", "expected"),
    [
        (("otp.p95<10s",), 12.0, ("--trial-s 13", "--mix otp=1")),
        (("otp.p95<10s",), 1.0, ("--trial-s 155",)),  # 93 messages of one class take longer than 20 s, too
        (("otp.p95<10s", "transactional.p95<60s"), 12.0, ("--trial-s 13",)),
        (("all.p99<10s",), 12.0, ("--trial-s 10",)),
        (("otp.p99.9<10s",), 5.0, ()),  # no trial is long enough
        (("unaccounted=0",), 12.0, ()),
        (("otp.p95<10s", "news.p95<1h"), 12.0, ("--trial-s 13",)),  # a class that no load has is all of it
        ((), 12.0, ()),
    ],
)
def test_what_judges_an_objective_is_computed(
    objectives: tuple[str, ...], rate_per_s: float, expected: tuple[str, ...]
) -> None:
    settings = SearchSettings(from_per_s=5.0, to_per_s=60.0, trial_s=5.0, longest_s=20.0)
    assert what_judges(objectives, DAY_MIX, rate_per_s, settings) == expected


def test_a_mix_is_read() -> None:
    assert read_mix("") == DAY_MIX
    assert read_mix("otp=1, marketing=3") == Mix(otp=1.0, marketing=3.0)


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("sms=1", "'sms' is not a class; allowed: otp, transactional, marketing"),
        ("otp", "the share of otp must be a number from 0 to 1e+06, not ''"),
        ("otp=-1", "must be a number from 0"),
        ("otp=nan", "must be a number from 0"),
        ("otp=1,otp=2", "otp is given twice"),
        ("otp=0", "all shares are 0"),
        ("otp=1,5", "^write 1.5: a number has a decimal point$"),
        ("marketing=3,otp=0,5", "^write 0.5: a number has a decimal point$"),
    ],
)
def test_a_wrong_mix_is_reported(text: str, told_of: str) -> None:
    with pytest.raises(ValueError, match=told_of.replace("+", r"\+")):
        read_mix(text)


def test_a_coarse_search_does_not_mind_growth_that_is_small_for_its_precision() -> None:
    """Growth of 0.03 to 3.9/s at 253/s is undecided for a search of 2 %, and none for one of 25 %."""
    steady = Steady(
        from_s=2.4,
        to_s=6.0,
        offered_per_s=253.0,
        through_per_s=251.0,
        through_low_per_s=247.0,
        through_high_per_s=256.0,
        growth_per_s=1.97,
        growth_low_per_s=0.03,
        growth_high_per_s=3.9,
        backlog=17.0,
        reserve=0.0,
        sustained=None,
    )
    result = analysis_of(("otp.p95<20s", "met"), steady=steady)
    coarse = SearchSettings(precision=0.25, trial_s=6.0, longest_s=6.0)
    assert judged_trial(SETTINGS, STEP, DAY_MIX, result, "t").verdict == "undecided"
    assert judged_trial(coarse, STEP, DAY_MIX, result, "t").verdict == "met"
    grew = analysis_of(("otp.p95<20s", "met"), steady=part(False, 50.0))
    assert judged_trial(coarse, STEP, DAY_MIX, grew, "t").verdict == "missed"


def test_a_trial_without_a_steady_part_does_not_say_that_the_backlog_grew() -> None:
    """Without a journal it is known only that messages were not taken."""
    result = replace(analysis_of(("api.p99<1s", "met"), steady=None), sustained=False)
    found = judged_trial(SETTINGS, STEP, DAY_MIX, result, "t")
    assert (found.verdict, found.why) == ("missed", "the load was not sustained")
