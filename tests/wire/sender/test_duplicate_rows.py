"""Rows of a campaign with the number and text of an earlier row that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from any_hour import policy_at_any_hour
from msgspec.structs import replace
from policy_steps import campaign
from sender_world import RunWorld, SenderWorld

from reference_sender.api import campaign_intake
from reference_sender.policy.settings import PolicySettings
from reference_sender.runtime.driver import Driver
from reference_sender.store import StoreError

ONE, OTHER = "48500100200", "48500100201"
HOUR_NS = 3_600 * 10**9
MONDAY_NS = 1_767_571_200 * 10**9  # 2026-01-05, 00:00 UTC
OPEN = {"prefixes": ["48"], "zones": ["UTC"], "monday_to_friday": ("08:00", "20:00")}


def refused(taken: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    return [(each["row"], each["to_row"], each["reason"]) for each in taken["refused"]]


async def take_key(world: SenderWorld, *keys: str) -> None:
    """Messages with these keys exist."""
    for key in keys:
        assert (await world.post(key=key, to="48500999999"))[0] == 202


@pytest.mark.parametrize("commit_rows", [500, 2, 1])
def test_a_row_whose_key_is_in_use_does_not_make_its_repeat_a_duplicate(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch, commit_rows: int
) -> None:
    monkeypatch.setattr(campaign_intake, "COMMIT_ROWS", commit_rows)

    async def steps(world: SenderWorld) -> None:
        await take_key(world, "a", "b")
        taken_keys = [{"to": ONE, "key": "a"}, {"to": ONE, "key": "b"}]
        _, taken = await campaign(world, *taken_keys, {"to": ONE}, {"to": OTHER}, {"to": ONE, "key": "c"})
        assert (taken["accepted"], taken["repeated"]) == (2, 0)
        assert refused(taken) == [(1, 2, "key_conflict"), (5, 5, "duplicate_recipient")]
        sent = [each.message for each in world.store.records(0, 99)]
        assert [each.to for each in sent if each.campaign == "may"].count(ONE) == 1

    run_world(steps)


def test_duplicates_that_waited_for_the_first_row_are_listed_in_order(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        first = [{"to": ONE, "key": "a"}, {"to": OTHER}]
        again = [{"to": OTHER}, {"to": ONE}, {"to": OTHER}]
        _, taken = await campaign(world, *first, *again, {"to": "x"}, *again)
        assert taken["accepted"] == 2
        assert refused(taken) == [
            (3, 5, "duplicate_recipient"),
            (6, 6, "invalid"),
            (7, 9, "duplicate_recipient"),
        ]

    run_world(steps)


def test_a_row_that_expired_too_early_does_not_make_its_repeat_a_duplicate(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = PolicySettings.model_validate({"countries": {"PL": OPEN}, "quiet_hours": {"classes": []}})

    async def steps(world: SenderWorld) -> None:
        monkeypatch.setattr(campaign_intake, "now_ns", lambda: MONDAY_NS)
        rows = [{"to": ONE, "expires_in_s": hours * 3_600} for hours in (1, 12, 1, 12)]
        _, taken = await campaign(world, *rows, quiet_hours="follow")
        assert (taken["accepted"], refused(taken)) == (
            1,
            [(1, 1, "quiet_hours"), (3, 4, "duplicate_recipient")],
        )

    run_world(steps, policy=policy)


def test_the_repeat_of_a_row_that_is_to_be_sent_again_stays_a_duplicate(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sends the first row again: with the repeat it would be two messages."""
    monkeypatch.setattr(campaign_intake, "COMMIT_ROWS", 1)
    take_many, calls = Driver.take_many, []

    def failing_once(driver: Driver, messages: Any) -> Any:
        calls.append(messages)
        if len(calls) == 1:
            raise StoreError("disk full")
        return take_many(driver, messages)

    monkeypatch.setattr(Driver, "take_many", failing_once)

    async def steps(world: SenderWorld) -> None:
        _, taken = await campaign(world, {"to": ONE, "key": "k"}, {"to": ONE}, {"to": OTHER})
        assert taken["accepted"] == 1
        assert refused(taken) == [(1, 1, "store_failed"), (2, 2, "duplicate_recipient")]

    run_world(steps)


