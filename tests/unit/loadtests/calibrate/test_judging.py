"""Theory, verdicts, who was late, and what is shown of it."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from core_waits import core_wait
from rich.console import Console

from loadtests.calibrate import judge, lateness, plan, render, render_png, standard, theory
from loadtests.calibrate.judge import Measurement, Row, RowVerdict
from loadtests.calibrate.messages import messages, spread
from mock_provider.engine.distributions import sampler
from mock_provider.profiles import load_profile, profile_names
from mock_provider.settings.distributions import (
    Empirical,
    Fixed,
    Lognormal,
    Uniform,
)

LOGNORMAL = Lognormal(kind="lognormal", median_s=0.05, p99_s=0.1268)
SPECS: list[Uniform | Lognormal | Empirical] = [
    Uniform(kind="uniform", low_s=0.02, high_s=0.08),
    LOGNORMAL,
    Empirical(kind="empirical", percentiles_s=((0, 0.5), (50, 2.5), (99, 30), (100, 60))),
]


def test_known_quantiles() -> None:
    assert theory.quantile_s(Fixed(kind="fixed", value_s=0.05), 0.999) == 0.05
    assert theory.quantile_s(SPECS[0], 0.9) == pytest.approx(0.074)
    assert theory.quantile_s(LOGNORMAL, 0.5) == pytest.approx(0.05)
    assert theory.quantile_s(LOGNORMAL, 0.99) == pytest.approx(0.1268)
    assert theory.quantile_s(SPECS[2], 0.25) == pytest.approx(1.5)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_the_engines_draws_follow_the_theory(spec: Uniform | Lognormal | Empirical) -> None:
    chance, sample = random.Random(3), sampler(spec)
    drawn = np.sort([sample(chance.random(), chance.random()) / 1e9 for _ in range(20_000)])
    for share in (0.5, 0.9, 0.99):
        interval = theory.sampled_quantile_s(spec, share, len(drawn))
        assert interval is not None
        low, high = interval
        assert low <= judge.quantile(drawn, share) <= high


def test_sampling_interval_narrows_with_the_count() -> None:
    few, many = (theory.sampled_quantile_s(LOGNORMAL, 0.99, n) for n in (500, 50_000))
    assert few is not None and many is not None
    assert many[1] - many[0] < (few[1] - few[0]) / 5


def test_binomial_interval() -> None:
    low, high = theory.binomial_interval(6_000, 0.05)
    assert low < 300 < high
    assert (low, high) == (246, 357)


def kept_of(mask: npt.ArrayLike) -> lateness.JudgedMessages:
    mask = np.array(mask, bool)
    return lateness.JudgedMessages(mask, int((~mask).sum()), 0)


def percentiles(
    late_ms: float | npt.NDArray[np.float64], mask: npt.NDArray[np.bool_] | None = None
) -> Sequence[Row]:
    set_ms = np.linspace(20, 80, 6_000)
    mask = np.ones(6_000, bool) if mask is None else mask
    return judge.percentile_rows("latency", set_ms, set_ms + late_ms, kept_of(mask))


def test_percentiles_are_met_or_missed_by_their_own_tolerance() -> None:
    assert {row.verdict for row in percentiles(0.9)} == {"met"}
    verdicts = {row.what: row.verdict for row in percentiles(2.5)}
    assert verdicts == {"p50": "missed", "p90": "missed", "p99": "missed", "p99.9": "met"}
    assert {row.verdict for row in percentiles(-4.0)} == {"missed"}  # too early is as untrue as too late


def test_messages_left_out_do_not_count_and_too_many_of_them_prove_nothing() -> None:
    late_ms = np.zeros(6_000)
    late_ms[:300] = 500
    mask = late_ms == 0
    assert {row.verdict for row in percentiles(late_ms, mask)} == {"met"}
    few = np.arange(6_000) < 1_000
    assert {row.verdict for row in percentiles(30.0, few)} == {"noisy"}
    assert {row.verdict for row in percentiles(0.0, np.zeros(6_000, bool))} == {"noisy"}
    # 90 undisturbed ones carry a p90, and a p99 no more than 90 messages do.
    assert [row.verdict for row in percentiles(0.0, np.arange(6_000) < 90)] == [
        "met",
        "met",
        "noisy",
        "noisy",
    ]


def test_a_percentile_of_too_few_messages_is_shown_and_not_judged() -> None:
    def verdicts(count: int) -> list[str]:
        set_ms = np.full(count, 50.0)
        rows = judge.percentile_rows("latency", set_ms, set_ms + 9, kept_of(np.ones(count)))
        return [row.verdict for row in rows]

    assert verdicts(500) == ["missed", "missed", "missed", "shown"]
    assert verdicts(499) == ["missed", "missed", "shown", "shown"]  # a p99 of 100, as in a quick run, too
    assert verdicts(5_000) == ["missed"] * 4
    # Of none undisturbed too: the machine's noise is not why a p99.9 of 500 is not judged.
    none = judge.percentile_rows("latency", np.full(500, 50.0), np.full(500, 59.0), kept_of(np.zeros(500)))
    assert [row.verdict for row in none] == ["noisy", "noisy", "noisy", "shown"]


def row_of(verdict: RowVerdict, unit: str = "ms") -> Row:
    return Row("latency", "p50", unit, 50.0, 53.0, 48.5, 51.5, verdict)


def test_a_busy_machine_excuses_only_rows_that_depend_on_time() -> None:
    one = Measurement("latency", "x", (row_of("missed"), row_of("missed", "replies"), row_of("met")))
    assert [r.verdict for r in judge.excused(one, 0.04).rows] == ["missed", "missed", "met"]
    busy = judge.excused(one, 0.30)
    assert [r.verdict for r in busy.rows] == ["noisy", "missed", "met"]
    assert "30 %" in busy.note


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["met", "shown"], 0),
        (["met", "noisy"], 3),
        (["noisy", "missed"], 1),
        (["shown"], 3),
        ([], 3),
    ],
)
def test_exit_code(verdicts: list[RowVerdict], code: int) -> None:
    assert judge.exit_code([row_of(verdict) for verdict in verdicts]) == code


def measured(title: str, *verdicts: RowVerdict) -> Measurement:
    return Measurement("latency", title, tuple(row_of(verdict) for verdict in verdicts))


@pytest.mark.parametrize(
    ("verdicts", "ended", "code", "first"),
    [
        (["met"], "", 0, "Met: all 1 judged rows are within their tolerance."),
        (
            ["met"],
            "interrupted",
            130,
            "Incomplete, interrupted after 1 of 16 measurements: so far, met: all 1",
        ),
        (
            ["missed"],
            "interrupted",
            130,
            "Incomplete, interrupted after 1 of 16 measurements: so far, missed: 1 of",
        ),
        (
            None,
            "interrupted",
            130,
            "Incomplete, interrupted after 0 of 16 measurements: nothing was measured.",
        ),
        (["met"], "the provider being gone", 3, "Incomplete, the provider being gone after 1 of 16"),
        (["noisy"], "", 3, "Not judged: the client or the machine was too busy for some rows."),
        (["shown"], "", 3, "Not judged: no row could be judged."),
    ],
)
def test_an_incomplete_calibration_has_its_own_summary_and_exit_code(
    verdicts: list[RowVerdict] | None, ended: str, code: int, first: str
) -> None:
    measurements = [] if verdicts is None else [measured("fixed, 100/s", *verdicts)]
    document = render.document(measurements, {"quick": False}, 16, ended)
    assert document["exit_code"] == code
    assert document["summary"].startswith(first)
    assert (document["measurements_made"], document["measurements_planned"]) == (len(measurements), 16)
    assert document["interrupted"] is (ended == "interrupted")


def test_the_closing_lines_name_the_rows_that_missed_and_what_is_not_judged() -> None:
    few = Row("latency", "p99.9", "ms", 50.0, 80.0, 48.0, 52.0, "shown", judge.TOO_FEW)
    found = [measured("fixed, 100/s", "missed", "met"), Measurement("latency", "uniform, 500/s", (few,))]
    lines = render.document(found, {"quick": True}, 2, "")["summary_lines"]
    assert lines == [
        "Missed: 1 of 2 judged rows are out of their tolerance.",
        "Missed: fixed, 100/s: p50.",
        "Not judged, too few messages (a run without --quick sends more): uniform, 500/s: p99.9.",
    ]


def test_waits_for_a_core_are_found_in_the_span_that_they_touch() -> None:
    at_ns = [100, 200, 300, 400]
    wait = core_wait(at_ns, [0, 0, 70, 70])
    spans = np.array([110, 210, 310]), np.array([150, 250, 350])
    assert wait.between(*spans).tolist() == [0, 70, 0]
    late = np.array([0, 0, 10**9])
    found = lateness.kept(late, [spans], wait)
    assert found.mask.tolist() == [True, True, False]  # 70 ns are no matter
    longer = core_wait(at_ns, [0, 0, 10**6, 10**6])
    assert lateness.kept(late, [spans], longer).mask.tolist() == [True, False, False]


def test_instants_stay_in_their_slots_and_follow_from_the_seed() -> None:
    at_ns = spread(1_000, 500, seed=3)
    assert at_ns == spread(1_000, 500, seed=3) != spread(1_000, 500, seed=4)
    assert all(n * 1_000_000 <= at <= (n + 1) * 1_000_000 for n, at in enumerate(at_ns))
    assert len(set(messages("a", 50).requests)) == 50


def test_shared_key_is_in_every_request_and_numbers_still_differ() -> None:
    sent = messages("same", 50, shared_key=True)
    assert set(sent.keys) == {"same"}
    assert len(set(sent.requests)) == 50
    assert all(request.endswith(b"&idx=same") for request in sent.requests)
    assert any("one reference for all" in task.title for task in plan.standard_tasks(standard.QUICK))


def test_quick_takes_half_a_minute_and_full_less_than_five() -> None:
    assert plan.planned(plan.standard_tasks(standard.QUICK)) < 31
    assert plan.planned(plan.standard_tasks(standard.FULL)) < 300


@pytest.mark.parametrize("name", profile_names())
def test_every_ready_made_profile_can_be_planned(name: str) -> None:
    groups = {task.group for task in plan.profile_tasks(load_profile(name), standard.FULL)}
    assert {"latency", "failures", "carriers"} <= groups


def test_table_document_and_picture(tmp_path: Path) -> None:
    share = [0.01, 0.5, 0.99, 0.999]
    quantiles: dict[str, list[float]] = {
        "share": share,
        "set_ms": [20, 50, 80, 81],
        "observed_ms": [20.2, 50.1, 90, 81],
    }
    rate = {"at_s": [0.5, 1.5, 2.5], "accepted_per_s": [200.0, 100.0, 100.0]}
    measurements = [
        Measurement("latency", "fixed, 100/s", (row_of("missed"),), "9 of 10 judged", quantiles),
        Measurement(
            "throttle", "100/s", (Row("throttle", "rate", "1/s", 100, 100.1, 99.5, 100.5, "met"),), "", rate
        ),
        Measurement("windows", "fault window set", (Row("windows", "start", "ms", 0, 0.2, -1, 1, "met"),)),
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render.table_of(render.rows_of(measurements)))
    text = console.export_text()
    assert "48.50 to 51.50 ms" in text
    assert "missed" in text
    document = json.loads(
        msgspec.json.encode(render.document(measurements, {"seed": 1}, len(measurements), ""))
    )
    assert document["exit_code"] == 1
    assert document["measurements"][0]["series"] == quantiles
    assert document["measurements"][1]["rows"][0]["observed"] == 100.1
    picture = tmp_path / "c.png"
    assert render_png.write(measurements, ["Missed: something.", "Missed: fixed, 100/s: p50."], picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
