"""Objectives for classes of which a load has no message, and what the commands say about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadtests.arrivals import DAY_MIX, Mix
from loadtests.capacity.find import OBJECTIVES
from loadtests.cli import app
from loadtests.objective_classes import absent_text, applicable, classes_of
from loadtests.simulate import run as simulate_run
from loadtests.suites import scenario_run

_OTP_ONLY = """
from loadtests.arrivals import Mix, Stream, Constant
from loadtests.scenario import Part, Scenario

flow = Stream(Constant(rate_per_s=5.0, duration_s=2.0), mix=Mix(otp=1.0))
part = Part(slug="codes", title="Codes", role="plain", profile="fast", streams=(flow,))
SCENARIO = Scenario(name="codes", title="Codes only", parts=(part,))
"""


def test_a_default_whose_class_the_load_does_not_have_is_left_out() -> None:
    assert classes_of([Mix(otp=1.0)]) == ("otp",)
    assert classes_of([Mix(marketing=1.0), Mix(otp=2.0, marketing=0.0)]) == ("otp", "marketing")
    only = applicable(OBJECTIVES, ("otp",))
    assert only == ("otp.p95<20s", "loss=0", "duplicates=0", "unaccounted=0", "not_taken<=0.1%")
    assert applicable(OBJECTIVES, classes_of([DAY_MIX])) == OBJECTIVES


def test_the_objectives_that_cannot_be_judged_are_named_with_the_classes_of_the_load() -> None:
    given = ("otp.p95<9s", "marketing.p95<1h", "transactional.delivered>9%", "all.p95<1h", "api.p99<1s")
    assert absent_text(given, ("otp",)) == (
        "marketing.p95<1h, transactional.delivered>9%: no message of this load is of class marketing or "
        "transactional; its classes are otp"
    )
    assert absent_text(given, classes_of([DAY_MIX])) == ""


@pytest.mark.parametrize(("slo", "warned"), [("marketing.p95<9min", True), ("otp.p95<9s", False)])
@pytest.mark.parametrize("command", ["run", "simulate"])
def test_a_run_warns_at_its_start_and_continues(
    command: str, slo: str, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "codes.py").write_text(_OTP_ONLY)
    began: list[object] = []

    def begin(*given: object) -> int:
        began.append(given)
        return 0

    monkeypatch.setattr(scenario_run, "run_scenario", begin)
    monkeypatch.setattr(simulate_run, "simulate_scenario", begin)
    given = [command, str(tmp_path / "codes.py"), "--slo", slo, "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert began
    expected = "marketing.p95<9min: no message of this load is of class marketing; its classes are otp"
    assert (f"smsbench: warning: {expected}" in done.output) is warned, done.output
