"""Whether open messages can change the verdict on the cost: from counts, and from the run's own rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from run_builder import RunBuilder

from analysis.judge.verdict import judge
from analysis.objectives.final_verdict import CostTally, cost_verdict_is_final
from analysis.objectives.grammar import parse
from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, read_rows
from analysis.report import build_report
from loadtests.runner.drain_cost import cost_limit_of, cost_tally
from loadtests.runner.drain_verdicts import DrainVerdicts


@pytest.mark.parametrize(
    ("objective", "tally", "answer"),
    [
        ("cost_per_1000<80", CostTally(7.0, 100, 20), True),  # 70 now, and each delivery makes it cheaper
        ("cost_per_1000<70", CostTally(7.0, 100, 20), False),  # missed now, met if one more arrives
        ("cost_per_1000<58", CostTally(7.0, 100, 20), True),  # 58.3 if all arrive
        ("cost_per_1000<80", CostTally(7.0, 100, 20, 9, 0.1), True),  # 79 if all of them are paid for
        ("cost_per_1000<80", CostTally(7.0, 100, 20, 11, 0.1), False),
        ("cost_per_1000<58", CostTally(7.0, 100, 20, 9, 0.1), True),  # missed even if they are free
        ("cost_per_1000<70", CostTally(7.0, 100, 0), True),  # nothing is open
        ("cost_per_1000<80", CostTally(7.0, 0, 20), False),  # the first delivery gives the verdict
        ("cost_per_1000<80", CostTally(0.0, 100, 20), True),  # no prices: never decided
        ("cost_per_1000<80", CostTally(0.0, 100, 20, unpriced=20), False),
        ("cost_per_1000<=70", CostTally(7.0, 100, 20), True),
        ("cost_per_1000<72", CostTally(7.0, 100, 20), True),
        (
            "cost_per_1000<72",
            CostTally(7.0, 100, 20, width=0.05),
            False,
        ),  # 73.5 at most now, 61.3 if all arrive
        ("cost_per_1000<74", CostTally(7.0, 100, 20, width=0.05), True),
        ("cost_per_1000<57", CostTally(7.0, 100, 20, width=0.05), False),  # 55.4 at least, if all arrive
        ("cost_per_1000<55", CostTally(7.0, 100, 20, width=0.05), True),
        # 58.3 to 70 without the messages with other keys, 100 to 120 with them.
        ("cost_per_1000<130", CostTally(7.0, 100, 20, other_keys=5.0), True),
        ("cost_per_1000<110", CostTally(7.0, 100, 20, other_keys=5.0), False),  # met if all arrive
        ("cost_per_1000<80", CostTally(7.0, 100, 20, other_keys=5.0), True),  # undecided in any case
        ("cost_per_1000<65", CostTally(7.0, 100, 20, other_keys=5.0), False),  # undecided or missed
        ("cost_per_1000<50", CostTally(7.0, 100, 20, other_keys=5.0), True),
        ("cost_per_1000<80", CostTally(7.0, 100, 20, 5, 0.07, other_keys=5.0), False),  # may be their rows
    ],
)
def test_the_verdict_on_the_cost_is_final_when_no_end_changes_its_verdict(
    objective: str, tally: CostTally, answer: bool
) -> None:
    assert cost_verdict_is_final(parse(objective), tally) is answer


def verdict_of(objective: str, paid: float, delivered: int, still_open: int) -> str:
    """As the analysis judges it."""
    if not delivered or not paid:
        return "undecided"
    low, high = 1000.0 * paid / (delivered + still_open), 1000.0 * paid / delivered
    spec = parse(objective)
    return judge(spec.relation, low, high, spec.limit)


def endings(tally: CostTally) -> Iterator[tuple[float, int]]:
    """What may be paid and delivered in the end: any of the open messages arrive, and any of those without a
    price are paid for, at the highest price or less.
    """
    for arrived, charged in product(range(tally.open + 1), range(tally.unpriced + 1)):
        for price in (0.3 * tally.highest, tally.highest):
            yield tally.paid + price * charged, tally.delivered + arrived


def test_no_end_of_the_open_messages_contradicts_a_final_verdict() -> None:
    counts = product((0.0, 0.5, 0.7), (0, 1, 10), (0, 1, 4), (0, 1, 4), (30, 50, 70, 90, 500, 700))
    final_in = {"met": 0, "missed": 0, "undecided": 0}
    for paid, delivered, still_open, unpriced, limit in counts:
        tally = CostTally(paid, delivered, still_open, min(unpriced, still_open), paid / 10)
        objective = f"cost_per_1000<={limit}"
        if not cost_verdict_is_final(parse(objective), tally):
            continue
        ends = {verdict_of(objective, *end, 0) for end in endings(tally)}
        ends.add(verdict_of(objective, paid, delivered, still_open))  # the drain ends now
        assert len(ends) == 1, (tally, limit, ends)
        final_in[ends.pop()] += 1
    assert min(final_in.values()) > 10, final_in


def tally_of(path: Path) -> CostTally:
    load = read_rows(path / "load.arrow", LOAD_SCHEMA)
    return cost_tally(load, read_rows(path / "provider.arrow", PROVIDER_SCHEMA))


def mixed_run(run: RunBuilder) -> None:
    """11 arrivals: 4 delivered, 4 open of which 2 have no price."""
    run.journey("plain", 1.0, 2.0, price=0.07)
    run.due("twice", 1.0)
    run.seen("twice", 1.1, provider_id="P-1", price=0.07, state="open", accepts=1)
    run.seen("twice", 1.1, provider_id="P-1", price=0.07, accepts=2)
    run.seen("twice", 2.1, provider_id="P-2", price=0.07, accepts=2, state="open")
    run.due("long", 1.0)
    run.seen("long", 1.1, price=0.07)
    run.seen("long/2", 1.2, price=0.07)
    run.due("no-answer", 1.0, "failed")
    run.seen("no-answer", 1.1, price=0.07)
    run.due("never-arrives", 1.0)
    run.seen("never-arrives", 1.1, price=0.07, state="undelivered")
    run.due("on-air", 1.0)
    run.seen("on-air", 1.1, price=0.17, state="open")
    run.due("phone-off", 1.0)
    run.seen("phone-off", 1.1, price=0.11, state="open", handset_s=60.0)
    run.due("in-the-sender", 1.0)
    run.due("refused-for-now", 1.0)
    refused = {"state": "rejected", "accepted": False, "price": 0.0}
    run.seen("refused-for-now", 1.1, reason="throttled_requests", **refused)
    run.due("refused-for-good", 1.0)
    run.seen("refused-for-good", 1.1, reason="invalid_number", **refused)
    run.due("not-taken", 1.0, "refused")
    run.due("dropped", 1.0, "dropped")
    run.seen("of-another-run", 1.1, price=9.0)


def test_the_rows_are_counted_as_the_analysis_counts_them(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    mixed_run(run)
    path = run.write(end_s=90.0)
    found = tally_of(path)
    assert (found.delivered, found.open, found.unpriced, found.highest) == (4, 4, 2, 0.17)
    part = build_report(path).parts[0]
    assert found.paid == pytest.approx(part.cost.points) == pytest.approx(7 * 0.07 + 0.11 + 0.17)
    assert found.delivered == part.accounting.delivered + part.accounting.delivered_unacknowledged
    # For the analysis it is the row of the message without one.
    assert (found.other_keys, part.cost.other_keys_points) == (9.0, 0.0)
    assert found.open == part.accounting.open + 1  # the repeat of a refused message was awaited


def test_a_drain_with_a_limit_on_the_cost_ends_before_all_have_arrived(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 5, 2.0, price=0.07)
    for slot in range(5):
        run.due(f"late-{slot}", 20.0)
        run.seen(f"late-{slot}", 20.0, state="open", price=0.07)
    path = run.write()
    (path / "load.arrow").rename(path / "load-0.arrow")
    journal = path / "provider.arrow"

    def is_final(objective: str) -> bool:
        return DrainVerdicts(path, journal, [objective])()

    assert is_final("cost_per_1000<74")  # 73.5 now
    assert not is_final("cost_per_1000<73")  # 70 if all arrive
    assert is_final("cost_per_1000<69.9")
    assert not DrainVerdicts(path, journal, ["cost_per_1000<74", "all.delivered>95%"])()


def test_a_drain_counts_messages_with_other_keys_in_the_upper_end_of_the_cost(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 5, 2.0, price=0.07)
        if slot % 2:
            run.seen(f"m-{slot}-r0", slot / 5 + 1.0, provider_id=f"copy-{slot}", price=0.07)
    run.due("late", 20.0)
    run.seen("late", 20.0, state="open", price=0.07)
    path = run.write()
    found = tally_of(path)
    cost = build_report(path).parts[0].cost
    assert found.other_keys == pytest.approx(cost.other_keys_points) == pytest.approx(50 * 0.07)
    assert found.paid == pytest.approx(cost.points - cost.other_keys_points)


def test_the_limit_on_the_cost_is_found_among_the_objectives() -> None:
    found = cost_limit_of(("otp.p95<10s", "cost_per_1000<80"))
    assert found is not None and found.text == "cost_per_1000<80"
    assert cost_limit_of(("otp.p95<10s",)) is None
