"""Which classes have a part in a backlog that grows: only their delivery times are undecided."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import Build, RunBuilder

from analysis.report import build_report

LOAD_S, FORWARDED_PER_S, CAMPAIGN_PER_S = 60.0, 15.0, 30.0


def verdicts(run: RunBuilder, otp_wait_s: list[float], otp: str = "otp.p95<20s") -> dict[str, str]:
    """A campaign at twice the rate that is forwarded, and OTPs, evenly spread, that wait as given."""
    for slot in range(int(LOAD_S * CAMPAIGN_PER_S)):
        due_s = slot / CAMPAIGN_PER_S
        run.due(f"c-{slot}", due_s, message_class="marketing")
        run.seen(f"c-{slot}", due_s + 0.005, carrier_s=(slot + 1) / FORWARDED_PER_S - due_s, radio_s=1.0)
    for slot, wait_s in enumerate(otp_wait_s):
        due_s = slot * LOAD_S / len(otp_wait_s)
        run.due(f"o-{slot}", due_s)
        run.seen(f"o-{slot}", due_s + 0.005, carrier_s=wait_s, radio_s=1.0)
    (part,) = build_report(
        run.write(load_s=LOAD_S, end_s=200.0, objectives=(otp, "marketing.p95<200s"))
    ).parts
    assert part.backlog_grew
    return {each.message_class: each.verdict for each in part.objectives if each.measure == "delivery_time"}


@pytest.mark.parametrize("seed", range(8))
def test_a_class_whose_wait_only_varies_has_no_part_in_the_growth(new_run: Build, seed: int) -> None:
    """A median that is higher by chance decides nothing. Seed 5 has one."""
    random = np.random.default_rng(seed)
    waits = (0.04 + random.exponential(0.02, 400)).tolist()
    assert verdicts(new_run("run"), waits) == {"otp": "met", "marketing": "undecided"}


def test_a_wait_far_below_the_growth_of_the_backlog_has_no_part_in_it(new_run: Build) -> None:
    """Neighbours wait equally long, so the messages count as few; the longest wait bounds the growth."""
    waits = np.repeat(np.random.default_rng(3).uniform(0.2, 0.3, 20), 20).tolist()
    assert verdicts(new_run("run"), waits, "otp.p50<20s")["otp"] == "met"


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_class_whose_wait_grows_with_the_backlog_has_a_part(new_run: Build, share: float) -> None:
    """Shared by all messages, the wait would be 12 s longer in the last quarter than in the second.
    This one is 1.5 s or 5 s longer."""
    waits = [0.05 + share * 10.0 * slot / 400 for slot in range(400)]
    assert verdicts(new_run("run"), waits)["otp"] == "undecided"


def test_too_few_messages_count_as_a_part(new_run: Build) -> None:
    assert verdicts(new_run("run"), [0.05] * 76)["otp"] == "undecided"
