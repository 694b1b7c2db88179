"""Each kind of bottleneck from samples and rows made by hand: it is named, and the others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_parts import OWN, found, kinds, sampled
from run_builder import Build, RunBuilder

PROFILE = {"throttle": {"requests": {"rate_per_s": 10.0, "burst": 10}}}


def quick(run: RunBuilder, **more: Any) -> None:
    """Ten per second, each on time."""
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 3.0, **more)


def queued(run: RunBuilder, wait_s: float = 5.0, **more: Any) -> None:
    """Ten per second, each waiting in the sender."""
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + wait_s, **more)


def test_a_run_without_symptoms_has_no_bottleneck(new_run: Build) -> None:
    run = new_run("run")
    quick(run)
    sampled(run, "sender", cpu_percent=97.0, loop_lag_ms=400.0, commit_ms=900.0)  # busy, and yet on time
    assert kinds(run) == []


def test_without_evidence_it_is_unknown(new_run: Build) -> None:
    run = new_run("run")
    queued(run)
    sampled(run, "sender", cpu_percent=20.0, waited_pacing_s=0.0, waited_in_flight_s=0.0)
    (only,) = found(run).bottlenecks
    assert only.kind == "unknown" and "5.00 s in the sender's queue" in " ".join(only.evidence)
    assert only.text == "unknown: messages waited in the sender's queue, and no sample shows why"


@pytest.mark.parametrize(
    ("gauges", "kind"),
    [
        ({"cpu_percent": 98.0, "busiest_thread_percent": 80.0, "loop_lag_ms": 300.0}, "sender_cpu"),
        ({"cpu_percent": 180.0, "busiest_thread_percent": 97.0}, "sender_cpu"),
        ({"cpu_percent": 40.0, "core_wait_percent": 58.0}, "sender_cpu"),
        ({"cpu_percent": 10.0, "loop_lag_ms": 300.0, "loop_core_wait_ms": 3.0}, "sender_loop"),
        ({"cpu_percent": 10.0, "stopped": 1.0}, "sender_loop"),
        ({"cpu_percent": 10.0, "commit_ms": 600.0, "waiting_for_commit": 40.0}, "sender_store"),
        ({"cpu_percent": 10.0, "waited_in_flight_s": lambda second: 0.9 * second}, "sender_concurrency"),
        ({"cpu_percent": 10.0, "waited_pacing_s": lambda second: 0.9 * second}, "sender_pacing"),
    ],
)
def test_the_sender(new_run: Build, gauges: dict[str, Any], kind: str) -> None:
    run = new_run("run")
    queued(run)
    sampled(run, "machine", cpu_percent=60.0)
    sampled(run, "sender", **gauges)
    assert kinds(run) == [kind]


def test_a_process_of_several_threads_is_not_at_its_end_with_one_core(new_run: Build) -> None:
    run = new_run("run")
    queued(run)
    sampled(run, "sender", cpu_percent=180.0, busiest_thread_percent=60.0, waited_pacing_s=0.0)
    assert kinds(run) == ["unknown"]


@pytest.mark.parametrize(
    ("gauges", "text"),
    [
        ({"cpu_percent": 91.0}, "used 91 % of a core, about as much as one thread can use"),
        (
            {"cpu_percent": 180.0, "busiest_thread_percent": 97.0},
            "used 180 % of a core, and one of its threads used 97 %",
        ),
    ],
)
def test_a_process_at_its_limit_has_the_use_of_its_threads(
    new_run: Build, gauges: dict[str, Any], text: str
) -> None:
    run = new_run("run")
    queued(run)
    sampled(run, "machine", cpu_percent=60.0)
    sampled(run, "sender", **gauges)
    assert found(run).bottlenecks[0].text == f"the sender's process {text}"


@pytest.mark.parametrize(
    ("own_per_s", "kind"), [(10.0, "provider_limit"), (4.0, "sender_pacing")], ids=["contract", "own"]
)
def test_pacing_at_the_contract_is_the_contracts(new_run: Build, own_per_s: float, kind: str) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / own_per_s + 5.0)
    sampled(
        run,
        "sender",
        waited_pacing_s=lambda second: 0.9 * second,
        route_a_requests_per_s=own_per_s,
        route_a_segments_per_s=20_000.0,
    )
    assert kinds(run, profile=PROFILE)[0] == kind


def test_the_senders_own_limit_is_the_configured_one_and_not_also_the_rate_that_it_learned(
    new_run: Build,
) -> None:
    """It reports both. Their sum, 12 requests/s, would be above the contract."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 6 + 5.0)
    sampled(
        run,
        "sender",
        waited_pacing_s=lambda second: 0.9 * second,
        route_a_requests_per_s=6.0,
        route_a_paced_requests_per_s=6.0,
    )
    (first, *_) = found(run, profile=PROFILE).bottlenecks
    assert first.kind == "sender_pacing"
    assert "its limits: 6.00 requests/s; the contract: 10.0 requests/s" in first.evidence