def test_a_row_of_an_earlier_request_of_the_campaign_is_a_duplicate_also_after_a_restart(
    run_world: RunWorld,
) -> None:
    async def first(world: SenderWorld) -> None:
        _, taken = await campaign(world, {"to": ONE, "key": "a"}, {"to": OTHER})
        assert taken["accepted"] == 2

    async def again(world: SenderWorld) -> None:
        keyed, other_text = {"to": ONE, "key": "b"}, {"to": ONE, "text": "Other"}
        repeats = [{"to": ONE}, {"to": ONE, "key": "a"}, keyed, {"to": OTHER}, other_text]
        _, taken = await campaign(world, *repeats)
        assert (taken["accepted"], taken["repeated"]) == (1, 1)
        reasons = {row: why for first, last, why in refused(taken) for row in range(first, last + 1)}
        assert reasons == dict.fromkeys((1, 3, 4), "duplicate_recipient")
        _, taken = await campaign(world, {"to": ONE, "key": "a"}, {"to": ONE})
        assert (taken["accepted"], taken["repeated"]) == (0, 1)
        counted = (await world.call("GET", "/v1/state"))[1]["counters"]["refused_by_policy"]
        assert counted == 4
        _, taken = await campaign(world, {"to": ONE}, campaign="june")
        assert taken["accepted"] == 1
        _, taken = await campaign(world, {"to": ONE}, duplicates="allow")
        assert taken["accepted"] == 1

    run_world(first)
    run_world(again)


def test_a_duplicate_of_an_earlier_request_counts_for_no_limit_on_its_number(run_world: RunWorld) -> None:
    policy = policy_at_any_hour(recipients={"messages": 2, "window_s": 3600})

    async def steps(world: SenderWorld) -> None:
        for _ in range(5):
            _, taken = await campaign(world, {"to": ONE})
        assert refused(taken) == [(1, 1, "duplicate_recipient")]
        _, taken = await campaign(world, {"to": ONE, "text": "Other"})
        assert taken["accepted"] == 1

    run_world(steps, policy=policy)


@pytest.mark.parametrize("commit_rows", [500, 2, 1])
def test_a_row_with_the_key_of_an_earlier_request_is_repeated_whatever_row_is_before_it(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch, commit_rows: int
) -> None:
    monkeypatch.setattr(campaign_intake, "COMMIT_ROWS", commit_rows)

    async def steps(world: SenderWorld) -> None:
        await campaign(world, {"to": ONE, "key": "a"})
        await campaign(world, {"to": ONE, "key": "single"}, campaign="june")
        rows = [{"to": ONE}, {"to": ONE, "key": "a"}, {"to": ONE, "key": "new"}, {"to": ONE, "key": "single"}]
        for _ in range(2):
            _, taken = await campaign(world, *rows)
            assert (taken["accepted"], taken["repeated"]) == (0, 2)
            assert refused(taken) == [(1, 1, "duplicate_recipient"), (3, 3, "duplicate_recipient")]
        # Only rows of one request: the first one is sent, and the keys still name messages.
        _, taken = await campaign(world, *rows, {"to": OTHER, "key": "a"}, campaign="july")
        assert (taken["accepted"], taken["repeated"]) == (1, 2)
        assert refused(taken) == [(3, 3, "duplicate_recipient"), (5, 5, "key_conflict")]
        counters = (await world.call("GET", "/v1/state"))[1]["counters"]
        assert (counters["accepted"], counters["repeated"], counters["refused_by_policy"]) == (3, 6, 5)

    run_world(steps)


def test_a_keyed_row_is_to_be_sent_again_if_its_key_cannot_be_read(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(world: SenderWorld) -> None:
        await campaign(world, {"to": ONE, "key": "a"})
        with monkeypatch.context() as patch:

            def failing(keys: Any) -> Any:
                raise StoreError("disk error")

            patch.setattr(world.store, "with_keys", failing)
            _, taken = await campaign(world, {"to": ONE}, {"to": ONE, "key": "a"})
        assert refused(taken) == [(1, 1, "duplicate_recipient"), (2, 2, "store_failed")]

    run_world(steps)


def test_a_keyed_row_is_not_repeated_if_its_message_has_left_the_store(
    run_world: RunWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read may be of a commit that failed, whose messages are removed afterwards."""

    async def steps(world: SenderWorld) -> None:
        await campaign(world, {"to": ONE, "key": "single"}, campaign="june")
        read = world.store.with_keys

        def removed(keys: Any) -> Any:
            return [replace(each, message=replace(each.message, key="gone")) for each in read(["single"])]

        with monkeypatch.context() as patch:
            patch.setattr(world.store, "with_keys", removed)
            _, taken = await campaign(world, {"to": ONE}, {"to": ONE, "key": "gone"}, campaign="july")
        assert (taken["accepted"], taken["repeated"]) == (1, 0)
        assert refused(taken) == [(2, 2, "duplicate_recipient")]

    run_world(steps)
