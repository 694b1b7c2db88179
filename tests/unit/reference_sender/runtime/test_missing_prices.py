"""A node without prices takes over messages that wait for a higher spending limit."""

from __future__ import annotations

import pytest

from reference_sender.dispatch.values import Lane, Message, Recovered, State
from reference_sender.policy.gate import open_gate
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.settings import NO_POLICY, PolicySettings
from reference_sender.runtime.missing_prices import warn_of_missing_prices

PRICED = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0}})


def taken_over(number: int, not_before_ns: int) -> Recovered:
    fields = ("48500100200", "Sale", Lane.MARKETING, "", "may", 1, 0, 10**15, not_before_ns)
    return Recovered(Message(number, f"k-{number}", *fields), State.QUEUED, 0, None, None)


@pytest.mark.parametrize(
    ("policy", "not_before_ns", "warned"),
    [(NO_POLICY, FOREVER, True), (NO_POLICY, 5, False), (PRICED, FOREVER, False)],
)
def test_it_says_so(
    policy: PolicySettings, not_before_ns: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_missing_prices(open_gate(policy), [taken_over(1, not_before_ns), taken_over(2, 0)])
    assert [record.getMessage()[:71] for record in caplog.records] == (
        ["messages of another node that wait for a higher spending limit: 1. This"] if warned else []
    )
