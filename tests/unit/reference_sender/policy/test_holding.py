"""Why messages are held: each reason, its instant, and the next release of a campaign."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from messages import made_message
from msgspec.structs import replace

from reference_sender.dispatch.values import Message
from reference_sender.policy.campaigns import Campaign, CampaignState
from reference_sender.policy.gate import open_gate
from reference_sender.policy.holding import Holding, HoldReason, why_campaign_held, why_held
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.settings import PolicySettings

HOUR = 3_600_000_000_000
MONDAY = 1_767_571_200_000_000_000  # 2026-01-05, 00:00 UTC
DAYTIME: Mapping[str, object] = {"prefixes": ["48"], "zones": ["UTC"], "monday_to_friday": ("08:00", "20:00")}
POLICY = PolicySettings.model_validate({"countries": {"PL": DAYTIME}})


def message(number: int, not_before_ns: int = 0, keeps_hours: bool = False) -> Message:
    end = MONDAY + 90 * HOUR
    key = f"k-{number}"
    return made_message(
        number,
        key=key,
        sender_id="",
        campaign="may",
        created_ns=MONDAY,
        expires_ns=end,
        not_before_ns=not_before_ns,
        keeps_hours=keeps_hours,
    )


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (message(1), None),
        (message(1, MONDAY + HOUR), Holding(HoldReason.LATER, MONDAY + HOUR)),
        (message(1, MONDAY - HOUR), None),
        (message(1, keeps_hours=True), Holding(HoldReason.QUIET_HOURS, MONDAY + 8 * HOUR)),
        (message(1, MONDAY + HOUR, keeps_hours=True), Holding(HoldReason.LATER, MONDAY + 8 * HOUR)),
        (message(1, FOREVER), Holding(HoldReason.SPENDING_LIMIT)),
    ],
)
def test_each_rule_has_its_reason(held: Message, why: Holding | None) -> None:
    gate = open_gate(POLICY)
    assert why_held(gate, MONDAY, held) == why
    gate.change(MONDAY, Campaign("may", CampaignState.PAUSED))
    assert why_held(gate, MONDAY, held) == Holding(HoldReason.PAUSED)
    gate.change(MONDAY, Campaign("may", CampaignState.CANCELLED))
    assert why_held(gate, MONDAY, held) is None


def test_a_campaign_has_the_reason_of_its_next_release() -> None:
    gate = open_gate(POLICY)
    gate.hold(MONDAY, [message(1, FOREVER), message(2, MONDAY + 9 * HOUR), message(3, keeps_hours=True)])
    gate.hold(MONDAY, [message(4, MONDAY + 9 * HOUR)])
    quiet = Holding(HoldReason.QUIET_HOURS, MONDAY + 8 * HOUR)
    assert why_campaign_held(gate, MONDAY, "may") == quiet
    gate.release(MONDAY + 8 * HOUR)
    later = Holding(HoldReason.LATER, MONDAY + 9 * HOUR)
    assert why_campaign_held(gate, MONDAY + 8 * HOUR, "may") == later
    gate.release(MONDAY + 9 * HOUR)
    assert gate.next_released("may") is None
    assert why_campaign_held(gate, MONDAY + 9 * HOUR, "june") is None


def test_the_limit_that_holds_a_message_is_named() -> None:
    prices = {"cost_per_segment": 1, "daily_limit": 2}
    gate = open_gate(PolicySettings.model_validate({"spending": prices}))
    assert [each.message_id for each in gate.admit(MONDAY, [message(1), message(2)]).ready] == [1, 2]
    (over,) = gate.admit(MONDAY, [replace(message(3), expires_ns=MONDAY + HOUR)]).held
    assert over.not_before_ns >= FOREVER
    gate.hold(MONDAY, [over])
    assert why_held(gate, MONDAY, over) == Holding(HoldReason.DAILY_LIMIT)
    assert why_campaign_held(gate, MONDAY, "may") == Holding(HoldReason.DAILY_LIMIT)
    for limit, reason in ((3, HoldReason.DAILY_LIMIT), (2, HoldReason.SPENDING_LIMIT)):
        gate.change(MONDAY, Campaign("may", spending_limit=limit * 1_000_000))
        assert why_held(gate, MONDAY, over) == Holding(reason)
        assert why_campaign_held(gate, MONDAY, "may") == Holding(reason)
