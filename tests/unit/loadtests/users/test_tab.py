"""The workers' figures in Locust's web UI."""

from __future__ import annotations

from loadtests.recording import (
    LoadStatus,
    combine,
)
from loadtests.users.web_ui_tab import rows


def test_the_tab_has_a_row_per_worker_and_one_for_all() -> None:
    statuses = {1: LoadStatus(due=2, lag_p99_ms=1.26), 0: LoadStatus(due=3, lag_p99_ms=0.5)}
    shown = rows(statuses)
    assert [(row["name"], row["due"], row["lag_p99_ms"]) for row in shown] == [
        ("worker 0", 3, 0.5),
        ("worker 1", 2, 1.3),
        ("all", 5, 1.3),
    ]
    assert combine(statuses.values()).due == 5