@pytest.mark.parametrize("seen_s", [0.0, 5.0, 9.9])
def test_a_rate_below_one_request_a_window_is_named_as_it_is(new_run: Build, seen_s: float) -> None:
    """One request in 20 s is 0.05/s. The windows of 10 s that contain one have 0.1/s."""
    run = new_run("run")
    for slot in range(30):
        run.due(f"m-{slot}", float(slot))
        run.seen(f"m-{slot}", 20.0 * slot + seen_s)
    slow = {"throttle": {"requests": {"rate_per_s": 0.05, "burst": 1}}}
    (first, *_) = found(run, profile=slow, load_s=600.0).bottlenecks
    assert first.kind == "provider_limit"
    assert "the provider accepted 0.05 requests/s" in " ".join(first.evidence)


def test_a_provider_that_throttles(new_run: Build) -> None:
    run = new_run("run")
    queued(run)
    sampled(run, "sender", waited_pause_s=lambda second: 0.9 * second)
    sampled(
        run,
        "provider",
        count_requests=lambda second: 10.0 * second,
        count_refused_throttled_requests=lambda second: 3.0 * second,
        tokens_requests=0.0,
    )
    report = found(run, profile={"throttle": {"requests": {"rate_per_s": 100.0, "burst": 1}}})
    assert [each.kind for each in report.bottlenecks] == ["provider_limit"]
    evidence = " ".join(report.bottlenecks[0].evidence)
    assert "(30 %) because of its limits" in evidence and "its token bucket of requests was empty" in evidence


def test_an_accept_queue_that_grows(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 0.01, carrier_s=6.0)
    sampled(run, "provider", queue_accept_segments=50.0)
    assert kinds(run, profile={"accept_queue": {"drain_segments_per_s": 8.0}})[0] == "provider_limit"


def test_a_carrier_that_is_slow(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 0.01, carrier_s=6.0)
    (only,) = found(run).bottlenecks
    assert only.kind == "carrier_queue" and "carrier-a" in only.text


def test_a_network_that_loses(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 0.01, state="undelivered" if slot % 4 == 0 else "delivered")
    (only,) = found(run).bottlenecks
    assert only.kind == "network" and "75 of 300" in only.evidence[0]


def test_a_generator_that_is_late(new_run: Build) -> None:
    run = new_run("run")
    quick(run, lag_s=0.5)
    sampled(run, "load", cpu_percent=99.0, lag_p99_ms=500.0, lag_own_p99_ms=495.0)
    report = found(run)
    assert [each.kind for each in report.bottlenecks] == ["generator"]
    assert report.validity == "invalid"


@pytest.mark.parametrize(("disturbed", "validity", "named"), [(2, "warn", []), (20, "invalid", ["machine"])])
def test_lateness_that_other_programs_explain_is_the_machines(
    new_run: Build, disturbed: int, validity: str, named: list[str]
) -> None:
    """A short lateness is a warning without a bottleneck, and its messages are left out. After a long one the
    machine is the bottleneck."""
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5 if slot / 10 < disturbed - 1 else 0.001)
    late: dict[str, float | Callable[[int], float]] = {
        "lag_p99_ms": lambda second: 500.0 if second < disturbed else 1.0,
        "lag_own_p99_ms": 1.0,
    }
    sampled(run, "load", **late)
    sampled(run, "machine", cpu_percent=100.0, others_percent=80.0)
    report = found(run)
    (check,) = [each for each in report.checks if each.name == "schedule lag"]
    assert check.state == validity
    assert [each.kind for each in report.bottlenecks] == named


def test_a_short_lateness_names_no_bottleneck(new_run: Build) -> None:
    """20 of 3,000 messages were late: the report is valid, and does not say that its figures describe the
    bench."""
    run = new_run("run")
    for slot in range(3_000):
        run.journey(f"m-{slot}", slot / 100, 3.0, lag_s=0.5 if 1_000 <= slot < 1_020 else 0.001)
    sampled(run, "load", lag_p99_ms=lambda second: 500.0 if second == 10 else 1.0, lag_own_p99_ms=1.0)
    sampled(run, "provider", loop_lag_ms=lambda second: 500.0 if second == 10 else 1.0, loop_core_wait_ms=0.0)
    report = found(run)
    assert report.validity == "warn"
    assert report.bottlenecks == ()


def test_lateness_without_other_programs_is_the_generators(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5 if slot < 20 else 0.001)
    sampled(run, "load", lag_p99_ms=lambda second: 500.0 if second < 3 else 1.0, lag_own_p99_ms=1.0)
    sampled(run, "machine", cpu_percent=60.0, others_percent=2.0)
    assert kinds(run) == ["generator"]


@pytest.mark.parametrize(("waited_ms", "expected"), [(1.0, ["mock"]), (400.0, [])])
def test_a_mock_that_is_late(new_run: Build, waited_ms: float, expected: list[str]) -> None:
    """A wait for a core is not a fault of the mock provider."""
    run = new_run("run")
    quick(run)
    sampled(run, "provider", loop_lag_ms=500.0, loop_core_wait_ms=waited_ms)
    report = found(run)
    assert [each.kind for each in report.bottlenecks] == expected
    assert report.validity == ("invalid" if expected else "warn")


