"""A fault that lowers the provider's limit: its refusals are not the contract's, and what the sender does
after it is the sender's own.
"""

from __future__ import annotations

from typing import Any

import pytest
from made_parts import found, kinds, sampled
from run_builder import Build, RunBuilder, at

from analysis.findings import OWN_PACING
from analysis.records import RecordedFault

SIMULATED = {"name": "reference_sender", "kind": "simulated"}
PROFILE = {
    "throttle": {"requests": {"rate_per_s": 50.0, "burst": 50}},
    "faults": [{"kind": "rate_reduction", "name": "slow", "limit": "requests", "share": 0.04}],
}


def fault(name: str, kind: str, from_s: float, to_s: float) -> RecordedFault:
    return RecordedFault(
        name=name, kind=kind, title=f"title of {name}", start_ns=at(from_s) or 0, end_ns=at(to_s)
    )


SLOW = fault("slow", "rate_reduction", 10.0, 20.0)


def reduced(
    run: RunBuilder, after_per_s: float = 2.0, label: str = "slow", early_s: float = 0.01, **early: Any
) -> None:
    """20 messages per second for 40 s. The limit is 2 requests/s from 10 s to 20 s, and refuses each message
    of that time once. Then the sender sends ``after_per_s``. Messages before the fault wait ``early_s``.
    """
    for slot in range(200):
        run.due(f"m-{slot}", slot / 20)
        run.seen(f"m-{slot}", slot / 20 + early_s, **early)
    for slot in range(600):
        due_s = 10.0 + slot / 20
        accepted_s = 10.0 + slot / 2 if slot < 20 else 20.0 + (slot - 20) / after_per_s
        refused = slot < 200
        first_s = due_s + 0.01 if refused else max(accepted_s, due_s)
        run.due(f"w-{slot}", due_s)
        run.seen(
            f"w-{slot}",
            first_s,
            accepted_s=max(accepted_s, first_s),
            provider_s=max(accepted_s, first_s) - first_s + 0.01,
            reply_drawn_s=0.01,
            throttled=int(refused),
            fault=label if refused else "",
        )


def named(run: RunBuilder, *faults: RecordedFault, **more: Any) -> Any:
    return found(run, load_s=40.0, target=SIMULATED, profile=PROFILE, faults=faults, **more).bottlenecks


def test_the_fault_is_named_for_its_refusals_and_the_sender_for_its_pace_after_it(new_run: Build) -> None:
    run = new_run("run")
    reduced(run)
    by_kind = {each.kind: each for each in named(run, SLOW)}
    assert set(by_kind) == {"provider_fault", "sender_pacing"}
    by_fault, pacing = by_kind["provider_fault"], by_kind["sender_pacing"]
    assert (by_fault.text, by_fault.subject) == ("a fault of the provider: title of slow", "title of slow")
    assert (
        'the fault "slow" lowered the provider\'s limit from 50 to 2 requests/s, and 200 messages were '
        "refused for it"
    ) in by_fault.evidence
    assert (by_fault.from_s, by_fault.to_s) == (10.0, 20.0)
    assert pacing.text == f"after a refusal the sender sends 2.0 to 2.1 requests/s of the 50 {OWN_PACING}"
    assert (pacing.from_s, pacing.to_s) == (20.0, 40.0)


def test_the_same_refusals_without_the_fault_are_those_of_the_contract(new_run: Build) -> None:
    run = new_run("run")
    reduced(run, label="")
    assert named(run)[0].kind == "provider_limit"


def test_refusals_before_the_fault_are_those_of_the_contract(new_run: Build) -> None:
    run = new_run("run")
    reduced(run, early_s=2.0, throttled=1)
    (limit,) = [each for each in named(run, SLOW) if each.kind == "provider_limit"]
    assert (limit.from_s, limit.to_s) == (0.0, 20.0)  # the last of them were accepted after 10 s
    assert limit.evidence[0].startswith(
        "in these windows of the load the provider refused 200 of 220 messages"
    )


@pytest.mark.parametrize(("from_s", "seen"), [(10, False), (0, True)])
def test_the_counters_of_refusals_do_not_count_in_the_fault(new_run: Build, from_s: int, seen: bool) -> None:
    """The provider refuses ten requests per second, from before the fault or only in it."""
    run = new_run("run")
    reduced(run, early_s=2.0)
    sampled(
        run,
        "provider",
        count_requests=lambda second: 30.0 * (second + 1),
        count_refused_throttled_requests=lambda second: 10.0 * max(min(second, 20) - from_s, 0),
    )
    assert ("provider_limit" in {each.kind for each in named(run, SLOW)}) is seen


def test_a_sender_that_is_fast_again_is_not_slow_after_a_refusal(new_run: Build) -> None:
    run = new_run("run")
    reduced(run, after_per_s=40.0)
    assert not any(each.text.endswith(OWN_PACING) for each in named(run, SLOW))


def test_a_sender_that_reports_its_pacing_far_below_the_contract_is_not_at_its_limit(
    new_run: Build,
) -> None:
    """The reference sender of a run reports its pacing. Its configured limit is that of the contract."""
    run = new_run("run")
    reduced(run)
    for second in range(41):
        run.sample(second + 0.5, "sender", "waited_pacing_s", 0.9 * max(second - 10, 0))
        run.sample(second + 0.5, "sender", "route_a_requests_per_s", 50.0)
    seen = named(run, SLOW)
    assert {each.kind for each in seen} == {"provider_fault", "sender_pacing"}
    assert seen[1].text.endswith(OWN_PACING) or seen[0].text.endswith(OWN_PACING)


def test_the_two_faults_in_which_messages_waited_most_are_named(new_run: Build) -> None:
    """Not those of the delivery reports, nor a carrier that holds messages, which no sender waits for."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", 31.0)
    faults = (
        fault("short", "outage", 1.0, 3.0),
        fault("storm", "report_storm", 0.0, 30.0),
        fault("held", "carrier_down", 0.0, 30.0),
        fault("late", "added_latency", 20.0, 29.0),
        fault("middle", "hang", 8.0, 18.0),
    )
    profile = {"faults": [{"kind": "carrier_down", "name": "held", "behaviour": "hold"}]}
    (only,) = found(run, target=SIMULATED, profile=profile, faults=faults).bottlenecks
    assert only.subject == "title of late; title of middle; and 1 more"
    assert only.text == f"a fault of the provider: {only.subject}"


def test_a_fault_of_the_delivery_reports_delays_no_message_in_the_sender(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 5.0)
    assert kinds(run, target=SIMULATED, faults=(fault("storm", "report_storm", 0.0, 30.0),)) == ["unknown"]
