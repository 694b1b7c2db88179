"""The objective ``delivered``: messages that failed together count as fewer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from run_builder import Build, RunBuilder

from analysis.report import build_report


def failing(run: RunBuilder, fails: Callable[[int], bool], carriers: int = 1) -> None:
    """300 messages to these carriers in turn."""
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        lost = {"state": "undelivered", "reason": "network_error"} if fails(slot) else {}
        run.seen(f"m-{slot}", slot / 10 + 0.1, carrier=f"carrier-{slot % carriers}", **lost)


@pytest.mark.parametrize(
    ("fails", "carriers", "high"),
    [
        (lambda slot: slot % 10 == 3, 1, 0.932),  # as chance spreads them
        (lambda slot: 100 <= slot < 130, 1, 0.99),  # one outage
        (lambda slot: slot % 3 == 0 and 100 <= slot < 190, 3, 0.99),  # of one carrier, among the others
        (lambda slot: slot % 10 == 0, 10, 0.932),  # one carrier, all the time: no event that may not repeat
    ],
)
def test_messages_that_failed_together_count_as_fewer(
    new_run: Build, fails: Callable[[int], bool], carriers: int, high: float
) -> None:
    """Thirty of 300 each time."""
    run = new_run("run")
    failing(run, fails, carriers)
    found = build_report(run.write(load_s=30.0, end_s=90.0), objectives=("delivered>95%",)).objectives[0]
    together = high > 0.95
    assert found.value == pytest.approx(0.9)
    assert found.verdict == ("undecided" if together else "missed")
    assert found.high is not None and (
        found.high > high if together else found.high == pytest.approx(high, abs=1e-3)
    )
    assert ("messages failed together and count as about" in found.why) == together
