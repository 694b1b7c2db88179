"""Whether open messages can change a verdict: from counts, and from the run's own rows."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from nanoseconds import S

from analysis.measure.percentiles import interval_ranks
from analysis.objectives.final_verdict import ObjectiveTally, verdict_is_final
from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, RowWriter
from loadtests.runner.drain_verdicts import (
    DrainVerdicts,
    Wanted,
    tallies,
    wanted_of,
)

OTP = Wanted("otp", 0.95, 10.0)
ALL = Wanted("all", 0.95, 10.0)
AT_ALL = Wanted("all", 0.9, None)


def verdict(within: int, total: int, share: float) -> str:
    """By the interval that the analysis takes."""
    if not total:
        return "undecided"
    (lower,), (upper,) = interval_ranks(total, [100.0 * share])
    if upper <= within:
        return "met"
    return "missed" if lower > within else "undecided"


@pytest.mark.parametrize(
    ("tally", "answer"),
    [
        (ObjectiveTally(1_000, 0, young=5), True),  # met, whatever becomes of five
        (ObjectiveTally(1_000, 0, young=100), False),
        (ObjectiveTally(100, 900, young=50), True),  # missed by far
        (ObjectiveTally(100, 900, old=50), True),
        (ObjectiveTally(930, 20, young=50), False),
        (ObjectiveTally(20, 0, young=1), True),  # too few for any verdict, with or without the open one
        (ObjectiveTally(60, 0, young=300), False),  # may be enough, once they have come
        (ObjectiveTally(0, 0), True),
        (ObjectiveTally(1_000, 0, old=200), False),  # phones that were off, or far too late
    ],
)
def test_a_final_verdict_means_that_no_end_changes_the_verdict(tally: ObjectiveTally, answer: bool) -> None:
    assert verdict_is_final(0.95, tally) is answer


def test_no_end_of_the_open_messages_contradicts_a_final_verdict() -> None:
    """By the analysis' own interval, over many counts: each young one in time or late, each old one late or
    not counted."""
    sizes = [(within, beyond) for within in (0, 80, 400, 1_500, 4_000) for beyond in (0, 3, 60)]
    checked = 0
    for (within, beyond), young, old, share in product(sizes, (0, 2, 9), (0, 1, 9), (0.5, 0.95, 0.99)):
        if not verdict_is_final(share, ObjectiveTally(within, beyond, young, old)):
            continue
        ends = {
            verdict(within + arrive, within + beyond + young + late, share)
            for arrive in {0, young // 2, young}
            for late in {0, old // 2, old}
        }
        assert len(ends) == 1, (within, beyond, young, old, share, ends)
        checked += 1
    assert checked > 100


def test_messages_that_share_their_delay_must_be_final_for_the_evidence_they_carry() -> None:
    tally = ObjectiveTally(1_000, 3, young=20)
    assert verdict_is_final(0.95, tally)
    assert verdict_is_final(0.95, tally, evidence=0.7)
    # A fifth of the messages is independent: the limit lies within the interval of one end, not of the other.
    assert not verdict_is_final(0.95, tally, evidence=0.2)


def arrival(
    key: str, due_s: float, message_class: str = "otp", outcome: str = "accepted"
) -> tuple[object, ...]:
    due_ns = round(due_s * S)
    return key, message_class, "", 0, due_ns, due_ns, due_ns, outcome, 202, ""


def row(
    key: str, state: str, delivered_s: float | None, wait_s: float = 0.0, carrier_s: float | None = None
) -> dict[str, object]:
    delivered_ns = None if delivered_s is None else round(delivered_s * S)
    return {
        "key": key,
        "state": state,
        "t_final_ns": delivered_ns,
        "t_carrier_ns": None if carrier_s is None else round(carrier_s * S),
        "handset_wait_ns": round(wait_s * S),
    }


def load_of(*arrivals: tuple[object, ...]) -> pa.Table:
    columns = zip(*arrivals, strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, LOAD_SCHEMA, strict=True)], LOAD_SCHEMA)


def journal_of(*rows: dict[str, object]) -> pa.Table:
    filled = [{field.name: each.get(field.name) for field in PROVIDER_SCHEMA} for each in rows]
    return pa.Table.from_pylist(filled, PROVIDER_SCHEMA)


def counted(load: pa.Table, journal: pa.Table, now_s: float, *wanted: Wanted) -> list[ObjectiveTally]:
    return [found.tally for found in tallies(load, journal, round(now_s * S), wanted)]


def test_each_message_is_counted_once_and_by_its_last_row() -> None:
    load = load_of(
        arrival("quick", 1.0),
        arrival("slow", 2.0),
        arrival("found", 3.0),  # its phone was off at first
        arrival("refused", 4.0),
        arrival("on-air", 95.0),
        arrival("old", 5.0),
        arrival("unseen", 99.0),
        arrival("phone-off", 5.0),
        arrival("news", 6.0, "marketing"),
    )
    journal = journal_of(
        row("quick", "open", None),
        row("quick", "delivered", 4.0),
        row("slow", "delivered", 13.0),
        row("found", "delivered", 70.0, wait_s=60.0),
        {**row("refused", "rejected", None), "reason": "invalid_number"},
        row("on-air", "open", None),
        row("old", "open", None),
        row("phone-off", "open", None, wait_s=3_600.0),
        row("news", "delivered", 7.0),
        row("of-another-run", "delivered", 1.0),
    )
    otp, everything, at_all = counted(load, journal, 100, OTP, ALL, AT_ALL)
    assert at_all == ObjectiveTally(within=4, beyond=1, young=4)
    assert otp == ObjectiveTally(within=1, beyond=1, young=2, old=2)
    assert everything == ObjectiveTally(within=2, beyond=1, young=2, old=2)


def test_a_message_that_was_refused_for_the_time_being_may_still_arrive() -> None:
    load = load_of(
        *(arrival(key, 95.0) for key in ("for-now", "for-good", "at-carrier")), arrival("old", 1.0)
    )
    journal = journal_of(
        {**row("for-now", "rejected", None), "reason": "throttled_requests", "accepts": 0},
        {**row("for-good", "rejected", None), "reason": "invalid_number", "accepts": 0},
        {**row("at-carrier", "rejected", None, carrier_s=96.0), "reason": "unknown", "accepts": 1},
        {**row("old", "rejected", None), "reason": "throttled_requests", "accepts": 0},
    )
    otp, at_all = counted(load, journal, 100, OTP, AT_ALL)
    assert otp == ObjectiveTally(0, 0, young=1, old=2)
    assert at_all == ObjectiveTally(0, beyond=2, young=2)


def test_a_copy_that_arrived_speaks_for_its_message() -> None:
    """A message that the provider accepted twice has arrived with its first copy, whatever becomes of the
    other; without it, the other copy may still arrive.
    """
    load = load_of(*(arrival(key, 1.0) for key in ("then-failed", "then-later", "then-open", "first-failed")))
    first = {"provider_id": "P-1", "accepts": 2}
    second = {"provider_id": "P-2", "accepts": 2}
    journal = journal_of(
        *(
            row(key, "delivered", 5.0, carrier_s=2.0) | first
            for key in ("then-failed", "then-later", "then-open")
        ),
        row("then-failed", "undelivered", 9.0, carrier_s=2.0) | second,
        row("then-later", "delivered", 90.0, carrier_s=2.0) | second,
        row("then-open", "open", None) | second,
        row("first-failed", "open", None) | second,
        row("first-failed", "undelivered", 9.0, carrier_s=2.0) | first,
    )
    otp, at_all = counted(load, journal, 100, OTP, AT_ALL)
    assert otp == ObjectiveTally(within=3, beyond=0, young=0, old=1)
    assert at_all == ObjectiveTally(within=3, beyond=0, young=1)


def test_what_ended_behind_the_carrier_does_not_count_unless_its_time_ran_out() -> None:
    load = load_of(*(arrival(key, 1.0) for key in ("failed", "out-of-time", "queued-out")))
    journal = journal_of(
        row("failed", "undelivered", 4.0, carrier_s=2.0),
        row("out-of-time", "expired", 4.0, carrier_s=2.0),
        row("queued-out", "expired", 4.0),
    )
    assert counted(load, journal, 100, OTP) == [ObjectiveTally(0, 0, old=2)]


def test_a_time_equal_to_the_limit_is_met_and_with_an_empty_journal_no_verdict_is_final() -> None:
    load = load_of(arrival("m", 1.0))
    assert counted(load, journal_of(row("m", "delivered", 11.0)), 100, OTP) == [ObjectiveTally(1, 0)]
    assert counted(load, PROVIDER_SCHEMA.empty_table(), 5, OTP) == [ObjectiveTally(0, 0, young=1)]


def test_the_evidence_is_that_of_the_messages_that_arrived() -> None:
    def evidence_of(times_s: list[float]) -> float:
        load = load_of(*(arrival(f"m-{i}", float(i)) for i in range(len(times_s))))
        rows = [row(f"m-{i}", "delivered", i + took_s) for i, took_s in enumerate(times_s)]
        (found,) = tallies(load, journal_of(*reversed(rows)), 10_000 * S, [OTP])
        return found.evidence

    alternating = [1.0 + i % 2 for i in range(200)]
    queue = [1.0 + i / 100 for i in range(200)]  # each waits a little longer than the one before it
    assert evidence_of(alternating) == 1.0
    assert evidence_of(queue) < 0.05


def test_the_verdicts_are_read_from_the_files_of_the_run(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    verdicts = DrainVerdicts(tmp_path, journal, ["otp.p95<10s"])
    assert not verdicts()  # no journal, no answer
    writer = RowWriter(tmp_path / "load-0.arrow", LOAD_SCHEMA)
    for slot in range(300):
        writer.append(arrival(f"m-{slot}", float(slot)))
    writer.append(arrival("dropped", 1.0, outcome="dropped"))
    writer.close()
    rows = RowWriter(journal, PROVIDER_SCHEMA)
    for slot in range(298):
        values = row(f"m-{slot}", "delivered", slot + 2.0)
        rows.append([values.get(field.name) for field in PROVIDER_SCHEMA])
    rows.flush()  # and not closed: the provider still runs
    assert DrainVerdicts(tmp_path, journal, ["otp.p95<10s"])()
    assert DrainVerdicts(tmp_path, journal, ["otp.p95<10s", "otp.p99<1s"])()
    assert not DrainVerdicts(tmp_path, journal, ["otp.p98<10s"])()
    assert not DrainVerdicts(tmp_path, None, ["otp.p95<10s"])()
    rows.close()


def test_what_the_objectives_want_of_open_messages() -> None:
    given = ("otp.p95<10s", "all.delivered>90%", "loss=0", "api.p99<500ms", "availability>99%")
    assert wanted_of(given) == (OTP, AT_ALL)
    assert wanted_of(("otp.p95<10s", "cost_per_1000<80")) == (OTP,)
