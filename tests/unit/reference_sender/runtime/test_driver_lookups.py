"""What the driver makes of a lookup: it asks the store whose id the provider named."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from messages import made_message
from waiting import eventually_in_loop

from reference_sender.clock import now_ns
from reference_sender.dispatch import Dispatcher, DispatchSettings, lookups
from reference_sender.dispatch.values import (
    Change,
    Lane,
    Message,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
)
from reference_sender.runtime.driver import Driver
from reference_sender.store import Membership, Store, Work, open_store

LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, 1, 4, idempotency_window_s=0.0, lookup_window_s=600.0)


def message(number: int) -> Message:
    return made_message(number, lane=Lane.OTP)


class ListingRoute:
    """Has the messages ``p-1`` and ``p-3`` in its list, and loses each request."""

    def __init__(self) -> None:
        self.lists: Sequence[str] = ("p-1",)
        self.asked = 0

    async def submit(self, messages: Sequence[Message]) -> list[Result]:
        raise AssertionError("a message without an answer is not submitted again")

    async def look_up(self, message: Message, since_ns: int) -> Sequence[Report] | None:
        self.asked += 1
        return [Report(each, None, State.SENT, "") for each in self.lists]

    async def ask_report(self, provider_id: str, key: str) -> Report | None:
        raise AssertionError("no report is overdue")

    async def close(self) -> None:
        return


def test_the_id_of_a_message_that_an_earlier_process_ended_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``k-1`` was delivered before the restart, ``k-2`` to the same number has no answer. It was lost: it
    must not be called sent.
    """
    monkeypatch.setattr(lookups, "FIRST_WAIT_NS", 1_000_000)
    url = f"sqlite:///{tmp_path}/s.db"
    ended = Change(1, "k-1", State.DELIVERED, "", "p-1", 1, 1_000, "r")

    async def live(store: Store) -> None:
        route = ListingRoute()
        driver = Driver(Dispatcher(DispatchSettings(), (LIMITS,), 1), store, {"r": route})
        tried_ns = now_ns()
        driver.recover([Recovered(message(2), State.QUEUED, 1, None, None, "r", tried_ns)])
        await eventually_in_loop(lambda: route.asked >= 3)
        assert driver.state().totals["sent"] == 0
        route.lists = ("p-1", "p-2")
        await eventually_in_loop(lambda: driver.state().totals["sent"])
        await driver.close()

    with closing(open_store(url)) as store:
        store.commit(Work([message(1), message(2)], [ended]))
    with closing(open_store(url, Membership(looks_up=True))) as store:
        asyncio.run(live(store))
        assert [each.provider_id for each in store.records(0, 9)] == ["p-1", "p-2"]


@pytest.mark.parametrize("looks_up", [False, True])
def test_only_a_store_whose_messages_are_looked_up_has_an_index_of_ids(
    tmp_path: Path, looks_up: bool
) -> None:
    path = tmp_path / "s.db"
    open_store(f"sqlite:///{path}", Membership(looks_up=looks_up)).close()
    with closing(sqlite3.connect(path)) as reader:
        plan = reader.execute(
            "EXPLAIN QUERY PLAN SELECT EXISTS (SELECT 1 FROM progress WHERE provider_id = ?)", "p"
        )
        used = "progress_provider_id" in "".join(str(row) for row in plan)
    assert used is looks_up
