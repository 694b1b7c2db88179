"""A real search with a sender of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import StartSmsbench
from naive_target import free_port, naive_sender, target_file

from analysis.capacity_record import read_capacity
from analysis.records import read_manifest


@pytest.mark.timeout(180)
def test_a_search_with_a_sender_of_the_users_own(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port, provider_port, out = free_port(), free_port(), tmp_path / "found"
    numbers = ["--from", "20", "--to", "60", "--trial-s", "3", "--trials", "1"]
    with naive_sender(port, provider_port):
        file = target_file(tmp_path, port, provider_port)
        process = smsbench("capacity", "--target", str(file), "--out", str(out), *numbers)
        output, _ = process.communicate(timeout=150)
    assert process.returncode in (0, 4), output  # a machine that is busy may not decide so short a trial
    found = read_capacity(out)
    assert found.target == "naive-sender"
    assert [trial.rate_per_s for trial in found.trials] == [20.0]
    assert f"{out}" in output
    target = read_manifest(out / found.trials[0].place).target
    assert (target["name"], target["file"]) == ("naive-sender", os.path.relpath(file))
