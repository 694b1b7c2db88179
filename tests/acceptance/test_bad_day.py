"""Runs in which things go wrong on purpose: the report shows when, and whether it was the instrument."""

from __future__ import annotations

import io
import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console
from waiting import eventually

from analysis.formatting import fault_text
from analysis.records import PROVIDER_SCHEMA, read_manifest, read_rows
from loadtests.arrivals import Mix, Poisson, Stream
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Part, Scenario
from loadtests.simulate.part import Choices
from loadtests.simulate.run import simulate_scenario
from loadtests.suites.scenario_run import run_scenario

ROOT = Path(__file__).parents[2]
BAD_DAY = (
    *("outage", "report_storm", "brown-out", "cut_after_accept"),
    *("rate_reduction", "carrier_down", "report_duplicate", "report_reorder"),
)


def scenario(rate_per_s: float, duration_s: float, profile: str) -> Scenario:
    stream = Stream(Poisson(rate_per_s, duration_s), mix=Mix(1.0, 1.0, 1.0))
    part = Part(slug="day", title="made for a test", role="plain", profile=profile, streams=(stream,))
    return Scenario(name="smoke", title="made for a test", parts=(part,))


def summary_of(run_dir: Path) -> dict[str, Any]:
    (part,) = json.loads((run_dir / "report" / "summary.json").read_bytes())["parts"]
    assert isinstance(part, dict)
    return part


def test_a_bad_day_in_virtual_time_loses_nothing_and_its_report_shows_every_fault(tmp_path: Path) -> None:
    out = tmp_path / "run"
    code = simulate_scenario(scenario(20.0, 95.0, "bad-day"), Choices(), 3, out, Console(file=io.StringIO()))
    part = summary_of(out)
    assert code in (0, 1, 4), part["objectives"]
    accounting = part["accounting"]
    assert (accounting["lost"], accounting["duplicates"], accounting["open"]) == (0, 0, 0)
    faults = {fault["name"]: fault for fault in part["faults"]}
    assert tuple(faults) == BAD_DAY
    assert all(fault["messages"] > 0 for fault in faults.values()), faults
    assert faults["carrier_down"]["to_s"] - faults["carrier_down"]["from_s"] == pytest.approx(14.0)
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Faults of the provider" in page and "carrier down: Plus, their messages wait" in page
    shown = [fault_text(name, fault["kind"], fault["title"]) for name, fault in faults.items()]
    assert all(f">{words}</text>" in page for words in shown)  # in the strip below the charts
    rows = {row["key"]: row for row in read_rows(out / "provider.arrow", PROVIDER_SCHEMA).to_pylist()}
    reported = {name for row in rows.values() for name in row["fault"].split(",") if name}
    assert reported == set(BAD_DAY)
    ambiguous = [row for row in rows.values() if "cut_after_accept" in row["fault"].split(",")]
    # Cut after it was taken: sent again with its key, and known by it.
    assert ambiguous and all(row["accepts"] == 1 for row in ambiguous)
    assert any(row["submits"] > 1 and row["t_answered_ns"] is None for row in ambiguous)


def test_a_real_run_keeps_the_windows_and_says_that_its_instrument_stalled(tmp_path: Path) -> None:
    """The provider's process is stopped for a second: what it delayed is not the sender's doing."""
    out = tmp_path / "run"
    profile = tmp_path / "short-outage.json"
    document = {
        "name": "short-outage",
        "carriers": [{"name": "any", "country": "*"}],
        "delivery": {"latency": {"kind": "fixed", "value_s": 0.1}},
        "faults": [{"kind": "outage", "start_s": 1.0, "end_s": 2.0}, {"kind": "hang", "start_s": 900}],
    }
    profile.write_text(json.dumps(document))
    stalling = threading.Thread(target=_stall, args=(out,))
    stalling.start()
    console = Console(file=io.StringIO())
    code = run_scenario(
        scenario(30.0, 6.0, str(profile)), RunSettings(out=out, seed=3, no_charts=True), console
    )
    stalling.join(30)
    manifest, part = read_manifest(out), summary_of(out)
    (outage,) = manifest.faults
    assert outage.end_ns is not None
    assert (outage.name, outage.end_ns - outage.start_ns) == ("outage", 1_000_000_000)
    assert manifest.load_started_ns < outage.start_ns < manifest.ended.clock_ns
    assert part["faults"][0]["messages"] > 0
    (check,) = [each for each in part["checks"] if each["name"] == "provider's event loop"]
    assert check["state"] == "invalid", check
    assert (code, part["validity"]) == (3, "invalid")


def _stall(run_dir: Path) -> None:
    status = run_dir / "load-0.json"
    eventually(lambda: status.is_file() and json.loads(status.read_bytes())["accepted"] >= 90, 60.0)
    (provider,) = [
        child
        for child in psutil.Process().children(recursive=True)
        if "mock_provider" in child.cmdline() and str(run_dir) in " ".join(child.cmdline())
    ]
    provider.send_signal(signal.SIGSTOP)
    time.sleep(1.0)  # the stall itself
    provider.send_signal(signal.SIGCONT)
