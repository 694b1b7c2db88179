"""``smsbench calibrate`` as a user runs it: the real provider, real sockets, the files and the exit codes.

The machine is shared and this is no measurement: timing is held to loose bounds only.
"""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from commands import StartSmsbench

VERDICTS = {"met", "missed", "noisy", "shown"}


def rows_of(out: Path, *groups: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document = json.loads((out / "calibration.json").read_text())
    assert {m["group"] for m in document["measurements"]} == set(groups)
    return document, [row for m in document["measurements"] for row in m["rows"]]


def test_quick_throttle(smsbench: StartSmsbench, tmp_path: Path) -> None:
    out = tmp_path / "c"
    process = smsbench("calibrate", "--quick", "--only", "throttle", "--out", str(out))
    printed, _ = process.communicate(timeout=60)
    document, rows = rows_of(out, "throttle")
    assert process.returncode == document["exit_code"] in (0, 1, 3), printed
    assert printed.startswith("2 measurements, about ")
    assert {row["verdict"] for row in rows} <= VERDICTS
    rates = {row["set_value"]: row["observed"] for row in rows if row["what"] == "rate"}
    assert set(rates) == {100.0, 1000.0}
    assert all(abs(observed / set_rate - 1) < 0.05 for set_rate, observed in rates.items())
    assert (out / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_outcomes_come_out_exactly_as_drawn_from_a_profile_of_ones_own(
    smsbench: StartSmsbench, tmp_path: Path
) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text(
        'name = "mine"\n[[carriers]]\nname = "any"\ncountry = "*"\n'
        '[[reply.errors]]\nrefusal = "no_credit"\nshare = 0.2\n'
        '[[delivery.failures]]\nstate = "rejected"\nreason = "blocked"\nshare = 0.3\n'
        '[delivery.latency]\nkind = "uniform"\nlow_s = 0.1\nhigh_s = 0.6\n'
    )
    out = tmp_path / "c"
    arguments = (
        "--quick",
        "--only",
        "failures,carriers,windows",
        "--profile",
        str(profile),
        "--out",
        str(out),
    )
    process = smsbench("calibrate", *arguments)
    printed, _ = process.communicate(timeout=60)
    _, rows = rows_of(out, "failures", "carriers", "windows")
    assert process.returncode in (0, 1, 3), printed
    observed = {row["what"]: row["observed"] for row in rows}
    disturbed = {row["what"] for row in rows if row["verdict"] == "noisy"}
    assert observed["replies other than drawn"] == 0
    assert observed["deliveries other than drawn"] == 0
    assert observed["reports that did not come"] == 0
    assert observed["refused: no_credit"] > 50
    assert observed["rejected"] > 50
    assert "p50" in disturbed or 300 < observed["p50"] < 600
    edges = [row for row in rows if row["what"] in ("start", "end")]
    assert len(edges) == 4
    assert all(row["verdict"] == "noisy" or abs(row["observed"]) < 200 for row in edges)
    assert [r["observed"] for r in rows if r["what"] == "requests that passed in between"] == [0, 0]


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP, signal.SIGHUP]])
def test_interrupted_it_keeps_what_was_measured(
    smsbench: StartSmsbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: list[signal.Signals]
) -> None:
    out = tmp_path / "c"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    process = smsbench("calibrate", "--only", "windows,throttle", "--quick", "--out", str(out))
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[2/"):
            break
    for number in signals:  # a terminal that is closed sends two
        process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    assert "the results so far are kept" in printed
    document, rows = rows_of(out, "throttle")
    assert document["interrupted"] is True
    assert rows
    # Whatever the one measurement found, it is not the calibration's result.
    assert process.returncode == document["exit_code"] == 130
    assert document["summary"].startswith("Incomplete, interrupted after 1 of ")
    assert not list(scratch.iterdir())


def test_a_temporary_folder_that_takes_no_more_is_named_as_the_cause(
    smsbench: StartSmsbench, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (8_192, before[1])
    )  # the provider's journal fails, as on a full disk
    try:
        process = smsbench("calibrate", "--only", "throttle", "--quick", "--out", str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    printed, _ = process.communicate(timeout=60)
    said = next(line for line in printed.splitlines() if line.startswith("smsbench: "))
    assert said.startswith("smsbench: the temporary folder "), printed
    assert "provider failed: the journal: " in said
    assert said.endswith("make room, or set TMPDIR to another folder")
    document, _ = rows_of(out)
    assert process.returncode == document["exit_code"] == 3
    assert document["summary"].startswith("Incomplete, a failure of the temporary folder after 0 of 2 ")


def test_bad_usage(smsbench: StartSmsbench, tmp_path: Path) -> None:
    for arguments, words in (
        (["--only", "speed"], "known are latency, throttle, failures, carriers, windows"),
        (["--profile", "nobody"], "neither a ready-made profile"),
    ):
        process = smsbench("calibrate", *arguments, "--out", str(tmp_path / "x"))
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 2, printed
        assert words in printed
