"""One run directory of several rounds, taken apart into a part each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from nanoseconds import S

from analysis import records
from analysis.report import build_report
from loadtests.arrivals import Constant, Plan, Stream
from loadtests.recording import LoadRecorder, LoadStatus, read_rounds
from loadtests.runner.drain import Drain
from loadtests.runner.queries import ServiceState
from loadtests.runner.rounds import split_rounds, stopped_early
from loadtests.runner.sampling import Snapshot

STARTS = (100 * S, 200 * S)
PLAN = Plan(streams=(Stream(process=Constant(rate_per_s=10.0, duration_s=10.0)),), seed=1, key_tag="t")


def load_row(key: str, at_ns: int, outcome: str = "accepted") -> tuple[Any, ...]:
    return (key, "otp", "", 0, at_ns, at_ns, at_ns + 1_000, outcome, 202, "")


def provider_row(key: str, at_ns: int, delivered_ns: int | None) -> tuple[Any, ...]:
    times = (at_ns + 2_000, at_ns + 3_000, at_ns + 4_000, delivered_ns, delivered_ns, delivered_ns)
    state = "open" if delivered_ns is None else "delivered"
    return (
        key,
        f"P-{key}",
        "main",
        "smsapi",
        "PL",
        "a",
        1,
        1,
        1,
        *times,
        state,
        "",
        0.1,
        "",
        at_ns,
        0,
        None,
        0,
        0,
        False,
        "",
        None,
    )


def status(start_ns: int, due: int) -> LoadStatus:
    return LoadStatus(
        phase="finished", planned=100, due=due, sent=due, accepted=due, start_ns=start_ns,
        end_ns=start_ns + (due - 1) * S // 10, closed=True,
    )  # fmt: skip


def write(path: Path, schema: Any, rows: list[tuple[Any, ...]]) -> None:
    writer = records.RowWriter(path, schema)
    for row in rows:
        writer.append(row)
    writer.close()


def played_twice(run_dir: Path) -> records.Manifest:
    """30 of 100 in the first load_round, of which the last ten are delivered within the second; 100 in it."""
    load, provider, sender = [], [], []
    for tag, start_ns, count in (("t", STARTS[0], 30), ("t.2", STARTS[1], 100)):
        for slot in range(count):
            key, at_ns = f"{tag}-{slot:07d}", start_ns + slot * S // 10
            late = tag == "t" and slot >= 20
            delivered_ns = STARTS[1] + 5 * S if late else at_ns + 2 * S
            load.append(load_row(key, at_ns))
            provider.append(provider_row(key, at_ns, None))  # written while open, and again when final
            provider.append(provider_row(key, at_ns, delivered_ns))
            sender.append((key, "otp", "delivered", "", 1))
    provider.append(provider_row("t.2-0000003/2", STARTS[1], STARTS[1] + S))  # a part of a long message
    provider.append(provider_row("another-load", STARTS[0] + S, STARTS[0] + 2 * S))
    samples = [(start_ns + 1, "load", "cpu_percent", float(start_ns)) for start_ns in STARTS]
    write(run_dir / "load.arrow", records.LOAD_SCHEMA, load)
    write(run_dir / "provider.arrow", records.PROVIDER_SCHEMA, provider)
    write(run_dir / "sender.arrow", records.SENDER_SCHEMA, sender)
    write(run_dir / "samples.arrow", records.SAMPLES_SCHEMA, samples)
    instant = records.Instant("2026-11-29T00:00:00Z", 0, 250 * S)
    return records.Manifest(
        scenario=records.RecordedScenario(name="smoke", title="smoke"), started=instant, ended=instant
    )


def test_every_row_is_in_the_part_of_its_round(tmp_path: Path) -> None:
    manifest = played_twice(tmp_path)
    rounds = [{0: status(STARTS[0], 30)}, {0: status(STARTS[1], 100)}]
    suite = split_rounds(tmp_path, manifest, PLAN, rounds, 1)
    assert records.read_manifest(tmp_path) == suite
    assert (suite.kind, suite.exit_reason) == ("suite", "interrupted")
    first, second = (records.read_manifest(tmp_path / place) for place in suite.parts)
    assert (first.planned, second.planned) == (30, 100)
    assert (first.exit_reason, second.exit_reason) == ("interrupted", "finished")
    assert (first.load_started_ns, second.load_started_ns) == STARTS
    assert not list(tmp_path.glob("*.arrow"))
    of = {
        (place, name): records.read_rows(tmp_path / place / f"{name}.arrow", schema)
        for place in suite.parts
        for name, schema in (("provider", records.PROVIDER_SCHEMA), ("samples", records.SAMPLES_SCHEMA))
    }
    keys = [set(of[place, "provider"]["key"].to_pylist()) for place in suite.parts]
    assert "another-load" in keys[0]
    assert "t.2-0000003/2" in keys[1]
    assert [of[place, "samples"]["value"].to_pylist() for place in suite.parts] == [
        [float(s)] for s in STARTS
    ]

    report = build_report(tmp_path)
    assert report.interrupted.startswith("Interrupted (smoke (start 1 of 2 in the web UI)) after ")
    assert report.notes[0].startswith(report.interrupted)
    assert "not run" not in report.notes[0]
    accountings = [part.accounting for part in report.parts]
    assert [each.delivered for each in accountings] == [30, 100]
    assert [each.unknown_messages for each in accountings] == [1, 0]
    states = {(each.part, each.name): each for each in report.checks}
    assert states["01-start", "accounting"].state == states["02-start", "accounting"].state == "ok"
    # Ten of the first were still open when the second began: its figures are not of a fresh system.
    assert states["02-start", "earlier load"].state == "warn"
    assert states["02-start", "earlier load"].value_number == 10.0
    assert states["01-start", "earlier load"].value_number == 0.0


def test_a_round_that_ended_has_its_whole_plan_as_planned(tmp_path: Path) -> None:
    manifest = played_twice(tmp_path)
    whole = status(STARTS[1], 100)
    # An end that was noted a little before the instant of the last arrival.
    early = msgspec.structs.replace(whole, end_ns=whole.end_ns - 1)
    suite = split_rounds(tmp_path, manifest, PLAN, [{0: status(STARTS[0], 30)}, {0: early}], 1)
    assert records.read_manifest(tmp_path / suite.parts[1]).planned == 100


def test_the_recorder_keeps_the_status_of_each_round(tmp_path: Path) -> None:
    recorder = LoadRecorder(tmp_path, 0)
    recorder.status(status(STARTS[0], 30))
    recorder.keep_status(1)
    assert [load_round[0].due for load_round in read_rounds(tmp_path)] == [30]
    recorder.status(status(STARTS[1], 100))
    recorder.close()
    assert [load_round[0].due for load_round in read_rounds(tmp_path)] == [30, 100]


@pytest.mark.parametrize(("due", "early"), [(0, True), (99, True), (100, False)])
def test_a_round_is_whole_when_every_arrival_came_due(due: int, early: bool) -> None:
    assert stopped_early({0: status(STARTS[0], due)}) is early


def test_a_load_that_did_not_begin_was_not_stopped_early() -> None:
    assert not stopped_early({0: LoadStatus(planned=100)})


def test_the_drain_waits_for_the_last_round_whatever_earlier_ones_had_accepted() -> None:
    """Another sender cannot be asked, and the provider counts the messages of all rounds."""

    def seen(at_provider: int) -> Snapshot:
        provider = ServiceState(open=0, accepted=at_provider)
        return Snapshot(load=LoadStatus(accepted=5), provider=provider, sender=None, machine_cpu_percent=0.0)

    drain = Drain(sender_answers=False, provider_answers=True, accepted_before=30)
    assert not drain.judge(0.0, seen(30)).over
    assert not drain.judge(1.0, seen(34)).over
    assert drain.judge(2.0, seen(35)).over
