"""The wait after the load: over when nothing that is open matters, and ended by the user in order."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from commands import StartSmsbench
from waiting import eventually

from analysis.records import PROVIDER_SCHEMA, read_manifest, read_rows

_LIMIT = ("--drain-timeout", "3600", "--no-charts")  # waited for, if it were left to the timeout
_PHONES_OFF = """
name = "phones-off"
[delivery.latency]
kind = "absent_subscriber"
absent_share = 0.3
body = { kind = "fixed", value_s = 0.2 }
[[carriers]]
name = "any"
country = "*"
"""
_SLOW = """
name = "slow"
[delivery.latency]
kind = "fixed"
value_s = 3000.0
[[carriers]]
name = "any"
country = "*"
"""


def test_phones_that_are_off_are_not_waited_for(
    smsbench: StartSmsbench, short_scenario: str, tmp_path: Path
) -> None:
    profile, out = tmp_path / "phones-off.toml", tmp_path / "run"
    profile.write_text(_PHONES_OFF)
    process = smsbench("run", short_scenario, "--profile", str(profile), "--out", str(out), *_LIMIT)
    output, _ = process.communicate(timeout=150)
    assert read_manifest(out).exit_reason == "finished", output
    assert "for phones that are off or out of coverage" in output
    rows = read_rows(out / "provider.arrow", PROVIDER_SCHEMA).to_pylist()
    still = [row for row in {row["key"]: row for row in rows}.values() if row["state"] == "open"]
    assert still and all(row["handset_wait_ns"] > 0 for row in still)


def test_ctrl_c_in_the_drain_ends_it_and_the_load_is_whole(
    smsbench: StartSmsbench, short_scenario: str, tmp_path: Path
) -> None:
    profile, out = tmp_path / "slow.toml", tmp_path / "run"
    profile.write_text(_SLOW)
    process = smsbench("run", short_scenario, "--profile", str(profile), "--out", str(out), *_LIMIT)

    def load_is_over() -> bool:
        status = out / "load-0.json"
        return status.is_file() and json.loads(status.read_bytes())["closed"]

    eventually(load_is_over, 100.0)
    assert process.stdout is not None
    for line in process.stdout:
        if "on their way to handsets" in line:
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    manifest = read_manifest(out)
    assert manifest.exit_reason == "drain_ended", output
    assert "ending the wait for open messages, then writing the report; Ctrl-C again aborts" in output
    assert "ending the load" not in output
    assert process.returncode in (1, 3, 4), output  # not 130: the load was whole
    counted = "copies and unacknowledged messages count too"
    assert f"the drain was ended by the user; left open ({counted}): 60 on their way to handsets" in output
    assert manifest.planned == 60
    assert (out / "report" / "summary.md").is_file()


pytestmark = pytest.mark.timeout(300)
