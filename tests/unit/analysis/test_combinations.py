"""Rules of the analysis where they meet, and at their allowed boundaries: each was found by a planted bug."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from run_builder import Build, RunBuilder, Suite

from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import PROVIDER_SCHEMA, RecordedScenario, Timing, read_manifest
from analysis.report import build_report


def analysed(run: RunBuilder, **manifest: Any) -> PartReport:
    run_dir = run.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


# Cost: what a message costs is counted once, as paid for a duplicate or for a message that did not arrive.


def duplicated(run: RunBuilder, key: str, due_s: float, states: tuple[str, str], price: float = 0.5) -> None:
    run.due(key, due_s)
    for copy, state in enumerate(states):
        run.seen(key, due_s + 0.1 + copy, state=state, provider_id=f"P-{key}-{copy}", accepts=2, price=price)


@pytest.mark.parametrize(
    ("states", "second_copies", "undelivered"),
    [
        (("delivered", "delivered"), 0.5, 0.0),
        (("delivered", "undelivered"), 0.5, 0.0),
        (("undelivered", "delivered"), 0.5, 0.0),
        (("undelivered", "undelivered"), 0.5, 0.5),
        (("undelivered", "expired"), 0.5, 0.5),
        (("open", "undelivered"), 0.5, 0.0),  # it may still arrive
        (("open", "open"), 0.5, 0.0),
    ],
)
def test_a_message_that_is_duplicated_and_undelivered_is_not_paid_for_three_times(
    states: tuple[str, str], second_copies: float, undelivered: float, new_run: Build
) -> None:
    run = new_run("run")
    duplicated(run, "m", 1.0, states)
    cost = analysed(run).cost
    assert cost.points == pytest.approx(1.0)
    assert cost.duplicates_points == pytest.approx(second_copies)
    assert cost.undelivered_points == pytest.approx(undelivered)


def test_costs_of_all_kinds_together_do_not_exceed_what_was_paid(new_run: Build) -> None:
    run = new_run("run")
    states = ("delivered", "undelivered", "expired", "rejected", "unknown", "open")
    for number, pair in enumerate(product(states, states)):
        duplicated(run, f"d-{number}", number, pair, price=0.25)
    for number, state in enumerate(states):
        run.due(f"s-{number}", number)
        run.seen(f"s-{number}", number + 0.1, state=state, price=0.25)
    cost = analysed(run).cost
    assert cost.points == pytest.approx(0.25 * (2 * 36 + 6))
    assert cost.duplicates_points == pytest.approx(0.25 * 36)
    # Undelivered: of the 36 those of which no copy has arrived or may still arrive, and four of the six.
    undelivered = sum(not {"delivered", "open"} & set(pair) for pair in product(states, states))
    assert cost.undelivered_points == pytest.approx(0.25 * (undelivered + 4))


# Scale: a part whose provider was scaled along is evidence of its own level and nothing beyond.


@pytest.mark.parametrize(("scale", "carried"), [(1.0, 1_440_000), (288.0, None)])
def test_a_scaled_provider_is_no_evidence_beyond_the_level(
    scale: float, carried: int | None, new_run: Build, write_suite: Suite
) -> None:
    for name, speedup in (("a-peak", 1.0), ("b-dense", 288.0)):
        run = new_run(name)
        for slot in range(300):
            run.journey(f"m-{slot}", slot / 10, 2.0)
        run.write(
            load_s=30.0,
            end_s=40.0,
            scenario=RecordedScenario(
                name=name,
                title=name,
                role="peak_slice" if speedup == 1.0 else "compressed_day",
                messages_per_day=5_000,
            ),
            timing=Timing(speedup=speedup, provider_scale=1.0 if speedup == 1.0 else scale, window="day"),
        )
    report = build_report(write_suite("a-peak", "b-dense"))
    (level,) = report.levels
    assert level.highest_tried_per_day == (carried or 5_000)
    assert level.highest_sustained_per_day == (carried or 5_000)
    assert level.ten_times == ("yes" if carried else "undecided")


def test_a_scaled_part_alone_carries_nothing(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 2.0)
    report = build_report(
        run.write(
            load_s=30.0,
            end_s=40.0,
            scenario=RecordedScenario(name="d", title="d", role="compressed_day", messages_per_day=5_000),
            timing=Timing(speedup=288.0, provider_scale=288.0, window="day"),
        )
    )
    (level,) = report.levels
    assert report.parts[0].equivalent_per_day == 5_000
    assert (level.highest_sustained_per_day, level.highest_tried_per_day) == (None, None)
    assert level.ten_times == "undecided"


# Validity: the order of a message's timestamps, each pair at its boundary.


@pytest.mark.parametrize(
    ("early_s", "wrong"), [(0.0, 0), (0.0009, 0), (0.0011, 1), (0.5, 1), (0.999, 1), (1.0, 1)]
)
def test_a_send_before_its_time_is_seen_from_a_millisecond_on(
    early_s: float, wrong: int, new_run: Build
) -> None:
    run = new_run("run")
    run.due("m", 10.0, lag_s=-early_s)
    run.seen("m", 10.1)
    part = analysed(run)
    assert part.timestamp_order.wrong == wrong
    assert bool(part.timestamp_order.examples) == bool(wrong)
    check = next(each for each in part.checks if each.name == "timestamp order")
    assert check.state == ("invalid" if wrong else "ok")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("t_submitted_ns", "t_answered_ns"),
        ("t_submitted_ns", "t_carrier_ns"),
        ("t_carrier_ns", "t_final_ns"),
        ("t_final_ns", "t_reported_ns"),
        ("t_reported_ns", "t_confirmed_ns"),
        ("t_submitted_ns", "t_accepted_ns"),
        ("t_accepted_ns", "t_answered_ns"),
    ],
)
@pytest.mark.parametrize(("gap_ns", "wrong"), [(0, 0), (-1_000, 1), (-900_000_000, 1)])
def test_the_order_of_every_pair_of_provider_timestamps_is_checked(
    earlier: str, later: str, gap_ns: int, wrong: int, new_run: Build
) -> None:
    run = new_run("run")
    run.due("m", 10.0)
    run.seen("m", 10.1)
    row = list(run.provider[0])
    of = {name: PROVIDER_SCHEMA.get_field_index(name) for name in PROVIDER_SCHEMA.names}
    if gap_ns == 0 or earlier != "t_submitted_ns":
        row[of[later]] = row[of[earlier]] + gap_ns
    else:  # the submit moves, so that it alone is out of order
        row[of[earlier]] = row[of[later]] - gap_ns
    # What comes after the later mark must not be before it on that account.
    apart = ("t_accepted_ns", "t_scheduled_ns")
    names = [name for name in PROVIDER_SCHEMA.names if name.startswith("t_") and name not in apart]
    names.insert(1, "t_accepted_ns")
    for name in names[names.index(later) + 1 :]:
        row[of[name]] = max(row[of[name]], row[of[later]])
    run.provider[0] = tuple(row)
    assert analysed(run).timestamp_order.wrong == wrong


@pytest.mark.parametrize(("dropped", "state"), [(0, "ok"), (1, "warn"), (2, "invalid")])
def test_a_share_at_its_limit_is_allowed(dropped: int, state: str, new_run: Build) -> None:
    run = new_run("run")
    for slot in range(1_000):
        run.due(f"m-{slot}", slot / 20, outcome="dropped" if slot < dropped else "accepted")
    check = next(each for each in analysed(run).checks if each.name == "dropped arrivals")
    assert check.state == state


# Backlog: a message whose reply is read after its submit never waits, and takes no place in the queue.


def test_a_message_submitted_before_its_reply_is_read_hides_no_other_that_waits(new_run: Build) -> None:
    run = new_run("run")
    run.due("waits", 1.0, api_s=0.0)
    run.seen("waits", 20.0)
    for slot in range(5):  # submitted at 4 s, their replies read at 6 s
        run.due(f"early-{slot}", 3.5, api_s=2.5)
        run.seen(f"early-{slot}", 4.0)
    timeline = analysed(run, load_s=30.0, end_s=30.0).timeline
    assert timeline.peak_unsubmitted == 1
    unsubmitted = timeline.backlog[0]
    while_it_waits = [
        value for at_s, value in zip(unsubmitted.at_s, unsubmitted.value, strict=True) if 1.1 < at_s < 19.9
    ]
    assert while_it_waits
    assert set(while_it_waits) == {1.0}


def test_the_backlog_of_the_undelivered_is_never_under_that_of_the_unsubmitted(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(50):
        run.due(f"m-{slot}", slot / 10, api_s=(slot % 7) / 2)
        run.seen(f"m-{slot}", slot / 10 + 0.4, provider_s=0.0, carrier_s=0.0, radio_s=(slot % 5) / 4)
    unsubmitted, undelivered = analysed(run, load_s=5.0, end_s=12.0).timeline.backlog
    assert all(below <= above for below, above in zip(unsubmitted.value, undelivered.value, strict=True))
    assert all(value >= 0 for value in unsubmitted.value if value is not None)
