"""A network that is slower than the objective: by the messages that count, and for which reason."""

from __future__ import annotations

from typing import Any

import pytest
from made_parts import OWN, found, kinds
from run_builder import Build

from analysis.findings import NETWORK_EXPIRES, NETWORK_ON_ROUTES, NETWORK_WITHOUT_FLAG, THE_NETWORK
from analysis.formatting import seconds_text

FAST_LANE = {"delivery": {"priority_latency": {"kind": "fixed", "value_s": 1.0}}}


@pytest.mark.parametrize("state", ["expired", "undelivered"])
def test_messages_that_expire_on_the_radio_are_not_lost_by_the_network(new_run: Build, state: str) -> None:
    """The sender sets a validity of 6 s. The page told its user to buy another route."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        late = {"state": state, "carrier_s": 0.0, "radio_s": 5.99, "radio_drawn_s": 9.0}
        run.seen(f"m-{slot}", slot / 10 + 0.01, provider_s=0.01, **(late if slot % 4 == 0 else {}))
    (only,) = found(run).bottlenecks
    if state == "expired":
        assert (only.text, only.signs) == (f"{THE_NETWORK}: {NETWORK_EXPIRES}", ("validity_passed",))
        assert only.evidence[0].startswith("75 of 300 messages failed after a carrier had accepted them")
        assert only.evidence[1].startswith("75 of these expired, 6.00 s after the provider had accepted them")
        assert only.evidence[2] == "they were at the carrier for 5.99 s of it"
    else:
        assert only.signs == ("network_loses",)


def test_a_network_that_is_slower_than_the_objective(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 60.0)
    assert kinds(run) == ["network"]


@pytest.mark.parametrize("other", ["undelivered", "rejected", "expired"])
def test_a_radio_that_was_drawn_and_not_used_is_not_the_networks_delay(new_run: Build, other: str) -> None:
    """Every message waits for the carrier. One of 15 has a slow radio drawn and does not arrive."""
    run = new_run("run")
    for slot in range(300):
        state = "delivered" if slot % 15 else other
        radio_s = 1.0 if slot % 15 else 100.0
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 0.01, carrier_s=25.0, state=state, radio_drawn_s=radio_s)
    assert kinds(run) == ["carrier_queue"]


def test_a_network_that_is_slow_for_fewer_than_the_objective_allows_is_no_bottleneck(new_run: Build) -> None:
    """The 95th percentile of one window is over the limit, and that of all messages is not."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        slow = slot < 100 and slot % 10 == 0
        run.seen(f"m-{slot}", slot / 10 + 0.01, carrier_s=25.0, radio_s=40.0 if slow else 1.0)
    assert kinds(run) == ["carrier_queue"]


def test_messages_that_are_still_on_the_radio_count(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        on_its_way = {"state": "open", "radio_drawn_s": 100.0} if slot % 10 == 0 else {}
        run.seen(f"m-{slot}", slot / 10 + 0.01, **on_its_way)
    assert kinds(run) == ["network"]


def test_the_figure_of_a_slow_network_is_the_one_of_the_shares(new_run: Build) -> None:
    """Each window of 100 messages is slower than the one before it."""
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 24.0 + slot // 100 + slot * 37 % 100 / 25)
    part = found(run)
    (only,), (split,) = part.bottlenecks, part.delay_splits
    (p95,) = (each for each in split.network_only if each.percentile == 95.0)
    assert p95.value_s is not None and seconds_text(p95.value_s) in only.evidence[0], only.evidence
    assert only.evidence[0].endswith("; the limit is 20 s")  # as it was given, not 20.0 s


@pytest.mark.parametrize(
    ("profile", "flagged", "flagged_s", "without"),
    [
        (FAST_LANE, 0, 5.0, True),
        (FAST_LANE, 2, 5.0, True),
        (FAST_LANE, 2, 60.0, False),  # with the flag they are slow too
        (FAST_LANE, 1, 60.0, False),  # each message has the flag
        ({}, 0, 5.0, False),  # the flag changes nothing
    ],
)
def test_a_network_without_the_priority_flag_is_named_so(
    new_run: Build, profile: dict[str, Any], flagged: int, flagged_s: float, without: bool
) -> None:
    run = new_run("run")
    for slot in range(300):
        fast = bool(flagged) and slot % flagged == 0
        run.journey(f"m-{slot}", slot / 10, flagged_s if fast else 60.0, priority=fast)
    (only,) = found(run, profile=profile).bottlenecks
    assert only.kind == "network"
    assert only.text.startswith(NETWORK_WITHOUT_FLAG if without else "the network: its delay alone"), (
        only.text
    )
    assert ("without the priority flag" in only.evidence[0]) is without


def test_a_network_of_one_of_several_routes_is_named_so(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 60.0)
    (only,) = found(run, target={**OWN, "routes": ["direct", "cheap"]}).bottlenecks
    assert (only.kind, only.text.partition(":")[0]) == ("network", NETWORK_ON_ROUTES)


@pytest.mark.parametrize(
    ("failed", "first"),
    [(60, "sender_api"), (0, "network")],  # of 300: without them the headline is about the delivery time
)
def test_a_slow_network_keeps_no_message_from_being_taken(new_run: Build, failed: int, first: str) -> None:
    """The sender answers after 5 s or never, and the network alone takes longer than the objective allows."""
    run = new_run("run")
    for slot in range(300):
        if failed and slot % (300 // failed) == 0:
            run.due(f"m-{slot}", slot / 10, "failed", error="timeout")
        else:
            run.journey(f"m-{slot}", slot / 10, 60.0, api_s=5.0)
    named = [each.kind for each in found(run, target={**OWN, "timeout_s": 10.0}).bottlenecks]
    assert named[0] == first and set(named) == {"sender_api", "network"}
