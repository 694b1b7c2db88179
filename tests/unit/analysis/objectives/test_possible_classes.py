"""The classes that an objective of ``--slo`` may name: the usual ones and those of the run's load."""

from __future__ import annotations

import sys

import pytest
from run_builder import Build, Suite

from analysis.cli import main
from analysis.report import possible_classes


@pytest.mark.parametrize(
    ("slo", "words"),
    [
        (
            "opt.p95<1s",
            "did you mean otp? allowed: otp, transactional, marketing, VIP; all",
        ),
        ("VIP.P95<9s", "small letters: VIP.p95<9s"),
        ("VIP.p95<9s", ""),
        ("marketing.p95<9s", ""),  # as in `smsbench run`: a usual class that this load does not have
        ("all.p95<9s", ""),
    ],
)
@pytest.mark.parametrize("suite", [False, True])
def test_slo_for_a_class_that_the_load_cannot_have_is_refused(
    new_run: Build,
    write_suite: Suite,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    slo: str,
    words: str,
    suite: bool,
) -> None:
    for name, message_class in (("a", "otp"), ("b", "VIP")):
        run = new_run(name)
        for slot in range(100):
            run.journey(f"m-{slot}", slot / 10, 2.0, message_class=message_class if suite else "VIP")
        run_dir = run.write(load_s=10.0, end_s=20.0)
    run_dir = write_suite("a", "b") if suite else run_dir
    monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "-q", "--no-charts", "--slo", slo])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code == 2) is bool(words)
    assert words in capsys.readouterr().err


def test_a_run_without_messages_knows_no_classes(new_run: Build) -> None:
    assert possible_classes(new_run("run").write(load_s=10.0, end_s=20.0)) == ()
