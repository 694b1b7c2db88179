"""The tables of a run as DataFrames, and the export that is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from run_builder import Build

import analysis
from analysis.export import write_messages
from analysis.measure.frames import read_frames
from analysis.report import build_report

GOLDEN = Path(__file__).parents[3] / "golden" / "run"
START_NS = 7_000_000_000_000


def test_messages_are_joined_by_key(new_run: Build) -> None:
    run = new_run("run")
    run.journey("a-1", 1.0, 2.5, campaign="spring")
    run.due("a-2", 2.0, outcome="dropped")
    run.due("a-3", 3.0)
    run.seen("a-3", 3.1, state="open")
    run.kept("a-3", "sent")
    found = analysis.frames(run.write()).messages.set_index("key")
    assert list(found.index) == ["a-1", "a-2", "a-3"]
    assert found.loc["a-1", "delivery_s"] == pytest.approx(2.5)
    assert found.loc["a-1", "intended_s"] == pytest.approx(1.0)
    assert found.loc["a-1", "final_s"] == pytest.approx(3.5)
    assert found.loc["a-1", "campaign"] == "spring"
    assert list(found["outcome"]) == ["accepted", "dropped", "accepted"]
    assert list(found["final_state"].astype(object).fillna("-")) == ["delivered", "-", "open"]
    assert list(found["provider_state"].astype(object).fillna("-")) == ["delivered", "-", "open"]
    assert list(found["sender_state"].astype(object).fillna("-")) == ["-", "-", "sent"]
    assert found["delivery_s"].isna().tolist() == [False, True, True]
    assert found["sent_s"].isna().tolist() == [False, True, False]


def test_instants_of_the_written_tables_keep_every_nanosecond(new_run: Build) -> None:
    run = new_run("run")
    run.due("a-1", 0.000_000_001)
    run.due("a-2", 1.0, outcome="dropped")
    run.sample(1.0, "provider", "loop_lag_ms", 2.0)
    found = analysis.frames(run.write())
    assert found.load["t_intended_ns"].dtype == pd.Int64Dtype()
    assert found.load["t_intended_ns"].tolist()[0] == START_NS + 1
    assert found.load["t_sent_ns"].isna().tolist() == [False, True]
    assert (len(found.provider), len(found.sender), len(found.samples)) == (0, 0, 1)


def test_percentiles_of_the_messages_are_those_of_the_report() -> None:
    part = GOLDEN / "parts" / "01-burst"
    messages = read_frames(part).messages
    (reported,) = build_report(part).parts
    counted = messages[~messages["unreachable"]]
    for each in reported.delivery:
        if each.message_class == "all":
            continue
        times_s = counted.loc[counted["message_class"] == each.message_class, "delivery_s"].dropna()
        assert len(times_s) == each.count
        median = next(q for q in each.quantiles if q.percentile == 50.0)
        nearest_rank = math.ceil(len(times_s) / 2)
        assert median.value_s == pytest.approx(times_s.sort_values().iloc[nearest_rank - 1])


def test_a_suite_has_no_tables_of_its_own() -> None:
    with pytest.raises(ValueError, match=r"is a suite: read the tables of one part: .*01-burst"):
        read_frames(GOLDEN)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_holds_the_messages(kind: str, new_run: Build) -> None:
    run = new_run("run")
    run.journey("a-1", 1.0, 2.5)
    run.due("a-2", 2.0, outcome="dropped", message_class="=1+1")
    run_dir = run.write()
    (run_dir / "report").mkdir()
    (path,) = write_messages(run_dir, kind)
    assert path == run_dir / "report" / f"messages.{kind}"
    found = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    expected = read_frames(run_dir).messages
    assert list(found.columns) == list(expected.columns)
    assert found["delivery_s"].tolist()[0] == pytest.approx(2.5)
    # A spreadsheet must not run a text as a formula; another program gets it as it is.
    assert found["message_class"].tolist() == ["otp", "'=1+1" if kind == "csv" else "=1+1"]


def test_a_suite_is_exported_part_by_part(write_suite: Callable[..., Path], new_run: Build) -> None:
    for name in ("a", "b"):
        run = new_run(name)
        run.journey(f"{name}-1", 1.0, 2.0)
        run.write()
    suite = write_suite("a", "b")
    (suite / "report").mkdir()
    assert [path.name for path in write_messages(suite, "csv")] == ["a-messages.csv", "b-messages.csv"]
