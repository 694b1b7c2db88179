"""What the bench dropped is no failure of the sender."""

from __future__ import annotations

from run_builder import Build

from analysis.report import build_report


def test_what_a_late_bench_dropped_is_no_failure_of_the_sender(new_run: Build) -> None:
    """No request waited, and the bench sent the previous message 0.4 s late."""
    run = new_run("run")
    for slot in range(600):
        run.journey(f"m-{slot}", slot / 5, 3.0)
    run.journey("late", 9.9, 3.0, lag_s=0.4)
    for slot in range(5):
        run.due(f"x-{slot}", 10.0, "dropped")
    report = build_report(
        run.write(load_s=120.0, end_s=150.0, in_flight_limit=1_800),
        objectives=("not_taken<=0.1%", "availability>=100%"),
    )
    (part,) = report.parts
    assert (part.accounting.dropped, part.accounting.dropped_by_bench, part.accounting.not_taken) == (5, 5, 0)
    found = {each.measure: each for each in report.objectives}
    judged = found["not_taken"]
    assert judged.verdict == "met"
    assert "in-flight limit" not in judged.why
    assert "5 that the bench was too late to send do not count" in judged.why
    available = found["availability"]
    assert available.verdict == "met"
    assert "did not take" not in available.why
    assert part.validity == "invalid"  # it is the bench's failure
