"""Each check must be able to say every word it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from run_builder import Build, RunBuilder

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.judge.checks import TightestObjective, schedule_lag, worst_rate_error
from analysis.measure.late_generator import ScheduleLag
from analysis.part import analyse_part
from analysis.records import read_manifest
from analysis.report import build_report


def checked(run: RunBuilder, name: str, **manifest: Any) -> str:
    run_dir = run.write(**manifest)
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    return str(next(each.state for each in part.checks if each.name == name))


@pytest.mark.parametrize(("lag_s", "state"), [(0.001, "ok"), (0.02, "warn"), (0.2, "invalid")])
def test_schedule_lag(new_run: Build, lag_s: float, state: str) -> None:
    run = new_run("run")
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=lag_s)
    assert checked(run, "schedule lag") == state


@pytest.mark.parametrize(
    ("second", "disturbed_s", "words"),
    [
        (0, 1.0, "other programs used the cores for 1.00 s, without these p99 1.00 ms"),
        (1, 1.0, "other programs used the cores for 1.00 s, which does not explain the delay"),
        (0, 60.0, "other programs used the cores for 60.0 s, too long to be excluded"),
    ],
)
def test_seconds_in_which_others_had_the_cores_are_reported(
    second: int, disturbed_s: float, words: str
) -> None:
    late = ScheduleLag(
        lag_s=np.array([3.0] * 10 + [0.001] * 10),
        disturbed=np.arange(20) // 10 == second,
        disturbed_s=disturbed_s,
        load_s=100.0,
    )
    assert schedule_lag(late, TightestObjective(20.0)).value == f"p99 3.00 s; {words}"


def test_an_objective_that_is_tighter_than_the_bench_is_named_as_the_cause() -> None:
    late = ScheduleLag(np.full(200, 0.00175), np.zeros(200, dtype=bool), 0.0, 100.0)
    found = schedule_lag(late, TightestObjective(0.1))
    assert found.state == "invalid"
    assert "invalid > 1.00 ms, 1 % of the tightest objective (100 ms)" in found.limit
    assert found.value == "p99 1.75 ms; an objective on a delivery time allows 1.00 ms"
    assert found.advice.startswith(
        "an objective of 100 ms on a delivery time allows the bench a delay of 1.00 ms (1 % of the limit)"
    )


@pytest.mark.parametrize(("cpu_percent", "idle"), [(9.0, True), (97.0, False)])
def test_an_idle_generator_that_was_late_needs_no_more_workers(
    new_run: Build, cpu_percent: float, idle: bool
) -> None:
    """A disk blocked for 0.6 s in one of 25 seconds. The advice was to add workers."""
    run = new_run("run")
    for slot in range(2_500):
        late = 1_000 <= slot < 1_060
        run.journey(f"m-{slot}", slot / 100, 3.0, lag_s=0.6 - (slot - 1_000) / 100 if late else 0.001)
    for second in range(1, 26):
        run.sample(second, "load", "lag_p99_ms", 590.0 if second == 11 else 2.0)
        run.sample(second, "load", "lag_own_p99_ms", 590.0 if second == 11 else 2.0)
        run.sample(second + 0.2, "load", "cpu_percent", cpu_percent if second in (10, 11) else 20.0)
        run.sample(second, "machine", "others_percent", 30.0)
    (part,) = build_report(run.write(load_s=25.0)).parts
    (check,) = [each for each in part.checks if each.name == "schedule lag"]
    assert check.state == "invalid"
    said = "the load generator used 20.0 % of a core at most while it was late" in check.advice
    assert (said, "add workers" in check.advice) == (idle, not idle)


@pytest.mark.parametrize(
    ("quiet_s", "load_s", "advice"),
    [
        (0.001, 20.0, "use a machine without other programs"),
        (0.001, 1_000.0, "use a machine without other programs"),
        (
            0.007,
            20.0,
            "use a machine without other programs. If it is late there too: an objective of 50 ms",
        ),
    ],
)
@pytest.mark.parametrize("share", [0.01, 0.1])
def test_a_tight_objective_is_not_blamed_for_other_programs(
    quiet_s: float, load_s: float, advice: str, share: float
) -> None:
    """With 20 messages per second a lower rate does not help."""
    disturbed = np.arange(400) < 160
    late = ScheduleLag(np.where(disturbed, 0.00722, quiet_s), disturbed, 8.03, load_s)
    found = schedule_lag(late, TightestObjective(0.005 / share, share))
    assert found.advice.startswith(advice.replace("50 ms", "500 ms" if share == 0.01 else "50 ms"))
    assert ("allows the bench a delay of 5.00 ms" in found.advice) is (quiet_s == 0.007)
    assert found.limit.startswith("invalid > 5.00 ms, ")


@pytest.mark.parametrize(("limit_s", "words"), [(0.5, "invalid > 5.00 ms"), (1.0, "invalid > 10.0 ms")])
def test_a_warning_is_not_above_the_limit_of_an_invalid_run(limit_s: float, words: str) -> None:
    late = ScheduleLag(np.full(200, 0.002), np.zeros(200, dtype=bool), 0.0, 100.0)
    found = schedule_lag(late, TightestObjective(limit_s))
    assert found.state == "ok"
    assert found.limit.startswith(words)
    wide = schedule_lag(late, TightestObjective(20.0))
    assert wide.limit.startswith("warn > 10.0 ms, invalid > 200 ms")


@pytest.mark.parametrize(
    ("late_ms", "objective", "state", "limit"),
    [
        (7.0, "otp.p95<500ms", "warn", "warn a single stall > 5 ms, invalid > 10 ms"),
        (12.0, "otp.p95<500ms", "invalid", "warn a single stall > 5 ms, invalid > 10 ms"),
        (12.0, "otp.p95<20s", "warn", "warn > 10 ms or a single stall > 200 ms, invalid > 200 ms"),
    ],
)
def test_the_limits_of_the_provider_are_those_that_decide(
    new_run: Build, late_ms: float, objective: str, state: str, limit: str
) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    for second in range(60):
        run.sample(second, "provider", "loop_lag_ms", late_ms)
    (part,) = build_report(run.write(objectives=(objective,))).parts
    found = next(each for each in part.checks if each.name == "provider's event loop")
    assert (found.state, found.limit) == (state, limit)


def test_a_tight_objective_is_named_with_the_limit_that_the_user_gave(new_run: Build) -> None:
    """A limit on the sender's answer is quoted as given, with its share of 10 %."""
    run = new_run("run")
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.1)
    report = build_report(run.write(objectives=("otp.p95<20s", "api.p99<6ms")))
    found = next(each for each in report.parts[0].checks if each.name == "schedule lag")
    assert "invalid > 600 µs, 10 % of the tightest objective (6 ms)" in found.limit
    assert found.advice.startswith(
        "an objective of 6 ms on the sender's answer allows the bench a delay of 600 µs (10 % of the limit)"
    )
    screen = first_screen(report)
    assert "What to do: an objective of 6 ms" in as_text(screen.trust)
    assert not contradictions(screen, report)


