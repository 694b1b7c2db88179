"""The bench in seconds: live parts, the same messages in virtual time, and a sender without priorities."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from analysis.records import read_manifest
from loadtests.arrivals import Burst, Mix, Poisson, Stream
from loadtests.parts import simulated, whole_day
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Capacity, Part, Scenario
from loadtests.simulate.part import Choices
from loadtests.simulate.run import simulate_scenario
from loadtests.suites.scenario_run import run_scenario


def small_bench() -> Scenario:
    """All kinds of parts that the bench has, each shrunk to seconds."""
    otps = Stream(Poisson(20.0, 8.0), mix=Mix(otp=1.0))
    burst = Part(
        slug="burst",
        title="600 in 2 s",
        role="burst",
        profile="smsapi",
        streams=(otps, Stream(Burst(600, 2.0), mix=Mix(marketing=1.0), campaign="burst", start_s=3.0)),
        drain_timeout_s=6.0,
        counterpart="burst-simulated",
    )
    several = tuple(
        Stream(Burst(300, 2.0), mix=Mix(marketing=1.0), campaign=f"c{number}", start_s=3.0)
        for number in (1, 2)
    )
    return Scenario(
        name="bench",
        title="a bench made for a test",
        parts=(
            whole_day("day-2k", 2_000),
            burst,
            simulated(burst),
            simulated(burst, slug="burst-fifo", counterpart="burst-simulated", fifo=True),
            simulated(burst, slug="campaigns-2", role="campaigns", streams=(otps, *several)),
        ),
        capacity=Capacity(
            profile="fast",
            from_per_s=50.0,
            to_per_s=100.0,
            precision=0.25,
            most_trials=1,
            trial_s=3.0,
            takes_s=15.0,
        ),
    )


def summary_of(run_dir: Path) -> dict[str, Any]:
    found = json.loads((run_dir / "report" / "summary.json").read_bytes())
    assert isinstance(found, dict)
    return found


def test_a_small_bench_from_its_parts_to_its_comparisons(tmp_path: Path) -> None:
    out, output = tmp_path / "run", io.StringIO()
    settings = RunSettings(out=out, seed=3, allow_undecided=True)
    code = run_scenario(small_bench(), settings, Console(file=output, width=200))
    # A busy machine may make the live part invalid or late; that all parts are there and pair is what counts.
    assert code in (0, 1, 3), output.getvalue()
    assert "part 1 of 1 (0:00 of about " in output.getvalue()

    manifest = read_manifest(out)
    slugs = ["01-day-2k", "02-burst", "03-burst-simulated", "04-burst-fifo", "05-campaigns-2"]
    assert manifest.parts == tuple(f"parts/{slug}" for slug in slugs)
    assert (manifest.mode, manifest.exit_reason) == ("real", "finished")
    modes = [read_manifest(out / place).mode for place in manifest.parts]
    assert modes == ["simulated", "real", "simulated", "simulated", "simulated"]

    summary = summary_of(out)
    assert not summary["simulated"]
    by_kind = {each["kind"]: each for each in summary["comparisons"]}
    assert set(by_kind) == {"live_vs_simulated", "priorities_vs_fifo"}
    real = {each["message_class"]: each for each in by_kind["live_vs_simulated"]["classes"]}
    assert (by_kind["live_vs_simulated"]["part"], by_kind["live_vs_simulated"]["counterpart"]) == (
        "02-burst",
        "03-burst-simulated",
    )
    assert set(real) == {"otp", "marketing"} and real["otp"]["pairs"] > 100
    # A message has the same radio time in both, to the nanosecond: its key determines it.
    assert dict(real["otp"]["by_stage_s"])["radio"] == pytest.approx(0.0, abs=1e-9)
    (otp,) = [each for each in by_kind["priorities_vs_fifo"]["classes"] if each["message_class"] == "otp"]
    assert otp["mean_s"] > 0.5, otp
    (fairness,) = [part["fairness"] for part in summary["parts"] if part["slug"] == "05-campaigns-2"]
    assert [each["messages"] for each in fairness["campaigns"]] == [300, 300]
    assert fairness["jain"] > 0.95 and fairness["alone_part"] == "03-burst-simulated"
    decides = {part["slug"] for part in summary["parts"] if part["identity"]["decides"]}
    assert decides == {"01-day-2k", "02-burst"}
    # The search at its end: its own profile, one trial, and what it found is in row 1.
    assert manifest.capacity and (out / manifest.capacity / "capacity.json").is_file()
    (trial,) = summary["capacity"]["trials"]
    assert summary["capacity"]["profile"] == "fast" and trial["rate_per_s"] == 50.0
    page = (out / "report" / "summary.md").read_text()
    assert "profile fast" in page.partition("1. **")[2].partition("2. **")[0], page
    assert "capacity: profile fast" in page


def test_simulated_it_omits_the_counterparts_of_live_parts(tmp_path: Path) -> None:
    out, output = tmp_path / "run", io.StringIO()
    simulate_scenario(small_bench(), Choices(), 3, out, Console(file=output, width=200), True, no_charts=True)
    manifest = read_manifest(out)
    assert manifest.parts == (
        "parts/01-day-2k",
        "parts/02-burst",
        "parts/03-burst-fifo",
        "parts/04-campaigns-2",
    )
    (comparison,) = summary_of(out)["comparisons"]
    assert (comparison["part"], comparison["counterpart"]) == ("03-burst-fifo", "02-burst")


def test_a_simulation_that_fails_is_named_and_makes_the_suite_invalid(tmp_path: Path) -> None:
    """Its profile is gone when its turn comes. The rest is played: a live part of three seconds."""
    whole, live, *_ = small_bench().parts
    gone = msgspec.structs.replace(whole, profile=str(tmp_path / "gone.toml"))
    few = (Stream(Poisson(20.0, 3.0), mix=Mix(otp=1.0)),)
    live = msgspec.structs.replace(live, slug="live", role="plain", streams=few, counterpart="")
    output = io.StringIO()
    out = tmp_path / "run"
    scenario = msgspec.structs.replace(small_bench(), parts=(gone, live), capacity=None)
    code = run_scenario(
        scenario, RunSettings(out=out, seed=3, no_charts=True), Console(file=output, width=200)
    )
    assert code == 3, output.getvalue()
    (failure,) = read_manifest(out).instrument_failures
    assert failure.process == "simulation of parts/01-day-2k" and "gone.toml" in failure.what
    assert read_manifest(out).parts == ("parts/02-live",)


pytestmark = pytest.mark.timeout(300)
