"""``smsbench calibrate`` as a user runs it: the real provider, real sockets, what it measures.

The machine is shared and this is no measurement: timing has loose bounds only.
"""

from __future__ import annotations

from pathlib import Path

from calibrations import rows_of
from commands import StartSmsbench

VERDICTS = {"met", "missed", "noisy", "shown"}


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


def test_outcomes_of_a_user_profile_are_exactly_as_drawn(smsbench: StartSmsbench, tmp_path: Path) -> None:
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
    assert observed["reports that did not arrive"] == 0
    assert observed["refused: no_credit"] > 50
    assert observed["rejected"] > 50
    assert "p50" in disturbed or 300 < observed["p50"] < 600
    edges = [row for row in rows if row["what"] in ("start", "end")]
    assert len(edges) == 4
    assert all(row["verdict"] == "noisy" or abs(row["observed"]) < 200 for row in edges)
    assert [r["observed"] for r in rows if r["what"] == "requests that passed in between"] == [0, 0]