@pytest.mark.parametrize(
    ("objectives", "state"),
    [
        (("otp.p95<20s",), "warn"),
        (("otp.p95<5s",), "invalid"),
        (("otp.p95<20s", "api.p99<500ms"), "invalid"),  # the lag is a fifth of what the answer may take
        (("api.p99<2s",), "warn"),
    ],
)
def test_the_lag_that_makes_a_run_invalid_depends_on_the_objectives(
    new_run: Build, objectives: tuple[str, ...], state: str
) -> None:
    run = new_run("run")
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.1)
    report = build_report(run.write(objectives=objectives))
    assert next(each.state for each in report.parts[0].checks if each.name == "schedule lag") == state


@pytest.mark.parametrize(
    ("resent", "closed_idle", "found"),
    [
        (0, 0, []),
        (0, 7, [("ok", "0 messages sent again, 7 connections closed while idle")]),
        (3, 7, [("warn", "3 messages sent again, 7 connections closed while idle")]),
    ],
)
def test_messages_sent_again_after_a_closed_connection_are_reported(
    new_run: Build, resent: int, closed_idle: int, found: list[tuple[str, str]]
) -> None:
    run = new_run("run")
    run.journey("m-0", 0.0, 3.0)
    for at_s in (1.0, 2.0, 61.0):  # counts grow, also while messages are awaited
        run.sample(at_s, "load", "resent", min(at_s, resent))
        run.sample(at_s, "load", "closed_idle", min(at_s, closed_idle))
    run_dir = run.write(end_s=70.0)
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert [(each.state, each.value) for each in part.checks if each.name == "closed connections"] == found