@pytest.mark.parametrize(
    ("others", "competing"),
    [(3.0, "load, sender and provider"), (54.0, "load, sender, provider and other programs")],
)
def test_a_machine_whose_parts_take_time_from_each_other(
    new_run: Build, others: float, competing: str
) -> None:
    run = new_run("run")
    queued(run)
    sampled(run, "machine", cpu_percent=99.5, others_percent=others)
    sampled(run, "sender", cpu_percent=97.0, core_wait_percent=30.0)
    sampled(run, "provider", cpu_percent=60.0, core_wait_percent=40.0)
    sampled(run, "load", cpu_percent=40.0, core_wait_percent=30.0)
    report = found(run)
    assert [each.kind for each in report.bottlenecks] == ["sender_cpu", "machine"]
    assert report.bottlenecks[1].text == (
        f"the whole machine: {competing} compete for cores, so every rate is a lower bound"
    )


def test_arrivals_that_waited_for_the_target_are_its_failure(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):
        outcome = "failed" if slot < 20 else "dropped" if slot % 2 else "accepted"
        run.due(f"m-{slot}", slot / 20, outcome, api_s=2.0)
        if outcome == "accepted":
            run.seen(f"m-{slot}", slot / 20 + 1.9)
    sampled(run, "target", cpu_percent=12.0)
    sampled(run, "load", in_flight=20.0, lag_p99_ms=1.0)
    report = found(run, in_flight_limit=20, target=OWN)
    assert report.validity != "invalid", [each for each in report.checks if each.state == "invalid"]
    assert report.bottlenecks[0].kind == "sender_api"
    evidence = " ".join(report.bottlenecks[0].evidence)
    assert (
        "290 not sent because the in-flight limit of 20 requests" in evidence and "12 % of a core" in evidence
    )
    assert report.bottlenecks[0].text.startswith("my-sender")


def test_an_api_that_never_answers_is_described(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10, "failed")
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_api"
    assert "the median request to my-sender got no answer" in only.evidence


def test_arrivals_that_a_late_generator_dropped_are_the_benchs(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):
        run.due(f"m-{slot}", slot / 20, "dropped" if slot % 2 else "accepted", lag_s=0.4, api_s=2.0)
        if slot % 2 == 0:
            run.seen(f"m-{slot}", slot / 20 + 2.3)
    report = found(run, in_flight_limit=20)
    assert report.validity == "invalid"
    assert [each.kind for each in report.bottlenecks] == ["generator"]


def test_one_late_message_does_not_put_the_drops_of_full_slots_on_the_bench(new_run: Build) -> None:
    """All 200 requests wait for 19 s: without the delay of 0.3 s there was no free slot either."""
    run = new_run("run")
    for slot in range(3_000):
        accepted = slot % 1_000 < 200
        if slot % 1_000 >= 970:
            continue  # the requests end here, and the next ones begin
        lag_s = 0.3 if slot == 1_199 else 0.0
        run.due(f"m-{slot}", slot / 50, "accepted" if accepted else "dropped", lag_s=lag_s, api_s=19.5)
        if accepted:
            run.seen(f"m-{slot}", slot / 50 + 19.4)
    sampled(run, "load", in_flight=200.0, lag_p99_ms=1.0)
    report = found(run, in_flight_limit=200, target=OWN)
    assert report.validity != "invalid", [each for each in report.checks if each.state == "invalid"]
    assert [each.kind for each in report.bottlenecks] == ["sender_api"]


def test_what_follows_from_a_cause_is_not_named_beside_it(new_run: Build) -> None:
    """A store that is slow makes the API slow too."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10, api_s=3.0)
        run.seen(f"m-{slot}", slot / 10 + 3.0)
    sampled(run, "sender", cpu_percent=5.0, commit_ms=2_000.0)
    assert kinds(run) == ["sender_store"]


def test_the_part_of_the_load_in_which_it_was_seen(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        late = 100 <= slot < 200
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + (5.0 if late else 0.01))
    sampled(run, "sender", cpu_percent=lambda second: 99.0 if 10 <= second < 20 else 5.0)
    (only,) = found(run).bottlenecks
    assert (only.from_s, only.to_s, round(only.share_of_load, 2)) == (10.0, 20.0, 0.33)


def test_no_number_of_requests_in_flight_if_the_provider_answers_at_once(new_run: Build) -> None:
    """The profile without limits has no delay of the answer: (0) was no number of concurrent requests."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 5, provider_s=0.0)
    sampled(run, "sender", waited_in_flight_s=lambda second: 0.9 * second)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.text == "my-sender has too few concurrent requests to the provider"
    assert only.evidence == (
        "90 % of the time ready messages waited, because the requests in flight were at their maximum",
    )


def test_one_request_at_a_time_was_in_flight(new_run: Build) -> None:
    """10 arrivals/s, and one request of 200 ms at a time: 5/s. The sender reports what messages wait for."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 5, provider_s=0.1999)
    sampled(run, "sender", waited_in_flight_s=lambda second: 0.9 * second)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.text == "my-sender has too few concurrent requests to the provider (1)"
    assert only.evidence[0].startswith("at most 1 request to the provider was in flight at the same time, ")
