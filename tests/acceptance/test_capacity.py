"""A real search: sockets, processes, a provider that takes 200 segments per second and no more."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import StartSmsbench

from analysis.capacity_record import read_capacity
from analysis.exit_codes import ExitCode
from analysis.records import read_manifest, read_result

LIMITED = """
name = "limited"
title = "Limited to 200 segments/s"
[account]
name = "demo"
price_per_segment = 0.1
[throttle.segments]
rate_per_s = 200.0
burst = 60
[reply]
latency = { kind = "fixed", value_s = 0.01 }
[delivery]
validity_s = 86400.0
latency = { kind = "uniform", low_s = 0.1, high_s = 0.3 }
[[carriers]]
name = "any"
country = "*"
mcc = "260"
mnc = "01"
[reports]
max_per_call = 100
linger_s = 0.05
retry_after_s = [1.0]
give_up_after_s = 60.0
"""


@pytest.mark.timeout(660)
def test_a_search_on_real_sockets_finds_the_limit(smsbench: StartSmsbench, tmp_path: Path) -> None:
    profile, out = tmp_path / "limited.toml", tmp_path / "found"
    profile.write_text(LIMITED)
    options = ["--profile", str(profile), "--mix", "otp=1", "--slo", "otp.p95<10min", "--out", str(out)]
    numbers = ["--from", "180", "--to", "240", "--trial-s", "4", "--precision", "0.06"]
    process = smsbench("capacity", *options, *numbers)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    found = read_capacity(out)
    # One-time passwords are one segment each.
    assert found.sustained_per_s is not None
    assert 0.9 * 200 <= found.sustained_per_s <= 1.05 * 200, output
    assert found.high_per_s is not None
    assert found.low_per_s <= found.high_per_s <= 1.1 * 200
    assert found.bottlenecks and "200 segments/s" in found.bottlenecks[0], output
    assert (found.profile, found.target) == ("limited", "reference_sender")
    assert "otp.p95<10min" in found.objectives
    assert len(found.trials) <= 12
    for trial in found.trials:
        manifest = read_manifest(out / trial.place)
        assert manifest.kind == "run"
        assert not manifest.scenario.decides
    suite = read_manifest(out)
    assert (suite.kind, suite.capacity) == ("suite", ".")
    rates = {trial.place: trial.rate_per_s for trial in found.trials}
    assert [rates[place] for place in suite.parts] == [found.sustained_per_s]
    assert (out / "report" / "index.html").is_file()
    assert f"trial {len(found.trials)} of at most 12" in output
    assert "capacity between" in output
    assert "/s sustained" in output


@pytest.mark.timeout(180)
def test_a_rate_that_was_not_judged_is_undecided_unless_that_is_allowed(
    smsbench: StartSmsbench, tmp_path: Path
) -> None:
    """60 messages do not show how long 99 % of them take."""
    out = tmp_path / "found"
    numbers = ["--from", "5", "--to", "5", "--trial-s", "3", "--trials", "1"]
    judged = ["--mix", "otp=1", "--slo", "otp.p99<10s", "--out", str(out)]
    process = smsbench("capacity", *numbers, *judged, "--allow-undecided")
    output, _ = process.communicate(timeout=160)
    assert process.returncode == ExitCode.MET, output
    assert "UNDECIDED" in output
    result = read_result(out)
    assert result is not None and result.exit_code == ExitCode.MET
    cases = ElementTree.parse(out / "report" / "junit.xml").getroot().iter("testcase")
    (case,) = [each for each in cases if each.get("name") == "OTP p99 delivery time"]
    assert [child.tag for child in case] == ["skipped"]
    # The same rows, judged again: without the option it is 4.
    process = smsbench("report", str(out), "--no-charts")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.UNDECIDED, output