@pytest.mark.parametrize(("dropped", "state"), [(0, "ok"), (1, "warn"), (3, "invalid")])
def test_dropped_arrivals(new_run: Build, dropped: int, state: str) -> None:
    run = new_run("run")
    for slot in range(2_000):
        run.due(f"m-{slot}", slot / 100, "dropped" if slot < dropped else "accepted")
    assert checked(run, "dropped arrivals") == state


def test_offered_rate_is_judged_in_its_worst_ten_seconds() -> None:
    due = np.arange(0.0, 60.0, 0.01)
    assert worst_rate_error(due, due + 0.001, 60.0)[0] == 0.0
    # Half a second's sends fall into the next window.
    stalled = np.where((due > 29.5) & (due < 30.0), 30.0, due)
    error, at_s = worst_rate_error(due, stalled, 60.0)
    assert (round(error, 3), at_s) == (0.047, 20.0)
    # What is never sent is missing from its window.
    missing = np.where(due > 55.0, np.nan, due)
    assert worst_rate_error(due, missing, 60.0)[0] == pytest.approx(0.5, abs=0.01)


def test_a_message_at_the_edge_of_a_window_is_no_rate_error() -> None:
    due = np.array([1.0, 9.9995, 15.0, 25.0])
    assert worst_rate_error(due, due + 0.001, 30.0)[0] == 0.0


@pytest.mark.parametrize(
    ("process", "name", "value", "check", "state"),
    [
        ("load", "cpu_percent", 95.0, "generator CPU", "warn"),
        ("load", "cpu_percent", 40.0, "generator CPU", "ok"),
        ("machine", "cpu_percent", 99.0, "machine CPU", "warn"),
        ("provider", "loop_lag_ms", 5.0, "provider's event loop", "ok"),
        ("provider", "loop_lag_ms", 50.0, "provider's event loop", "warn"),
        ("provider", "loop_lag_ms", 250.0, "provider's event loop", "invalid"),
        ("provider", "timer_late_ms", 5.0, "provider's event loop", "ok"),
        ("provider", "timer_late_ms", 250.0, "provider's event loop", "invalid"),
        ("sender", "loop_lag_ms", 150.0, "provider's event loop", "not_checked"),
    ],
)
def test_samples(new_run: Build, process: str, name: str, value: float, check: str, state: str) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    for second in range(60):
        run.sample(second, process, name, value)
    run.sample(70.0, process, name, 1e9)  # after the load: the drain is not judged
    assert checked(run, check, end_s=80.0) == state


def test_a_single_stall_of_the_provider_is_said(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    for second in range(60):
        run.sample(second, "provider", "loop_lag_ms", 2_000.0 if second == 30 else 1.0)
    assert checked(run, "provider's event loop") == "warn"


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("finished", "ok"),
        ("drain_timeout", "warn"),
        ("drain_ended", "warn"),
        ("interrupted", "warn"),
        ("error: provider died", "invalid"),
    ],
)
def test_how_it_ended(new_run: Build, reason: str, state: str) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    run.due("waits", 2.0)
    run.seen("waits", 2.1, state="open")
    assert checked(run, "end of the run", exit_reason=reason) == state


