"""A sender that needs more than a core. This test needs the second core, so no other test runs beside it."""

from __future__ import annotations

from pathlib import Path

from bottleneck_runs import FAST, MARKETING, kinds, named_first, part_of, run_live
from naive_target import BUSY, free_port, naive_sender, target_file


def test_a_sender_that_needs_more_than_a_core(tmp_path: Path) -> None:
    """It computes 30 ms for each of 60 messages per second, in one thread."""
    for attempt in range(3):
        folder = tmp_path / f"{attempt}"
        folder.mkdir()
        port, provider_port = free_port(), free_port()
        file = target_file(folder, port, provider_port)
        with naive_sender(port, provider_port, BUSY):
            part = part_of(folder, 60.0, FAST, MARKETING, drain_timeout_s=10.0)
            report = run_live(part, folder / "run", file)
        if kinds(report)[:1] != ["machine"]:  # other programs needed the cores
            break
    named_first(report, folder / "run", "sender_cpu")
    (found, *_) = report.bottlenecks
    assert "naive-sender's process" in found.text and "of a core" in found.text
    assert report.validity != "invalid", [each for each in report.checks if each.state == "invalid"]
