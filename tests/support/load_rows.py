"""Rows of a load as its workers write them."""

from __future__ import annotations

from loadtests.recording import LoadRow


def load_row(
    slot: int, worker: int = 0, outcome: str = "accepted", status: int = 202, error: str = ""
) -> LoadRow:
    return (f"t-{slot}", "otp", "", worker, slot, slot + 1, slot + 2, outcome, status, error)