@pytest.mark.parametrize("reason", ["drain_timeout", "drain_ended"])
def test_a_wait_that_was_cut_without_an_open_message_is_no_reservation(new_run: Build, reason: str) -> None:
    """Messages on their way at the runner's last look arrived while it stopped the processes. The page said
    that a message without a final state counts with its age, and to give the drain more time.
    """
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    run.due("unseen", 2.0)
    assert checked(run, "end of the run", exit_reason=reason) == "warn"
    whole = new_run("whole")
    whole.journey("m", 1.0, 3.0)
    run_dir = whole.write(exit_reason=reason, drain_timeout_s=20.0)
    (part,) = build_report(run_dir).parts
    (check,) = [each for each in part.checks if each.name == "end of the run"]
    assert check.state == "ok"
    assert check.value.endswith(", with no message open")


@pytest.mark.parametrize(
    ("late_ms", "value"),
    [
        ([29.6] * 20, "at most 29.6 ms"),
        ([12.0] * 39 + [80.0], "at most 12.0 ms in 95 % of the seconds, 80.0 ms in the worst"),
    ],
)
def test_how_late_the_provider_was_is_said_once(new_run: Build, late_ms: list[float], value: str) -> None:
    """*The mock provider was late: 29.6 ms late, at most 29.6 ms.*"""
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    for second, late in enumerate(late_ms, start=1):
        run.sample(second, "provider", "loop_lag_ms", late)
    report = build_report(run.write())
    (check,) = [each for each in report.parts[0].checks if each.name == "provider's event loop"]
    assert check.value == value
    assert f"The mock provider was late: {value}. " in as_text(first_screen(report).trust)


def test_messages_left_open_by_a_finished_run_do_not_change_the_verdict(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    run.due("waits", 2.0)
    run.seen("waits", 2.1, state="open")
    assert checked(run, "end of the run") == "ok"
    assert checked(run, "end of the run", exit_reason="drain_ended") == "warn"


def test_the_plateau_of_delayed_acknowledgements_is_flagged(new_run: Build) -> None:
    run = new_run("nagle")
    for slot in range(400):
        run.journey(f"m-{slot}", slot / 10, 3.0, api_s=0.044 if slot % 3 == 0 else 0.002)
    assert checked(run, "Nagle delay (40 ms)") == "warn"
    smooth = new_run("smooth")
    for slot in range(400):
        smooth.journey(f"m-{slot}", slot / 10, 3.0, api_s=0.020 + slot / 10_000)
    assert checked(smooth, "Nagle delay (40 ms)") == "ok"


def test_no_rows_at_all_is_invalid(new_run: Build) -> None:
    assert checked(new_run("run"), "files") == "invalid"


@pytest.mark.parametrize("objective", ["delivered>94%", "otp.p95<20s"])
def test_a_percentile_that_nobody_asked_of_these_messages_is_no_reservation(
    new_run: Build, objective: str
) -> None:
    """The page said that an objective with too few messages cannot be met, and no objective had too few."""
    run = new_run("run")
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 10, 3.0, message_class="marketing")
    report = build_report(run.write(objectives=("loss=0",)), objectives=(objective,))
    (check,) = [each for each in report.parts[0].checks if each.name == "sample size"]
    found = "no objective has a percentile of these classes (marketing 100)"
    assert (check.state, check.value) == ("ok", found)
    assert "umber of messages" not in as_text(first_screen(report).trust)


def test_a_load_without_accepted_messages_is_too_small_for_a_percentile(new_run: Build) -> None:
    run = new_run("run")
    run.due("m-1", 1.0, outcome="refused")
    (part,) = build_report(run.write(), objectives=("otp.p95<20s",)).parts
    (check,) = [each for each in part.checks if each.name == "sample size"]
    assert (check.state, check.value) == ("warn", "no message was accepted")
