"""The figures at a provider's limit: what it refused and accepted, in the windows in which it was seen."""

from __future__ import annotations

from typing import Any

import pytest
from made_parts import found, sampled
from run_builder import Build, RunBuilder

from analysis.first_screen.advice import limits_in_force
from analysis.report import build_report

PROFILE = {"throttle": {"requests": {"rate_per_s": 10.0, "burst": 10}}}


def waiting(run: RunBuilder, per_s: float = 20.0, throttled: int = 0) -> None:
    """Messages for 30 s; the provider takes ten per second."""
    for slot in range(int(30 * per_s)):
        run.due(f"m-{slot}", slot / per_s)
        run.seen(f"m-{slot}", slot / 10 + 2.0, throttled=throttled)


def limit(run: RunBuilder, profile: dict[str, Any] = PROFILE) -> Any:
    (only,) = [each for each in found(run, profile=profile).bottlenecks if each.kind == "provider_limit"]
    return only


def evidence(run: RunBuilder) -> str:
    return "; ".join(limit(run).evidence)


def test_a_sender_that_repeats_at_once_submits_more_than_the_provider_accepts(new_run: Build) -> None:
    run = new_run("run")
    waiting(run, throttled=40)
    sampled(
        run,
        "provider",
        count_requests=lambda second: 1_000.0 * (second + 1),
        count_refused_throttled_requests=lambda second: 990.0 * (second + 1),
        tokens_requests=lambda second: 5.0 if second % 10 == 0 else 0.0,
    )
    told = evidence(run)
    assert "the provider refused 29,700 of 30,000 requests (99 %) because of its limits" in told
    assert "its token bucket of requests was empty in 27 of 30 samples" in told
    assert "the provider accepted 10.0 requests/s, which is what the contract" in told
    assert told.endswith("; the sender submitted 1,000 requests/s")


def test_a_sender_that_obeys_the_limit_submits_what_is_accepted(new_run: Build) -> None:
    run = new_run("run")
    waiting(run)
    told = evidence(run)
    assert told == "the provider accepted 10.0 requests/s, which is what the contract allows"


@pytest.mark.parametrize(
    ("segments", "per_s", "accepted"),
    [
        (1, 500.0, "10.0 requests/s"),
        (4, 40.0, "10.0 requests/s and 40.2 segments/s"),
    ],
)
def test_only_a_rate_at_its_limit_is_what_the_contract_allows(
    new_run: Build, segments: int, per_s: float, accepted: str
) -> None:
    run = new_run("run")
    for slot in range(600):
        run.due(f"m-{slot}", slot / 20)
        run.seen(f"m-{slot}", slot / 10 + 2.0, segments=segments)
    contract = {**PROFILE["throttle"], "segments": {"rate_per_s": per_s, "burst": 100}}
    told = limit(run, {"throttle": contract}).evidence
    assert told == (f"the provider accepted {accepted}, which is what the contract allows",)


def test_a_sender_below_the_limit_on_average_held_messages_for_it(new_run: Build) -> None:
    """Six a second that come at once: the sender waits for the tokens, and most of the time has nothing."""
    run = new_run("run")
    for slot in range(180):
        second, place = divmod(slot, 60)
        due_s = 10.0 * second
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s + 0.01 + place / 10)
    sampled(
        run,
        "sender",
        waited_pacing_s=lambda second: 0.5 * second,
        route_a_requests_per_s=10.0,
    )
    told = evidence(run)
    assert told == (
        "the sender held ready messages because of the contract's limits; the provider accepted "
        "6.00 requests/s and 6.00 segments/s on average"
    )


def test_a_rate_near_its_limit_is_not_named_if_no_message_waits_for_it(new_run: Build) -> None:
    """The sender submits at once, with nearly as many requests as are allowed. The accept queue is slower."""
    run = new_run("run")
    for slot in range(600):
        run.due(f"m-{slot}", slot / 20)
        run.seen(f"m-{slot}", slot / 20 + 0.01, carrier_s=2.0 + slot / 60)
    profile = {
        "throttle": {
            "requests": {"rate_per_s": 21.0, "burst": 20},
            "segments": {"rate_per_s": 22.0, "burst": 20},
        },
        "accept_queue": {"drain_segments_per_s": 14.0},
    }
    assert limit(run, profile).text == "the provider's limit: 14 segments/s out of its accept queue"


def test_requests_of_messages_that_were_given_up_are_not_accepted(new_run: Build) -> None:
    """Of 20 requests per second it refuses every second one, which is not repeated."""
    run = new_run("run")
    waiting(run)
    for slot in range(300):
        run.due(f"refused-{slot}", slot / 10)
        run.seen(f"refused-{slot}", slot / 10 + 0.05, accepted=False, state="rejected", throttled=1)
    assert "the provider accepted 10.0 requests/s" in evidence(run)


def test_refused_messages_are_counted_in_the_windows_in_which_the_limit_is_seen(new_run: Build) -> None:
    """Without the provider's counters. It refuses messages from 13 s to 23 s, and some after the load."""
    run = new_run("run")
    for slot in range(300):
        busy = 100 <= slot < 200
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + (3.0 if busy else 0.05), throttled=int(busy and slot % 4 == 1))
    for slot in range(40):
        run.due(f"late-{slot}", 29.0)
        run.seen(f"late-{slot}", 40.0, throttled=1)
    only = limit(run)
    assert (only.from_s, only.to_s) == (10.0, 20.0)
    # 70 messages from 13 s to 20 s
    assert "the provider refused 18 of 70 messages (26 %) because of its limits" in "; ".join(only.evidence)


@pytest.mark.parametrize(("empty_s", "named"), [(10, False), (20, True)])
def test_the_text_and_the_evidence_name_the_same_limits(new_run: Build, empty_s: int, named: bool) -> None:
    """The limit of segments is always reached, the bucket of requests is empty in one or two of 7 windows."""
    run = new_run("run")
    for slot in range(1_400):
        run.due(f"m-{slot}", slot / 20)
        run.seen(f"m-{slot}", slot / 10 + 2.0)
    sampled(run, "provider", tokens_requests=lambda second: 0.0 if 10 <= second < 10 + empty_s else 50.0)
    segments = {"segments": {"rate_per_s": 10.0, "burst": 10}}
    profile = {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}, **segments}}
    run_dir = run.write(load_s=70.0, end_s=200.0, profile=profile)
    (part,) = build_report(run_dir).parts
    (only,) = [each for each in part.bottlenecks if each.kind == "provider_limit"]
    assert limits_in_force(only) == ({"requests", "segments"} if named else {"segments"})
    assert any("token bucket of requests" in each for each in only.evidence) is named
    assert ("requests/s" in only.text) is named
